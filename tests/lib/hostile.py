# SPDX-License-Identifier: LGPL-2.1-or-later
"""An agent between a healthy token and a module that has faults on command: what its clients get, and what the other token feels.

    hostile.py table    a line for each fault on standard input; prints `pass` and `fail` lines
    hostile.py sweep [STRIDE]   every function that a token process calls, with every fault in turn (of them every STRIDE-th); prints
                                a table, then the same lines

In the environment: SMIME_AGENT_SOCK, AGENT_PID, FAULTY_CONTROL, and WORK, a directory with alice.pem, bob.pem and mail. tests/lib/hostile.sh
makes them. A line of the table is NAME | WHEN | SIGN DECRYPT | PATTERN | COMMAND; COMMAND ...

    WHEN      running: the token process is there and logged in; start: it is started into the fault; relock: so too, and what it
              believes then is wrong but possible, so that it takes another start to be rid of it
    SIGN      works, fails or any: what becomes of signatures. A signature that leaves is verified with OpenSSL, whatever is expected.
    DECRYPT   the same of decryption; fake: a key comes that opens nothing, as for bad padding; one-fails: that of the RSA key or both
    PATTERN   what the words of the failed signature must match
    COMMAND   for the module; see tests/module/faulty-module.c
"""
import hashlib
import os
import re
import statistics
import subprocess
import sys
import threading
import traceback

from wire import *

WORK = os.environ['WORK']
CONTROL = os.environ['FAULTY_CONTROL']
PID = int(os.environ['AGENT_PID'])
SOCKET = os.environ['SMIME_AGENT_SOCK']
DATA, SIGNED = bytes.fromhex('2a864886f70d010701'), bytes.fromhex('2a864886f70d010702')
CONTENT = b'What is signed.\r\n'
FAULTY, HEALTHY = 'demo', 'wide'
ANSWER_MAX_S, RECOVERY_MAX_S, LOST_S = 30, 20, 11
LONGEST_MS = 10000
RSA_DECRYPTION = 12 # number of the request that C_Decrypt serves; the other one is an agreement
INTEGRITY = 104 # what comes of a shared secret that is wrong


def path(name):
    return os.path.join(WORK, name)


def openssl(*arguments):
    return subprocess.run(['openssl', *arguments], capture_output=True)


# ---- The module ----

def sick(*commands):
    with open(CONTROL + '.new', 'w') as file:
        file.write('\n'.join(commands) + '\n')
    os.rename(CONTROL + '.new', CONTROL)


def loads():
    """How often the module was loaded since the beginning."""
    with open(CONTROL + '.log') as file:
        return sum(line.strip().isdigit() for line in file)


# ---- Requests and what comes back ----

def verifies(reply, certificate):
    """Whether a SignReply is a signature of CONTENT with this certificate, as OpenSSL sees it."""
    (_, info), (_, certificates) = parts(parse(reply)[1])
    algorithm = tlv(0x30, parts(parse(info)[1])[2][1])
    included = b''.join(content for _, content in parts(certificates))
    signed = sequence(integer(1), tlv(0x31, algorithm), sequence(oid(DATA)), tlv(0xa0, included), tlv(0x31, info))
    with open(path('signature'), 'wb') as file:
        file.write(sequence(oid(SIGNED), explicit(0, signed)))
    return openssl('cms', '-verify', '-binary', '-noverify', '-nointern', '-certfile', path(certificate), '-inform', 'DER', '-in',
                   path('signature'), '-content', path('content')).returncode == 0


class Envelope:
    """A message that OpenSSL has encrypted for somebody."""

    def __init__(self, certificate):
        made = openssl('cms', '-encrypt', '-aes256', '-binary', '-outform', 'DER', '-in', path('content'), path(certificate)).stdout
        enveloped = parts(parts(parts(parse(made)[1])[1][1])[0][1])
        self.recipient = tlv(*parts(enveloped[1][1])[0])
        content = parts(enveloped[2][1])
        self.algorithm = tlv(*content[1])
        self.iv, self.octets = parts(content[1][1])[1][1], content[2][1]

    def opens(self, key):
        with open(path('octets'), 'wb') as file:
            file.write(self.octets)
        opened = openssl('enc', '-d', '-aes-256-cbc', '-K', key.hex(), '-iv', self.iv.hex(), '-in', path('octets'))
        return opened.returncode == 0 and opened.stdout == CONTENT


