#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The example messages of RFC 4134: S/MIME of twenty years ago, with SHA-1, DSA, RSA-1024, 3DES and RC2. All of it must get a
# definite answer: what still can be read is read and called weak, and nothing that was signed like that verifies.
. "$(dirname "$0")/../lib/lib.sh"
V=$VECTORS/rfc4134
[ -d "$V" ] || skip_all "the examples of RFC 4134 are not in $VECTORS"

export DEMO=$T
demo_tokens && demo_token rfc4134 || bail 'no token could be made'

# A private key and its certificate go onto the token.
put() { # NAME ID KEY CERTIFICATE
	openssl pkey -inform DER -in "$V/$3" -out "$T/$1.key" && demo_import rfc4134 "$1" "$2" "$T/$1.key" &&
		openssl x509 -inform DER -in "$V/$4" -out "$T/$1.pem" && demo_store rfc4134 "$1" "$2" || bail "$1's key could not be imported"
}
put diane 01 DianePrivRSASignEncrypt.pri DianeRSASignByCarl.cer
for carl in RSA DSS; do openssl x509 -inform DER -in "$V/Carl${carl}Self.cer" -out "$T/carl-$carl.pem"; done
configure "$(printf 'trust: ["%s", "%s"]\ncertificates: []' "$T/carl-RSA.pem" "$T/carl-DSS.pem")"

# ---- 5: EnvelopedData ----

agent_start
check 'Diane is no recipient of 5.1' 1 smime decrypt --cms -i "$V/5.1.bin" -o "$T/never"
says 'which is told' 'none of the agent.s 1 certificate'
agent_stop
put bob 02 BobPrivRSAEncrypt.pri BobRSASignByCarl.cer
# pkcs11-tool can't import DSA keys. The agent can do nothing with one, and it must hide neither itself nor the others.
openssl pkcs8 -topk8 -nocrypt -inform DER -in "$V/AlicePrivDSSSign.pri" -out "$T/dsa.p8"
demo_quiet softhsm2-util --import "$T/dsa.p8" --token rfc4134 --pin "$DEMO_PIN" --label alice-dsa --id 03 || bail 'no DSA key could be imported'
openssl x509 -inform DER -in "$V/AliceDSSSignByCarlNoInherit.cer" -out "$T/alice-dsa.pem"
demo_store rfc4134 alice-dsa 03
agent_start

check '5.1 is decrypted' 0 smime decrypt --cms -i "$V/5.1.bin" -o "$T/plain"
same 'to the content of the examples' "$T/plain" "$V/ExContent.bin"
says 'and 3DES is called weak' 'des-ede3-cbc, rsa-v1.5, 1 recipient, .*: WEAK cipher'
check 'no signature inside is enough for --require-signature' 1 smime decrypt --cms --require-signature -i "$V/5.1.bin" -o "$T/never"
check '5.2 is refused as unsupported: RC2' 6 smime decrypt --cms -i "$V/5.2.bin" -o "$T/never"
says 'which is told' 'algorithm that is not supported'
one_line 'in one line'
check '5.3 is decrypted as mail' 0 smime decrypt -i "$V/5.3.eml" -o "$T/plain"
is 'with its header and the content' "$(grep -c -e '^Subject: Example 5.3' -e '^This is some sample content.$' "$T/plain")" 2
# The last octets of the file are the encrypted content's.
size=$(stat -c %s "$V/5.1.bin")
{ head -c $((size - 1)) "$V/5.1.bin" && printf 'x'; } >"$T/changed"
check 'a changed 5.1 is not decrypted' 1 smime decrypt --cms -i "$T/changed" -o "$T/never"
head -c $((size - 1)) "$V/5.1.bin" >"$T/short"
check 'a 5.1 that is cut off is malformed' 6 smime decrypt --cms -i "$T/short" -o "$T/never"

check 'the keys are listed after the login' 0 smime keys --json
for row in BobRSA:RSA-1024 DianeRSA:RSA-1024 AliceDSS:DSA-1024; do
	is "${row%:*}'s key is listed as ${row#*:}, and nobody should encrypt to it" \
		"$(json "$T/out" "[(k['algorithm'], k['seen'], c['cannot_encrypt'] is not None) for k in d['keys'] for c in k['certificates'] if c['subject'] == 'CN=${row%:*}']")" \
		"[('${row#*:}', True, True)]"
done
check 'Diane can no longer sign' 4 smime sign --cms -k DianeRSA@example.com -i "$V/ExContent.bin" -o "$T/never"
says 'because her key is too short' 'less than 2048 bits'
check 'nobody encrypts to Bob any more' 4 smime encrypt --cms -r "$T/bob.pem" -i "$V/ExContent.bin" -o "$T/never"
says 'because his key is too short' 'less than 2048 bits'

# ---- 4: SignedData ----

