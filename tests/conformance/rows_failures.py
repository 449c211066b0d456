# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows E4, E11, E12 and I7: decryptions that fail are alike, for a person and on the agent's socket: rows_failures.py FOLDER SOCKET LIB"""
import hashlib
import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import der
import pki
from enveloped import auth_enveloped, enveloped, gcm_id
from failing import OAEP, V15, encrypted
from judge import Judge
from signed import RSA, algorithm

FOLDER, SOCKET, LIB = sys.argv[1:]
sys.path.insert(0, LIB)
import wire  # noqa: E402

OAEP_ID = '1.2.840.113549.1.1.7'
JUDGE = Judge(FOLDER)
CONTENT = b'What is in it.\n' * 100
with open(FOLDER + '/alice.pem', 'rb') as file:
    ALICE = pki.Person(None, x509.load_pem_x509_certificate(file.read()))
PUBLIC = ALICE.certificate.public_key()


def recipient(scheme, kind, cek):
    how = algorithm(RSA, der.NULL) if scheme == 'v1.5' else algorithm(OAEP_ID, der.seq())
    return der.seq(der.integer(0), der.seq(ALICE.issuer, der.integer(ALICE.serial)), how, der.octets(encrypted(PUBLIC, scheme, kind, cek)))


def told(message):
    """Exit code, all that was said, and what came out."""
    out = os.path.join(FOLDER, 'opened')
    JUDGE.run('decrypt', '--cms', '-i', JUDGE.write('message', message), '-o', out)
    got = None
    if os.path.exists(out):
        with open(out, 'rb') as file:
            got = file.read()
        os.unlink(out)
    return JUDGE.code, JUDGE.errors, got


def changed(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def compare_messages():
    cek = os.urandom(32)
    whole = auth_enveloped([recipient('v1.5', 'good', cek)], CONTENT, cek)
    JUDGE.point(told(whole)[::2] == (0, CONTENT), 'E4: a message as it should be', JUDGE.errors)
    model = told(changed(whole, len(whole) - 1))
    JUDGE.point(model[0] == 1 and model[2] is None and model[1].count('\n') == 1, 'E4: a wrong tag', model)
    answers = {'E4: changed content': told(changed(whole, len(whole) - 200))}
    key = os.urandom(32)
    for text, change in [('no padding', lambda data: changed(data, len(data) - 17)), ('a block too few', lambda data: data[:-16]),
                         ('no whole block', lambda data: data[:-3]), ('nothing at all', lambda data: b'')]:
        answers['E4: CBC with ' + text] = told(enveloped([recipient('v1.5', 'good', key)], b'x' * 47, key, change=change))
    for row, scheme, kinds in [('E11', 'v1.5', V15), ('E12', 'oaep', OAEP)]:
        good = told(auth_enveloped([recipient(scheme, 'good', cek)], CONTENT, cek))
        JUDGE.point(good[0] == 0 and good[2] == CONTENT, '%s: %s as it should be' % (row, scheme), good)
        for kind in kinds[1:]:
            answers['%s: %s with a wrong one: %s' % (row, scheme, kind)] = told(auth_enveloped([recipient(scheme, kind, cek)], CONTENT, cek))
    for text, answer in answers.items():
        JUDGE.point(answer == model, text + ' is told like a wrong tag', '%s instead of %s' % (answer, model))


def ask(connection, number, info, cek):
    spki = hashlib.sha256(PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    nonce = gcm_id(cek, bytes(12))
    body = wire.sequence(wire.octets(spki), der.oid('1.2.840.113549.1.9.16.1.23'), nonce, wire.octets(info))
    return connection.ask(wire.request(number, wire.DECRYPT, body))


def compare_answers():
    """What crosses the socket differs in the key alone."""
    connection, cek = wire.Connection(SOCKET).greet(), os.urandom(32)
    model = ask(connection, 7, recipient('v1.5', 'good', cek), cek)
    JUDGE.point(model[:2] == (7, wire.R_DECRYPT) and model[2][-32:] == cek, 'E11: the agent answers with the key', model)
    for scheme, kinds in [('v1.5', V15), ('oaep', OAEP)]:
        for kind in kinds[1:]:
            info = recipient(scheme, kind, cek)
            answer, again = ask(connection, 7, info, cek), ask(connection, 7, info, cek)
            alike = answer[:2] == model[:2] and len(answer[2]) == len(model[2]) and answer[2][:-32] == model[2][:-32]
            JUDGE.point(alike and answer[2][-32:] != cek and again == answer, 'I7: the answer to %s with a wrong one is alike, and the same again: %s' % (
                scheme, kind), '%s, %s' % (answer, again))
    connection.close()


compare_messages()
compare_answers()
