# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows C12 to C16 of signed messages, and A1 to A6: rows_attributes.py FOLDER"""
import hashlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import der
import pki
from judge import Judge
from signed import (ALGORITHM_PROTECTION, CAPABILITIES, ECDSA_WITH, PSS, RSA, RSA_WITH, SIGNING_CERTIFICATE, SIGNING_CERTIFICATE_V2, SIGNING_TIME,
                    algorithm, attribute, attributes_of, digest_algorithm, pss_algorithm, sign, signature_algorithm, signed_data, signer_info)

FOLDER = sys.argv[1]
PKI = pki.Authority(FOLDER)
ALICE, BOB, RITA = PKI.person('Alice'), PKI.person('Bob'), PKI.person('Rita', key='rsa')
JUDGE = Judge(FOLDER, '--trust', PKI.anchor)
CONTENT = b'What Alice has to say.\n'


def message(person=ALICE, digest='sha256', certificates=None, detached=False, changes=None, **info):
    if changes:
        info['attributes'] = attributes_of(CONTENT, digest, **changes)
    people = [person, PKI.ca] if certificates is None else certificates
    return signed_data([signer_info(person, CONTENT, digest=digest, **info)], CONTENT, people, detached=detached, digests=[digest])


def at_time(value):
    return message(changes={'signing_time': attribute(SIGNING_TIME, value)})


def claimed(text, expected):
    times = [signer.get('signing_time') for signer in JUDGE.signers()]
    JUDGE.point(times == [expected], text, '%s; %s' % (times, JUDGE.what()))


def row_c12_signing_time():
    JUDGE.good('C12: UTCTime', at_time(der.utc_time('261101120000Z')))
    claimed('C12: is what is reported', '2026-11-01T12:00:00Z')
    JUDGE.good('C12: a year of two digits from 50 on', at_time(der.utc_time('500101000000Z')))
    claimed('C12: is one of the last century', '1950-01-01T00:00:00Z')
    JUDGE.verify(at_time(der.utc_time('491231235959Z')))
    claimed('C12: one below is one of this', '2049-12-31T23:59:59Z')
    JUDGE.verify(at_time(der.generalized_time('20510101000000Z')))
    claimed('C12: GeneralizedTime from 2050 on', '2051-01-01T00:00:00Z')
    JUDGE.good('C12: no signing time', message(changes={'signing_time': None}))
    JUDGE.warned('C12: GeneralizedTime before 2050', at_time(der.generalized_time('20251101120000Z')), 'not written as')
    JUDGE.warned('C12: UTCTime without seconds or with a zone', at_time(der.utc_time('261101120000+0100')), 'not written as')
    JUDGE.warned('C12: GeneralizedTime with a fraction', at_time(der.generalized_time('20251101120000.5Z')), 'not written as')
    JUDGE.warned('C12: a time that has not come', at_time(der.utc_time('490101000000Z')), 'future')
    now = attribute(SIGNING_TIME, der.utc_time('261101120000Z'))
    for text, value in [('two signing times', [now, attribute(SIGNING_TIME, der.utc_time('251101120000Z'))]), ('the same one twice', [now, now]),
                        ('one with two values', attribute(SIGNING_TIME, der.utc_time('251101120000Z'), der.utc_time('261101120000Z'))),
                        ('one that is no time', attribute(SIGNING_TIME, der.octets(b'noon'))),
                        ('one on a day that is none', attribute(SIGNING_TIME, der.utc_time('261340120000Z')))]:
        JUDGE.refused('C12: ' + text, message(changes={'signing_time': value}), 'signing time')


def row_c13_when():
    old = PKI.person('Old', since=-900, until=-500)
    young = PKI.person('Young', since=-3)
    then = (pki.NOW - 700 * pki.DAY).strftime('%y%m%d%H%M%SZ')
    back = {'signing_time': attribute(SIGNING_TIME, der.utc_time(then))}
    JUDGE.refused('C13: a certificate that was valid when the signer claims to have signed', message(old, changes=back), 'expired')
    JUDGE.good('C13: one that is valid now and was not then', message(young, changes=back))
    JUDGE.refused('C13: the same at a time of the reader\'s', message(young), 'not valid before', '--at', (pki.NOW - 20 * pki.DAY).strftime('%F'))
    JUDGE.refused('C13: one that is not valid yet', message(PKI.person('Later', since=20)), 'not valid before')


