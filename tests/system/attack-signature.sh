#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# SignedData that no honest program makes: signatures taken over to other content, other people's certificates, signers who are
# not, and certificates whose names pretend. Mallory has a certificate of her own, and CMS that Alice has signed.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
agent_start
export PYTHONPATH=$SOURCE/tests/lib
cd "$T" || exit
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out mallory.key
openssl pkey -in mallory.key -pubout -out mallory.pub
demo_certificate mallory Mallory mallory@evil.example digitalSignature || bail 'no certificate for Mallory'
printf 'Content-Type: text/plain\r\n\r\nWhat Alice has signed.\r\n' >entity
printf 'Content-Type: text/plain\r\n\r\nYou are fired.\r\n' >evil
smime sign --cms -k alice@example.org -i entity -o opaque.ber && openssl cms -cmsout -inform DER -in opaque.ber -outform DER -out opaque
smime sign --cms --detached -k alice@example.org -i entity -o detached
openssl pkcs8 -topk8 -nocrypt -in mallory.key -out mallory.p8

refused() { # DESCRIPTION CODE FILE [OPTION...]: not called good in any way, and not written
	rm -f never
	check "$1: refused" "$2" smime verify -o never "${@:3}"
	absent "$1: and not written" "$T/never"
	fails "$1: nothing is called good" grep -qE 'the signature is good|^layer 1: .*: good$' "$T/err"
}

# ---- Signatures for something else ----

cat >forge-all.py <<'END'
from forge import *
alice, mallory, issuing = certificate('alice.pem'), certificate('mallory.pem'), certificate('ca/issuing.pem')
stranger = certificate('stranger.pem')
entity, evil, key = read('entity'), read('evil'), 'mallory.key'
chain = [alice, issuing]
version, digests, encapsulated, certificates, signers = inside(read('opaque'))
hers = parts(signers)[0]
# version, sid, digest, [0] attributes, scheme, signature
fields = parts(hers)
attributes = retag(0x31, fields[3])
value = take(fields[5])[1]
without = sequence(*fields[:3], *fields[4:6])
HEADER = b'From: alice@example.org\r\n'
made = {}

def opaque(content, signers, certificates=chain, kind=DATA, **options):
    return signed_data(content, certificates, signers, kind=kind, **options)

def alter(**changes):
    names = ['version', 'sid', 'digest', 'attributes', 'scheme', 'value']
    return sequence(*(changes.get(name, field) for name, field in zip(names, fields)))

