# SPDX-License-Identifier: LGPL-2.1-or-later
"""Row K8, revocation by CRLs and OCSP responses that are given or come with the message: rows_revocation.py FOLDER"""
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

import der
import pki
from judge import Judge
from signed import algorithm, signed_data, signer_info

FOLDER = sys.argv[1]
PKI = pki.Authority(FOLDER)
ALICE, BOB = PKI.person('Alice'), PKI.person('Bob')
JUDGE = Judge(FOLDER, '--trust', PKI.anchor)
CONTENT = b'What Alice has to say.\n'
FRESHEST = x509.FreshestCRL([x509.DistributionPoint([x509.UniformResourceIdentifier('http://crl.invalid/delta')], None, None, None)])


def crl(issuer, *revoked, since=-1, until=30, number=1, extensions=(), reason=None, entry=()):
    """DER of a CRL. extensions: those that are critical."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(pki.NOW + since * pki.DAY).next_update(pki.NOW + until * pki.DAY)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.certificate.public_key()), False)
    builder = builder.add_extension(x509.CRLNumber(number), False)
    for extension in extensions:
        builder = builder.add_extension(extension, not isinstance(extension, x509.FreshestCRL))
    for person in revoked:
        one = x509.RevokedCertificateBuilder().serial_number(person.serial).revocation_date(pki.NOW - pki.DAY)
        if reason:
            one = one.add_extension(x509.CRLReason(reason), False)
        for extension in entry:
            one = one.add_extension(extension, True)
        builder = builder.add_revoked_certificate(one.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def first_version(issuer, *revoked):
    """A CRL of version 1."""
    when = [der.utc_time((pki.NOW + days * pki.DAY).strftime('%y%m%d%H%M%SZ')) for days in (-1, 30)]
    ecdsa = algorithm('1.2.840.10045.4.3.2')
    entries = [der.seq(der.seq(der.integer(person.serial), when[0])) for person in revoked]
    tbs = der.seq(ecdsa, issuer.certificate.subject.public_bytes(), *when, *entries)
    return der.seq(tbs, ecdsa, der.bits(issuer.key.sign(tbs, pki.ec.ECDSA(hashes.SHA256()))))


def response(person, issuer, responder, status='good', *, since=-1, until=1, certificates=(), digest=hashes.SHA1, change=None, signed=hashes.SHA256):
    """DER of an OCSP response."""
    revoked = status == 'revoked'
    state = {'good': ocsp.OCSPCertStatus.GOOD, 'revoked': ocsp.OCSPCertStatus.REVOKED, 'unknown': ocsp.OCSPCertStatus.UNKNOWN}[status]
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=person.certificate, issuer=issuer.certificate, algorithm=digest(), cert_status=state, this_update=pki.NOW + since * pki.DAY,
        next_update=None if until is None else pki.NOW + until * pki.DAY, revocation_time=pki.NOW - pki.DAY if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None)
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
    if certificates:
        builder = builder.certificates([each.certificate for each in certificates])
    data = builder.sign(responder.key, signed()).public_bytes(Encoding.DER)
    return data[:-1] + bytes([data[-1] ^ 1]) if change else data


def other(data, kind='1.3.6.1.5.5.7.16.2'):
    return der.implicit(1, der.seq(der.oid(kind), data))


def message(*information, person=ALICE, chain=()):
    return signed_data([signer_info(person, CONTENT)], CONTENT, [person, *(chain or [PKI.ca])], crls=information, version=5)


def files(*crls):
    arguments = []
    for number, data in enumerate(crls):
        arguments += ['--crl', JUDGE.write('given-%d.crl' % number, data)]
    return arguments


def said(text, outcome, pattern, data, *arguments):
    """The check `revocation` of the only signer; the exit code follows from it."""
    JUDGE.verify(data, *arguments)
    expected = 1 if outcome == 'bad' else 0
    JUDGE.point(JUDGE.code == expected and JUDGE.says([outcome], '^revocation: .*' + pattern), 'K8: ' + text,
                '%s %s' % (JUDGE.what(), JUDGE.checks(['good', 'note'])))


ROOT = crl(PKI.root)
CLEAN, REVOKING = crl(PKI.ca), crl(PKI.ca, ALICE)


def given_and_brought():
    for text, arguments, brought in [('are given', files(ROOT, CLEAN), ()), ('come with the message', ['--revocation', 'hard'], (ROOT, CLEAN)),
                                     ('are given and come', files(ROOT), (CLEAN,)), ('of version 1', files(first_version(PKI.root), first_version(PKI.ca)), ())]:
        said('CRLs that %s' % text if text[0] != 'o' else 'CRLs ' + text, 'good', 'not revoked', message(*brought), *arguments)
    for text, arguments, brought in [('is given', files(ROOT, REVOKING), ()), ('comes with the message', ['--revocation', 'soft'], (ROOT, REVOKING)),
                                     ('is of version 1', files(ROOT, first_version(PKI.ca, ALICE)), ())]:
        said('a CRL with the signer on it that %s' % text, 'bad', 'was revoked', message(*brought), *arguments)
    said('a CRL with the CA on it', 'bad', 'Issuing CA.*was revoked', message(crl(PKI.root, PKI.ca), CLEAN), '--revocation', 'soft')
    said('the newer of two CRLs counts', 'bad', 'was revoked', message(crl(PKI.ca, since=-20), REVOKING), *files(ROOT))
    said('and in the other order', 'bad', 'was revoked', message(REVOKING, crl(PKI.ca, since=-20)), *files(ROOT))
    said('of two CRLs the older one is old', 'good', 'not revoked', message(crl(PKI.ca, since=-40, until=-10), CLEAN), *files(ROOT))
    renewed = pki.issue('Alice', PKI.ca, key=ALICE.key, address='alice@example.org')
    both = signed_data([signer_info(ALICE, CONTENT, key_id=ALICE.key_id(), version=3)], CONTENT, [ALICE, renewed, PKI.ca], crls=[REVOKING], version=5)
    said('another certificate for the key of one that was revoked', 'bad', 'was revoked', both, *files(ROOT))
    said('nobody asks', 'note', 'nobody asked', message(REVOKING))
    said('no CRL', 'unknown', 'no CRL of', message(), '--revocation', 'soft')
    said('no CRL, and it is asked for', 'bad', 'no CRL of', message(), '--revocation', 'hard')
    forged = pki.issue('', ca=True, subject=PKI.ca.certificate.subject)
    said('a CRL by somebody else of that name', 'unknown', '.', message(crl(forged, ALICE)), *files(ROOT))


def deltas():
    base, indicator = crl(PKI.ca, extensions=[FRESHEST]), x509.DeltaCRLIndicator(1)
    said('a base CRL', 'good', 'not revoked', message(base), *files(ROOT))
    said('a delta CRL adds the signer to it', 'bad', 'was revoked', message(base, crl(PKI.ca, ALICE, number=2, extensions=[indicator])), *files(ROOT))
    said('a delta CRL about somebody else', 'good', 'not revoked', message(base, crl(PKI.ca, BOB, number=2, extensions=[indicator])), *files(ROOT))
    hold = crl(PKI.ca, ALICE, reason=x509.ReasonFlags.certificate_hold, extensions=[FRESHEST])
    said('a certificate on hold', 'bad', 'was revoked', message(hold), *files(ROOT))
    off = crl(PKI.ca, ALICE, number=2, reason=x509.ReasonFlags.remove_from_crl, extensions=[indicator])
    said('a delta CRL takes it off', 'good', 'not revoked', message(hold, off), *files(ROOT))
    said('a delta CRL without its base', 'unknown', '.', message(crl(PKI.ca, number=2, extensions=[indicator])), *files(ROOT))


def indirect():
    publisher = pki.issue('CRL Publisher', PKI.root, use=('crl_sign',), purposes=())
    where = x509.CRLDistributionPoints([x509.DistributionPoint(None, None, None, [x509.DirectoryName(publisher.certificate.subject)])])
    person = PKI.person('Alice', extra=[where])
    scope = x509.IssuingDistributionPoint(None, None, False, False, None, True, False)
    of = [x509.CertificateIssuer([x509.DirectoryName(PKI.ca.certificate.subject)])]
    chain = [PKI.ca, publisher]

    def brought(data):
        return message(data, person=person, chain=chain)
    said('an indirect CRL', 'good', 'not revoked', brought(crl(publisher, BOB, extensions=[scope], entry=of)), *files(ROOT))
    said('an indirect CRL with the signer on it', 'bad', 'was revoked', brought(crl(publisher, person, extensions=[scope], entry=of)), *files(ROOT))
    elsewhere = [x509.CertificateIssuer([x509.DirectoryName(PKI.root.certificate.subject)])]
    said('the same number of another issuer on it', 'good', 'not revoked', brought(crl(publisher, person, extensions=[scope], entry=elsewhere)), *files(ROOT))
    self_made = pki.issue('CRL Publisher', use=('crl_sign',), purposes=())
    said('an indirect CRL that somebody made himself', 'unknown', '.', message(
        crl(self_made, extensions=[scope]), person=person, chain=[PKI.ca, self_made]), *files(ROOT))


def responses():
    delegate = pki.issue('Responder', PKI.ca, purposes=[ExtendedKeyUsageOID.OCSP_SIGNING], extra=[x509.OCSPNoCheck()])
    undelegated = pki.issue('No Responder', PKI.ca)
    above = other(response(PKI.ca, PKI.root, PKI.root))
    soft = ['--revocation', 'soft']

    def about(*arguments, **options):
        return message(above, other(response(ALICE, PKI.ca, *arguments, **options)))
    said('OCSP responses of the issuers', 'good', 'not revoked, by OCSP', about(PKI.ca), '--revocation', 'hard')
    said('one that names the certificate with SHA-256', 'good', 'not revoked', about(PKI.ca, digest=hashes.SHA256), '--revocation', 'hard')
    said('one of a responder whom the issuer gave that right', 'good', 'not revoked', about(delegate, certificates=[delegate]), *soft)
    said('one that does not say until when', 'good', 'not revoked', about(PKI.ca, since=-0.5, until=None), *soft)
    said('OCSP for the signer and a CRL for the CA', 'good', 'not revoked', message(other(response(ALICE, PKI.ca, PKI.ca))), *files(ROOT))
    said('a CRL for the signer and OCSP for the CA', 'good', 'not revoked', message(above, CLEAN), *soft)
    said('one that revokes the signer', 'bad', 'Alice.*revoked on.*OCSP', about(PKI.ca, 'revoked'), *soft)
    said('one that does, though a CRL does not', 'bad', 'Alice.*revoked', message(other(response(ALICE, PKI.ca, PKI.ca, 'revoked')), CLEAN), *files(ROOT))
    said('a CRL that does, though OCSP does not', 'bad', 'Alice.*revoked', message(other(response(ALICE, PKI.ca, PKI.ca)), REVOKING), *files(ROOT))
    said('one that revokes the CA', 'bad', 'Issuing CA.*revoked', message(other(response(PKI.ca, PKI.root, PKI.root, 'revoked')), CLEAN), *soft)
    said('an old one that revokes the signer', 'bad', 'revoked', about(PKI.ca, 'revoked', since=-40, until=-30), *soft)
    for text, pattern, data in [('an old one', 'not current', about(PKI.ca, since=-40, until=-30)), ('one that is to come', 'not current', about(PKI.ca, since=2, until=3)),
                                ('an old one that does not say until when', 'not current', about(PKI.ca, since=-9, until=None)),
                                ('one that does not know', 'does not know', about(PKI.ca, 'unknown')), ('one by a stranger', 'not signed', about(
                                    pki.issue('Stranger', purposes=[ExtendedKeyUsageOID.OCSP_SIGNING]))), ('one by somebody without that right', 'not signed', about(
                                        undelegated, certificates=[undelegated])), ('one by the signer', 'not signed', about(ALICE, certificates=[ALICE])),
                                ('one that was changed', 'not signed', about(PKI.ca, change=True)), ('one about somebody else', 'no CRL', message(
                                    above, other(response(BOB, PKI.ca, PKI.ca)))), ('none that can be read', 'no CRL', message(above, other(der.octets(b'x')))),
                                ('one under another name', 'no CRL', message(above, other(response(ALICE, PKI.ca, PKI.ca), '1.3.6.1.5.5.7.16.4')))]:
        said(text + ' says nothing', 'unknown', pattern, data, *soft)
        said(text + ' is not enough where it is asked for', 'bad', pattern, data, '--revocation', 'hard')
    stranger = pki.issue('Stranger', purposes=[ExtendedKeyUsageOID.OCSP_SIGNING])
    said('a stranger revokes nobody', 'unknown', 'not signed', about(stranger, 'revoked', certificates=[stranger]), *soft)


given_and_brought()
deltas()
indirect()
responses()
