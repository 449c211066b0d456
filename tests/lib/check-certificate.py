# SPDX-License-Identifier: LGPL-2.1-or-later
"""smime_check_certificate() as other programs call it: check-certificate.py LIBRARY OWN OTHER STRANGER STRANGER-FILE. Prints `pass` and `fail` lines.

The files hold certificates in DER: of a key of the agent, of a key that it does not have but by the same authority, and one by itself.
"""
import ctypes
import sys

MALFORMED = -600
library = ctypes.CDLL(sys.argv[1])


class Der(ctypes.Structure):
    _fields_ = [('octets', ctypes.c_char_p), ('len', ctypes.c_size_t)]


class Link(ctypes.Structure):
    _fields_ = [('subject', ctypes.c_char_p), ('fingerprint', ctypes.c_char_p), ('not_before', ctypes.c_long), ('not_after', ctypes.c_long),
                ('sent', ctypes.c_bool)]


class Chain(ctypes.Structure):
    _fields_ = [('trusted', ctypes.c_bool), ('text', ctypes.c_char_p), ('missing', ctypes.c_char_p), ('stranger', ctypes.c_char_p),
                ('links', ctypes.POINTER(Link)), ('link_count', ctypes.c_size_t), ('revocation', ctypes.c_void_p)]


class Options(ctypes.Structure):
    _fields_ = [('from_', ctypes.c_char_p), ('trust', ctypes.POINTER(ctypes.c_char_p)), ('trust_count', ctypes.c_size_t),
                ('revocation', ctypes.c_int), ('crls', ctypes.c_void_p), ('crl_count', ctypes.c_size_t), ('at', ctypes.c_long),
                ('cms', ctypes.c_bool), ('detached', ctypes.c_bool), ('detached_content', ctypes.c_int)]


library.smime_chain_free.restype = ctypes.c_void_p
library.smime_chain_free.argtypes = [ctypes.c_void_p]
library.smime_message.restype = ctypes.c_char_p


def say(good, text, *details):
    print('%s %s' % ('pass' if good else 'fail', text), *([] if good else ['::'] + [repr(d) for d in details]), flush=True)


def check(context, der, options=None):
    """(what the call returns, what is in the chain)."""
    chain = ctypes.POINTER(Chain)()
    r = library.smime_check_certificate(context, ctypes.byref(Der(der, len(der))), options and ctypes.byref(options), ctypes.byref(chain))
    if r < 0:
        return r, library.smime_message(context)
    told = chain.contents
    links = [(link.subject.decode(), link.sent) for link in told.links[:told.link_count]]
    found = (told.trusted, links, told.missing and told.missing.decode(), told.stranger and told.stranger.decode(), bool(told.revocation))
    library.smime_chain_free(chain)
    return r, found


def main():
    own, other, stranger = (open(path, 'rb').read() for path in sys.argv[2:5])
    context = ctypes.c_void_p()
    assert library.smime_new(ctypes.byref(context)) == 0
    issuing, root = ('CN=Demonstration %s,O=Demonstration' % name for name in ('Issuing CA', 'Root'))
    got = check(context, own)
    say(got == (0, (True, [('CN=good', True), (issuing, True), (root, False)], None, None, False)), 'a certificate of one\'s own key', got)
    got = check(context, other)
    say(got == (0, (True, [('CN=theirs', False), (issuing, False), (root, False)], None, None, False)), 'of somebody else nothing is sent', got)
    got = check(context, stranger)
    say(got[0] == 0 and not got[1][0] and got[1][3] == got[1][1][-1][0], 'one by itself is a stranger', got)
    trusted = (ctypes.c_char_p * 1)(sys.argv[5].encode())
    got = check(context, stranger, Options(trust=trusted, trust_count=1, revocation=1))
    say(got[0] == 0 and got[1][0] and got[1][4], 'unless its file is named; revocation is told when it is asked for', got)
    got = check(context, own[:-1])
    say(got[0] == MALFORMED and got[1], 'what is no certificate is refused', got)
    library.smime_free(context)


main()
