#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Readers whose names are longer than what PKCS#11 keeps of them, which is the same for both, and not in ASCII.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

fixture
CARD_READER='Kartenleser der Firma Müller für Karten aller Art [Contact Reader] (0123456789)'
card_stack
card_make alice
card_make bob ec
card_insert 0 alice
mail alice@example.org bob@example.org >"$T/mail"
sign() { smime sign -k "$1" -i "$T/mail" -o "$T/signed"; }

card_agent_start
check 'a card in the first reader is found' 0 sign alice-auth@example.org
card_insert 1 bob
check 'and one in the second' 0 sign bob-auth@example.org
check 'the readers are in the status' 0 smime status
prints 'with their whole names' "$(sed 's/[][()]/\\&/g' <<<"$CARD_READER 00 00"): a card"
is 'each card is in one of them' "$(json <(smime status --json) 'len(d["tokens"])')" 2

# Each place has the card of its own reader: a frozen one is nothing to the other, and both are reset.
card_fault 1 any 1 freeze
sign bob-auth@example.org 2>/dev/null &
frozen=$!
started+=("$frozen")
holds 'the second freezes' await eval '[ "$(card_count 1 faults)" = 1 ]'
check 'the first goes on' 0 sign alice-auth@example.org
card_ask 1 release
wait "$frozen"
is 'the other one too, released' $? 0
check 'lock' 0 smime lock
is 'closes the first' "$(card_raw_sign 0 9a rsa)" 6982
is 'and the second' "$(card_raw_sign 1 9a ec)" 6982
agent_stop

# A name in another encoding, which messages have as a text.
pcscd_stop
sed -i $'s/^FRIENDLYNAME.*/FRIENDLYNAME "Leser f\xfcr Karten"/' "$T/readers/vpcd"
pcscd_start
holds 'pcscd has the cards again' await eval '[ "$("$CARD/raw" | grep -c "^[01] present")" = 2 ]'
agent_start
check 'a reader whose name is not UTF-8' 0 sign alice-auth@example.org
like 'has a card that is open to others then' "$(card_raw_sign 0 9a rsa)" '^(61..|9000)$'
check 'and can be locked' 0 smime lock
is 'which closes it' "$(card_raw_sign 0 9a rsa)" 6982
check 'the status has its name as a text' 0 smime status
prints 'with what can not be shown replaced' 'Leser f\?r Karten 00 00: a card'
done_testing
