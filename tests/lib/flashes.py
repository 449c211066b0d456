# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signs with the key of alice, and goes away as soon as somebody is asked, again and again: SOCKET, the log of the pinentry, what it is asked, how often.

Says what the agent says when it shows no prompt any more, and ends with the number of those that it has shown; 99: with all of them.
"""
import os
import sys

from wire import *

socket, log, command, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])


def asked():
    return open(log).read().splitlines().count(command)


key = dict((label, spki) for spki, label in keys(Connection(socket).greet()))['alice']
shown = 0
for _ in range(count):
    before = asked()
    connection = Connection(socket).greet()
    connection.send(sign(3, key, os.urandom(32)))
    connection.socket.settimeout(0.02)
    while asked() == before:
        try:
            print(error_text(connection.receive()[2]))
            sys.exit(shown)
        except TimeoutError:
            pass
    shown += 1
    connection.close()
sys.exit(99)
