# SPDX-License-Identifier: LGPL-2.1-or-later
"""DER and BER by hand, for messages that no library would write."""


def length(count):
    if count < 128:
        return bytes([count])
    octets = count.to_bytes((count.bit_length() + 7) // 8, 'big')
    return bytes([128 + len(octets)]) + octets


def tlv(tag, *parts):
    body = b''.join(parts)
    return bytes([tag]) + length(len(body)) + body


def seq(*parts):
    return tlv(0x30, *parts)


def set_of(*parts):
    return tlv(0x31, *sorted(parts))


def set_as_is(*parts):
    return tlv(0x31, *parts)


def octets(data):
    return tlv(0x04, data)


def bits(data):
    return tlv(0x03, b'\0', data)


def integer(number):
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, 'big', signed=True))


def utc_time(text):
    return tlv(0x17, text.encode())


def generalized_time(text):
    return tlv(0x18, text.encode())


NULL = b'\x05\0'


def oid(dotted):
    first, second, *rest = map(int, dotted.split('.'))
    body = b''
    for arc in [first * 40 + second] + rest:
        part = [arc & 127]
        while arc > 127:
            arc >>= 7
            part.append(128 | arc & 127)
        body += bytes(reversed(part))
    return tlv(0x06, body)


def explicit(number, *parts):
    return tlv(0xa0 + number, *parts)


def implicit(number, value):
    """The value with a context tag in the place of its own."""
    return bytes([(value[0] & 0x20) | 0x80 | number]) + value[1:]


def split(data):
    """Every TLV in some octets: (tag, body). Definite lengths and tags of one octet only."""
    items, at = [], 0
    while at < len(data):
        count, head = data[at + 1], 2
        if count >= 128:
            head, count = 2 + count - 128, int.from_bytes(data[at + 2:at + 2 + count - 128], 'big')
        items.append((data[at], data[at + head:at + head + count]))
        at += head + count
    return items


def is_signed(tag, body):
    """Whether this is a certificate or CRL, or a set of signed attributes, in [0] or [1]: hashed as they stand."""
    inner = split(body) if tag in (0xa0, 0xa1) else []
    first = split(inner[0][1]) if inner and inner[0][0] == 0x30 and inner[0][1] else []
    return bool(first) and first[0][0] in (0x06, 0x30)


def ber(data, piece=7):
    """The same values with indefinite lengths, and octet strings in pieces; what is signed as it stands stays as it is."""
    out = b''
    for tag, body in split(data):
        if is_signed(tag, body):
            out += tlv(tag, body)
        elif tag & 0x20:
            out += bytes([tag]) + b'\x80' + ber(body, piece) + b'\0\0'
        elif tag == 0x04:
            pieces = [octets(body[i:i + piece]) for i in range(0, len(body), piece)] or [octets(b'')]
            out += b'\x24\x80' + b''.join(pieces) + b'\0\0'
        else:
            out += tlv(tag, body)
    return out