# The result and the form, then for each signer: name, signature, attributes, chain, validity, algorithm.
outcomes() {
	json "$T/out" "d['result'] + ', ' + d['layers'][0]['form'] + ': ' + '; '.join(' '.join([s['subject'] or '-'] + [next((c['outcome'] for c in s['checks'] if c['name'] == n), '-')
		for n in ('signature', 'attributes', 'chain', 'validity', 'algorithm')]) for l in d['layers'] for s in l['signers'])"
}
verify_example() { # EXAMPLE OPTION...
	local example=$1
	shift
	case $example in
	4.3) run smime verify --json --cms -o "$T/never" --detached-content "$V/ExContent.bin" "$@" "$V/4.3.bin" ;;
	*.eml) run smime verify --json -o "$T/never" "$@" "$V/$example" ;;
	*) run smime verify --json --cms -o "$T/never" "$@" "$V/$example.bin" ;;
	esac
}
openssl_verifies() { # EXAMPLE: the signature, not the certificates
	case $1 in
	4.3) openssl cms -verify -noverify -binary -inform DER -content "$V/ExContent.bin" -in "$V/4.3.bin" -out /dev/null ;;
	*.eml) openssl cms -verify -noverify -in "$V/$1" -out /dev/null ;;
	*) openssl cms -verify -noverify -binary -inform DER -in "$V/$1.bin" -out /dev/null ;;
	esac
}
dss='CN=AliceDSS good warning bad good bad' rsa='CN=AliceRSA good warning bad good bad'
attributes='CN=AliceDSS good good bad good bad'
# Diane's certificate leaves the parameters of her DSA key to Carl's (RFC 3279 2.3.2), which neither OpenSSL nor we follow.
diane='CN=DianeDSS unknown warning bad good bad'
while IFS='|' read -r example form expected what; do
	verify_example "$example"
	is "$example ($what): what is good and what is not" "$code: $(outcomes)" "1: untrusted, $form: $expected"
	case $expected in
	*unknown*) fails "$example: OpenSSL can't verify it either" openssl_verifies "$example" ;;
	*) holds "$example: OpenSSL finds the signature good too" openssl_verifies "$example" ;;
	esac
done <<-END
	4.1|signed-data|$dss|DSA
	4.2|signed-data|$rsa|RSA, indefinite length
	4.3|signed-data|$dss|detached
	4.4|signed-data|$attributes|attributes, CRL, countersignature
	4.5|signed-data|$rsa|with the root's certificate
	4.6|signed-data|$dss; $diane|two signers
	4.7|signed-data|$dss|signer by key identifier
	4.8.eml|multipart/signed|$dss|multipart/signed
	4.9.eml|signed-data|$dss|application/pkcs7-mime
	4.10|signed-data|$attributes|unknown and ESS attributes
END
absent 'no content was written' "$T/never"

verify_example 4.1
like 'SHA-1 and DSA are named' "$(json "$T/out" "[c['text'] for c in d['layers'][0]['signers'][0]['checks'] if c['name'] == 'algorithm']")" 'SHA-1 is too weak \(DSA-1024'
verify_example 4.2
like 'so is a chain that rests on SHA-1, though its root is trusted' "$(json "$T/out" "d['message']")" 'digest algorithm too weak'
verify_example 4.4
is 'the signing time of 4.4 is told' "$(json "$T/out" "d['layers'][0]['signers'][0]['signing_time']")" 2003-05-14T15:39:00Z
verify_example 4.8.eml
is 'another From than the certificate has is found' "$(json "$T/out" "[c['outcome'] for c in d['layers'][0]['signers'][0]['checks'] if c['name'] == 'address']")" "['bad']"
verify_example 4.5 --from AliceRSA@example.com
is 'a From that fits is good' "$(json "$T/out" "[c['outcome'] for c in d['layers'][0]['signers'][0]['checks'] if c['name'] == 'address']")" "['good']"
for at in 1999-01-01 2040-01-01; do
	verify_example 4.1 --at $at
	is "the certificate is not valid in $at" "$code: $(outcomes)" '1: untrusted, signed-data: CN=AliceDSS good warning bad bad bad'
done

# One changed letter of the content.
for example in 4.1 4.2 4.4 4.5 4.6 4.7 4.10; do
	LC_ALL=C sed 's/some sample/some simple/' "$V/$example.bin" >"$T/changed"
	check "$example: a changed content is found" 1 smime verify --json --cms -i "$T/changed"
	is 'and the digest, or the signature over the content itself, called bad' \
		"$(json "$T/out" "d['result'], 'bad' in [c['outcome'] for c in d['layers'][0]['signers'][0]['checks'] if c['name'] in ('signature', 'digest')]")" "('bad', True)"
done
sed 's/some sample/some simple/' "$V/4.8.eml" >"$T/changed"
check '4.8: a changed content is found' 1 smime verify --json -i "$T/changed"
is 'and the signature called bad' "$(json "$T/out" "d['result']")" bad
check '4.3 without its content is wrong usage' 2 smime verify --cms "$V/4.3.bin"
says 'with the option that gives it' '--detached-content'

check '4.11 holds certificates, and nobody signed it' 1 smime verify --json --cms "$V/4.11.bin"
is 'which the report says' "$(json "$T/out" "d['result'], d['signed'], d['layers'][0]['form']")" "('not-signed', False, 'certs-only')"

# ---- 3, 6 and 7: other types ----

while IFS='|' read -r example code_of_decrypt pattern; do
	check "$example is not signed" 1 smime verify --cms -i "$V/$example.bin" -o "$T/never"
	says "$example: verify names the type" "$pattern"
	check "$example is not decrypted" "$code_of_decrypt" smime decrypt --cms -i "$V/$example.bin" -o "$T/never"
	one_line "$example: one line tells why"
done <<-'END'
	3.1|1|pkcs7-data
	3.2|1|pkcs7-data
	6.0|1|pkcs7-digestData
	7.1|6|pkcs7-encryptedData
	7.2|6|pkcs7-encryptedData
END
says 'EncryptedData is not called unencrypted' 'EncryptedData\), which is not supported'
absent 'nothing of all this was written' "$T/never"
done_testing
