# SPDX-License-Identifier: LGPL-2.1-or-later
"""SignedData with anything the matter with it (RFC 5652 5)."""
import datetime
import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding

import der

DATA = '1.2.840.113549.1.7.1'
SIGNED_DATA = '1.2.840.113549.1.7.2'
CONTENT_TYPE = '1.2.840.113549.1.9.3'
MESSAGE_DIGEST = '1.2.840.113549.1.9.4'
SIGNING_TIME = '1.2.840.113549.1.9.5'
COUNTERSIGNATURE = '1.2.840.113549.1.9.6'
CAPABILITIES = '1.2.840.113549.1.9.15'
SIGNING_CERTIFICATE = '1.2.840.113549.1.9.16.2.12'
SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47'
ALGORITHM_PROTECTION = '1.2.840.113549.1.9.52'

DIGESTS = {
    'md5': '1.2.840.113549.2.5',
    'sha1': '1.3.14.3.2.26',
    'sha256': '2.16.840.1.101.3.4.2.1',
    'sha384': '2.16.840.1.101.3.4.2.2',
    'sha512': '2.16.840.1.101.3.4.2.3',
}
HASHES = {'md5': hashes.MD5, 'sha1': hashes.SHA1, 'sha256': hashes.SHA256, 'sha384': hashes.SHA384, 'sha512': hashes.SHA512}
RSA = '1.2.840.113549.1.1.1'
RSA_WITH = {'md5': '1.2.840.113549.1.1.4', 'sha1': '1.2.840.113549.1.1.5', 'sha256': '1.2.840.113549.1.1.11',
            'sha384': '1.2.840.113549.1.1.12', 'sha512': '1.2.840.113549.1.1.13'}
PSS = '1.2.840.113549.1.1.10'
MGF1 = '1.2.840.113549.1.1.8'
EC_KEY = '1.2.840.10045.2.1'
ECDSA_WITH = {'sha1': '1.2.840.10045.4.1', 'sha256': '1.2.840.10045.4.3.2', 'sha384': '1.2.840.10045.4.3.3', 'sha512': '1.2.840.10045.4.3.4'}
DSA_WITH = {'sha1': '1.2.840.10040.4.3', 'sha256': '2.16.840.1.101.3.4.3.2'}
ED25519 = '1.3.101.112'


# The same in all messages of a run: attributes that are made twice are the same.
NOW = der.utc_time(datetime.datetime.utcnow().strftime('%y%m%d%H%M%SZ'))


def algorithm(dotted, *parameters):
    return der.seq(der.oid(dotted), *parameters)


def digest_algorithm(digest, *parameters):
    return algorithm(DIGESTS[digest], *parameters)


def pss_algorithm(digest, salt, mgf=None):
    mask = algorithm(MGF1, digest_algorithm(mgf or digest, der.NULL))
    return algorithm(PSS, der.seq(der.explicit(0, digest_algorithm(digest, der.NULL)), der.explicit(1, mask), der.explicit(2, der.integer(salt))))


def signature_algorithm(key, digest):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return algorithm(ED25519)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return algorithm(ECDSA_WITH[digest])
    if isinstance(key, dsa.DSAPrivateKey):
        return algorithm(DSA_WITH[digest])
    return algorithm(RSA_WITH[digest], der.NULL)


def sign(key, digest, data, salt=None):
    md = HASHES[digest]()
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(md))
    if isinstance(key, dsa.DSAPrivateKey):
        return key.sign(data, md)
    if salt is not None:
        return key.sign(data, padding.PSS(padding.MGF1(md), salt), md)
    return key.sign(data, padding.PKCS1v15(), md)


def attribute(dotted, *values):
    return der.seq(der.oid(dotted), der.set_as_is(*values))


def attributes_of(content, digest='sha256', of_type=DATA, **changes):
    """The usual signed attributes; changes: a name's attributes in DER (none for None), further names behind them."""
    usual = {
        'content_type': attribute(CONTENT_TYPE, der.oid(of_type)),
        'signing_time': attribute(SIGNING_TIME, NOW),
        'message_digest': attribute(MESSAGE_DIGEST, der.octets(hashlib.new(digest, content).digest())),
    }
    usual.update(changes)
    return [each for value in usual.values() if value is not None for each in (value if isinstance(value, list) else [value])]


def signer_info(person, content, *, digest='sha256', key_id=None, version=None, attributes=None, sent=None, signed=None, without=False,
                digest_id=None, signature_id=None, salt=None, unsigned=(), flip=False, signature=None):
    """
    A SignerInfo. attributes: a list in DER (default: the usual ones); sent: how their set stands in the message, when not sorted;
    signed: what is signed, when not what should be; without: no signed attributes; key_id: subjectKeyIdentifier instead of
    issuer and serial number.
    """
    attributes = attributes if attributes is not None else attributes_of(content, digest)
    plain = der.set_of(*attributes)
    signed = signed if signed is not None else content if without else plain
    sid = der.seq(person.issuer, der.integer(person.serial)) if key_id is None else der.implicit(0, der.octets(key_id))
    value = signature or sign(person.key, digest, signed, salt)
    if flip:
        value = value[:-1] + bytes([value[-1] ^ 1])
    parts = [der.integer(version or (1 if key_id is None else 3)), sid, digest_id or digest_algorithm(digest)]
    if not without:
        parts.append(der.implicit(0, sent if sent is not None else plain))
    parts += [signature_id or (signature_algorithm(person.key, digest)), der.octets(value)]
    if unsigned:
        parts.append(der.implicit(1, der.set_of(*unsigned)))
    return der.seq(*parts)


def content_info(body, content_type=SIGNED_DATA):
    return der.seq(der.oid(content_type), der.explicit(0, body))


def signed_data(signers, content, certificates, *, detached=False, content_type=DATA, digests=('sha256',), crls=(), version=1):
    """A ContentInfo. certificates: people, or DER; digests: names, or AlgorithmIdentifiers."""
    listed = [each if isinstance(each, bytes) else digest_algorithm(each) for each in digests]
    parts = [der.integer(version), der.set_of(*listed),
             der.seq(der.oid(content_type), *([] if detached else [der.explicit(0, der.octets(content))]))]
    if certificates:
        parts.append(der.implicit(0, der.set_as_is(*[each if isinstance(each, bytes) else each.der for each in certificates])))
    if crls:
        parts.append(der.implicit(1, der.set_as_is(*crls)))
    parts.append(der.set_as_is(*signers))
    return content_info(der.seq(*parts))