mallorys = signer_info(mallory, key, entity, usual_attributes(entity))
evils = signer_info(mallory, key, evil, usual_attributes(evil))
for name, code, message in [
    # What Alice signed, and what she did not.
    ('as it is', 0, opaque(entity, [hers])),
    ('C26: her signed attributes as content', 1, opaque(attributes, [without])),
    ('C26: her signed attributes as content, and content of another type', 1, opaque(attributes, [without], kind=SMIME + '1.4')),
    ('C26: her signed attributes with the tag of the message as content', 1, opaque(fields[3], [without])),
    ('C5: her attributes left out', 1, opaque(entity, [without])),
    ('other content', 1, opaque(evil, [hers])),
    ('content with an end', 1, opaque(entity + b'\r\n', [hers])),
    ('content cut off', 1, opaque(entity[:-1], [hers])),
    ('empty content', 1, opaque(b'', [hers])),
    ('content in pieces', 0, content_info(SIGNED, version, digests, sequence(dotted(DATA), explicit(0, tlv(0x24, octets(entity[:9]) + octets(entity[9:])))), tlv(0xa0, b''.join(chain)), tlv(0x31, hers))),
    ('content in pieces with one more', 1, content_info(SIGNED, version, digests, sequence(dotted(DATA), explicit(0, tlv(0x24, octets(entity) + octets(evil)))), tlv(0xa0, b''.join(chain)), tlv(0x31, hers))),
    ('two contents', 6, content_info(SIGNED, version, digests, sequence(dotted(DATA), explicit(0, octets(entity) + octets(evil))), tlv(0xa0, b''.join(chain)), tlv(0x31, hers))),
    ('two encapsulated contents', 6, content_info(SIGNED, version, digests, encapsulated, encapsulated, tlv(0xa0, b''.join(chain)), tlv(0x31, hers))),
    ('C6: content of another type', 1, opaque(entity, [hers], kind=SMIME + '1.4')),
    ('other attributes', 1, opaque(evil, [alter(attributes=implicit(0, set_of(*usual_attributes(evil))))])),
    ('C5: a second message digest', 1, opaque(evil, [alter(attributes=implicit(0, set_of(*parts(attributes), usual_attributes(evil)[1])))])),
    ('C5: another message digest among the unsigned attributes', 1, opaque(evil, [sequence(*fields, implicit(1, set_of(usual_attributes(evil)[1])))])),
    ('C9: another digest algorithm', 1, opaque(entity, [alter(digest=algorithm('2.16.840.1.101.3.4.2.3'))])),
    ('C9: another digest in the signature algorithm', 1, opaque(entity, [alter(scheme=algorithm('1.2.840.113549.1.1.13', tlv(5, b'')))])),
    ('C9: PSS in place of PKCS #1', 1, opaque(entity, [alter(scheme=algorithm('1.2.840.113549.1.1.10'))])),
    ('an empty signature', 1, opaque(entity, [alter(value=octets(b''))])),
    ('a signature of zeros', 1, opaque(entity, [alter(value=octets(bytes(256)))])),
    ('a signature of one', 1, opaque(entity, [alter(value=octets(bytes(255) + b'\1'))])),
    ('a signature longer by a zero', 1, opaque(entity, [alter(value=octets(b'\0' + value))])),
    ('C3: an empty key id for a name', 1, opaque(entity, [alter(version=integer(3), sid=tlv(0x80, b''))])),
    # Who signed it.
    ("Mallory's signature under Alice's name", 1, opaque(evil, [sequence(integer(1), issuer_serial(alice), *parts(evils)[2:])])),
    ("Mallory's signature under Alice's name, with both certificates", 1, opaque(evil, [sequence(integer(1), issuer_serial(alice), *parts(evils)[2:])], [alice, mallory, issuing])),
    ("Mallory's signature beside Alice's certificate", 1, opaque(evil, [evils], [alice, mallory, issuing])),
    ("Mallory's signature beside Alice's, on the same content", 1, opaque(entity, [hers, mallorys], [alice, mallory, issuing])),
    ("C20: Alice's signature, and hers again with a fault", 1, opaque(entity, [hers, alter(value=octets(bytes(256)))])),
    ("C20: a good signature of Mallory's, and one that says Alice's", 1, opaque(evil, [evils, hers], [alice, mallory, issuing])),
    ("C4: Alice's signature, and one of a version that nobody knows", 1, opaque(entity, [hers, alter(version=integer(9))])),
    ("C4: Alice's signature, and one of an algorithm that nobody knows", 1, opaque(entity, [hers, alter(scheme=algorithm('1.2.3.4'))])),
    ("Alice's signature by a stranger's certificate with her key id", 1, opaque(evil, [signer_info(stranger, 'stranger.key', evil, usual_attributes(evil))], [alice, stranger, issuing])),
    ('C22: no signature at all', 1, opaque(entity, [])),
    ('C22: certificates only', 1, content_info(SIGNED, integer(1), set_of(), sequence(dotted(DATA)), tlv(0xa0, b''.join(chain)), set_of())),
    # What is no SignedData.
    ('EnvelopedData in its place', 1, content_info(ENVELOPED, *inside(read('opaque')))),
    ('octets behind', 6, opaque(entity, [hers]) + b'You are fired'),
    ('another SignedData behind', 6, opaque(entity, [hers]) + opaque(evil, [evils])),
    ('a second set of signers', 6, content_info(SIGNED, version, digests, encapsulated, tlv(0xa0, b''.join(chain)), tlv(0x31, hers), tlv(0x31, evils))),
    ('a signer that is no SEQUENCE', 1, opaque(entity, [tlv(0x31, take(hers)[1])])),
    ('a signer cut off', 6, opaque(entity, [hers])[:-20]),
]:
    write('mail %d %s' % (code, name), cms_mail(HEADER, message, 'signed-data'))

