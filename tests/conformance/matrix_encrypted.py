# SPDX-License-Identifier: LGPL-2.1-or-later
"""Encrypted messages for alice and peer-rsa of the fixture, rows `G NAME`: matrix_encrypted.py FOLDER. They stay there as G-NAME."""
import os
import sys

from cryptography import x509

import der
import pki
from enveloped import CBC, auth_enveloped, content_attributes, derived, enveloped, gcm_id, key_transport
from judge import Judge
from signed import algorithm

FOLDER = sys.argv[1]
JUDGE = Judge(FOLDER)
CONTENT = b'What is in it.\n' * 5
CEK = os.urandom(32)


def person(name):
    with open('%s/%s.pem' % (FOLDER, name), 'rb') as file:
        return pki.Person(None, x509.load_pem_x509_certificate(file.read()))


PEOPLE = [person(name) for name in ('peer-rsa', 'alice')]


def everybody():
    """Anew for each message: the agent opens no encrypted key for two kinds of cipher."""
    return [key_transport(each, CEK) for each in PEOPLE]


def opened(name, message):
    path, out = JUDGE.write('G-' + name, message), os.path.join(FOLDER, 'opened')
    if os.path.exists(out):
        os.unlink(out)
    JUDGE.run('decrypt', '--json', '--cms', '-i', path, '-o', out)
    if not os.path.exists(out):
        return None
    with open(out, 'rb') as file:
        return file.read()


def decrypted(name, text, message):
    got = opened(name, message)
    layers = JUDGE.report.get('layers') or [{}]
    JUDGE.point(JUDGE.code == 0 and got == CONTENT and layers[0].get('authenticated') is True, 'G %s: %s' % (name, text), JUDGE.what())


def refused(name, text, message, code):
    got = opened(name, message)
    JUDGE.point(JUDGE.code == code and got is None, 'G %s: %s' % (name, text), '%s; %s' % (got, JUDGE.what()))


def made(**options):
    return auth_enveloped(everybody(), CONTENT, CEK, **options)


nonce = os.urandom(12)
key, derivation = derived(CEK, gcm_id(CEK, nonce))
decrypted('ICVlen 16', 'a tag of 16 octets', made())
decrypted('ICVlen omitted', 'a tag of 12 octets, and no word of its length', made(icv=None, tag=12))
decrypted('ICVlen 12', 'a tag of 12 octets, as is said though it need not be', made(icv=12, tag=12))
for size in (8, 16):
    decrypted('nonce %d' % size, 'a nonce of %d octets' % size, made(nonce=os.urandom(size)))
decrypted('authAttrs AAD', 'attributes that the tag covers', made(attributes=content_attributes()))
refused('authAttrs not AAD', 'attributes that the tag does not cover', made(attributes=content_attributes(), covered=False), 1)
refused('tag 4', 'a tag of 4 octets', made(icv=4, tag=4), 6)
refused('mac 4, ICVlen 16', 'a tag of 4 octets of 16 that are said', made(tag=4), 6)
refused('GCM in EnvelopedData', 'GCM without authentication', enveloped(everybody(), CONTENT, CEK, cipher_id=gcm_id(CEK, nonce)), 6)
refused('CBC in AuthEnvelopedData', 'CBC that is said to be authenticated', made(cipher_id=algorithm(CBC[32], der.octets(os.urandom(16)))), 6)
decrypted('ChaCha20-Poly1305', 'ChaCha20-Poly1305', made(cipher='chacha'))
decrypted('CEK-HKDF', 'a key that is derived', auth_enveloped(everybody(), CONTENT, key, nonce=nonce, cipher_id=derivation))
