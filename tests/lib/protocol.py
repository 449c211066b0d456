# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an agent does with wrong, hostile and too many frames: protocol.py SOCKET AGENT-PID PINENTRY. Prints `pass` and `fail` lines.

PINENTRY is the directory of the scripted pinentry; see tests/lib/pinentry.
"""
import os
import random
import struct
import subprocess
import sys
import threading
import time

from wire import *

PATH, PID, PINENTRY = sys.argv[1], int(sys.argv[2]), sys.argv[3]
IN_FLIGHT = 16
PROTOCOL, VERSION = 802, 302


def say(good, text, *details):
    print('%s %s' % ('pass' if good else 'fail', text), *([] if good else ['::'] + [repr(d) for d in details]), flush=True)


def alive():
    try:
        connection = Connection(PATH).greet()
        return connection.ask(status(2))[1] == R_STATUS
    except (OSError, EOFError, AssertionError):
        return False


def eventually(condition, seconds=20):
    """Whether it holds, as soon as it does."""
    limit = time.monotonic() + seconds
    while not (good := condition()) and time.monotonic() < limit:
        time.sleep(0.05)
    return good


def refused(message, raw=False, greet=True):
    """What the agent does with a message: the code of its error, 'closed', or the kind of its answer."""
    connection = Connection(PATH)
    if greet:
        connection.greet()
    try:
        connection.send_raw(message) if raw else connection.send(message)
        _, kind, body = connection.receive()
        return error_code(body) if kind == ERROR else 'answer %d' % kind
    except (EOFError, ConnectionError):
        return 'closed'
    except TimeoutError:
        return 'silence'
    finally:
        connection.close()


def check_refused(text, message, **how):
    got = refused(message, **how)
    say(got == PROTOCOL and alive(), text, got)


def requests():
    connection = Connection(PATH).greet()
    say(connection.ask(status(7))[:2] == (7, R_STATUS), 'an answer carries the id of its request')
    say(len(keys(connection)) == 2, 'list gives both keys')
    number, kind, body = connection.ask(request(9, CERTIFICATE, sequence(octets(b'\0' * 32))))
    say((number, kind, error_code(body)) == (9, ERROR, 420), 'an unknown certificate is an error of its own', kind, body)
    number, kind, body = connection.ask(sign(10, b'\0' * 32, b'\0' * 32))
    say((number, kind, error_code(body)) == (10, ERROR, 410), 'a sign request for an unknown key is an error of its own', kind, body)
    key = keys(connection)[0][0]
    _, kind, body = connection.ask(sign(11, key, b'\0' * 31))
    say(kind == ERROR, 'a digest of the wrong length is refused', kind)
    _, kind, body = connection.ask(sign(12, key, b'\0' * 20, bytes.fromhex('2b0e03021a')))
    say(kind == ERROR, 'SHA-1 is refused', kind)
    _, kind, body = connection.ask(sign(13, key, bytes(range(32))))
    say(kind == R_SIGN, 'a right one is answered', kind, body)
    decrypt = sequence(octets(key), oid(ENVELOPED), sequence(oid(AES256_CBC), octets(b'\0' * 16)), octets(b'\x30\x00'))
    _, kind, body = connection.ask(request(14, DECRYPT, decrypt))
    say(kind == ERROR, 'a RecipientInfo that is none is refused', kind)
    say(connection.ask(status(15))[1] == R_STATUS, 'and the connection goes on')
    connection.close()


def versions():
    got = refused(hello(version=99), greet=False)
    say(got == VERSION, 'another protocol version is refused', got)
    got = refused(status(1), greet=False)
    say(got == PROTOCOL, 'nothing is answered before hello', got)
    got = refused(hello(2))
    say(got == PROTOCOL, 'a second hello is refused', got)


def malformed():
    good = status(5)
    check_refused('a frame of length 0', struct.pack('>I', 0), raw=True)
    check_refused('a frame over 64 KiB', struct.pack('>I', 65537) + b'\x30' * 100, raw=True)
    check_refused('a frame of 4 GiB', b'\xff\xff\xff\xff' + b'\x30' * 100, raw=True)
    check_refused('64 KiB of zeros', b'\0' * 65536)
    check_refused('text instead of a frame', b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', raw=True)
    check_refused('a message cut short', good[:-1])
    check_refused('a message with an octet behind it', good + b'\0')
    check_refused('an unknown request', request(5, 30, tlv(5, b'')))
    check_refused('a length that is not the shortest', b'\x30\x81' + good[1:])
    check_refused('an indefinite length', b'\x30\x80' + good[2:] + b'\0\0')
    check_refused('an INTEGER with a leading zero', sequence(tlv(2, b'\0\5'), explicit(STATUS, tlv(5, b''))))
    check_refused('a negative id', sequence(tlv(2, b'\xff'), explicit(STATUS, tlv(5, b''))))
    check_refused('an id over 32 bits', sequence(tlv(2, b'\1\0\0\0\0'), explicit(STATUS, tlv(5, b''))))
    check_refused('a BOOLEAN that is 1', request(5, SIGN, sequence(octets(b'k' * 32), oid(SHA256), octets(b'd' * 32), tlv(1, b'\1'))))
    check_refused('a constructed OCTET STRING', request(5, CERTIFICATE, sequence(tlv(0x24, octets(b'a' * 16) + octets(b'b' * 16)))))
    check_refused('a field too many', request(5, LIST, sequence(integer(0), integer(0))))
    check_refused('a name of 2 KiB', request(1, HELLO, sequence(integer(1), utf8('x' * 2048))), greet=False)
    check_refused('a zero byte in a name', request(1, HELLO, sequence(integer(1), utf8('a\0b'))), greet=False)
    check_refused('a text that is no UTF-8', request(1, HELLO, sequence(integer(1), tlv(12, b'\xff\xfe'))), greet=False)
    check_refused('10,000 nested sequences', nest(10000))
    got = refused(request(5, CERTIFICATE, sequence(octets(b'a' * 31))))
    say(got != 'silence' and not str(got).startswith('answer') and alive(), 'a fingerprint of 31 octets', got)


def nest(depth):
    message = b''
    for _ in range(depth):
        message = tlv(0x30, message)
    return message


# One request of every type, with every field that it can have.
SEEDS = (
    request(1, HELLO, sequence(integer(1), utf8('wire.py'), *(explicit(i, utf8('field %d' % i)) for i in range(7)),
                                explicit(7, tlv(5, b'')))),
    listing(3, 1),
    request(3, CERTIFICATE, sequence(octets(b'c' * 32))),
    request(3, SIGN, sequence(octets(b'k' * 32), explicit(0, octets(b'c' * 32)), oid(SHA256), octets(b'd' * 32), boolean(False),
                              explicit(1, utf8('a@example.org')))),
    request(3, DECRYPT, sequence(octets(b'k' * 32), oid(ENVELOPED), sequence(oid(AES256_CBC), octets(bytes(16))), octets(b'\x30\x00'),
                                 explicit(0, octets(b'\x30\x00')))),
    unlock_token(3, '74' * 32),
    lock_token(3, '74' * 32),
    status(3),
    request(3, ANCHORS, sequence(integer(1))),
    subscribe(3),
    intermediates(3, 1, '74' * 32),
)


def mutations():
    """Every octet of a good request of each type changed, and random frames: any answer is fine, no crash is."""
    randomness = random.Random(1)
    kinds = [parts(parse(seed)[1])[1][0] & 0x1f for seed in SEEDS]
    say(kinds == [*range(SUBSCRIBE + 1), INTERMEDIATES], 'there is a request of every type to be mutated', kinds)
    for kind, seed in enumerate(SEEDS):
        good = refused(seed, greet=kind != HELLO)
        say(good not in (PROTOCOL, 'closed', 'silence'), 'request %d is understood as it is' % kind, good)
        for position in range(len(seed)):
            changed = bytearray(seed)
            changed[position] ^= 1 << randomness.randrange(8)
            refused(bytes(changed), greet=kind != HELLO)
        say(alive(), 'request %d: an agent that got it with each octet changed still answers' % kind)
    for _ in range(200):
        refused(randomness.randbytes(randomness.randrange(1, 300)))
    say(alive(), 'an agent that got 200 random frames still answers')


def slow():
    """The time limits, side by side since each takes its seconds."""
    silent, begun, idle = Connection(PATH), Connection(PATH).greet(), Connection(PATH).greet()
    start = time.monotonic()
    begun.send_raw(frame(status(2))[:6])
    times = {}

    def wait(name, connection):
        times[name] = time.monotonic() - start if connection.closed() else None

    threads = [threading.Thread(target=wait, args=item) for item in (('silent', silent), ('begun', begun))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say(times['silent'] is not None and 4 <= times['silent'] <= 9.5, 'hello must come within 5 s', times)
    say(times['begun'] is not None and 9 <= times['begun'] <= 18, 'a begun frame must be whole within 10 s', times)
    say(idle.ask(status(3))[1] == R_STATUS, 'an idle connection stays')


def connections_of_one():
    """64 connections for a process: the 65th is closed or refused."""
    held = [Connection(PATH).greet() for _ in range(64)]
    try:
        extra = Connection(PATH, 3)
        kind = extra.ask(hello())[1]
    except (EOFError, ConnectionError):
        kind = 'closed'
    say(kind in (ERROR, 'closed'), 'the 65th connection of a process is refused', kind)
    say(held[0].ask(status(2))[1] == R_STATUS, 'the 64 go on')
    for connection in held:
        connection.close()
    say(eventually(alive), 'after they end, there is room again')


HOLD = '''
import sys
from wire import *
held = []
try:
    for _ in range(60):
        held.append(Connection(sys.argv[1], 5).greet())
except (EOFError, ConnectionError, AssertionError):
    pass
print(len(held), flush=True)
sys.stdin.read()
'''


def connections_of_all():
    """256 in all: five processes ask for 60 each."""
    here = os.path.dirname(os.path.abspath(__file__))
    holders = [subprocess.Popen([sys.executable, '-c', HOLD, PATH], cwd=here, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
               for _ in range(5)]
    counts = [int(holder.stdout.readline()) for holder in holders]
    say(sum(counts) == 256, 'there are 256 connections at most', counts)
    for holder in holders:
        holder.stdin.close()
        holder.wait()
    say(eventually(alive), 'after they end, there is room again')


def flood():
    """More than 16 requests while a prompt is open: those over stay unread until there is room, and each gets exactly one answer."""
    connection, watch = Connection(PATH).greet(), Connection(PATH).greet()
    key = keys(connection)[0][0]
    with open(os.path.join(PINENTRY, 'answers')) as file:
        pin = file.read()
    with open(os.path.join(PINENTRY, 'answers'), 'w') as file:
        file.write('until flooded ' + pin)
    watch.ask(lock(3))
    connection.send_raw(b''.join(frame(sign(100 + i, key, bytes([i]) * 32)) for i in range(40)))
    say(await_queued(watch, IN_FLIGHT) == IN_FLIGHT, 'sixteen requests of a connection are in flight', queued(watch))
    time.sleep(0.3)
    say(queued(watch) == IN_FLIGHT, 'and no more', queued(watch))
    say(alive(), 'while the agent answers others')
    open(os.path.join(PINENTRY, 'flooded'), 'w').close()
    answers = []
    try:
        while len(answers) < 40:
            number, kind, body = connection.receive()
            answers.append((number, kind if kind != ERROR else error_code(body)))
    except (EOFError, ConnectionError, TimeoutError):
        pass
    say(sorted(answers) == [(100 + i, R_SIGN) for i in range(40)], 'I1: then each of the forty is served once', answers)
    say(await_queued(watch, 0) == 0, 'and nothing is left')


def pipelining():
    """A client that asks far ahead of what it reads is slowed down, not cut off."""
    connection = Connection(PATH).greet()
    sender = threading.Thread(target=connection.send_raw, args=(b''.join(frame(listing(i)) for i in range(1500)),), daemon=True)
    sender.start()
    time.sleep(0.3)
    answered = 0
    try:
        while answered < 1500 and connection.receive()[1] == R_LIST:
            answered += 1
    except (EOFError, ConnectionError, TimeoutError):
        pass
    say(answered == 1500, 'I1: 1500 requests ahead of what is read are all answered', answered)


def leave():
    """A client that goes away in the middle of its requests."""
    for _ in range(20):
        connection = Connection(PATH).greet()
        key = keys(connection)[0][0]
        connection.send_raw(b''.join(frame(sign(i, key, bytes(32))) for i in range(8)))
        connection.close()
    say(alive(), 'clients that leave with requests open do no harm')


def answers_in_pieces():
    connection = Connection(PATH).greet()
    for octet in frame(status(4)):
        connection.send_raw(bytes([octet]))
        time.sleep(0.005)
    say(connection.receive()[:2] == (4, R_STATUS), 'a frame may come octet by octet')
    connection.send_raw(frame(status(5)) + frame(status(6)))
    say({connection.receive()[0], connection.receive()[0]} == {5, 6}, 'two frames may come at once')


def no_descriptors():
    """A descriptor that a client passes is dropped: the agent holds no more of them than the connection and its process."""
    def count():
        return len(os.listdir('/proc/%d/fd' % PID))
    try:
        before = count()
    except PermissionError:
        print('skip descriptors that clients pass are dropped :: the agent may be looked at by root alone', flush=True)
        return
    connection = Connection(PATH).greet()
    with open('/dev/null', 'rb') as null:
        for _ in range(20):
            socket.send_fds(connection.socket, [frame(status(2))], [null.fileno()] * 8)
            try:
                connection.receive()
            except (EOFError, ConnectionError):
                connection = Connection(PATH).greet()
    say(count() <= before + 2, 'descriptors that clients pass are dropped', before, count())


for test in (requests, versions, malformed, answers_in_pieces, mutations, no_descriptors, flood, pipelining, leave, connections_of_one, connections_of_all, slow):
    try:
        test()
    except Exception as problem:
        say(False, test.__name__, problem)
