#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The rules of the PIN: tries are recorded before they are made, what nobody types is sent only while none is lost, prompts say what
# they must, keys that ask each time ask each time or have a grant, and the PIN is changed and unblocked.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
# A key that wants the PIN for each operation.
demo_pkcs11 demo --keypairgen --key-type EC:prime256v1 --usage-sign --always-auth --id 05 --label carol &&
	demo_export_ec demo 05 prime256v1 >"$T/carol.spki" && openssl pkey -pubin -inform DER -in "$T/carol.spki" -out "$T/carol.pub" &&
	demo_certificate carol Carol carol@example.org digitalSignature && demo_store demo carol 05 || bail 'no key that asks each time'
key=$(openssl pkey -pubin -in "$T/carol.pub" -outform DER | sha256sum | cut -c1-16)
mail alice@example.org bob@example.org >"$T/mail"
mail carol@example.org bob@example.org >"$T/mail-carol"
sign() { smime sign -i "$T/mail" -o "$T/signed"; }
sign_each() { smime sign -i "$T/mail-carol" -o "$T/signed-each"; }

# The module between, and what it is to be; its log begins anew.
export FAULTY_CONTROL=$T/control
words() { printf '%s\n' trace "$@" >"$FAULTY_CONTROL.next" && mv "$FAULTY_CONTROL.next" "$FAULTY_CONTROL" && : >"$FAULTY_CONTROL.log"; } # LINE...
logins() { grep -c '^C_Login ' "$FAULTY_CONTROL.log"; }
waits() { grep -q '^waits' "$FAULTY_CONTROL.log"; }
configure_pin() { # YAML below pin:, indented by two
	configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules: [{path: "%s", deadline: 20s}]\npin:\n  program: "%s"\n%s\n' \
		"$SMIME_BUILD/tests/module/faulty-module.so" "$T/pinentry" "${1:-}")"
}
shown() { cat "$T/pinentry.d/log"; }
lost() { smime status --json >"$T/status.json" && json "$T/status.json" 'd["tokens"][0]["tries_lost"]'; }
lost_is() { [ "$(lost)" = "$1" ]; }
left() { smime status --json >"$T/status.json" && json "$T/status.json" 'd["tokens"][0]["tries_left"]'; }
ready() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" '[t["state"] for t in d["tokens"]]')" = "['ready']" ]; }
serial=$(pkcs11-tool --module "$DEMO_MODULE" -L 2>/dev/null | sed -n 's/.*serial num *: //p' | head -n 1)
words forgetful

# A try is recorded; the record outlives the agent.
configure_pin
answers 'pin 999999'
agent_start
check 'a wrong PIN' 4 sign
says 'tells how many tries are left at most' 'two tries are left at most'
is 'the try is in the status' "$(lost) $(left)" '1 2'
check 'status' 0 smime status
prints 'says it for people' 'tries left at most 2'
agent_stop
answers "pin $DEMO_PIN"
agent_start
check 'keys' 0 smime keys
is 'another agent knows of it' "$(lost)" 1
record=$(find "$HOME/.local/state/smime-agent/pin-tries" -type f)
is 'the record is its user'\''s alone' "$(stat -c %a "$record" "$(dirname "$record")" | tr '\n' ' ')" '600 700 '
# Its last word is a checksum, which can have the digits of any PIN.
like 'and has no PIN' "$(cat "$record")" '^smime-agent tries 1 pin 001 puk 000 [0-9a-f]{16}$'
check 'the right PIN' 0 sign
like 'the prompt said what was left' "$(shown)" 'At most 2 tries are left'
like 'and which token it was for' "$(shown)" "SETDESC Enter the PIN of the token \"demo\" \(serial number $serial\)"
like 'and who asked for what' "$(shown)" 'smime \(process [0-9]+\) asks to sign as alice@example.org'
is 'nothing is lost any more' "$(lost) $(left)" '0 3'

# In the middle of a login: the process is killed.
smime lock
words forgetful wait@C_Login
sign >/dev/null 2>&1 &
client=$!
await waits
is 'the try is recorded while the token has the PIN' "$(sed -n 's/.* pin \([0-9]*\) .*/\1/p' "$record")" 001
token_processes | xargs kill -9 # with one that looks for tokens at this moment, if there is one
wait "$client"
is 'the client is told' "$?" 4
holds 'a killed login has used a try' await lost_is 1
words forgetful
check 'the next one' 0 sign
like 'says so' "$(shown)" 'At most 2 tries are left'
is 'and puts it right' "$(lost)" 0

