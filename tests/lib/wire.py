# SPDX-License-Identifier: LGPL-2.1-or-later
"""A client of the agent's protocol that shares no code with the software: DER by hand, frames by hand.

docs/protocol.asn1 is what it is written from. For tests that must say what libsmime never would.
"""
import socket
import struct
import time

HELLO, LIST, CERTIFICATE, SIGN, DECRYPT, UNLOCK, LOCK, STATUS, ANCHORS, SUBSCRIBE, PIN_CHANGE, PIN_UNBLOCK, INTERMEDIATES, RELOAD, EXPLAIN = range(15)
ERROR, R_HELLO, R_LIST, R_CERTIFICATE, R_SIGN, R_DECRYPT, R_DONE, R_STATUS, R_ANCHORS, R_EVENT, R_EXPLAIN = range(11)
SHA256 = bytes.fromhex('608648016503040201')
ENVELOPED = bytes.fromhex('2a864886f70d010703')
AES256_CBC = bytes.fromhex('60864801650304012a')


def tlv(tag, content):
    n = len(content)
    if n < 128:
        length = bytes([n])
    else:
        octets = n.to_bytes((n.bit_length() + 7) // 8, 'big')
        length = bytes([0x80 | len(octets)]) + octets
    return bytes([tag]) + length + content


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, 'big'))


def octets(data):
    return tlv(4, data)


def oid(content):
    return tlv(6, content)


def utf8(text):
    return tlv(12, text.encode())


def boolean(value):
    return tlv(1, b'\xff' if value else b'\0')


def sequence(*parts):
    return tlv(0x30, b''.join(parts))


def explicit(number, content):
    return tlv(0xa0 | number, content)


def request(number, kind, body):
    return sequence(integer(number), explicit(kind, body))


def hello(number=1, version=1, prompts=True):
    no_prompt = b'' if prompts else explicit(7, tlv(5, b''))
    return request(number, HELLO, sequence(integer(version), utf8('wire.py'), no_prompt))


def status(number):
    return request(number, STATUS, tlv(5, b''))


def listing(number, offset=0):
    return request(number, LIST, sequence(integer(offset)))


def sign(number, key, digest, digest_oid=SHA256, certificate=None):
    named = explicit(0, octets(certificate)) if certificate else b''
    return request(number, SIGN, sequence(octets(key), named, oid(digest_oid), octets(digest), boolean(False)))


def unlock(number):
    return request(number, UNLOCK, sequence())


def unlock_token(number, token):
    """Of the token of this id, in hexadecimal."""
    return request(number, UNLOCK, sequence(explicit(0, octets(bytes.fromhex(token)))))


def lock(number):
    return request(number, LOCK, sequence())


def lock_token(number, token):
    """Of the token of this id, in hexadecimal."""
    return request(number, LOCK, sequence(explicit(0, octets(bytes.fromhex(token)))))


def subscribe(number):
    return request(number, SUBSCRIBE, tlv(5, b''))


def intermediates(number, offset=0, token=None):
    """Of the token of this id, in hexadecimal."""
    return request(number, INTERMEDIATES, sequence(integer(offset), explicit(0, octets(bytes.fromhex(token))) if token else b''))


def frame(message):
    return struct.pack('>I', len(message)) + message


def parse(data, offset=0):
    """One TLV: (tag, content, offset behind it)."""
    tag, length, offset = data[offset], data[offset + 1], offset + 2
    if length & 0x80:
        count = length & 0x7f
        length = int.from_bytes(data[offset:offset + count], 'big')
        offset += count
    return tag, data[offset:offset + length], offset + length


def parts(data):
    found, offset = [], 0
    while offset < len(data):
        tag, content, offset = parse(data, offset)
        found.append((tag, content))
    return found


class Connection:
    """A connection with the agent; every wait ends after `timeout` seconds."""

    def __init__(self, path, timeout=20):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)

    def close(self):
        self.socket.close()

    def send(self, message):
        self.socket.sendall(frame(message))

    def send_raw(self, data):
        self.socket.sendall(data)

    def read(self, count):
        data = b''
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        """An answer: (id, kind, content of its body)."""
        message = self.read(struct.unpack('>I', self.read(4))[0])
        fields = parts(parse(message)[1])
        return int.from_bytes(fields[0][1], 'big'), fields[1][0] & 0x1f, fields[1][1]

    def ask(self, message):
        self.send(message)
        return self.receive()

    def greet(self, **claims):
        number, kind, _ = self.ask(hello(**claims))
        assert (number, kind) == (1, R_HELLO)
        return self

    def closed(self):
        """Whether the agent closes the connection, perhaps after an error answer."""
        try:
            while True:
                if not self.socket.recv(65536):
                    return True
        except ConnectionError:
            return True
        except TimeoutError:
            return False


def error_code(body):
    """The code of an error answer."""
    return int.from_bytes(parts(parse(body)[1])[0][1], 'big')


def error_text(body):
    """The text of an error answer."""
    return parts(parse(body)[1])[1][1].decode()


def keys(connection):
    """Every key: (SPKI hash, label)."""
    found, offset = [], 0
    while True:
        _, kind, body = connection.ask(listing(2, offset))
        assert kind == R_LIST, kind
        total, items, *_ = parts(parse(body)[1])
        page = [parts(content) for _, content in parts(items[1])]
        found += [(fields[0][1], fields[3][1].decode()) for fields in page]
        offset += len(page)
        if offset >= int.from_bytes(total[1], 'big') or not page:
            return found


def capabilities(connection):
    """The DER of each capability that a listing tells, in hexadecimal."""
    _, kind, body = connection.ask(listing(2))
    assert kind == R_LIST, kind
    told = parts(parse(body)[1])[2]
    assert told[0] == 0xa0, told
    return [tlv(tag, content).hex() for tag, content in parts(parse(told[1])[1])]


def queued(connection):
    """How many operations wait or are under way, on all tokens."""
    _, kind, body = connection.ask(status(3))
    assert kind == R_STATUS, kind
    tokens = parts(parts(parse(body)[1])[5][1])
    return sum(int.from_bytes(parts(content)[5][1], 'big') for _, content in tokens)


def await_queued(connection, count, seconds=20):
    """The number of operations, once it is this one or the time is over."""
    limit = time.monotonic() + seconds
    while (found := queued(connection)) != count and time.monotonic() < limit:
        time.sleep(0.02)
    return found
