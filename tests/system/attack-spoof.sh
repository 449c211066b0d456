#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Spoofed signatures in the shapes that were published ("Johnny, you are fired", USENIX Security 2019): whose word is it, and for
# which part of the mail. Mallory has a certificate of her own for mallory@evil.example, and mails that Alice has signed.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
agent_start
export PYTHONPATH=$SOURCE/tests/lib
cd "$T" || exit
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out mallory.key
openssl pkey -in mallory.key -pubout -out mallory.pub
demo_certificate mallory Mallory mallory@evil.example digitalSignature || bail 'no certificate for Mallory'

refused() { # DESCRIPTION CODE FILE: not called good in any way, and not written
	rm -f never
	check "$1: refused" "$2" smime verify "$3" -o never
	absent "$1: and not written" "$T/never"
	[ "$(wc -l <"$T/err")" != 0 ] || fail "$1: something is said"
	! grep -q 'the signature is good' "$T/err" || fail "$1: nothing is called good" "$(cat "$T/err")"
}
by_mallory_alone() { # DESCRIPTION FILE: good, and everything says that it is hers
	rm -f content
	check "$1: verifies" 0 smime verify "$2" -o content
	says "$1: as Mallory's" 'the signature is good: signed by mallory@evil.example'
	unlike "$1: and nobody else's" "$(head -n 3 "$T/err")" 'signed by alice'
	run smime verify --json "$2"
	is "$1: in the report, too" "$(json "$T/out" '[s["addresses"] for l in d["layers"] for s in l["signers"]]')" "[['mallory@evil.example']]"
}

# ---- Who it is from ----

printf 'Content-Type: text/plain\r\n\r\nYou are fired.\r\n' >entity
openssl cms -sign -binary -signer mallory.pem -inkey mallory.key -certfile ca/issuing.pem -in entity -outform DER -out signature
python3 -c 'from forge import *; write("body", multipart_signed(b"", read("entity"), read("signature")))'
from() { # HEADER: a format; $T/mail is a mail of Mallory's with this header
	{ printf "$1\r\n" && cat body; } >mail
}

from 'From: mallory@evil.example'
by_mallory_alone "Mallory's own mail" mail
fails "and there is nothing to be said against it" grep -qi 'but' "$T/err"
while IFS= read -r header; do
	from "$header"
	refused "K2: $header" 1 mail
	says "K2: $header: it is the address that is wrong" 'address'