# A token that another program resets is logged in to with the kept PIN, but not when a try is lost.
answers "pin $DEMO_PIN"
words forgetful logout@C_SignInit
check 'a reset' 0 sign
is 'needs no prompt' "$(prompts) $(logins)" '0 1'
words forgetful low logout@C_SignInit
check 'a reset, where the token says that a wrong PIN was entered' 0 sign
is 'needs one' "$(prompts) $(logins)" '1 1'

# What is typed at a prompt that spoke of more tries is not sent as the last one.
smime lock
words forgetful
answers "until go pin $DEMO_PIN"
sign >/dev/null 2>"$T/late.err" &
client=$!
asked() { [ "$(prompts)" -ge 1 ]; }
await asked
words final
touch "$T/pinentry.d/go"
wait "$client"
is 'tries that were lost while the prompt was open' "$?" 4
like 'are told' "$(cat "$T/late.err")" 'only the last try .* was not sent'
is 'I5: and nothing was sent' "$(logins)" 0
rm "$T/pinentry.d/go"

# The last try, and none.
words final
answers cancel
check 'with one try left the person may cancel' 4 sign
like 'having been told' "$(shown)" 'This is the last try: a wrong PIN blocks it\.'
is 'nothing was sent' "$(logins)" 0
words locked
answers "pin $DEMO_PIN"
smime lock
told 'a blocked PIN' 4 'smime pin unblock' smime unlock
is 'is not asked for' "$(prompts)" 0
words forgetful
smime lock
for i in 1 2 3; do
	answers 'pin 999999'
	check "wrong, $i" 4 smime unlock
done
like 'where the token says nothing, the last try that the record knows is announced' "$(shown)" 'This is the last try, or may be'
answers "pin $DEMO_PIN"
check 'the right one' 0 smime unlock
like 'also' "$(shown)" 'This is the last try, or may be'

# Lengths.
smime lock
words forgetful
answers 'pin 123'
check 'a PIN that is too short' 4 sign
says 'is told' 'no try is lost'
is 'and not sent' "$(logins) $(lost)" '0 0'

# A record that is damaged, or that can't be written.
cp "$record" "$T/record"
printf 'rubbish\n' >"$record"
answers "pin $DEMO_PIN"
check 'a damaged record' 7 sign
says 'is named' "$record.*damaged, so no PIN is sent"
is 'nothing is asked or sent' "$(prompts) $(logins)" '0 0'
rm "$record" && mkdir "$record"
check 'one that is no file' 7 sign
is 'neither' "$(prompts) $(logins)" '0 0'
rmdir "$record" && cp "$T/record" "$record"
check 'a good one again' 0 sign
agent_stop

# Keys that ask each time.
words forgetful
answers "pin $DEMO_PIN"
agent_start
check 'a key that asks each time' 0 sign_each
is 'asks once for its first use' "$(prompts)" 1
check 'again' 0 sign_each
is 'each time' "$(prompts)" 2
check 'another key' 0 sign
is 'does not' "$(prompts)" 2
answers 'pin 999999'
check 'a wrong PIN for it' 4 sign_each
is 'is one try' "$(prompts) $(lost)" '1 1'
check 'leaves other keys usable' 0 sign
is 'without a prompt' "$(prompts)" 1
answers "pin $DEMO_PIN"
check 'and the key itself' 0 sign_each
is 'which puts it right' "$(lost)" 0
agent_stop

# A grant.
configure_pin "$(printf '  grants: [{key: %s, count: 3, within: 10min}]' "$key")"
words forgetful
answers "pin $DEMO_PIN"
agent_start
check 'with a grant of three' 0 sign_each
like 'the prompt says so' "$(shown)" 'asks to sign as carol@example.org and for up to 2 more signatures within 10 minutes\.'
check 'the second' 0 sign_each
check 'the third' 0 sign_each
is 'ask no more' "$(prompts)" 1
is 'but log in anew' "$(grep -c '^C_Login 2' "$FAULTY_CONTROL.log")" 3
check 'the fourth' 0 sign_each
is 'asks' "$(prompts)" 2
check 'lock' 0 smime lock
check 'after it' 0 sign_each
is 'one is asked again' "$(prompts)" 3
words forgetful low
check 'when the token has seen a wrong PIN' 0 sign_each
is 'too' "$(prompts)" 4
words forgetful 'C_Login fails a0'
check 'a grant whose PIN is wrong' 4 sign_each
words forgetful
is 'costs one try' "$(lost)" 1
check 'and has ended' 0 sign_each
is 'so that one is asked' "$(prompts)" 5
agent_stop

