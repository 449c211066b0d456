#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Mails that cost their reader far more than their writer: parts, levels, lines, headers, layers. Each gets a definite answer, in
# little time and little memory, whatever the answer is.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/bounded.sh"

fixture people
agent_start
export PYTHONPATH=$SOURCE/tests/lib
cd "$T" || exit
printf 'From: alice@example.org\r\nTo: bob@example.org\r\nMIME-Version: 1.0\r\n' >header
printf 'Content-Type: text/plain\r\n\r\nHello.\r\n' >entity
cat header entity >mail

# ---- Parts and levels of MIME ----

cat >mime.py <<'END'
import sys
def put(name, *pieces):
    with open(name, 'wb') as file:
        file.writelines(pieces)
header = open('header', 'rb').read()
leaf = b'Content-Type: text/plain\r\n\r\nx\r\n'
def multipart(boundary, kind=b'mixed'):
    return b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (kind, boundary)
def nested(depth, width=0):
    opening = b''.join(multipart(b'b%d' % i) + b'--b%d\r\n' % i for i in range(depth))
    return opening + leaf + b''.join(b'--b%d--\r\n' % i for i in reversed(range(depth)))
put('levels-60', header, nested(60))
put('levels-5000', header, nested(5000))
put('levels-same', header, *[multipart(b'b') + b'--b\r\n'] * 5000, leaf, *[b'--b--\r\n'] * 5000)
put('levels-open', header, *[multipart(b'b%d' % i) + b'--b%d\r\n' % i for i in range(5000)])
put('messages-5000', header, *[b'Content-Type: message/rfc822\r\n\r\n'] * 5000, leaf)
put('parts-9000', header, multipart(b'b'), *[b'--b\r\n' + leaf] * 9000, b'--b--\r\n')
put('parts-100000', header, multipart(b'b'), *[b'--b\r\n' + leaf] * 100000, b'--b--\r\n')
put('parts-empty', header, multipart(b'b'), *[b'--b\r\n'] * 1000000, b'--b--\r\n')
put('parts-digest', header, multipart(b'b', b'digest'), *[b'--b\r\n\r\nFrom: x\r\n\r\n'] * 100000, b'--b--\r\n')
put('almost', header, *[multipart(b'b%d' % i) + b'--b%d\r\n' % i for i in range(60)], *[b'--b\r\n' * 100000] * 20)
put('dashes', header, multipart(b'b'), b'--b\r\n', b'\r\n', *[b'-' * 1000000] * 16)
put('line', header, leaf[:-2], *[b'x' * 1000000] * 16)
put('cr', header, leaf[:-2], *[b'\r' * 1000000] * 16)
put('lf', header, leaf[:-2], *[b'\n' * 1000000] * 16)
put('blanks', header, leaf[:-2], *[b' ' * 1000000] * 16)
put('blank-lines', header, leaf[:-2], *[(b' ' * 20000 + b'\r\n') * 50] * 16)
put('from', header, leaf[:-2], *[b'From \r\n' * 100000] * 24)
put('qp-blanks', header, b'Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n', *[b' ' * 1000000] * 16)
put('qp-soft', header, b'Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n', *[b'=\r\n' * 300000] * 16)
put('base64-junk', header, b'Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n', *[b'!' * 1000000] * 16)
put('base64-thin', header, b'Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n', *[b'A\r\n' * 300000] * 16)
put('charset', header, b'Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: 8bit\r\n\r\n', *[b'\0\xff' * 500000] * 16)
END
python3 mime.py
for file in levels-60 parts-9000; do
	bounded "M8: signing $file" 0 smime sign -k alice@example.org -i $file -o $file.signed
	verifies "M8: and verifying it" 0 $file.signed
	bounded "M8: encrypting $file" 0 smime encrypt -r bob@example.org -i $file -o $file.encrypted
	decrypts "M8: and decrypting it" 0 $file.encrypted
done
# Of levels with one boundary the outermost ends all others (RFC 2046 5.1.2), so that these are parts side by side.
bounded 'signing levels-same' 0 smime sign -k alice@example.org -i levels-same -o levels-same.signed
for file in levels-5000 levels-open messages-5000 parts-100000 parts-empty parts-digest; do
	bounded "signing $file" 6 smime sign -k alice@example.org -i $file -o never
	bounded "encrypting $file" 6 smime encrypt -r bob@example.org -i $file -o never
	says "$file: what is wrong is told" 'over a limit'
done
for file in almost dashes line cr lf blanks blank-lines from qp-blanks qp-soft base64-junk base64-thin charset; do
	bounded "signing $file" 0 smime sign -k alice@example.org -i $file -o $file.signed
	verifies "and verifying $file" 0 $file.signed
	rm -f $file.signed $file
done
# What others have signed and encrypted is opened as it is: its own levels matter to nobody but its reader.
for file in levels-5000 levels-same messages-5000 parts-100000 parts-empty; do
	sed -n '/^Content-Type/,$p' $file >inner
	openssl cms -sign -binary -signer peer-rsa.pem -inkey peer-rsa.key -certfile ca/issuing.pem -in inner -outform DER -out signature
	python3 -c 'from forge import *; write("signed", multipart_signed(b"From: peer-rsa@example.org\r\n", read("inner"), read("signature"), b"outermost"))'
	verifies "M3: others' signature over $file" 0 signed -o content
	same "M3: and it is the part" content inner
	openssl cms -encrypt -binary -aes-256-gcm -in inner -outform DER bob.pem |
		python3 -c 'import sys; from forge import *; write("encrypted", cms_mail(read("header"), sys.stdin.buffer.read()))'
	decrypts "others' encryption of $file" 0 encrypted
	tr -d '\r' <encrypted >encrypted.lf
	decrypts "the same, stored with LF" '0|6' encrypted.lf
	rm -f $file
