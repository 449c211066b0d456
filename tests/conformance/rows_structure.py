# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows C1 to C10, C19, C20, C22, C23, C26 and C27 of signed messages: rows_structure.py FOLDER"""
import base64
import hashlib
import sys

import der
import pki
from judge import Judge, mail_of, multipart_of
from signed import (COUNTERSIGNATURE, DATA, EC_KEY, MESSAGE_DIGEST, RSA, RSA_WITH, SIGNING_CERTIFICATE_V2, algorithm, attribute, attributes_of,
                    digest_algorithm, sign, signed_data, signer_info)

FOLDER = sys.argv[1]
PKI = pki.Authority(FOLDER)
ALICE, BOB, RITA = PKI.person('Alice'), PKI.person('Bob'), PKI.person('Rita', key='rsa')
JUDGE = Judge(FOLDER, '--trust', PKI.anchor)
CONTENT = b'Content-Type: text/plain\r\n\r\nWhat Alice has to say.\r\n'
OTHER_TYPE = '1.2.840.113549.1.9.16.1.4'  # TSTInfo


def message(person=ALICE, content=CONTENT, digests=('sha256',), certificates=None, detached=False, version=1, content_type=DATA, **info):
    people = [person, PKI.ca] if certificates is None else certificates
    return signed_data([signer_info(person, content, **info)], content, people, detached=detached, digests=digests, version=version,
                       content_type=content_type)


def row_c1_ber():
    whole = message()
    JUDGE.good('C1: DER is read', whole)
    JUDGE.good('C1: indefinite lengths and an octet string in pieces', der.ber(message()))
    JUDGE.good('C1: the same for a detached signature', der.ber(message(detached=True)), content=CONTENT)
    long = CONTENT + b'x' * 300000
    JUDGE.good('C1: long content in many pieces', der.ber(message(content=long), 1000))
    JUDGE.refused('C1: BER without its end is cut off', der.ber(message())[:-2], 'cut off|truncated', code=6)
    JUDGE.refused('C1: octets behind the end are malformed', whole + der.NULL, '.', code=6)
    changed = der.ber(message()).replace(b'Alice ', b'alice ').replace(b'has to s', b'has to S')
    JUDGE.refused('C1: a change in one of the pieces is seen', changed.replace(b'What Al', b'What al'), 'content is not what was signed')
    mail = mail_of(der.ber(message()))
    JUDGE.good('C1: a mail with BER', mail, mail=True)


def row_c2_version():
    for version in (1, 3, 4, 5):
        JUDGE.good('C2: SignedData of version %d is read' % version, message(version=version))
    JUDGE.good('C2: and one of version 3 for another type of content', message(
        version=3, content_type=OTHER_TYPE, attributes=attributes_of(CONTENT, of_type=OTHER_TYPE)))
    broken = message().replace(der.integer(1) + der.set_of(digest_algorithm('sha256')), der.octets(b'1') + der.set_of(digest_algorithm('sha256')), 1)
    JUDGE.refused('C2: a version that is no number is malformed', broken, '.', code=6)


