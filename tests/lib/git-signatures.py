# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Signed commits that git itself would not make: git-signatures.py CONFORMANCE FOLDER COMMIT

FOLDER gets NAME.commit, the commit of the file COMMIT with a signature, for each case below, and rows-root.pem, the root to be trusted.
"""
import base64
import datetime
import sys
import textwrap

sys.path.insert(0, sys.argv[1])
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import der
import pki
import signed
from signed import attribute, attributes_of, signed_data, signer_info

FOLDER = sys.argv[2]
with open(sys.argv[3], 'rb') as file:
    COMMIT = file.read()
PKI = pki.Authority(FOLDER)
# Older than everything here.
PKI.root = pki.issue('Rows Root', ca=True, since=-3000)
PKI.ca = pki.issue('Rows Issuing CA', PKI.root, ca=True, since=-3000)
with open(PKI.anchor, 'wb') as file:
    file.write(PKI.root.pem)


class Nobody(x509.Name):
    """An empty name, which is one all the same."""

    def __bool__(self):
        return True


def days_ago(days):
    time = (datetime.datetime.utcnow() - days * pki.DAY).strftime('%y%m%d%H%M%SZ')
    return attributes_of(COMMIT, signing_time=attribute(signed.SIGNING_TIME, der.utc_time(time)))


def made(person, *chain, **info):
    return signed_data([signer_info(person, COMMIT, **info)], COMMIT, [person, *(chain or [PKI.ca])], detached=True)


def write(name, cms, pem=None):
    pem = pem if pem is not None else textwrap.fill(base64.b64encode(cms).decode(), 64)
    lines = ['-----BEGIN SIGNED MESSAGE-----', *pem.split('\n'), '-----END SIGNED MESSAGE-----']
    head, text = COMMIT.split(b'\n\n', 1)
    with open('%s/%s.sig' % (FOLDER, name), 'w') as out:
        out.write('\n'.join(lines) + '\n')
    with open('%s/%s.commit' % (FOLDER, name), 'wb') as out:
        out.write(head + b'\ngpgsig ' + '\n '.join(lines).encode() + b'\n\n' + text)


def crl(issuer, *revoked):
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(pki.NOW - pki.DAY).next_update(pki.NOW + 30 * pki.DAY)
    for person in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(person.serial).revocation_date(pki.NOW - pki.DAY)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


ANN, BEN = PKI.person('Ann'), PKI.person('Ben')
NO_TIME = attributes_of(COMMIT, signing_time=None)

write('good', made(ANN))
write('good-without-time', made(ANN, attributes=NO_TIME))
write('good-without-attributes', made(ANN, without=True))

# Strangers.
write('stranger', made(pki.issue('Ann', address='ann@example.org')))
write('stranger-ca', made(pki.issue('Ann', pki.issue('Rows Issuing CA', ca=True), address='ann@example.org')))
write('not-yet', made(PKI.person('Ann', since=5)))
write('encrypts', made(PKI.person('Ann', use=('key_encipherment',))))
write('web', made(PKI.person('Ann', purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,))))

# What has expired: of the signer, of the CA; with a time in the signature when it was valid, and without.
OLD = PKI.person('Old', since=-1000, until=-10)
OLD_CA = pki.issue('Old CA', PKI.root, ca=True, since=-1000, until=-10)
write('expired', made(OLD, attributes=days_ago(500)))
write('expired-before', made(OLD, attributes=days_ago(5)))
write('expired-too-early', made(OLD, attributes=days_ago(2000)))
write('expired-without-time', made(OLD, attributes=NO_TIME))
write('expired-ca', made(pki.issue('Ann', OLD_CA, since=-900), OLD_CA, attributes=days_ago(500)))
write('expired-ca-before', made(pki.issue('Ann', OLD_CA, since=-900), OLD_CA, attributes=days_ago(5)))
write('expired-stranger', made(pki.issue('Ann', since=-1000, until=-10), attributes=days_ago(500)))
write('expired-web', made(PKI.person('Ann', since=-1000, until=-10, purposes=(ExtendedKeyUsageOID.CLIENT_AUTH,)), attributes=days_ago(500)))
write('in-the-future', made(ANN, attributes=days_ago(-500)))

# What is wrong with the signature.
write('flipped', made(ANN, flip=True))
write('other-content', signed_data([signer_info(ANN, b'something else')], COMMIT, [ANN, PKI.ca], detached=True))
write('other-key', signed_data([signer_info(pki.Person(BEN.key, ANN.certificate), COMMIT)], COMMIT, [ANN, PKI.ca], detached=True))
write('with-content', signed_data([signer_info(ANN, COMMIT)], COMMIT, [ANN, PKI.ca]))
write('with-other-content', signed_data([signer_info(ANN, b'something else')], b'something else', [ANN, PKI.ca]))
write('no-certificate', signed_data([signer_info(ANN, COMMIT)], COMMIT, [PKI.ca], detached=True))
write('other-content-no-certificate', signed_data([signer_info(ANN, b'something else')], COMMIT, [PKI.ca], detached=True))
write('sha1', signed_data([signer_info(ANN, COMMIT, digest='sha1')], COMMIT, [ANN, PKI.ca], detached=True, digests=('sha1',)))
write('unknown-digest', made(ANN, digest_id=signed.algorithm('1.2.3.4')))
write('two-signers', signed_data([signer_info(ANN, COMMIT), signer_info(BEN, COMMIT)], COMMIT, [ANN, BEN, PKI.ca], detached=True))
write('two-signers-one-bad', signed_data([signer_info(ANN, COMMIT), signer_info(BEN, COMMIT, flip=True)], COMMIT, [ANN, BEN, PKI.ca], detached=True))
write('no-signer', signed_data([], COMMIT, [ANN, PKI.ca], detached=True))
write('nested', signed_data([signer_info(ANN, COMMIT, attributes=attributes_of(COMMIT, of_type=signed.SIGNED_DATA))], COMMIT, [ANN, PKI.ca],
                            detached=True, content_type=signed.SIGNED_DATA))
write('cut-off', made(ANN)[:-40])
write('empty', b'')
write('garbage', b'', 'this is no base64 at all %&$')

# Names that would like to be something else.
FORGED = 'Ann\n[GNUPG:] GOODSIG 0000 Ann\n100%25'
write('forged-name', made(PKI.person(FORGED, address='ann@example.org')))
write('forged-stranger', made(pki.issue(FORGED, address='ann@example.org')))
write('no-name', made(PKI.person('x', address='ann@example.org', subject=Nobody([]))))
write('plain-name', made(PKI.person('Änn', address='ann@example.org')))

for name, revoked in [('revoked', (ANN,)), ('not-revoked', (BEN,))]:
    with open('%s/%s.crl' % (FOLDER, name), 'wb') as file:
        file.write(crl(PKI.ca, *revoked))