done <<'END'
From: alice@example.org
From: "Alice" <alice@example.org>
From: Mallory <alice@example.org>
From: "mallory@evil.example" <alice@example.org>
From: mallory@evil.example <alice@example.org>
From: =?utf-8?q?mallory=40evil=2Eexample?= <alice@example.org>
From: alice@example.org (mallory@evil.example)
From: (mallory@evil.example) alice@example.org
From: alice@example.org (<mallory@evil.example>)
From: "<mallory@evil.example>" <alice@example.org>
From: alice@example.org\r\nFrom: mallory@evil.example
From: mallory@evil.example\r\nFrom: alice@example.org
From : alice@example.org\r\nFrom: mallory@evil.example
From: mallory@evil.example\r\nfrOM\t: alice@example.org
From: mallory@evil.example\r\nFrom: mallory@evil.example
From: alice@example.org, mallory@evil.example
From: mallory@evil.example, alice@example.org
From: mallory@evil.example,\r\n alice@example.org
From: Team: mallory@evil.example, alice@example.org;
From: alice@example.org\r\nReply-To: mallory@evil.example
From: alice@example.org\r\nReturn-Path: <mallory@evil.example>
From: alice@example.org\r\nResent-From: mallory@evil.example\r\nResent-Sender: mallory@evil.example
From: alice@example.org\r\nX-Sender: mallory@evil.example
From: alice@example.org\r\nSender: mallory@evil.example\r\nSender: mallory@evil.example
From: alice@example.org\r\nSender: alice@example.org, mallory@evil.example
From: alice@example.org\r\nSender: "mallory@evil.example" <bob@example.org>
From: <@evil.example:alice@example.org>
From: <mallory@evil.example:alice@example.org>
From: mallory@evil.example@example.org
From: "mallory@evil.example"@example.org
From: mallory@[evil.example]
From: mallory@evil.example.
From: mallory@evil.example\\\\0.example.org
From: mallory@sub.evil.example
From: xmallory@evil.example
From: mallory@evil.example.org
From: mallory@xevil.example
From: mallоry@evil.example
From: mallory＠evil.example
From: =?utf-8?q?alice=40example=2Eorg?=
From: =?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc=?= =?utf-8?q?=00?= mallory@evil.example
From: =?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc=?==?utf-8?q?=00?=@evil.example
From: =?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmcK?=@evil.example
From: mallory=40evil.example
From:
From: ;
From: mallory
From: mallory@evil.example\rFrom: alice@example.org
Subject: x\rFrom: alice@example.org\r\nFrom: mallory@evil.example
X: \0From: alice@example.org\r\nFrom: mallory@evil.example
From: mallory@evil.example\r\n\tFrom: alice@example.org
END
{ printf 'From: mallory@evil.example, ' && printf 'a%.0s' {1..5000} && printf '@example.org\r\n' && cat body; } >mail
refused 'K2: a From of 5 kB' 1 mail
{ printf 'From: ' && printf '(%.0s' {1..2000} && printf ')%.0s' {1..2000} && printf 'mallory@evil.example\r\n' && cat body; } >mail
refused 'K2: a From of 2000 nested comments' 1 mail
{ printf 'From: ' && printf 'a:%.0s' {1..1500} && printf 'mallory@evil.example\r\n' && cat body; } >mail
refused 'K2: a From of 1500 nested groups' 1 mail

# A name or a comment that is an address is what many programs show instead of the address.
while IFS= read -r header; do
	from "$header"
	by_mallory_alone "K2: $header" mail
	check "K2: $header: told" 0 smime verify mail
	says "K2: $header: warns of the other address" 'but the name in From looks like another address \(.*alice@example\.org.*\)'
	run smime verify --json mail
	is "K2: $header: also in the report" "$(json "$T/out" '[c["outcome"] for c in d["layers"][0]["signers"][0]["checks"] if c["name"] == "address"]')" "['good', 'warning']"
done <<'END'
From: "alice@example.org" <mallory@evil.example>
From: "Alice (alice@example.org)" <mallory@evil.example>
From: "Alice <alice@example.org>" <mallory@evil.example>
From: alice@example.org <mallory@evil.example>
From: 'alice@example.org' <mallory@evil.example>
From: mallory@evil.example (alice@example.org)
From: =?utf-8?q?alice=40example=2Eorg?= <mallory@evil.example>
From: =?utf-8?b?YWxpY2VAZXhhbXBsZS5vcmc=?= <mallory@evil.example>
From: =?utf-8?q?Alice_=3Calice?= =?utf-8?q?=40example=2Eorg=3E?= <mallory@evil.example>
From: =?iso-8859-1?q?alice=40example=2Eorg?=\r\n <mallory@evil.example>
From: "mallory@evil.example, alice@example.org" <mallory@evil.example>
From: "alice@example.org": mallory@evil.example;
END
# What is shown as one, though it is written in another way: dots and at signs of other widths, blanks, and text from right to left.
while IFS= read -r name; do
	name=$(printf "$name")
	for header in "From: \"$name\" <mallory@evil.example>" "From: =?utf-8?b?$(printf '%s' "$name" | base64)?= <mallory@evil.example>"; do
		from "$header"
		by_mallory_alone "K2: $header" mail
		check "K2: $header: told" 0 smime verify mail
		says "K2: $header: warns of the other address" 'but the name in From looks like another address'
	done