def row_c3_identifiers():
    JUDGE.good('C3: issuer and serial number', message())
    JUDGE.good('C3: key id', message(key_id=ALICE.key_id(), version=3))
    # Two certificates of one key id, of which the second one has the key that signed.
    wrong = PKI.person('Twin')
    twin = pki.issue('Twin', PKI.ca, key=wrong.key, address='alice@example.org')
    other = pki.issue('Impostor', PKI.ca, address='alice@example.org', key_id=False, extra=[twin.certificate.extensions.get_extension_for_class(
        pki.x509.SubjectKeyIdentifier).value])
    JUDGE.good('C3: a key id that fits two certificates', signed_data(
        [signer_info(twin, CONTENT, key_id=twin.key_id(), version=3)], CONTENT, [other, twin, PKI.ca]))
    # Certificates for one key: those that have a fault do no harm to the one that has none.
    def again(**options):
        return pki.issue('Alice', options.pop('issuer', PKI.ca), key=ALICE.key, **{'address': 'alice@example.org', **options})
    old, selfmade = again(since=-900, until=-100), pki.issue('Alice', key=ALICE.key, address='alice@example.org')
    web = again(purposes=[pki.ExtendedKeyUsageOID.CLIENT_AUTH])
    for text, others in [('that has expired', [old]), ('for web servers', [web]), ('of nobody', [selfmade]),
                         ('for somebody else', [again(address='x@example.org')]), ('of each of these kinds', [selfmade, old, web])]:
        for where, people in [('first', [*others, ALICE, PKI.ca]), ('last', [ALICE, PKI.ca, *others])]:
            by_key_id = signed_data([signer_info(ALICE, CONTENT, key_id=ALICE.key_id(), version=3)], CONTENT, people, version=3)
            JUDGE.good('C3: a key id that fits a certificate %s, too, %s' % (text, where), mail_of(by_key_id), mail=True)
    one = signer_info(ALICE, CONTENT, key_id=ALICE.key_id(), version=3)
    JUDGE.refused('C3: one that fits no good one', mail_of(signed_data([one], CONTENT, [old, web, PKI.ca], version=3)), 'expired', mail=True)
    JUDGE.point(not JUDGE.says(['bad'], 'other purposes'), 'C3: of whom the first one counts', JUDGE.what())
    named = attribute(SIGNING_CERTIFICATE_V2, der.seq(der.seq(der.seq(der.octets(hashlib.sha256(old.der).digest())))))
    meant = signer_info(ALICE, CONTENT, key_id=ALICE.key_id(), version=3, attributes=attributes_of(CONTENT, named=named))
    JUDGE.refused('C3: the one that the signature names counts, good or not', mail_of(signed_data([meant], CONTENT, [ALICE, old, PKI.ca], version=3)),
                  'expired', mail=True)
    bare = PKI.person('Bare', key_id=False)
    JUDGE.good('C3: a key id made of the key, where the certificate has none', message(bare, key_id=bare.key_id(), version=3))
    JUDGE.refused('C3: a key id that is nobody\'s', message(key_id=b'nobody at all', version=3), 'certificate is neither in the message')
    JUDGE.refused('C3: an issuer and serial number that are nobody\'s', message(certificates=[BOB, PKI.ca]), 'certificate is neither in the message')
    JUDGE.refused('C3: a key id of somebody else', message(key_id=BOB.key_id(), version=3, certificates=[ALICE, BOB, PKI.ca]),
                  'signature value does not match')


def each_signer(text, code, expected):
    """The outcomes of the checks `signature` and `digest` of each signer, as one."""
    found = [{c['outcome'] for c in s['checks'] if c['name'] in ('signature', 'digest')} for s in JUDGE.signers()]
    worst = [next(each for each in ('bad', 'unknown', 'good') if each in outcomes) for outcomes in found]
    JUDGE.point(JUDGE.code == code and worst == expected, text, '%s; %s' % (worst, JUDGE.what()))


def two(first, second, certificates=None):
    people = [ALICE, BOB, RITA, PKI.ca] if certificates is None else certificates
    return signed_data([first, second], CONTENT, people, digests=['sha256', 'sha512'])


def row_c4_unknown():
    good = signer_info(ALICE, CONTENT)
    JUDGE.verify(two(signer_info(BOB, CONTENT, version=9), good))
    each_signer('C4: a signer of version 9 is not known, the other one is good', 1, ['unknown', 'good'])
    JUDGE.verify(two(signer_info(BOB, CONTENT, signature_id=algorithm('1.3.6.1.4.1.99999.1')), good))
    each_signer('C4: so is one of an unknown signature algorithm', 1, ['unknown', 'good'])
    JUDGE.verify(two(signer_info(BOB, CONTENT, digest_id=algorithm('1.3.6.1.4.1.99999.2')), good))
    each_signer('C4: and one of an unknown digest', 1, ['unknown', 'good'])
    JUDGE.refused('C4: alone it makes nothing good', message(version=1, signature_id=algorithm('1.3.6.1.4.1.99999.1')), 'not supported')


