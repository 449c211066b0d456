# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys and certificates for messages of tests, made new in each run."""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime.datetime.utcnow().replace(microsecond=0)
DAY = datetime.timedelta(days=1)
EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION
USAGES = ['digital_signature', 'content_commitment', 'key_encipherment', 'data_encipherment', 'key_agreement', 'key_cert_sign',
          'crl_sign', 'encipher_only', 'decipher_only']


def new_key(kind='ec'):
    if kind.startswith('rsa'):
        return rsa.generate_private_key(65537, int(kind[3:] or 2048))
    if kind == 'dsa':
        return dsa.generate_private_key(2048)
    if kind == 'ed25519':
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({'ec': ec.SECP256R1, 'p384': ec.SECP384R1, 'p521': ec.SECP521R1}[kind]())


def name(common, email=None):
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'Rows'), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if email:
        parts.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, email))
    return x509.Name(parts)


def usage(*names):
    return x509.KeyUsage(**{each: each in names for each in USAGES})


def mailbox(text):
    """SmtpUTF8Mailbox (RFC 9598)."""
    from der import tlv
    return x509.OtherName(x509.ObjectIdentifier('1.3.6.1.5.5.7.8.9'), tlv(0x0c, text.encode()))


class Person:
    """A key with a certificate."""

    def __init__(self, key, certificate):
        self.key, self.certificate = key, certificate
        self.der = certificate.public_bytes(serialization.Encoding.DER)
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.issuer = certificate.issuer.public_bytes()
        self.serial = certificate.serial_number

    def key_id(self):
        return x509.SubjectKeyIdentifier.from_public_key(self.certificate.public_key()).digest

    def key_pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def alternative_names(addresses):
    return [x509.RFC822Name(each) if isinstance(each, str) else each for each in addresses]


def issue(common, issuer=None, *, key='ec', address=None, addresses=None, use=('digital_signature',), purposes=(EMAIL,), ca=False,
          path=None, extra=(), critical=(), since=-1, until=3000, dn_email=None, serial=None, subject=None, digest=None,
          key_id=True, authority=True):
    """A certificate. `issuer` None: self-signed. since, until: days from now. extra, critical: further extensions."""
    key = new_key(key) if isinstance(key, str) else key
    subject = subject or name(common, dn_email)
    signer = issuer.key if issuer else key
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.certificate.subject if issuer else subject)
    builder = builder.public_key(key.public_key()).serial_number(serial or x509.random_serial_number())
    builder = builder.not_valid_before(NOW + since * DAY).not_valid_after(NOW + until * DAY)
    builder = builder.add_extension(x509.BasicConstraints(ca, path), True)
    if use:
        builder = builder.add_extension(usage(*(('key_cert_sign', 'crl_sign') if ca else use)), True)
    if purposes and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), False)
    names = addresses if addresses is not None else [address] if address else []
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative_names(names)), False)
    if key_id:
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    if authority and issuer:
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
    for extension in extra:
        builder = builder.add_extension(extension, False)
    for extension in critical:
        builder = builder.add_extension(extension, True)
    plain = isinstance(signer, ed25519.Ed25519PrivateKey)
    return Person(key, builder.sign(signer, None if plain else digest or hashes.SHA256()))


class Authority:
    """A root and a CA below it, as files say to trust it."""

    def __init__(self, folder):
        self.root = issue('Rows Root', ca=True)
        self.ca = issue('Rows Issuing CA', self.root, ca=True)
        self.anchor = folder + '/rows-root.pem'
        with open(self.anchor, 'wb') as file:
            file.write(self.root.pem)

    def person(self, common, **options):
        if 'addresses' not in options and 'address' not in options:
            options['address'] = common.lower() + '@example.org'
        return issue(common, options.pop('issuer', self.ca), **options)
