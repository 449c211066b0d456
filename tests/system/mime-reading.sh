#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Mail as others make it and as stores and relays leave it: which octets a signature is for, wherever boundaries, line ends and
# buffers may fall, and what is recognised as S/MIME. Signed by OpenSSL over exactly the octets that a case names.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
agent_start
export PYTHONPATH=$SOURCE/tests/lib
cd "$T" || exit
printf 'Content-Type: text/plain\r\n\r\nHello, this is the text.\r\n' >entity

# Makes every case: DIRECTORY/mail, and DIRECTORY/part, the octets that are signed; where there is none, it is not to verify.
cat >cases.py <<'END'
import os, re
from forge import *

def sign(part, *options):
    return openssl('cms', '-sign', '-binary', '-signer', 'peer-rsa.pem', '-inkey', 'peer-rsa.key', '-certfile', 'ca/issuing.pem', '-outform', 'DER',
                   *options, data=part)

AUTHOR = b'From: peer-rsa@example.org\r\nTo: bob@example.org\r\n'
PROTOCOL = b'protocol="application/pkcs7-signature"'
TEXT = b'Content-Type: text/plain\r\n\r\nThe text.\r\n'

SIGNATURE = b'application/pkcs7-signature; name=smime.p7s'

def signature_part(part, kind):
    return b'Content-Type: ' + kind + b'\r\nContent-Transfer-Encoding: base64\r\n\r\n' + fold(sign(part))

def signed(part, boundary=b'b', parameter=None, preamble=b'', epilogue=b'', padding=b'', eol=b'\r\n', end=True, header=AUTHOR, kind=SIGNATURE):
    """A multipart/signed; `parameter`: how the boundary is written; `eol` is that of the lines around the part."""
    mail = header + b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; ' + PROTOCOL + b'; micalg=sha-256; ' + (
        parameter or b'boundary="' + boundary + b'"') + b'\r\n\r\n'
    line = b'--' + boundary + padding + b'\r\n'
    mail += preamble + line
    rest = b'\r\n' + line + signature_part(part, kind) + (b'--' + boundary + b'--' + padding + b'\r\n' if end else b'') + epilogue
    return mail.replace(b'\r\n', eol) + part + rest.replace(b'\r\n', eol)

def case(row, name, mail, part=None):
    os.mkdir('%s %s' % (row, name))
    write('%s %s/mail' % (row, name), mail)
    if part is not None:
        write('%s %s/part' % (row, name), part)

def both(row, name, part, **options):
    case(row, name, signed(part, **options), part)

def multipart(boundary, *parts, end=True, kind=b'mixed'):
    return b'Content-Type: multipart/' + kind + b'; boundary="' + boundary + b'"\r\n\r\n' + b''.join(
        b'--' + boundary + b'\r\n' + part for part in parts) + (b'--' + boundary + b'--\r\n' if end else b'')

# ---- M1: what a signature is called ----

for name, kind in {
    'as itself': SIGNATURE, 'without a name': b'application/pkcs7-signature', 'in its old type': b'application/x-pkcs7-signature; name="smime.p7s"',
    'in capitals': b'APPLICATION/PKCS7-SIGNATURE; NAME=SMIME.P7S', 'with another name': b'application/pkcs7-signature; name="picture.jpeg"',
    'as octets with a name': b'application/octet-stream; name=smime.p7s', 'as octets with a name in capitals': b'application/octet-stream; name="SMIME.P7S"',
    'as octets with the name in the disposition': b'application/octet-stream\r\nContent-Disposition: attachment; filename="smime.p7s"',
}.items():
    both('M1', 'a signature ' + name, TEXT, kind=kind)
for name, kind in {
    'octets': b'application/octet-stream', 'octets with the name of something else': b'application/octet-stream; name=smime.p7m',
    'octets with no more than the end of a name': b'application/octet-stream; name=.p7s', 'text': b'text/plain; name=smime.p7s',
    'octets in two types': b'application/octet-stream; name=smime.p7s\r\nContent-Type: text/plain',
}.items():
    case('M1', 'a signature that is called ' + name, signed(TEXT, kind=kind))

# ---- M3: exactly these octets ----

