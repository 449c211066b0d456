# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts an Ed25519, X25519 or X448 key of a file on a token of SoftHSM, in the form that is asked for.

put-key.py MODULE TOKEN PIN ID LABEL KEY.pem name|oid raw|octets: how CKA_EC_PARAMS spells the curve, and how CKA_EC_POINT has the
point. pkcs11-tool 0.23 writes no such keys, and softhsm2-util's are not for derivation.
"""
import base64
import ctypes
import re
import subprocess
import sys

CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKK_EC_EDWARDS = 2, 3, 0x40
CLASS, TOKEN, PRIVATE, LABEL, VALUE, KEY_TYPE, ID = 0, 1, 2, 3, 0x11, 0x100, 0x102
SENSITIVE, SIGN, DERIVE, EC_PARAMS, EC_POINT = 0x103, 0x108, 0x10C, 0x180, 0x181
CURVES = {110: (b'\x13\x0acurve25519', b'\x06\x03\x2b\x65\x6e', 32), 111: (b'\x13\x08curve448', b'\x06\x03\x2b\x65\x6f', 56),
          112: (b'\x13\x0cedwards25519', b'\x06\x03\x2b\x65\x70', 32)}


class Attribute(ctypes.Structure):
    _fields_ = [('type', ctypes.c_ulong), ('value', ctypes.c_void_p), ('len', ctypes.c_ulong)]


def ok(rv):
    if rv != 0:
        sys.exit(f'the module answers {rv:#x}')


def session_of(module, token, pin):
    count, session = ctypes.c_ulong(64), ctypes.c_ulong()
    slots = (ctypes.c_ulong * 64)()
    ok(module.C_Initialize(None))
    ok(module.C_GetSlotList(1, slots, ctypes.byref(count)))
    for slot in slots[:count.value]:
        info = ctypes.create_string_buffer(512)
        ok(module.C_GetTokenInfo(ctypes.c_ulong(slot), info))
        if info.raw[:32].decode().rstrip() == token:
            ok(module.C_OpenSession(ctypes.c_ulong(slot), ctypes.c_ulong(6), None, None, ctypes.byref(session)))
            ok(module.C_Login(session, ctypes.c_ulong(1), pin.encode(), ctypes.c_ulong(len(pin))))
            return session
    sys.exit(f'there is no token {token}')


def create(module, session, attributes):
    kept = []
    template = (Attribute * len(attributes))()
    for i, (kind, value) in enumerate(attributes):
        value = bytes([value]) if isinstance(value, bool) else value
        value = value.to_bytes(ctypes.sizeof(ctypes.c_ulong), sys.byteorder) if isinstance(value, int) else value
        kept.append(ctypes.create_string_buffer(value, len(value)))
        template[i] = Attribute(kind, ctypes.cast(kept[-1], ctypes.c_void_p), len(value))
    ok(module.C_CreateObject(session, template, ctypes.c_ulong(len(attributes)), ctypes.byref(ctypes.c_ulong())))


def main():
    library, token, pin, key_id, label, path, spelling, form = sys.argv[1:]
    # RFC 8410 7: the key itself is the end of PKCS #8, the point that of a SubjectPublicKeyInfo.
    der = base64.b64decode(re.search('-----\n(.*?)-----END', open(path).read(), re.S).group(1))
    curve, size = der[11], CURVES[der[11]][2]
    private = der[16:16 + size]
    point = subprocess.run(['openssl', 'pkey', '-in', path, '-pubout', '-outform', 'DER'], capture_output=True, check=True).stdout[-size:]
    module = ctypes.CDLL(library)
    session = session_of(module, token, pin)
    common = [(KEY_TYPE, CKK_EC_EDWARDS), (TOKEN, True), (ID, bytes.fromhex(key_id)), (LABEL, label.encode()),
              (EC_PARAMS, CURVES[curve][spelling == 'oid'])]
    create(module, session, [(CLASS, CKO_PRIVATE_KEY), (PRIVATE, True), (SENSITIVE, True), (SIGN, curve == 112), (DERIVE, curve != 112),
                             (VALUE, private)] + common)
    create(module, session, [(CLASS, CKO_PUBLIC_KEY), (PRIVATE, False),
                             (EC_POINT, point if form == 'raw' else bytes([4, size]) + point)] + common)
    ok(module.C_Finalize(None))


main()