class Outcome:
    """What one request has come to: its frames, and one word."""

    def __init__(self):
        self.frames, self.word, self.text, self.code = 0, 'nothing', '', 0

    def take(self, kind, body, good):
        self.frames += 1
        if kind == ERROR:
            self.code = error_code(body)
            self.word = 'fails' if self.code // 100 == 4 or self.code == INTEGRITY else 'wrong'
            self.text = parts(parse(body)[1])[1][1].decode()
        else:
            self.word = good(kind, body)


class Lab:
    def __init__(self):
        self.lost_until = 0
        with open(path('content'), 'wb') as file:
            file.write(CONTENT)
        self.envelopes = {name: Envelope(name + '.pem') for name in ('alice', 'bob')}
        connection = self.connect()
        self.keys = {label: key for key, label in keys(connection)}
        self.token = self.find_token(connection)
        connection.close()
        digest = hashlib.sha256(CONTENT).digest()
        self.requests = {
            10: ('sign', sign(10, self.keys['alice'], digest), self.judge_signature('alice.pem')),
            11: ('sign', sign(11, self.keys['bob'], digest), self.judge_signature('bob.pem')),
            RSA_DECRYPTION: ('decrypt', self.decrypt(RSA_DECRYPTION, 'alice'), self.judge_key('alice')),
            13: ('decrypt', self.decrypt(13, 'bob'), self.judge_key('bob')),
            14: ('unlock', unlock_token(14, self.token), lambda kind, body: 'works' if kind == R_DONE else 'wrong'),
        }

    def connect(self):
        return Connection(SOCKET, ANSWER_MAX_S).greet()

    @staticmethod
    def find_token(connection):
        _, _, body = connection.ask(status(3))
        for _, line in parts(parts(parse(body)[1])[5][1]):
            token = parts(parts(line)[0][1])
            if token[1][1].decode() == FAULTY:
                return token[0][1].hex()
        raise LookupError(FAULTY)

    def decrypt(self, number, name):
        envelope = self.envelopes[name]
        return request(number, DECRYPT, sequence(octets(self.keys[name]), oid(ENVELOPED), envelope.algorithm, octets(envelope.recipient)))

    @staticmethod
    def judge_signature(certificate):
        return lambda kind, body: 'works' if kind == R_SIGN and verifies(body, certificate) else 'wrong'

    def judge_key(self, name):
        def judge(kind, body):
            if kind != R_DECRYPT:
                return 'wrong'
            return 'works' if self.envelopes[name].opens(parts(parse(body)[1])[0][1]) else 'fake'
        return judge

    def attempt(self, *wanted):
        """Asks for all of it at once, and counts what comes back, also what comes too late."""
        outcomes = {number: Outcome() for number in wanted}
        connection = self.connect()
        connection.send_raw(b''.join(frame(self.requests[number][1]) for number in wanted))
        answers = []
        try:
            while len(answers) < len(wanted):
                answers.append(connection.receive())
            connection.socket.settimeout(0.05)
            while True:
                answers.append(connection.receive())
        except (EOFError, ConnectionError, TimeoutError):
            pass
        connection.close()
        for number, kind, body in answers:
            outcomes.setdefault(number, Outcome()).take(kind, body, self.requests[number][2] if number in self.requests else None)
        return outcomes

    def lock(self):
        connection = self.connect()
        connection.ask(lock_token(2, self.token))
        connection.close()

    def recover(self):
        """How many seconds it takes until a signature is made again; None: too many."""
        begin = time.monotonic()
        while time.monotonic() - begin < RECOVERY_MAX_S:
            if self.attempt(10)[10].word == 'works':
                return time.monotonic() - begin
            time.sleep(0.05)
        return None


