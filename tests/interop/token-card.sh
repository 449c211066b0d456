#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# PIV cards through OpenSC: one with RSA keys, one with P-256 keys.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/card.sh"
. "$SOURCE/tests/lib/tokens.sh"
. "$SOURCE/tests/lib/obeys.sh"
fixture
card_stack

for type in rsa ec; do
	card_make $type $type
	cp "$T/$type-9d.pem" "$T/$type.pem"
done
card_insert 0 rsa
card_insert 1 ec
token_module=$OPENSC_MODULE
token_address='KEY-auth@example.org'
token_pins=2
token_works
token_row 'PIV card'

# Rules hold for each key of a card, beside another one.
card_make obeys rsa
for slot in 9a 9c 9d 9e; do
	obeys_keys+=("obeys-$slot")
	obeys_certify "obeys-$slot" ${#obeys_keys[@]} && openssl x509 -in "$T/obeys-$slot.pem" -outform DER -out "$T/cards/obeys/$slot.der" || bail 'no certificates'
done
obeys_deaf=' obeys-9e '
card_remove 0
card_insert 0 obeys
token_obeys obeys-9a ec ec-9a
done_testing
