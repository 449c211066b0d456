#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a power failure leaves of an audit log, as `strace -f -x -y -s 2097152` has seen the agent write it: what was there when the last fdatasync
began that has come to its end.

disk.py order TRACE       for each signature that a client is sent: how many were by then, and how many intents and results were written, and on the disk
disk.py lose TRACE LOG    cuts off LOG what was not on the disk when a client was sent the last signature: what nobody waits for is there a
                          second later, which may be before the agent is killed
"""
import re
import sys

from wire import R_SIGN, parse, parts

LINE = re.compile(r'^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\((\d+)<(.*?)>(?=[,) ]))(.*)$')


def data_of(rest):
    """The octets of the first string among the arguments."""
    match = re.search(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?', rest)
    if match and match[2]:
        sys.exit('strace has not shown all that was written')
    return re.sub(rb'\\x([0-9a-f]{2})', lambda m: bytes([int(m[1], 16)]), match[1].encode()).replace(b'\\"', b'"') if match else b''


def events(path):
    """(call, file, data) in the order in which they begin; ('synced', file, b'') when a wait for the disk has come to its end."""
    begun = {}
    for line in open(path, errors='replace'):
        match = LINE.match(line.rstrip('\n'))
        if not match:
            continue
        thread, resumed, call, _, file, rest = match.groups()
        done = re.search(r'= 0(?: \(DELAYED\))?$', rest)
        if call == 'fdatasync':
            yield 'sync', file, b''
            begun[thread] = file
        elif call:
            yield call, file, data_of(rest)
        if (call or resumed) == 'fdatasync' and done:
            yield 'synced', begun.pop(thread), b''


def is_signature(data):
    try:
        return parts(parse(data[4:])[1])[1][0] & 0x1f == R_SIGN
    except IndexError:
        return False


def walk(path):
    """After each signature that is sent, and at the end (None): its number, what was written, what of it is on the disk."""
    written = {'intent': 0, 'result': 0, 'octets': 0}
    asked, durable, sent = dict(written), dict(written), 0
    for call, file, data in events(path):
        if call == 'write' and file.endswith('/audit.jsonl'):
            for kind in 'intent', 'result':
                written[kind] += data.count(b'"kind":"%s"' % kind.encode())
            written['octets'] += len(data)
        elif call == 'sync' and file.endswith('/audit.jsonl'):
            asked = dict(written)
        elif call == 'synced' and file.endswith('/audit.jsonl'):
            durable = dict(asked)
        elif call == 'sendmsg' and is_signature(data):
            sent += 1
            yield sent, dict(written), dict(durable)
    yield None, written, durable


def order(trace):
    for sent, written, durable in walk(trace):
        if sent:
            print(sent, written['intent'], durable['intent'], written['result'], durable['result'])


def lose(trace, log):
    *_, (_, _, durable), (_, written, _) = walk(trace)
    data = open(log, 'rb').read()
    open(log, 'wb').write(data[:len(data) - (written['octets'] - durable['octets'])])


if sys.argv[1] == 'order':
    order(sys.argv[2])
else:
    lose(sys.argv[2], sys.argv[3])
