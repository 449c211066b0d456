# SPDX-License-Identifier: LGPL-2.1-or-later
"""Key agreement in EnvelopedData, in every form that RFC 5753 and RFC 8418 allow and in some that they do not.

    agreement.py make CERTIFICATE CONTENT OUTPUT [NAME=VALUE...]    for a certificate (PEM) on a curve; see make() for the names
    agreement.py open KEY MESSAGE                                   with a key (PEM) on a curve, to standard output
    agreement.py show MESSAGE                                       lines of `name value` for each KeyAgreeRecipientInfo

It shares no code with the software; python3-cryptography has the algorithms. To be run with Debian's own /usr/bin/python3.
"""
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from envelope import CONTENT, DATA, ENVELOPED, element, integer, joined, octets, oid, parameter, seal, sequence, tlv, unseal

HASHES = {'sha1': hashes.SHA1, 'sha224': hashes.SHA224, 'sha256': hashes.SHA256, 'sha384': hashes.SHA384, 'sha512': hashes.SHA512}
SCHEMES = {
    'std-sha1': '1.3.133.16.840.63.0.2', 'std-sha224': '1.3.132.1.11.0', 'std-sha256': '1.3.132.1.11.1',
    'std-sha384': '1.3.132.1.11.2', 'std-sha512': '1.3.132.1.11.3',
    'cofactor-sha1': '1.3.133.16.840.63.0.3', 'cofactor-sha224': '1.3.132.1.14.0', 'cofactor-sha256': '1.3.132.1.14.1',
    'cofactor-sha384': '1.3.132.1.14.2', 'cofactor-sha512': '1.3.132.1.14.3',
    'hkdf-sha256': '1.2.840.113549.1.9.16.3.19', 'hkdf-sha384': '1.2.840.113549.1.9.16.3.20', 'hkdf-sha512': '1.2.840.113549.1.9.16.3.21',
}
WRAPS = {'128': ('2.16.840.1.101.3.4.1.5', 16), '192': ('2.16.840.1.101.3.4.1.25', 24), '256': ('2.16.840.1.101.3.4.1.45', 32)}
EC, X25519, X448 = '1.2.840.10045.2.1', '1.3.101.110', '1.3.101.111'
CURVES = {'secp256r1': '1.2.840.10045.3.1.7', 'secp384r1': '1.3.132.0.34', 'secp521r1': '1.3.132.0.35'}
# RFC 7748: what makes the result zero on curve25519, whoever multiplies: points of order 1, 2, 4 and 8, and such above 2^255 - 19.
SMALL = ['00' * 32, '01' + '00' * 31, 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
         '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157', 'ec' + 'ff' * 30 + '7f', 'ed' + 'ff' * 30 + '7f',
         'ee' + 'ff' * 30 + '7f']


def raw(key):
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def is_ec(key):
    return isinstance(key, (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey))


def encode_point(public, form):
    """The octets of a public key, in a form that is allowed or not."""
    if not is_ec(public):
        return raw(public)
    if form == 'compressed':
        return public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    point = bytearray(public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint))
    if form == 'hybrid':
        point[0] = 6 | point[-1] & 1
    elif form == 'beside':  # not on the curve
        point[-1] ^= 1
    elif form == 'infinity':
        point = b'\0'
    return bytes(point)


def exchange(private, public):
    return private.exchange(ec.ECDH(), public) if is_ec(public) else private.exchange(public)


def derive(scheme, z, wrap, ukm):
    """The key-encryption key over ECC-CMS-SharedInfo."""
    identifier, length = WRAPS[wrap]
    info = sequence(sequence(oid(identifier)), *([] if ukm is None else [tlv(0xa0, octets(ukm))]),
                    tlv(0xa2, octets((length * 8).to_bytes(4, 'big'))))
    family, name = scheme.split('-')
    if family == 'hkdf':
        return HKDF(HASHES[name](), length, ukm or None, info).derive(z)
    return X963KDF(HASHES[name](), length, info).derive(z)


def ephemeral_for(public):
    if is_ec(public):
        return ec.generate_private_key(public.curve)
    return (x25519.X25519PrivateKey if isinstance(public, x25519.X25519PublicKey) else x448.X448PrivateKey).generate()


def algorithm_of(public, params):
    if not is_ec(public):
        return sequence(oid(X25519 if isinstance(public, x25519.X25519PublicKey) else X448), *([tlv(5)] if params == 'null' else []))
    curve = CURVES[public.curve.name] if params != 'other' else CURVES['secp384r1' if public.curve.name == 'secp256r1' else 'secp256r1']
    return sequence(oid(EC), *{'absent': [], 'null': [tlv(5)]}.get(params, [oid(curve)]))


def issuer_serial(certificate):
    return sequence(certificate.issuer.public_bytes(), integer(certificate.serial_number))


def key_id(certificate):
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def load_certificate(path):
    return x509.load_pem_x509_certificate(open(path, 'rb').read())


def load_key(path):
    return serialization.load_pem_private_key(open(path, 'rb').read(), None)


