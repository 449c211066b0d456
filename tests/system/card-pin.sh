#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The rules of the PIN on real cards, whose own counters say what reached them: never more wrong PINs than were typed, nothing that was
# kept once a try is lost, nothing to another card; keys that ask each time; a PIN that is blocked, unblocked and changed.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

fixture
card_stack
card_make alice rsa 00112233445566aa
card_make double ec 00112233445566bb alice
mail alice-auth@example.org bob@example.org >"$T/mail-auth"
mail alice@example.org bob@example.org >"$T/mail-each"
sign() { smime sign -k alice-auth@example.org -i "$T/mail-auth" -o "$T/signed"; }
sign_each() { smime sign -k alice@example.org -i "$T/mail-each" -o "$T/signed-each"; }
shown() { cat "$T/pinentry.d/log"; }
token() { smime status --json >"$T/status.json" && json "$T/status.json" "[t[\"$1\"] for t in d[\"tokens\"]]"; } # FIELD
lost() { token tries_lost; }
verifies() { echo "$(card_count 0 verify-right) $(card_count 0 verify-wrong)"; } # right and wrong PINs that came to the reader
recorded() { [ "$(sed -n 's/.* pin \([0-9]*\) .*/\1/p' "$HOME"/.local/state/smime-agent/pin-tries/*)" = "$1" ]; }
asked() { [ "$(prompts)" -ge "$1" ]; }
card_insert 0 alice

# A key that asks each time.
answers "pin $CARD_PIN"
card_agent_start
check 'the signature key' 0 sign_each
is 'asks once for its first use' "$(prompts)" 1
check 'again' 0 sign_each
is 'each time' "$(prompts)" 2
check 'the key for logging in' 0 sign
is 'does not' "$(prompts)" 2
is 'three right PINs have gone to the card' "$(verifies)" '3 0'
answers 'pin 999999'
check 'a wrong PIN for the signature key' 4 sign_each
says 'is told' 'two tries are left at most'
is 'and is one try' "$(card_tries 0) $(lost)" '2 3 [1]'
answers cancel
check 'the key for logging in needs a login then' 4 sign
check 'as does the signature key' 4 sign_each
is 'each of which was asked for' "$(prompts)" 2
is 'nothing more has gone to the card' "$(verifies)" '3 1'
answers "pin $CARD_PIN"
check 'all is usable' 0 sign
check 'with one more PIN' 0 sign
is 'which was asked for once' "$(prompts)" 1
is 'and gave the try back' "$(card_tries 0) $(lost)" '3 3 [0]'
check 'the signature key too' 0 sign_each

# Another program resets the card: the kept PIN is sent while nothing is lost.
answers cancel
card_raw_reset 0
check 'after a reset' 0 sign
is 'nobody is asked' "$(prompts)" 0
right=$(card_count 0 verify-right)
run "$CARD/raw" 0 reset 002000800839393939393939FF 002000800839393939393939FF
is 'another program loses two tries' "$(card_tries 0)" '1 3'
check 'then' 4 sign
is 'somebody is' "$(prompts)" 1
like 'and told' "$(shown)" 'This is the last try'
is 'and nothing is sent by itself, neither by the agent nor by OpenSC' "$(card_count 0 verify-right)" "$right"
answers "pin $CARD_PIN"
check 'the right PIN' 0 sign
agent_stop

# A process that is killed in the middle of a login.
card_ask 0 clear
answers "until go pin 999999"
agent_start
sign 2>/dev/null &
client=$!
holds 'a prompt' await asked 1
card_delay 0 200
touch "$T/pinentry.d/go"
holds 'the try is recorded before the card has answered' await recorded 001
token_processes | xargs kill -9
wait "$client"
is 'the client is told' "$?" 4
card_delay 0 0
rm "$T/pinentry.d/go"
answers cancel
check 'the next one' 4 sign
like 'knows of it' "$(shown)" 'At most 2 tries are left'
is 'I5: no more than one wrong PIN has gone to the card' "$(($(card_count 0 verify-wrong) <= 1))" 1
answers "pin $CARD_PIN"
check 'the right PIN' 0 sign
is 'puts it right' "$(card_tries 0) $(lost)" '3 3 [0]'

