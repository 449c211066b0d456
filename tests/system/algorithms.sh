#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What SignerInfos look like that we write, for each kind of key: their forms octet for octet, and whether the signature is one over the
# signed attributes, which OpenSSL's public-key commands say that know nothing of CMS.
. "$(dirname "$0")/../lib/lib.sh"

fixture people wide kinds
# Ed25519 in each form that tokens have it in: how the curve is spelt, and what stands around the point.
openssl genpkey -algorithm ED25519 -out "$T/forms.key"
for spelling in name oid; do
	for form in raw octets; do
		demo_token "$spelling-$form" && fixture_put "$spelling-$form" "$spelling-$form" 01 "$T/forms.key" $spelling $form &&
			demo_certificate "$spelling-$form" "$spelling-$form" "$spelling-$form@example.org" digitalSignature &&
			demo_store "$spelling-$form" "$spelling-$form" 01 || bail "no Ed25519 key could be stored as $spelling and $form"
		forms+=("$spelling-$form")
		openssl genpkey -algorithm ED25519 -out "$T/forms.key"
	done
done
agent_start
mail someone@example.org bob@example.org >"$T/mail"

take_apart() { PYTHONPATH=$SOURCE/tests/lib python3 "$SOURCE/tests/lib/signer_info.py" "$1" "$T" >"$T/parts"; } # CMS
part() { sed -n "s/^$1 //p" "$T/parts"; }
verify_value() { # NAME SHA OPTION...: the signature of $T/signature over $T/tbs with the key of the certificate
	local name=$1 sha=$2
	shift 2
	openssl x509 -in "$T/$name.pem" -noout -pubkey >"$T/public" || return
	if [ "$sha" = pure ]; then
		openssl pkeyutl -verify -pubin -inkey "$T/public" -rawin -in "$T/tbs" -sigfile "$T/signature"
	else
		openssl dgst "-$sha" -verify "$T/public" "$@" -signature "$T/signature" "$T/tbs"
	fi
}

# AlgorithmIdentifiers (RFC 5754, 5753, 4056, 8419): SHA-2 without parameters, RSA with NULL, ECDSA and Ed25519 without.
declare -A octets=(
	[sha256]=300b0609608648016503040201 [sha384]=300b0609608648016503040202 [sha512]=300b0609608648016503040203
	[rsa-sha256]=300d06092a864886f70d01010b0500 [rsa-sha384]=300d06092a864886f70d01010c0500 [rsa-sha512]=300d06092a864886f70d01010d0500
	[ecdsa-sha256]=300a06082a8648ce3d040302 [ecdsa-sha384]=300a06082a8648ce3d040303 [ecdsa-sha512]=300a06082a8648ce3d040304
	[ed25519]=300506032b6570)
pss_octets() { # SHA-2's last arc, salt in hexadecimal
	local digest=300b06096086480165030402$1
	printf '303d06092a864886f70d01010a3030a00d%sa11a301806092a864886f70d010108%sa2030201%s' "$digest" "$digest" "$2"
}
octets[pss-sha256]=$(pss_octets 01 20) octets[pss-sha384]=$(pss_octets 02 30) octets[pss-sha512]=$(pss_octets 03 40)
padding=(-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest)

while read -r row who digest algorithm options; do
	name="$who${options:+ $options}"
	check "$row: $name signs" 0 smime sign --cms --detached -k "$who@example.org" $options -i "$T/mail" -o "$T/signed"
	take_apart "$T/signed" || bail "$who's signature can't be taken apart"
	is "C2: SignedData of $name is version 1" "$(part version)" 01
	is "C3: SignerInfo of $name is version 1" "$(part signerVersion)" 01
	is "C3: the signer is named by issuer and serial number ($name)" "$(part sid)" issuerAndSerialNumber
	is "C19: the digest algorithm of $name, without parameters" "$(part digestAlgorithm)" "${octets[$digest]}"
	is "C10: which digestAlgorithms has too ($name)" "$(part digestAlgorithms)" "${octets[$digest]}"
	is "C19: the signature algorithm of $name" "$(part signatureAlgorithm)" "${octets[$algorithm]}"
	is "C8: the signed attributes of $name are sorted" "$(part sorted)" True
	case $algorithm in
	ed25519) holds "$row: the value is PureEdDSA over the DER of the signed attributes" verify_value "$who" pure ;;
	pss-*) holds "$row: the value of $name verifies" verify_value "$who" "$digest" "${padding[@]}" ;;
	*) holds "$row: the value of $name verifies" verify_value "$who" "$digest" ;;
	esac
	check "$row: what $name signed verifies" 0 smime verify --cms --detached-content "$T/mail" -i "$T/signed"
