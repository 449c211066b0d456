# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that ask an agent for everything, many requests ahead of the answers, and keep count of what came back; written from
docs/protocol.asn1 alone.

    load.py run SOCKET FOLDER NAME SECONDS CLIENTS [kill PID | dies]
                            the load; prints `pass` and `fail` lines. kill: token processes below PID are killed all the while; dies: so is
                            the agent, by somebody else, and the load is over then. What came back is left in FOLDER/load-NAME.json;
                            FOLDER/enough-NAME is there once there is something to judge
    load.py judge FOLDER AUDIT MODULE-LOG PINS
                            all of FOLDER/load-*.json against the audit log and the module's own account (tests/module/ledger.h);
                            PINS: how many wrong ones were typed

FOLDER has alice.pem (RSA, CKA_ID 01) and bob.pem (P-256, 02). What the policy says is in tests/system/invariants.sh.
"""
import glob
import hashlib
import json
import os
import random
import select
import signal
import sys
import threading
import time

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256 as HASH256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from wire import *

SHA384, SHA512 = bytes.fromhex('608648016503040202'), bytes.fromhex('608648016503040203')
MESSAGE_DIGEST = bytes.fromhex('2a864886f70d010904')
RSA = bytes.fromhex('2a864886f70d010101')
DENIED, PROTOCOL, TIMEOUT = 500, 802, 403
ANSWER_MAX_S = 60
ENOUGH = 50 # answers, or nothing was tried
IDS = {'alice': '01', 'bob': '02'}


def say(good, text, *details):
    print('%s %s' % ('pass' if good else 'fail', text), *([] if good else ['::'] + [str(d)[:1500].replace('\n', ' ') for d in details]), flush=True)


class Person:
    def __init__(self, folder, name):
        with open(os.path.join(folder, name + '.pem'), 'rb') as file:
            certificate = x509.load_pem_x509_certificate(file.read())
        self.public = certificate.public_key()
        self.key = hashlib.sha256(self.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
        self.certificate = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
        self.name = sequence(certificate.issuer.public_bytes(), integer(certificate.serial_number))

    def signed(self, reply, digest):
        """Whether a SignReply is a signature over this digest that verifies."""
        info = parts(parse(parts(parse(reply)[1])[0][1])[1])
        attributes = next(content for tag, content in info if tag == 0xa0)
        signature = [content for tag, content in info if tag == 4][-1]
        found = [content for _, content in parts(attributes) if parts(content)[0][1] == MESSAGE_DIGEST]
        if len(found) != 1 or parts(found[0])[1][1] != octets(digest):
            return False
        how = (padding.PKCS1v15(), HASH256()) if self.name_of_kind() == 'RSA' else (ec.ECDSA(HASH256()),)
        try:
            self.public.verify(signature, tlv(0x31, attributes), *how)
        except InvalidSignature:
            return False
        return True

    def name_of_kind(self):
        return 'EC' if isinstance(self.public, ec.EllipticCurvePublicKey) else 'RSA'

    def recipient(self, cek):
        """A RecipientInfo for a content-encryption key, or (None) one whose padding is wrong."""
        size = self.public.key_size // 8
        opened = self.public.encrypt(cek, padding.PKCS1v15()) if cek else bytes(1) + os.urandom(size - 1)
        return sequence(integer(0), self.name, sequence(oid(RSA), tlv(5, b'')), octets(opened))


# ---- Requests ----

class Asked:
    """A request, what may come back, and what has."""

    def __init__(self, kind, make, judge, **known):
        self.kind, self.make, self.judge, self.known = kind, make, judge, known
        self.answers, self.word = 0, None

    def take(self, kind, body):
        self.answers += 1
        self.word = error_code(body) if kind == ERROR else self.judge(kind, body)


def plain(kind, wanted, make):
    return lambda load: Asked(kind, make, lambda got, body: 'ok' if got == wanted else 'wrong')


def signing(name, algorithm=SHA256, size=32):
    def made(load):
        person, digest = load.people[name], load.dice.randbytes(size)
        # Another digest than SHA-256 is either denied or agreed to; the attributes are hashed with it then.
        judge = (lambda kind, body: 'ok' if kind == R_SIGN and (size != 32 or person.signed(body, digest)) else 'wrong')
        return Asked('sign', lambda number: sign(number, person.key, digest, algorithm), judge, key=name, name=digest.hex(), bits=8 * size)
    return made


def decrypting(good):
    def made(load):
        alice, cek = load.people['alice'], load.dice.randbytes(32)
        info = alice.recipient(cek if good else None)
        body = sequence(octets(alice.key), oid(ENVELOPED), sequence(oid(AES256_CBC), octets(bytes(16))), octets(info))

        def judge(kind, reply):
            got = parts(parse(reply)[1])[0][1] if kind == R_DECRYPT else b''
            return 'ok' if len(got) == 32 and (got == cek) == good else 'wrong'
        return Asked('decrypt', lambda number: request(number, DECRYPT, body), judge, key='alice', name=hashlib.sha256(info).hexdigest())
    return made


def of_certificate(load):
    return Asked('certificate', lambda number: request(number, CERTIFICATE, sequence(octets(load.people['alice'].certificate))),
                 lambda kind, body: 'ok' if kind == R_CERTIFICATE else 'wrong')


def explaining(load):
    key = load.people[load.dice.choice(['alice', 'bob'])].key
    return Asked('explain', lambda number: request(number, EXPLAIN, sequence(integer(0), explicit(0, octets(key)), integer(0))),
                 lambda kind, body: 'ok' if kind == R_EXPLAIN else 'wrong')


def of_nobody(load):
    return Asked('unknown key', lambda number: sign(number, bytes(32), bytes(32)), lambda kind, body: 'wrong')


def malformed(load):
    body = sequence(octets(load.people['alice'].key), oid(ENVELOPED), sequence(oid(AES256_CBC), octets(bytes(16))), octets(b'\x30\x00'))
    return Asked('malformed', lambda number: request(number, DECRYPT, body), lambda kind, reply: 'wrong')


# With how often each is asked for.
KINDS = [
    (20, signing('alice')), (20, signing('bob')), (10, decrypting(True)), (6, decrypting(False)),
    (5, signing('bob', SHA512, 64)),   # denied
    (1, signing('bob', SHA384, 48)),   # somebody is asked
    (5, of_nobody), (3, malformed), (6, of_certificate), (6, explaining),
    (6, plain('list', R_LIST, listing)), (6, plain('status', R_STATUS, status)), (4, plain('intermediates', R_ANCHORS, intermediates)),
    (4, plain('anchors', R_ANCHORS, lambda number: request(number, ANCHORS, sequence(integer(0))))),
    (3, plain('unlock', R_DONE, unlock)), (1, plain('lock', R_DONE, lock)),
    (1, plain('reload', R_DONE, lambda number: request(number, RELOAD, tlv(5, b'')))),
]


# ---- Clients ----

class Client(threading.Thread):
    """One connection after another; ids that no other connection has."""

    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load, self.next_id = load, number * 10000000

    def run(self):
        try:
            while self.load.goes_on():
                self.connection()
        except Exception as problem:
            self.load.note('a client ends', '%s: %r' % (type(problem).__name__, problem))

    def connection(self):
        load, dice = self.load, self.load.dice
        try:
            connection = Connection(load.socket, ANSWER_MAX_S).greet()
        except (OSError, EOFError, AssertionError) as problem:
            if not load.dies:
                load.note('no connection', repr(problem))
            load.over = load.dies
            return
        with load.lock:
            load.connections += 1
        try:
            while load.goes_on() and self.burst(connection, dice):
                pass
            if self.is_open:
                self.quiet(connection)
        finally:
            connection.close()

    def burst(self, connection, dice):
        """Requests ahead of their answers. False: the connection has ended, in whichever way it was to."""
        load, open_, data = self.load, {}, b''
        for _ in range(dice.choice([1, 2, 5, 10, 16, 30])):
            self.next_id += 1
            asked = dice.choices([make for _, make in KINDS], [weight for weight, _ in KINDS])[0](load)
            open_[self.next_id] = asked
            data += frame(asked.make(self.next_id))
        load.keep(open_)
        last = next(reversed(open_))
        ending = dice.choices(['all', 'leave', 'half', 'broken', 'twice'], [80, 12, 4, 2, 2])[0]
        data += {'half': data[:7], 'broken': frame(b'\x30\x03\x02\x01'), 'twice': frame(status(last)) * 2}.get(ending, b'')
        self.is_open = False
        leave_after = dice.randrange(len(open_)) if ending in ('leave', 'half') else None
        told = 0
        try:
            connection.send_raw(data)
            while any(not asked.answers for asked in open_.values()) or ending in ('broken', 'twice'):
                if leave_after is not None and told >= leave_after:
                    return False
                number, kind, body = connection.receive()
                if number == 0 and ending in ('broken', 'twice'):
                    if kind != ERROR or error_code(body) != PROTOCOL or not connection.closed():
                        load.note('a broken frame is told and ends the connection', (kind, body))
                    return False
                # Of what was sent twice the second one may be read once the first is answered, and is another request then.
                if number == last and ending == 'twice' and open_[last].answers:
                    continue
                if number not in open_ or open_[number].answers:
                    load.note('an answer that nobody has asked for here', (number, kind, [*open_][:3]))
                    return False
                open_[number].take(kind, body)
                told += 1
                with load.lock:
                    load.answered += 1
                if ending == 'twice' and all(asked.answers for asked in open_.values()):
                    return False
        except TimeoutError:
            load.note('no answer within %d s' % ANSWER_MAX_S, {n: a.kind for n, a in open_.items() if not a.answers})
            return False
        except (OSError, EOFError):
            if not load.dies:
                load.note('the agent has closed a connection', ending)
            load.over = load.dies
            return False
        self.is_open = True
        return ending == 'all'

    def quiet(self, connection):
        """Nothing comes behind the last answer."""
        connection.socket.settimeout(0.05)
        try:
            self.load.note('more than the answers', connection.socket.recv(100))
        except TimeoutError:
            pass


class Watcher(threading.Thread):
    """Is told events, all with the id of its one request."""

    def __init__(self, load):
        super().__init__(daemon=True)
        self.load, self.events = load, 0

    def run(self):
        try:
            connection = Connection(self.load.socket, ANSWER_MAX_S).greet()
            connection.send(subscribe(7))
            while self.load.goes_on():
                if not select.select([connection.socket], [], [], 1)[0]:
                    continue
                number, kind, _ = connection.receive()
                self.events += 1
                if (number, kind) != (7, R_EVENT):
                    self.load.note('a watcher gets something else', (number, kind))
            connection.close()
        except (OSError, EOFError):
            if not self.load.dies:
                self.load.note('a watcher is left', '')


def descendants(pid):
    try:
        with open('/proc/%d/task/%d/children' % (pid, pid)) as file:
            found = [int(word) for word in file.read().split()]
    except OSError:
        return []
    return found + [below for child in found for below in descendants(child)]


def comm(pid):
    try:
        with open('/proc/%d/comm' % pid) as file:
            return file.read().strip()
    except OSError:
        return ''


class Load:
    def __init__(self, path, folder, name, seconds, clients, what='', pid=0):
        self.socket, self.folder, self.name, self.dies = path, folder, name, what == 'dies'
        self.people = {name: Person(folder, name) for name in IDS}
        self.dice, self.lock = random.Random(), threading.Lock()
        self.begin = time.monotonic()
        self.end = self.begin + float(seconds)
        self.over, self.connections, self.kills, self.answered = False, 0, 0, 0
        self.watcher = Watcher(self)
        self.asked, self.wrong = [], {}
        self.clients = [Client(self, number) for number in range(1, int(clients) + 1)]
        self.victim = int(pid) if what == 'kill' else 0

    def is_enough(self):
        return self.answered > ENOUGH and self.watcher.events > 0

    def goes_on(self):
        """For the time that was said, and longer on a machine that is so slow that next to nothing was asked for."""
        left = self.end - time.monotonic()
        return not self.over and (left > 0 or left > -ANSWER_MAX_S and not self.is_enough())

    def tell_enough(self):
        while self.goes_on() and not self.is_enough():
            time.sleep(0.05)
        open(os.path.join(self.folder, 'enough-' + self.name), 'w').close()

    def note(self, what, detail):
        with self.lock:
            self.wrong.setdefault(what, []).append(detail)

    def keep(self, requests):
        with self.lock:
            self.asked.extend(requests.values())

    def kill_some(self):
        while time.monotonic() < self.end:
            time.sleep(self.dice.uniform(0.8, 2))
            tokens = [pid for pid in descendants(self.victim) if comm(pid) == 'smime-token']
            if not tokens:
                continue
            try:
                os.kill(self.dice.choice(tokens), signal.SIGKILL)
                self.kills += 1
            except ProcessLookupError: # it has ended by itself
                pass

    def run(self):
        for thread in [self.watcher, *self.clients]:
            thread.start()
        if self.victim:
            self.kill_some()
        self.tell_enough()
        for client in self.clients:
            client.join(ANSWER_MAX_S + 20)
        answered = [asked for asked in self.asked if asked.answers]
        say(not self.wrong, 'I1: %s: each request has one answer on its own connection, or the connection ends' % self.name, self.wrong)
        wrong = [(asked.kind, asked.known) for asked in answered if asked.word == 'wrong']
        say(not wrong, 'I1: %s: each answer is the one to its own request' % self.name, wrong[:5])
        say(len(answered) > ENOUGH and self.watcher.events > 0, '%s: much was asked for' % self.name, len(answered), self.watcher.events)
        counts = {}
        for asked in self.asked:
            word = 'unanswered' if not asked.answers else 'ok' if asked.word == 'ok' else 'refused'
            counts.setdefault(word, 0)
            counts[word] += 1
        print('%s: %d requests on %d connections in %.0f s: %s; %d events, %d token processes killed' % (self.name, len(self.asked),
              self.connections, time.monotonic() - self.begin, ', '.join('%d %s' % (n, w) for w, n in sorted(counts.items())), self.watcher.events, self.kills))
        with open(os.path.join(self.folder, 'load-%s.json' % self.name), 'w') as file:
            json.dump([dict(asked.known, kind=asked.kind, word=asked.word) for asked in self.asked if asked.known], file)


# ---- Judging ----

def intents(directory):
    """The records that are about a key, and which of them a crash is behind."""
    found, results, denied, crashed = [], {}, [], -1
    paths = sorted(glob.glob(os.path.join(directory, 'audit-*.jsonl'))) + [os.path.join(directory, 'audit.jsonl')]
    for line in (line for path in paths for line in open(path, 'rb')):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record['kind'] == 'intent':
            found.append(record)
        elif record['kind'] == 'result':
            results.setdefault(record['intent'], []).append(record)
        elif record['kind'] == 'denied':
            denied.append(record)
        elif record['kind'] == 'start' and record['after'] == 'crash':
            crashed = record['seq']
    return found, results, denied, crashed


def name_of(record):
    return record['digest']['value'] if record['operation'] == 'sign' else record['recipient_info']


def judge(folder, audit, log, typed):
    people = {name: Person(folder, name) for name in IDS}
    asked = [one for path in glob.glob(os.path.join(folder, 'load-*.json')) for one in json.load(open(path))]
    found, results, denied, crashed = intents(audit)
    about_keys = [record for record in found if record['operation'] in ('sign', 'decrypt')]
    by_name = {}
    for record in about_keys:
        by_name.setdefault((name_of(record), record['key']), []).append(record['seq'])

    def goods(one):
        named = by_name.get((one['name'], people[one['key']].key.hex()), [])
        good = [r for n in named for r in results.get(n, []) if r['outcome']['result'] == 'ok' and r['seq'] > n]
        return len(good)
    got = [one for one in asked if one['word'] == 'ok']
    bad = [one for one in got if goods(one) != 1]
    say(got and not bad, 'I2: each of %d signatures and keys that clients got has an intent and one good result' % len(got), len(bad), bad[:3])
    numbers = {record['seq'] for record in found}
    bad = [n for n, r in results.items() if len(r) != 1 or n not in numbers]
    say(not bad, 'I2: no intent has two results, and no result is of none', bad[:5])
    left = [record['seq'] for record in found if record['seq'] not in results and record['seq'] > crashed]
    say(not left, 'I2: only an agent that was killed leaves an intent without a result', left[:5])
    refused = [one for one in asked if one['word'] == DENIED and one.get('bits') == 512]
    named = {name_of(record) for record in denied if record['operation'] == 'sign' and 'key' in record}
    bad = [one for one in refused if one['name'] not in named]
    say(refused and not bad, 'I2: each of %d denials is in the log' % len(refused), len(bad))
    bad = [one for one in asked if one.get('bits') == 512 and one['word'] == 'ok']
    say(not bad, 'I6: nothing comes of what the policy denies', bad[:3])

    operations, logins = [], []
    for line in open(log):
        words = line.split()
        if words[:1] == ['operation']:
            operations.append((words[2], int(words[3])))
        elif words[:1] == ['login']:
            logins.append(words[2])
    # The clocks are read one after the other, and whoever is interrupted in between finds less.
    since_boot = max(time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic() for _ in range(100))
    for name, person in people.items():
        begun = sorted(moment for key, moment in operations if key == IDS[name])
        named = sorted(record['monotonic'] / 1000 - since_boot * 1e6 for record in about_keys if record['key'] == person.key.hex())
        good = sum(1 for record in about_keys if record['key'] == person.key.hex()
                   for r in results.get(record['seq'], []) if r['outcome']['result'] == 'ok')
        say(begun and len(named) >= len(begun) >= good, 'I2: %s: %d operations that the module has counted, no more than intents, no less than good results' % (
            name, len(begun)), len(named), good)
        # 10 ms, since two clocks are compared that were not read at one moment.
        late = [i for i, moment in enumerate(begun) if i >= len(named) or named[i] > moment + 10000]
        say(not late, 'I2: %s: and each of them has its intent before it' % name, late[:5])
    wrong = logins.count('a0')
    say(logins and wrong <= int(typed), 'I5: of %d logins no more than the %s wrong PINs that were typed were wrong' % (len(logins), typed), wrong)
    late = sum(1 for rs in results.values() for r in rs if r['outcome'].get('code') == TIMEOUT)
    print('%d wrong PINs reached the token, %s were typed; %d intents, %d denied, %d timed out' % (wrong, typed, len(found), len(denied), late))


if sys.argv[1] == 'run':
    Load(*sys.argv[2:]).run()
else:
    judge(*sys.argv[2:])
