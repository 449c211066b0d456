# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signed messages that say what their signers' programs read, for tests/system/capabilities.sh: lessons.py FOLDER

Writes FOLDER/NAME.pem for people, rows-root.pem to trust, FOLDER/NAME.der for messages.
"""
import sys

from cryptography import x509

import der
import pki
from signed import CAPABILITIES, SIGNING_TIME, algorithm, attribute, attributes_of, signed_data, signer_info

FOLDER = sys.argv[1]
PKI = pki.Authority(FOLDER)
CONTENT = b'What programs can read.\n'
PREFERENCE, MICROSOFT = '1.2.840.113549.1.9.16.2.11', '1.3.6.1.4.1.311.16.4'
AES256_GCM, AES128_GCM, AES256_CBC, AES128_CBC = ('2.16.840.1.101.3.4.1.' + n for n in ('46', '6', '42', '2'))
CHACHA, HKDF, OAEP, SHA256, MGF1 = ('1.2.840.113549.1.9.16.3.18', '1.2.840.113549.1.9.16.3.31', '1.2.840.113549.1.1.7',
                                    '2.16.840.1.101.3.4.2.1', '1.2.840.113549.1.1.8')
DES3 = '1.2.840.113549.3.7'
BOTH = ('digital_signature', 'key_agreement')


def listed(*names):
    return der.seq(*[name if isinstance(name, bytes) else algorithm(name) for name in names])


def oaep(digest):
    """RFC 4055 5: with SHA-256 or, as an empty sequence, with SHA-1."""
    if not digest:
        return algorithm(OAEP, der.seq())
    mask = algorithm(MGF1, algorithm(digest, der.NULL))
    return algorithm(OAEP, der.seq(der.explicit(0, algorithm(digest, der.NULL)), der.explicit(1, mask)))


def extension(*names):
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(CAPABILITIES), names[0] if names[0][:1] == b'\0' else listed(*names))


def write(name, data):
    with open('%s/%s' % (FOLDER, name), 'wb') as file:
        file.write(data)


def person(common, *capabilities, **options):
    extra = [extension(*capabilities)] if capabilities else []
    made = PKI.person(common, use=options.pop('use', BOTH), extra=extra, **options)
    write(common + '.pem', made.pem)
    return made


def at(hours):
    return (pki.NOW + hours * pki.DAY / 24).strftime('%y%m%d%H%M%SZ')


def message(name, who, capabilities, hours=-1, certificates=(), preference=None, microsoft=None, **info):
    changes = {'capabilities': attribute(CAPABILITIES, capabilities) if capabilities else None,
               'signing_time': attribute(SIGNING_TIME, der.utc_time(at(hours))) if hours is not None else None}
    if preference:
        changes['preference'] = attribute(PREFERENCE, preference)
    if microsoft:
        changes['microsoft'] = attribute(MICROSOFT, microsoft)
    attributes = attributes_of(CONTENT, **changes)
    write(name + '.der', signed_data([signer_info(who, CONTENT, attributes=attributes, **info)], CONTENT, [who, PKI.ca, *certificates]))


def people_with_extensions():
    gcm = (AES256_GCM, AES256_CBC)
    person('plain')
    person('gcm', *gcm)
    person('gcm-too', CHACHA, AES256_GCM, AES256_CBC)
    person('chacha', CHACHA, AES256_CBC)
    person('gcm128', AES128_GCM, AES128_CBC)
    person('gcm128-too', AES128_GCM, CHACHA)
    person('small', AES128_CBC)
    person('old', DES3)
    person('damaged', b'\0\1\2')
    person('hkdf', AES256_GCM, AES256_CBC, HKDF)
    person('hkdf-cbc', AES256_CBC, HKDF)
    for name, wanted in [('oaep', oaep(SHA256)), ('oaep-sha1', oaep(None))]:
        made = person(name, wanted, AES256_CBC, HKDF, key='rsa', use=('key_encipherment',))
        write(name + '.key', made.key_pem())


def lessons():
    gcm, cbc = listed(AES256_GCM, AES256_CBC), listed(AES256_CBC, AES128_CBC)
    bea, dora = person('bea'), person('dora')
    dora_too = person('dora-encryption', address='dora@example.org')
    message('first', bea, gcm, hours=-2)
    message('newer', bea, cbc, hours=-1)
    message('soon', bea, gcm, hours=12)
    message('far', bea, cbc, hours=25)
    message('timeless', bea, gcm, hours=None)
    message('silent', bea, None)
    message('broken', bea, gcm, flip=True)
    message('large', bea, listed(AES256_GCM, *[algorithm('1.3.6.1.4.1.99999.%d' % n) for n in range(1000)]))
    stranger = pki.issue('stranger', address='stranger@example.org', use=BOTH)
    write('outsider.pem', stranger.pem)
    message('strange', stranger, gcm)
    named = der.implicit(0, der.seq(dora_too.issuer, der.integer(dora_too.serial)))
    message('preferred', dora, gcm, certificates=[dora_too], preference=named)
    message('by-key-id', dora, gcm, certificates=[dora_too], preference=der.implicit(2, der.octets(dora_too.key_id())))
    message('as-microsoft-has-it', dora, gcm, certificates=[dora_too], microsoft=der.seq(dora_too.issuer, der.integer(dora_too.serial)))
    message('in-both-ways', dora, gcm, certificates=[dora_too], preference=named, microsoft=der.seq(dora.issuer, der.integer(dora.serial)))
    bea_named = der.implicit(0, der.seq(bea.issuer, der.integer(bea.serial)))
    message('for-others', dora, gcm, certificates=[bea], preference=bea_named)


people_with_extensions()
lessons()
