#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The signed attributes and the certificates that go out with a signature (RFC 5652 11, 5035, 6211, 8551 2.5), as OpenSSL reads them.
. "$(dirname "$0")/../lib/lib.sh"

fixture people odd kinds
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

# ---- Which there are ----

common='1.2.840.113549.1.9.15 1.2.840.113549.1.9.16.2.47 1.2.840.113549.1.9.3 1.2.840.113549.1.9.4 1.2.840.113549.1.9.5 1.2.840.113549.1.9.52 '
with_preference=${common/1.2.840.113549.1.9.16.2.47/1.2.840.113549.1.9.16.2.11 1.2.840.113549.1.9.16.2.47}
for person in alice bob edward erin; do
	case $person in edward | erin) expected=$with_preference ;; *) expected=$common ;; esac
	check "$person signs" 0 sign "$person@example.org"
	is "C11: of what $person signs there is one of each, and no other" "$(cut -d' ' -f1 "$T/attributes" | sort | tr '\n' ' ')" "$expected"
done

# ---- Each by itself ----

hex_of() { od -An -v -tx1 "$1" | tr -d ' \n'; } # FILE
has_octets() { hex_of "$T/signed" | grep -qF "$1"; } # HEXADECIMAL
day=$(date -u '+%b %-d') # without the blank before the days from 1 to 9, as attributes.py has it
check 'alice signs' 0 sign alice@example.org
like 'C6: content-type is id-data' "$(attribute 1.2.840.113549.1.9.3)" 'OBJECT:pkcs7-data'
digest=$(openssl dgst -sha256 -r "$T/mail" | cut -d' ' -f1)
holds 'C5: message-digest is that of the content' has_octets "06092a864886f70d01090431220420$digest"
like 'C12: signing-time is of now' "$(attribute 1.2.840.113549.1.9.5)" "UTCTIME:($day|$(date -u '+%b %-d')) "
like 'C12: as a UTCTime with seconds and Z' "$(hex_of "$T/signed")" '06092a864886f70d010905310f170d(3[0-9]){12}5a'
# ESSCertIDv2 without a digest algorithm is over SHA-256 (RFC 5035 3).
certificate_hash=$(openssl x509 -in "$T/alice.pem" -outform DER | openssl dgst -sha256 -r | cut -c 1-64)
like 'C15: signing-certificate-v2 has the hash of the certificate first, and leaves SHA-256 out' "$(hex_of "$T/signed")" \
	"060b2a864886f70d010910022f31(81)?..30(81)?..30(81)?..30(81)?..0420$certificate_hash"
like 'C15: and issuer and serial number' "$(attribute 1.2.840.113549.1.9.16.2.47)" "INTEGER :$(openssl x509 -in "$T/alice.pem" -noout -serial | cut -d= -f2)"
is 'C16: the capabilities are those that everybody reads' "$(attribute 1.2.840.113549.1.9.15 | grep -oE 'OBJECT :[^ ]+' | tr '\n' ' ')" 'OBJECT :aes-256-cbc OBJECT :aes-128-cbc '
is 'the intermediate goes out, the root does not' "$(certificates)" 'Alice,Demonstration Issuing CA,'

# What protects the algorithms are those of the SignerInfo (RFC 6211 2): the signature algorithm as [1] IMPLICIT.
sha256=300b0609608648016503040201 sha384=300b0609608648016503040202 sha512=300b0609608648016503040203
while read -r who digest signature options; do
	check "$who signs $options" 0 sign "$who@example.org" $options
	inside=${!digest}a1${signature#30}
	like "C14: the algorithms of $who $options are protected as they are" "$(hex_of "$T/signed")" "$(printf '06092a864886f70d01093431..30%02x%s' $((${#inside} / 2)) "$inside")"
	is "C14: and stand so in the SignerInfo" "$(hex_of "$T/signed" | grep -c "${signature}04")" 1
done <<END
alice  sha256 300d06092a864886f70d01010b0500
alice  sha384 300d06092a864886f70d01010c0500 --digest sha384
bob    sha256 300a06082a8648ce3d040302
edward sha512 300506032b6570
alice  sha256 303d06092a864886f70d01010a3030a00d${sha256}a11a301806092a864886f70d010108${sha256}a203020120 --pss
END

# OpenSSL holds ESS attributes to RFC 5035 when it is asked to.
cades() { openssl cms -verify -cades -binary -inform DER -in "$T/signed" -CAfile "$T/ca/root.pem" -purpose any -out /dev/null; }
for who in alice bob erin pss; do
	check "$who signs" 0 sign "$who@example.org"
	holds "C15: OpenSSL finds $who's certificate named by the signature" cades
done

# ---- One certificate for signing, another for encryption ----

for who in erin edward; do
	check "$who signs" 0 sign "$who@example.org"
	like "C18: $who says which certificate is for encryption" "$(attribute 1.2.840.113549.1.9.16.2.11)" \
		"INTEGER :$(openssl x509 -in "$T/$who-encryption.pem" -noout -serial | cut -d= -f2)"
	is "C18: by issuer and serial number ($who)" "$(hex_of "$T/signed" | grep -cE '060b2a864886f70d010910020b31..a0')" 1
	is "C18: and sends it along ($who)" "$(certificates)" "$([ $who = erin ] && echo 'Demonstration Issuing CA,Erin,Erin,' || echo 'Demonstration Issuing CA,Edward,Edward,')"
	openssl crl2pkcs7 -nocrl -certfile "$T/certificates" | openssl pkcs7 -print_certs -out "$T/sent.pem"
	holds "C18: of which one is that one ($who)" grep -qF "$(openssl x509 -in "$T/$who-encryption.pem" | sed -n 2p)" "$T/sent.pem"
done
check 'bob signs' 0 sign bob@example.org
is 'C18: who has one certificate for both names no other' "$(attribute 1.2.840.113549.1.9.16.2.11)" ''
agent_stop

# SMIMECapabilities in whole: what compares capabilities compares octets (RFC 8551 2.5.2).
declare -A octets=(
	[aes256-cbc]=300b060960864801650304012a [aes128-cbc]=300b0609608648016503040102
	[aes256-gcm]=300b060960864801650304012e [aes128-gcm]=300b0609608648016503040106
	[chacha20-poly1305]=300d060b2a864886f70d0109100312 [cek-hkdf-sha256]=300d060b2a864886f70d010910031f)
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
