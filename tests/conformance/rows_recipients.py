# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Rows C1, C24, C25, E2, E3, E6 and E7 of encrypted messages, recipients in every form, with alice (RSA) and bob (P-256) of the fixture:
rows_recipients.py FOLDER
"""
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

import der
import pki
from enveloped import (CBC, CEK_HKDF, CHACHA, EC_KEY, GCM, P256, auth_enveloped, content_attributes, derived, enveloped, gcm_id, key_agreement,
                       key_transport, originators, point)
from judge import Judge
from signed import algorithm, attribute

FOLDER = sys.argv[1]
JUDGE = Judge(FOLDER)
CONTENT = b'What is in it.\n'


def known(name):
    with open('%s/%s.pem' % (FOLDER, name), 'rb') as file:
        return pki.Person(None, x509.load_pem_x509_certificate(file.read()))


ALICE, BOB = known('alice'), known('bob')
STRANGER = pki.issue('Stranger', key='rsa')
FRIEND = pki.issue('Friend', address='friend@example.org', use=('key_agreement',))


def decrypted(message):
    """What was in the message, None when it did not open."""
    out = os.path.join(FOLDER, 'opened')
    if os.path.exists(out):
        os.unlink(out)
    JUDGE.run('decrypt', '--json', '--cms', '-i', JUDGE.write('message', message), '-o', out)
    if not os.path.exists(out):
        return None
    with open(out, 'rb') as file:
        return file.read()


def attempt(make, **options):
    """make: the recipients for a content key."""
    cek = os.urandom(32)
    return decrypted(enveloped(make(cek), CONTENT, cek, **options))


def opened(text, make, **options):
    got = attempt(make, **options)
    JUDGE.point(JUDGE.code == 0 and got == CONTENT, text, '%s; %s' % (got, JUDGE.what()))


def closed(text, code, make, **options):
    got = attempt(make, **options)
    JUDGE.point(JUDGE.code == code and got is None, text, '%s; %s' % (got, JUDGE.what()))


def wrap(number, *parts):
    return der.implicit(number, der.seq(*parts))


def row_c1_ber():
    cek, iv, nonce = os.urandom(32), os.urandom(16), os.urandom(12)
    cbc, gcm = derived(cek, algorithm(CBC[32], der.octets(iv))), derived(cek, gcm_id(cek, nonce))
    for text, message in [('key transport', enveloped([key_transport(ALICE, cek)], CONTENT, cek)),
                          ('key agreement', enveloped([key_agreement(BOB, cek, ukm=b'64 octets' * 7, parameters=(der.NULL,))], CONTENT, cek)),
                          ('GCM', auth_enveloped([key_transport(ALICE, cek)], CONTENT, cek)),
                          ('GCM and attributes', auth_enveloped([key_agreement(BOB, cek)], CONTENT, cek, attributes=content_attributes())),
                          ('ChaCha20-Poly1305', auth_enveloped([key_transport(ALICE, cek)], CONTENT, cek, cipher='chacha')),
                          ('GCM and a derived key', auth_enveloped([key_transport(ALICE, cek)], CONTENT, gcm[0], nonce=nonce, cipher_id=gcm[1])),
                          ('CBC and a derived key', enveloped([key_transport(ALICE, cek)], CONTENT, cbc[0], cipher_id=cbc[1], iv=iv))]:
        got = decrypted(der.ber(message))
        JUDGE.point(JUDGE.code == 0 and got == CONTENT, 'C1: indefinite lengths and octet strings in pieces, %s' % text, '%s; %s' % (got, JUDGE.what()))


def behind(message, more):
    """The same with one more field behind the last one."""
    kind, body = (der.tlv(*each) for each in der.split(der.split(message)[0][1]))
    fields = der.split(der.split(body)[0][1])[0][1]
    return der.seq(kind, der.explicit(0, der.seq(fields, more)))


def row_e3_unprotected():
    cek = os.urandom(32)
    more = der.set_of(attribute('1.3.6.1.4.1.99999.6', der.octets(b'x')))
    for text, message, number in [('in EnvelopedData', enveloped([key_transport(ALICE, cek)], CONTENT, cek), 1),
                                  ('in AuthEnvelopedData', auth_enveloped([key_transport(ALICE, cek)], CONTENT, cek), 2),
                                  ('behind some that the tag covers', auth_enveloped([key_transport(ALICE, cek)], CONTENT, cek,
                                                                                     attributes=content_attributes()), 2)]:
        got = decrypted(behind(message, der.implicit(number, more)))
        JUDGE.point(JUDGE.code == 0 and got == CONTENT, 'E3: attributes that nothing protects are passed over, %s' % text, '%s; %s' % (got, JUDGE.what()))
        got = decrypted(behind(message, der.implicit(number, more) * 2))
        JUDGE.point(JUDGE.code == 6 and got is None, 'E3: and are malformed twice, %s' % text, '%s; %s' % (got, JUDGE.what()))


def row_e2_e6_e7_parameters():
    cek, nonce = os.urandom(32), os.urandom(12)
    inner = gcm_id(cek, nonce)
    key, derivation = derived(cek, inner)
    _, twice = derived(cek, derivation)
    for text, pattern, options in [
            ('E2: no nonce', 'malformed', {'cipher_id': gcm_id(cek, b'')}), ('E2: no parameters', 'malformed', {'cipher_id': algorithm(GCM[32])}),
            ('E2: a tag longer than is said', 'malformed', {'icv': 12}), ('E2: no tag', 'malformed', {'tag': 0}),
            ('E6: a shorter tag', 'malformed', {'cipher': 'chacha', 'tag': 12}), ('E6: no parameters', 'malformed', {'cipher_id': algorithm(CHACHA)}),
            ('E6: NULL for parameters', 'malformed', {'cipher_id': algorithm(CHACHA, der.NULL)}),
            ('E6: the parameters of GCM', 'malformed', {'cipher_id': algorithm(CHACHA, der.seq(der.octets(nonce)))}),
            ('E7: no parameters', 'malformed', {'cipher_id': algorithm(CEK_HKDF)}), ('E7: a key derived twice', 'not supported', {'cipher_id': twice})]:
        got = decrypted(auth_enveloped([key_transport(ALICE, cek)], CONTENT, cek, nonce=nonce, **options))
        JUDGE.point(JUDGE.code == 6 and got is None and pattern in JUDGE.message(), text, '%s; %s' % (got, JUDGE.what()))
    got = decrypted(auth_enveloped([key_agreement(BOB, cek)], CONTENT, key, nonce=nonce, cipher_id=derivation))
    JUDGE.point(JUDGE.code == 0 and got == CONTENT, 'E7: a key that key agreement brings is derived from, too', '%s; %s' % (got, JUDGE.what()))


def row_c24_kinds():
    opened('C24: key transport', lambda cek: [key_transport(ALICE, cek)])
    opened('C24: key agreement', lambda cek: [key_agreement(BOB, cek)])
    opened('C24: one of both', lambda cek: [key_agreement(FRIEND, cek), key_transport(STRANGER, cek), key_transport(ALICE, cek)])
    kek = wrap(2, der.integer(4), der.seq(der.octets(b'a key that both have')), algorithm('2.16.840.1.101.3.4.1.45'), der.octets(b'x' * 40))
    password = wrap(3, der.integer(0), algorithm('1.2.840.113549.1.9.16.3.9'), der.octets(b'x' * 48))
    other = wrap(4, der.oid('1.3.6.1.4.1.99999.5'), der.octets(b'what may it be'))
    newer = wrap(5, der.integer(0), der.octets(b'from the future'))
    for text, info in [('a shared key', kek), ('a password', password), ('another kind', other), ('a kind that is not known', newer)]:
        opened('C24: a recipient with %s is passed over' % text, lambda cek, info=info: [info, key_transport(ALICE, cek)])
        closed('C24: and alone it is nobody here, with %s' % text, 1, lambda cek, info=info: [info])
    for text, odd in [('key transport', lambda cek: key_transport(ALICE, b'x' * 32, version=9)),
                      ('key agreement', lambda cek: key_agreement(BOB, b'x' * 32, version=9))]:
        opened('C24: %s of version 9 is passed over' % text, lambda cek, odd=odd: [odd(cek), key_transport(ALICE, cek), key_agreement(BOB, cek)])
    closed('C24: a message for others', 1, lambda cek: [key_transport(STRANGER, cek), key_agreement(FRIEND, cek)])
    for version in (0, 2, 3, 4):
        opened('C24: EnvelopedData of version %d' % version, lambda cek: [key_transport(ALICE, cek)], version=version)


def row_c25_identifiers():
    key_id = ALICE.key_id()
    opened('C25: key transport to a key id', lambda cek: [key_transport(ALICE, cek, key_id=key_id)])
    closed('C25: to the key id of somebody else', 1, lambda cek: [key_transport(ALICE, cek, key_id=b'somebody else')])
    named = der.seq(ALICE.issuer, der.integer(ALICE.serial + 1))
    closed('C25: to another number of the issuer', 1, lambda cek: [key_transport(ALICE, cek, rid=named)])
    opened('C25: version 0 with a key id', lambda cek: [key_transport(ALICE, cek, key_id=key_id, version=0)])
    bob = BOB.key_id()
    date, attribute = der.generalized_time('20261101120000Z'), der.seq(der.oid('1.3.6.1.4.1.99999.6'), der.octets(b'x'))
    for text, parts in [('a key id', ()), ('a key id with a date', (date,)), ('a key id with a date and more', (date, attribute))]:
        opened('C25: key agreement with %s' % text, lambda cek, parts=parts: [
            key_agreement(BOB, cek, rid=der.implicit(0, der.seq(der.octets(bob), *parts)))])
    closed('C25: key agreement with a key id of somebody else', 1, lambda cek: [
        key_agreement(BOB, cek, rid=der.implicit(0, der.seq(der.octets(b'somebody else'))))])


def row_c25_originators():
    friend, key = originators(FRIEND), FRIEND.key
    for text, parameters in [('without parameters', ()), ('with NULL', (der.NULL,)), ('with the curve', (der.oid(P256),))]:
        opened('C25: an originator\'s key %s' % text, lambda cek, parameters=parameters: [key_agreement(BOB, cek, parameters=parameters)])
    opened('C25: an originator by issuer and serial number', lambda cek: [
        key_agreement(BOB, cek, key=key, originator=der.seq(FRIEND.issuer, der.integer(FRIEND.serial)), ukm=b'64 octets' * 7)], originator=friend)
    opened('C25: an originator by key id', lambda cek: [
        key_agreement(BOB, cek, key=key, originator=der.implicit(0, der.octets(FRIEND.key_id())), ukm=b'x')], originator=friend)
    closed('C25: an originator whose certificate is missing', 6, lambda cek: [
        key_agreement(BOB, cek, key=key, originator=der.implicit(0, der.octets(FRIEND.key_id())))])
    closed('C25: the certificate of somebody else', 1, lambda cek: [
        key_agreement(BOB, cek, originator=der.seq(FRIEND.issuer, der.integer(FRIEND.serial)))], originator=friend)
    for ukm in (b'', b'x', b'x' * 512):
        opened('C25: %d octets of user keying material' % len(ukm), lambda cek, ukm=ukm: [key_agreement(BOB, cek, ukm=ukm)])
    wrong = der.implicit(1, der.seq(algorithm(EC_KEY), der.bits(b'\4' + b'\1' * 64)))
    closed('C25: a point that is not on the curve', 6, lambda cek: [key_agreement(BOB, cek, originator=wrong)])
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    hybrid = point(ephemeral.public_key())
    hybrid = bytes([6 + hybrid[-1] % 2]) + hybrid[1:]
    closed('C25: a point in the form that must not be', 6, lambda cek: [
        key_agreement(BOB, cek, key=ephemeral, originator=der.implicit(1, der.seq(algorithm(EC_KEY), der.bits(hybrid))))])


def row_e10_e16_not_built():
    cek = os.urandom(16)
    ccm = algorithm('2.16.840.1.101.3.4.1.7', der.seq(der.octets(b'x' * 12), der.integer(16)))
    JUDGE.run('decrypt', '--cms', '-i', JUDGE.write('message', auth_enveloped([key_transport(ALICE, cek)], CONTENT, cek, cipher_id=ccm)))
    JUDGE.point(JUDGE.code == 6 and 'not supported' in JUDGE.errors and 'ccm' in JUDGE.errors.lower(), 'E10: AES-CCM is named as not supported', JUDGE.errors)
    kem = wrap(4, der.oid('1.2.840.113549.1.9.16.13.3'), der.seq(der.integer(0), der.implicit(0, der.octets(ALICE.key_id())), algorithm(
        '2.16.840.1.101.3.4.4.2'), der.octets(b'x' * 1088), algorithm('1.2.840.113549.1.9.16.3.28'), der.integer(32), algorithm(
            '2.16.840.1.101.3.4.1.45'), der.octets(b'x' * 40)))
    opened('E16: a recipient by ML-KEM is passed over', lambda cek: [kem, key_transport(ALICE, cek)])
    closed('E16: and alone it is nobody here', 1, lambda cek: [kem])


for each, function in list(globals().items()):
    if each.startswith('row_'):
        function()