done <<'END'
alice @ example.org
alice@  example.org
alice\xef\xbc\xa0example.org
alice\xef\xb9\xabexample.org
alice@example\xe3\x80\x82org
alice\xef\xbc\xa0example\xef\xbc\x8eorg
alice \xef\xbc\xa0 example\xef\xbd\xa1org
alice@example\xef\xb9\x92org
alice@example\xe2\x80\xa4org
alice\xe2\x80\x8b@example.org
\xe2\x80\xaegro.elpmaxe@ecila
Alice \xe2\x81\xa7 gro.elpmaxe @ ecila
END
while IFS= read -r header; do
	from "$header"
	by_mallory_alone "K2: $header" mail
	unlike "K2: $header: nothing to warn of" "$(head -n 1 "$T/err")" but
done <<'END'
From: "mallory@evil.example" <mallory@evil.example>
From: 'Mallory@Evil.example' <mallory@evil.example>
From: Mallory @ Evil <mallory@evil.example>
From: "Mallory @ Evil Inc." <mallory@evil.example>
From: "M. E. Mallory @ Evil" <mallory@evil.example>
From: "mallory @ evil.example" <mallory@evil.example>
From: "Mallory (`mallory@evil.example')" <mallory@evil.example>
From: Mallory O'Evil (at@work) <mallory@evil.example>
From: =?utf-8?q?mallory=40evil=2Eexample?= <mallory@evil.example>
From: MALLORY@EVIL.EXAMPLE
From: mallory@evil.example\r\nReply-To: alice@example.org
From: mallory@evil.example\r\nSender: alice@example.org
END
demo_certificate mallory Mallory "o\\'mallory@evil.example" digitalSignature
openssl cms -sign -binary -signer mallory.pem -inkey mallory.key -certfile ca/issuing.pem -in entity -outform DER -out signature
{ printf "From: O'Mallory <o'mallory@evil.example>\r\n" && python3 -c 'import sys; from forge import *
sys.stdout.buffer.write(multipart_signed(b"", read("entity"), read("signature")))'; } >mail
check "an apostrophe in the address" 0 smime verify mail
unlike 'is nothing to warn of' "$(head -n 1 "$T/err")" but
demo_certificate mallory Mallory mallory@evil.example digitalSignature
# RFC 8550 3 lets Sender be the signer; what people see is From, so that is said with every word of it.
from 'From: alice@example.org\r\nSender: mallory@evil.example'
by_mallory_alone 'K2: Sender is the signer' mail
check 'K2: Sender is the signer: told' 0 smime verify mail
says 'K2: Sender is the signer: From is said not to be' 'but signed by mallory@evil.example \(Sender\), not by the From address alice@example.org'
from 'Subject: nobody'
by_mallory_alone 'K2: a mail without From' mail
check 'K2: a mail without From: told' 0 smime verify mail
says 'K2: a mail without From: that there was nothing to compare' 'unknown +address +.*no From'
check 'another is expected' 1 smime verify --from alice@example.org mail
check 'Mallory is expected' 0 smime verify --from mallory@evil.example mail

# ---- Header fields inside (RFC 9788) ----

# Mallory signs or encrypts a header of Alice's: whose From is on the outside stays there, and who signed is Mallory.
cat >protected.py <<'END'
import subprocess
from forge import *
def sign(entity, *options):
    return openssl('cms', '-sign', '-binary', *options, '-signer', 'mallory.pem', '-inkey', 'mallory.key', '-certfile', 'ca/issuing.pem', '-outform', 'DER', data=entity)
outer = b'From: mallory@evil.example\r\nSubject: [...]\r\n'
for how in ('clear', 'cipher'):
    for name, fields in {
        'another author': b'From: alice@example.org\r\n', 'another author and a Sender': b'From: alice@example.org\r\nSender: mallory@evil.example\r\n',
        'two authors': b'From: mallory@evil.example\r\nFrom: alice@example.org\r\n', 'two others': b'From: alice@example.org\r\nFrom: mallory@evil.example\r\n',
        'both in one': b'From: alice@example.org, mallory@evil.example\r\n', 'a name': b'From: "alice@example.org" <mallory@evil.example>\r\n',
        'a bare CR': b'From: mallory@evil.example\rFrom: alice@example.org\r\n',
    }.items():
        entity = b'Content-Type: text/plain; hp="%s"\r\n' % how.encode() + fields + b'Subject: You are fired\r\nHP-Outer: Subject: [...]\r\n\r\nYou are fired.\r\n'
        signed = cms_mail(b'', sign(entity, '-nodetach'), 'signed-data')
        write('hp signed %s, %s' % (how, name), outer + signed)
        for what, inner in (('encrypted', entity), ('both', signed)):
            write('hp %s %s, %s' % (what, how, name), cms_mail(outer, openssl('cms', '-encrypt', '-binary', '-aes-256-gcm', '-outform', 'DER', 'bob.pem', data=inner)))
END
python3 protected.py || bail 'the protected headers could not be made'
author() { sed '/^\r*$/q' "$1" | tr -d '\r' | grep -i '^from' | tr '\n' '|'; }
for file in 'hp signed'*; do
	name=${file#hp signed }
	case $name in
	*'a name' | *'a Sender')
		by_mallory_alone "M10: protected and signed: $name" "$file"
		check "M10: protected and signed: $name: told" 0 smime verify "$file"
		says "M10: protected and signed: $name: with what is to be said of the author" 'good: signed by mallory@evil.example; but .*signed From.*alice@example.org'
		;;
	*) refused "M10: protected and signed: $name" 1 "$file" ;;
	esac