# Embedded and detached content at once (CVE-2018-18509).
inner = {'with other content inside': opaque(evil, [hers]), 'with the same content inside': opaque(entity, [hers]),
         "with Mallory's content and signature inside": opaque(evil, [evils], [mallory, issuing]),
         'with empty content inside': opaque(b'', [hers])}
for name, message in inner.items():
    write('twice C27: detached, ' + name, multipart_signed(HEADER, entity, message))
    write('twice-evil C27: detached, %s, for other content' % name, multipart_signed(HEADER, evil, message))
    write('cms C27: detached, ' + name, message)

# micalg and types as somebody else might have them: the CMS decides.
detached = multipart_signed(HEADER, entity, read('detached'))
for micalg in ('md5', 'sha1', 'sha-1', 'SHA256', 'sha-512', 'unknown', '"sha-256,sha1"', 'sha-256,sha-512', 'rsa-md5', 'rsa-sha1', '""', 'sha-256; micalg=md5', None):
    text = b'' if micalg is None else b' micalg=%s;' % micalg.encode()
    write('read M2: micalg=%s' % (micalg or 'none'), detached.replace(b' micalg=sha-256;', text))
END
python3 forge-all.py || bail 'the messages could not be made'
for file in mail*; do
	read -r _ code name <<<"$file"
	if [ "$code" = 0 ]; then
		check "$name" 0 smime verify "$file"
	else
		refused "$name" "$code" "$file"
	fi
done
for file in twice* cms*; do
	name=${file#* }
	case $file in
	cms*) refused "$name, named by an option" 1 --cms --detached-content entity "$file" ;;
	*) refused "$name" 1 "$file" ;;
	esac
	says "$name: told" 'carries content of its own|was changed'
done
for file in read*; do
	check "${file#read }: is read" 0 smime verify "$file" -o content
	same "${file#read }: and is the part" content entity
