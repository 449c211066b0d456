# SPDX-License-Identifier: LGPL-2.1-or-later
"""The audit log, read by somebody who shares no code with the software; docs/smime-audit.1.scd is what it is written from.

    audit.py check DIRECTORY KEY-FILE   the whole chain; prints `pass` and `fail` lines
    audit.py counts DIRECTORY           intents, results, results that are ok, results of no open intent, denied, in one line
    audit.py burst SOCKET KEY CONNECTIONS ROUNDS
                                        sign requests, sixteen in flight on each connection; prints how many were answered, and signed
    audit.py load SOCKET KEY FILE       sign requests until the agent is gone; appends the digests to FILE whose signatures came
    audit.py answered DIRECTORY FILE    each of these digests has one intent and one good result; prints `pass` or `fail`
"""
import glob
import hashlib
import hmac
import json
import os
import sys


def lines(directory):
    """(file, number, octets) of every line."""
    for path in sorted(glob.glob(os.path.join(directory, 'audit-*.jsonl'))) + [os.path.join(directory, 'audit.jsonl')]:
        with open(path, 'rb') as file:
            for number, line in enumerate(file, 1):
                yield path, number, line


def records(directory):
    """Every line that is a record."""
    for _, _, line in lines(directory):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if line.endswith(b'\n'):
            yield record


def check(directory, key_file):
    key = bytes.fromhex(open(key_file).read().strip())
    head, expected, torn, wrong, boots = b'\0' * 32, 0, b'', [], {}
    for path, number, line in lines(directory):
        try:
            record = json.loads(line)
            assert line.endswith(b'"}\n')
        except (ValueError, AssertionError):
            torn += line
            continue
        place = '%s:%d' % (os.path.basename(path), number)
        sealed = line[:line.rindex(b',"mac":')]
        if record['seq'] != expected:
            wrong.append('%s: number %d, not %d' % (place, record['seq'], expected))
        if record['prev'] != head.hex():
            wrong.append('%s: prev' % place)
        if record['mac'] != hmac.new(key, sealed, 'sha256').hexdigest():
            wrong.append('%s: mac' % place)
        if boots.setdefault(record['boot'], 0) > record['monotonic']:
            wrong.append('%s: the clock went back' % place)
        boots[record['boot']] = record['monotonic']
        named = record.get('torn', {})
        if torn and hashlib.sha256(torn[:named.get('octets', 0)]).hexdigest() != named.get('sha256'):
            wrong.append('%s: torn' % place)
        if 'missing' in record:
            wrong.append('%s: missing' % place)
        torn = b''
        head = hashlib.sha256(line[:-1]).digest()
        key = hashlib.sha256(b'smime-agent audit key\0' + key).digest()
        expected = record['seq'] + 1
    print('fail I3: the chain is whole :: %r' % wrong if wrong or expected == 0 else 'pass I3: the chain is whole')


def counts(directory):
    intents, results, good, strange, denied = 0, 0, 0, 0, 0
    waiting = set()
    for record in records(directory):
        if record['kind'] == 'intent':
            intents += 1
            waiting.add(record['seq'])
        elif record['kind'] == 'result':
            results += 1
            good += record['outcome']['result'] == 'ok'
            strange += record['intent'] not in waiting
            waiting.discard(record['intent'])
        denied += record['kind'] == 'denied'
    print(intents, results, good, strange, denied)


def burst(path, key, connections, rounds):
    from wire import Connection, R_SIGN, sign
    peers = [Connection(path).greet() for _ in range(int(connections))]
    answered = signed = 0
    for _ in range(int(rounds)):
        for peer in peers:
            for i in range(16):
                peer.send(sign(2 + i, bytes.fromhex(key), os.urandom(32)))
        for peer in peers:
            for i in range(16):
                signed += peer.receive()[1] == R_SIGN
                answered += 1
    print(answered, signed)


def load(path, key, file):
    import random
    from wire import Connection, R_SIGN, sign
    got = open(file, 'a')
    try:
        peers = [Connection(path).greet() for _ in range(random.randint(1, 3))]
        while True:
            asked = {}
            for peer in peers:
                for i in range(random.randint(1, 8)):
                    asked[peer, 2 + i] = os.urandom(32)
                    peer.send(sign(2 + i, bytes.fromhex(key), asked[peer, 2 + i]))
            for peer in [peer for peer, _ in asked]:
                number, kind, _ = peer.receive()
                if kind == R_SIGN:
                    got.write(asked[peer, number].hex() + '\n')
                    got.flush()
    except (OSError, EOFError):
        pass


def answered(directory, file):
    intents, good, wrong = {}, {}, []
    for record in records(directory):
        if record['kind'] == 'intent':
            intents.setdefault(record['digest']['value'], []).append(record['seq'])
        elif record['kind'] == 'result' and record['outcome']['result'] == 'ok':
            good[record['intent']] = good.get(record['intent'], 0) + 1
    digests = open(file).read().split()
    for digest in digests:
        if len(intents.get(digest, [])) != 1 or good.get(intents[digest][0]) != 1:
            wrong.append(digest)
    print('fail I2: each signature that a client got is in the log :: %r' % wrong if wrong else
          'pass I2: each of %d signatures that clients got is in the log' % len(digests))


{'load': load, 'answered': answered, 'check': check, 'counts': counts, 'burst': burst}[sys.argv[1]](*sys.argv[2:])
