#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Random mails, the same ones each time: nested to depth 5, 8-bit, long lines, every transfer encoding, odd boundaries, missing
# ends. What is signed must be fit for every transport and verify with OpenSSL; what is signed, or encrypted and decrypted, must
# hold the same leaves by Python's email package.
#
#   SMIME_CAMPAIGN='SEED COUNT' bash tests/system/campaign.sh      # another campaign, also a long one
. "$(dirname "$0")/../lib/lib.sh"

fixture people
agent_start

cat >"$T/campaign.py" <<'END'
import base64, email, random, re, subprocess, sys

folder, ca, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
dice = random.Random(seed)
chance = lambda p: dice.random() < p
WORDS = 'alpha beta From grüße naïve 日本語 =3D -- . x=y tab\there'.split(' ')
OPAQUE = b'pre \xc3\xbc' # begins what is signed or encrypted inside, and is to stay as it is

# ---- Making mails: lists of lines ----

def line():
    if chance(.4):
        return dice.choice([b'', b'From here on', b'--', b'--b', b'-- ', b'.', b'trailing \t', b'bare\rcr', b'nul\0', b'\xe4\xf6\xfc' * 9] +
            [b'x' * n for n in (75, 76, 77, 998, 999, 5000)])
    return ' '.join(dice.choice(WORDS) for _ in range(dice.randint(1, 14))).encode()

def text(most=8):
    return [line() for _ in range(dice.randint(0, most))]

def around(): # a preamble or an epilogue
    return [l for l in text(3) if not l.startswith(b'--')] if chance(.3) else []

def boundary():
    boundary.count += 1
    return dice.choice([b'b%d', b'b%dx', b'=_b%d', b'----=_Part_%d.7', b"a b'()+_,-./:=?%d", b'b%d--']) % boundary.count
boundary.count = 0

def leaf():
    encoding = dice.choice([b'7bit', b'8bit', b'quoted-printable', b'base64', b'BASE64', b'binary', b''])
    header = [b'Content-Type:' + dice.choice([b' ', b'\n ']) + dice.choice([b'text/plain; charset=utf-8; format=flowed', b'text/html; charset=iso-8859-1',
        b'text/csv; charset=utf-8', b'application/octet-stream; name="a.bin"', b'IMAGE/png'])]
    header += [b'Content-Transfer-Encoding: ' + encoding] if encoding else []
    dice.shuffle(header)
    if encoding.lower() == b'base64':
        code, width = base64.b64encode(dice.randbytes(dice.choice([0, 1, 56, 57, 58, 1000]))), dice.choice([76, 76, 72, 64, 77, 998, 4000])
        return header, [code[i:i + width] for i in range(0, len(code), width)]
    if encoding == b'quoted-printable':
        return header, [b''.join(dice.choice([b'=C3=BC', b'word ', b'=3D', b'=0D=0A', b'From ']) for _ in range(dice.choice([3, 9, 60]))).rstrip() for _ in range(3)]
    return header, text()

def multipart(depth):
    name = boundary()
    header = [b'Content-Type: multipart/' + dice.choice([b'mixed', b'alternative', b'related']) + b'; boundary="' + name + b'"']
    header += [b'Content-Transfer-Encoding: 8bit'] if chance(.2) else []
    body = around()
    for _ in range(dice.randint(1, 4)):
        inner, content = entity(depth + 1)
        body += [b'--' + name + dice.choice([b'', b'', b' '])] + inner + [b''] + content
    return header, body + ([b'--' + name + b'--'] + around() if chance(.9) else [])

def opaque():
    name = boundary()
    header = [b'Content-Type: multipart/' + dice.choice([b'signed', b'encrypted']) + b'; boundary="' + name + b'"']
    return header, [OPAQUE, b'--' + name, b'', b'From me ', b'--' + name + b'--', b'end']

