# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows K1 to K7, K9 and K10 of certificates, as signers have them: rows_certificates.py FOLDER"""
import re
import socket
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

import der
import pki
from judge import Judge, mail_of
from signed import RSA_WITH, algorithm, signed_data, signer_info

FOLDER = sys.argv[1]
PKI = pki.Authority(FOLDER)
ALICE = PKI.person('Alice')
JUDGE = Judge(FOLDER, '--trust', PKI.anchor)
CONTENT = b'Content-Type: text/plain\r\n\r\nWhat Alice has to say.\r\n'
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE


def message(person, *chain, **info):
    return signed_data([signer_info(person, CONTENT, **info)], CONTENT, [person, *(chain or [PKI.ca])])


def mail(person, sender, *chain, extra=''):
    return mail_of(message(person, *chain), sender, extra=extra)


def constrained(permitted=None, excluded=None):
    """A CA that may issue for these addresses only."""
    names = [None if each is None else [x509.RFC822Name(each)] for each in (permitted, excluded)]
    return pki.issue('Constrained CA', PKI.root, ca=True, critical=[x509.NameConstraints(*names)])


def below(ca, **options):
    return pki.issue('Alice', ca, **options)


def row_k1_constraints():
    for text, ca, inside, outside in [('a domain', constrained('example.org'), 'alice@example.org', 'alice@evil.example'),
                                      ('domains below one', constrained('.example.org'), 'alice@sub.example.org', 'alice@example.org'),
                                      ('one address', constrained('alice@example.org'), 'alice@example.org', 'bob@example.org'),
                                      ('a domain that is left out', constrained(None, 'evil.example'), 'alice@example.org', 'alice@evil.example')]:
        JUDGE.good('K1: %s that a CA may issue for' % text, mail(below(ca, address=inside), inside, ca), mail=True)
        JUDGE.refused('K1: %s, and an address beside it' % text, mail(below(ca, address=outside), outside, ca), 'subtree', mail=True)
    ca = constrained('example.org')
    JUDGE.refused('K1: the address in the subject is bound too', mail(below(ca, dn_email='alice@evil.example'), 'alice@evil.example', ca), 'subtree', mail=True)
    JUDGE.refused('K1: one of two addresses is enough', mail(
        below(ca, addresses=['alice@example.org', 'alice@evil.example']), 'alice@example.org', ca), 'subtree', mail=True)
    utf8 = pki.mailbox('älice@evil.example')
    JUDGE.refused('K1: an SmtpUTF8Mailbox is bound as well', mail(below(ca, addresses=[utf8]), 'x@example.org', ca), 'subtree', mail=True)
    JUDGE.good('K1: and one inside is good', message(below(ca, addresses=[pki.mailbox('älice@example.org')]), ca))


