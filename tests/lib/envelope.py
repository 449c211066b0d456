# SPDX-License-Identifier: LGPL-2.1-or-later
"""EnvelopedData and AuthEnvelopedData that no program at hand writes or reads; shares no code with the software.

    envelope.py make CERTIFICATE CONTENT OUTPUT [NAME=VALUE...]    for an RSA certificate (PEM); see make() for the names
    envelope.py open KEY MESSAGE                                   with an RSA key (PEM), to standard output
    envelope.py key KEY MESSAGE                                    only the content-encryption key, in hex, as the recipient got it

RFC 5652, 5083, 5084, 8103 and 9709 are what it is written from; python3-cryptography has the algorithms. To be run with
Debian's own /usr/bin/python3.
"""
import os
import sys

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, padding, serialization
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CONTENT = {  # the cipher: its identifier, the length of its key
    'aes128-cbc': ('2.16.840.1.101.3.4.1.2', 16),
    'aes256-cbc': ('2.16.840.1.101.3.4.1.42', 32),
    'aes128-gcm': ('2.16.840.1.101.3.4.1.6', 16),
    'aes256-gcm': ('2.16.840.1.101.3.4.1.46', 32),
    'chacha20-poly1305': ('1.2.840.113549.1.9.16.3.18', 32),
}
DATA, ENVELOPED, AUTH_ENVELOPED = '1.2.840.113549.1.7.1', '1.2.840.113549.1.7.3', '1.2.840.113549.1.9.16.1.23'
CEK_HKDF, CONTENT_TYPE = '1.2.840.113549.1.9.16.3.31', '1.2.840.113549.1.9.3'
RSA, OAEP = '1.2.840.113549.1.1.1', '1.2.840.113549.1.1.7'


def tlv(tag, *parts):
    content = b''.join(parts)
    n = len(content)
    if n < 128:
        return bytes([tag, n]) + content
    octets = n.to_bytes((n.bit_length() + 7) // 8, 'big')
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def oid(dotted):
    first, second, *rest = map(int, dotted.split('.'))
    content = bytes([40 * first + second]) if first < 2 else b''
    for arc in ([] if first < 2 else [80 + second]) + rest:
        octets = [arc & 127]
        while arc := arc >> 7:
            octets.append(128 | arc & 127)
        content += bytes(reversed(octets))
    return tlv(6, content)


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, 'big'))


def octets(data):
    return tlv(4, data)


def sequence(*parts):
    return tlv(0x30, *parts)


# ---- Writing ----

