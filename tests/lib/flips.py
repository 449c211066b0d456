# SPDX-License-Identifier: LGPL-2.1-or-later
"""The policy is read again while signatures are under way: flips.py SOCKET FOLDER CONFIG AUDIT MODULE-LOG COUNT. Prints `pass` and `fail` lines.

COUNT times by turns alice or bob alone may sign, in a file CONFIG that is another one each time; clients ask for both all the while. The
module's account (tests/module/ledger.h) says when a token was asked to sign with which key, the log on what ground.
FOLDER has alice.pem (CKA_ID 01) and bob.pem (02).
"""
import bisect
import glob
import hashlib
import json
import os
import subprocess
import sys
import threading
import time

from wire import *

SOCKET, FOLDER, CONFIG, AUDIT, LOG, COUNT = *sys.argv[1:6], int(sys.argv[6])
IDS = {'01': 'alice', '02': 'bob'}
SLACK_S = 0.3 # of the stamps of records, which the log's thread makes when it writes them


def say(good, text, *details):
    print('%s %s' % ('pass' if good else 'fail', text), *([] if good else ['::'] + [str(d)[:800] for d in details]), flush=True)


def key_of(name):
    der = subprocess.run(['openssl', 'x509', '-in', os.path.join(FOLDER, name + '.pem'), '-noout', '-pubkey'], check=True, capture_output=True).stdout
    spki = subprocess.run(['openssl', 'pkey', '-pubin', '-outform', 'DER'], input=der, check=True, capture_output=True).stdout
    return hashlib.sha256(spki).digest()


KEYS = {name: key_of(name) for name in IDS.values()}
with open(CONFIG) as config:
    BASE = config.read()


class Flip:
    """Who may sign from here on, which text says so, and when it was asked for and answered."""

    def __init__(self, number, connection):
        self.name = ('alice', 'bob')[number % 2]
        text = BASE + ('rules:\n  - {name: flip %d, operation: [sign], key: {address: %s@example.org}, outcome: allow}\n'
                       '  - {name: nobody else, operation: [sign], outcome: deny}\n' % (number, self.name))
        self.hash = hashlib.sha256(text.encode()).hexdigest()
        with open(CONFIG + '.new', 'w') as file:
            file.write(text)
        os.rename(CONFIG + '.new', CONFIG)
        self.asked = time.monotonic()
        _, self.kind, body = connection.ask(request(2, RELOAD, tlv(5, b'')))
        self.answered = time.monotonic()


class Client(threading.Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.signed = self.denied = 0
        self.wrong, self.over = [], False

    def run(self):
        connection = Connection(SOCKET).greet()
        while not self.over:
            for i in range(16):
                connection.send(sign(10 + i, KEYS[('alice', 'bob')[i % 2]], os.urandom(32)))
            for i in range(16):
                _, kind, body = connection.receive()
                self.signed += kind == R_SIGN
                self.denied += kind == ERROR and error_code(body) == 500
                if kind not in (R_SIGN, ERROR) or (kind == ERROR and error_code(body) != 500):
                    self.wrong.append(body)
        connection.close()


def flip():
    control = Connection(SOCKET).greet()
    flips = [Flip(0, control)]
    clients = [Client() for _ in range(3)]
    for client in clients:
        client.start()
    for number in range(1, COUNT):
        time.sleep(0.01)
        flips.append(Flip(number, control))
    for client in clients:
        client.over = True
    for client in clients:
        client.join(60)
    return flips, clients


def in_force(flips, moment, slack=0.0):
    """The flips that may have been in force: one is from when it was asked for until the next one was answered."""
    first = bisect.bisect_left([f.answered for f in flips[1:]], moment - slack)
    last = bisect.bisect_right([f.asked for f in flips], moment + slack)
    return flips[first:last]


def judge(flips, clients):
    wrong = [body for client in clients for body in client.wrong]
    signed, denied = sum(c.signed for c in clients), sum(c.denied for c in clients)
    say(not wrong and signed > COUNT and denied > COUNT, 'I6: requests are served or denied, whatever is read meanwhile', signed, denied, wrong[:2])
    say(all(f.kind == R_DONE for f in flips), 'I6: %d times the policy is read' % COUNT)
    begun = [(IDS[words[2]], int(words[3]) / 1e6) for words in map(str.split, open(LOG)) if words[:1] == ['operation']]
    bad = [(name, moment) for name, moment in begun if name not in {f.name for f in in_force(flips, moment)}]
    say(begun and not bad, 'I6: of %d operations none is begun that the policy in force denies' % len(begun), len(bad), bad[:3])

    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    by_hash = {f.hash: f for f in flips}
    paths = sorted(glob.glob(os.path.join(AUDIT, 'audit-*.jsonl'))) + [os.path.join(AUDIT, 'audit.jsonl')]
    records = [json.loads(line) for path in paths for line in open(path)]
    good = {record['intent'] for record in records if record['kind'] == 'result' and record['outcome']['result'] == 'ok'}
    signing = {record['seq'] for record in records if record['kind'] == 'intent' and record['operation'] == 'sign'}
    strange, late, anew = [], [], len(signing - good)
    for record in records:
        if record['kind'] not in ('intent', 'denied') or record['operation'] != 'sign':
            continue
        allowed = by_hash.get(record['policy'])
        name = next(name for name, key in KEYS.items() if key.hex() == record['key'])
        if not allowed or (allowed.name == name) != (record['kind'] == 'intent'):
            strange.append(record['seq'])
        elif allowed not in in_force(flips, record['monotonic'] / 1e9 - since_boot, SLACK_S):
            late.append(record['seq'])
    say(not strange, 'I6: each intent names a policy that allows it, each denial one that does not', len(strange), strange[:5])
    say(not late, 'I6: and it is the one in force', len(late), late[:5])
    say(len(good & signing) == signed == len(begun), 'I6: each operation has one answer, and one good result', len(good & signing), signed, len(begun))
    slowest = max(f.answered - f.asked for f in flips)
    say(anew > 0, 'I6: some were decided anew')
    print('%d signed, %d denied, %d decided anew; the slowest reading took %.0f ms' % (signed, denied, anew, slowest * 1000))


judge(*flip())