def row_k1_paths():
    second = pki.issue('Second CA', PKI.ca, ca=True)
    JUDGE.good('K1: two CAs', message(below(second, address='a@example.org'), second, PKI.ca))
    JUDGE.good('K1: two CAs in another order', message(below(second, address='a@example.org'), PKI.ca, second))
    JUDGE.refused('K1: one of two is missing', message(below(second, address='a@example.org'), second), 'no certificate of the issuer')
    short = pki.issue('Short CA', PKI.root, ca=True, path=0)
    further = pki.issue('Further CA', short, ca=True)
    JUDGE.good('K1: a path as long as it may be', message(below(short), short))
    JUDGE.refused('K1: a path that is longer than it may be', message(below(further), further, short), 'path length')
    fake = pki.issue('Fake', ALICE, address='victim@example.org')
    JUDGE.refused('K1: a person who issues certificates', message(fake, ALICE, PKI.ca), 'CA|issue')
    forged = pki.issue('Rows Issuing CA', ca=True, subject=PKI.ca.certificate.subject)
    JUDGE.refused('K1: an issuer of the right name and another key', message(below(forged, authority=False), forged), '.')
    # CAs of one name: the same key again, an expired one, and another key.
    renewed = pki.issue('', PKI.root, key=PKI.ca.key, subject=PKI.ca.certificate.subject, ca=True)
    expired = pki.issue('', PKI.root, key=PKI.ca.key, subject=PKI.ca.certificate.subject, ca=True, since=-900, until=-10)
    namesake = pki.issue('', PKI.root, subject=PKI.ca.certificate.subject, ca=True)
    for text, chain in [('a CA that was renewed', [PKI.ca, renewed]), ('an expired one before it', [expired, renewed]),
                        ('one of another key before it', [namesake, PKI.ca]), ('all of them', [namesake, expired, renewed, PKI.ca])]:
        JUDGE.good('K1: ' + text, message(ALICE, *chain))
    # CAs of one name and key whom somebody else has certified too, or for something else.
    stranger = pki.issue('Other Root', ca=True)

    def twin(issuer, **options):
        return pki.issue('', issuer, key=PKI.ca.key, subject=PKI.ca.certificate.subject, **{'ca': True, **options})
    web = twin(PKI.root, extra=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])])
    elsewhere = twin(PKI.root, critical=[x509.NameConstraints([x509.RFC822Name('evil.example')], None)])
    crossed, longer, no_ca = twin(stranger), twin(stranger, until=4000), twin(PKI.root, ca=False, use=('key_cert_sign',))
    for text, chain in [('by a stranger', [crossed]), ('by a stranger who comes along', [crossed, stranger]), ('by a stranger, for longer', [longer]),
                        ('for web servers', [web]), ('for other addresses', [elsewhere]), ('as no CA', [no_ca]),
                        ('by all of them', [crossed, web, stranger, no_ca, elsewhere, longer])]:
        JUDGE.good('K1: a CA that was certified before, %s' % text, message(ALICE, *chain, PKI.ca))
        JUDGE.good('K1: and behind, %s' % text, message(ALICE, PKI.ca, *chain))
        JUDGE.refused('K1: and nowhere else, %s' % text, message(ALICE, *chain), '.')
    second = pki.issue('Second CA', PKI.ca, ca=True)
    again = pki.issue('', stranger, key=second.key, subject=second.certificate.subject, ca=True)
    JUDGE.good('K1: two CAs with two certificates each', message(below(second, address='a@example.org'), again, crossed, second, stranger, PKI.ca))
    JUDGE.refused('K1: more certificates of one CA than anybody needs', message(ALICE, *[twin(stranger) for _ in range(20)], PKI.ca), 'no certificate of')
    plain = below(PKI.ca, authority=False, key_id=False)
    JUDGE.good('K1: one of another key before it, and no key id to tell', message(plain, namesake, expired, PKI.ca))
    JUDGE.refused('K1: the expired one alone', message(ALICE, expired), 'expired')
    JUDGE.refused('K1: a root that nobody trusts', message(below(forged), forged), 'not trusted|no certificate')


def policies(*names):
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(name), None) for name in names])


def row_k1_policies():
    one, other, anything = '1.3.6.1.4.1.99999.71', '1.3.6.1.4.1.99999.72', '2.5.29.32.0'
    explicit = [x509.PolicyConstraints(0, None)]
    strict = pki.issue('Strict CA', PKI.root, ca=True, extra=[policies(one)], critical=explicit)
    open_ca = pki.issue('Open CA', PKI.root, ca=True, extra=[policies(anything)], critical=explicit)
    JUDGE.good('K1: a policy that nobody demands', message(PKI.person('Alice', extra=[policies(one)])))
    JUDGE.good('K1: the policy that a CA demands', message(below(strict, extra=[policies(one)]), strict))
    JUDGE.good('K1: it among others', message(below(strict, extra=[policies(other, one)]), strict))
    JUDGE.refused('K1: another policy', message(below(strict, extra=[policies(other)]), strict), 'policy')
    JUDGE.refused('K1: no policy where a CA demands one', message(below(strict), strict), 'policy')
    JUDGE.good('K1: a CA for any policy that demands one', message(below(open_ca, extra=[policies(other)]), open_ca))
    JUDGE.refused('K1: and none', message(below(open_ca), open_ca), 'policy')
    sealed = pki.issue('Sealed CA', PKI.root, ca=True, extra=[policies(one)], critical=[*explicit, x509.InhibitAnyPolicy(0)])
    any_below = pki.issue('CA for any', sealed, ca=True, extra=[policies(anything)])
    one_below = pki.issue('CA for one', sealed, ca=True, extra=[policies(one)])
    JUDGE.good('K1: a policy in each certificate', message(below(one_below, extra=[policies(one)]), one_below, sealed))
    JUDGE.refused('K1: any policy where that is inhibited', message(below(any_below, extra=[policies(one)]), any_below, sealed), 'policy')
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier('2.5.29.32'), der.octets(b'x'))
    JUDGE.refused('K1: policies that can\'t be read', message(PKI.person('Alice', extra=[broken])), 'policy')


