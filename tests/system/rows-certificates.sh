#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Certificates of signers and recipients, row by row of tests/conformance/rows.txt.
. "$(dirname "$0")/../lib/lib.sh"
fixture people odd
# A key that is too short by now, and was not when it was made.
openssl genrsa -out "$T/short.key" 1024 2>/dev/null
if ! demo_import demo short 07 "$T/short.key" || ! demo_certificate short Short short@example.org || ! demo_store demo short 07; then bail 'no short key'; fi
agent_start

points_of python3 "$SOURCE/tests/conformance/rows_certificates.py" "$T"

# ---- Keys of one person ----

mail erin@example.org bob@example.org >"$T/mail"
check 'K11: with certificates for signing and encryption apart, the former signs' 0 smime sign -i "$T/mail" -o "$T/signed"
check 'K11: and what it signs verifies' 0 smime verify --json "$T/signed"
is 'K11: it is the former' "$(json "$T/out" "d['layers'][0]['signers'][0]['fingerprint']")" "$(openssl x509 -in "$T/erin.pem" -outform DER | sha256sum | cut -d' ' -f1)"
check 'K11: the latter is encrypted to' 0 smime encrypt -r erin@example.org -i "$T/mail" -o "$T/encrypted"
check 'K11: and opens it' 0 smime decrypt --json -o "$T/got" "$T/encrypted"
is 'K11: it is the latter' "$(json "$T/out" "d['layers'][0]['key']")" "$(openssl x509 -in "$T/erin-encryption.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)"
check 'K11: the latter signs nothing' 4 smime sign -k "$(openssl x509 -in "$T/erin-encryption.pem" -outform DER | sha256sum | cut -d' ' -f1)" -i "$T/mail" -o "$T/signed"
mail twin@example.org bob@example.org >"$T/mail"
check 'K11: of two keys of one address none is guessed' 4 smime sign -i "$T/mail" -o "$T/signed"
for twin in twin-a twin-b; do
	key=$(openssl x509 -in "$T/$twin.pem" -outform DER | sha256sum | cut -d' ' -f1)
	check "K11: $twin signs where it is named" 0 smime sign -k "$key" -i "$T/mail" -o "$T/signed"
	check "K11: $twin: and is good" 0 smime verify "$T/signed"
	check "K11: $twin is encrypted to where it is named" 0 smime encrypt --no-self -r "$T/$twin.pem" -i "$T/mail" -o "$T/encrypted"
	check "K11: $twin: and opens it" 0 smime decrypt -o "$T/got" "$T/encrypted"
done

# ---- Keys that are too short ----

openssl cms -encrypt -binary -aes256 -outform DER -in "$T/mail" -recip "$T/short.pem" -out "$T/encrypted"
check 'K10: RSA of 1024 bits decrypts what is there' 0 smime decrypt --cms -i "$T/encrypted" -o "$T/got"
same 'K10: and right' "$T/mail" "$T/got"
check 'K10: and signs nothing' 4 smime sign -k short@example.org -i "$T/mail" -o "$T/signed"
says 'K10: for its length' '1024|2048'
done_testing