for name, part in {
    'a text': TEXT, 'no line end at its end': TEXT[:-2], 'a blank line at its end': TEXT + b'\r\n', 'ten blank lines at its end': TEXT + b'\r\n' * 10,
    'blanks at its end': TEXT[:-2] + b'   ', 'blanks and a line end': TEXT[:-2] + b' \t \r\n', 'lines of blanks': TEXT + b' \r\n\t\r\n',
    'an empty body': b'Content-Type: text/plain\r\n\r\n', 'a header without an end': b'Content-Type: text/plain\r\n',
    'a header without a line end': b'Content-Type: text/plain', 'no header': b'\r\nThe text.\r\n', 'a blank line alone': b'\r\n', 'nothing': b'',
    'text without a header': b'The text.\r\n', 'a header that begins with a fold': b' folded\r\nContent-Type: text/plain\r\n\r\nx\r\n',
    'a line that is no field': b'Content-Type: text/plain\r\nno field\r\n\r\nx\r\n', 'two types': b'Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx\r\n',
    '8-bit in the header': b'Content-Type: text/plain; name="\xe4\xff"\r\nX-\xc3\xa4: \xc3\xa4\r\n\r\nx\r\n', 'NUL in the header': b'Content-Type: text/plain\0\r\nX: \0\r\n\r\nx\r\n',
    'NUL in the body': TEXT + b'\0\0\r\n', 'every octet': b'\r\n' + bytes(range(256)) * 3,
    'a message': b'Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx\r\n', 'a header of 100 kB': b'X: ' + b'a' * 100000 + b'\r\n\r\nx\r\n', 'a line of 100 kB': TEXT + b'x' * 100000,
}.items():
    both('M3', name, part)

# ---- M3: whose delimiter it is ----

for name, part in {
    'a boundary that begins with the outer one': multipart(b'b1', TEXT, TEXT), 'a boundary that the outer one begins with': multipart(b'b1', TEXT, TEXT),
    'a boundary that ends with the outer one': multipart(b'ab', TEXT),
    'an inner multipart without an end': multipart(b'in', TEXT, end=False), 'three inner ones without an end': multipart(b'i', multipart(b'j', multipart(b'k', TEXT, end=False), end=False), end=False),
    'an inner preamble and epilogue': multipart(b'in', TEXT).replace(b'\r\n\r\n--in', b'\r\n\r\npreamble\r\n--in', 1) + b'epilogue\r\n',
    'lines that begin like a delimiter': TEXT + b'--bx\r\n--b-\r\n--b--x\r\n--b ---\r\n--b- \r\n --b\r\n-b\r\n---b\r\n--B\r\n',
    'a delimiter in the middle of lines': TEXT + b'x--b\r\nx --b--\r\n',
    'a delimiter behind a bare CR': TEXT + b'x\r--b\r--b--\rx\r\n', 'a delimiter behind other ends of line': TEXT + b'x\v--b\fx\xe2\x80\xa8--b\xc2\x85--b\r\n',
}.items():
    both('M3', name, part, boundary=b'b12' if name.startswith('a boundary that the outer') else b'b')
case('M3', 'an inner delimiter that is the outer end', signed(multipart(b'b--', TEXT)))
case('M3', 'the outer boundary inside', signed(multipart(b'b', TEXT, TEXT)))
for name, boundary in {'special characters': b"a'()+_,-./:=? b", 'one character': b'0', '70 characters': b'x' * 70, '200 characters': b'x' * 200, 'dashes': b'----', 'hyphens at its end': b'b--', 'signs of patterns': b'a.*[b]+$^(?=c)\\\\'[:-2]}.items():
    both('M3', 'a boundary of ' + name, TEXT, boundary=boundary)
for name, parameter in {
    'RFC 2231': b"boundary*=us-ascii'en'a%20b%3Dc", 'sections': b'boundary*0="a "; boundary*1="b=c"', 'sections in another order': b'boundary*1="b=c"; boundary*0="a "',
    'encoded sections': b"boundary*0*=us-ascii''a%20; boundary*1*=b%3D; boundary*2=c", 'folds': b'\r\n\tboundary\r\n =\r\n "a b=c"', 'a comment': b'(x) boundary (y) = (z) "a b=c" (w)',
    'quoted characters': b'boundary="\\a\\ b\\=\\c"', 'capitals': b'BOUNDARY="a b=c"',
}.items():
    both('M3', 'a boundary by ' + name, TEXT, boundary=b'a b=c', parameter=parameter)
