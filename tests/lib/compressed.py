# SPDX-License-Identifier: LGPL-2.1-or-later
"""CompressedData (RFC 3274), which no program of Debian's writes but Bouncy Castle: compressed.py OUTPUT [NAME=VALUE...] <CONTENT

With mail=FROM the output is a mail around it.
"""
import base64
import sys
import zlib

DATA = '06092a864886f70d010701'
COMPRESSED, ZLIB = '060b2a864886f70d0109100109', '060b2a864886f70d0109100308'
BZIP2 = '060b2a864886f70d0109100309'


def tlv(tag, *parts):
    content = b''.join(parts)
    n = len(content)
    if n < 128:
        return bytes([tag, n]) + content
    octets = n.to_bytes((n.bit_length() + 7) // 8, 'big')
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def segments(data, size=1000):
    """Indefinite length, in pieces."""
    return b'\x24\x80' + b''.join(tlv(4, data[at:at + size]) for at in range(0, len(data), size)) + b'\0\0'


def compressed(content, kind=DATA, algorithm=ZLIB, form='', cut=0, behind=b'', absent=False, outside=b''):
    """form ber: indefinite lengths. cut: octets that the stream lacks. behind: what follows it. outside: what follows the content."""
    stream = zlib.compress(content, 9)
    stream = stream[:len(stream) - cut] + behind
    algorithm_id = tlv(0x30, bytes.fromhex(algorithm), b'' if form == 'ber' else bytes.fromhex('0500'))
    if form == 'ber':
        inside = b'\x30\x80' + bytes.fromhex(kind) + b'\xa0\x80' + segments(stream) + b'\0\0\0\0'
        return b'\x30\x80' + bytes.fromhex(COMPRESSED) + b'\xa0\x80\x30\x80\x02\x01\0' + algorithm_id + inside + outside + b'\0\0' * 3
    inside = tlv(0x30, bytes.fromhex(kind), *([] if absent else [tlv(0xa0, tlv(4, stream))]))
    return tlv(0x30, bytes.fromhex(COMPRESSED), tlv(0xa0, tlv(0x30, bytes.fromhex('020100'), algorithm_id, inside, outside)))


def entity(cms, name='smime.p7z', media='application/pkcs7-mime; smime-type=compressed-data'):
    return (b'Content-Type: %s; name=%s\r\nContent-Transfer-Encoding: base64\r\n\r\n' % (media.encode(), name.encode()) +
            base64.encodebytes(cms).replace(b'\n', b'\r\n'))


def main():
    output, *rest = sys.argv[1:]
    options = dict(option.split('=', 1) for option in rest)
    sender, media = options.pop('mail', None), options.pop('media', None)
    for name in ('cut', 'absent'):
        options[name] = int(options.get(name, 0))
    for name in ('behind', 'outside'):
        options[name] = bytes.fromhex(options.get(name, ''))
    content = sys.stdin.buffer.read()
    if 'zeros' in options:
        content += bytes(int(options.pop('zeros')))
    message = compressed(content, **options)
    if sender is not None:
        message = entity(message, **({'media': media} if media else {}))
        message = (b'From: %s\r\nMIME-Version: 1.0\r\n' % sender.encode() if sender else b'') + message
    open(output, 'wb').write(message)


main()
