# SPDX-License-Identifier: LGPL-2.1-or-later
"""An agent of another version, as far as that can be seen: old-agent.py SOCKET. It has no token, and knows hello, list, anchors and status."""
import socket
import sys

from wire import *

NULL = tlv(5, b'')
ANSWERS = {
    HELLO: (R_HELLO, sequence(integer(1), utf8('0.0.1'))),
    LIST: (R_LIST, sequence(integer(0), sequence())),
    ANCHORS: (R_ANCHORS, sequence(integer(0), sequence())),
    STATUS: (R_STATUS, sequence(utf8('0.0.1'), integer(1), integer(1), integer(0), sequence(), sequence(), utf8(''), sequence(), sequence())),
}


class Client(Connection):
    def __init__(self, connected):
        self.socket = connected

    def serve(self):
        while True:
            number, kind, _ = self.receive()
            if kind not in ANSWERS:
                self.send(sequence(integer(0), explicit(ERROR, sequence(integer(802), utf8('unknown')))))
                return
            self.send(sequence(integer(number), explicit(*ANSWERS[kind])))


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    client, _ = listener.accept()
    try:
        Client(client).serve()
    except (EOFError, ConnectionError):
        pass
    client.close()