both('M3', 'a boundary without quotes that it needs', TEXT, boundary=b'=_a/b?c:d', parameter=b'boundary==_a/b?c:d')
case('M3', 'a boundary in an encoded word', signed(TEXT, parameter=b'boundary="=?us-ascii?q?b?="'))
case('M3', 'a boundary of another case', signed(TEXT, parameter=b'boundary="B"'))
case('M3', 'an empty boundary', signed(TEXT, boundary=b'', parameter=b'boundary=""'))
case('M3', 'a boundary with a blank at its end', signed(TEXT, boundary=b'b ', parameter=b'boundary="b "'))
both('M3', 'blanks behind its delimiters', TEXT, padding=b' \t  ')
case('M3', 'no end', signed(TEXT, end=False))
for cut in (1, 20, 400):
    case('M3', 'an end that %d octets are missing of' % (cut + 5), signed(TEXT)[:-5 - cut])
both('M3', 'no line end behind its end', TEXT)
write('M3 no line end behind its end/mail', signed(TEXT)[:-2])

# ---- M5: what is around ----

for name, around in {
    'a preamble': {'preamble': b'This is S/MIME.\r\n'}, 'a preamble that begins like a delimiter': {'preamble': b'--bx\r\n --b\r\n'}, 'an epilogue': {'epilogue': b'Footer.\r\n'},
    'an epilogue with delimiters': {'epilogue': b'--b\r\n\r\nA third part.\r\n--b--\r\n--b\r\n\r\nA fourth.\r\n'},
    'an epilogue with a whole other mail': {'epilogue': b'\r\n' + TEXT + b'--b--\r\n'}, 'both': {'preamble': b'x\r\n\r\n', 'epilogue': b'\r\n\r\nx'},
}.items():
    both('M5', name, TEXT, **around)
both('M5', 'blank lines around', TEXT, preamble=b'\r\n\r\n', epilogue=b'\r\n \r\n')

# ---- M4: line ends ----

LF = TEXT.replace(b'\r\n', b'\n')
both('M4', 'LF in the part, CRLF around', LF)
both('M4', 'LF in the part, LF around', LF, eol=b'\n')
both('M4', 'CRLF in the part, LF around', TEXT, eol=b'\n')
both('M4', 'both in the part', TEXT + LF + b'x\r\r\n\ry\n\r')
both('M4', 'bare CR at its end', TEXT[:-2] + b'\r')
both('M4', 'LF at its end, CRLF around', TEXT + b'\n')
both('M4', 'an LF more at its end, LF around', LF + b'\n', eol=b'\n')
store = signed(TEXT + b'\r\n \r\nFrom here.\r\n\r\n').replace(b'\r\n', b'\n')
case('M4', 'CRLF that a store made LF', store, (TEXT + b'\r\n \r\nFrom here.\r\n\r\n').replace(b'\r\n', b'\n'))
case('M4', 'LF that a relay made CRLF', signed(LF, eol=b'\n').replace(b'\n', b'\r\n'), None)
case('M4', 'binary with LF that a relay made CRLF', signed(b'\n\0\n\r\n' + LF).replace(b'\r\n', b'\n').replace(b'\n', b'\r\n'), None)
case('M4', 'CRLF that became CR CRLF', signed(TEXT).replace(b'\r\n', b'\r\r\n'), None)
case('M4', 'a CRLF that was taken away', signed(TEXT + b'\r\n').replace(b'The text.\r\n\r\n', b'The text.\r\n'), None)
case('M4', 'a blank that was taken away', signed(TEXT + b'x \r\n').replace(b'x \r\n', b'x\r\n'), None)
case('M4', 'a From that was quoted', signed(TEXT + b'From x\r\n').replace(b'\r\nFrom x', b'\r\n>From x'), None)

# ---- M3: where buffers end ----

def at(offset, mail_head, what, tail=b'x' * 50):
    """Text that puts `what` at this offset of the file, in the middle of a line."""
    return b'x' * (offset - len(mail_head)) + what + tail

head = signed(b'').split(b'--b\r\n')[0] + b'--b\r\n\r\n'
EDGES = (1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 262144)
for shift in range(-12, 5):
    for name, what in {'in a line': b'--b\r\n', 'its end in a line': b'--b--\r\n', 'that goes on': b'\n--bx\r\n', 'behind CR': b'\r--b\r'}.items():
        text = b'\r\n'
        for edge in EDGES:
            text += b'x' * (edge + shift - len(head) - (len(text) - 2)) + what + b'x'
        case('M3', 'a delimiter %s, %d octets from where buffers end' % (name, shift), signed(text), text)
    for edge in EDGES[2:]:
        text = b'\r\n' + b'x' * (edge + shift - len(head))
        case('M3', 'the delimiter itself, %d octets from %d' % (shift, edge), signed(text), text)