# A PIN file is no person.
printf '%s\n' "$DEMO_PIN" >"$T/pin"
configure_pin "$(printf '  file: "%s"' "$T/pin")"
words forgetful
answers cancel
agent_start
check 'a file serves a key that asks each time' 0 sign_each
check 'as often as it is used' 0 sign_each
is 'nobody is asked' "$(prompts)" 0
for i in 1 2; do
	holds "the token is served, $i" await ready
	words forgetful 'C_SignInit crash'
	check "a process that dies, $i" 4 sign
done
words forgetful
holds 'it is served again' await ready
told 'after two crashes the file' 4 'ended unexpectedly 2 times' sign
is 'is not sent' "$(logins)" 0
answers "pin $DEMO_PIN"
check 'but a person may unlock' 0 smime unlock
is 'who is asked' "$(prompts)" 1
check 'and then it works' 0 sign
agent_stop

# A keypad: the message is there while the reader asks, and goes away with it.
printf '%s' "$DEMO_PIN" >"$FAULTY_CONTROL.pin"
configure_pin
words forgetful pinpad wait@C_Login
answers cancel
agent_start
sign >"$T/pad.out" 2>&1 &
client=$!
holds 'the reader asks' await waits
like 'a message says so' "$(shown)" "SETDESC Enter the PIN of the token \"demo\" \(serial number $serial\) on the keypad of its reader"
pad=$(awk '/^MESSAGE/ { print $2 }' "$T/pinentry.d/log")
fails 'it is still shown' ended "$pad"
touch "$FAULTY_CONTROL.go"
wait "$client"
is 'the signature is made' "$?" 0
holds 'the message is gone' await ended "$pad"
is 'no PIN was asked for' "$(prompts)" 0
is 'the reader has asked' "$(grep -c '^pinpad 1' "$FAULTY_CONTROL.log")" 1
smime lock
# Whoever closes the message leaves the reader to the deadline of an operation.
rm "$FAULTY_CONTROL.go"
configure_pin
sed -i 's/deadline: 20s/deadline: 4s/' "$T/agent.yaml"
agent_stop
words forgetful pinpad wait@C_Login
answers cancel
agent_start
sign >/dev/null 2>"$T/pad.out" &
client=$!
holds 'the reader asks again' await waits
pad=$(awk '/^MESSAGE/ { print $2 }' "$T/pinentry.d/log")
sleep 4.4
fails 'longer than an operation may take' ended "$client"
kill "$pad"
wait "$client"
is 'without its message the reader is given up' "$?" 4
like 'in time' "$(cat "$T/pad.out")" 'did not answer in time'
holds 'which may have cost a try' await lost_is 1
touch "$FAULTY_CONTROL.go"
words final pinpad
touch "$T/pinentry.d/no"
answers cancel
check 'I5: the last try on a keypad is begun only with consent' 4 sign
like 'having been told' "$(shown)" 'This is the last try'
is 'I5: the reader was not asked' "$(grep -c C_Login "$FAULTY_CONTROL.log")" 0
rm "$T/pinentry.d/no"
words forgetful pinpad
printf '%s' 654321 >"$FAULTY_CONTROL.new-pin"
check 'the PIN is changed on the keypad' 0 smime pin change
printf '%s' "$DEMO_SO_PIN" >"$FAULTY_CONTROL.pin"
printf '%s' "$DEMO_PIN" >"$FAULTY_CONTROL.new-pin"
check 'and unblocked' 0 smime pin unblock
is 'no PIN was typed for it' "$(prompts)" 0
agent_stop