done
for file in 'hp both'* 'hp encrypted'*; do
	rm -f plain
	check "M10: protected and ${file#hp }: opened" 0 smime decrypt "$file" -o plain
	is "M10: protected and ${file#hp }: the author outside stays" "$(author plain | sed 's/.*<\(.*\)>/From: \1/')" 'From: mallory@evil.example|'
	case $file in
	# Of such a header nothing is taken.
	*'a bare CR' | *'two authors' | *'two others') says "M10: protected and ${file#hp }: it counts as none" "header is not protected" ;;
	*'a name') ;;
	*) says "M10: protected and ${file#hp }: the other one is told of" 'From is another address inside' ;;
	esac
done

# ---- Which part it is for ----

mail alice@example.org bob@example.org | smime sign -k alice@example.org -o alice.lf
smime sign --opaque -k alice@example.org -o alice.opaque.lf <(mail alice@example.org bob@example.org)
for form in alice alice.opaque; do
	sed 's/\r*$/\r/' $form.lf >$form
	sed -n '/^MIME-Version/,$p' $form >$form.part
done
cat >structures.py <<'END'
from forge import *
header = b'From: alice@example.org\r\nTo: bob@example.org\r\nSubject: You are fired\r\nMIME-Version: 1.0\r\n'
evil = b'Content-Type: text/html\r\n\r\nYou are fired. <iframe src="cid:signed"></iframe>'
hidden = b'Content-Type: text/html\r\n\r\n<style>body { display: none }</style>'
alice, opaque = read('alice.part'), read('alice.opaque.part')
cid = b'Content-ID: <signed>\r\n' + alice

def multipart(kind, *parts, boundary=b'outer', extra=b''):
    return (b'Content-Type: multipart/' + kind + b'; boundary=' + boundary + extra + b'\r\n\r\n'
            + b''.join(b'--' + boundary + b'\r\n' + part + b'\r\n' for part in parts) + b'--' + boundary + b'--\r\n')