class Neighbour:
    """Uses the healthy token, in threads of its own, and measures."""

    OPERATIONS = ('sign', 'status', 'keys')

    def __init__(self, lab):
        self.key = lab.keys['p384']
        self.times = {name: [] for name in self.OPERATIONS}
        self.failures = []
        self.working = threading.Event()
        for name in self.OPERATIONS:
            threading.Thread(target=self.run, args=(name, lab), daemon=True).start()

    def run(self, name, lab):
        message, good = {
            'sign': (sign(2, self.key, bytes(32)), R_SIGN),
            'status': (status(2), R_STATUS),
            'keys': (listing(2), R_LIST),
        }[name]
        connection = lab.connect()
        while True:
            self.working.wait()
            begin = time.monotonic()
            try:
                kind = connection.ask(message)[1]
            except (EOFError, OSError) as problem:
                kind, connection = repr(problem), lab.connect()
            self.times[name].append(time.monotonic() - begin)
            if kind != good:
                self.failures.append((name, kind))
            time.sleep(0.02)

    def begin(self):
        self.times = {name: [] for name in self.OPERATIONS}
        self.failures = []
        self.working.set()

    def end(self):
        """The median and the longest time of each operation, in milliseconds."""
        limit = time.monotonic() + ANSWER_MAX_S
        while not all(self.times.values()) and time.monotonic() < limit:
            time.sleep(0.02)
        self.working.clear()
        return {name: (statistics.median(found) * 1000, max(found) * 1000) if found else (1e9, 1e9)
                for name, found in ((name, list(found)) for name, found in self.times.items())}


# ---- Tables ----

def say(good, text, *details):
    print('%s %s' % ('pass' if good else 'fail', text), *([] if good else ['::'] + [str(d) for d in details]), flush=True)


def run_client():
    """A signature with the command: its exit code and its words, or why they will not do."""
    made = path('signed')
    done = subprocess.run(['smime', 'sign', '-k', 'alice@example.org', '-i', path('mail'), '-o', made], capture_output=True, text=True)
    if done.returncode == 0:
        good = openssl('cms', '-verify', '-noverify', '-in', made, '-certfile', path('alice.pem'), '-nointern').returncode == 0
        return 'works' if good else 'wrong', ''
    lines = done.stderr.splitlines()
    good = done.returncode == 4 and len(lines) == 1 and lines[0].startswith('smime')
    return ('fails' if good else 'exit code %d' % done.returncode), done.stderr


def usual(found, baseline):
    """Ten times the usual and some for a machine that is busy."""
    return all(found[name][0] <= 10 * baseline[name][0] + 300 and found[name][1] <= LONGEST_MS for name in found)


class Case:
    def __init__(self, line):
        self.name, self.when, expected, self.pattern, commands = (part.strip() for part in line.split(' | ', 4))
        self.sign, self.decrypt = expected.split()
        self.commands = [command.strip() for command in commands.split(';')]

    def expected(self, operation, word):
        wanted = {'sign': self.sign, 'decrypt': self.decrypt}.get(operation, 'any')
        if word not in ('works', 'fails', 'fake') or (word == 'fake' and wanted not in ('fake', 'any')):
            return False
        # Of two keys one may have the fault, and a key that is agreed on has no padding to be wrong.
        return wanted == 'any' or word == wanted or (wanted in ('fake', 'one-fails') and word in ('works', 'fails'))

    def run(self, lab, neighbour, baseline):
        client, begin, before = [], time.monotonic(), loads()
        sick(*self.commands)
        if self.when != 'running':
            lab.lock()
        neighbour.begin()
        thread = threading.Thread(target=lambda: client.append(run_client()))
        thread.start()
        outcomes = lab.attempt(*lab.requests)
        thread.join()
        found, failures, attempts = neighbour.end(), neighbour.failures, 1
        # What the machine did just then it does not do three times; a fault does.
        for _ in range(2):
            if not usual(found, baseline):
                neighbour.begin()
                lab.attempt(*lab.requests)
                found = neighbour.end()
                failures += neighbour.failures
                attempts += 1
        took = time.monotonic() - begin
        self.judge(lab, outcomes, client[0])
        say(usual(found, baseline) and not failures, self.name + ': the other token is at its usual speed', found, baseline, failures)
        sick()
        if self.when == 'relock':
            lab.lock()
        again = lab.recover()
        say(again is not None and os.path.exists('/proc/%d' % PID), self.name + ': well again, it is used again')
        print('#   %s: %s, %.1f s, again after %.1f s, %d starts' % (self.name, ' '.join(o.word for o in outcomes.values()), took,
              again or -1, loads() - before), flush=True)
        # For a while every request looks for a token that has gone.
        if any('not there any more' in o.text for o in outcomes.values()):
            lab.lost_until = time.monotonic() + LOST_S
        if time.monotonic() > lab.lost_until:
            say(loads() - before <= 8 * attempts + 4 * (took + (again or RECOVERY_MAX_S)), self.name + ': it is not started more often than it should', loads() - before)

    def judge(self, lab, outcomes, client):
        told = {number: (o.word, o.code, o.text) for number, o in outcomes.items()}
        say(all(o.frames == 1 for o in outcomes.values()) and len(outcomes) == len(lab.requests),
            self.name + ': every request gets one answer', {n: o.frames for n, o in outcomes.items()})
        good = all(number in lab.requests and self.expected(lab.requests[number][0], o.word) for number, o in outcomes.items())
        if self.decrypt == 'one-fails':
            good = good and outcomes[RSA_DECRYPTION].word == 'fails'
        word, text = client
        say(good and self.expected('sign', word), self.name + ': every answer is right', told, client)
        failed = [o.text for n, o in outcomes.items() if o.word == 'fails' and n in (10, 11)] + [text] * (word == 'fails')
        say(all(failed) and all(re.search(self.pattern, t) for t in failed), self.name + ': the words of a failure say what it is', failed)


