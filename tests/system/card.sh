#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Real cards: the agent, OpenSC, pcscd and PIV cards in two readers.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

fixture
card_stack
card_make alice rsa 00112233445566aa
card_make bob ec
card_insert 0 alice
card_insert 1 bob
sign() { mail "$1" bob@example.org >"$T/mail" && smime sign -k "$1" -i "$T/mail" -o "$T/signed"; } # ADDRESS
verifies() { smime verify -i "$T/signed" && openssl cms -verify -in "$T/signed" -CAfile "$T/ca/root.pem" -certfile "$T/ca/issuing.pem" -out "$T/content"; }

card_agent_start
check 'the keys of two cards are listed' 0 smime keys --json
is 'all of them' "$(json "$T/out" 'len(d["keys"])')" 8
like 'with the serial number of the card' "$(cat "$T/out")" 00112233445566aa
is 'no PIN has gone to the card' "$(card_count 0 verify-right)" 0

# A key that wants no PIN is used without.
answers cancel
check 'alice-card signs without a login' 0 sign alice-card@example.org
check 'which openssl verifies' 0 verifies
is 'and nobody is asked' "$(prompts) $(card_count 0 verify-right)" '0 0'
answers "pin $CARD_PIN"

# Signatures of every key that may make them.
for name in alice bob; do
	for address in $name-card $name-auth $name; do
		check "$address signs" 0 sign "$address@example.org"
		check "$address: verified" 0 verifies
	done
done
is 'each key has signed' "$(card_count 0 sign) $(card_count 1 sign)" '4 3'

# RSA key transport and ECDH key agreement, from here and from elsewhere.
mail sender@example.org alice@example.org >"$T/mail"
for name in alice bob; do
	check "a mail for $name" 0 smime encrypt --no-self -r "$T/$name-9d.pem" -i "$T/mail" -o "$T/encrypted"
	check "$name decrypts it" 0 smime decrypt -i "$T/encrypted" -o "$T/decrypted"
	holds "$name: the text is there" grep -q 'this is the text' "$T/decrypted"
	holds "a mail of openssl for $name" openssl cms -encrypt -aes256 -in "$T/mail" -out "$T/for-$name" "$T/$name-9d.pem"
	check "$name decrypts it as well" 0 smime decrypt -i "$T/for-$name" -o "$T/decrypted"
	holds "$name: the text of it is there" grep -q 'this is the text' "$T/decrypted"
done
card_fault 0 authenticate 1 pull
check 'a card that is pulled while it decrypts' 4 smime decrypt -i "$T/for-alice" -o "$T/decrypted"
says 'is no message that was changed' 'token|card'
card_insert 0 alice
holds 'it decrypts when it is back' await smime decrypt -i "$T/for-alice" -o "$T/decrypted"
is 'what the cards have decrypted' "$(card_count 0 decrypt) $(card_count 1 decrypt)" '3 2'
is 'no wrong PIN has gone to a card' "$(card_count 0 verify-wrong) $(card_count 1 verify-wrong)" '0 0'
agent_stop

# A wrong PIN is one try of the card, and the card keeps it.
card_insert 0 alice
answers 'pin 999999'
agent_start
check 'a wrong PIN' 4 sign alice-auth@example.org
says 'is said to be wrong' 'PIN'
is 'is one try' "$(card_count 0 verify-wrong)" 1
is 'of three' "$(card_tries 0)" '2 3'
is 'and another program may not sign' "$(card_raw_sign 0 9a rsa)" 6982
answers "pin $CARD_PIN"
check 'the right one works then' 0 sign alice-auth@example.org
is 'and gives the tries back' "$(card_tries 0)" '3 3'
agent_stop

# The card itself, since tests stand on it: PIN and PUK through OpenSC, then faults on the wire.
opensc() { pkcs11-tool --module "$OPENSC_MODULE" --slot-index 0 "$@"; }
raw() { timeout 20 "$CARD/raw" 0 "$@"; }
chuid=00CB3FFF055C035FC10200 discovery=00CB3FFF035C017E00
card_insert 0 alice
check 'the PIN is changed' 0 opensc --login --pin $CARD_PIN --change-pin --new-pin 654321
check 'the old one is wrong then' 1 opensc --login --pin $CARD_PIN --list-objects
check 'the new one right' 0 opensc --login --pin 654321 --list-objects
for i in 1 2 3; do run opensc --login --pin 000000 --list-objects; done
is 'three wrong ones block it' "$(card_tries 0)" '0 3'
card_remove 0
card_insert 0 alice
is 'also when the card comes back' "$(card_tries 0)" '0 3'
check 'it is unblocked' 0 pkcs15-tool --reader 0 --unblock-pin --puk $CARD_PUK --new-pin $CARD_PIN
is 'with all its tries' "$(card_tries 0)" '3 3'
check 'and the PIN is the new one' 0 opensc --login --pin $CARD_PIN --list-objects
fails 'no PIN is in the log' grep -E '3132333435|3635343332|3030303030' "$T/card.log"

check 'a word is answered' 0 raw $chuid
card_fault 0 get-data 2 status 6F00
check 'a fault' 1 raw $chuid $discovery $chuid
prints 'strikes once, when its time has come' $'^9000\n6F00\n9000$'
card_fault 0 any every status 6A82
check 'or' 1 raw $chuid $chuid
prints 'always' $'^6A82\n6A82$'
card_fault 0 clear
card_fault 0 any 1 cut 1
check 'a part of a reply' 2 raw $chuid
card_insert 0 alice
card_fault 0 any 1 long 65535
check 'far too much of one' 2 raw $chuid
card_ask 0 clear
card_fault 0 any 2 freeze
raw $chuid $chuid >"$T/frozen" & frozen=$!
struck() { [ "$(card_count 0 faults)" = "$1" ]; }
holds 'a card freezes' await struck 1
card_ask 0 release
holds 'until it is released' wait $frozen
is 'and answers then' "$(uniq "$T/frozen")" 9000
card_fault 0 any 1 swap bob
check 'a card that is swapped' 2 raw $chuid
holds 'is another one' await raw $discovery
is 'with a P-256 key' "$("$CARD/raw" 0 sign 9e ec)" 9000
card_delay 0 300
begin=${EPOCHREALTIME/./}
check 'a slow card' 0 raw $chuid
holds 'takes its time' [ $((${EPOCHREALTIME/./} - begin)) -ge 300000 ]
card_delay 0 0
card_fault 0 any 1 pull
check 'a card that is pulled' 2 raw $chuid
holds 'is gone' await card_empty 0
pcscd_kill
card_insert 0 alice
pcscd_start
holds 'a card is there when pcscd is' await raw $chuid
done_testing
