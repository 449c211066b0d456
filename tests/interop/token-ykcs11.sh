#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# YubiKeys through Yubico's own module: one with RSA keys, one with P-256 keys, in virtual readers of a name that the module looks for.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/card.sh"
. "$SOURCE/tests/lib/evidence.sh"
. "$SOURCE/tests/lib/tokens.sh"
token_module=$YKCS11_MODULE
token_needs "$token_module"
fixture
CARD_READER='Yubico YubiKey CCID'
card_stack

vouch_ca maker maker
vouch_ca f9 maker
for type in rsa ec; do
	card_make $type $type
	cp "$T/$type-9d.pem" "$T/$type.pem"
	card_can_attest $type "$T/vouch/f9.key" "$T/vouch/f9.pem" 050701 $((10000000 + ${#type})) 01
done
card_insert 0 rsa
card_insert 1 ec
token_address='KEY-auth@example.org'
token_pins=2
token_works
token_row 'YubiKey'
done_testing
