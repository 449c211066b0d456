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
obeys_card || bail 'the card could not be made'
card_remove 0
card_insert 0 obeys
token_obeys obeys-9a ec ec-9a
done_testing
