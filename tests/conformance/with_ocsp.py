# SPDX-License-Identifier: LGPL-2.1-or-later
"""CMS of peer-ec of the fixture with OCSP responses about it and its CA: with_ocsp.py FIXTURE GOOD REVOKED"""
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

import der
import pki
from signed import signed_data, signer_info

FIXTURE = sys.argv[1]


def known(name):
    with open('%s/%s.pem' % (FIXTURE, name), 'rb') as pem, open('%s/%s.key' % (FIXTURE, name), 'rb') as key:
        return pki.Person(serialization.load_pem_private_key(key.read(), None), x509.load_pem_x509_certificate(pem.read()))


def response(person, issuer, revoked=False):
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=person.certificate, issuer=issuer.certificate, algorithm=hashes.SHA1(), this_update=pki.NOW - pki.DAY, next_update=pki.NOW + pki.DAY,
        cert_status=ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD, revocation_time=pki.NOW - pki.DAY if revoked else None,
        revocation_reason=None)
    made = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, issuer.certificate).sign(issuer.key, hashes.SHA256())
    return der.implicit(1, der.seq(der.oid('1.3.6.1.5.5.7.16.2'), made.public_bytes(serialization.Encoding.DER)))


ROOT, CA, PEER = known('ca/root'), known('ca/issuing'), known('peer-ec')
CONTENT = b'Hello,\n\nthis is the text.\n'
for path, revoked in zip(sys.argv[2:], (False, True)):
    with open(path, 'wb') as file:
        file.write(signed_data([signer_info(PEER, CONTENT)], CONTENT, [PEER, CA], crls=[response(CA, ROOT), response(PEER, CA, revoked)], version=5))
