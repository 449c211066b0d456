# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints an RSA-2048 key whose primes tell themselves (CVE-2017-15361): weak-key.py > KEY.pem

The form is the published one: k * M + (65537^a mod M), where M is the product of the first 126 primes.
"""
import math
import random
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

SMALL = [n for n in range(2, 702) if all(n % d for d in range(2, int(n ** 0.5) + 1))]
M = math.prod(SMALL)
BITS, ROUNDS, CHANCE = 1024, 24, random.SystemRandom()


def is_prime(n):
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(ROUNDS):
        x = pow(CHANCE.randrange(n - 3) + 2, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def make_prime():
    least = (3 << (BITS - 2)) // M + 1
    while True:
        p = (least + CHANCE.randrange((1 << BITS) // M - least)) * M + pow(65537, CHANCE.getrandbits(256), M)
        if p.bit_length() == BITS and p % 65537 != 1 and is_prime(p):  # or there is no private exponent
            return p


p, q = make_prime(), make_prime()
d = pow(65537, -1, math.lcm(p - 1, q - 1))
numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(65537, p * q))
sys.stdout.buffer.write(numbers.private_key().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                            serialization.NoEncryption()))
