#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is sent: fit for every transport, so that nothing on the way has a reason to change what was signed (RFC 8551 3.1.3), with
# the types and names of RFC 8551 3.2. OpenSSL and gpgsm verify it, Python's email package says what is in it, and a relay that
# does what relays do passes it on.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
agent_start
export PYTHONPATH=$SOURCE/tests/lib
cd "$T" || exit

# ---- Mails with every reason to be changed ----

cat >mails.py <<'END'
import base64
HEADER = b'From: alice@example.org\nTo: bob@example.org\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nDate: Mon, 2 Nov 2026 10:00:00 +0100\nMIME-Version: 1.0\n'
def leaf(kind, body, encoding=None):
    return b'Content-Type: ' + kind + (b'\nContent-Transfer-Encoding: ' + encoding if encoding else b'') + b'\n\n' + body
def multipart(kind, *parts, boundary=b'outer', preamble=b'', epilogue=b''):
    return (b'Content-Type: multipart/' + kind + b'; boundary="' + boundary + b'"\n\n' + preamble + b''.join(b'--' + boundary + b'\n' + part + b'\n' for part in parts)
            + b'--' + boundary + b'--\n' + epilogue)
plain, data = b'text/plain; charset=utf-8', bytes(range(256)) * 9
texts = {
    '8-bit': 'Grüße aus Zürich\n'.encode(), 'From lines': b'From here\nFrom: x\n>From y\n From z\nFrom\n', 'trailing blanks': b'x \ny\t\n \n-- \nz  ',
    'dots': b'.\n..\n.x\n', 'long lines': b'x' * 5000 + b'\n' + b'word ' * 500 + b'\n', 'lines of 998 and 999': b'x' * 998 + b'\n' + b'y' * 999 + b'\n', 'no final line end': b'x', 'many final line ends': b'x\n\n\n\n', 'nothing': b'',
    'NUL': b'a\0b\n', 'bare CR': b'a\rb\n\r', 'controls': bytes(range(1, 9)) + b'\x7f\n', 'delimiters': b'--outer\n--outer--\n--\n', 'equals signs': b'=3D = == =\n=41\n', 'tabs': b'\tx\ty\n', 'form feeds': b'x\f\ny\v\n',
    'mixed line ends': b'a\r\nb\nc\r\n', 'not UTF-8': b'\xff\xfe\xe4\n', 'mostly 8-bit': '日本語の文章です。'.encode() * 60 + b'\n', 'a soft end': b'x=\n=',
}
mails = {}
for name, text in texts.items():
    for encoding in (b'7bit', b'8bit', b'binary'):
        mails['text, %s, %s' % (name, encoding.decode())] = leaf(plain, text, encoding)