def row_k2_sender():
    alice = 'alice@example.org'
    JUDGE.good('K2: From', mail(ALICE, alice), mail=True)
    JUDGE.warned('K2: Sender, of which the reader is told', mail(ALICE, 'boss@example.org', extra='Sender: %s\r\n' % alice), 'not by the From', mail=True)
    JUDGE.refused('K2: neither', mail(ALICE, 'boss@example.org'), 'address', mail=True)
    JUDGE.refused('K2: neither, though the name shown is one', mail(ALICE, '"%s" <boss@example.org>' % alice), 'address', mail=True)
    JUDGE.refused('K2: two senders, of whom one did not sign', mail(ALICE, '%s, boss@example.org' % alice), 'address', mail=True)
    JUDGE.good('K2: a certificate without an address', mail(PKI.person('Plain', address=None), 'any@example.org'), mail=True)
    JUDGE.point(JUDGE.says(['good', 'note', 'unknown'], '^address: .*no address|^address: .*without'), 'K2: and that is said', JUDGE.checks(['good', 'note', 'unknown']))
    JUDGE.good('K2: an address that is expected', message(ALICE), '--from', alice)
    JUDGE.refused('K2: another one that is', message(ALICE), 'address', '--from', 'boss@example.org')
    unreadable = x509.UnrecognizedExtension(x509.ObjectIdentifier('2.5.29.17'), der.seq(der.implicit(1, der.octets(b'alice@\xff\xfe'))))
    JUDGE.refused('K2: an address that can\'t be read is not "no address"', mail(PKI.person('Odd', address=None, extra=[unreadable]), 'any@example.org'),
                  'address', mail=True)


def row_k3_compare():
    for text, held, sender in [('the domain in another case', 'alice@Example.ORG', 'alice@example.org'),
                               ('the local part in another case', 'Alice.Example@example.org', 'alice.example@example.org'),
                               ('both on the other side', 'alice@example.org', 'ALICE@EXAMPLE.ORG')]:
        JUDGE.good('K3: ' + text, mail(PKI.person('Alice', address=held), sender), mail=True)
    JUDGE.good('K3: emailAddress in the subject', mail(PKI.person('Alice', address=None, dn_email='Alice@example.org'), 'alice@example.org'), mail=True)
    JUDGE.good('K3: the second of several names', mail(PKI.person('Alice', addresses=['a@example.org', x509.DNSName('example.org'), 'alice@example.org']),
                                                       'alice@example.org'), mail=True)
    upn = x509.OtherName(x509.ObjectIdentifier('1.3.6.1.4.1.311.20.2.3'), der.tlv(0x0c, b'alice@example.org'))
    JUDGE.refused('K3: a user principal name is no address', mail(PKI.person('Alice', addresses=['a@example.org', upn]), 'alice@example.org'),
                  'address', mail=True)
    for text, sender in [('another domain', 'alice@example.com'), ('a domain below', 'alice@mail.example.org'), ('a longer local part', 'malice@example.org')]:
        JUDGE.refused('K3: ' + text, mail(ALICE, sender), 'address', mail=True)


def utf8(address):
    return PKI.person('Alice', addresses=[pki.mailbox(address)])


def row_k4_utf8():
    sender = 'grün@example.org'
    JUDGE.good('K4: SmtpUTF8Mailbox', mail_utf8(utf8(sender), sender), mail=True)
    JUDGE.good('K4: the domain as U-label in the certificate', mail_utf8(utf8('grün@bücher.example'), 'grün@xn--bcher-kva.example'), mail=True)
    JUDGE.good('K4: the domain as U-label in the mail', mail_utf8(utf8('grün@xn--bcher-kva.example'), 'grün@bücher.example'), mail=True)
    JUDGE.good('K4: the domain in another case', mail_utf8(utf8('grün@Example.org'), sender), mail=True)
    JUDGE.good('K4: rfc822Name with an A-label', mail_utf8(PKI.person('Alice', address='alice@xn--bcher-kva.example'), 'alice@bücher.example'), mail=True)
    JUDGE.refused('K4: another local part', mail_utf8(utf8('gruen@example.org'.replace('ue', 'ů')), sender), 'address', mail=True)
    JUDGE.refused('K4: a local part that looks the same', mail_utf8(utf8('gru\u0308n@example.org'), sender), 'address', mail=True)
    JUDGE.refused('K4: a local part that an rfc822Name could hold', mail_utf8(utf8('alice@example.org'), 'alice@example.org'), 'address', mail=True)
    JUDGE.refused('K4: no wildcards', mail_utf8(utf8('*ü@example.org'), sender), 'address', mail=True)


def mail_utf8(person, sender):
    return mail(person, sender)


