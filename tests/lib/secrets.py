# SPDX-License-Identifier: LGPL-2.1-or-later
"""Looks for secrets where they must not be, and for what must not change: see tests/system/secrets.sh.

    secrets.py memory HEX                   prints those of the processes on standard input whose memory has these octets
    secrets.py key SOCKET CERTIFICATE       asks the agent for the key of a fixed, wrongly padded RecipientInfo and of one of a
                                            known key; prints both answers as hex
"""
import hashlib
import re
import subprocess
import sys

from wire import AES256_CBC, DECRYPT, ENVELOPED, ERROR, Connection, error_code, integer, octets, oid, parse, parts, request, sequence, tlv

RSA = bytes.fromhex('2a864886f70d010101')
CEK = bytes.fromhex('5c1e6a77d0b3498f92e4f1a8c05d3b7664e9102fbd8ac3517e90a4d2683bf51c')
SHADOW_MIN_BYTES = 1 << 30  # what is larger is a sanitizer's shadow, where nobody's octets are


def has(pid, needle):
    """Whether readable memory of the process has the needle."""
    with open(f'/proc/{pid}/maps', encoding='ascii') as maps, open(f'/proc/{pid}/mem', 'rb', buffering=0) as memory:
        for line in maps:
            begin, end, mode, name = re.match(r'([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)', line).groups()
            if mode[0] != 'r' or name in ('[vvar]', '[vsyscall]'):
                continue
            size = int(end, 16) - int(begin, 16)
            if size > SHADOW_MIN_BYTES:
                continue
            try:
                memory.seek(int(begin, 16))
                if needle in memory.read(size):
                    return True
            except OSError:
                pass
    return False


def holds(pid, needle):
    """The same; a process that has ended holds nothing."""
    try:
        return has(pid, needle)
    except (FileNotFoundError, ProcessLookupError):
        return False


def encrypted_keys(certificate):
    """PKCS #1 v1.5 of CEK, and a fixed number that is no encryption of anything, for the certificate's key."""
    key = subprocess.run(['openssl', 'x509', '-in', certificate, '-noout', '-pubkey'], check=True, capture_output=True).stdout
    good = subprocess.run(['openssl', 'pkeyutl', '-encrypt', '-certin', '-inkey', certificate, '-pkeyopt', 'rsa_padding_mode:pkcs1'],
                          input=CEK, check=True, capture_output=True).stdout
    der = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=key, check=True, capture_output=True).stdout
    return hashlib.sha256(der).digest(), good, b'\0' + b'\x42' * (len(good) - 1)


def identifier(certificate):
    """IssuerAndSerialNumber."""
    der = subprocess.run(['openssl', 'x509', '-in', certificate, '-outform', 'DER'], check=True, capture_output=True).stdout
    fields = [field for field in parts(parse(parse(der)[1])[1]) if field[0] != 0xa0]
    return sequence(tlv(*fields[2]), tlv(*fields[0]))


def ask(connection, key, name, encrypted):
    info = sequence(integer(0), name, sequence(oid(RSA), tlv(5, b'')), octets(encrypted))
    _, kind, body = connection.ask(request(7, DECRYPT, sequence(octets(key), oid(ENVELOPED), sequence(oid(AES256_CBC), octets(bytes(16))), octets(info))))
    if kind == ERROR:
        return f'error {error_code(body)}'
    return parts(parse(body)[1])[0][1].hex()


def main():
    if sys.argv[1] == 'memory':
        needle = bytes.fromhex(sys.argv[2])
        print(*(pid for pid in sys.stdin.read().split() if holds(pid, needle)))
        return
    connection = Connection(sys.argv[2]).greet()
    key, good, bad = encrypted_keys(sys.argv[3])
    name = identifier(sys.argv[3])
    print('good', ask(connection, key, name, good))
    print('bad', ask(connection, key, name, bad))


main()
