#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Mail as people have it, in and out: line ends, 8-bit, attachments, nested parts, forms of CMS, headers. Python's email package
# and OpenSSL say what came out.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
agent_start

# ---- A mail with everything ----

head -c 50000 /dev/urandom >"$T/binary"
cat >"$T/rich" <<END
Return-Path: <alice@example.org>
Received: from a.example.org
	by b.example.org; Mon, 2 Nov 2026 10:00:00 +0100
From: =?utf-8?q?Alic=C3=A9?= Example <alice@example.org>
To: Bob <bob@example.org>, "Carol, of Example" <carol@example.org>
Bcc: secret@example.org
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= and
 a folded subject
Message-ID: <rich@example.org>
X-Long: $(printf 'word%d ' {1..200} | fold -s -w 70 | sed '2,$s/^/ /')
MIME-Version: 1.0
Content-Type: multipart/mixed;
 boundary="outer boundary"
Content-Language: de, en

A preamble in UTF-8, which nobody reads: ä. $(printf 'And long: %.0s' {1..150})
--outer boundary
Content-Type: multipart/alternative; boundary=outer

--outer
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße aus Zürich
From the beginning of a line
trailing blanks   
.
a very long line $(printf 'x%.0s' {1..1500})

--outer
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<html><body>Grüße</body></html>
--outer--
--outer boundary
Content-Type: message/rfc822

From: someone@example.net
Subject: forwarded

The forwarded text.
--outer boundary
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="data.bin"

$(openssl base64 -in "$T/binary")
--outer boundary
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

A line of =E4 more than 76 columns$(printf ' and more%.0s' {1..40})
--outer boundary--
An epilogue: ä.
END
sed 's/$/\r/' "$T/rich" >"$T/rich.crlf"

# What a mail holds, whatever its encodings: one line for each leaf.
cat >"$T/leaves.py" <<'END'
import email, email.policy, hashlib, sys
message = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
for part in message.walk():
    if part.is_multipart():
        print(part.get_content_type())
        continue
    data = part.get_payload(decode=True)
    if part.get_content_maintype() == 'text':
        data = data.replace(b'\r\n', b'\n').rstrip(b'\n')
    print(part.get_content_type(), part.get_filename(), hashlib.sha256(data).hexdigest())
END
leaves() { python3 "$T/leaves.py" "$1"; }
header() { sed '/^\r*$/q' "$1" | tr -d '\r'; }
seven_bit() { ! grep -qP '[\x80-\xff]' "$1" && [ "$(awk '{ sub("\r$", "") } length > 998' "$1" | wc -l)" = 0 ]; }
line_ends() { # FILE: LF, CRLF or both
	local all crlf
	all=$(wc -l <"$1") crlf=$(grep -c $'\r$' "$1")
	case $crlf in 0) echo LF ;; "$all") echo CRLF ;; *) echo both ;; esac
}
# The lengths of base64 lines that another one follows.
columns() { awk '{ sub("\r$", ""); base64 = /^[A-Za-z0-9+\/]+=*$/ && length > 50 } base64 && before { print before } { before = base64 ? length : 0 }' "$1" | sort -u; }

