#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The PIN: asked once, never tried twice, forgotten in time, from a person or from a file.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
mail alice@example.org bob@example.org >"$T/mail"
mail bob@example.org alice@example.org >"$T/mail-bob"
sign() { smime sign -i "$T/mail" -o "$T/signed"; }

# Asked once, for every key and operation.
agent_start
check 'keys are listed' 0 smime keys
is 'listing asks for no PIN' "$(prompts)" 0
check 'alice signs' 0 sign
check 'again' 0 sign
check 'bob signs with another key of the token' 0 smime sign -i "$T/mail-bob" -o "$T/signed-bob"
check 'a mail is encrypted' 0 smime encrypt -r "$T/alice.pem" -i "$T/mail" -o "$T/encrypted"
check 'and decrypted' 0 smime decrypt -i "$T/encrypted" -o "$T/decrypted"
is 'one prompt for all of it' "$(prompts)" 1
like 'the prompt names the token' "$(cat "$T/pinentry.d/log")" 'SETDESC .*demo'
like 'the prompt names who asks' "$(cat "$T/pinentry.d/log")" 'SETDESC .*smime'
unlike 'the PIN is not in the log' "$(cat "$T/agent.log")" "$DEMO_PIN"
pinentry=$(awk '/^START/ {print $2}' "$T/pinentry.d/log")
like 'the pinentry was a process' "$pinentry" '^[0-9]+$'
holds 'it is gone' await ended "$pinentry"

# lock and unlock.
check 'lock' 0 smime lock
check 'a second lock is no error' 0 smime lock
check 'signing after lock' 0 sign
is 'asks again' "$(prompts)" 2
check 'lock by name' 0 smime lock demo
check 'unlock by name' 0 smime unlock demo
is 'asks' "$(prompts)" 3
check 'unlocking what is unlocked' 0 smime unlock demo
check 'and signing' 0 sign
is 'ask no more' "$(prompts)" 3
check 'a token that is not there' 4 smime unlock nosuchtoken
says 'is named' 'nosuchtoken'
check 'and locked neither' 4 smime lock nosuchtoken

# A wrong PIN is one try, never more.
smime lock
answers 'pin 999999'
check 'a wrong PIN' 4 sign
says 'is said to be wrong' 'PIN'
one_line 'in one line'
is 'is tried once' "$(prompts)" 1
absent 'and leaves no output' "$T/signed-wrong"
check 'the next command asks again' 4 smime unlock
is 'once more' "$(prompts)" 2
answers "pin $DEMO_PIN"
check 'the right one works then' 0 sign
is 'and is asked for once' "$(prompts)" 1

# Prompts that bring no PIN.
for how in cancel crash 'pin'; do
	smime lock
	answers "$how"
	check "pinentry: $how" 4 sign
	one_line "pinentry: $how: one line"
	is "pinentry: $how: one prompt" "$(prompts)" 1
done
smime lock
answers cancel
run sign
says 'a cancelled prompt is called so' 'cancel'

# A client that goes away takes its prompt with it; others are not blocked for ever.
smime lock
answers hang
sign 2>/dev/null &
client=$!
await grep -q HANGS "$T/pinentry.d/log"
pinentry=$(awk '/^HANGS/ {print $2}' "$T/pinentry.d/log")
check 'the agent answers while a prompt is open' 0 smime status --json
is 'and counts the prompt' "$(json "$T/out" '"prompt" in str(d)')" True
pkill -P "$client" smime || kill "$client"
if await ended "$pinentry"; then pass 'a prompt closes when its client goes'; else fail 'a prompt closes when its client goes' && kill "$pinentry"; fi
answers "pin $DEMO_PIN"
check 'the next client is served' 0 sign
agent_stop

# Two clients at once: one prompt is enough.
answers "pin $DEMO_PIN"
agent_start
for i in 1 2 3 4; do smime sign -i "$T/mail" -o "$T/parallel-$i" 2>>"$T/parallel.err" & waiting+=("$!"); done
good=0
for pid in "${waiting[@]}"; do wait "$pid" && good=$((good + 1)); done
is 'four clients at once are served' "$good" 4
is 'with one prompt' "$(prompts)" 1
agent_stop