# Another card with the same label: at the next use, behind a prompt, and in the middle of the login.
is 'the token' "$(token label)" "['alice']"
card_ask 0 clear
answers cancel
card_insert 0 double
other() { [ "$(token serial) $(token state)" = "['00112233445566bb'] ['ready']" ]; }
holds 'a card of the same label is another token' await other
is 'the label' "$(token label)" "['alice']"
check 'its keys' 4 smime sign -k double-auth@example.org -i "$T/mail-auth" -o "$T/signed"
is 'ask for their own PIN' "$(prompts)" 1
is 'I5: and get none' "$(verifies)" '0 0'
card_insert 0 alice
mine() { [ "$(token serial) $(token state)" = "['00112233445566aa'] ['ready']" ]; }
holds 'the first card is back' await mine
answers "until go pin 999999"
sign 2>/dev/null &
client=$!
holds 'a prompt for it' await asked 1
card_put 0 double
touch "$T/pinentry.d/go"
wait "$client"
is 'a card that is swapped behind a prompt' "$?" 4
is 'I5: gets no PIN' "$(verifies)" '0 0'
holds 'it is seen' await other
rm "$T/pinentry.d/go"
for n in 1 2 3 4 5; do
	card_insert 0 alice
	holds "the first card is back, $n" await mine
	answers "pin 999999"
	card_fault 0 verify "$n" swap double
	check "a card that is swapped at VERIFY $n" 4 sign
	card_fault 0 clear
	is "has all its tries, $n" "$(card_tries 0)" '3 3'
	[ "$(token serial)" = "['00112233445566aa']" ] || holds "and is seen, $n" await other
done
card_insert 0 alice
holds 'the first card' await mine
answers "pin $CARD_PIN"
check 'its own PIN' 0 sign
is 'is right' "$(card_tries 0)" '3 3'
agent_stop

# Tries run out.
card_ask 0 clear
answers 'pin 999999'
agent_start
check 'a wrong PIN' 4 sign
check 'a second one' 4 sign
is 'one try is left' "$(card_tries 0) $(token tries_left)" '1 3 [1]'
agent_stop
printf '%s\n' "$CARD_PIN" >"$T/pin"
card_configure "$(printf 'pin:\n  program: "%s"\n  file: "%s"' "$T/pinentry" "$T/pin")"
agent_start
told 'a PIN file' 4 'smime unlock' sign
is 'I5: is never the last try' "$(card_tries 0)" '1 3'
agent_stop
card_configure
answers cancel
agent_start
check 'a person' 4 sign
like 'I5: is told that it is the last' "$(shown)" 'This is the last try: a wrong PIN blocks it'
is 'I5: and may leave it' "$(card_tries 0)" '1 3'
answers 'pin 999999'
told 'the last one' 4 'blocked.*smime pin unblock' sign
is 'blocks the PIN' "$(card_tries 0) $(token pin)" "0 3 ['blocked']"
told 'then' 4 'smime pin unblock' sign
is 'nothing is asked any more' "$(prompts)" 1
is 'I5: each wrong PIN was typed' "$(verifies)" '0 3'

# Unblocked and changed.
answers 'pin 99999999' 'twice 654321'
told 'a wrong PUK' 4 'wrong PUK.*two tries are left at most' smime pin unblock
is 'is a try of the PUK' "$(card_tries 0)" '0 2'
answers "pin $CARD_PUK" 'twice 654321'
check 'the right one' 0 smime pin unblock
is 'unblocks the PIN' "$(card_tries 0) $(lost)" '3 3 [0]'
answers 'pin 654321'
check 'the new PIN' 0 sign
is 'is the right one' "$(prompts) $(card_tries 0)" '1 3 3'
answers 'pin 999999' "twice $CARD_PIN"
told 'a wrong PIN cannot be changed' 4 'wrong PIN.*two tries are left at most' smime pin change
is 'and is a try' "$(card_tries 0) $(lost)" '2 3 [1]'
answers 'pin 654321' "pin $CARD_PIN" "pin $CARD_PIN"
check 'the right one can' 0 smime pin change
closed() { [ "$(card_raw_sign 0 9a rsa)" = 6982 ]; }
holds 'and leaves the card closed to other programs' await closed
answers "pin $CARD_PIN"
check 'and the new one' 0 sign_each
is 'is the right one too' "$(prompts) $(card_tries 0) $(lost)" '1 3 3 [0]'
is 'the PUK has all its tries as well' "$(card_tries 0)" '3 3'
agent_stop

# A grant for the signature key.
key=$(openssl pkey -pubin -in "$T/alice-9c.pub" -outform DER | sha256sum | cut -c1-20)
card_configure "$(printf 'pin:\n  program: "%s"\n  grants: [{key: %s, count: 3, within: 10min}]' "$T/pinentry" "$key")"
answers "pin $CARD_PIN"
card_ask 0 clear
agent_start
for i in 1 2 3; do check "signature $i" 0 sign_each; done
is 'three signatures for one PIN' "$(prompts) $(card_count 0 sign)" '1 3'
like 'of which the prompt spoke' "$(shown)" 'and for up to 2 more signatures within 10 minutes\.'
check 'the fourth' 0 sign_each
is 'asks' "$(prompts)" 2
card_remove 0
pulled() { [ "$(token serial)" = '[]' ]; }
holds 'pulled' await pulled
card_insert 0 alice
holds 'and put back' await mine
check 'a signature' 0 sign_each
is 'asks, since the grant ended with the insertion' "$(prompts)" 3
agent_stop
fails 'no PIN is in the log of the card' grep -E '3132333435|3635343332|3939393939' "$T/card.log"
done_testing