def protection(digest, signature, which=1):
    return {'protection': attribute(ALGORITHM_PROTECTION, der.seq(digest, der.implicit(which, signature)))}


def row_c14_protection():
    sha256, rsa = digest_algorithm('sha256'), algorithm(RSA_WITH['sha256'], der.NULL)
    ecdsa = signature_algorithm(ALICE.key, 'sha256')
    JUDGE.good('C14: the algorithms of the signer', message(changes=protection(sha256, ecdsa)))
    JUDGE.good('C14: NULL and nothing are the same', message(RITA, changes=protection(digest_algorithm('sha256', der.NULL), algorithm(RSA_WITH['sha256']))))
    for text, value in [('another digest', protection(digest_algorithm('sha512'), ecdsa)), ('another signature algorithm', protection(sha256, rsa)),
                        ('the algorithm of a MAC', protection(sha256, ecdsa, 2)),
                        ('two of them', {'protection': protection(sha256, ecdsa)['protection'], 'more': protection(sha256, rsa)['protection']}),
                        ('one that can\'t be read', {'protection': attribute(ALGORITHM_PROTECTION, der.octets(b'x'))})]:
        JUDGE.refused('C14: ' + text, message(changes=value), 'protect')
    JUDGE.refused('C14: rsaEncryption where sha256WithRSAEncryption was protected', message(
        RITA, changes=protection(sha256, rsa), signature_id=algorithm(RSA, der.NULL)), 'protect')


def certificate_id(person, digest, *parts, named=None):
    return der.seq(*([named] if named else []), der.octets(hashlib.new(digest, person.der).digest()), *parts)


def signing_certificate(dotted, *ids):
    return {'signing_certificate': attribute(dotted, der.seq(der.seq(*ids)))}


def row_c15_signing_certificate():
    second, first = SIGNING_CERTIFICATE_V2, SIGNING_CERTIFICATE
    full = der.seq(der.seq(der.tlv(0xa4, ALICE.issuer)), der.integer(ALICE.serial))
    JUDGE.good('C15: version 2', message(changes=signing_certificate(second, certificate_id(ALICE, 'sha256', full))))
    JUDGE.point(JUDGE.says(['good'], 'named by the signature'), 'C15: is reported', JUDGE.what())
    JUDGE.good('C15: version 2 with the CA behind it', message(changes=signing_certificate(
        second, certificate_id(ALICE, 'sha256'), certificate_id(PKI.ca, 'sha256'))))
    JUDGE.good('C15: version 2 with SHA-512', message(changes=signing_certificate(
        second, certificate_id(ALICE, 'sha512', named=digest_algorithm('sha512')))))
    JUDGE.good('C15: version 1', message(changes=signing_certificate(first, certificate_id(ALICE, 'sha1'))))
    # Two certificates for the same key: the message brings both, and one is meant.
    twin = pki.issue('Alice', PKI.ca, key=ALICE.key, address='alice@example.org', serial=ALICE.serial)
    JUDGE.refused('C15: another certificate for the same key, issuer and serial number', message(
        changes=signing_certificate(second, certificate_id(ALICE, 'sha256')), certificates=[twin, PKI.ca]), 'another certificate')
    alice, bob = der.tlv(0xa4, ALICE.issuer), der.tlv(0xa4, der.seq())
    for text, issuer, serial in [('another number', alice, ALICE.serial + 1), ('another issuer', bob, ALICE.serial),
                                 ('two issuers', alice + alice, ALICE.serial), ('no issuer', b'', ALICE.serial),
                                 ('a name that is no directory\'s', der.tlv(0x81, b'alice@example.org'), ALICE.serial)]:
        JUDGE.refused('C15: the right digest beside %s' % text, message(changes=signing_certificate(
            second, certificate_id(ALICE, 'sha256', der.seq(der.seq(issuer), der.integer(serial))))), 'another certificate')
    JUDGE.good('C15: version 1 with issuer and serial number', message(changes=signing_certificate(first, certificate_id(ALICE, 'sha1', full))))
    for text, value in [('somebody else, version 2', signing_certificate(second, certificate_id(BOB, 'sha256'))),
                        ('somebody else, version 1', signing_certificate(first, certificate_id(BOB, 'sha1'))),
                        ('the CA before the signer', signing_certificate(second, certificate_id(PKI.ca, 'sha256'), certificate_id(ALICE, 'sha256'))),
                        ('nobody', signing_certificate(second)), ('a digest that is not known', signing_certificate(
                            second, certificate_id(ALICE, 'sha256', named=algorithm('1.3.6.1.4.1.99999.2')))),
                        ('something that can\'t be read', {'signing_certificate': attribute(second, der.octets(b'x'))})]:
        JUDGE.refused('C15: ' + text, message(changes=value), 'another certificate|signing-certificate')


