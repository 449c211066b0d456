#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What vouches for the keys of a card: enrolment, and attestations that the card itself makes, through OpenSC, which can't ask for them.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/card.sh"
. "$SOURCE/tests/lib/evidence.sh"

fixture
card_stack
printf 'content\n' >"$T/content"
vouch_ca maker maker
vouch_ca f9 maker
vouch_ca owner owner
card_make alice
card_make bob ec
card_can_attest alice "$T/vouch/f9.key" "$T/vouch/f9.pem" 050403 12345678 02
card_can_attest bob "$T/vouch/f9.key" "$T/vouch/f9.pem" 050701 87654321 01
card_insert 0 alice
card_insert 1 bob

rules='rules: [{operation: [sign], key: {evidence: LEVEL}, outcome: allow}, {operation: [sign], outcome: deny, text: "not known to be in hardware"}]'
gated() { # LEVEL [YAML...]
	agent_stop >/dev/null
	card_configure "$(printf '%s\n' "${rules/LEVEL/$1}" "${@:2}")"
	answers "pin $CARD_PIN"
	agent_start
}
sign_as() { smime sign --cms --detached -k "$(fingerprint "$1")" -i "$T/content" -o "$T/signature"; } # NAME-SLOT
fingerprint() { openssl pkey -pubin -in "$T/$1.pub" -outform DER | sha256sum | cut -d' ' -f1; }
of_key() { # NAME-SLOT MEMBER
	smime keys --json | python3 -c 'import json, sys; print(next(k[sys.argv[2]] for k in json.load(sys.stdin)["keys"] if k["fingerprint"] == sys.argv[1]))' "$(fingerprint "$1")" "$2"
}
levels() { for key in "$@"; do of_key "$key" evidence; done | tr '\n' ' '; }
enrolment() { smime keys -v | sed -n "s/^ *to enrol it  \(.*$(fingerprint "$1").*\)/  \1/p"; } # NAME-SLOT

# ---- The first, a middle and the last key of each card ----

signing=(alice-9a alice-9c alice-9e bob-9a bob-9c bob-9e)
gated enrolled
for key in "${signing[@]}"; do told "$key, for which nothing vouches, does not sign" 5 'not known to be in hardware' sign_as "$key"; done
for enrolled in alice-9a alice-9c bob-9e; do
	line=$(enrolment $enrolled)
	gated enrolled 'enrolled:' "$line"
	for key in "${signing[@]}"; do
		check "with $enrolled enrolled, $key" "$([ "$key" = $enrolled ] && echo 0 || echo 5)" sign_as "$key"
	done
done

# ---- What OpenSC says of a card ----

gated claimed
is 'a key that shows before the login is claimed, the others are not' "$(levels alice-9a alice-9e)" 'software claimed '
check 'so one signs' 0 sign_as alice-9e
check 'the other one does not' 5 sign_as alice-9a
check 'the login' 0 smime unlock "$(of_key alice-9a token_id)"
is 'after it they are' "$(levels alice-9a alice-9c alice-9e)" 'claimed claimed claimed '
check 'and sign' 0 sign_as alice-9a

# ---- Attestations ----

# The agent looks at the card at the same time, and selects other applications on its way.
attests() { card_attest "$1" "$2" >"$T/attested"; } # READER SLOT
for key in alice-9a alice-9c alice-9e bob-9a bob-9c bob-9e; do
	reader=0
	[ "${key%-*}" = alice ] || reader=1
	holds "the card attests $key" await attests $reader "${key#*-}"
	openssl x509 -inform DER -in "$T/attested" >>"$T/attestations.pem"
done
cat "$T/vouch/f9.pem" >>"$T/attestations.pem"
roots="attestation-roots: [\"$T/vouch/maker.pem\"]" files="attestations: [\"$T/attestations.pem\"]"
gated attested "$roots" "$files"
is 'its RSA keys are attested, its EC key is of a firmware that leaks them' "$(levels alice-9a alice-9c alice-9e)" 'attested attested claimed '
is 'the keys of newer firmware are' "$(levels bob-9a bob-9c bob-9e)" 'attested attested attested '
is 'and those of a slot for which there is none are not' "$(levels bob-9d)" 'software '
like 'the device is named' "$(of_key bob-9a evidence_why)" 'YubiKey 87654321, firmware 5.7.1'
for key in "${signing[@]}"; do check "$key signs or not" "$([ "$key" = alice-9e ] && echo 5 || echo 0)" sign_as "$key"; done
is 'a touch for each use is proved where it is' "$(of_key alice-9a touch) $(of_key bob-9a touch)" 'True False'
check 'smime keys' 0 smime keys
prints 'says so to people' 'evidence     attested: made in a YubiKey 12345678, firmware 5.4.3, USB-A, PIN (never|once|always), touch always'

# Whoever replaces F9 attests what he likes, and nobody believes it.
card_remove 1
card_can_attest bob "$T/vouch/owner.key" "$T/vouch/owner.pem" 050701 87654321 02
card_insert 1 bob
holds 'a card with another F9 attests' await attests 1 9a
{ openssl x509 -inform DER -in "$T/attested" && cat "$T/vouch/owner.pem"; } >"$T/attestations.pem"
gated attested "$roots" "$files"
is 'which counts for nothing' "$(levels bob-9a)" 'software '
like 'and it is said why' "$(of_key bob-9a evidence_why)" 'its attestation does not count'
done_testing
