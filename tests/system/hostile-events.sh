#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A module whose texts are for no terminal, and one that can't wait for tokens that come and go, or says that they do all the time.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"

sign() { smime sign -k alice@example.org -i "$T/mail" -o "$T/signed"; }
loads() { grep -c '^[0-9]' "$FAULTY_CONTROL.log"; }

hostile_start
agent_stop

# Texts of a token that nothing ends and that are for no terminal.
printf '%s\n' 'C_GetTokenInfo garbage' 'C_GetSlotInfo garbage' >"$FAULTY_CONTROL"
agent_start
check 'the keys of a token that calls itself what it likes' 0 smime keys
prints 'are there' alice@example.org
fails 'without control characters' grep -aqP '[^\x20-\x7e\n]' "$T/out"
check 'its status' 0 smime status
fails 'has no control characters either' grep -aqP '[^\x20-\x7e\n]' "$T/out"
check 'and as a document' 0 smime status --json
is 'can be read' "$(json "$T/out" 'sum(t["keys"] > 0 for t in d["tokens"])')" 2
check 'one signs' 0 sign
agent_stop

for fault in 'C_WaitForSlotEvent segv' 'C_WaitForSlotEvent segv 2' 'C_WaitForSlotEvent hang' 'C_WaitForSlotEvent fails 30' null=C_WaitForSlotEvent; do
	printf '%s\n' "$fault" >"$FAULTY_CONTROL"
	agent_start
	check "$fault: the token is used all the same" 0 sign
	agent_stop
done

# Each event has the module looked at, so a storm of them has to abate.
printf 'C_WaitForSlotEvent fails 0\n' >"$FAULTY_CONTROL"
agent_start
check 'a module that has an event whenever it is asked' 0 sign
before=$(loads)
sleep 3
count=$(($(loads) - before))
if [ "$count" -le 8 ]; then pass 'is looked at less and less often'; else fail 'is looked at less and less often' "$count times in 3 s"; fi
check 'and the other one is used' 0 smime sign -k p384@example.org -i "$T/mail" -o "$T/signed"
hostile_stop
done_testing