def row_c5_attributes():
    digest = der.octets(b'x' * 32)
    own = [a for a in attributes_of(CONTENT) if der.oid(MESSAGE_DIGEST) in a][0]
    value = der.split(der.split(der.split(own)[0][1])[1][1])[0]
    values = der.tlv(*value)
    JUDGE.good('C5: one content-type and one message-digest', message())
    for text, changes, reason in [
            ('no content-type', {'content_type': None}, 'content type'),
            ('two content-types', {'more': attribute('1.2.840.113549.1.9.3', der.oid(DATA))}, 'content type'),
            ('a content-type with two values', {'content_type': attribute('1.2.840.113549.1.9.3', der.oid(DATA), der.oid(DATA))}, 'content type'),
            ('a content-type without a value', {'content_type': attribute('1.2.840.113549.1.9.3')}, 'content type'),
            ('no message-digest', {'message_digest': None}, 'message digest|changed'),
            ('two message-digests', {'more': attribute(MESSAGE_DIGEST, digest)}, 'message digest|changed'),
            ('the same message-digest twice', {'more': own}, 'message digest|changed'),
            ('a message-digest with two values', {'message_digest': attribute(MESSAGE_DIGEST, values, digest)}, 'message digest|changed'),
            ('a message-digest that is no octet string', {'message_digest': attribute(MESSAGE_DIGEST, der.integer(1))}, 'message digest|changed')]:
        JUDGE.refused('C5: ' + text, message(attributes=attributes_of(CONTENT, **changes)), reason)


def row_c6_content_type():
    JUDGE.good('C6: the type of the content', message(content_type=OTHER_TYPE, version=3,
                                                      attributes=attributes_of(CONTENT, of_type=OTHER_TYPE)))
    JUDGE.refused('C6: another type than that of the content', message(attributes=attributes_of(CONTENT, of_type=OTHER_TYPE)),
                  'content type is not that')
    JUDGE.refused('C6: the same for content that is said to be of another type', message(content_type=OTHER_TYPE, version=3), 'content type is not that')
    other = signed_data([signer_info(ALICE, CONTENT, attributes=attributes_of(CONTENT, of_type=OTHER_TYPE))], CONTENT, [ALICE, PKI.ca],
                        content_type=OTHER_TYPE, version=3)
    JUDGE.refused('C6: a mail that was signed as something else', mail_of(other), 'no mail, but of the type', mail=True)
    detached = signed_data([signer_info(ALICE, CONTENT, attributes=attributes_of(CONTENT, of_type=OTHER_TYPE))], CONTENT, [ALICE, PKI.ca],
                           content_type=OTHER_TYPE, version=3, detached=True)
    JUDGE.refused('C6: and one with a detached signature', multipart_of(CONTENT, detached), 'no mail, but of the type', mail=True)
    inside = b'Content-Type: application/pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    inside += base64.encodebytes(other).replace(b'\n', b'\r\n')
    JUDGE.refused('C6: and one inside another signature', mail_of(message(content=inside)), 'no mail, but of the type', mail=True)


def row_c7_without_attributes():
    JUDGE.warned('C7: data without attributes is an old form', message(without=True), 'no signed attributes')
    JUDGE.good('C7: another type with attributes', message(content_type=OTHER_TYPE, attributes=attributes_of(CONTENT, of_type=OTHER_TYPE)))
    JUDGE.refused('C7: another type without attributes', message(content_type=OTHER_TYPE, without=True), 'no signed attributes')


def row_c8_set():
    attributes = attributes_of(CONTENT)
    unsorted = der.set_as_is(*sorted(attributes, reverse=True))
    JUDGE.warned('C8: attributes in another order, signed as they are sent', message(sent=unsorted, signed=unsorted), 'not in the order of DER')
    JUDGE.warned('C8: attributes in another order, signed in that of DER', message(sent=unsorted), 'not in the order of DER')
    JUDGE.refused('C8: a signature over the tag [0] instead of that of a set', message(signed=der.implicit(0, der.set_of(*attributes))),
                  'signature value does not match')
    moved = der.set_as_is(attributes[2], attributes[0], attributes[1])
    JUDGE.refused('C8: a signature over a third order', message(sent=unsorted, signed=moved), 'signature value does not match')
    JUDGE.warned('C8: attributes in BER, signed in DER', message(sent=der.ber(der.set_of(*attributes))), 'order of DER|not in')


