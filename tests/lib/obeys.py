# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether rules hold for each key of a token: obeys.py SOCKET DIRECTORY TOKEN OTHER-TOKEN KEY-OF-THE-OTHER. Prints `pass` and `fail` lines.

In DIRECTORY are agent.yaml, to which rules are added, obeys.table (see obeys.sh), the log `recorded` of the module, and pinentry.d. What is
denied must not reach the module: its log must not have grown.
"""
import os
import sys
import time

from wire import *

PATH, T, TOKEN, OTHER, OTHER_KEY = sys.argv[1:6]
ALLOWED, DENIED, AUTHENTICATE = 0, 500, 'always'
PATIENCE_S = 60
with open(T + '/agent.yaml') as file:
    BASE = file.read()
numbers = iter(range(2, 1000000))


def say(good, text, *details):
    print('%s %s' % ('pass' if good else 'fail', text), *([] if good else ['::'] + [str(d) for d in details]), flush=True)


class Key:
    def __init__(self, line):
        self.name, number, spki, message = line.rstrip('\n').split('\t')
        self.number, self.spki = int(number), bytes.fromhex(spki)
        self.recipient = None if message == '-' else recipient_of(message)


def recipient_of(path):
    """The parts of a decrypt request behind its key: content type, content encryption, the only RecipientInfo."""
    with open(path, 'rb') as file:
        content_info = parts(parse(file.read())[1])
    enveloped = parts(parse(content_info[1][1])[1])
    recipients = next(content for tag, content in enveloped if tag == 0x31)
    encrypted = parts(enveloped[-1][1] if enveloped[-1][0] == 0x30 else enveloped[-2][1])
    return oid(content_info[0][1]) + tlv(*encrypted[1]) + octets(recipients)


def listing_of(agent):
    """Of each key that is listed: spki -> (token id, CKA_ID, label, whether it wants the PIN each time, and the DER of its certificates)."""
    found, offset = {}, 0
    while True:
        _, kind, body = agent.ask(listing(next(numbers), offset))
        assert kind == R_LIST, (kind, body)
        total, items, *_ = parts(parse(body)[1])
        page = [parts(content) for _, content in parts(items[1])]
        for fields in page:
            found[fields[0][1]] = {'token': fields[1][1], 'id': fields[2][1], 'label': fields[3][1].decode(), 'seen': fields[6][1] != b'\0', AUTHENTICATE: fields[9][1] != b'\0'}
        offset += len(page)
        if offset >= int.from_bytes(total[1], 'big') or not page:
            return found


def tokens_of(agent):
    """label -> (id, serial number)"""
    _, kind, body = agent.ask(status(next(numbers)))
    assert kind == R_STATUS
    found = {}
    for _, content in parts(parts(parse(body)[1])[5][1]):
        fields = parts(parts(content)[0][1])
        found[fields[1][1].decode()] = (fields[0][1], fields[4][1].decode())
    return found


class Agent:
    def __init__(self):
        self.connection = Connection(PATH, 60).greet()

    def ask(self, message):
        return self.connection.ask(message)

    def rules(self, *rules, also=''):
        with open(T + '/agent.yaml', 'w') as file:
            file.write(BASE + also + 'rules:\n' + ''.join('  - {%s}\n' % rule for rule in rules))
        _, kind, body = self.ask(request(next(numbers), RELOAD, tlv(5, b'')))
        if kind != R_DONE:
            say(False, 'the rules are read', rules, body)

    def code(self, message):
        """0, or the code of the error; and whether the module was asked for anything meanwhile."""
        before = os.path.getsize(T + '/recorded')
        _, kind, body = self.ask(message)
        return error_code(body) if kind == ERROR else 0, os.path.getsize(T + '/recorded') > before

    def sign(self, spki):
        return self.code(sign(next(numbers), spki, bytes(range(32))))

    def decrypt(self, key):
        return self.code(request(next(numbers), DECRYPT, sequence(octets(key.spki), key.recipient)))

    def unlock(self, token):
        return self.code(unlock_token(next(numbers), token.hex()))

    def lock(self):
        assert self.ask(lock(next(numbers)))[1] == R_DONE


def asked(kind):
    with open(T + '/pinentry.d/log') as file:
        return sum(line == kind + '\n' for line in file)


agent = Agent()
with open(T + '/obeys.table') as file:
    keys = [Key(line) for line in file]
places = [keys[0], keys[1], keys[-1]]
agent.ask(listing(next(numbers)))
limit = time.monotonic() + PATIENCE_S
while not {TOKEN, OTHER} <= (tokens := tokens_of(agent)).keys() and time.monotonic() < limit:
    time.sleep(0.05)
(token_id, serial), (other_id, other_serial) = tokens[TOKEN], tokens[OTHER]
other = bytes.fromhex(OTHER_KEY)


def wrong_with(agent, allowed, other_allowed=True):
    """What is not as it should be when these keys are allowed everything and the others nothing."""
    wrong = []

    def expect(what, got, good, recorded=True):
        code, reached = got
        if good and (code != ALLOWED or (recorded and not reached)):
            wrong.append('%s: error %d%s' % (what, code, '' if reached else ', and the module was not asked'))
        elif not good and (code != DENIED or reached):
            wrong.append('%s: %s%s' % (what, 'error %d' % code if code else 'done', ', and the module was asked' if reached else ''))

    for key in keys:
        expect('sign with ' + key.name, agent.sign(key.spki), key in allowed)
        if key.recipient:
            expect('decrypt with ' + key.name, agent.decrypt(key), key in allowed)
    expect("sign with the other token's key", agent.sign(other), other_allowed, recorded=False)
    listed = listing_of(agent)
    for key in keys:
        if (key.spki in listed) != (key in allowed):
            wrong.append('%s is %slisted' % (key.name, 'not ' if key in allowed else ''))
    if (other in listed) != other_allowed:
        wrong.append("the other token's key is %slisted" % ('not ' if other_allowed else ''))
    return wrong


def percent(data):
    return ''.join('%%%02x' % octet for octet in data)


def uri_of(token):
    return 'pkcs11:token=' + percent(token.encode())


def conditions(key, listed):
    """Each way to name this key alone: words, what stands under key: in a rule, and what has to be in agent.yaml for it."""
    token = uri_of(TOKEN)
    return [
        ('its fingerprint', 'fingerprint: "%s"' % key.spki.hex(), ''),
        ('the beginning of its fingerprint', 'fingerprint: "%s"' % key.spki.hex()[:16], ''),
        ('its label in a URI', 'uri: "%s;object=%s"' % (token, percent(listed[key.spki]['label'].encode())), ''),
        ('its id in a URI', 'uri: "%s;id=%s"' % (token, percent(listed[key.spki]['id'])), ''),
        ('its address', 'address: "key%d@example.org"' % key.number, ''),
        ('its issuer', 'issuer: "CN=Issuer %d,O=Obeys"' % key.number, ''),
        ('its certificate policy', 'policy: 1.3.6.1.4.1.54321.2.%d' % key.number, ''),
        ('its extended key usage', 'eku: 1.3.6.1.4.1.54321.1.%d' % key.number, ''),
        ('its template', 'template: 1.3.6.1.4.1.54321.3.%d' % key.number, ''),
        ('its evidence', 'evidence: enrolled', 'enrolled:\n  - {fingerprint: "%s", serial: "%s"}\n' % (key.spki.hex(), serial)),
    ]


OPERATIONS = 'operation: [sign, decrypt, list], '


def check(text, wrong):
    say(not wrong, text, '; '.join(wrong))


def each_key():
    agent.rules('outcome: allow')
    agent.unlock(token_id), agent.unlock(other_id)
    check('without a denial each key signs, decrypts, and is listed', wrong_with(agent, keys))
    listed = listing_of(agent)
    for key in places:
        others = [one for one in keys if one is not key]
        for words, condition, also in conditions(key, listed):
            agent.rules(OPERATIONS + 'key: {%s}, outcome: deny' % condition, also=also)
            check('%s denied by %s is denied alone' % (key.name, words), wrong_with(agent, others))
            agent.rules(OPERATIONS + 'key: {%s}, outcome: allow' % condition, OPERATIONS + 'outcome: deny', also=also)
            check('%s allowed by %s is allowed alone' % (key.name, words), wrong_with(agent, [key], False))
    return listed


def each_token():
    names = [('label', 'token: "%s"' % TOKEN, 'token: "%s"' % OTHER), ('id', 'token: "%s"' % token_id.hex(), 'token: "%s"' % other_id.hex()),
             ('label in a URI', 'uri: "%s"' % uri_of(TOKEN), 'uri: "%s"' % uri_of(OTHER))]
    if serial != other_serial:  # those of one TPM have the same
        names += [('serial number', 'token: "%s"' % serial, 'token: "%s"' % other_serial),
                  ('serial number in a URI', 'uri: "pkcs11:serial=%s"' % serial, 'uri: "pkcs11:serial=%s"' % other_serial)]
    for words, mine, others in names:
        agent.rules(OPERATIONS + 'key: {%s}, outcome: deny' % mine)
        check('the token denied by its %s is denied with all of its keys, and no other one' % words, wrong_with(agent, []))
        agent.rules(OPERATIONS + 'key: {%s}, outcome: deny' % others)
        check('the other one denied by its %s is not this one' % words, wrong_with(agent, keys, False))


def before_the_login(listed):
    """The first request after a lock, when most tokens have not told of private keys yet."""
    for key in places:
        label = 'uri: "pkcs11:object=%s"' % percent(listed[key.spki]['label'].encode())
        agent.rules('operation: [sign], key: {%s}, outcome: deny' % label)
        agent.lock()
        limit = time.monotonic() + PATIENCE_S
        while listing_of(agent).get(keys[0].spki, {'seen': True})['seen'] and time.monotonic() < limit:
            time.sleep(0.02)
        before = os.path.getsize(T + '/recorded')
        code, _ = agent.sign(key.spki)
        with open(T + '/recorded') as file:
            file.seek(before)
            calls = [line.split()[0] for line in file]
        say(code == DENIED and set(calls) <= {'C_Login'}, '%s denied by its label is denied from the first request on' % key.name, code, calls)


def unlocking():
    for words, name in [('label', TOKEN), ('id', token_id.hex())] + ([('serial number', serial)] if serial != other_serial else []):
        agent.lock()
        agent.rules('operation: [unlock], key: {token: "%s"}, outcome: deny' % name)
        code, reached = agent.unlock(token_id)
        say((code, reached) == (DENIED, False), 'the token denied by its %s is not unlocked' % words, code, reached)
        code, _ = agent.unlock(other_id)
        say(code == ALLOWED, 'the other one is', code)


def fresh_pin(listed):
    for key in places:
        agent.rules('operation: [sign], key: {fingerprint: "%s"}, require: [fresh-pin], outcome: allow' % key.spki.hex())
        wrong = []
        for one in keys:
            before = asked('GETPIN')
            code, reached = agent.sign(one.spki)
            prompted = asked('GETPIN') > before
            if (code, reached) != (ALLOWED, True) or (prompted != (one is key) and not listed[one.spki][AUTHENTICATE]):
                wrong.append('%s: error %d, %s' % (one.name, code, 'asked' if prompted else 'not asked'))
        check('a fresh PIN for %s is asked for that key alone' % key.name, wrong)


def consent():
    for answer, expected in (('yes', ALLOWED), ('no', DENIED)):
        if answer == 'no':
            for name in ('no', 'hasty'):
                open(T + '/pinentry.d/' + name, 'w').close()
        for key in places:
            agent.rules('operation: [sign, decrypt], key: {fingerprint: "%s"}, outcome: ask, ask: once' % key.spki.hex())
            wrong = []
            for one in keys:
                before = asked('CONFIRM')
                code, reached = agent.sign(one.spki)
                questions = asked('CONFIRM') - before
                good = (expected, expected == ALLOWED, 1) if one is key else (ALLOWED, True, 0)
                if (code, reached, questions) != good:
                    wrong.append('%s: error %d, %d questions, %s' % (one.name, code, questions, 'reached the module' if reached else 'did not reach the module'))
            check('%s is asked about alone, and a %s holds' % (key.name, answer), wrong)


each_token()
listed = each_key()
fresh_pin(listed)
unlocking()
before_the_login(listed)
agent.lock()
agent.rules('outcome: allow')
agent.unlock(token_id), agent.unlock(other_id)
consent()