def row_c16_capabilities():
    value = der.seq(algorithm('2.16.840.1.101.3.4.1.42'), algorithm('2.16.840.1.101.3.4.1.2'))
    caps = attribute(CAPABILITIES, value)
    JUDGE.good('C16: one list', message(changes={'capabilities': caps}))
    JUDGE.good('C16: one that is not signed is nothing', message(unsigned=[caps]))
    for text, found in [('two lists', [caps, attribute(CAPABILITIES, der.seq(algorithm('1.2.840.113549.3.7')))]), ('the same list twice', [caps, caps]),
                        ('one with two values', attribute(CAPABILITIES, value, value)), ('one without a value', attribute(CAPABILITIES)),
                        ('one that is no list', attribute(CAPABILITIES, der.octets(b'aes')))]:
        JUDGE.refused('C16: ' + text, message(changes={'capabilities': found}), 'capabilities')


def row_a1_rsa():
    for digest in ('sha256', 'sha384', 'sha512'):
        JUDGE.good('A1: RSA with %s' % digest, message(RITA, digest))
        JUDGE.good('A1: RSA with %s under rsaEncryption' % digest, message(RITA, digest, signature_id=algorithm(RSA, der.NULL)))
        JUDGE.refused('A1: a changed signature with %s' % digest, message(RITA, digest, flip=True), 'signature value does not match')
    # Signatures that a reader takes who does not look at the padding's end (Bleichenbacher 2006) have an exponent of 3.
    numbers = RITA.key.private_numbers()
    modulus, private = numbers.public_numbers.n, numbers.d
    attributes = der.set_of(*attributes_of(CONTENT))
    info = der.seq(digest_algorithm('sha256', der.NULL), der.octets(hashlib.sha256(attributes).digest()))
    for text, block in [('PKCS #1 as it should be', b'\0\1' + b'\xff' * (253 - len(info)) + b'\0' + info),
                        ('PKCS #1 with little padding and octets behind', b'\0\1' + b'\xff' * 8 + b'\0' + info + b'x' * (245 - len(info))),
                        ('PKCS #1 of block type 2', b'\0\2' + b'\xff' * (253 - len(info)) + b'\0' + info),
                        ('the digest alone', b'\0\1' + b'\xff' * 221 + b'\0' + hashlib.sha256(attributes).digest())]:
        raw = pow(int.from_bytes(block, 'big'), private, modulus).to_bytes(256, 'big')
        if text.endswith('should be'):
            JUDGE.good('A1: ' + text, message(RITA, signature=raw))
        else:
            JUDGE.refused('A1: ' + text, message(RITA, signature=raw), 'signature value does not match')


