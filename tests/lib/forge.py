# SPDX-License-Identifier: LGPL-2.1-or-later
"""CMS taken apart and put together by hand, for tests that need messages which no honest program writes.

Private-key operations, hashes and AES blocks are OpenSSL's (its command line); structure is built here, from RFC 5652, RFC 5083
and RFC 5084 alone. What is read must be DER: `openssl cms -cmsout -outform DER` makes it so.
"""
import hashlib
import os
import subprocess

from wire import explicit, integer, octets, oid, sequence, tlv

PKCS7, PKCS9, SMIME = '1.2.840.113549.1.7.', '1.2.840.113549.1.9.', '1.2.840.113549.1.9.16.'
DATA, SIGNED, ENVELOPED, AUTH_ENVELOPED = PKCS7 + '1', PKCS7 + '2', PKCS7 + '3', SMIME + '1.23'
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_TIME = PKCS9 + '3', PKCS9 + '4', PKCS9 + '5'
SHA256, RSA, ECDSA_SHA256 = '2.16.840.1.101.3.4.2.1', '1.2.840.113549.1.1.1', '1.2.840.10045.4.3.2'
AES256_CBC, AES256_GCM = '2.16.840.1.101.3.4.1.42', '2.16.840.1.101.3.4.1.46'


def dotted(text):
    first, second, *rest = map(int, text.split('.'))
    content = b''
    for arc in [40 * first + second] + rest:
        septets = [arc & 127]
        while arc > 127:
            arc >>= 7
            septets.insert(0, 128 | arc & 127)
        content += bytes(septets)
    return oid(content)


def set_of(*members):
    return tlv(0x31, b''.join(sorted(members)))


def retag(tag, element):
    return bytes([tag]) + element[1:]


def implicit(number, element):
    """[number] IMPLICIT, in place of the tag that the element has."""
    return retag(0xa0 | number, element)


def take(data):
    """The first element: its tag, its content, and what follows it."""
    at, length = 2, data[1]
    if length > 127:
        at += length & 127
        length = int.from_bytes(data[2:at], 'big')
    return data[0], data[at:at + length], data[at + length:]


def parts(element):
    """The elements inside an element, each with its header."""
    _, content, rest = take(element)
    assert not rest
    found = []
    while content:
        behind = take(content)[2]
        found.append(content[:len(content) - len(behind)])
        content = behind
    return found


def inside(content_info):
    """The parts of a ContentInfo's content: of SignedData, EnvelopedData or AuthEnvelopedData."""
    return parts(parts(parts(content_info)[1])[0])


def content_info(kind, *fields):
    return sequence(dotted(kind), explicit(0, sequence(*fields)))


def algorithm(name, *parameters):
    return sequence(dotted(name), *parameters)


def openssl(*arguments, data=b''):
    return subprocess.run(('openssl',) + arguments, input=data, stdout=subprocess.PIPE, check=True).stdout


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def write(path, data):
    with open(path, 'wb') as file:
        file.write(data)


def certificate(path):
    """The DER of a certificate in PEM."""
    return openssl('x509', '-in', path, '-outform', 'DER')


def issuer_serial(der):
    fields = parts(parts(der)[0])
    return sequence(fields[3], fields[1])


def key_identifier(der):
    """SHA-1 of the public key (RFC 5280 4.2.1.2), which is what `subjectKeyIdentifier=hash` makes."""
    public = take(parts(parts(parts(der)[0])[6])[1])[1][1:]
    return hashlib.sha1(public).digest()


def rsa_public(modulus, exponent):
    """A SubjectPublicKeyInfo."""
    return sequence(algorithm(RSA, tlv(5, b'')), tlv(3, b'\0' + sequence(integer(modulus), integer(exponent))))


# ---- SignedData ----

def attribute(name, *values):
    return sequence(dotted(name), set_of(*values))


def usual_attributes(content, kind=DATA):
    return [attribute(CONTENT_TYPE, dotted(kind)), attribute(MESSAGE_DIGEST, octets(hashlib.sha256(content).digest()))]


def signer_info(signer, key, content, attributes=(), *, signature=None, scheme=ECDSA_SHA256, extra=()):
    """`signer`: DER of a certificate; `key`: a file. Without attributes the content itself is signed."""
    signed = set_of(*attributes)
    value = signature or openssl('dgst', '-sha256', '-sign', key, data=signed if attributes else content)
    return sequence(integer(1), issuer_serial(signer), algorithm(SHA256), *([implicit(0, signed)] if attributes else []),
                    algorithm(scheme), octets(value), *([implicit(1, set_of(*extra))] if extra else []))