# Wherever a buffer ends in these, it ends in what would be a delimiter if the octet behind or before it were not seen.
for phase in range(6):
    for name, text in {'lines that go on': b'--bx\r\n', 'ends that go on': b'--b--x\n', 'one line': b'x--b\rx', 'one line of blanks': b' --b  '}.items():
        text = b'\r\n' + b'x' * phase + text * 180000
        case('M3', 'a megabyte of delimiters in %s, %d octets on' % (name, phase), signed(text), text)
END
python3 cases.py || bail 'the cases could not be made'
judge() { # DIRECTORY ROW: and name
	local name="$2: ${1#* }"
	rm -f content
	run smime verify "$1/mail" -o content
	if [ ! -e "$1/part" ]; then
		like "$name: not verified" "$code" '^(1|6)$'
		absent "$name: nothing written" "$T/content"
	elif [ "$code" = 0 ]; then
		same "$name: its octets are the content" content "$1/part"
	else
		fail "$name: its octets are the content" "exit code $code" "$(head -c 1000 err)"
	fi
}
for row in M1 M3 M4 M5; do
	for directory in "$row "*; do judge "$directory" "$row"; done
done
for directory in 'M5 '*; do
	expected=True
	[[ $directory != *'blank lines'* ]] || expected=False
	run smime verify --json "$directory/mail"
	is "M5: ${directory#* }: whether there is text outside" "$(json out 'd["layers"][0]["outside"]')" $expected
done
is 'M4: what a store made LF is said to match with CRLF' "$(smime verify --json 'M4 CRLF that a store made LF/mail' >out && json out 'd["layers"][0]["canonicalized"]')" True
is 'M4: what is as it was is not' "$(smime verify --json 'M3 a text/mail' >out && json out 'd["layers"][0]["canonicalized"]')" False

# The same octets encrypted by others come out as they are. Where they have no header, they are no mail's header either.
count=0 bad=
for directory in 'M3 '* 'M4 '*; do
	[ -e "$directory/part" ] && [ -s "$directory/part" ] && [[ $directory != *octets\ * ]] || continue
	openssl cms -encrypt -binary -aes128 -in "$directory/part" -outform DER -out cms bob.pem
	smime decrypt -q --cms cms -o content 2>err && cmp -s content "$directory/part" || bad="$bad, $directory"
	count=$((count + 1))
done
is "M3: $count of these parts, encrypted by OpenSSL, come out octet by octet" "$bad" ''

# ---- M1, M13: what is S/MIME ----

smime sign --cms -k alice@example.org -i entity -o signed
openssl cms -encrypt -binary -aes256 -in entity -outform DER -out enveloped bob.pem
openssl cms -encrypt -binary -aes-256-gcm -in entity -outform DER -out auth bob.pem
openssl crl2pkcs7 -nocrl -certfile bob.pem -outform DER -out certs
typed() { # CMS TYPE [FIELD...]: $T/mail, in base64 unless a field says otherwise
	{
		printf 'From: alice@example.org\r\nMIME-Version: 1.0\r\nContent-Type: %s\r\n' "$2"
		if [ $# -gt 2 ]; then printf '%s\r\n' "${@:3}" ''; else printf 'Content-Transfer-Encoding: base64\r\n\r\n'; fi
		case "${*:3}" in *binary*) cat "$1" ;; *) openssl base64 -in "$1" | sed 's/$/\r/' ;; esac
	} >mail
}
opened() { # ROW WHAT: $T/mail, which holds signed, enveloped, auth or certs
	rm -f content
	case $2 in
	signed*) check "$1" 0 smime verify mail -o content && same "$1: the entity" content entity ;;
	certs*) check "$1" 1 smime verify mail -o content && says "$1: no signature" 'certificates, but nobody.s signature' ;;
	*) check "$1" 0 smime decrypt mail -o content && holds "$1: the text" grep -q 'this is the text' content ;;
	esac
}
while IFS= read -r type; do
	for cms in signed enveloped auth certs; do
		typed $cms "$type"
		opened "M1: $cms as $type" $cms
	done
