# SPDX-License-Identifier: LGPL-2.1-or-later
"""The requests as each place that lists them has them: operations.py SOURCE. Prints `pass` and `fail` lines.

docs/protocol.asn1 is what is promised; the enumeration and the codec of agent/wire, the core's table of operations and the tests' own
client must say the same.
"""
import os
import re
import sys

SOURCE = sys.argv[1]


def found(path, begin, end, pattern):
    """What matches between two texts of a file, in order."""
    with open(os.path.join(SOURCE, path)) as file:
        text = file.read()
    start = text.index(begin) + len(begin)
    return re.findall(pattern, text[start:text.index(end, start)], re.MULTILINE)


def plain(name):
    """pinChange in the protocol is pin_change in C."""
    return name.replace('_', '').lower()


def check(text, got, expected):
    print('pass ' + text if got == expected else 'fail %s :: %r instead of %r' % (text, got, expected))


promised = found('docs/protocol.asn1', '\nRequest ::= SEQUENCE {', '\n\n', r'^ +(\w+) +\[(\d+)\]')
names = [plain(name) for name, _ in promised]
check('the numbers of protocol.asn1 are consecutive', [int(number) for _, number in promised], list(range(len(promised))))
enumeration = found('agent/wire/message.h', 'enum wire_request_type {', '}', r'^\tWIRE_(\w+) = (\d+),')
check('the enumeration has them', [(plain(name), number) for name, number in enumeration], [(plain(name), number) for name, number in promised])
check('the type of messages has them', [plain(name) for name in found('agent/wire/message.h', 'struct wire_request_body {', '\n};', r'\*(\w+);')], names)
codec = found('agent/wire/message.c', 'ASN1_CHOICE(wire_request_body) = {', '}', r'wire_request_body, (\w+), \w+, WIRE_(\w+)\)')
check('the codec has them', [tuple(map(plain, row)) for row in codec], [(name, name) for name in names])
table = found('agent/core/request.c', 'operations[WIRE_REQUEST_TYPES] = {', '\n};', r'\[WIRE_(\w+)\] = \{.* request_handle_(\w+) \}')
check("the core's table has them", [tuple(map(plain, row)) for row in table], [(name, name) for name in names])
with open(os.path.join(SOURCE, 'tests/lib/wire.py')) as file:
    client = re.search(r'^(HELLO.*) = range\((\d+)\)$', file.read(), re.MULTILINE)
check("the tests' client has them", plain(client.group(1)).split(', '), names)