def signed_data(content, certificates, signers, *, kind=DATA, digests=(SHA256,)):
    """`content` None: detached."""
    encapsulated = sequence(dotted(kind), *([] if content is None else [explicit(0, octets(content))]))
    return content_info(SIGNED, integer(1), set_of(*map(algorithm, digests)), encapsulated,
                        tlv(0xa0, b''.join(certificates)), tlv(0x31, b''.join(signers)))


# ---- EnvelopedData and AuthEnvelopedData ----

def key_transport(recipient, public, key):
    """KeyTransRecipientInfo by RSA v1.5; `public`: the file of the public key."""
    encrypted = openssl('pkeyutl', '-encrypt', '-pubin', '-inkey', public, data=key)
    return sequence(integer(0), issuer_serial(recipient), algorithm(RSA, tlv(5, b'')), octets(encrypted))


def encrypted_content(cipher, data, kind=DATA):
    """`cipher`: an AlgorithmIdentifier."""
    return sequence(dotted(kind), cipher, tlv(0x80, data))


def enveloped_cbc(recipients, iv, data, kind=DATA):
    return content_info(ENVELOPED, integer(0), set_of(*recipients), encrypted_content(algorithm(AES256_CBC, octets(iv)), data, kind))


def gcm_parameters(nonce, tag_length):
    return sequence(octets(nonce), *([] if tag_length == 12 else [integer(tag_length)]))


def enveloped_gcm(recipients, nonce, data, tag, kind=DATA, attributes=()):
    return content_info(AUTH_ENVELOPED, integer(0), set_of(*recipients),
                        encrypted_content(algorithm(AES256_GCM, gcm_parameters(nonce, len(tag))), data, kind),
                        *([implicit(1, set_of(*attributes))] if attributes else []), octets(tag))


def aes(mode, key, data, iv=None, *options):
    return openssl('enc', '-aes-256-' + mode, '-K', key.hex(), *(['-iv', iv.hex()] if iv else []), *options, data=data)


def cbc(key, iv, data):
    return aes('cbc', key, data, iv)


def ghash_multiply(x, y):
    z = 0
    for i in range(127, -1, -1):
        if y >> i & 1:
            z ^= x
        x = x >> 1 ^ (0xe1 << 120 if x & 1 else 0)
    return z


def gcm(key, nonce, data, associated=b''):
    """AES-256-GCM (SP 800-38D) with a nonce of 12 octets: ciphertext and tag."""
    secret = int.from_bytes(aes('ecb', key, bytes(16), None, '-nopad'), 'big')
    encrypted = aes('ctr', key, data, nonce + b'\0\0\0\2')
    blocks = b''.join(part + bytes(-len(part) % 16) for part in (associated, encrypted))
    blocks += (8 * len(associated)).to_bytes(8, 'big') + (8 * len(encrypted)).to_bytes(8, 'big')
    state = 0
    for i in range(0, len(blocks), 16):
        state = ghash_multiply(secret, state ^ int.from_bytes(blocks[i:i + 16], 'big'))
    mask = aes('ecb', key, nonce + b'\0\0\0\1', None, '-nopad')
    return encrypted, bytes(a ^ b for a, b in zip(state.to_bytes(16, 'big'), mask))


# ---- Mail ----

def fold(data):
    import base64
    return base64.encodebytes(data).replace(b'\n', b'\r\n')


def cms_mail(header, der, smime_type='enveloped-data'):
    """`header`: lines of the mail's own, each with CRLF."""
    return header + (b'MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=%s; name=smime.p7m\r\n'
                     b'Content-Transfer-Encoding: base64\r\n\r\n' % smime_type.encode()) + fold(der)


def multipart_signed(header, part, signature, boundary=b'signed'):
    return header + (b'MIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256;'
                     b' boundary=%s\r\n\r\n--%s\r\n' % (boundary, boundary)) + part + (
        b'\r\n--%s\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64\r\n\r\n' % boundary
    ) + fold(signature) + b'--%s--\r\n' % boundary


def random(length):
    return os.urandom(length)