def make(certificate, content, kdf='std-sha256', cipher='aes256-cbc', wrap='256', point='uncompressed', params='absent', ukm='', rid='issuer',
         originator='key', own='', send='yes', small='', curve=''):
    """A message in DER.

    kdf, cipher, wrap: algorithms. point: how an ephemeral point is written. params: absent, null, curve or other, beside id-ecPublicKey.
    ukm: in hexadecimal; 'empty' for one without octets. rid: issuer or key. originator: key (an ephemeral one), issuer or key-id, which
    name the certificate own.pem, whose key is in own.key; send=no leaves that certificate out. small: the number of a point that makes
    the secret zero. curve: an ephemeral key on another curve than the recipient's.
    """
    public = certificate.public_key()
    private = load_key(own + '.key') if own else ephemeral_for(public)
    keying = None if not ukm else b'' if ukm == 'empty' else bytes.fromhex(ukm)
    z = bytes(32) if small else exchange(private, public)
    told = private.public_key() if not curve else ec.generate_private_key(ec.SECP384R1()).public_key()
    bits = bytes.fromhex(SMALL[int(small)]) if small else encode_point(told, point)
    certificates = b''
    if originator == 'key':
        who = tlv(0xa1, algorithm_of(public, params), tlv(3, b'\0' + bits))
    else:
        mine = load_certificate(own + '.pem')
        who = issuer_serial(mine) if originator == 'issuer' else tlv(0x80, key_id(mine))
        if send == 'yes':
            certificates = tlv(0xa0, tlv(0xa0, mine.public_bytes(serialization.Encoding.DER)))
    cek, iv = os.urandom(CONTENT[cipher][1]), os.urandom(16)
    kek = derive(kdf, z, wrap, keying)
    name = issuer_serial(certificate) if rid == 'issuer' else tlv(0xa0, octets(key_id(certificate)))
    kari = tlv(0xa1, integer(3), tlv(0xa0, who), b'' if keying is None else tlv(0xa1, octets(keying)),
               sequence(oid(SCHEMES[kdf]), sequence(oid(WRAPS[wrap][0]))), sequence(sequence(name, octets(aes_key_wrap(kek, cek)))))
    ciphertext, _ = seal(cipher, cek, iv, None, content, 16)
    info = sequence(oid(DATA), sequence(oid(CONTENT[cipher][0]), parameter(cipher, iv, None)), tlv(0x80, ciphertext))
    return sequence(oid(ENVELOPED), tlv(0xa0, sequence(integer(2), certificates, tlv(0x31, kari), info)))


# ---- Reading ----

def fields_of(message):
    """RecipientInfos by key agreement, EncryptedContentInfo."""
    fields = element(message, 0)[1][1][1][0][1]
    recipients = next(value for tag, value, _ in fields if tag == 0x31)
    return [value for tag, value, _ in recipients if tag == 0xa1], next(value for tag, value, _ in fields if tag == 0x30)


def originator_of(kari):
    """(AlgorithmIdentifier, octets) of an originatorKey."""
    tag, value, _ = kari[1][1][0]
    assert (kari[1][0], tag) == (0xa0, 0xa1), 'no originatorKey'
    return value[0], value[1][1]


def name_of(table, encoding):
    return next(name for name, value in table.items() if oid(value[0] if isinstance(value, tuple) else value) == encoding)


def open_message(key, message):
    agreements, info = fields_of(message)
    algorithm = info[1][1]
    for kari in agreements:
        _, bits = originator_of(kari)
        ukm = next((value[0][1] for tag, value, _ in kari[2:] if tag == 0xa1), None)
        scheme, wrap = (value for tag, value, _ in kari[2:] if tag == 0x30).__next__()
        try:
            if is_ec(key):
                public = ec.EllipticCurvePublicKey.from_encoded_point(key.curve, bits[1:])
            else:
                public = type(key.public_key()).from_public_bytes(bits[1:])
            kek = derive(name_of(SCHEMES, scheme[2]), exchange(key, public), name_of(WRAPS, wrap[1][0][2]), ukm)
            cek = aes_key_unwrap(kek, kari[-1][1][0][1][1][1])
        except Exception:  # somebody else's
            continue
        return unseal(algorithm, cek, joined(*info[2][:2]), b'')
    raise ValueError('nothing is for this key')


def show(message):
    for kari in fields_of(message)[0]:
        algorithm, bits = originator_of(kari)
        scheme = next(one for one in kari[2:] if one[0] == 0x30)
        print('version', kari[0][1].hex())
        print('originator', algorithm[2].hex())
        print('point', bits.hex())
        print('ukm', 'yes' if any(one[0] == 0xa1 for one in kari[2:]) else 'no')
        print('algorithm', scheme[2].hex())
        print('rid', 'issuer' if kari[-1][1][0][1][0][0] == 0x30 else 'key')


def main():
    command, one, *rest = sys.argv[1:]
    if command == 'make':
        content = open(rest[0], 'rb').read()
        with open(rest[1], 'wb') as f:
            f.write(make(load_certificate(one), content, **dict(option.split('=', 1) for option in rest[2:])))
    elif command == 'open':
        sys.stdout.buffer.write(open_message(load_key(one), open(rest[0], 'rb').read()))
    else:
        show(open(one, 'rb').read())


main()