mails.update({
    'latin-1': leaf(b'text/plain; charset=iso-8859-1', 'Grüße\n'.encode('latin-1'), b'8bit'),
    'UTF-16': leaf(b'text/plain; charset=utf-16', 'Grüße\n'.encode('utf-16'), b'binary'),
    'a picture': leaf(b'image/png', data, b'binary'),
    'base64 of 64 columns': leaf(b'application/octet-stream; name=x', b'\n'.join(base64.b64encode(data)[i:i + 64] for i in range(0, 3072, 64)), b'base64'),
    'base64 in one line': leaf(b'application/octet-stream; name=x', base64.b64encode(data), b'base64'),
    'base64 with blanks': leaf(b'application/octet-stream; name=x', b' \n '.join(base64.b64encode(data)[i:i + 72] for i in range(0, 3072, 72)), b'base64'),
    'base64 with a From line': leaf(b'application/octet-stream', b'From\nFrom here', b'base64'),
    'quoted-printable in long lines': leaf(plain, b'=C3=BC and more ' * 40 + b'x' + b'\nFrom x\nend=20\n', b'quoted-printable'),
    'quoted-printable with soft ends': leaf(plain, b'x=\n=\n=\ny=\n', b'quoted-printable'),
    'no MIME': b'\nJust text.\n', 'no body': b'Content-Type: text/plain\n', 'HTML': leaf(b'text/html; charset=utf-8', '<p>ü</p>\n'.encode(), b'8bit'),
    'nested': multipart(b'mixed', multipart(b'alternative', leaf(plain, 'ü \n'.encode(), b'8bit'), leaf(b'text/html', b'<b>x</b>'), boundary=b'outer1'), leaf(b'image/png', base64.encodebytes(data), b'base64'), preamble='ä\n'.encode(), epilogue='ö\n'.encode()),
    'an inner boundary that is the outer one': multipart(b'mixed', multipart(b'mixed', leaf(plain, b'x\n')), leaf(plain, b'y\n')),
    'a message': leaf(b'message/rfc822', b'From: x@example.net\nSubject: x\n\n' + 'ü\n'.encode(), b'8bit'),
    'a digest': multipart(b'digest', b'\nFrom: x\n\nx', b'\nFrom: y\n\ny'),
    'a delivery report': multipart(b'report', leaf(plain, b'x'), leaf(b'message/delivery-status', b'Reporting-MTA: dns; x\n\nAction: failed\n'), leaf(b'text/rfc822-headers', b'From: x\n')),
    'a signed part': multipart(b'mixed', multipart(b'signed', leaf(plain, b'From x \n'), leaf(b'application/pgp-signature', b'x'), boundary=b'pgp'), leaf(plain, b'y')),
    'an empty part': multipart(b'mixed', b'', b'\n', leaf(plain, b'x')), 'a part without a header': multipart(b'mixed', b'\ntext\n', leaf(plain, b'x')),
    'no end': multipart(b'mixed', leaf(plain, b'x'), leaf(plain, b'y\n'))[:-11], 'no parts': multipart(b'mixed'), 'RFC 2231': leaf(b"text/plain; charset=utf-8; name*0*=utf-8''%C3%BC; name*1=.txt", 'ü'.encode(), b'8bit'),
    'special characters in the boundary': multipart(b'mixed', leaf(plain, 'ü'.encode(), b'8bit'), boundary=b"a'()+_,-./:=? b"),
    'TNEF': multipart(b'mixed', leaf(plain, b'x'), leaf(b'application/ms-tnef; name="winmail.dat"', base64.encodebytes(b'\x78\x9f\x3e\x22' + data), b'base64')),
    'TNEF alone': leaf(b'application/ms-tnef; name="winmail.dat"', base64.encodebytes(b'\x78\x9f\x3e\x22' + data), b'base64'),
})
for name, mail in mails.items():
    if not name.endswith(' binary'):
        open('mail ' + name, 'wb').write(HEADER + mail)
    if not name.endswith('bit'):
        open('mailcr ' + name, 'wb').write((HEADER + mail).replace(b'\r\n', b'\n').replace(b'\n', b'\r\n'))
END
python3 mails.py || bail 'the mails could not be made'

# ---- What must be so of all that is sent, and what is in it ----

cat >judge.py <<'END'
import email, email.policy, re, subprocess, sys
name, ca = sys.argv[1:]
row = 'M12' if 'TNEF' in name else 'M6'
bad = []

def read(path):
    return open(path, 'rb').read()

def run(*command):
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if result.returncode:
        bad.append('%s: %d: %s' % (' '.join(command[:3]), result.returncode, result.stderr.decode(errors='replace')[:200]))
    return result.returncode == 0

def leaves(data):
    found = []
    for part in email.message_from_bytes(data).walk():
        decoded = b'' if part.is_multipart() else part.get_payload(decode=True)
        found.append((part.get_content_type(), part.get_filename(), decoded.replace(b'\r\n', b'\n').rstrip(b'\n')))
    return found

def fit(what, data):
    lines = data.replace(b'\r\n', b'\n').split(b'\n')
    ends = data.count(b'\r\n')
    for fault, found in {
        'has 8-bit, NUL or bare CR': re.search(rb'[\x80-\xff\0]|\r(?!\n)', data), 'has lines over 998': max(map(len, lines)) > 998,
        'has LF and CRLF': ends and ends != data.count(b'\n'),
    }.items():
        if found:
            bad.append('%s %s' % (what, fault))