def row_c9_one_digest():
    JUDGE.good('C9: SHA-512 throughout', message(digest='sha512', digests=['sha512']))
    both = ['sha256', 'sha512']
    JUDGE.refused('C9: a signature algorithm with another digest', message(
        RITA, digests=both, signature_id=algorithm(RSA_WITH['sha512'], der.NULL)), 'does not go with the digest')
    JUDGE.refused('C9: attributes hashed with another digest', message(
        RITA, digests=both, signature=sign(RITA.key, 'sha512', der.set_of(*attributes_of(CONTENT))),
        signature_id=algorithm(RSA, der.NULL)), 'signature value does not match|content is not')
    JUDGE.refused('C9: content hashed with another digest', message(digests=both, attributes=attributes_of(CONTENT, 'sha512')), 'changed')


def row_c10_listed():
    unknown = algorithm('1.3.6.1.4.1.99999.2')
    JUDGE.good('C10: known and unknown digests beside the one that is used', message(
        digests=[unknown, 'sha384', digest_algorithm('sha256', der.NULL), 'md5', 'sha256', 'sha512', 'sha1']))
    for detached in (False, True):
        given = CONTENT if detached else None
        which = 'detached' if detached else 'embedded'
        JUDGE.good('C10: none is listed, %s' % which, message(digests=(), detached=detached), content=given)
        JUDGE.good('C10: another one is listed, %s' % which, message(digests=['sha512'], detached=detached), content=given)
    JUDGE.refused('C10: none is listed, and the content is another', message(digests=(), detached=True), 'changed', content=CONTENT + b'.')


def row_c19_parameters():
    for text, info in [('a digest with NULL', {'digest_id': digest_algorithm('sha256', der.NULL)}),
                       ('a digest without parameters', {'digest_id': digest_algorithm('sha256')}),
                       ('rsaEncryption with NULL', {'signature_id': algorithm(RSA, der.NULL)}),
                       ('rsaEncryption without parameters', {'signature_id': algorithm(RSA)}),
                       ('sha256WithRSAEncryption without parameters', {'signature_id': algorithm(RSA_WITH['sha256'])})]:
        JUDGE.good('C19: ' + text, message(RITA, **info))
    JUDGE.good('C19: the identifier of an EC key for ECDSA', message(signature_id=algorithm(EC_KEY)))
    JUDGE.good('C19: ECDSA with NULL', message(signature_id=algorithm('1.2.840.10045.4.3.2', der.NULL)))
    JUDGE.refused('C19: a digest with other parameters', message(digest_id=digest_algorithm('sha256', der.integer(1))), 'not supported')
    JUDGE.refused('C19: the identifier of another kind of key', message(signature_id=algorithm(RSA, der.NULL)), 'does not match')


def row_c20_several():
    alice, rita = signer_info(ALICE, CONTENT), signer_info(RITA, CONTENT, digest='sha512')
    JUDGE.good('C20: two signers with digests of their own', two(alice, rita))
    each_signer('C20: have a result each', 0, ['good', 'good'])
    JUDGE.verify(two(alice, signer_info(BOB, CONTENT, flip=True)))
    each_signer('C20: one of two is bad', 1, ['good', 'bad'])
    JUDGE.verify(two(signer_info(BOB, b'something else'), alice))
    each_signer('C20: one of two signed something else', 1, ['bad', 'good'])
    JUDGE.verify(two(alice, signer_info(BOB, CONTENT), [ALICE, PKI.ca]))
    each_signer('C20: of one of two there is no certificate', 1, ['good', 'unknown'])


def row_c21_countersignature():
    counter = attribute(COUNTERSIGNATURE, signer_info(BOB, b'', attributes=[attribute(MESSAGE_DIGEST, der.octets(b'x' * 32))]))
    JUDGE.good('C21: a countersignature is passed over', message(unsigned=[counter]))


def row_c22_certificates_only():
    body = signed_data([], b'', [ALICE, PKI.ca], detached=True)
    JUDGE.refused('C22: certificates only are not signed', body, "nobody's signature")
    JUDGE.refused('C22: a mail with them neither', mail_of(body, kind='certs-only'), "nobody's signature", mail=True)
    JUDGE.point([layer['kind'] for layer in JUDGE.report.get('layers', [])] == ['certificates'], 'C22: and is said to hold certificates', JUDGE.what())
    JUDGE.refused('C22: content without a signer neither', signed_data([], CONTENT, [ALICE]), "nobody's signature")