def descriptors():
    try:
        return len(os.listdir('/proc/%d/fd' % PID))
    except PermissionError:
        return None


def settled_descriptors(limit):
    """The number of the core's descriptors, once it is no more than this or time is over."""
    end = time.monotonic() + 10
    while (found := descriptors()) is not None and found > limit and time.monotonic() < end:
        time.sleep(0.1)
    return found


def table():
    lab = Lab()
    say(lab.recover() is not None, 'a module that is well is used')
    neighbour = Neighbour(lab)
    neighbour.begin()
    time.sleep(1)
    baseline = neighbour.end()
    before = settled_descriptors(0)
    for line in sys.stdin:
        if line.strip() and not line.startswith('#'):
            Case(line).run(lab, neighbour, baseline)
    if before is None:
        print('skip the core holds no more descriptors than before :: the agent may be looked at by root alone', flush=True)
    else:
        after = settled_descriptors(before)
        say(after <= before, 'the core holds no more descriptors than before', before, after)


# ---- Every function, every fault ----

CODES = {
    '1': 'CKR_CANCEL', '2': 'CKR_HOST_MEMORY', '3': 'CKR_SLOT_ID_INVALID', '5': 'CKR_GENERAL_ERROR', '6': 'CKR_FUNCTION_FAILED',
    '7': 'CKR_ARGUMENTS_BAD', '12': 'CKR_ATTRIBUTE_TYPE_INVALID', '20': 'CKR_DATA_INVALID', '30': 'CKR_DEVICE_ERROR',
    '31': 'CKR_DEVICE_MEMORY', '32': 'CKR_DEVICE_REMOVED', '40': 'CKR_ENCRYPTED_DATA_INVALID', '54': 'CKR_FUNCTION_NOT_SUPPORTED',
    '63': 'CKR_KEY_TYPE_INCONSISTENT', '70': 'CKR_MECHANISM_INVALID', '82': 'CKR_OBJECT_HANDLE_INVALID', '90': 'CKR_OPERATION_ACTIVE',
    '91': 'CKR_OPERATION_NOT_INITIALIZED', 'a0': 'CKR_PIN_INCORRECT', 'a4': 'CKR_PIN_LOCKED', 'b1': 'CKR_SESSION_COUNT',
    'b3': 'CKR_SESSION_HANDLE_INVALID', 'e0': 'CKR_TOKEN_NOT_PRESENT', '101': 'CKR_USER_NOT_LOGGED_IN', '150': 'CKR_BUFFER_TOO_SMALL',
    '191': 'CKR_CRYPTOKI_ALREADY_INITIALIZED', '80000001': "a vendor's", '7eadbeef': "nobody's",
}
FAULTS = ['segv', 'segv =2', 'segv =5', 'hang', 'hang =2', 'hang =5'] + ['fails ' + code for code in CODES] + ['fails 30 =%d' % n for n in (2, 3, 5, 9)]


def functions_called(lab):
    """What the module is asked for by scans, starts and operations, by its own trace."""
    sick('trace')
    lab.lock()
    lab.attempt(*lab.requests)
    keys(lab.connect())
    with open(CONTROL + '.log') as file:
        called = {line.split()[0] for line in file if line.startswith('C_')}
    sick()
    lab.recover()
    return sorted(called)


