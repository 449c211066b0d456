#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# YubiKeys through Yubico's own module, which asks the card for attestations by itself: what vouches for each key, without a file of an
# attestation anywhere; and whom nobody believes.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/card.sh"
. "$SOURCE/tests/lib/evidence.sh"
[ -e "$YKCS11_MODULE" ] || skip_all 'libykcs11 is not there'

fixture
CARD_READER='Yubico YubiKey CCID'
card_stack
printf 'content\n' >"$T/content"
vouch_ca maker maker
vouch_ca f9 maker
vouch_ca owner owner
card_make alice
card_make bob ec
card_can_attest alice "$T/vouch/f9.key" "$T/vouch/f9.pem" 050403 12345678 02
card_can_attest bob "$T/vouch/f9.key" "$T/vouch/f9.pem" 050701 87654321 01
printf '9c\n' >"$T/cards/bob/imported"
card_insert 0 alice
card_insert 1 bob

rules='rules: [{operation: [sign], key: {evidence: LEVEL}, outcome: allow}, {operation: [sign], outcome: deny, text: "not known to be in hardware"}]'
roots="attestation-roots: [\"$T/vouch/maker.pem\"]"
gated() { # LEVEL [YAML...]
	agent_stop >/dev/null
	configure "$(printf '%s\n' "${rules/LEVEL/$1}" "modules: [{path: \"$YKCS11_MODULE\"}]" "${@:2}")"
	answers "pin $CARD_PIN"
	agent_start
}
fingerprint() { openssl pkey -pubin -in "$T/$1.pub" -outform DER | sha256sum | cut -d' ' -f1; }
sign_as() { smime sign --cms --detached -k "$(fingerprint "$1")" -i "$T/content" -o "$T/signature"; } # NAME-SLOT
sign_and_verify() { # NAME-SLOT
	sign_as "$1" && openssl cms -verify -binary -inform DER -in "$T/signature" -content "$T/content" -CAfile "$T/ca/root.pem" -out "$T/got"
}
of_key() { # NAME-SLOT MEMBER
	smime keys --json | python3 -c 'import json, sys; print(next(k[sys.argv[2]] for k in json.load(sys.stdin)["keys"] if k["fingerprint"] == sys.argv[1]))' "$(fingerprint "$1")" "$2"
}
levels() { for key in "$@"; do of_key "$key" evidence; done | tr '\n' ' '; }

# ---- What the module finds out by itself ----

gated attested "$roots"
is 'the RSA keys of a card are attested before anybody has logged in' "$(levels alice-9a alice-9c alice-9d)" 'attested attested attested '
is 'its EC key is of a firmware that leaks them' "$(levels alice-9e)" 'software '
like 'which is told' "$(of_key alice-9e evidence_why)" 'YubiKey 12345678, firmware 5.4.3.* does not count: .*CVE-2024-45678'
is 'the keys of newer firmware are attested, but for one that was imported' "$(levels bob-9a bob-9c bob-9d bob-9e)" 'attested software attested attested '
# What the token wants of each slot, and of all: PIN and touch.
for expected in 9a:once 9c:always 9d:once; do
	like "firmware, number, PIN and touch of ${expected%:*}" "$(of_key "alice-${expected%:*}" evidence_why)" \
		"made in a YubiKey 12345678, firmware 5.4.3, USB-A, PIN ${expected#*:}, touch always, as that attests on the word of CN=maker"
done
like 'and of 9e' "$(of_key bob-9e evidence_why)" 'made in a YubiKey 87654321, firmware 5.7.1, USB-A, PIN never, touch never'
is 'a touch for each use is proved where it is' "$(of_key alice-9a touch) $(of_key bob-9a touch)" 'True False'
for key in alice-9a alice-9c bob-9a bob-9e; do check "$key signs" 0 sign_and_verify "$key"; done
is 'the PIN is asked for once for each card, and for each signature of 9c' "$(prompts)" 3
for key in alice-9e bob-9c; do told "$key does not sign" 5 'not known to be in hardware' sign_as "$key"; done
openssl cms -encrypt -binary -outform DER -aes256 -in "$T/content" -out "$T/message" -recip "$T/alice-9d.pem"
check '9d decrypts' 0 smime decrypt --cms -i "$T/message" -o "$T/got"
same 'what was encrypted' "$T/got" "$T/content"
is 'after the login the levels are the same' "$(levels alice-9a alice-9c alice-9d bob-9a bob-9c bob-9d bob-9e)" \
	'attested attested attested attested software attested attested '
is 'an attestation is no certificate of its key' "$(of_key alice-9a certificates | grep -ci attestation)" 0
run smime doctor --json
is 'nor one that belongs to no key' "$(json "$T/out" 'sum("Attestation" in f["text"] for f in d["findings"])')" 0
is 'and nothing is wrong with the keys' "$(json "$T/out" '[f["text"] for f in d["findings"] if f["area"] == "key" and f["verdict"] in ("warning", "fault") and "CVE-2024-45678" not in f["text"]]')" '[]'

# ---- Whom nobody believes ----

gated attested
is 'without a pinned root attestations count for nothing' "$(levels alice-9a alice-9c alice-9d bob-9a)" 'software software software software '
told 'and nothing signs' 5 'not known to be in hardware' sign_as alice-9a
gated attested "attestation-roots: [\"$T/vouch/owner.pem\"]"
is 'nor do they under another root' "$(levels alice-9a alice-9c alice-9d bob-9a)" 'software software software software '
like 'and it is said why' "$(of_key alice-9a evidence_why)" 'its attestation does not count: '
check 'the login' 0 smime unlock "$(of_key bob-9a token_id)"
is 'after the login the module has its own word' "$(levels bob-9a bob-9c)" 'claimed software '
like 'which is honest about the key that was imported' "$(of_key bob-9c evidence_why)" 'CKA_LOCAL'

# Whoever replaces F9 attests what he likes.
card_remove 1
card_can_attest bob "$T/vouch/owner.key" "$T/vouch/owner.pem" 050701 87654321 02
card_insert 1 bob
gated attested "$roots"
is 'a card with another F9 is not believed, the other one is' "$(levels bob-9a bob-9d alice-9a)" 'software software attested '
like 'and it is said why' "$(of_key bob-9a evidence_why)" 'its attestation does not count: '
told 'it does not sign' 5 'not known to be in hardware' sign_as bob-9a
check 'the other one does' 0 sign_and_verify alice-9a

# The card goes, and another one comes into its place.
card_remove 1
card_can_attest bob "$T/vouch/f9.key" "$T/vouch/f9.pem" 050701 87654321 01
card_insert 1 bob
is_attested() { [ "$(levels bob-9a)" = 'attested ' ]; }
holds 'the same card with its own F9 again is believed' await is_attested
check 'and signs' 0 sign_and_verify bob-9a
agent_stop
done_testing