def row_k5_key_usage():
    for text, use in [('digitalSignature', ['digital_signature']), ('nonRepudiation', ['content_commitment']), ('both', ['digital_signature', 'content_commitment']),
                      ('none that is said', []), ('others beside it', ['digital_signature', 'key_agreement'])]:
        JUDGE.good('K5: a signer with %s' % text, message(PKI.person('Alice', use=use)))
    for use in ('key_encipherment', 'data_encipherment', 'key_agreement'):
        JUDGE.refused('K5: a signer with %s alone' % use, message(PKI.person('Alice', key='rsa', use=[use])), 'not for signing')


def encrypts(text, code, pattern, person):
    """Whether a certificate is taken for a recipient's."""
    recipient, content = JUDGE.write('recipient.pem', person.pem), JUDGE.write('content', CONTENT)
    JUDGE.run('encrypt', '--cms', '--no-self', '-r', recipient, '-i', content, '-o', JUDGE.folder + '/encrypted')
    JUDGE.point(JUDGE.code == code and (code == 0 or bool(re.search(pattern, JUDGE.errors))), text, '%s: %s' % (JUDGE.code, JUDGE.errors))


def row_k5_recipients():
    for text, kind, use in [('keyEncipherment for RSA', 'rsa', ['key_encipherment']), ('keyAgreement for EC', 'ec', ['key_agreement']),
                            ('none that is said', 'rsa', []), ('none that is said, EC', 'ec', [])]:
        encrypts('K5: a recipient with %s' % text, 0, '', PKI.person('Bob', key=kind, use=use))
    for text, kind, use in [('dataEncipherment alone', 'rsa', ['data_encipherment']), ('digitalSignature alone', 'rsa', ['digital_signature']),
                            ('keyAgreement for RSA', 'rsa', ['key_agreement']), ('keyEncipherment for EC', 'ec', ['key_encipherment']),
                            ('digitalSignature alone, EC', 'ec', ['digital_signature'])]:
        encrypts('K5: a recipient with %s is none' % text, 4, 'key usage|keyEncipherment|keyAgreement|not for', PKI.person('Bob', key=kind, use=use))
    encrypts('K6: a recipient for other purposes is none', 4, 'e-mail', PKI.person('Bob', key='rsa', use=['key_encipherment'], purposes=[
        ExtendedKeyUsageOID.SERVER_AUTH]))
    encrypts('K6: one for any purpose is one', 0, '', PKI.person('Bob', key='rsa', use=['key_encipherment'], purposes=[ANY]))
    encrypts('K10: a recipient with RSA of 1024 bits is none', 4, '1024|2048|weak', PKI.person('Bob', key='rsa1024', use=['key_encipherment']))
    encrypts('K10: one with RSA of 4096 bits is one', 0, '', PKI.person('Bob', key='rsa4096', use=['key_encipherment']))


def row_k6_purposes():
    email, web = ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.CLIENT_AUTH
    for text, purposes in [('e-mail', [email]), ('any purpose', [ANY]), ('none that is said', []), ('e-mail among others', [web, email])]:
        JUDGE.good('K6: ' + text, message(PKI.person('Alice', purposes=purposes)))
    JUDGE.refused('K6: other purposes', message(PKI.person('Alice', purposes=[web])), 'other purposes')
    JUDGE.refused('K6: the purpose of a CA', message(PKI.person('Alice', purposes=[x509.ObjectIdentifier('1.3.6.1.5.5.7.3.9')])), 'other purposes')
    for text, purposes, good in [('a CA for e-mail', [email], True), ('a CA for any purpose', [ANY], True), ('a CA for web servers', [web], False)]:
        ca = pki.issue('Special CA', PKI.root, ca=True, extra=[x509.ExtendedKeyUsage(purposes)])
        if good:
            JUDGE.good('K6: ' + text, message(below(ca), ca))
        else:
            JUDGE.refused('K6: ' + text, message(below(ca), ca), 'other purposes')


def row_k7_extensions():
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier('1.3.6.1.4.1.99999.7'), der.NULL)
    JUDGE.good('K7: an unknown extension', message(PKI.person('Alice', extra=[unknown])))
    JUDGE.refused('K7: an unknown critical one', message(PKI.person('Alice', critical=[unknown])), 'critical')
    ca = pki.issue('Odd CA', PKI.root, ca=True, critical=[unknown])
    JUDGE.refused('K7: an unknown critical one of a CA', message(below(ca), ca), 'critical')
    no_ca = pki.issue('No CA', PKI.root, ca=False, use=('key_cert_sign',))
    JUDGE.refused('K7: basic constraints of no CA', message(below(no_ca), no_ca), 'CA')
    no_use = pki.Person(*unsigning_ca())
    JUDGE.refused('K7: key usage of a CA that does not sign certificates', message(below(no_use), no_use), 'usage|CA')
    wrong = [x509.AuthorityKeyIdentifier(b'somebody else here', None, None)]
    JUDGE.refused('K7: an authority key id of somebody else', message(PKI.person('Alice', authority=False, extra=wrong)), 'no certificate of the issuer')
    names = x509.SubjectAlternativeName([x509.RFC822Name('alice@example.org')])
    JUDGE.good('K7: alternative names that are critical', mail(PKI.person('Alice', address=None, critical=[names]), 'alice@example.org'), mail=True)
    twice = x509.UnrecognizedExtension(x509.ObjectIdentifier('2.5.29.15'), b'\3\2\6')
    JUDGE.refused('K7: a key usage that can\'t be read', message(PKI.person('Alice', use=[], extra=[twice])), '.')