def fit_leaves(what, data):
    """What relays change: From_ lines, blanks at ends of lines, base64 of another width, soft line breaks that are no use."""
    for part in email.message_from_bytes(data).walk():
        if part.is_multipart() or part.get_content_maintype() == 'message':
            continue
        code, lines = (part['Content-Transfer-Encoding'] or '7bit').lower(), part.get_payload().splitlines()
        if name.startswith(('mail a signed part', 'mailcr a signed part')) and code == '7bit':
            continue # somebody else's signature covers it
        widths = [len(line) for line in lines]
        if any(line.startswith('From ') for line in lines) or any(line != line.rstrip(' \t') for line in lines):
            bad.append('%s has a From_ line or blanks at an end' % what)
        if code not in ('7bit', 'base64', 'quoted-printable'):
            bad.append('%s has %s' % (what, code))
        if code == 'base64' and (any(width != 76 for width in widths[:-1]) or max(widths + [0]) > 76):
            bad.append('%s has base64 of another width than 76' % what)
        if code == 'quoted-printable' and (max(widths + [0]) > 76 or lines and lines[-1].endswith('=') or
                                           any(a.endswith('=') and len(a) + len(b) - 1 <= 76 for a, b in zip(lines, lines[1:]))):
            bad.append('%s has quoted-printable with wide lines or idle soft ends' % what)

mail = read(name)
for options in [[], ['--opaque']] if name.startswith('mailcr') else [[]]:
    if not run('smime', 'sign', *options, '-i', name, '-o', 'signed'):
        continue
    signed = read('signed')
    fit('signed' + ''.join(options), signed)
    run('openssl', 'cms', '-verify', '-in', 'signed', '-CAfile', ca, '-out', 'openssl')
    if run('smime', 'verify', '-i', 'signed', '-o', 'content'):
        content = read('content')
        fit_leaves('signed' + ''.join(options), content)
        for reader in 'content', 'openssl':
            if leaves(read(reader)) != leaves(mail):
                bad.append('%s%s has other parts: %s' % (reader, options, leaves(read(reader))))
    # A relay: LF in between, trailing blanks cut, From_ quoted, tabs of folded fields made blanks, dots doubled and undone.
    relayed = signed.replace(b'\r\n', b'\n')
    relayed = b'\n'.join(line.rstrip(b' \t') if line.strip() else line for line in relayed.split(b'\n'))
    header, body = re.sub(rb'(?m)^From ', b'>From ', relayed).split(b'\n\n', 1)
    open('relayed', 'wb').write((header.replace(b'\n\t', b'\n ') + b'\n\n' + body).replace(b'\n', b'\r\n'))
    if not name.startswith(('mail a signed part', 'mailcr a signed part')) or options:
        run('smime', 'verify', '-i', 'relayed')
if run('smime', 'encrypt', '--sign', '-r', 'bob@example.org', '-i', name, '-o', 'encrypted'):
    fit('encrypted', read('encrypted'))
    if run('smime', 'decrypt', '--require-signature', '-i', 'encrypted', '-o', 'plain') and leaves(read('plain')) != leaves(mail):
        bad.append('decrypted has other parts: %s' % leaves(read('plain')))
    if b'\r\n' not in mail and b'\r\n' in read('plain'):
        bad.append('decrypted has other line ends')
kind = 'with CRLF' if name.startswith('mailcr') else 'with LF'
print('%s %s: %s, %s :: %s' % ('fail' if bad else 'pass', row, name.split(' ', 1)[1], kind, '; '.join(bad)))
END
for file in mail\ * mailcr\ *; do
	points_of python3 judge.py "$file" ca/root.pem
done

# TNEF goes through octet by octet, in whatever protection it comes.
printf 'x\237>"binary\r\n\0\n\r%s' "$(head -c 3000 /dev/zero | tr '\0' 'x')" >winmail
python3 - <<'END'
import base64
data = open('winmail', 'rb').read()
open('tnef', 'wb').write(b'From: alice@example.org\r\nContent-Type: application/ms-tnef; name="winmail.dat"\r\nContent-Transfer-Encoding: base64\r\n\r\n' + base64.encodebytes(data).replace(b'\n', b'\r\n'))
open('tnef-binary', 'wb').write(b'Content-Type: application/ms-tnef; name="winmail.dat"\r\nContent-Transfer-Encoding: binary\r\n\r\n' + data)
END
payload() { python3 -c 'import email, sys; sys.stdout.buffer.write(email.message_from_binary_file(open(sys.argv[1], "rb")).get_payload(decode=True))' "$1" >payload; }
for how in 'sign' 'sign --opaque' 'encrypt -r bob@example.org' 'encrypt --sign --cipher aes256-gcm -r bob@example.org'; do
	smime $how -i tnef -o protected
	case $how in sign*) check "M12: TNEF: $how" 0 smime verify protected -o content ;; *) check "M12: TNEF: $how" 0 smime decrypt protected -o content ;; esac
	payload content
	same "M12: TNEF: $how: its octets" payload winmail