def row_a2_ecdsa():
    for kind, digest in [('ec', 'sha256'), ('p384', 'sha384'), ('p521', 'sha512'), ('ec', 'sha512')]:
        person = PKI.person('Ec', key=kind)
        JUDGE.good('A2: %s with %s' % (kind, digest), message(person, digest))
        JUDGE.refused('A2: a changed signature on %s with %s' % (kind, digest), message(person, digest, flip=True), 'signature value does not match')
    raw = der.seq(der.integer(0), der.integer(0))
    JUDGE.refused('A2: a signature of zeros', message(signature=raw), 'signature value does not match')
    value = sign(ALICE.key, 'sha256', der.set_of(*attributes_of(CONTENT)))
    numbers = [int.from_bytes(body, 'big') for _, body in der.split(der.split(value)[0][1])]
    plain = b''.join(number.to_bytes(32, 'big') for number in numbers)
    JUDGE.refused('A2: two numbers without their DER', message(signature=plain), 'signature value does not match')


def row_a3_ed25519():
    eve = PKI.person('Eve', key='ed25519')
    JUDGE.good('A3: Ed25519 with SHA-512', message(eve, 'sha512'))
    JUDGE.refused('A3: a changed signature', message(eve, 'sha512', flip=True), 'signature value does not match')
    JUDGE.refused('A3: Ed25519 with SHA-256', message(eve, 'sha256'), 'does not go with the digest')
    JUDGE.refused('A3: a signature of the digest instead of the attributes', message(
        eve, 'sha512', signed=hashlib.sha512(der.set_of(*attributes_of(CONTENT, 'sha512'))).digest()), 'signature value does not match')


def row_a5_pss():
    for digest, salt in [('sha256', 32), ('sha384', 48), ('sha512', 64), ('sha256', 20), ('sha256', 222), ('sha256', 0)]:
        JUDGE.good('A5: %s with a salt of %d octets' % (digest, salt), message(RITA, digest, signature_id=pss_algorithm(digest, salt), salt=salt))
    JUDGE.refused('A5: a salt of another length than is said', message(RITA, signature_id=pss_algorithm('sha256', 32), salt=20),
                  'signature value does not match')
    for text, parameters in [('without parameters', algorithm(PSS)), ('with those that are left out', algorithm(PSS, der.seq())),
                             ('with another digest for the mask', pss_algorithm('sha256', 32, 'sha512')), ('with another digest', pss_algorithm('sha512', 32)),
                             ('with a negative salt', pss_algorithm('sha256', -1))]:
        JUDGE.refused('A5: ' + text, message(RITA, signature_id=parameters, salt=32), 'PSS')
    JUDGE.refused('A5: a changed signature', message(RITA, signature_id=pss_algorithm('sha256', 32), salt=32, flip=True), 'signature value does not match')


def pss_parameters(identifier):
    """What stands behind the OID."""
    return [der.tlv(*each) for each in der.split(der.split(identifier)[0][1])[1:]]


def restricted(*parameters):
    """Rita with a certificate whose key is for RSASSA-PSS, with these parameters."""
    fields = [der.tlv(*each) for each in der.split(der.split(der.split(RITA.der)[0][1])[0][1])]
    fields[6] = der.seq(algorithm(PSS, *parameters), der.bits(RITA.key.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)))
    tbs = der.seq(*fields)
    value = PKI.ca.key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return pki.Person(RITA.key, x509.load_der_x509_certificate(der.seq(tbs, algorithm(ECDSA_WITH['sha256']), der.bits(value))))


