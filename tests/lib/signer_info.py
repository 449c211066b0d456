# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes a detached signature of one signer apart: CMS in DER, read by hand (RFC 5652 5).

signer_info.py CMS DIRECTORY: writes DIRECTORY/tbs, the signed attributes as they are hashed, and DIRECTORY/signature; tells the rest
in lines of `name value`, values in hexadecimal.
"""
import sys

from wire import parse, parts, tlv

ISSUER_AND_SERIAL, KEY_ID, SIGNED_ATTRIBUTES = 0x30, 0x80, 0xa0


def whole(part):
    return tlv(*part).hex()


def main():
    path, directory = sys.argv[1:]
    outer, content = parts(parse(open(path, 'rb').read())[1])
    signed = parts(parse(content[1])[1])
    version, digests, content_info, signers = signed[0], signed[1], signed[2], signed[-1]
    fields = parts(parts(signers[1])[0][1])
    print('version', version[1].hex())
    print('digestAlgorithms', digests[1].hex())
    print('content', content_info[1].hex())
    print('signerVersion', fields[0][1].hex())
    print('sid', {ISSUER_AND_SERIAL: 'issuerAndSerialNumber', KEY_ID: 'subjectKeyIdentifier'}[fields[1][0]])
    print('digestAlgorithm', whole(fields[2]))
    assert fields[3][0] == SIGNED_ATTRIBUTES, fields[3]
    print('signatureAlgorithm', whole(fields[4]))
    print('fields', len(fields))
    elements = [whole(element) for element in parts(fields[3][1])]
    print('sorted', elements == sorted(elements))
    with open(f'{directory}/tbs', 'wb') as f:
        f.write(tlv(0x31, fields[3][1]))
    with open(f'{directory}/signature', 'wb') as f:
        f.write(fields[5][1])


main()
