#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# RSAES-OAEP (RFC 3560, RFC 4055): which parameters are read, which are written, and certificates that are for it alone.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
fixture people kinds
contents
agent_start

# A message for a certificate whose key transport has these parameters, or none where they are -, over this digest and that of the mask.
CIPHER=aes256-cbc
oaep() { # CERTIFICATE PARAMETERS DIGEST MASK [LABEL]
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$SOURCE/tests/lib /usr/bin/python3 - "$CONTENT" "$T/message" "$CIPHER" "$@" <<-'END'
		import sys
		import envelope
		from cryptography import x509
		from cryptography.hazmat.primitives import hashes
		from cryptography.hazmat.primitives.asymmetric import padding
		content, output, cipher, path, parameters, digest, mask, *label = sys.argv[1:]
		digest, mask = (getattr(hashes, name.upper())() for name in (digest, mask))
		label = bytes.fromhex(label[0]) if label else None
		parameters = b'' if parameters == '-' else bytes.fromhex(parameters)
		def recipient(certificate, cek, *_):
		    name = envelope.sequence(certificate.issuer.public_bytes(), envelope.integer(certificate.serial_number))
		    algorithm = envelope.sequence(envelope.oid(envelope.OAEP), parameters)
		    encrypted = certificate.public_key().encrypt(cek, padding.OAEP(padding.MGF1(mask), digest, label))
		    return envelope.sequence(envelope.integer(0), name, algorithm, envelope.octets(encrypted))
		envelope.recipient = recipient
		certificate = x509.load_pem_x509_certificate(open(path, 'rb').read())
		open(output, 'wb').write(envelope.make(certificate, open(content, 'rb').read(), cipher=cipher))
	END
}
oaep "$T/alice.pem" 3000 sha1 sha1 2>"$T/err" || skip_all "python3-cryptography: $(tail -n 1 "$T/err")"

# AlgorithmIdentifiers in hexadecimal: of digests with and without NULL, of MGF1.
sha1=300906052b0e03021a0500 sha1_bare=300706052b0e03021a sha256=300b0609608648016503040201 sha512=300b0609608648016503040203
tlv() { printf '%s%02x%s' "$1" $((${#2} / 2)) "$2"; } # TAG CONTENT, less than 128 octets of it
mgf1() { tlv 30 "06092a864886f70d010108$1"; }
hash() { tlv a0 "$1"; }
mask() { tlv a1 "$(mgf1 "$1")"; }
label() { tlv a2 "$(tlv 30 "06092a864886f70d010109$(tlv 04 "$1")")"; }

while IFS='|' read -r name parameters digest mask label; do
	made oaep "$T/alice.pem" "$(tlv 30 "$parameters")" "$digest" "$mask" $label
	reads "E12: $name" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
	says 'E12: and it is reported' 'rsa-oaep'
done <<END
defaults that are left out||sha1|sha1
defaults that are said|$(hash $sha1)$(mask $sha1)$(label '')|sha1|sha1
a digest without NULL|$(hash $sha1_bare)$(mask $sha1_bare)|sha1|sha1
SHA-256 for both, with NULL|$(hash 300d06096086480165030402010500)$(mask 300d06096086480165030402010500)|sha256|sha256
SHA-256 for both|$(hash $sha256)$(mask $sha256)|sha256|sha256
SHA-256, and the default for the mask|$(hash $sha256)|sha256|sha1
the default, and SHA-256 for the mask|$(mask $sha256)|sha1|sha256
SHA-512, and SHA-256 for the mask|$(hash $sha512)$(mask $sha256)|sha512|sha256
a label|$(hash $sha256)$(mask $sha256)$(label 6c6162656c)|sha256|sha256|6c6162656c
END
for parameters in - 0500; do
	made oaep "$T/alice.pem" "$parameters" sha1 sha1
	told "E12: parameters that are missing are refused ($parameters)" 6 malformed smime decrypt --cms -i "$T/message" -o "$T/got"
done
# The token gives another key then, with which one in 256 contents in CBC would have a right padding.
CIPHER=aes256-gcm
made oaep "$T/alice.pem" "$(tlv 30 "$(hash "$sha256")")" sha256 sha256
check 'E12: another mask than the parameters say opens nothing' 1 smime decrypt --cms -i "$T/message" -o "$T/got"
says 'E12: and that is told as any damage is' "can't be decrypted or was changed"

# ---- What is written ----

# RFC 4055 2.1 has NULL beside the digests of these parameters.
sha256_null=300d06096086480165030402010500
written=$(tlv 30 "06092a864886f70d010107$(tlv 30 "$(hash $sha256_null)$(mask $sha256_null)")")
hex() { od -An -v -tx1 "$1" | tr -d ' \n'; } # FILE
check 'E12: --oaep' 0 smime encrypt --cms --oaep -r "$T/peer-rsa.pem" -r alice@example.org -i "$CONTENT" -o "$T/message"
is 'E12: it has SHA-256, MGF1 with SHA-256, and leaves the empty label out, for each recipient' "$(hex "$T/message" | grep -o "$written" | wc -l)" 2
reads 'E12: we read it' "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
reads 'E12: OpenSSL reads it' "$CONTENT" openssl cms -decrypt -inform DER -binary -in "$T/message" -inkey "$T/peer-rsa.key" -recip "$T/peer-rsa.pem" -out "$T/got"
check 'E12: without it' 0 smime encrypt --cms -r "$T/peer-rsa.pem" -i "$CONTENT" -o "$T/message"
is 'E12: there is none' "$(hex "$T/message" | grep -c 06092a864886f70d010107)" 0

# ---- Certificates for OAEP alone ----

check 'E12: a key whose certificate is for RSAES-OAEP is encrypted to' 0 smime encrypt --cms -r oaep@example.org -i "$CONTENT" -o "$T/message"
is 'E12: with OAEP, which nobody has to ask for' "$(hex "$T/message" | grep -o "$written" | wc -l)" 1
reads 'E12: its token opens the message' "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
check 'the keys are listed' 0 smime keys --json
is 'E12: the key is shown for what it is' "$(json "$T/out" "[(c['cannot_encrypt'], c['cannot_sign'] is None) for k in d['keys'] if k['label'] == 'oaep' for c in k['certificates']]")" '[(None, False)]'
done_testing