class Row:
    """What became of the requests of one function."""

    HEAD = ('function', 'faults', 'requests', 'answers', 'done', 'refused', 'other key', 'wrong', 'slowest answer', 'slowest recovery', 'starts')

    def __init__(self, function):
        self.function, self.faults, self.requests, self.answers, self.starts = function, 0, 0, 0, 0
        self.words = dict.fromkeys(('works', 'fails', 'fake', 'wrong', 'nothing'), 0)
        self.slowest, self.recovery = 0.0, 0.0

    def add(self, outcomes, took, again, starts):
        self.faults += 1
        self.requests += len(outcomes)
        self.answers += sum(o.frames for o in outcomes.values())
        for outcome in outcomes.values():
            self.words[outcome.word] += 1
        self.slowest, self.starts = max(self.slowest, took), self.starts + starts
        self.recovery = max(self.recovery, RECOVERY_MAX_S if again is None else again)

    def join(self, other):
        for name in ('faults', 'requests', 'answers', 'starts'):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for word in self.words:
            self.words[word] += other.words[word]
        self.slowest, self.recovery = max(self.slowest, other.slowest), max(self.recovery, other.recovery)

    def line(self):
        words = self.words
        return (self.function, self.faults, self.requests, self.answers, words['works'], words['fails'], words['fake'], words['wrong'] + words['nothing'],
                '%.1f s' % self.slowest, '%.1f s' % self.recovery, self.starts)


def one_fault(lab, row, fault, bad):
    """A fault from the start of the token process on: every request has one answer, none is wrong, and then all is well again."""
    before = loads()
    sick('%s %s' % (row.function, fault))
    lab.lock()
    begin = time.monotonic()
    outcomes = lab.attempt(*lab.requests)
    took = time.monotonic() - begin
    sick()
    again = lab.recover()
    # What it believed under the fault can be wrong, but possible: the next process knows better.
    if again is None:
        lab.lock()
        again = lab.recover()
        print('#   %s %s: takes a new process to recover' % (row.function, fault), flush=True)
    row.add(outcomes, took, again, loads() - before)
    told = {number: (o.frames, o.word, o.code, o.text) for number, o in outcomes.items()}
    if any(o.frames != 1 or o.word in ('wrong', 'nothing') for o in outcomes.values()):
        bad['answers'].append((row.function, fault, told))
    if any(o.word == 'fake' for n, o in outcomes.items() if row.function != 'C_Decrypt'):
        bad['keys'].append((row.function, fault, told))
    if again is None:
        bad['recovery'].append((row.function, fault, told))


def sweep(stride=1):
    lab = Lab()
    lab.recover()
    neighbour = Neighbour(lab)
    neighbour.begin()
    time.sleep(1)
    baseline = neighbour.end()
    cells = [(function, fault) for function in functions_called(lab) for fault in FAULTS][::int(stride)]
    rows, bad, begin = {}, {'answers': [], 'keys': [], 'recovery': []}, time.monotonic()
    descriptors_before = settled_descriptors(0)
    neighbour.begin()
    for function, fault in cells:
        one_fault(lab, rows.setdefault(function, Row(function)), fault, bad)
    found = neighbour.end()
    total = Row('all')
    for row in rows.values():
        total.join(row)
    for line in (Row.HEAD, ('---',) * len(Row.HEAD), *(row.line() for row in rows.values()), total.line()):
        print('#   | ' + ' | '.join(str(field) for field in line) + ' |')
    print('#   %d faults in %d s' % (total.faults, time.monotonic() - begin))
    for name in Neighbour.OPERATIONS:
        print('#   the other token, %s: %.1f ms (longest %.0f), usually %.1f ms' % (name, *found[name], baseline[name][0]))
    say(not bad['answers'], 'every request has one answer, and none is wrong', bad['answers'])
    say(not bad['keys'], 'no key comes that opens nothing but of a decryption that failed', bad['keys'])
    say(not bad['recovery'], 'well again, the module is used again', bad['recovery'])
    say(usual(found, baseline) and not neighbour.failures, 'the other token is at its usual speed', found, baseline, neighbour.failures)
    say(os.path.exists('/proc/%d' % PID), 'the core is the same')
    if descriptors_before is not None:
        after = settled_descriptors(descriptors_before)
        say(after <= descriptors_before, 'the core holds no more descriptors than before', descriptors_before, after)


if __name__ == '__main__':
    try:
        {'table': table, 'sweep': sweep}[sys.argv[1]](*sys.argv[2:])
    except Exception:
        say(False, 'every fault is tried', traceback.format_exc())