def entity(depth):
    if depth < 5 and chance(.6 if depth == 0 else .3):
        return multipart(depth)
    if 0 < depth < 5 and chance(.15):
        header, body = entity(depth + 1)
        return [b'Content-Type: message/rfc822'], [b'Subject: forwarded'] + header + [b''] + body
    return opaque() if depth > 0 and chance(.05) else leaf()

def mail():
    header, body = entity(0)
    top = [b'From: "A, B" <Alice@EXAMPLE.org>', b'To: bob@example.org', b'Subject: folded\n subject', b'MIME-Version: 1.0']
    whole = b'\n'.join(top + header + [b''] + body) + dice.choice([b'\n', b'\n', b''])
    return whole.replace(b'\n', dice.choice([b'\n', b'\r\n']))

# ---- Judging what came out ----

def leaves(data):
    found = []
    for part in email.message_from_bytes(data).walk():
        decoded = b'' if part.is_multipart() else part.get_payload(decode=True)
        found.append((part.get_content_type(), part.get_filename(), decoded.replace(b'\r\n', b'\n').rstrip(b'\n')))
    return found

def opaques(data):
    return re.findall(OPAQUE + b'\n.*?\nend', data.replace(b'\r\n', b'\n'), re.S)

def unfit(data):
    lines = data.replace(b'\r\n', b'\n').split(b'\n')
    if re.search(rb'[\x80-\xff\0]|\r(?!\n)', data.replace(OPAQUE, b'')) or max(map(len, lines)) > 998:
        yield 'is not 7-bit with short lines'
    if b'\r\n' in data and data.count(b'\r\n') != data.count(b'\n'):
        yield 'has LF and CRLF'
    for part in email.message_from_bytes(data).walk():
        code = (part.get('Content-Transfer-Encoding') or '').lower()
        widths = [len(l) for l in str(part.get_payload()).rstrip('\r\n').splitlines()]
        if code == 'base64' and [w for w in widths[:-1] if w != 76] or code in ('base64', 'quoted-printable') and max(widths + [0]) > 76:
            yield 'has %s in other columns than 76' % code

def run(*command):
    result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return '' if result.returncode == 0 else '%s: %d: %s' % (' '.join(command[:2]), result.returncode, result.stderr.decode(errors='replace')[:200])

def read(name):
    return open(name, 'rb').read()

def judge(data, name):
    open(name, 'wb').write(data)
    failed = run('smime', 'sign', *dice.choice([[], [], ['--opaque']]), '-i', name, '-o', name + '.signed') or \
        run('smime', 'verify', '-i', name + '.signed', '-o', name + '.content') or \
        run('openssl', 'cms', '-verify', '-in', name + '.signed', '-CAfile', ca, '-out', name + '.openssl') or \
        run('smime', 'encrypt', *dice.choice([[], ['--sign']]), '-r', 'bob@example.org', '-i', name, '-o', name + '.encrypted') or \
        run('smime', 'decrypt', '-i', name + '.encrypted', '-o', name + '.plain')
    if failed:
        return [failed]
    bad = list(unfit(read(name + '.signed'))) + list(unfit(read(name + '.content')))
    for out in '.content', '.openssl', '.plain':
        bad += [out + ' has other leaves'] if leaves(read(name + out)) != leaves(data) else []
        bad += [out + ' changed what was protected'] if opaques(read(name + out)) != opaques(data) else []
    return bad

for i in range(count):
    data = mail()
    bad = judge(data, '%s/%d' % (folder, i))
    print('fail mail %d of seed %d :: %s' % (i, seed, '; '.join(bad)) if bad else 'pass mail %d, %d bytes' % (i, len(data)))
END
read -r seed count <<<"${SMIME_CAMPAIGN:-1 40}"
mkdir "$T/mails"
points_of python3 "$T/campaign.py" "$T/mails" "$T/ca/root.pem" "$seed" "$count"
is 'every mail was judged' "$test_number" "$count"
done_testing