def recipient(certificate, cek, ski, oaep, version=None):
    """A KeyTransRecipientInfo. ski: b'' for issuerAndSerialNumber, else the identifier."""
    if ski:
        name, number = tlv(0x80, ski), 2
    else:
        name, number = sequence(certificate.issuer.public_bytes(), integer(certificate.serial_number)), 0
    key = certificate.public_key()
    if oaep:  # the defaults of RFC 4055: SHA-1
        mask = rsa_padding.OAEP(rsa_padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
        algorithm = sequence(oid(OAEP), sequence())
    else:
        mask, algorithm = rsa_padding.PKCS1v15(), sequence(oid(RSA), tlv(5))
    return sequence(integer(number if version is None else version), name, algorithm, octets(key.encrypt(cek, mask)))


def strangers(kind, certificate):
    """RecipientInfos that nobody understands, or that are for others."""
    if kind == 'ori':
        return tlv(0xa4, oid('1.2.3.4.5'), sequence(octets(b'whatever')))
    if kind == 'unknown':
        return tlv(0xa9, octets(b'whatever'))
    if kind == 'kek':
        return tlv(0xa2, integer(4), sequence(octets(b'nobody')), sequence(oid('2.16.840.1.101.3.4.1.45')), octets(bytes(40)))
    if kind == 'pwri':
        return tlv(0xa3, integer(0), sequence(oid('1.2.840.113549.1.9.16.3.9'), tlv(5)), octets(bytes(40)))
    if kind == 'version':  # the same recipient in a version that is not known
        return recipient(certificate, bytes(32), b'', False, version=9)
    if kind == 'kari':  # one that breaks off
        return tlv(0xa1, integer(3), tlv(0xa0, tlv(0xa1, sequence(oid('1.2.3.4')))))
    raise ValueError(kind)


def seal(cipher, key, nonce, aad, content, icv):
    """The ciphertext and its tag (b'' for CBC)."""
    if cipher.endswith('-cbc'):
        pad = padding.PKCS7(128).padder()
        context = Cipher(algorithms.AES(key), modes.CBC(nonce)).encryptor()
        return context.update(pad.update(content) + pad.finalize()) + context.finalize(), b''
    if cipher == 'chacha20-poly1305':
        sealed = ChaCha20Poly1305(key).encrypt(nonce.ljust(12, b'\0')[:12], content, aad)
        return sealed[:-16], sealed[-16:]
    context = Cipher(algorithms.AES(key), modes.GCM(nonce)).encryptor()
    context.authenticate_additional_data(aad or b'')
    return context.update(content) + context.finalize(), context.tag[:icv]


def parameter(cipher, nonce, icv):
    if not cipher.endswith('-gcm'):
        return octets(nonce)
    return sequence(octets(nonce), *([] if icv is None else [integer(icv)]))


def make(certificate, content, cipher='aes256-gcm', form='', hkdf='', icv='16', mac='', nonce='', attrs='', aad='yes', ski='',
         oaep='', extra=''):
    """A message in DER.

    form: enveloped or auth, where it is not what the cipher is for. icv: the length of the tag as the algorithm tells it, or
    'omit'. mac: the length of the tag itself. nonce: its length. attrs: authenticated attributes, sent 'unsorted' or sorted, which
    aad=no leaves out of what is authenticated. ski: 'yes' for the certificate's, 'invented' for SHA-1 of the key. extra: other recipients, before and behind.
    """
    algorithm_id, key_len = CONTENT[cipher]
    authenticated = (form or ('enveloped' if cipher.endswith('-cbc') else 'auth')) == 'auth'
    told = None if icv == 'omit' else int(icv)
    cek, iv = os.urandom(key_len), os.urandom(int(nonce or (16 if cipher.endswith('-cbc') else 12)))
    algorithm, key = sequence(oid(algorithm_id), parameter(cipher, iv, told)), cek
    if hkdf:
        key = HKDF(hashes.SHA256(), key_len, b'The Cryptographic Message Syntax', algorithm).derive(cek)
        algorithm = sequence(oid(CEK_HKDF), algorithm)
    attributes = [sequence(oid(CONTENT_TYPE), tlv(0x31, oid(DATA))), sequence(oid('1.2.3.4'), tlv(0x31, octets(b'x')))] if attrs else []
    authenticate = tlv(0x31, *sorted(attributes)) if attributes and aad == 'yes' else None
    attributes = attributes if attrs == 'unsorted' else sorted(attributes)
    ciphertext, tag = seal(cipher, key, iv, authenticate, content, int(mac or (12 if told is None else told)))
    identifier = b''
    if ski == 'invented':
        identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    elif ski:
        identifier = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    others = [strangers(kind, certificate) for kind in extra.split(',') if kind]
    info = sequence(oid(DATA), algorithm, tlv(0x80, ciphertext))
    # No SET OF in order of its encodings: readers take any, and the own recipient is to be between the others.
    recipients = tlv(0x31, *others, recipient(certificate, cek, identifier, oaep), *others)
    parts = [integer(0 if authenticated else 2), recipients, info]
    if authenticated:
        parts += ([tlv(0xa1, *attributes)] if attributes else []) + [octets(tag)]
    return sequence(oid(AUTH_ENVELOPED if authenticated else ENVELOPED), tlv(0xa0, sequence(*parts)))


# ---- Reading ----

def element(data, at):
    """(tag, content or list of elements, whole encoding, offset behind it) of BER; indefinite lengths are looked through."""
    start, tag = at, data[at]
    length, at = data[at + 1], at + 2
    if length == 0x80:
        end = None
    else:
        if length > 0x80:
            n = length & 0x7f
            length, at = int.from_bytes(data[at:at + n], 'big'), at + n
        end = at + length
    if not tag & 0x20:
        return tag, data[at:end], data[start:end], end
    inside = []
    while at != end and not (end is None and data[at:at + 2] == b'\0\0'):
        *one, at = element(data, at)
        inside.append(one)
    at += 2 if end is None else 0
    return tag, inside, data[start:at], at


def joined(tag, value):
    return value if not tag & 0x20 else b''.join(joined(*one[:2]) for one in value)


def unseal(algorithm, key, ciphertext, tag):
    for name, (identifier, _) in CONTENT.items():
        if algorithm[0][2] == oid(identifier):
            break
    else:
        raise ValueError('unknown cipher')
    if name.endswith('-cbc'):
        context = Cipher(algorithms.AES(key), modes.CBC(algorithm[1][1])).decryptor()
        unpad = padding.PKCS7(128).unpadder()
        return unpad.update(context.update(ciphertext) + context.finalize()) + unpad.finalize()
    if name.startswith('chacha'):
        return ChaCha20Poly1305(key).decrypt(algorithm[1][1], ciphertext + tag, None)
    return AESGCM(key).decrypt(algorithm[1][1][0][1], ciphertext + tag, None)


def fields_of(message):
    return element(message, 0)[1][1][1][0][1]


def content_of(fields, cek):
    info = next(value for tag, value, _ in fields if tag == 0x30)
    algorithm = info[1][1]
    if algorithm[0][2] == oid(CEK_HKDF):
        cek = HKDF(hashes.SHA256(), len(cek), b'The Cryptographic Message Syntax', algorithm[1][2]).derive(cek)
        algorithm = algorithm[1][1]
    tags = [value for tag, value, _ in fields if tag == 4]
    return unseal(algorithm, cek, joined(*info[2][:2]), tags[0] if tags else b'')


def open_message(key, message):
    """The content-encryption key and the content. Some of the keys that are for others look as if they were for this key: the padding of
    RSA v1.5 is there in one of a hundred thousand random blocks. So the key is the one that opens the content."""
    fields = fields_of(message)
    for tag, value, _ in next(value for tag, value, _ in fields if tag == 0x31):
        if tag == 0x30:
            try:
                cek = key.decrypt(value[3][1], rsa_padding.PKCS1v15())
                return cek, content_of(fields, cek)
            except (ValueError, InvalidTag):
                pass
    raise ValueError('not for this key')


def main():
    command, one, two, *rest = sys.argv[1:]
    if command == 'make':
        certificate = x509.load_pem_x509_certificate(open(one, 'rb').read())
        message = make(certificate, open(two, 'rb').read(), **dict(option.split('=', 1) for option in rest[1:]))
        open(rest[0], 'wb').write(message)
    else:
        key, message = serialization.load_pem_private_key(open(one, 'rb').read(), None), open(two, 'rb').read()
        cek, content = open_message(key, message)
        sys.stdout.buffer.write(cek.hex().encode() if command == 'key' else content)


if __name__ == '__main__':
    main()
