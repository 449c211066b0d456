#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# GnuTLS verifies what we sign, and we verify what GnuTLS signs, with certtool. It signs CMS only, and encrypts none.
# It writes no certificates but the signer's, so the others of the chain are in the person's folder.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
command -v certtool >/dev/null || skip_all 'certtool is not installed'
fixture people wide kinds
fixture_peer peer-p-384 digitalSignature -algorithm EC -pkeyopt ec_paramgen_curve:P-384
contents
mkdir -p "$HOME/.config/smime-agent/certificates"
cp "$T/ca/issuing.pem" "$HOME/.config/smime-agent/certificates/"
agent_start
verifies() { certtool --p7-verify --load-ca-certificate "$T/ca/root.pem" --inder --infile "$T/message" "$@"; } # [OPTION...]
signs() { # KIND PEER FILE OPTION...
	local kind=$1 peer=$2 file=$3
	shift 3
	certtool "--p7-$kind" --outder --load-privkey "$T/$peer.key" --load-certificate "$T/$peer.pem" "$@" --infile "$file" --outfile "$T/message"
}

# ---- Signatures that we write ----

while read -r who options; do
	made smime sign --cms $options -k "$who@example.org" -i "$CONTENT" -o "$T/message"
	holds "GnuTLS verifies what $who signs $options" verifies
	flip "$T/message"
	fails 'but not when it was changed' verifies
	made smime sign --cms --detached $options -k "$who@example.org" -i "$CONTENT" -o "$T/message"
	holds 'a detached signature verifies' verifies --load-data "$CONTENT"
	fails 'but not for other content' verifies --load-data "$T/content.16"
done <<'END'
alice
alice    --digest sha384
alice    --digest sha512
alice    --pss
rsa3072
rsa4096  --digest sha512
bob
bob      --digest sha512
p384
p521
edward
pss
END

# ---- Signatures that GnuTLS writes ----

while IFS='|' read -r peer options report; do
	for form in --p7-time --no-p7-time; do
		made signs sign "$peer" "$CONTENT" $options $form
		reads "we verify what $peer signs with $options $form" "$CONTENT" smime verify --cms -i "$T/message" -o "$T/got"
		says 'and say what it is' "good +algorithm +$report\$"
		flip "$T/message"
		check 'but not when it was changed' 1 smime verify --cms -i "$T/message"
		made signs detached-sign "$peer" "$CONTENT" $options $form
		check 'and detached' 0 smime verify --cms --detached-content "$CONTENT" -i "$T/message"
		check 'but not for other content' 1 smime verify --cms --detached-content "$T/content.16" -i "$T/message"
	done
done <<'END'
peer-rsa|--hash SHA256|RSA-2048 PKCS#1 v1.5 SHA-256
peer-rsa|--hash SHA384|RSA-2048 PKCS#1 v1.5 SHA-384
peer-rsa|--hash SHA512|RSA-2048 PKCS#1 v1.5 SHA-512
peer-ec|--hash SHA256|EC-256 ECDSA SHA-256
peer-ec|--hash SHA512|EC-256 ECDSA SHA-512
peer-p-384|--hash SHA384|EC-384 ECDSA SHA-384
END

for size in "${SIZES[@]}"; do
	[ "$size" != 0 ] || continue
	made signs sign peer-rsa "$T/content.$size" --hash SHA256 --p7-time
	reads "we verify $size bytes" "$T/content.$size" smime verify --cms -i "$T/message" -o "$T/got"
	made smime sign --cms --detached -k alice@example.org -i "$T/content.$size" -o "$T/message"
	holds 'and GnuTLS does' verifies --load-data "$T/content.$size"
done
done_testing
