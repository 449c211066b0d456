#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The main job on real mail: sign, verify, encrypt, decrypt, with the real agent and a SoftHSM token, and with OpenSSL's verdict.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
agent_start

mail alice@example.org bob@example.org 'MIME-Version: 1.0' 'Content-Type: text/plain; charset=utf-8' 'Content-Transfer-Encoding: 8bit' >"$T/mail"
printf 'Gr\303\274\303\237e\nFrom here on\ntrailing \n' >>"$T/mail"
sed 's/$/\r/' "$T/mail" >"$T/mail.crlf"
openssl_verifies() { openssl cms -verify -in "$1" -CAfile "$T/ca/root.pem" -out /dev/null; }

for input in mail mail.crlf; do
	check "$input is signed" 0 smime sign -i "$T/$input" -o "$T/signed"
	holds "OpenSSL verifies the signed $input" openssl_verifies "$T/signed"
	fails "the signed $input is 7-bit" grep -qP '[\x80-\xff]' "$T/signed"
	check "the signed $input verifies" 0 smime verify -i "$T/signed" -o "$T/content"
	holds "what is written of $input is the signed part" grep -q 'Gr=C3=BC=C3=9Fe' "$T/content"
	fails "and nothing of its outer header" grep -q '^From: ' "$T/content"
	check "$input is signed opaquely" 0 smime sign --opaque -i "$T/$input" -o "$T/signed"
	holds "OpenSSL verifies the opaque $input" openssl_verifies "$T/signed"
	check "the opaque $input verifies" 0 smime verify -i "$T/signed"
done
is 'one prompt served all of it' "$(prompts)" 1

check 'a mail is signed' 0 smime sign -i "$T/mail" -o "$T/signed"
sed 's/this is the text/this is a text/' "$T/signed" >"$T/changed"
check 'one changed word is found' 1 smime verify -i "$T/changed" -o "$T/never"
absent 'and nothing is written' "$T/never"
sed 's/^From: .*/From: mallory@example.org/' "$T/signed" >"$T/changed"
check 'another From is not believed' 1 smime verify -i "$T/changed"

for cipher in aes256-cbc aes128-cbc aes256-gcm aes128-gcm; do
	check "a mail is signed and encrypted with $cipher" 0 smime encrypt --sign -r bob@example.org --cipher $cipher -i "$T/mail" -o "$T/encrypted"
	check "and decrypted" 0 smime decrypt --require-signature -i "$T/encrypted" -o "$T/plain"
	holds 'the text is there' grep -q 'this is the text' "$T/plain"
	holds 'the outer header is kept' grep -q '^Message-ID: <1@example.org>' "$T/plain"
done
check 'OAEP is written' 0 smime encrypt --oaep -r alice@example.org -i "$T/mail" -o "$T/encrypted"
check 'and read' 0 smime decrypt -i "$T/encrypted" -o "$T/plain"

for peer in peer-rsa peer-ec; do
	check "a mail is encrypted for $peer" 0 smime encrypt -r "$T/$peer.pem" -i "$T/mail" -o "$T/encrypted"
	holds "OpenSSL decrypts it as $peer" openssl cms -decrypt -in "$T/encrypted" -inkey "$T/$peer.key" -recip "$T/$peer.pem" -out "$T/plain"
	holds 'and finds the text' grep -q 'this is the text' "$T/plain"
done
for person in alice bob; do
	for options in '-aes256' '-aes-256-gcm' '-keyid -aes128'; do
		openssl cms -encrypt $options -in "$T/mail" -out "$T/encrypted" "$T/$person.pem" 2>/dev/null
		check "what OpenSSL encrypts for $person with $options is decrypted" 0 smime decrypt --cms -i <(openssl cms -cmsout -in "$T/encrypted" -outform DER) -o "$T/plain"
		holds 'with the text' grep -q 'this is the text' "$T/plain"
	done
done

check 'any bytes are signed as CMS' 0 smime sign --cms --detached -k alice@example.org -i "$T/mail" -o "$T/sig"
holds 'OpenSSL verifies them' openssl cms -verify -binary -inform DER -in "$T/sig" -content "$T/mail" -CAfile "$T/ca/root.pem" -out /dev/null
check 'they verify' 0 smime verify --cms --detached-content "$T/mail" -i "$T/sig"
check 'PSS and PEM too' 0 smime sign --cms --pss --pem -k alice@example.org -i "$T/mail" -o "$T/sig"
holds 'OpenSSL verifies PSS' openssl cms -verify -binary -inform PEM -in "$T/sig" -CAfile "$T/ca/root.pem" -out /dev/null

check 'status is one JSON document' 0 smime status --json
is 'that names the token' "$(json "$T/out" 'd["tokens"][0]["label"]')" demo
check 'keys are one JSON document' 0 smime keys --json
is 'with both keys' "$(json "$T/out" 'len(d["keys"])')" 2
check 'a report is one JSON document' 1 smime verify --json -i "$T/changed"
is 'that says no' "$(json "$T/out" 'd["good"]')" False

check 'lock is done' 0 smime lock
check 'and again' 0 smime lock
check 'after it a signature asks anew' 0 smime sign -i "$T/mail" -o "$T/signed"
is 'with a second prompt' "$(prompts)" 2

check 'no header is no mail' 6 smime sign -i <(printf 'just text\n') -o "$T/never"
one_line 'one line tells'
says 'and names the way out' '--cms'
check 'an unknown address is told' 4 smime encrypt -r nobody@example.org -i "$T/mail" -o "$T/never"
check 'an unsigned mail is not signed' 1 smime verify -i "$T/mail"
head -c 3000 "$T/sig" >"$T/short"
check 'a truncated CMS is malformed' 6 smime verify --cms -i "$T/short" -o "$T/never"
check 'JSON and content on one stream are refused' 2 smime sign --json -i "$T/mail"
absent 'none of them left a file' "$T/never"

# A file takes the place of another one with its content on the disk, not before.
if [ -z "${SMIME_SANITIZED:-}" ] && strace -o "$T/trace" true 2>/dev/null; then
	printf 'what was there\n' >"$T/replaced"
	check 'a file is replaced' 0 strace -o "$T/trace" -e trace=fsync,linkat,rename smime encrypt -r bob@example.org -i "$T/mail" -o "$T/replaced"
	like 'by one that is on the disk' "$(grep -oE '^[a-z]+' "$T/trace" | tr '\n' ' ')" '^fsync (linkat )?rename $'
else
	skip 'a file is replaced by one that is on the disk' 'nothing can be traced here'
fi
agent_stop
check 'without an agent the code is 3' 3 smime status --no-autostart
done_testing