done <<'END'
A1 alice   sha256 rsa-sha256
A1 alice   sha384 rsa-sha384   --digest sha384
A1 alice   sha512 rsa-sha512   --digest sha512
A1 rsa4096 sha256 rsa-sha256
A2 bob     sha256 ecdsa-sha256
A2 p384    sha384 ecdsa-sha384
A2 p521    sha512 ecdsa-sha512
A3 edward  sha512 ed25519
A5 alice   sha256 pss-sha256   --pss
A5 alice   sha384 pss-sha384   --pss --digest sha384
A5 rsa3072 sha512 pss-sha512   --pss --digest sha512
A5 pss     sha256 pss-sha256
A5 pss     sha512 pss-sha512   --digest sha512
A5 pss384  sha384 pss-sha384
A5 pss384  sha384 pss-sha384   --pss
END

# ---- Ed25519 ----

check 'A3: Ed25519 with another digest than SHA-512 is refused' 2 smime sign --cms -k edward@example.org --digest sha256 -i "$T/mail" -o "$T/never"
says 'A3: and why' 'Ed25519 key signs with sha512 only'
check 'A3: PSS with an Ed25519 key is refused' 2 smime sign --cms --pss -k edward@example.org -i "$T/mail" -o "$T/never"
# A client that asks the agent all the same: its answer is an error, and nothing was signed.
PYTHONPATH=$SOURCE/tests/lib run python3 - "$SMIME_AGENT_SOCK" <<'END'
import hashlib, sys
from wire import Connection, ERROR, R_SIGN, error_code, keys, sign
connection = Connection(sys.argv[1]).greet()
key = next(spki for spki, label in keys(connection) if label == 'edward')
_, kind, body = connection.ask(sign(5, key, hashlib.sha256(b'content').digest()))
print('refused' if kind == ERROR else 'signed', error_code(body) if kind == ERROR else '')
END
prints 'A3: the agent refuses Ed25519 over a SHA-256 digest' '^refused'
sed 's/^From: .*/From: edward@example.org/' "$T/mail" >"$T/mail.edward"
check 'A3: the Ed25519 key is found by the From address' 0 smime sign -i "$T/mail.edward" -o "$T/signed"
holds 'A3: micalg is sha-512' grep -q 'micalg="sha-512"' "$T/signed"
check 'A3: the mail verifies' 0 smime verify --json -i "$T/signed"
is 'A3: with Ed25519' "$(json "$T/out" "d['layers'][0]['signers'][0]['algorithm']")" Ed25519
sed 's/this is the text/this is the TEXT/' "$T/signed" >"$T/changed"
check 'A3: a changed one does not' 1 smime verify -i "$T/changed"
for form in "${forms[@]}"; do
	check "A3: a token that has its Ed25519 key as ${form/-/ and } signs" 0 smime sign --cms -k "$form@example.org" -i "$T/mail" -o "$T/signed"
	check 'A3: and that verifies' 0 smime verify --cms -i "$T/signed"
done
check 'the keys are listed' 0 smime keys --json
is 'A3: nothing stands against signing with Ed25519' "$(json "$T/out" "[k['certificates'][0]['cannot_sign'] for k in d['keys'] if k['label'] == 'edward']")" '[None]'

# ---- RSASSA-PSS ----

check 'A5: another digest than the certificate demands is refused' 2 smime sign --cms -k pss384@example.org --digest sha256 -i "$T/mail" -o "$T/never"
says 'A5: and why' 'allows signatures with SHA384 only'
check 'A5: a key for PSS alone is not encrypted to' 4 smime encrypt -r "$T/pss.pem" -i "$T/mail" -o "$T/never"
openssl_verifies() { openssl cms -verify -inform DER -binary -content "$T/mail" -in "$T/signed" -CAfile "$T/ca/root.pem" -out /dev/null; }
for who in pss pss384; do
	check "A5: $who signs" 0 smime sign --cms --detached -k "$who@example.org" -i "$T/mail" -o "$T/signed"
	holds "A5: OpenSSL verifies the signature of $who, whose certificate is for PSS alone" openssl_verifies
done
absent 'what was refused left no file' "$T/never"
done_testing
