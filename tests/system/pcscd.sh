#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# pcscd that ends, is killed, hangs, and is started later or again: the agent follows without a restart.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

fixture
card_stack
card_make alice rsa 00112233445566aa
card_make bob ec 00112233445566bb
card_insert 0 alice
card_insert 1 bob
mail alice@example.org bob@example.org >"$T/mail"
sign() { smime sign -k "$1" -i "$T/mail" -o "$T/signed"; }
present() { smime status --json >"$T/json" && json "$T/json" 'sorted(t["serial"] for t in d["tokens"] if t["state"] == "ready")'; }
has() { [[ $(present) == *$1* ]]; }
lacks() { ! has "$1"; }

card_agent_start
holds 'two cards' await eval 'has aa && has bb'
check 'alice signs' 0 sign alice-auth@example.org
check 'bob signs' 0 sign bob-auth@example.org

# pcscd: killed, away, back.
card_delay 1 0 15000
sign bob-auth@example.org 2>"$T/killed.err" &
killed=$!
started+=("$killed")
holds 'the other card works on a signature' await eval 'smime status | grep -q "operation waiting or under way"'
pcscd_kill
code=0
wait "$killed" || code=$?
is 'pcscd is killed: the request fails' "$code" 4
like 'and says that it was pcscd' "$(cat "$T/killed.err")" 'pcscd is not running'
card_delay 1 0 0
holds 'without pcscd there are no cards' await lacks bb
check 'status' 0 smime status
prints 'says why' 'pcscd is not running'
check 'a signature is refused' 4 sign bob-auth@example.org
card_put 0 alice
# It is waited for as long as smime-reader may take to find pcscd, and that the card: once more where the machine is too busy for that.
for _ in 1 2 3 4 5; do
	pcscd_start
	before=${EPOCHREALTIME/./}
	{ await card_ask 0 seen; echo $(((${EPOCHREALTIME/./} - before) / 1000)) >"$T/seen"; } &
	watching=$!
	run sign alice-auth@example.org
	wait "$watching"
	[ "$code" != 0 ] && [ "$(cat "$T/seen")" -gt 500 ] || break
	pcscd_stop
	await lacks aa
done
if [ "$code" = 0 ]; then pass 'with pcscd back the next request works'; else fail 'with pcscd back the next request works' "exit code $code; pcscd saw the card after $(cat "$T/seen") ms" "$(cat "$T/err")"; fi
holds 'all cards are back' await has aa
agent_stop
stop_process "$pcscd_pid"
agent_start
hangs() { smime status | grep -q 'pcscd does not answer'; }
holds 'of a pcscd that hangs the status says so' await hangs
check 'and lock has nothing to wait for' 0 smime lock
kill -CONT "$pcscd_pid"
holds 'when it goes on the cards are there' await has aa
fails 'and the status says nothing of it any more' hangs
agent_stop
pcscd_stop
agent_start
no_pcscd() { smime status | grep -q 'pcscd is not running'; }
holds 'an agent without pcscd says so' await no_pcscd
pcscd_start
holds 'finds it when it is started later' await has aa
check 'and its cards work' 0 sign alice-auth@example.org

# A module that is looked into between pcscd's start and the word of smime-reader has a card of which nobody knows the reader.
pcscd_stop
holds 'pcscd is away once more' await lacks aa
reader=$(pgrep -P "$(pgrep -P "$agent_pid")" -x smime-reader)
stop_process "$reader"
pcscd_start
holds 'pcscd has the card' await eval '"$CARD/raw" | grep -q "^0 present"'
kill -HUP "$agent_pid"
holds 'the module shows it' await has aa
check 'it is used' 0 sign alice-auth@example.org
like 'and open to other programs' "$(card_raw_sign 0 9a rsa)" '^(61..|9000)$'
kill -CONT "$reader"
holds 'with its reader known it is closed' await eval '[ "$(card_raw_sign 0 9a rsa)" = 6982 ]'
check 'and used again' 0 sign alice-auth@example.org
is 'as one token' "$(present | grep -o "aa'" | wc -l)" 1
check 'lock' 0 smime lock
is 'closes it' "$(card_raw_sign 0 9a rsa)" 6982
is 'no wrong PIN has gone to any card' "$(card_count 0 verify-wrong) $(card_count 1 verify-wrong)" '0 0'
done_testing
