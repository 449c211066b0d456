#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Where the PIN and content-encryption keys are, and where they never are. As root, since nobody else may read this memory.
. "$(dirname "$0")/../lib/lib.sh"
[ "$(id -u)" = 0 ] || skip_all 'needs root to read the memory of the processes'

# A PIN whose octets nothing else has.
PIN=SeekAndFindMe-4711
fixture people
demo_pkcs11 demo --change-pin --new-pin "$PIN" || bail 'the PIN can not be changed'
mail alice@example.org bob@example.org >"$T/mail"
answers "pin $PIN"

# Root without capabilities is what any user is to his own processes.
powerless() { exec setpriv --bounding-set=-all --inh-caps=-all -- "$@"; }
smime-agent() { powerless "$SMIME_BUILD/agent/core/smime-agent" "$@"; }
may_read() { (powerless cat "/proc/$1/environ") >/dev/null 2>&1; } # PID

hex() { printf '%s' "$1" | od -An -tx1 -v | tr -d ' \n'; }
having() { python3 "$SOURCE/tests/lib/secrets.py" memory "$1"; } # HEX: those of the processes on standard input with it in their memory
everybody() { printf '%s\n' "$agent_pid" && descendants "$agent_pid"; }
called() { local pid; for pid in $(everybody); do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$1" ] || printf '%s\n' "$pid"; done; } # NAME
pin=$(hex "$PIN")

# The PIN while the token is unlocked: in one process and nowhere else.
agent_start
check 'a mail is signed' 0 smime sign -i "$T/mail" -o "$T/signed"
token=$(token_process)
await pinentry_ended
is 'the PIN is in the memory of the token process, and of no other' "$(everybody | having "$pin")" "$token"
holds 'where it is wiped in a child that a module forks' grep -q '^VmFlags:.* wf' "/proc/$token/smaps"
(powerless sleep 600) &
started+=($!)
sleeper=$!
disown
await grep -qx sleep "/proc/$sleeper/comm"
holds 'a user may look into his processes' may_read "$sleeper"
if [ -z "${SMIME_SANITIZED:-}" ]; then
	fails 'but not into the token process' may_read "$token"
	fails 'nor the core' may_read "$agent_pid"
fi
for pid in $(everybody); do
	name=$(cat "/proc/$pid/comm") limit=$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$pid/limits")
	# A look for tokens may have ended meanwhile.
	ended "$pid" && continue
	fails "no argument of $name is the PIN" grep -qaF "$PIN" "/proc/$pid/cmdline"
	fails "nothing in its environment is" grep -qaF "$PIN" "/proc/$pid/environ"
	is "$name leaves no core file" "$limit" '0 0'
done

# A content-encryption key, and the same answer for the same bad message.
cek=$(sed -n "s/^CEK = bytes.fromhex('\(.*\)')/\1/p" "$SOURCE/tests/lib/secrets.py")
check 'encrypted keys are opened' 0 python3 "$SOURCE/tests/lib/secrets.py" key "$SMIME_AGENT_SOCK" "$T/alice.pem"
prints 'the right one is' "good $cek"
prints 'the bad one gives a key too' 'bad [0-9a-f]{64}'
before=$(grep ^bad "$T/out")
python3 -c 'import sys, time; key = bytes.fromhex(sys.stdin.read()); print(flush=True); time.sleep(600)' <<<"$cek" >"$T/holder" &
started+=($!)
holder=$!
disown
await [ -s "$T/holder" ]
is 'a key that a process holds is found' "$(having "$cek" <<<"$holder")" "$holder"
is 'none of the agent still holds the key that went out' "$(everybody | having "$cek")" ''

# After lock.
check 'lock' 0 smime lock
is 'I4: no process has the PIN any more' "$(everybody | having "$pin")" ''
is 'I4: none has the key that went out' "$(everybody | having "$cek")" ''
is 'I4: which is found where it is' "$(having "$cek" <<<"$holder")" "$holder"
fails 'the process that had it has ended' kill -0 "$token"
check 'unlock and decrypt again' 0 python3 "$SOURCE/tests/lib/secrets.py" key "$SMIME_AGENT_SOCK" "$T/alice.pem"
is 'a bad message has the same answer from another process' "$(grep ^bad "$T/out")" "$before"
agent_stop
agent_start
check 'and after a restart of the agent' 0 python3 "$SOURCE/tests/lib/secrets.py" key "$SMIME_AGENT_SOCK" "$T/alice.pem"
is 'too' "$(grep ^bad "$T/out")" "$before"
is 'the secret is its user'\''s alone' "$(stat -c %a "$(find "$HOME" -name rejection-secret)")" 600
agent_stop

# A new PIN and the PUK: in the memory of one process while they are typed, and in none afterwards; nor is the PIN of a grant.
NEW=HideAndSeek-0815 PUK=$DEMO_SO_PIN
NEXT=LostAndFound-1848
key=$(openssl x509 -in "$T/alice.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-16)
configure "$(printf 'pin:\n  program: "%s"\n  grants: [{key: %s, count: 3, within: 10min}]\n' "$T/pinentry" "$key")"
typed() { [ "$(prompts)" -ge "$1" ]; } # COUNT: so many prompts were shown
holders() { await pinentry_ended; everybody | having "$(hex "$1")"; } # TEXT
rm -f "$T/pinentry.d/go"
answers "pin $PIN" "pin $NEW" "until go pin $NEW" "until go pin $NEW"
agent_start
check 'signed with a grant' 0 smime sign -i "$T/mail" -o "$T/signed"
token=$(token_process)
is 'the PIN of a grant is in one process' "$(holders "$PIN")" "$token"
answers "pin $PIN" "pin $NEW" "until go pin $NEW"
smime pin change >/dev/null 2>&1 &
client=$!
await typed 3
is 'while it is typed again a new PIN is in the token process' "$(having "$(hex "$NEW")" <<<"$token")" "$token"
is 'and not in the core' "$(having "$(hex "$NEW")" <<<"$agent_pid")" ''
touch "$T/pinentry.d/go"
wait "$client"
is 'the PIN is changed' "$?" 0
is 'I4: the old one is nowhere' "$(holders "$PIN")" ''
is 'I4: nor is the new one' "$(holders "$NEW")" ''
rm "$T/pinentry.d/go"
answers "pin $PUK" "pin $NEXT" "until go pin $NEXT"
smime pin unblock >/dev/null 2>&1 &
client=$!
await typed 3
# Behind the change of a PIN another process has taken over.
token=$(token_process)
is 'while a PIN is typed the PUK is in the token process' "$(having "$(hex "$PUK")" <<<"$token")" "$token"
touch "$T/pinentry.d/go"
wait "$client"
is 'the PIN is unblocked' "$?" 0
is 'the PUK is nowhere' "$(holders "$PUK")" ''
is 'nor is the new PIN' "$(holders "$NEXT")" ''
answers 'pin 999999'
check 'a wrong PIN' 4 smime unlock
is 'is nowhere when it was refused' "$(holders 999999)" ''
agent_stop

# A PIN that was known for its time, which is longer than it takes to look through their memory; else with more of it.
for idle in 3 20 60; do
	configure "$(printf 'pin: {program: "%s", idle: %ss}\n' "$T/pinentry" $idle)"
	answers "pin $NEXT"
	agent_start
	begin=$EPOCHREALTIME
	check 'a mail is signed' 0 smime sign -i "$T/mail" -o "$T/signed"
	token=$(token_process)
	found=$(holders "$NEXT")
	[ $(((${EPOCHREALTIME/./} - ${begin/./}) / 1000000)) -ge $idle ] || break
	agent_stop
done
is 'the PIN is in the token process' "$found" "$token"
LIMIT=$((idle * 10 + 300)) holds 'until its time is over' await ended "$token"
is 'I4: then no process has it' "$(holders "$NEXT")" ''
agent_stop

# What stays.
for secret in "$PIN" "$NEW" "$NEXT"; do
	fails 'no file has a PIN but the answers of the pinentry' grep -raqF --exclude=answers "$secret" "$T"
done
is 'I4: there is no core file' "$(find "$T" -name 'core*' -type f)" ''
done_testing