# Change and unblock.
words forgetful
answers "pin $DEMO_PIN" 'twice new-pin-1' 'pin new-pin-1'
agent_start
check 'unlock' 0 smime unlock
answers "pin $DEMO_PIN" 'twice new-pin-1' 'pin new-pin-1'
check 'the PIN is changed' 0 smime pin change
like 'the present one was asked for' "$(shown)" 'SETDESC Enter the present PIN of the token "demo".*At most 3 tries.*asks to change its PIN'
like 'and a new one' "$(shown)" 'SETDESC Enter the new PIN of the token "demo"'
is 'in two prompts' "$(prompts)" 2
check 'signing' 0 sign
is 'asks for the new one' "$(prompts)" 3
answers 'pin 999999' 'twice new-pin-2'
told 'a wrong old PIN' 4 'wrong PIN.*two tries are left at most' smime pin change
is 'is a try' "$(lost)" 1
answers 'pin new-pin-1' 'pin new-pin-2' 'pin new-pin-2'
check 'a pinentry without a second field' 0 smime pin change demo --json
prints 'the result' '"changed"'
is 'asks twice' "$(prompts)" 3
is 'the try that was lost is made good' "$(lost)" 0
words forgetful
answers 'pin new-pin-2' 'pin aaaa1' 'pin aaaa2' 'pin bbbb1' 'pin bbbb2' 'pin cccc1' 'pin cccc2' 'pin dddd1'
told 'new PINs that are never the same' 4 'nothing was changed' smime pin change
is 'are asked for three times' "$(prompts)" 7
like 'with a word why' "$(shown)" 'SETERROR The two PINs were different'
is 'nothing was sent' "$(grep -c 'C_Login\|C_SetPIN' "$FAULTY_CONTROL.log")" 0
answers 'pin new-pin-2' 'twice abc' cancel
check 'a new PIN that is too short, then cancelled' 4 smime pin change
like 'is asked for again' "$(shown)" 'SETERROR That PIN is too short or too long'
words forgetful 'C_Login fails a3'
answers 'pin new-pin-2'
told 'a PIN that has expired' 4 'smime pin change' smime unlock
answers 'pin new-pin-2' 'twice new-pin-3'
check 'can be changed' 0 smime pin change
is 'which makes the tries good' "$(lost)" 0
words locked
answers "pin $DEMO_SO_PIN" "twice $DEMO_PIN"
smime lock
told 'a blocked PIN is not changed' 4 'smime pin unblock' smime pin change
words forgetful
check 'it is unblocked' 0 smime pin unblock demo
like 'with the PUK' "$(shown)" 'SETDESC Enter the PUK \(the PIN of the security officer\) of the token "demo"'
answers "pin $DEMO_PIN"
check 'then the new one' 0 sign
is 'is the right one' "$(prompts)" 1
answers 'pin 999999' "twice $DEMO_PIN"
told 'a wrong PUK' 4 'wrong PUK.*two tries are left at most' smime pin unblock
is 'is no try of the PIN' "$(lost)" 0
check 'again' 4 smime pin unblock
check 'and again' 4 smime pin unblock
like 'the last one is announced' "$(shown)" 'This is the last try, or may be: after a wrong PUK nothing can unblock the token'
answers "pin $DEMO_SO_PIN" "twice $DEMO_PIN"
check 'the right PUK' 0 smime pin unblock
check 'nothing to do' 2 smime pin
check 'something else' 2 smime pin destroy
check 'a token that is not there' 4 smime pin change nosuchtoken
agent_stop

# What the configuration may say.
refused() { # DESCRIPTION YAML PATTERN
	configure_pin "$2"
	told "$1" 2 "$3" smime-agent --check-config --config "$T/agent.yaml"
}
refused 'a key of too few digits' '  grants: [{key: 0123456789abcde, count: 2, within: 1min}]' 'agent.yaml:5:18: pin: grants: key: .*16 hex digits'
refused 'a key that is no number' '  grants: [{key: 0123456789abcdefg, count: 2, within: 1min}]' 'pin: grants: key:'
refused 'a key twice' '  grants: [{key: 0123456789abcdef, count: 2, within: 1min}, {key: 0123456789ABCDEF01, count: 2, within: 1min}]' 'is there twice'
refused 'a count of one' '  grants: [{key: 0123456789abcdef, count: 1, within: 1min}]' 'pin: grants: count: 1 is not between 2 and 1000'
refused 'no length of time' '  grants: [{key: 0123456789abcdef, count: 2, within: soon}]' "pin: grants: within: 'soon'"
refused 'too long a time' '  grants: [{key: 0123456789abcdef, count: 2, within: 2d}]' 'pin: grants: within:'
refused 'no count' '  grants: [{key: 0123456789abcdef, within: 1min}]' 'agent.yaml:[0-9]+:[0-9]+: .*count'
refused 'another word' '  grants: [{key: 0123456789abcdef, count: 2, within: 1min, who: me}]' 'agent.yaml:[0-9]+:[0-9]+: .*who'
done_testing