is 'the mail has what it should' "$(leaves "$T/rich" | wc -l)" 8
for input in rich rich.crlf; do
	ends=LF
	[ $input = rich ] || ends=CRLF
	for how in sign 'sign --opaque' 'encrypt --sign -r bob@example.org -r alice@example.org' 'encrypt --cipher aes256-gcm -r bob@example.org'; do
		name="$input, $how"
		out=$T/out.${how//[^a-z]/}.$input
		check "$name" 0 smime $how -i "$T/$input" -o "$out"
		is "$name: line ends" "$(line_ends "$out")" $ends
		holds "$name: 7-bit, short lines" seven_bit "$out"
		is "$name: base64 has 76 columns" "$(columns "$out")" 76
		for field in Return-Path Received From To Subject Message-ID X-Long; do
			grep -q "^$field:" <(header "$out") || fail "$name: the field $field stays outside" "$(header "$out")"
		done
		is "$name: one Content-Type and one MIME-Version outside" "$(header "$out" | grep -ciE '^(content-type|mime-version):')" 2
		fails "$name: Content-Language moves inward" grep -q '^Content-Language' <(header "$out")
	done
	holds 'the signed mail has the folded subject as it was' grep -q '^ a folded subject' <(header "$T/out.sign.$input")
	for how in encryptsignrbobexampleorgraliceexampleorg encryptcipheraesgcmrbobexampleorg; do
		fails 'an encrypted mail has no Bcc' grep -qi '^Bcc' <(header "$T/out.$how.$input")
		check 'it is decrypted' 0 smime decrypt -i "$T/out.$how.$input" -o "$T/plain"
		is 'to the same parts' "$(leaves "$T/plain")" "$(leaves "$T/rich")"
		is 'with the same line ends' "$(line_ends "$T/plain")" $ends
		holds 'and Content-Language back at the top' grep -q '^Content-Language: de, en' <(header "$T/plain")
		holds 'between the fields that stayed' grep -q '^Message-ID: <rich@example.org>' <(header "$T/plain")
	done
	for how in sign signopaque; do
		holds "OpenSSL verifies $how of $input" openssl cms -verify -in "$T/out.$how.$input" -CAfile "$T/ca/root.pem" -out "$T/openssl"
		is 'OpenSSL finds the same parts' "$(leaves "$T/openssl")" "$(leaves "$T/rich")"
		check "so does smime" 0 smime verify -i "$T/out.$how.$input" -o "$T/content"
		is 'with the same parts' "$(leaves "$T/content")" "$(leaves "$T/rich")"
	done
done

# ---- Other mail programs' line ends ----

check 'a signed mail whose CRLF became LF on its way' 0 smime verify <(tr -d '\r' <"$T/out.sign.rich.crlf")
check 'one whose LF became CRLF' 0 smime verify <(sed 's/$/\r/' "$T/out.sign.rich")
check 'an encrypted one whose CRLF became LF' 0 smime decrypt -o /dev/null <(tr -d '\r' <"$T/out.encryptcipheraesgcmrbobexampleorg.rich.crlf")

# ---- Forms of CMS in a mail ----

# A mail around CMS: $1 media type, $2 transfer encoding; the CMS comes in DER on standard input.
around() {
	printf 'From: alice@example.org\r\nTo: bob@example.org\r\nMIME-Version: 1.0\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n' "$1" "$2"
	if [ "$2" = base64 ]; then openssl base64 | sed 's/$/\r/'; else cat; fi
}
printf 'Content-Type: text/plain\r\n\r\nHello, this is the text.\r\n' >"$T/entity"
smime sign --cms -k alice@example.org -i "$T/entity" -o "$T/signed.ber"
openssl cms -cmsout -inform DER -in "$T/signed.ber" -outform DER -out "$T/signed.der"
openssl cms -encrypt -binary -aes256 -outform DER -in "$T/entity" -out "$T/enveloped.der" "$T/bob.pem"
smime encrypt --cms --cipher aes128-gcm -r bob@example.org -i "$T/entity" -o "$T/auth.ber"
for type in 'application/pkcs7-mime; smime-type=signed-data; name=smime.p7m' 'application/x-pkcs7-mime; smime-type=signed-data' \
	'application/pkcs7-mime' 'application/pkcs7-mime; smime-type=enveloped-data' 'application/pkcs7-mime; smime-type=nonsense' \
	'application/octet-stream; name="smime.p7m"' 'APPLICATION/PKCS7-MIME; SMIME-TYPE="signed-data"'; do
	for encoding in base64 binary; do
		around "$type" $encoding <"$T/signed.der" >"$T/mail"
		check "signed, $encoding, as $type" 0 smime verify -i "$T/mail" -o "$T/content"
		same 'has the signed entity' "$T/entity" "$T/content"
	done
done
for type in 'application/pkcs7-mime; smime-type=enveloped-data' 'application/x-pkcs7-mime' 'application/pkcs7-mime; smime-type=authEnveloped-data' \
	'application/pkcs7-mime; smime-type=signed-data' 'application/octet-stream; name=smime.p7m'; do
	for form in enveloped.der auth.ber; do
		around "$type" base64 <"$T/$form" >"$T/mail"
		check "$form as $type" 0 smime decrypt -i "$T/mail" -o "$T/plain"
		holds 'is the text' grep -q 'this is the text' "$T/plain"
	done
done
around 'application/pkcs7-mime; smime-type=signed-data' base64 <"$T/signed.der" |
	python3 -c 'import sys; head, body = sys.stdin.buffer.read().split(b"\r\n\r\n", 1)
lines = body.replace(b"\r\n", b""); sys.stdout.buffer.write(head + b"\r\n\r\n" + b"\n".join(lines[i:i + 61] + b" " for i in range(0, len(lines), 61)))' >"$T/mail"
check 'base64 of another width, with blanks, without a final line end' 0 smime verify "$T/mail"
for form in DER PEM; do
	openssl cms -cmsout -inform DER -in "$T/signed.ber" -outform $form -out "$T/cms"
	check "--cms finds out by itself: $form" 0 smime verify --cms "$T/cms"
done
check '--cms finds out by itself: BER' 0 smime verify --cms "$T/signed.ber"
check '--cms: --pem is PEM' 0 smime sign --cms --pem -k alice@example.org -i "$T/entity" -o "$T/cms"
holds 'that OpenSSL reads' openssl cms -cmsout -inform PEM -in "$T/cms" -noout

# ---- Recipients ----

recipients() { openssl cms -cmsout -print -in "$1" | grep -c 'd.ktri\|d.kari'; }
check 'three recipients' 0 smime encrypt -r bob@example.org -r "$T/peer-rsa.pem" -r "$T/peer-ec.pem" -i "$T/rich" -o "$T/out"
is 'and the sender are four' "$(recipients "$T/out")" 4
for peer in peer-rsa peer-ec; do
	holds "$peer reads it" openssl cms -decrypt -in "$T/out" -recip "$T/$peer.pem" -inkey "$T/$peer.key" -out "$T/plain"
	is 'with the same parts' "$(leaves "$T/plain")" "$(leaves "$T/rich")"
done
check 'without a copy to the sender' 0 smime encrypt --no-self -r bob@example.org -r "$T/peer-rsa.pem" -i "$T/rich" -o "$T/out"
is 'there are two' "$(recipients "$T/out")" 2
check 'somebody named twice' 0 smime encrypt --no-self -r bob@example.org -r "$T/bob.pem" -i "$T/rich" -o "$T/out"
is 'is one' "$(recipients "$T/out")" 1
mkdir -p "$HOME/.config/smime-agent/certificates"
cp "$T/peer-rsa.pem" "$HOME/.config/smime-agent/certificates/"
check 'an address is looked up in the folder of certificates' 0 smime encrypt -r peer-rsa@example.org -i "$T/rich" -o "$T/out"

# A signature without its certificate, which the person has from elsewhere.
printf 'Content-Type: text/plain\r\n\r\nThe text.\r\n' |
	openssl cms -sign -binary -nodetach -nocerts -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -outform DER >"$T/bare.p7m"
bare() { smime verify --cms --trust "$T/ca/issuing.pem" --trust "$T/ca/root.pem" "$T/bare.p7m"; }
check 'a signer without a certificate whose is in the folder' 0 bare
says 'is known' 'signed by peer-rsa@example\.org'
check 'the folder makes nobody trusted' 1 smime verify --cms --trust "$T/stranger.pem" "$T/bare.p7m"
mv "$HOME/.config/smime-agent/certificates/peer-rsa.pem" "$T/kept.pem"
check 'a signer whose certificate is nowhere' 1 bare
says 'is told where it could be' 'neither in the message nor in ~/\.config/smime-agent/certificates/ \(issuer [^)]*serial number'
cp "$T/bob.pem" "$HOME/.config/smime-agent/certificates/"
check "somebody else's certificate" 1 bare
mv "$T/kept.pem" "$HOME/.config/smime-agent/certificates/peer-rsa.pem"
rm "$HOME/.config/smime-agent/certificates/bob.pem"
agentless() { env SMIME_AGENT_SOCK="$T/nowhere.sock" smime verify --no-autostart --cms --trust "$T/ca/root.pem" "$T/bare.p7m"; }
check 'a chain whose link is nowhere' 1 agentless
cp "$T/ca/issuing.pem" "$HOME/.config/smime-agent/certificates/"
check 'a chain whose link is in the folder' 0 agentless
rm "$HOME/.config/smime-agent/certificates/issuing.pem"
mail carol@example.org bob@example.org >"$T/carol"
check 'a sender without a certificate' 0 smime encrypt -r bob@example.org -i "$T/carol" -o "$T/out"
says 'is warned' 'not be able to read'

# ---- What is not covered ----

smime sign -i "$T/carol" -k alice@example.org -o "$T/mail"
check 'a key that is not the sender'"'"'s' 1 smime verify "$T/mail"
says 'is not good' 'address +.*carol@example.org'
check 'but is with --from' 0 smime verify --from alice@example.org "$T/mail"
check 'which counts instead of the header' 1 smime verify --from carol@example.org "$T/out.sign.rich"
{
	printf 'From: alice@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=list\n\n--list\n'
	header "$T/out.sign.rich" | sed -n '/^Content-Type: multipart.signed/,$p'
	sed '1,/^\r*$/d' "$T/out.sign.rich"
	printf '\n--list\nContent-Type: text/plain\n\nAdded by a mailing list.\n--list--\n'
} >"$T/list"
check 'a signed part among others is not a signed mail' 1 smime verify -o "$T/never" "$T/list"
absent 'and nothing is written' "$T/never"
from() { sed "0,/^From: .*/s//$1/" "$T/out.sign.rich"; } # with another From outside
from 'From: alice@example.org\nFrom: mallory@example.org' >"$T/two"
check 'two From fields' 1 smime verify "$T/two"
says 'are what is wrong' 'address.*From'
from 'From: "alice@example.org" <mallory@example.org>' >"$T/display"
check 'an address that is only a name' 1 smime verify "$T/display"
says 'is not the address' 'address.*mallory@example.org'
from 'From: list@example.net\nSender: alice@example.org' >"$T/sender"
check 'the Sender may be the signer' 0 smime verify "$T/sender"
{
	cat "$T/out.sign.rich"
	printf 'An epilogue that nobody signed\n'
} >"$T/epilogue"
run smime verify -o "$T/content" "$T/epilogue"
fails 'an epilogue is never content' grep -q 'nobody signed' "$T/content"

# ---- Signed by somebody else ----

openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/mallory.key"
openssl pkey -in "$T/mallory.key" -pubout -out "$T/mallory.pub"

# Signs an entity (of standard input) with a certificate that our CA gave to Mallory, for these names.
by_mallory() { # SUBJECT-ALT-NAME, in Latin-1 as OpenSSL reads it
	demo_certificate mallory Mallory "$(iconv -f UTF-8 -t ISO-8859-1 <<<"$1")" digitalSignature &&
		openssl cms -sign -signer "$T/mallory.pem" -inkey "$T/mallory.key" -certfile "$T/ca/issuing.pem" -out "$T/by.mallory"
}
from_mallory() { printf "$1\n" | cat - "$T/by.mallory"; } # with this header; HEADER is a format

by_mallory mallory@evil.example <"$T/entity"
check 'a mail from the person of the certificate' 0 smime verify <(from_mallory 'From: mallory@evil.example')
check 'and one from somebody else' 1 smime verify <(from_mallory 'From: alice@example.org')
while IFS= read -r field; do
	check "two authors of whom one can't be read: $field" 1 smime verify <(from_mallory "$field")
	says 'are what is wrong' 'address.*From'
done <<'END'
From: alice\xff@example.org, mallory@evil.example
From: al\xffice@example.org, mallory@evil.example
From: mallory@evil.example; alice@example.org
From: alice@, mallory@evil.example
From: ceo, mallory@evil.example
From: @example.org, mallory@evil.example
From: <alice@example.org> <mallory@evil.example>
From: alice@example.org mallory@evil.example
From: mallory@evil.example@example.org
From: alice <alice @example.org>, mallory@evil.example
From: mallory @evil.example@x <alice@example.org>
END
for header in 'Subject: x\rFrom: alice@example.org\r\nFrom: mallory@evil.example' 'Subject: \0\nFrom: mallory@evil.example'; do
	check "a header that programs read in different ways: $header" 1 smime verify <(from_mallory "$header")
	says 'is what is wrong' 'address.*header'
done
from_mallory 'From: mallory@evil.example' | sed '0,/^$/s//no field\nFrom: alice@example.org\n/' >"$T/forged"
check 'a header with a line that is no field' 1 smime verify "$T/forged"
from_mallory 'From: mallory@evil.example' | sed "s/; boundary=.*/&$(printf '; a%d=b' {1..70}); boundary=other/" >"$T/forged"
check 'a second boundary behind many parameters' 1 smime verify "$T/forged"

utf8=otherName:1.3.6.1.5.5.7.8.9\;UTF8
for name in "$utf8:mallory@evil.example" 'email:müller@evil.example' "$(printf 'email:m%d@evil.example,' {1..101})email:x@evil.example"; do
	by_mallory "mallory@evil.example,$name" <"$T/entity"
	for from in alice@example.org mallory@evil.example; do
		check "a certificate with addresses that can't be read (${name::50}), $from" 1 smime verify <(from_mallory "From: $from")
		says 'is for nobody' "address.*can't be read"
	done
done
labels=$(printf 'ü%.0s' {1..10})
labels=$labels.$labels.$labels.$labels
by_mallory "mallory@evil.example$(printf ",$utf8:ü@$labels%d.org" {1..1000})" <"$T/entity"
check 'a certificate with 1000 addresses does not take long' 1 timeout 10 smime verify <(from_mallory 'From: alice@example.org')
by_mallory "mallory@evil.example$(printf ",$utf8:ü@$labels%d.org" {1..99})" <"$T/entity"
check 'nor does one with 100' 0 timeout 10 smime verify <(from_mallory "From: ü@${labels}99.org")

# ---- What is written of a mail that is opened ----

printf 'From: ceo@example.org\nSender: mallory@evil.example\nSubject: inside\nMIME-Version: 1.0\nContent-Language: en\nContent-Type: text/plain\n\nThe text.\n' >"$T/inside"
by_mallory mallory@evil.example <"$T/inside"
openssl cms -encrypt -aes256 -in "$T/by.mallory" "$T/bob.pem" | sed '1i From: mallory@evil.example\nSubject: outside' >"$T/mail"
check 'a signed mail with a header of its own inside' 0 smime decrypt --require-signature -i "$T/mail" -o "$T/plain"
is 'has the outer header and what describes the content' "$(header "$T/plain" | cut -d: -f1 | sort | xargs)" \
	'Content-Language Content-Type From MIME-Version Subject'
is 'with the outer author and subject' "$(header "$T/plain" | grep -E '^(From|Subject)' | xargs)" 'From: mallory@evil.example Subject: outside'
check 'verify writes the signed entity' 0 smime verify -i <(from_mallory 'From: mallory@evil.example') -o "$T/content"
same 'as it is' <(sed 's/$/\r/' "$T/inside") <(sed 's/\r*$/\r/' "$T/content")
# ---- What a stranger wrote, on a terminal ----

# CSI of C1 (U+009B), a right-to-left override (U+202E) and an escape, in a name and in a file's name; then a letter that may stay.
evil=$'\xc2\x9b31mevil\xe2\x80\xae\xe1\xba\x9e'
obeyed=$'\xc2\x9b|\xe2\x80\xae|\x1b'
openssl req -x509 -utf8 -key "$T/mallory.key" -subj "/CN=$evil" -days 30 -addext basicConstraints=critical,CA:false \
	-addext keyUsage=critical,digitalSignature -out "$T/evil.pem"
openssl cms -sign -signer "$T/evil.pem" -inkey "$T/mallory.key" -in "$T/entity" -out "$T/by.evil"
demo_import demo evil 09 "$T/mallory.key" && demo_store demo evil 09
harmless() { # DESCRIPTION CODE COMMAND...: shows the name, without what a terminal would obey
	check "$@"
	cat "$T/out" >>"$T/err"
	like "$1: shows the name" "$(cat "$T/err")" '31mevil'
	unlike "$1: as a text and nothing else" "$(cat "$T/err")" "$obeyed"
}
agent_stop
agent_start
for json in '' --json; do
	harmless "the name of an untrusted signer $json" 1 smime verify $json "$T/by.evil"
	harmless "the name of a trusted signer $json" 0 smime verify -v $json --trust "$T/evil.pem" "$T/by.evil"
	harmless "the subject of a certificate on the token $json" 0 smime keys -v $json
	harmless "the name of a file that is not there $json" 7 smime verify $json "$T/$evil"$'\x1b'
	harmless "a signer's certificate that can't be used $json" 4 smime encrypt $json -r "$T/evil.pem" -r "$evil" -i "$T/entity" -o "$T/never"
	harmless "an argument that is not known $json" 2 smime verify $json "--$evil"
done
like 'what is no control stays' "$(smime keys)" 'evil\?\xe1\xba\x9e|evil\?ẞ'
done_testing
