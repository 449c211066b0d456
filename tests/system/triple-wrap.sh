#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Layers in layers: signed, encrypted, signed again (RFC 2634 1.1), written and read, and as many layers as there may be.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
agent_start

mail alice@example.org bob@example.org 'Bcc: boss@example.org' 'MIME-Version: 1.0' 'Content-Type: text/plain; charset=us-ascii' >"$T/mail"
printf 'The text of it.\n' >>"$T/mail"
peel() { # IN OUT: the signature, as OpenSSL sees it
	openssl cms -verify -in "$1" -CAfile "$T/ca/root.pem" -out "$2" 2>/dev/null
}
layers() { json "$T/out" "[(l['kind'], l['form'], l['good'], l['summarized']) for l in d['layers']]"; }

for cipher in aes256-cbc aes256-gcm; do
	check "M8: a mail is wrapped three times, $cipher" 0 smime encrypt --triple-wrap --cipher $cipher -r bob@example.org -r "$T/peer-rsa.pem" -i "$T/mail" -o "$T/message"
	holds 'M8: OpenSSL verifies the outer signature' peel "$T/message" "$T/encrypted"
	holds 'M8: decrypts what is in it' openssl cms -decrypt -in "$T/encrypted" -recip "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -out "$T/signed"
	holds 'M8: verifies the inner signature' peel "$T/signed" "$T/text"
	holds 'M8: and finds the text' grep -q 'The text of it' "$T/text"
	check 'M8: it is decrypted' 0 smime decrypt --json --require-signature -i "$T/message" -o "$T/plain"
	is 'M8: three layers are told' "$(layers)" \
		"[('signed', 'multipart/signed', True, False), ('encrypted', '$([ $cipher = aes256-cbc ] && echo enveloped-data || echo authEnveloped-data)', True, True), ('signed', 'multipart/signed', True, True)]"
	is 'M11: it is signed and encrypted' "$(json "$T/out" "d['summary'], d['authenticated'], d['good']")" "('signed-and-encrypted', True, True)"
	holds 'M8: the text comes out' grep -q 'The text of it' "$T/plain"
done
is 'E19: Bcc is in none of it' "$(cat "$T/message" "$T/encrypted" "$T/signed" "$T/text" | grep -c boss@)" 0 # base64 has no @
is 'two signatures need one PIN' "$(prompts)" 1
check 'M8: who can not decrypt it verifies the outer signature' 0 smime verify --json -i "$T/message"
is 'M11: which says nothing of what is inside' "$(json "$T/out" "d['summary'], d['good']") $(layers)" \
	"('encrypted', True) [('signed', 'multipart/signed', True, False), ('encrypted', 'closed', False, True)]"
sed 's/filename="smime.p7m"/filename="smimf.p7m"/' "$T/message" >"$T/changed"
check 'M8: a changed outer signature or content is found' 1 smime decrypt -i "$T/changed" -o "$T/never"
absent 'M8: and nothing is written' "$T/never"

# More than fits memory goes through a file.
{ cat "$T/mail" && head -c 3000000 /dev/urandom | base64; } >"$T/large"
check 'M8: a large mail is wrapped' 0 smime encrypt --triple-wrap -r bob@example.org -i "$T/large" -o "$T/message"
check 'M8: and opened' 0 smime decrypt --require-signature -i "$T/message" -o "$T/plain"
is 'M8: whole' "$(sed '1,/^$/d' "$T/plain" | sha256sum)" "$(sed '1,/^$/d' "$T/large" | sha256sum)"
is 'no file stays behind' "$(ls -A "$TMPDIR")" ''

sed 's/^Subject: .*/Subject: The true subject/' "$T/mail" >"$T/subject"
check 'M10: with its header' 0 smime encrypt --triple-wrap --header-protection -r bob@example.org -i "$T/subject" -o "$T/message"
is 'M10: the subject is hidden' "$(grep -c 'The true subject' "$T/message") $(grep '^Subject' "$T/message")" '0 Subject: [...]'
check 'M10: it is decrypted' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: signed and encrypted' "$(json "$T/out" "[f['name'] for f in d['header'] if f['signed'] and f['encrypted']]") $(grep '^Subject' "$T/plain")" "['Subject'] Subject: The true subject"
told 'triple wrapping is for mails' 2 'are for mails' smime encrypt --cms --triple-wrap -k alice@example.org -r bob@example.org -i "$T/mail" -o "$T/never"

# ---- Many layers ----

# As multipart/signed, where a layer adds little to the size.
wrapped=0
wrap() { # FILE TIMES
	local i
	for ((i = wrapped; i < wrapped + $2; i++)); do
		openssl cms -sign -signer "$T/peer-ec.pem" -inkey "$T/peer-ec.key" -certfile "$T/ca/issuing.pem" -binary -in "$1" -outform DER -out "$T/sig" 2>/dev/null &&
			{
				printf 'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="=_%d"\r\n\r\n--=_%d\r\n' "$i" "$i"
				cat "$1"
				printf '\r\n--=_%d\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n' "$i"
				base64 "$T/sig" | sed 's/$/\r/'
				printf -- '--=_%d--\r\n' "$i"
			} >"$T/wrapped" && mv "$T/wrapped" "$1"
	done
	wrapped=$i
}
printf 'Content-Type: text/plain\r\n\r\nIn the middle.\r\n' >"$T/middle"
wrap "$T/middle" 16
check 'M8: sixteen layers are read' 0 smime verify --json -i "$T/middle"
is 'M8: and told' "$(json "$T/out" "len(d['layers']), all(l['good'] for l in d['layers'])")" '(16, True)'
wrap "$T/middle" 1
told 'M8: seventeen are too many' 6 'more than 16 layers' smime verify -i "$T/middle" -o "$T/never"
absent 'M8: nothing of them is written' "$T/never"
done_testing
