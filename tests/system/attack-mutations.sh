#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Signed and encrypted mails with random changes, the same ones each time: bits, octets, lines, whole ranges, in the mail and in
# the DER below its base64. Whatever still verifies has to be what the signer wrote; everything else gets a definite answer.
#
#   SMIME_MUTATIONS='SEED COUNT' bash tests/system/attack-mutations.sh      # another campaign, also a long one
. "$(dirname "$0")/../lib/lib.sh"

fixture people
agent_start
cd "$T" || exit

printf 'Content-Type: text/plain; charset=utf-8\n\nThe text that Alice has signed.\nIt has some lines,\n\nand a few more.\n' >entity
mail alice@example.org bob@example.org | sed '/^$/,$d' >header
cat header entity >plain.mail
smime sign -i plain.mail -o clear
smime sign --opaque -i plain.mail -o opaque
smime encrypt --sign -r bob@example.org -i plain.mail -o cbc
smime encrypt --sign -r alice@example.org --cipher aes256-gcm -i plain.mail -o gcm
smime encrypt -r bob@example.org --cipher aes128-gcm -i plain.mail -o gcm-unsigned
smime encrypt -r alice@example.org -i opaque -o cbc-opaque

cat >mutate.py <<'END'
import base64, json, os, random, re, subprocess, sys
seed, count = int(sys.argv[1]), int(sys.argv[2])
dice = random.Random(seed)
KINDS = {'clear': 'verify', 'opaque': 'verify', 'cbc': 'decrypt', 'gcm': 'decrypt', 'gcm-unsigned': 'decrypt', 'cbc-opaque': 'decrypt'}

def read(path):
    return open(path, 'rb').read()

def change_octets(data):
    at, data = dice.randrange(len(data)), bytearray(data)
    length = dice.choice([1, 1, 2, 16, 100, 1000])
    how = dice.choice(['bit', 'octet', 'special', 'insert', 'delete', 'double', 'zero', 'move', 'cut'])
    if how == 'bit':
        data[at] ^= 1 << dice.randrange(8)
    elif how == 'octet':
        data[at] = dice.randrange(256)
    elif how == 'special':
        data[at] = dice.choice(b'\0\r\n -=:;"(<\x80\xff\x30\xa0\x24\x04')
    elif how == 'insert':
        data[at:at] = dice.choice([b'\n', b'\r\n', b'\n\n', b' ', b'\0', b'\x30\x80', b'\0\0', b'x', dice.randbytes(length)])
    elif how == 'delete':
        del data[at:at + length]
    elif how == 'double':
        data[at:at] = data[at:at + length]
    elif how == 'zero':
        data[at:at + length] = bytes(len(data[at:at + length]))
    elif how == 'move':
        part = data[at:at + length]
        del data[at:at + length]
        to = dice.randrange(len(data) + 1)
        data[to:to] = part
    else:
        del data[at:]
    return how, bytes(data)

def change_lines(data):
    lines = data.split(b'\n')
    at, to = dice.randrange(len(lines)), dice.randrange(len(lines))
    how = dice.choice(['line swapped', 'line dropped', 'line doubled', 'line moved', 'line of text'])
    if how == 'line swapped':
        lines[at], lines[to] = lines[to], lines[at]
    elif how == 'line dropped':
        del lines[at]
    elif how == 'line doubled':
        lines.insert(to, lines[at])
    elif how == 'line moved':
        lines.insert(to, lines.pop(at))
    else:
        lines.insert(at, dice.choice([b'You are fired.', b'Content-Type: text/html', b'From: mallory@evil.example', b'--', b'']))
    return how, b'\n'.join(lines)

def change_der(data):
    """Below the last base64 of the mail."""
    blocks = list(re.finditer(rb'\n\n((?:[A-Za-z0-9+/=]+\n)+)', data))
    if not blocks:
        return change_octets(data)
    code = re.sub(rb'[^A-Za-z0-9+/]', b'', blocks[-1].group(1))
    how, der = change_octets(base64.b64decode(code[:len(code) // 4 * 4]) or b'\0')
    return how + ' in DER', data[:blocks[-1].start(1)] + base64.encodebytes(der) + data[blocks[-1].end(1):]

def text_of(data):
    """What describes the content, and the content."""
    header, _, body = data.replace(b'\r\n', b'\n').partition(b'\n\n')
    return sorted(line for line in header.split(b'\n') if line.lower().startswith(b'content-')), body.rstrip(b'\n')

def answer(*command):
    return subprocess.run(('timeout', '20', 'smime') + command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

def judge(kind, data):
    command, authentic = KINDS[kind], kind != 'gcm-unsigned'
    open('mail', 'wb').write(data)
    if os.path.exists('out.mail'):
        os.remove('out.mail')
    result = answer(command, '--json', '-o', 'out.mail', 'mail')
    if result.returncode not in (0, 1, 6):
        return 'exit code %d' % result.returncode
    if result.returncode:
        return 'WRITTEN in spite of code %d' % result.returncode if os.path.exists('out.mail') else None
    report = json.loads(result.stdout)
    if command == 'verify' and not report['good']:
        return 'code 0 and not good'
    if command == 'decrypt' and not report['authenticated']:
        strict = answer('decrypt', '--require-signature', '-o', 'never', 'mail')
        return None if strict.returncode == 1 and kind.startswith('cbc') else 'taken for authenticated: %d' % strict.returncode
    signers = {address for layer in report['layers'] for signer in layer.get('signers', []) for address in signer['addresses']}
    if authentic and report['good'] and signers != {'alice@example.org'}:
        return 'signed by %s' % signers
    return None if text_of(read('out.mail')) == ORIGINAL[kind] else 'ANOTHER TEXT: %r' % read('out.mail')

ORIGINAL = {}
for kind, command in KINDS.items():
    result = answer(command, '-o', 'original', kind)
    ORIGINAL[kind] = text_of(read('original'))
    print('%s the unchanged mail is read: %s :: code %d' % ('fail' if result.returncode else 'pass', kind, result.returncode))
made = {}
for i in range(count):
    kind = dice.choice(list(KINDS))
    data = read(kind)
    how = []
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        done, data = dice.choice([change_octets, change_lines, change_der])(data) if data else ('nothing left', data)
        how.append(done)
    made[kind] = made.get(kind, 0) + 1
    fault = judge(kind, data)
    if fault:
        open('%d.mail' % i, 'wb').write(data)
        print('fail change %d of seed %d, %s: %s :: %s' % (i, seed, kind, ', '.join(how), fault))
for kind, number in sorted(made.items()):
    print('pass %d changes to %s: none passes for what was protected' % (number, kind))
END
read -r seed count <<<"${SMIME_MUTATIONS:-1 300}"
points_of python3 mutate.py "$seed" "$count"
is 'the agent is as it was' "$(smime status --json >out && json out 'd["tokens"][0]["state"]')" ready
done_testing
