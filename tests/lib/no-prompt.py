# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client for whom nobody is to be asked for a PIN: no-prompt.py SOCKET LABEL. Prints `pass` and `fail` lines.

LABEL is that of a key, whose token is locked.
"""
import hashlib
import sys

from wire import *

PATH, LABEL = sys.argv[1:]
NO_PROMPT = 433


def say(good, text, *details):
    print('%s %s' % ('pass' if good else 'fail', text), *([] if good else ['::'] + [repr(d) for d in details]), flush=True)


def main():
    quiet = Connection(PATH).greet(prompts=False)
    key = next(spki for spki, label in keys(quiet) if label == LABEL)
    digest = hashlib.sha256(b'').digest()
    _, kind, body = quiet.ask(sign(3, key, digest))
    say(kind == ERROR and error_code(body) == NO_PROMPT, 'a signature that takes a PIN is refused', kind, body)
    token = token_of_key(quiet)
    _, kind, body = quiet.ask(unlock_token(4, token))
    say(kind == ERROR and error_code(body) == NO_PROMPT, 'so is unlocking', kind, body)
    _, kind, _ = Connection(PATH).greet().ask(unlock_token(2, token))
    say(kind == R_DONE, 'another client has it unlocked', kind)
    _, kind, body = quiet.ask(sign(5, key, digest))
    say(kind == R_SIGN, 'then the signature is made', kind, body)


def token_of_key(connection):
    """The id of the token that the key is on, in hexadecimal."""
    _, kind, body = connection.ask(listing(2))
    assert kind == R_LIST, kind
    found = (parts(content) for _, content in parts(parts(parse(body)[1])[1][1]))
    return next(fields[1][1].hex() for fields in found if fields[3][1].decode() == LABEL)


main()