def row_c23_many():
    others = [pki.issue('Other %d' % n, PKI.ca, key=BOB.key).der for n in range(30)]
    attribute_certificate = der.implicit(2, der.seq(der.seq(der.integer(1)), der.NULL))
    pkcs6 = der.implicit(0, der.seq(der.seq(der.integer(0)), der.NULL))
    other = der.implicit(3, der.seq(der.oid('1.3.6.1.4.1.99999.3'), der.octets(b'what may it be')))
    many = [attribute_certificate, pkcs6, other] + others + [ALICE, PKI.ca, other]
    JUDGE.good('C23: many certificates that are no use, and others', message(certificates=many))
    revocation = [der.implicit(1, der.seq(der.oid('1.3.6.1.4.1.99999.4'), der.octets(b'x'))), der.seq(der.seq(der.integer(1)))]
    JUDGE.good('C23: revocation information of other kinds', signed_data([signer_info(ALICE, CONTENT)], CONTENT, [ALICE, PKI.ca], crls=revocation))
    JUDGE.good('C23: the CA before the signer, and both twice', message(certificates=[PKI.ca, PKI.root, ALICE, ALICE, PKI.ca]))
    JUDGE.refused('C23: what comes behind a hundred is not looked at', message(certificates=[other] * 100 + [ALICE, PKI.ca]),
                  'certificate is neither in the message')


def row_c26_confusion():
    attributes = der.set_of(*attributes_of(CONTENT))
    alices = signed_data([signer_info(ALICE, attributes, without=True)], attributes, [ALICE, PKI.ca])
    JUDGE.refused('C26: attributes as content', alices, 'signed attributes of another message')
    JUDGE.refused('C26: and detached', signed_data([signer_info(ALICE, attributes, without=True)], attributes, [ALICE, PKI.ca], detached=True),
                  'signed attributes of another message', content=attributes)
    for text, size in [('tens of thousands', 60000), ('hundreds of thousands', 300000)]:
        long = der.set_of(*attributes_of(CONTENT), attribute('1.3.6.1.4.1.99999.8', der.octets(b'x' * size)))
        JUDGE.refused('C26: attributes of %s of octets as content' % text, signed_data([signer_info(ALICE, long, without=True)], long, [ALICE, PKI.ca]),
                      'signed attributes of another message')
    for text, changed in [('in another order', der.set_as_is(*sorted(attributes_of(CONTENT), reverse=True))),
                          ('in BER', b'\x31\x80' + b''.join(attributes_of(CONTENT)) + b'\0\0')]:
        JUDGE.refused('C26: attributes %s as content' % text, signed_data([signer_info(ALICE, changed, without=True)], changed, [ALICE, PKI.ca]),
                      'signed attributes of another message')
    large = der.set_of(der.octets(b'x' * 300000))
    JUDGE.warned('C26: a large set of something else is content', signed_data([signer_info(ALICE, large, without=True)], large, [ALICE, PKI.ca]),
                 'no signed attributes')
    JUDGE.warned('C26: any signature without attributes is reported', message(without=True), 'no signed attributes')
    JUDGE.good('C26: attributes as content are content like any other where they are signed with attributes', message(content=attributes))


def row_c27_twice():
    detached, embedded = message(detached=True), message()
    JUDGE.good('C27: a detached signature', multipart_of(CONTENT, detached), mail=True)
    JUDGE.refused('C27: one that brings the same content', multipart_of(CONTENT, embedded), 'content of its own', mail=True)
    evil = CONTENT.replace(b'Alice', b'Mallory')
    JUDGE.refused('C27: one that brings the content that was signed beside another', multipart_of(evil, embedded), 'content of its own', mail=True)
    JUDGE.refused('C27: the same in CMS', embedded, 'content of its own', content=CONTENT)
    JUDGE.refused('C27: and with other content', embedded, 'content of its own', content=evil)


for each, function in list(globals().items()):
    if each.startswith('row_'):
        function()