message = b'Content-Type: message/rfc822\r\n\r\n' + read('alice')
unsigned = {
    'mixed with it last': multipart(b'mixed', evil, alice),
    'mixed with it first': multipart(b'mixed', alice, evil),
    'mixed with it alone': multipart(b'mixed', alice),
    'mixed with the opaque one': multipart(b'mixed', evil, opaque),
    'mixed with it hidden by a style': multipart(b'mixed', evil, hidden, alice),
    'alternative': multipart(b'alternative', alice, evil),
    'related by a cid': multipart(b'related', evil, cid, extra=b'; type="text/html"'),
    'related with it as the root': multipart(b'related', alice, evil, extra=b'; type="multipart/signed"'),
    'digest': multipart(b'digest', b'\r\n' + read('alice')),
    'report': multipart(b'report', evil, message),
    'three deep': multipart(b'mixed', multipart(b'related', evil, multipart(b'alternative', alice, boundary=b'c'), boundary=b'b')),
    'attached message': multipart(b'mixed', evil, message),
    'message': message,
    'message in base64': b'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n' + fold(read('alice')),
    'delivery status': multipart(b'report', evil, b'Content-Type: message/delivery-status\r\n\r\nStatus: 5.0.0\r\n', message),
    'partial': b'Content-Type: message/partial; id=1; number=1; total=1\r\n\r\n' + read('alice'),
    'external body': b'Content-Type: message/external-body; access-type=x\r\n\r\n' + alice,
    'a signature as attachment': multipart(b'mixed', evil, alice.split(b'\r\n--=_')[2].split(b'\r\n', 1)[1]),
}
for name, body in unsigned.items():
    write('unsigned ' + name, header + body)

# What Alice signed, under a multipart/signed that is not as she made it.
boundary = alice.split(b'boundary="')[1].split(b'"')[0]
top, part, signature, _ = alice.split(b'--' + boundary)
part, signature = part[2:-2], signature[2:-2]
content = b'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=outer'

def signed(*parts, kind=content, end=b'--outer--\r\n', before=b''):
    return kind + b'\r\n\r\n' + before + b''.join(b'--outer\r\n' + part + b'\r\n' for part in parts) + end

for name, code, body in [
    ('as she made it', 0, signed(part, signature)),
    ('with a part in front', 6, signed(evil, part, signature)),
    ('with a part between', 6, signed(part, evil, signature)),
    ('with a part behind', 6, signed(part, signature, evil)),
    ('with a second signature behind', 6, signed(part, signature, signature)),
    ('with its parts exchanged', 6, signed(signature, part)),
    ('with the signature alone', 6, signed(signature)),
    ('with the part alone', 6, signed(part)),
    ('with the part twice', 6, signed(part, part)),
    ('with another part', 1, signed(evil, signature)),
    ('with the part inside a mixed', 1, signed(multipart(b'mixed', evil, part, boundary=b'in'), signature)),
    ('with the signed mail inside a mixed', 1, signed(multipart(b'mixed', evil, alice, boundary=b'in'), signature)),
    ('with a header field more', 1, signed(b'Content-Description: x\r\n' + part, signature)),
    ('with the header line of another type', 1, signed(part.replace(b'text/plain', b'text/html'), signature)),
    ('with an empty part', 1, signed(b'', signature)),
    ('without an end', 6, signed(part, signature, end=b'')),
    ('with an end in the middle', 6, signed(part, end=b'--outer--\r\n--outer\r\n' + signature + b'\r\n--outer--\r\n')),
    ('with PGP for a protocol', 1, signed(part, signature, kind=content.replace(b'pkcs7', b'pgp'))),
    ('with two protocols', 0, signed(part, signature, kind=content + b'; protocol="application/pgp-signature"')),
    ('without a protocol', 0, signed(part, signature, kind=content.replace(b'; protocol="application/pkcs7-signature"', b''))),
    ('as mixed', 1, signed(part, signature, kind=content.replace(b'signed', b'mixed'))),
    ('as encrypted', 1, signed(part, signature, kind=content.replace(b'multipart/signed', b'multipart/encrypted'))),
    ('with two boundaries', 1, signed(part, signature, kind=content + b'; boundary=other')),
    ('with two equal boundaries', 1, signed(part, signature, kind=content + b'; boundary=outer')),
    ('with another boundary by RFC 2231', 1, signed(part, signature, kind=content + b"; boundary*=us-ascii''other")),
    ('with another boundary in sections', 1, signed(part, signature, kind=content + b'; boundary*0=ot; boundary*1=her')),
    ('without a boundary', 1, signed(part, signature, kind=content.split(b'; boundary')[0])),
    ('with the boundary in a comment', 1, signed(part, signature, kind=content.replace(b'; boundary=outer', b' (; boundary=outer)'))),
    ('with two types', 1, signed(part, signature, kind=content + b'\r\nContent-Type: text/html')),
    ('with another type before', 1, signed(part, signature, kind=b'Content-Type: text/html\r\n' + content)),
    ('with a type in a line that is no field', 1, signed(part, signature, kind=b'no field\r\n' + content)),
    ('with a signature that is called text', 6, signed(part, signature.replace(b'application/pkcs7-signature', b'text/plain'))),
    ('with a signature of two types', 6, signed(part, b'Content-Type: text/html\r\n' + signature)),
    ('with a signature that is called pkcs7-mime', 6, signed(part, signature.replace(b'pkcs7-signature', b'pkcs7-mime'))),
    ('with the opaque one for a signature', 6, signed(part, opaque)),
]:
    write('signed %d %s' % (code, name), header + body)
