# SPDX-License-Identifier: LGPL-2.1-or-later
"""EnvelopedData and AuthEnvelopedData with anything the matter with it (RFC 5652 6, RFC 5083)."""
import os

from cryptography.hazmat.primitives import hashes, keywrap, padding as pad
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import der
from signed import CONTENT_TYPE, DATA, RSA, algorithm, attribute, content_info

ENVELOPED, AUTH_ENVELOPED = '1.2.840.113549.1.7.3', '1.2.840.113549.1.9.16.1.23'
CBC = {16: '2.16.840.1.101.3.4.1.2', 32: '2.16.840.1.101.3.4.1.42'}
GCM = {16: '2.16.840.1.101.3.4.1.6', 32: '2.16.840.1.101.3.4.1.46'}
WRAP = {16: '2.16.840.1.101.3.4.1.5', 32: '2.16.840.1.101.3.4.1.45'}
CHACHA = '1.2.840.113549.1.9.16.3.18'
CEK_HKDF = '1.2.840.113549.1.9.16.3.31'
EC_KEY, P256 = '1.2.840.10045.2.1', '1.2.840.10045.3.1.7'
STD_SHA256 = '1.3.132.1.11.1'


def identifier(person, key_id=None):
    """RecipientIdentifier of a certificate."""
    return der.seq(person.issuer, der.integer(person.serial)) if key_id is None else der.implicit(0, der.octets(key_id))


def key_transport(person, cek, key_id=None, version=None, rid=None, encrypted=None):
    encrypted = encrypted or person.certificate.public_key().encrypt(cek, padding.PKCS1v15())
    return der.seq(der.integer((0 if key_id is None else 2) if version is None else version), rid or identifier(person, key_id),
                   algorithm(RSA, der.NULL), der.octets(encrypted))


def point(public):
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def key_agreement(person, cek, *, originator=None, key=None, ukm=None, rid=None, version=3, size=32, parameters=()):
    """originator: in DER without its tag [0]; default: an ephemeral key, with these parameters. key: the originator's."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    wrap = algorithm(WRAP[size])
    shared = der.seq(wrap, *([der.explicit(0, der.octets(ukm))] if ukm is not None else []), der.explicit(2, der.octets((size * 8).to_bytes(4, 'big'))))
    kek = X963KDF(hashes.SHA256(), size, shared).derive(key.exchange(ec.ECDH(), person.certificate.public_key()))
    originator = originator or der.implicit(1, der.seq(algorithm(EC_KEY, *parameters), der.bits(point(key.public_key()))))
    parts = [der.integer(version), der.explicit(0, originator)]
    if ukm is not None:
        parts.append(der.explicit(1, der.octets(ukm)))
    rid = rid or identifier(person)
    parts += [der.seq(der.oid(STD_SHA256), wrap), der.seq(der.seq(rid, der.octets(keywrap.aes_key_wrap(kek, cek))))]
    return der.implicit(1, der.seq(*parts))


def originators(*people):
    """OriginatorInfo with certificates."""
    return der.implicit(0, der.seq(der.implicit(0, der.set_as_is(*[each.der for each in people]))))


def enveloped(recipients, content, cek, *, cipher_id=None, originator=b'', version=2, change=None, iv=None):
    """EnvelopedData with AES-CBC. change: what is done to the ciphertext."""
    iv = iv or os.urandom(16)
    padder = pad.PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(cek), modes.CBC(iv)).encryptor()
    data = encryptor.update(padder.update(content) + padder.finalize()) + encryptor.finalize()
    data = change(data) if change else data
    inner = der.seq(der.oid(DATA), cipher_id or algorithm(CBC[len(cek)], der.octets(iv)), der.implicit(0, der.octets(data)))
    return content_info(der.seq(der.integer(version), originator, der.set_as_is(*recipients), inner), ENVELOPED)


def gcm_id(cek, nonce, icv=16):
    return algorithm(GCM[len(cek)], der.seq(der.octets(nonce), *([der.integer(icv)] if icv is not None else [])))


def auth_enveloped(recipients, content, cek, *, nonce=None, icv=16, tag=16, attributes=(), covered=True, cipher='gcm', cipher_id=None,
                   of_type=AUTH_ENVELOPED):
    """
    AuthEnvelopedData. icv: what the parameters say, None for nothing; tag: how much of it is sent; covered: whether the tag covers the
    attributes; cipher_id: for another algorithm than the cipher's.
    """
    nonce = nonce or os.urandom(12)
    aad = der.set_of(*attributes) if attributes and covered else None
    maker = AESGCM(cek) if cipher == 'gcm' else ChaCha20Poly1305(cek)
    sealed = maker.encrypt(nonce, content, aad)
    cipher_id = cipher_id or (gcm_id(cek, nonce, icv) if cipher == 'gcm' else algorithm(CHACHA, der.octets(nonce)))
    parts = [der.integer(0), der.set_as_is(*recipients), der.seq(der.oid(DATA), cipher_id, der.implicit(0, der.octets(sealed[:-16])))]
    if attributes:
        parts.append(der.implicit(1, der.set_of(*attributes)))
    return content_info(der.seq(*parts, der.octets(sealed[-16:][:tag])), of_type)


def content_attributes():
    return [attribute(CONTENT_TYPE, der.oid(DATA)), attribute('1.2.840.113549.1.9.5', der.utc_time('261101120000Z'))]


def derived(cek, inner):
    """RFC 9709: the key that encrypts, and the algorithm that says so."""
    key = HKDF(hashes.SHA256(), len(cek), b'The Cryptographic Message Syntax', inner).derive(cek)
    return key, der.seq(der.oid(CEK_HKDF), inner)