def row_a5_restricted():
    by = pss_algorithm('sha256', 32)
    parts = der.split(pss_parameters(by)[0])[0][1]
    for text, trailer in [('1', 1), ('2', 2), ('0', 0)]:
        identifier = algorithm(PSS, der.seq(parts, der.explicit(3, der.integer(trailer))))
        if trailer == 1:
            JUDGE.good('A5: a trailer of %s' % text, message(RITA, signature_id=identifier, salt=32))
        else:
            JUDGE.refused('A5: a trailer of %s' % text, message(RITA, signature_id=identifier, salt=32), 'PSS')
    free, strict = restricted(), restricted(*pss_parameters(by))
    JUDGE.good('A5: a key for PSS alone', message(free, signature_id=by, salt=32))
    JUDGE.good('A5: the same with another digest', message(free, 'sha512', signature_id=pss_algorithm('sha512', 64), salt=64))
    JUDGE.good('A5: a key for PSS with SHA-256 and 32 octets of salt', message(strict, signature_id=by, salt=32))
    JUDGE.good('A5: more salt than it demands', message(strict, signature_id=pss_algorithm('sha256', 64), salt=64))
    for text, person, digest, identifier, salt in [
            ('less salt', strict, 'sha256', pss_algorithm('sha256', 20), 20), ('another digest', strict, 'sha512', pss_algorithm('sha512', 64), 64),
            ('a signature of the old kind', strict, 'sha256', algorithm(RSA_WITH['sha256'], der.NULL), None),
            ('a signature of the old kind by a key for any PSS', free, 'sha256', algorithm(RSA_WITH['sha256'], der.NULL), None),
            ('the same under the name of the key', free, 'sha256', algorithm(RSA, der.NULL), None)]:
        JUDGE.refused('A5: ' + text, message(person, digest, signature_id=identifier, salt=salt), 'signature value does not match')


def row_a6_weak():
    dora, small = PKI.person('Dora', key='dsa'), PKI.person('Small', key='rsa1024')
    for text, person, digest, name in [('SHA-1', RITA, 'sha1', 'SHA-1'), ('MD5', RITA, 'md5', 'MD5'), ('DSA', dora, 'sha256', 'DSA'),
                                       ('DSA with SHA-1', dora, 'sha1', 'SHA-1'), ('RSA of 1024 bits', small, 'sha256', 'RSA key of less')]:
        JUDGE.refused('A6: %s is too weak' % text, message(person, digest), name + '.* too weak')
        good = [c['outcome'] for s in JUDGE.signers() for c in s['checks'] if c['name'] == 'signature']
        JUDGE.point(good == ['good'], 'A6: though the signature by %s is right' % text, JUDGE.what())
        JUDGE.refused('A6: one by %s that is not' % text, message(person, digest, flip=person is not dora, signed=b'else' if person is dora else None),
                      'signature value does not match')


def row_a6_c19_dsa():
    dora = PKI.person('Dora', key='dsa')
    for text, dotted in [('DSA', '1.2.840.10040.4.1'), ('DSA with SHA-256', '2.16.840.1.101.3.4.3.2')]:
        for more, parameters in [('', ()), (' and NULL', (der.NULL,))]:
            JUDGE.refused('C19: a signature under %s%s' % (text, more), message(dora, signature_id=algorithm(dotted, *parameters)), 'DSA.* too weak')
            good = [c['outcome'] for s in JUDGE.signers() for c in s['checks'] if c['name'] == 'signature']
            JUDGE.point(good == ['good'], 'C19: is right, though weak, under %s%s' % (text, more), JUDGE.what())


def row_a4_a7_a8_a9_not_built():
    names = {'1.3.101.113': 'ED448', '2.16.840.1.101.3.4.3.10': 'ecdsa_with_SHA3-256'}  # as far as OpenSSL has one
    for row, text, dotted in [('A4', 'Ed448', '1.3.101.113'), ('A7', 'RSASSA-PSS with SHAKE128', '1.3.6.1.5.5.7.6.30'),
                              ('A7', 'ECDSA with SHA3-256', '2.16.840.1.101.3.4.3.10'), ('A8', 'ML-DSA-65', '2.16.840.1.101.3.4.3.18'),
                              ('A9', 'SLH-DSA-SHA2-128s', '2.16.840.1.101.3.4.3.20')]:
        JUDGE.refused('%s: %s is named as not supported' % (row, text), message(signature_id=algorithm(dotted)), r'not supported \((%s|%s)' % (
            dotted, names.get(dotted)))
    JUDGE.refused('A7: so is SHA3-256 as digest', message(digest_id=algorithm('2.16.840.1.101.3.4.2.8')), 'digest.*not supported.*sha3-256')


for each, function in list(globals().items()):
    if each.startswith('row_'):
        function()
