#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# CMS that costs its reader far more than its writer: nesting of BER, lengths, numbers of signers, recipients, certificates,
# attributes, keys that nobody has. Each gets a definite answer, in little time and little memory, whatever the answer is.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/bounded.sh"

fixture people
agent_start
export PYTHONPATH=$SOURCE/tests/lib
cd "$T" || exit
printf 'Content-Type: text/plain\r\n\r\nHello.\r\n' >entity

# ---- BER ----

cat >ber.py <<'END'
from forge import *
deep = b'\x24\x80' * 100000
tiny = (octets(b'x') * 50000)
def put(name, *pieces):
    write(name, b''.join(pieces))
front = b'\x30\x80' + dotted(SIGNED) + b'\xa0\x80\x30\x80' + integer(1) + set_of(algorithm(SHA256)) + b'\x30\x80' + dotted(DATA) + b'\xa0\x80'
put('deep', front, deep)
put('deep-closed', front, deep, b'\0\0' * 100000, b'\0\0' * 10)
put('tiny', front, b'\x24\x80', tiny * 200, b'\0\0' * 3, set_of(), b'\0\0' * 3)
put('empty', front, b'\x24\x80', b'\4\0' * 8000000, b'\0\0' * 3, set_of(), b'\0\0' * 3)
put('sequences', b'\x30\x80' * 5000000)
put('huge-length', front, b'\4\x88\x7f' + b'\xff' * 7, b'x' * 1000)
put('negative-length', front, b'\4\x88' + b'\xff' * 8, b'x' * 1000)
put('long-length', front, b'\4\xfe' + b'\1' * 126, b'x' * 1000)
put('long-tag', b'\x3f' + b'\xff' * 1000000)
put('zero-tag', front, b'\x3f' + b'\x80' * 1000000)
put('eoc', b'\x30\x80', b'\0\0' * 5000000)
put('oid', b'\x30\x80\x06\x84\x01\0\0\0', b'\x81' * 20000000)
put('digests', b'\x30\x80' + dotted(SIGNED) + b'\xa0\x80\x30\x80' + integer(1) + b'\x31\x80' + algorithm(SHA256) * 500000)
END
python3 ber.py
for file in deep deep-closed tiny empty sequences huge-length negative-length long-length long-tag zero-tag eoc oid digests; do
	verifies "C1: BER: $file" '1|6' --cms $file
	decrypts "C1: BER: $file, as encrypted" '1|6' --cms $file
	rm $file
done

# ---- Many of everything in CMS ----

openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out many.key
openssl pkey -in many.key -pubout -out many.pub
demo_certificate many Many many@example.org digitalSignature
many() { # NAME EXTENSION-LINE...: another certificate of Many's
	demo_quiet openssl x509 -new -force_pubkey many.pub -subj "/CN=Many" -days 30 -CA ca/issuing.pem -CAkey ca/issuing.key -extfile <(printf '%s\n' "${@:2}") -out "$1.pem"
}
many names 'keyUsage=digitalSignature' "subjectAltName=$(printf 'email:m%d@example.org,' {1..5000})email:many@example.org"
# Keys that nobody has, of which each verification costs as much as it can.
python3 - <<'END'
from forge import *
for name, bits, exponent in (('rsa8192', 8192, 2**64 - 1), ('rsa16384', 16384, 2**64 - 1), ('exponent', 8192, 2**8000 + 1)):
    write(name + '.spki', rsa_public(int.from_bytes(random(bits // 8), 'big') | 1 << bits - 1 | 1, exponent))
END
for name in rsa8192 rsa16384 exponent; do
	openssl pkey -pubin -inform DER -in $name.spki -out $name.pub
	demo_quiet openssl x509 -new -force_pubkey $name.pub -subj "/CN=Many" -days 30 -CA ca/issuing.pem -CAkey ca/issuing.key \
		-extfile <(printf '%s\n' subjectKeyIdentifier=hash subjectAltName=email:many@example.org) -out "$name.pem"
done
cat >cms.py <<'END'
from forge import *
many, issuing, names, text = certificate('many.pem'), certificate('ca/issuing.pem'), certificate('names.pem'), read('entity')
attributes = usual_attributes(text)
good = signer_info(many, 'many.key', text, attributes)
bulk = [attribute('1.2.3.4.%d' % i, octets(bytes(20))) for i in range(4000)]
wide = attribute('1.2.3.4', *[octets(i.to_bytes(4, 'big')) for i in range(20000)])
chain = [many, issuing]
value = parts(good)[-1][2:]
forged = sequence(*parts(good)[:-1], octets(value[:-1] + bytes([value[-1] ^ 1])))
alike = [certificate('alike%d.pem' % i) for i in range(60)]
key_id = sequence(integer(3), retag(0x80, octets(key_identifier(many))), *parts(good)[2:])
def expensive(name):
    kin = [certificate('%s.pem' % name)] * 95
    value = octets(b'\1' + bytes(len(read(name + '.spki')) // 1024 * 1024 - 1))
    signer = sequence(integer(3), retag(0x80, octets(key_identifier(kin[0]))), *parts(good)[2:4], algorithm('1.2.840.113549.1.1.11', tlv(5, b'')), value)
    return signed_data(text, kin + [issuing], [signer] * 32)
for name, message in {
    'keys-rsa8192': expensive('rsa8192'),
    'keys-rsa16384': expensive('rsa16384'),
    'keys-exponent': expensive('exponent'),
    'signers-32': signed_data(text, chain, [good] * 32),
    'signers-33': signed_data(text, chain, [good] * 33),
    'signers-20000': signed_data(text, chain, [good] * 20000),
    'signers-forged': signed_data(text, chain, [forged] * 32),
    'signers-alike': signed_data(text, alike + [issuing], [key_id] * 32),
    'signers-alike-forged': signed_data(text, alike + [issuing], [sequence(*parts(key_id)[:-1], parts(forged)[-1])] * 32),
    'signers-missing': signed_data(text, [issuing], [good] * 32),
    'certificates-100': signed_data(text, [many] * 99 + [issuing], [good]),
    'certificates-50000': signed_data(text, chain + [many] * 50000, [good]),
    'certificates-garbage': signed_data(text, chain + [sequence(octets(bytes(100)))] * 200000, [good]),
    'certificate-huge': signed_data(text, chain + [sequence(octets(bytes(20000000)))], [good]),
    'names-5000': signed_data(text, [names, issuing], [signer_info(names, 'many.key', text, attributes)] * 32),
    'attributes-4000': signed_data(text, chain, [signer_info(many, 'many.key', text, attributes + bulk)]),
    'attributes-huge': signed_data(text, chain, [signer_info(many, 'many.key', text, attributes + bulk * 10)]),
    'attribute-wide': signed_data(text, chain, [signer_info(many, 'many.key', text, attributes + [wide])]),
    'attributes-unsigned': signed_data(text, chain, [signer_info(many, 'many.key', text, attributes, extra=bulk)]),
    'without-attributes': signed_data(text + bytes(200000), chain, [signer_info(many, 'many.key', text + bytes(200000))] * 32),
    'digests-60': signed_data(text, chain, [good], digests=['1.2.3.%d' % i for i in range(60)] + [SHA256]),
    'digests-all': signed_data(bytes(3000000), chain, [signer_info(many, 'many.key', bytes(3000000))] * 32,
                               digests=[SHA256, '2.16.840.1.101.3.4.2.2', '2.16.840.1.101.3.4.2.3', '2.16.840.1.101.3.4.2.4', '1.3.14.3.2.26', '1.2.840.113549.2.5']),
}.items():
    write(name, message)
transport = sequence(integer(0), sequence(sequence(), integer(1)), algorithm(RSA, tlv(5, b'')), octets(bytes(256)))
for name, count in (('recipients-50000', 50000), ('recipients-200000', 200000)):
    write(name, content_info(ENVELOPED, integer(0), tlv(0x31, transport * count), encrypted_content(algorithm(AES256_CBC, octets(bytes(16))), bytes(64))))
mine = sequence(integer(0), issuer_serial(certificate('alice.pem')), algorithm(RSA, tlv(5, b'')), octets(bytes(255) + b'\1'))
write('recipients-mine', content_info(ENVELOPED, integer(0), tlv(0x31, mine * 50000), encrypted_content(algorithm(AES256_CBC, octets(bytes(16))), bytes(64))))
write('recipients-unknown', content_info(ENVELOPED, integer(0), tlv(0x31, tlv(0xa4, dotted('1.2.3')) * 90000), encrypted_content(algorithm(AES256_CBC, octets(bytes(16))), bytes(64))))
write('recipient-huge', content_info(ENVELOPED, integer(0), tlv(0x31, sequence(*parts(mine)[:-1], octets(bytes(20000000)))), encrypted_content(algorithm(AES256_CBC, octets(bytes(16))), bytes(64))))
END
for i in {0..59}; do # sixty with one key and one key id
	many "alike$i" 'keyUsage=digitalSignature' 'subjectKeyIdentifier=hash' "subjectAltName=email:many@example.org"
done
python3 cms.py || bail 'the messages could not be made'
for file in signers-32 signers-alike certificates-100 certificates-50000 certificates-garbage certificate-huge attributes-4000 attribute-wide attributes-unsigned digests-60 without-attributes digests-all; do
	verifies "C23: $file" 0 --cms $file
	rm $file
done
for file in keys-rsa8192 keys-rsa16384 keys-exponent signers-33 signers-20000 signers-forged signers-alike-forged signers-missing names-5000 attributes-huge; do
	verifies "C23: $file" '1|6' --cms $file
	rm $file
done
for file in recipients-50000 recipients-200000 recipients-mine recipients-unknown recipient-huge; do
	decrypts "C24: $file" '1|6' --cms $file
	rm $file
done
# ---- Compression, passwords ----

cat >small.py <<'END'
import zlib
from forge import *
def compressed(data):
    return content_info(SMIME + '1.9', integer(0), algorithm(SMIME + '3.8'), sequence(dotted(DATA), explicit(0, octets(data))))
def wrap(entity, strategy=zlib.Z_DEFAULT_STRATEGY):
    packer = zlib.compressobj(9, zlib.DEFLATED, 15, 9, strategy)
    return cms_mail(b'', compressed(packer.compress(entity) + packer.flush()), 'compressed-data')
zeros = b'Content-Type: application/octet-stream\r\n\r\n' + bytes(64 * 1024 * 1024)
tower = zeros
for name, number in (('tower-1', 1), ('tower-4', 3)):
    for _ in range(number):
        tower = wrap(tower, zlib.Z_HUFFMAN_ONLY) # eight to one, and as repetitive as before
    write(name, b'From: alice@example.org\r\n' + tower)
write('thousandfold', b'From: alice@example.org\r\n' + wrap(zeros))
layers = read('entity')
for _ in range(17):
    layers = wrap(layers)
write('layers', b'From: alice@example.org\r\n' + layers)
def password(iterations):
    derivation = algorithm('1.2.840.113549.1.5.12', sequence(octets(b'salt'), integer(iterations)))
    wrapping = algorithm(SMIME + '3.9', algorithm(AES256_CBC, octets(bytes(16))))
    return implicit(3, sequence(integer(0), implicit(0, derivation), wrapping, octets(bytes(48))))
for name, recipients in (('iterations-5000001', [password(5000001)]), ('iterations-huge', [password(2**62)]), ('iterations-beyond', [password(2**200)]),
                         ('iterations-many', [password(200000 + i) for i in range(3000)])):
    write(name, content_info(ENVELOPED, integer(3), tlv(0x31, b''.join(recipients)), encrypted_content(algorithm(AES256_CBC, octets(bytes(16))), bytes(64))))
END
python3 small.py || bail 'the messages could not be made'
printf 'a password\n' >password
for file in tower-1 tower-4; do
	verifies "E17: $file, 64 MiB of zeros" 1 $file
	says "E17: $file: nothing is signed" 'nothing inside is signed'
done
verifies 'E17: a thousand to one' 6 thousandfold
verifies 'E17: 17 layers' 6 layers
for file in iterations-5000001 iterations-huge iterations-beyond iterations-many; do
	decrypts "E15: $file" '1|6' --cms --password-file password $file
done
is 'the agent is as it was' "$(smime status --json >"$T/out" && json "$T/out" 'd["tokens"][0]["state"]')" ready
done_testing