done <<'END'
application/pkcs7-mime
application/x-pkcs7-mime
APPLICATION/X-PKCS7-MIME
application/pkcs7-mime; name=smime.p7m
application/pkcs7-mime; name="picture.jpeg"
application/pkcs7-mime (a comment); smime-type="signed-data" (another)
application/octet-stream; name=smime.p7m
application/octet-stream; name=smime.p7s
application/octet-stream; name="smime.p7c"
application/octet-stream; name=SMIME.P7Z
application/octet-stream; name*=utf-8''%C3%BC.p7m
application/octet-stream; name*0="smi"; name*1="me.p7m"
application/pkcs7-mime; smime-type=signed-data
application/pkcs7-mime; smime-type=enveloped-data
application/pkcs7-mime; smime-type=authEnveloped-data
application/pkcs7-mime; smime-type=authenveloped-data
application/pkcs7-mime; smime-type=certs-only
application/pkcs7-mime; smime-type=compressed-data
application/pkcs7-mime; smime-type=""
application/pkcs7-mime; smime-type=nonsense; smime-type=signed-data
END
for cms in signed enveloped auth certs; do
	typed $cms application/octet-stream 'Content-Disposition: attachment; filename=smime.p7m' 'Content-Transfer-Encoding: base64'
	opened "M1: $cms as octet-stream with the name in the disposition" $cms
	typed $cms application/pkcs7-mime 'Content-Transfer-Encoding: binary'
	opened "M13: $cms in binary" $cms
	typed $cms application/pkcs7-mime 'Content-Transfer-Encoding: BASE64'
	opened "M13: $cms in BASE64" $cms
	typed $cms application/pkcs7-mime 'Content-Transfer-Encoding: base64 (as always)'
	opened "M13: $cms with a comment behind the encoding" $cms
	typed $cms application/pkcs7-mime 'X-Nothing: said of the encoding'
	opened "M13: $cms in base64 that nobody announced" $cms
	typed $cms application/pkcs7-mime 'Content-Transfer-Encoding: 7bit'
	opened "M13: $cms in base64 that is called 7bit" $cms
	typed $cms application/pkcs7-mime 'Content-Transfer-Encoding: x-unknown'
	opened "M13: $cms in base64 that is called something unknown" $cms
done
for name in 'text/plain' 'application/pkcs7-signature' 'application/octet-stream; name=smime.txt' 'application/octet-stream' 'application/x-pkcs7-mimes' 'image/p7m; name=x.p7m'; do
	typed signed "$name"
	check "M1: signed as $name: no S/MIME" 1 smime verify mail
	typed enveloped "$name"
	check "M1: enveloped as $name: no S/MIME" 1 smime decrypt mail -o content
done

# base64 as transports leave it.
cat >shapes.py <<'END'
import base64, sys
from forge import *
data = read(sys.argv[1])
text = base64.b64encode(data)
def lines(width, eol=b'\r\n'):
    return eol.join(text[i:i + width] for i in range(0, len(text), width))
for name, body in {
    'in one line': text, 'in lines of one': lines(1), 'in lines of 3': lines(3), 'in lines of 61 with LF': lines(61, b'\n'), 'in lines of 998': lines(998),
    'with blanks behind lines': lines(64, b' \t\r\n'), 'with blanks before lines': lines(64, b'\r\n  '), 'with blank lines': lines(64, b'\r\n\r\n'), 'with blank lines around': b'\r\n\r\n' + lines(64) + b'\r\n' * 5,
    'with CR alone': lines(64, b'\r'), 'with a text behind': lines(64) + b'\r\n' + (b'' if text.endswith(b'=') else b'====') + b'\r\n-- \r\nA footer of a mailing list.\r\n',
    'with exclamation marks': lines(64, b'!\r\n'), 'without padding': lines(64).rstrip(b'='), 'with padding too much': lines(64) + b'===\r\n', 'in quoted-printable': None,
    'as PEM': b'-----BEGIN PKCS7-----\r\n' + lines(64) + b'\r\n-----END PKCS7-----\r\n',
}.items():
    encoding = {'in quoted-printable': b'quoted-printable', 'as PEM': b'7bit'}.get(name, b'base64')
    if body is None:
        body = lines(64).replace(b'=', b'=3D')
    write('shape ' + name, b'From: alice@example.org\r\nContent-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: ' + encoding + b'\r\n\r\n' + body)
END
for cms in signed enveloped auth; do
	python3 shapes.py $cms
	for shape in "shape "*; do
		cp "$shape" mail
		opened "M13: $cms, base64 ${shape#shape }" $cms
	done
done
done_testing
