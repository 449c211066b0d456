# SPDX-License-Identifier: LGPL-2.1-or-later
"""Detached signatures with one thing the matter each, rows `V NAME`: matrix_signed.py FOLDER. They stay there as V-NAME, with V-NAME.content."""
import sys

import der
import pki
from judge import Judge
from signed import (ALGORITHM_PROTECTION, CAPABILITIES, CONTENT_TYPE, EC_KEY, MESSAGE_DIGEST, RSA, RSA_WITH, SIGNING_TIME, algorithm, attribute,
                    attributes_of, digest_algorithm, signed_data, signer_info)

FOLDER = sys.argv[1]
PKI = pki.Authority(FOLDER)
RITA, EC, ED = PKI.person('Rita', key='rsa'), PKI.person('Ec'), PKI.person('Ed', key='ed25519')
JUDGE = Judge(FOLDER, '--trust', PKI.anchor)
CONTENT = b'What Rita has to say.\n'
DIGEST = attribute(MESSAGE_DIGEST, der.octets(b'x' * 32))
CAPS = attribute(CAPABILITIES, der.seq(algorithm('2.16.840.1.101.3.4.1.42')))
SHORT = der.seq(algorithm('1.2.840.113549.3.7'))


def made(person=RITA, content=CONTENT, digest='sha256', detached=True, digests=None, changes=None, **info):
    if changes:
        info['attributes'] = attributes_of(content, digest, **changes)
    info = signer_info(person, content, digest=digest, **info)
    return signed_data([info], content, [person, PKI.ca, PKI.root], detached=detached, digests=[digest] if digests is None else digests)


def written(name, message, content):
    JUDGE.write('V-%s.content' % name, content)
    JUDGE.write('V-' + name, message)


def verified(name, text, message, content=CONTENT):
    written(name, message, content)
    JUDGE.good('V %s: %s' % (name, text), message, content=content)


def warned(name, text, message, pattern):
    written(name, message, CONTENT)
    JUDGE.warned('V %s: %s' % (name, text), message, pattern, content=CONTENT)


def refused(name, text, message, pattern, content=CONTENT):
    written(name, message, content)
    JUDGE.refused('V %s: %s' % (name, text), message, pattern, content=content)


both_values = der.split(der.split(der.split(attributes_of(CONTENT)[2])[0][1])[1][1])[0]
unsorted = der.set_as_is(*sorted(attributes_of(CONTENT), reverse=True))
confused = der.set_of(*attributes_of(CONTENT))
other_protection = attribute(ALGORITHM_PROTECTION, der.seq(digest_algorithm('sha1'), der.implicit(1, algorithm(RSA, der.NULL))))

verified('ok', 'a signature as it should be', made())
verified('ski', 'a signer by key id', made(key_id=RITA.key_id(), version=3))
warned('noattr', 'no signed attributes', made(without=True), 'no signed attributes')
verified('ed25519', 'Ed25519 with SHA-512', made(ED, digest='sha512'))
refused('ed25519_sha256', 'Ed25519 with SHA-256', made(ED), 'does not go with the digest')
refused('wrongCT', 'a content-type of another type', made(changes={'content_type': attribute(CONTENT_TYPE, der.oid('1.2.3.4'))}), 'content type')
refused('noCT', 'no content-type', made(changes={'content_type': None}), 'content type')
refused('noMD', 'no message-digest', made(changes={'message_digest': None}), 'message digest|changed')
refused('dupMD', 'two message-digests', made(changes={'more': DIGEST}), 'message digest|changed')
refused('2valMD', 'two values of a message-digest', made(changes={'message_digest': attribute(
    MESSAGE_DIGEST, der.tlv(*both_values), der.octets(b'x' * 32))}), 'message digest|changed')
refused('dupST', 'two signing times', made(changes={'more': attribute(SIGNING_TIME, der.utc_time('251101120000Z'))}), 'signing time')
refused('dupcaps', 'two lists of capabilities', made(changes={'capabilities': [CAPS, attribute(CAPABILITIES, SHORT)]}), 'capabilities')
refused('algprot_bad', 'other algorithms were protected', made(changes={'protection': other_protection}), 'protected other algorithms')
refused('both_diff', 'content of its own that was signed, and other content', made(detached=False), 'content of its own', CONTENT + b'Or Mallory.\n')
refused('both_diff', 'content of its own, and other content that was signed', signed_data(
    [signer_info(RITA, CONTENT)], CONTENT + b'Or Mallory.\n', [RITA, PKI.ca, PKI.root]), 'content of its own')
refused('both', 'content of its own, and the same content', made(detached=False), 'content of its own')
refused('signedattrs_noncontent', 'attributes as content', made(content=confused, without=True), 'signed attributes of another message', confused)
refused('mixedhash', 'SHA-256 of the content, SHA-512 of the attributes', made(
    digest_id=digest_algorithm('sha256'), attributes=attributes_of(CONTENT), digest='sha512', digests=['sha256', 'sha512'],
    signature_id=algorithm(RSA_WITH['sha512'], der.NULL)), 'does not go with the digest')
warned('unsorted', 'attributes in another order than that of DER', made(sent=unsorted, signed=unsorted), 'order of DER')
refused('ver9', 'a signer of version 9', made(version=9), 'version that is not supported')
verified('ecdsa_spki_oid', 'ECDSA under the identifier of the key', made(EC, signature_id=algorithm(EC_KEY)))
verified('nodalgs', 'no digest is listed', made(digests=()))
warned('STgen2025', 'a signing time of 2025 as GeneralizedTime', made(changes={'signing_time': attribute(
    SIGNING_TIME, der.generalized_time('20251101120000Z'))}), 'signing time')
