#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The signed attributes and the certificates that go out with a signature (RFC 5652 11, 5035, 6211, 8551 2.5), as OpenSSL reads them.
. "$(dirname "$0")/../lib/lib.sh"

fixture people odd
agent_start

# The signed attributes of $T/signed as "name: value .." lines: names as OpenSSL has them, else dotted.
cat >"$T/attributes.py" <<'END'
import re, sys
text = sys.stdin.read()
signed = text[text.index('signedAttrs:'):text.index('signatureAlgorithm:', text.index('signedAttrs:'))]
for attribute in re.split(r'\n\s*object: ', signed)[1:]:
    name, values = attribute.split('\n', 1)
    print(re.search(r'\(([\d.]+)\)', name)[1], ' '.join(values.split()))
END
sign() { smime sign --cms -k "$1" -i "$T/mail" -o "$T/signed" "${@:2}" && openssl cms -cmsout -print -inform DER -in "$T/signed" | python3 "$T/attributes.py" >"$T/attributes"; }
attribute() { grep "^$1 " "$T/attributes"; }
certificates() { # the subjects of those that go out
	openssl cms -verify -inform DER -in "$T/signed" -noverify -certsout "$T/certificates" -out /dev/null 2>/dev/null
	openssl crl2pkcs7 -nocrl -certfile "$T/certificates" | openssl pkcs7 -print_certs -noout | sed -n 's/^subject=.*CN = //p' | sort | tr '\n' ','
}
mail alice@example.org bob@example.org >"$T/mail"

check 'alice signs' 0 sign alice@example.org
is 'there is one of each, and no other' "$(cut -d' ' -f1 "$T/attributes" | sort | tr '\n' ' ')" \
	'1.2.840.113549.1.9.15 1.2.840.113549.1.9.16.2.47 1.2.840.113549.1.9.3 1.2.840.113549.1.9.4 1.2.840.113549.1.9.5 1.2.840.113549.1.9.52 '
like 'content-type is id-data' "$(attribute 1.2.840.113549.1.9.3)" 'OBJECT:pkcs7-data'
digest=$(openssl dgst -sha256 -r "$T/mail" | cut -d' ' -f1)
like 'message-digest is that of the content' "$(attribute 1.2.840.113549.1.9.4)" "0000 - $(sed 's/../& /g' <<<"${digest:0:14}")"
like 'signing-time is a UTCTime of now' "$(attribute 1.2.840.113549.1.9.5)" "UTCTIME:$(date -u '+%b %e')"
like 'signing-certificate-v2 has the hash of the certificate' "$(attribute 1.2.840.113549.1.9.16.2.47)" \
	"HEX DUMP\\]:$(openssl x509 -in "$T/alice.pem" -outform DER | openssl dgst -sha256 -r | cut -c 1-64 | tr a-f A-F)"
like 'and issuer and serial number' "$(attribute 1.2.840.113549.1.9.16.2.47)" "INTEGER :$(openssl x509 -in "$T/alice.pem" -noout -serial | cut -d= -f2)"
like 'algorithm protection has the digest' "$(attribute 1.2.840.113549.1.9.52)" 'OBJECT :sha256'
like 'and the signature algorithm' "$(attribute 1.2.840.113549.1.9.52)" 'OBJECT :(rsaEncryption|sha256WithRSAEncryption)'
is 'the capabilities are those that everybody reads' "$(attribute 1.2.840.113549.1.9.15 | grep -oE 'OBJECT :[^ ]+' | tr '\n' ' ')" 'OBJECT :aes-256-cbc OBJECT :aes-128-cbc '
is 'the intermediate goes out, the root does not' "$(certificates)" 'Alice,Demonstration Issuing CA,'

# One certificate for signing, another for encryption.
check 'erin signs' 0 sign erin@example.org
like 'she says which certificate is for encryption' "$(attribute 1.2.840.113549.1.9.16.2.11)" \
	"INTEGER :$(openssl x509 -in "$T/erin-encryption.pem" -noout -serial | cut -d= -f2)"
is 'and sends it along' "$(certificates)" 'Demonstration Issuing CA,Erin,Erin,'
agent_stop

# SMIMECapabilities in whole: what compares capabilities compares octets (RFC 8551 2.5.2).
declare -A octets=(
	[aes256-cbc]=300b060960864801650304012a [aes128-cbc]=300b0609608648016503040102
	[aes256-gcm]=300b060960864801650304012e [aes128-gcm]=300b0609608648016503040106
	[chacha20-poly1305]=300d060b2a864886f70d0109100312 [cek-hkdf-sha256]=300d060b2a864886f70d010910031f)
hex_of() { od -An -v -tx1 "$1" | tr -d ' \n'; } # FILE
capabilities_der() { # NAME...: the attribute's type and value
	local name all=
	for name; do all+=${octets[$name]}; done
	printf '06092a864886f70d01090f31%02x30%02x%s' $((${#all} / 2 + 2)) $((${#all} / 2)) "$all"
}
told() { PYTHONPATH=$SOURCE/tests/lib python3 -c 'import sys, wire; print(*wire.capabilities(wire.Connection(sys.argv[1]).greet()))' "$SMIME_AGENT_SOCK"; }
order=(chacha20-poly1305 aes256-gcm cek-hkdf-sha256 aes128-gcm aes256-cbc aes128-cbc)
configure "capabilities: [$(printf '%s,' "${order[@]}" | sed 's/,$//')]"
agent_start
check 'with other capabilities' 0 sign alice@example.org
like 'C16: these are advertised, in this order, byte for byte, without parameters' "$(hex_of "$T/signed")" "$(capabilities_der "${order[@]}")"
is 'E7: cek-hkdf-sha256 has the octets of RFC 9709' "$(hex_of "$T/signed" | grep -o 300d060b2a864886f70d010910031f)" 300d060b2a864886f70d010910031f
is 'a listing tells a client the same' "$(told)" "$(for name in "${order[@]}"; do printf '%s ' "${octets[$name]}"; done | sed 's/ $//')"
done_testing