def unsigning_ca():
    key = pki.new_key()
    root = PKI.root
    builder = x509.CertificateBuilder().subject_name(pki.name('Idle CA')).issuer_name(root.certificate.subject).public_key(key.public_key())
    builder = builder.serial_number(77).not_valid_before(pki.NOW - pki.DAY).not_valid_after(pki.NOW + pki.DAY * 30)
    builder = builder.add_extension(x509.BasicConstraints(True, None), True).add_extension(pki.usage('digital_signature', 'crl_sign'), True)
    return key, builder.sign(root.key, hashes.SHA256())


def row_k9_fetching():
    with socket.create_server(('127.0.0.1', 0)) as server:
        server.settimeout(0.3)
        place = 'http://127.0.0.1:%d/' % server.getsockname()[1]
        uri = [x509.UniformResourceIdentifier(place + 'crl')]
        points = x509.CRLDistributionPoints([x509.DistributionPoint(uri, None, None, None)])
        access = x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(place + 'ocsp')),
                                                  x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(place + 'ca'))])
        person = PKI.person('Alice', extra=[points, access])
        JUDGE.good('K9: places to fetch from are no fault', message(person))
        JUDGE.refused('K9: a chain without an anchor', signed_data([signer_info(person, CONTENT)], CONTENT, [person]), 'no certificate of the issuer',
                      '--revocation', 'hard')
        JUDGE.verify(message(person), '--revocation', 'soft')
        try:
            server.accept()
            JUDGE.point(False, 'K9: nothing was fetched', 'somebody called')
        except TimeoutError:
            JUDGE.point(True, 'K9: nothing was fetched')


def resigned(person, dotted, sign):
    """The same certificate with another signature."""
    tbs = der.split(der.split(person.der)[0][1])[0][1]
    fields = [der.tlv(*field) for field in der.split(tbs)]
    fields[2] = algorithm(dotted)
    tbs = der.seq(*fields)
    return pki.Person(person.key, x509.load_der_x509_certificate(der.seq(tbs, algorithm(dotted), der.bits(sign(tbs)))))


def row_k10_sizes():
    for bits in (2048, 3072, 4096):
        JUDGE.good('K10: RSA of %d bits' % bits, message(PKI.person('Alice', key='rsa%d' % bits)))
    JUDGE.refused('K10: RSA of 1024 bits', message(PKI.person('Alice', key='rsa1024')), 'too weak')
    weak = pki.issue('Weak CA', PKI.root, key='rsa1024', ca=True)
    JUDGE.refused('K10: RSA of 1024 bits of a CA', message(below(weak), weak), 'key too small|weak')
    old = resigned(ALICE, '1.2.840.10045.4.1', lambda tbs: PKI.ca.key.sign(tbs, ec.ECDSA(hashes.SHA1())))
    JUDGE.refused('K10: a certificate signed with SHA-1', message(old), 'too weak|algorithm')
    for text, number, exponent in [('a modulus of 16384 bits', (1 << 16383) + 9, 65537), ('an exponent of 2000 bits', (1 << 4095) + 9, (1 << 2000) + 1)]:
        public = rsa.RSAPublicNumbers(exponent, number).public_key()
        builder = x509.CertificateBuilder().subject_name(pki.name('Large')).issuer_name(PKI.ca.certificate.subject).public_key(public)
        builder = builder.serial_number(99).not_valid_before(pki.NOW - pki.DAY).not_valid_after(pki.NOW + pki.DAY)
        large = pki.Person(ALICE.key, builder.sign(PKI.ca.key, hashes.SHA256()))
        JUDGE.refused('K10: %s is not computed with' % text, message(
            large, signature=b'\1' * (number.bit_length() // 8), signature_id=algorithm(RSA_WITH['sha256'], der.NULL)), 'larger than anybody needs')


for each, function in list(globals().items()):
    if each.startswith('row_'):
        function()