write('part', part)
write('around', header + signed(part, signature, before=b'You are fired.\r\n') + b'Do not come back.\r\n')

def by_mallory(body):
    return multipart_signed(b'', body, openssl('cms', '-sign', '-binary', '-signer', 'mallory.pem', '-inkey', 'mallory.key', '-certfile',
                                               'ca/issuing.pem', '-outform', 'DER', data=body), b'mallory')
for name, body in [('her part', alice), ('a mixed', multipart(b'mixed', evil, alice)), ('a message', message), ('an opaque one', opaque)]:
    for author in ('alice@example.org', 'mallory@evil.example'):
        write('wrapped %s %s' % (author, name), b'From: ' + author.encode() + b'\r\n' + by_mallory(body))
END
python3 structures.py || bail 'the structures could not be made'
for file in unsigned*; do
	refused "M5: Alice's signed mail, ${file#unsigned }" 1 "$file"
	says "M5: ${file#unsigned }: it is not called signed" 'the message is not signed(;|$)'
done
for file in signed*; do
	read -r _ code name <<<"$file"
	if [ "$code" = 0 ]; then
		rm -f content
		check "M5: what Alice signed, $name" 0 smime verify "$file" -o content
		same "M5: $name: her part is written, and nothing else" content part
	else
		refused "M5: what Alice signed, $name" "$code" "$file"
	fi
done
check "M5: text around what Alice signed" 0 smime verify around -o content
says 'M5: is said to be nobody'"'"'s' 'text outside the signed part \([0-9]+ octets\); nobody signed that text'
is 'M5: and is not written' "$(grep -c -i -e fired -e 'come back' content)" 0
run smime verify --json around
is 'M5: and is flagged in the report' "$(json "$T/out" 'd["layers"][0]["outside"]')" True

# Mallory signs something that has Alice's signature in it. As Alice's mail it is refused; as Mallory's it is hers.
for file in 'wrapped alice@example.org'*; do
	refused "M8: Mallory around ${file#*org }, from Alice" 1 "$file"
done
for name in 'a mixed' 'a message'; do
	by_mallory_alone "M8: Mallory around $name, from Mallory" "wrapped mallory@evil.example $name"
done
for name in 'her part' 'an opaque one'; do
	refused "M8: Mallory around $name, from Mallory" 1 "wrapped mallory@evil.example $name"
	says "M8: $name: each layer has its own signer" 'layer 1: signed .*: good.*layer 2: signed .*: NOT good'
done
check "Alice's mail with another author" 1 smime verify <(sed 's/^From: .*/From: mallory@evil.example\r/' alice)
done_testing