done

# ---- Headers ----

cat >headers.py <<'END'
from forge import *
entity = read('entity')
signature = openssl('cms', '-sign', '-binary', '-signer', 'peer-rsa.pem', '-inkey', 'peer-rsa.key', '-certfile', 'ca/issuing.pem', '-outform', 'DER', data=entity)
author = b'From: peer-rsa@example.org\r\n'
body = multipart_signed(b'', entity, signature)
kind, parameters, rest = body.partition(b'multipart/signed;')
def typed(more):
    return author + kind + parameters + more + rest
for name, mail in {
    'fields-1900': author + b'X-A: b\r\n' * 1900 + body,
    'fields-100000': author + b'X-A: b\r\n' * 100000 + body,
    'one-field': author + b'X-A: ' + b'a' * 200000 + b'\r\n' + body,
    'one-huge-field': author + b'X-A: ' + b'a' * 40000000 + b'\r\n' + body,
    'folds': author + b'X-A: b\r\n' + b' b\r\n' * 50000 + body,
    'endless-folds': author + b'X-A: b\r\n' + b' b\r\n' * 5000000 + body,
    'no-end': author + b'X-A: b\r\n' * 5000000,
    'parameters': typed(b''.join(b' a%d=b;' % i for i in range(5000))),
    'parameters-sections': typed(b''.join(b' a*%d=b;' % i for i in range(60))),
    'parameters-boundary': typed(b''.join(b' boundary*%d=b;' % i for i in range(60))),
    'comments': typed(b' ' + b'(' * 6000 + b')' * 6000 + b' '),
    'quotes': typed(b' a="' + b'\\"' * 7000 + b'";'),
    'open-comment': typed(b' ' + b'(' * 100000),
    'percent': typed(b" name*=utf-8''" + b'%41' * 4000 + b';'),
    'from-groups': b'From: ' + b'a:' * 1900 + b'\r\n' + body,
    'from-list': b'From: ' + b','.join([b'peer-rsa@example.org'] * 190) + b'\r\n' + body,
    'from-words': b'From: ' + b'=?utf-8?q?a?= ' * 250 + b'<peer-rsa@example.org>\r\n' + body,
    'from-charset': b'From: =?x-unknown?b?' + b'QUFB' * 900 + b'?= <peer-rsa@example.org>\r\n' + body,
    'from-domain': 'From: x@{0}.{0}.{0}.{0}\r\n'.format('ü' * 60).encode() + body,
}.items():
    write(name, mail)
END
python3 headers.py
for file in fields-1900 one-field folds quotes parameters-sections percent from-words from-charset; do
	verifies "a header: $file" '0|1' $file
	bounded "signing: $file" '0|6' smime sign -k alice@example.org -i $file -o never
	rm -f $file
done
for file in fields-100000 one-huge-field endless-folds no-end parameters parameters-boundary comments open-comment from-groups from-list from-domain; do
	verifies "a header: $file" '0|1|6' $file
	bounded "signing: $file" '0|6' smime sign -k alice@example.org -i $file -o never
	bounded "decrypting: $file" '1|6' smime decrypt -i $file -o never
	rm -f $file
done

# ---- Layers ----

cat >layers.py <<'END'
import sys
from forge import *
what, depth, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
entity = b'Content-Type: text/plain\r\n\r\n' + b'0123456789abcdef' * (size // 16) + b'\r\n'
def layer(kind, entity):
    if kind == 'clear':
        signature = openssl('cms', '-sign', '-binary', '-signer', 'peer-rsa.pem', '-inkey', 'peer-rsa.key', '-certfile', 'ca/issuing.pem', '-outform', 'DER', data=entity)
        return multipart_signed(b'', entity, signature, b'b%d' % layer.number)
    if kind == 'opaque':
        return cms_mail(b'', openssl('cms', '-sign', '-nodetach', '-binary', '-signer', 'peer-rsa.pem', '-inkey', 'peer-rsa.key', '-certfile', 'ca/issuing.pem', '-outform', 'DER', data=entity), 'signed-data')
    return cms_mail(b'', openssl('cms', '-encrypt', '-binary', kind, '-outform', 'DER', 'bob.pem', data=entity))
for layer.number in range(depth):
    entity = layer(what.split(',')[layer.number % len(what.split(','))], entity)
write('layers', b'From: peer-rsa@example.org\r\n' + entity)
END
for kinds in clear opaque clear,opaque; do
	python3 layers.py $kinds 16 2000
	verifies "M8: 16 layers: $kinds" 0 layers
	python3 layers.py $kinds 17 2000
	verifies "M8: 17 layers: $kinds" 6 layers
	says "M8: 17 layers: $kinds: told" 'more than 16 layers'
done
for kinds in -aes256 -aes-256-gcm clear,-aes256 opaque,-aes-256-gcm; do
	python3 layers.py $kinds 16 2000
	decrypts "M8: 16 layers: $kinds" 0 layers
	python3 layers.py $kinds 17 2000
	decrypts "M8: 17 layers: $kinds" 6 layers
done
# The cost of a layer is the same for each: it does not double with every one.
python3 layers.py -aes-256-gcm,opaque 10 1000000
decrypts 'M8: 10 layers around a megabyte' 0 layers

done_testing
