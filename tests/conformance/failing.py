# SPDX-License-Identifier: LGPL-2.1-or-later
"""RSA ciphertexts with one thing wrong under the encryption, for tests of what a reader lets out of it (RFC 3218, Bleichenbacher, Manger)."""
import hashlib
import os

# The kinds of each scheme; the first one is right.
V15 = ['good', 'first octet', 'block type', 'zero in the padding', 'no zero', 'key of 16 octets', 'key of 33 octets', 'no key', 'random']
OAEP = ['good', 'first octet', 'label', 'no separator', 'key of 16 octets', 'key of 33 octets', 'no key', 'random']


def nonzero(count):
    return bytes(octet % 255 + 1 for octet in os.urandom(count))


def with_key(kind, cek):
    return {'key of 16 octets': cek[:16], 'key of 33 octets': cek + b'x', 'no key': b''}.get(kind, cek)


def v15_block(kind, cek, size):
    cek = with_key(kind, cek)
    block = bytearray(b'\0\2' + nonzero(size - 3 - len(cek)) + b'\0' + cek)
    if kind == 'first octet':
        block[0] = 1
    elif kind == 'block type':
        block[1] = 1
    elif kind == 'zero in the padding':
        block[5] = 0
    elif kind == 'no zero':
        block = bytearray(b'\0\2' + nonzero(size - 2))
    return bytes(block)


def mgf1(seed, count, md):
    out = b''
    while len(out) < count:
        out += hashlib.new(md, seed + (len(out) // hashlib.new(md).digest_size).to_bytes(4, 'big')).digest()
    return out[:count]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def oaep_block(kind, cek, size, md='sha1'):
    cek = with_key(kind, cek)
    digest = hashlib.new(md, b'a label' if kind == 'label' else b'').digest()
    separator = b'\2' if kind == 'no separator' else b'\1'
    data = digest + bytes(size - 2 * len(digest) - 2 - len(cek)) + separator + cek
    seed = os.urandom(len(digest))
    masked = xor(data, mgf1(seed, len(data), md))
    return (b'\1' if kind == 'first octet' else b'\0') + xor(seed, mgf1(masked, len(digest), md)) + masked


def encrypted(public, scheme, kind, cek):
    """What was encrypted for this RSA public key. scheme: 'v1.5' or 'oaep'."""
    numbers = public.public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    while True:
        if kind == 'random':
            value = int.from_bytes(os.urandom(size), 'big')
        else:
            value = int.from_bytes((v15_block if scheme == 'v1.5' else oaep_block)(kind, cek, size), 'big')
        if value < numbers.n:
            return pow(value, numbers.e, numbers.n).to_bytes(size, 'big')