done
openssl cms -encrypt -binary -aes128 -in tnef-binary -outform DER bob.pem | python3 -c 'import sys; from forge import *
write("encrypted", cms_mail(b"From: alice@example.org\r\n", sys.stdin.buffer.read()))'
check 'M12: binary TNEF inside, as Outlook has it' 0 smime decrypt encrypted -o content
holds 'M12: with its type' grep -qa 'application/ms-tnef; name="winmail.dat"' content
sed '1,/^\r*$/d' content >payload
same 'M12: and its octets' payload winmail

# ---- M7, M2: types, names, parameters ----

cat >fields.py <<'END'
import email, sys
message = email.message_from_binary_file(open(sys.argv[1], 'rb'))
def show(part):
    print(part.get_content_type(), *('%s=%s' % item for item in sorted(part.get_params()[1:]) if item[0] != 'boundary'),
          part['Content-Transfer-Encoding'] or '-', part.get_content_disposition() or '-', part.get_filename() or '-')
show(message)
if message.get_content_type() == 'multipart/signed':
    show(message.get_payload(1))
END
fields() { python3 fields.py "$1" | tr '\n' '|'; }
signature='application/pkcs7-signature name=smime.p7s base64 attachment smime.p7s|'
file='mail text, 8-bit, 8bit'
for digest in sha256 sha384 sha512; do
	smime sign --digest $digest -i "$file" -o signed
	is "M7: clear-signed, $digest: types, parameters and names" "$(fields signed)" \
		"multipart/signed micalg=sha-${digest#sha} protocol=application/pkcs7-signature - - -|$signature"
	holds "M2: micalg is written as RFC 8551 has it: $digest" grep -q "micalg=\"*sha-${digest#sha}\"*" signed
	holds "M7: the protocol is quoted: $digest" grep -q 'protocol="application/pkcs7-signature"' signed
done
protected() { printf 'application/pkcs7-mime name=smime.p7m smime-type=%s base64 attachment smime.p7m|' "$1"; }
smime sign --opaque -i "$file" -o signed
is 'M7: opaque' "$(fields signed)" "$(protected signed-data)"
for cipher in aes256-cbc:enveloped-data aes128-cbc:enveloped-data aes256-gcm:authEnveloped-data aes128-gcm:authEnveloped-data; do
	smime encrypt --cipher ${cipher%:*} -r bob@example.org -i "$file" -o encrypted
	is "M7: encrypted with ${cipher%:*}" "$(fields encrypted)" "$(protected ${cipher#*:})"
	smime decrypt encrypted -o plain
	is "M7: and decrypted it has the type of its content" "$(fields plain)" 'text/plain charset=utf-8 quoted-printable - -|'
done
smime encrypt --sign -r bob@example.org -i "$file" -o encrypted && smime decrypt --one-layer encrypted -o plain
like 'M7: what is signed and encrypted is clear-signed inside' "$(fields plain)" '^multipart/signed micalg=sha-256 '

# gpgsm as another reader of the clear form: the exact octets of the part, and the signature.
if command -v gpgsm >/dev/null; then
	export GNUPGHOME=$T/gnupg
	mkdir -m 700 gnupg
	printf 'disable-crl-checks\ndisable-dirmngr\n' >gnupg/gpgsm.conf
	openssl x509 -in ca/root.pem -noout -fingerprint -sha1 | cut -d= -f2 | tr -d : | sed 's/$/ S relax/' >gnupg/trustlist.txt
	gpgsm -q --batch --import ca/root.pem ca/issuing.pem alice.pem 2>err
	. "$SOURCE/tests/lib/interop.sh"
	for file in 'mail text, From lines, 7bit' 'mailcr text, trailing blanks, binary' 'mail nested' 'mail a picture'; do
		smime sign -i "$file" -o signed
		split_signed signed
		check "M6: gpgsm verifies: ${file#* }" 0 gpgsm --batch --verify signature part
	done
	gpgconf --kill all
else
	skip 'M6: gpgsm verifies' 'there is no gpgsm'
fi
done_testing