done
check "C26: a signature without attributes is called old" 0 smime verify --cms --from mallory@evil.example <(python3 -c 'import sys; from forge import *
m, text = certificate("mallory.pem"), read("evil")
sys.stdout.buffer.write(signed_data(text, [m, certificate("ca/issuing.pem")], [signer_info(m, "mallory.key", text)]))')
says 'C26: with a warning' 'warning +attributes +there are no signed attributes'

# ---- Certificates whose names pretend ----

# Signs for Mallory, with a certificate that has this subject and these extensions, a mail from Alice.
pretend() { # SUBJECT EXTENSION...
	printf '%s\n' basicConstraints=critical,CA:false keyUsage=critical,digitalSignature extendedKeyUsage=emailProtection "${@:2}" >pretend.ext
	demo_quiet openssl x509 -new -force_pubkey mallory.pub -subj "$1" -days 30 -CA ca/issuing.pem -CAkey ca/issuing.key -extfile pretend.ext -out pretend.pem ||
		{ fail "a certificate can be made: $*" && return; }
	openssl cms -sign -binary -nodetach -signer pretend.pem -inkey mallory.key -certfile ca/issuing.pem -in evil -outform DER -out pretend.cms
	python3 -c 'from forge import *; write("pretend", cms_mail(b"From: alice@example.org\r\n", read("pretend.cms"), "signed-data"))'
}
san() { printf 'subjectAltName=DER:'; python3 -c 'import sys; from forge import *; print(sequence(*eval(sys.argv[1])).hex(":"))' "$1"; } # PYTHON LIST
row() { # DESCRIPTION SUBJECT EXTENSION...: is not Alice's
	pretend "${@:2}"
	refused "K3: $1" 1 pretend
	says "K3: $1: the address is wrong" 'BAD +address'
}
other='email:mallory@evil.example'
row 'her address as the common name' '/CN=alice@example.org' "subjectAltName=$other"
row 'her address as common name and organisation' '/O=alice@example.org/OU=alice@example.org/CN=Alice <alice@example.org>' "subjectAltName=$other"
row 'her address as a user id' '/UID=alice@example.org/CN=Mallory' "subjectAltName=$other"
row 'her address in the name of a directory' '/CN=Mallory' "subjectAltName=$other,dirName:d" '[d]' 'emailAddress=alice@example.org' 'CN=alice@example.org'
row 'her address as a URI' '/CN=Mallory' "subjectAltName=$other,URI:mailto:alice@example.org"
row 'her address as a host' '/CN=Mallory' "subjectAltName=$other,DNS:alice@example.org"
row 'her address as a user principal name' '/CN=Mallory' "subjectAltName=$other,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@example.org"
row 'her address as an alternative name of the issuer' '/CN=Mallory' "subjectAltName=$other" 'issuerAltName=email:alice@example.org'
row 'every address of her domain' '/CN=Mallory' 'subjectAltName=email:*@example.org'
row 'her domain' '/CN=Mallory' 'subjectAltName=email:@example.org'
row 'a domain below hers' '/CN=Mallory' 'subjectAltName=email:alice@sub.example.org'
row 'her address with a letter of another script' '/CN=Mallory' "$(san '[tlv(0xa0, dotted("1.3.6.1.5.5.7.8.9") + explicit(0, tlv(12, "\u0430lice@example.org".encode())))]')"
row 'her address before a NUL' '/CN=Mallory' "$(san '[tlv(0x81, b"alice@example.org\0.evil.example")]')"
row 'her address before a NUL and another' '/CN=Mallory' "$(san '[tlv(0x81, b"alice@example.org\0@evil.example"), tlv(0x81, b"mallory@evil.example")]')"
row 'her address behind a NUL' '/CN=Mallory' "$(san '[tlv(0x81, b"\0alice@example.org")]')"
row 'her address with a line end' '/CN=Mallory' "$(san '[tlv(0x81, b"alice@example.org\n")]')"
row 'her address with a blank' '/CN=Mallory' "$(san '[tlv(0x81, b"alice@example.org ")]')"
row 'her address in brackets' '/CN=Mallory' "$(san '[tlv(0x81, b"<alice@example.org>")]')"
row 'her address with a name' '/CN=Mallory' "$(san '[tlv(0x81, b"Alice <alice@example.org>")]')"
row 'her address and another in one name' '/CN=Mallory' "$(san '[tlv(0x81, b"alice@example.org,mallory@evil.example")]')"
row 'her address with a comment' '/CN=Mallory' "$(san '[tlv(0x81, b"alice@example.org(x)")]')"
row 'her address in two names' '/CN=Mallory' "$(san '[tlv(0x81, b"alice@"), tlv(0x81, b"example.org")]')"
row 'her address as a name of another kind' '/CN=Mallory' "$(san '[tlv(0x82, b"alice@example.org"), tlv(0x86, b"alice@example.org"), tlv(0x81, b"m@evil.example")]')"
row 'her address in the wrong string' '/CN=Mallory' "$(san '[tlv(0xa0, dotted("1.3.6.1.5.5.7.8.9") + explicit(0, tlv(0x1e, "alice@example.org".encode("utf-16-be"))))]')"
row 'her address as emailAddress with a control' "/CN=Mallory/emailAddress=alice@example.org"$'\x01' "subjectAltName=$other"

# A certificate for several people is for each of them, and for nobody else.
pretend '/CN=Several' "subjectAltName=$other,email:Alice@Example.org,email:x@evil.example"
check 'K3: one of several addresses of a certificate' 0 smime verify pretend
says 'K3: is the one that is told' 'good +address +alice@example.org'
pretend '/CN=Mallory/emailAddress=alice@example.org' "subjectAltName=$other"
check 'K3: the address of the subject beside others' 0 smime verify pretend
# RFC 8550 3: a certificate without any address fits, and it is said that this is little.
pretend '/CN=alice@example.org'
check 'K2: her address as the common name of a certificate without addresses' 0 smime verify pretend
says 'K2: is not called hers in the first line' '^smime verify: the signature is good: signed by CN=alice@example.org,?[^;]*; but the certificate names no address; nothing links its owner to alice@example.org'
check 'K2: and is not enough where she is expected' 1 smime verify --from alice@example.org pretend

pretend '/CN=Mallory' 'subjectAltName=email:example.org'
check 'K2: a host name where an address should be is no address' 0 smime verify pretend
says 'K2: which is said in the first line' '^smime verify: the signature is good: signed by CN=Mallory; but the certificate names no address'

# ---- Chains that pretend ----

row_chain() { # DESCRIPTION PATTERN: $T/pretend.pem with the chain in $T/chain.pem
	openssl cms -sign -binary -nodetach -signer pretend.pem -inkey mallory.key -certfile chain.pem -in evil -outform DER -out pretend.cms
	python3 -c 'from forge import *; write("pretend", cms_mail(b"From: alice@example.org\r\n", read("pretend.cms"), "signed-data"))'
	refused "K1: $1" 1 pretend
	says "K1: $1: told" "$2"
}
issue() { # ISSUER SUBJECT-OPTIONS..: $T/pretend.pem for alice@example.org
	printf '%s\n' basicConstraints=critical,CA:false keyUsage=critical,digitalSignature extendedKeyUsage=emailProtection subjectAltName=email:alice@example.org >pretend.ext
	demo_quiet openssl x509 -new -force_pubkey mallory.pub -subj /O=Demonstration/CN=Alice -days 30 -CA "$1.pem" -CAkey "$1.key" -extfile pretend.ext -out pretend.pem
}
issue mallory
cat mallory.pem ca/issuing.pem >chain.pem
row_chain 'issued by a certificate that is no CA' 'BAD +chain +.*(invalid CA|not.*CA|purpose)'
for name in root issuing; do # of the same name as the real ones, self-signed, or issued by such a one
	openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out false-$name.key
done
demo_quiet openssl req -x509 -new -key false-root.key -subj '/O=Demonstration/CN=Demonstration Root' -days 30 -config ca/ca.cnf -extensions ca -out false-root.pem
openssl pkey -in false-issuing.key -pubout -out false-issuing.pub
demo_quiet openssl x509 -new -force_pubkey false-issuing.pub -subj '/O=Demonstration/CN=Demonstration Issuing CA' -days 30 -CA false-root.pem -CAkey false-root.key \
	-extfile ca/ca.cnf -extensions ca -out false-issuing.pem
issue false-issuing
cat false-issuing.pem false-root.pem >chain.pem
row_chain 'issued by CAs that only have the names of the real ones' 'BAD +chain'
cat ca/issuing.pem ca/root.pem false-issuing.pem >chain.pem
row_chain 'the same with the real ones in the message' 'BAD +chain'
# The key of the real root, with a generator chosen so that Mallory knows the private key (CVE-2020-0601).
python3 - <<'END'
from forge import *
spki = parts(parts(certificate('ca/root.pem'))[0])[6]
point = take(parts(spki)[1])[1][1:]
p = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff
n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
b = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
field = sequence(dotted('1.2.840.10045.1.1'), integer(p))
curve = sequence(octets((p - 3).to_bytes(32, 'big')), octets(b.to_bytes(32, 'big')))
parameters = sequence(integer(1), field, curve, octets(point), integer(n), integer(1))
key = sequence(integer(1), octets((1).to_bytes(32, 'big')), explicit(1, tlv(3, b'\0' + point)))
private = sequence(integer(0), sequence(dotted('1.2.840.10045.2.1'), parameters), octets(key))
write('curve.p8', private)
END
if openssl pkey -inform DER -in curve.p8 -out curve.key 2>err &&
	demo_quiet openssl req -x509 -new -key curve.key -subj '/O=Demonstration/CN=Demonstration Root' -days 30 -config ca/ca.cnf -extensions ca -out curve.pem &&
	issue curve; then
	cp curve.pem chain.pem
	row_chain "issued with the root's public key on a curve of Mallory's" 'BAD +chain'
	cat curve.pem ca/root.pem >chain.pem
	row_chain 'the same with the root in the message' 'BAD +chain'
else
	skip "K1: issued with the root's public key on a curve of Mallory's" "OpenSSL makes no such key: $(head -n 1 err)"
fi
done_testing