# Forgotten after idle and max. What is to be still known is looked at when that much time can't have gone by, on the clock.
ms() { echo $((${EPOCHREALTIME/./} / 1000)); }
still_known() { # DESCRIPTION SINCE MILLISECONDS PROMPTS
	local since=$(($(ms) - $2))
	if [ "$since" -lt "$3" ]; then is "$1" "$(prompts)" "$4"; else skip "$1" "the machine was too slow: $since ms went by"; fi
}
unlocked() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" 'sum(t["unlocked"] for t in d["tokens"])')" = "$1" ]; } # TOKENS
configure "$(printf 'pin:\n  program: "%s"\n  idle: 3s\n  max: 1h\n' "$T/pinentry")"
answers "pin $DEMO_PIN"
agent_start
check 'with idle: 3s, sign' 0 sign
for i in 1 2; do
	used=$(ms)
	sleep 1.7
	check "1.7 s later, $i" 0 sign
	still_known "use keeps it, $i" "$used" 3000 1
done
holds 'without use it is forgotten' await unlocked 0
asked=$(prompts)
check 'then' 0 sign
is 'it is asked for again' "$(prompts)" $((asked + 1))
agent_stop
configure "$(printf 'pin:\n  program: "%s"\n  idle: 1h\n  max: 3s\n' "$T/pinentry")"
answers "pin $DEMO_PIN"
agent_start
login=$(ms)
check 'with max: 3s, sign' 0 sign
sleep 1.5
check '1.5 s later' 0 sign
still_known 'it is still known' "$login" 3000 1
forgotten() { sign && [ "$(prompts)" = 2 ]; }
holds 'after 3 s it is forgotten, in spite of use' await forgotten
agent_stop

# From a file, unattended.
printf '%s' "$DEMO_PIN" >"$T/pin"
configure "$(printf 'pin:\n  program: "%s"\n  file: "%s"\n' "$T/pinentry" "$T/pin")"
answers cancel
agent_start
check 'the PIN comes from a file' 0 sign
is 'nobody is asked' "$(prompts)" 0
smime lock
printf '%s\n' "$DEMO_PIN" >"$T/pin"
check 'a line end behind it does not matter' 0 sign
smime lock
chmod 644 "$T/pin"
check 'a file that others may read is refused' 4 sign
says 'and named' "$T/pin"
chmod 600 "$T/pin"
check 'and good again' 0 sign
smime lock
holds 'the token is served again' await smime keys
# Another file in its place is not one that the token's process was let read.
printf '%s\n' "$DEMO_PIN" >"$T/pin.new"
mv "$T/pin.new" "$T/pin"
if [ "$(landlock)" -ge 1 ] && [ -z "${SMIME_SANITIZED:-}" ]; then
	check 'a file that took its place' 4 sign
	says 'is told of' "$T/pin was replaced"
fi
check 'and read by the next process' 0 sign
agent_stop
# Counted by a module between: what reaches the token.
export FAULTY_CONTROL=$T/control
printf 'C_Login count\nforgetful\n' >"$FAULTY_CONTROL"
logins() { grep -c '^C_Login$' "$FAULTY_CONTROL.log"; }
configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules: [{path: "%s"}]\npin:\n  program: "%s"\n  file: "%s"\n' \
	"$SMIME_BUILD/tests/module/faulty-module.so" "$T/pinentry" "$T/pin")"
agent_start
check 'a right PIN in the file' 0 sign
is 'is sent to the token' "$(logins)" 1
smime lock
printf 'wrong-one' >"$T/pin"
check 'a wrong PIN in the file' 4 sign
is 'is sent too' "$(logins)" 2
check 'again' 4 sign
says 'is refused' 'PIN'
is 'and it is not sent a second time' "$(logins)" 2
smime lock
printf 'C_Login count\n' >"$FAULTY_CONTROL"
check 'by another process' 4 sign
is 'not either, since the token counts a wrong one' "$(logins)" 2
rm "$T/pin"
check 'a file that is gone' 4 sign
says 'is named' "$T/pin"
agent_stop

# A program that is not there.
configure "$(printf 'pin:\n  program: /nonexistent/pinentry\n')"
agent_start
check 'a pinentry that does not exist' 4 sign
says 'is named' '/nonexistent/pinentry|pinentry'
one_line 'in one line'

done_testing
