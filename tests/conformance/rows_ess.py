# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows S1 and S2 of signed messages (RFC 2634): rows_ess.py FOLDER"""
import sys

import der
import pki
from judge import Judge
from signed import attribute, attributes_of, signed_data, signer_info

FOLDER = sys.argv[1]
PKI = pki.Authority(FOLDER)
ALICE, BOB = PKI.person('Alice'), PKI.person('Bob')
JUDGE = Judge(FOLDER, '--trust', PKI.anchor)
CONTENT = b'What Alice has to say.\n'
RECEIPT_REQUEST = '1.2.840.113549.1.9.16.2.1'
LABEL = '1.2.840.113549.1.9.16.2.2'
EXPANSION_HISTORY = '1.2.840.113549.1.9.16.2.3'
HINTS = '1.2.840.113549.1.9.16.2.4'
RECEIPT = '1.2.840.113549.1.9.16.1.1'


def info(person, *attributes, content=CONTENT, of_type='1.2.840.113549.1.7.1', unsigned=()):
    return signer_info(person, content, attributes=attributes_of(content, of_type=of_type, more=list(attributes)), unsigned=unsigned)


def message(*attributes, **options):
    return signed_data([info(ALICE, *attributes, **options)], CONTENT, [ALICE, BOB, PKI.ca])


def by_both(first, second):
    return signed_data([info(ALICE, *first), info(BOB, *second)], CONTENT, [ALICE, BOB, PKI.ca])


def label(classification, *more):
    return attribute(LABEL, der.set_as_is(der.integer(classification), der.oid('1.2.3.4'), *more))


def request(identifier=b'id', to='alice@example.org'):
    names = der.seq(der.tlv(0x81, to.encode()))
    return attribute(RECEIPT_REQUEST, der.seq(der.octets(identifier), der.tlv(0x80, b'\0'), der.seq(names)))


def told(text, data, outcome, pattern):
    JUDGE.verify(data)
    JUDGE.point(JUDGE.code == 0 and JUDGE.says([outcome], pattern), text, '%s; %s' % (JUDGE.checks(['note']), JUDGE.what()))


def untold(text, name):
    JUDGE.point(not JUDGE.says(['good', 'note', 'bad', 'unknown'], '^' + name), text, JUDGE.what())


def row_s1_receipts():
    told('S1: a request', message(request()), 'note', '^receipt-request: .*everybody .*alice@example.org .*6964.*none is sent')
    told('S1: one that can not be read', message(attribute(RECEIPT_REQUEST, der.octets(b'x'))), 'warning', "^receipt-request: .*can't be read")
    told('S1: two of them', message(request(), request(b'other')), 'warning', "^receipt-request: .*can't be read")
    told('S1: the signers ask for different receipts', by_both([request()], [request(to='bob@example.org')]), 'warning', '^receipt-request: .*not all ask')
    told('S1: one signer asks', by_both([request()], []), 'warning', '^receipt-request: .*not all ask')
    told('S1: a request that nobody signed', message(unsigned=[request()]), 'warning', '^receipt-request: .*nobody signed')
    untold('S1: is not looked at', 'receipt-request')
    receipt = der.seq(der.integer(1), der.oid('1.2.840.113549.1.7.1'), der.octets(b'id'), der.octets(b'signature'))
    told('S1: a receipt that asks for a receipt', signed_data([info(ALICE, request(), content=receipt, of_type=RECEIPT)], receipt, [ALICE, PKI.ca], content_type=RECEIPT, version=3),
         'warning', '^receipt-request: .*forbids')
    JUDGE.point(JUDGE.says(['note'], '^receipt: .*6964'), 'S1: is a receipt all the same', JUDGE.what())
    told('S1: a receipt that can not be read', signed_data([info(ALICE, content=b'no receipt', of_type=RECEIPT)], b'no receipt', [ALICE, PKI.ca], content_type=RECEIPT, version=3),
         'warning', "^receipt: .*can't be read")
    passed_on = der.seq(der.octets(b'list'), der.generalized_time('20260101000000Z'))
    told('S1: mailing lists that have passed it on', message(attribute(EXPANSION_HISTORY, der.seq(passed_on, passed_on))), 'note', '^mailing-list: .*2 mailing lists.*2026-01-01')
    told('S1: more of them than there can be', message(attribute(EXPANSION_HISTORY, der.seq(*[passed_on] * 65))), 'warning', "^mailing-list: .*can't be read")
    told('S1: what the content is said to be', message(attribute(HINTS, der.seq(der.tlv(0x0c, b'a form'), der.oid('1.2.840.113549.1.7.1')))), 'note', '^content-hints: .*a form')


def row_s2_labels():
    for number, word in enumerate(['unmarked', 'unclassified', 'restricted', 'confidential', 'secret', 'top secret']):
        told('S2: a label, ' + word, message(label(number)), 'note', '^security-label: %s under the policy 1.2.3.4$' % word)
    told('S2: with a mark and categories', message(label(4, der.tlv(0x0c, b'Eyes only'), der.set_as_is())), 'note', 'marked "Eyes only", with categories')
    told('S2: without a policy', message(attribute(LABEL, der.set_as_is(der.integer(3)))), 'warning', "^security-label: .*can't be read")
    told('S2: two labels', message(label(3), label(4)), 'warning', "^security-label: .*can't be read")
    told('S2: a label that nobody signed', message(unsigned=[label(3)]), 'warning', '^security-label: .*nobody signed')
    untold('S2: is not looked at', 'security-label')
    JUDGE.verify(by_both([label(3)], [label(3)]))
    JUDGE.point(JUDGE.code == 0 and not JUDGE.says(['warning'], '^security-label'), 'S2: one label of two signers', JUDGE.what())
    told('S2: two labels of two signers', by_both([label(3)], [label(4)]), 'warning', '^security-label: .*same label')
    told('S2: a label of one signer alone', by_both([label(3)], []), 'warning', '^security-label: .*same label')


row_s1_receipts()
row_s2_labels()
