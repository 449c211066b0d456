# SPDX-License-Identifier: LGPL-2.1-or-later
"""The n-th allocation or OpenSSL call fails, for n = 1, 2, ..: nth-call.py LIBRARY STRIDE SCENARIO... . Prints `pass` and `fail` lines.

Of every STRIDE calls one is tried. In the environment: WORK, a directory that nth-call.sh has filled, and what the agent needs;
NTH_KINDS, which kinds of calls fail (all).
Each run of the client must end by itself, without a signal and without a word of a sanitizer's; with success only when the result
is right; else with an exit code of smime(1) and a line that says why, and without a file of output. The same holds of the requests
of a client that is well, while calls fail in the token process (scenario `token`: an agent is there all the time) or in the core (`core`: one that
is started for each n, and may refuse to start); afterwards requests must work again.
"""
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

LIBRARY, STRIDE = os.path.abspath(sys.argv[1]), int(sys.argv[2])
WORK = os.environ['WORK']
KINDS = {'malloc': 'allocation', 'openssl': 'OpenSSL call', 'inner': "allocation of OpenSSL's"}
INNER_STRIDE = 29 # of those there are tens of thousands
CODES = range(1, 9)
RUN_MAX_S = 60
SHOWN_MAX = 2
CALLS_MAX = 100000


def path(name):
    return os.path.join(WORK, name)


def read(name):
    with open(name, 'rb') as file:
        return file.read()


def environment(kind, n, log):
    if kind == 'none':
        return None
    made = dict(os.environ, LD_PRELOAD=LIBRARY, NTH_CALL='%s:%s' % (kind, n), NTH_CALL_LOG=log)
    made['LSAN_OPTIONS'] = os.environ.get('LSAN_OPTIONS', '') + ":suppressions='%s'" % path('lsan.supp')
    made['ASAN_OPTIONS'] = os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0:allocator_may_return_null=1:handle_segv=0'
    # Whose leak it is shows in whole stacks alone, which cost much.
    if kind == 'inner':
        made['ASAN_OPTIONS'] += ':fast_unwind_on_malloc=0'
    return made


def told(log):
    """The names of the calls that have failed, and the signals of processes that have crashed."""
    try:
        lines = [line.split() for line in read(log).decode().splitlines()]
    except FileNotFoundError:
        return [], []
    return [name for what, name in lines if what == 'failed'], [name for what, name in lines if what == 'crashed']


def openssl(*arguments):
    return subprocess.run(['openssl', *arguments], capture_output=True)


def has_sanitizer(text):
    return b'Sanitizer' in text or b'runtime error:' in text


def is_beyond_us(crashes):
    """OpenSSL 3.0 itself crashes when it lacks memory for its first steps."""
    return bool(crashes) and all(name.endswith('-within-OpenSSL') for name in crashes)


# ---- What a program does ----

class Run:
    """One run of a program of which the n-th call fails."""

    def __init__(self, arguments, kind, n):
        self.place = tempfile.mkdtemp(dir=WORK)
        self.output = os.path.join(self.place, 'output')
        log = os.path.join(self.place, 'log')
        command = [self.output if argument == '@' else argument for argument in arguments]
        try:
            done = subprocess.run(command, env=environment(kind, n, log), stdin=subprocess.DEVNULL, capture_output=True, timeout=RUN_MAX_S)
            self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as expired:
            self.code, self.out, self.err = 'none', expired.stdout or b'', expired.stderr or b''
        self.calls, self.crashes = told(log)
        self.beyond_us = kind == 'inner' and is_beyond_us(self.crashes)

    def end(self):
        shutil.rmtree(self.place, ignore_errors=True)

    def fault(self, right):
        """What is wrong with it, or None. right: whether a success is one; None when nothing can be."""
        if has_sanitizer(self.err):
            return 'a sanitizer found something'
        if self.code == 'none':
            return 'it does not end'
        if self.beyond_us:
            return None
        if self.code == 0:
            return None if right and right(self) else 'success with a wrong result'
        if self.code not in CODES:
            return 'it ended with %s' % self.code
        if os.path.exists(self.output):
            return 'output is left'
        if not any(line.startswith(b'smime') and len(line) > 10 for line in self.err.splitlines()):
            return 'it does not say why'
        return None


def is_signed(run):
    return openssl('cms', '-verify', '-in', run.output, '-CAfile', path('root.pem'), '-out', '/dev/null', '-purpose', 'any').returncode == 0


def is_signed_cms(run):
    return openssl('cms', '-verify', '-inform', 'DER', '-in', run.output, '-CAfile', path('root.pem'), '-out', '/dev/null',
                   '-purpose', 'any').returncode == 0


def opens_for(peer):
    def opens(run):
        done = openssl('cms', '-decrypt', '-in', run.output, '-inkey', path(peer + '.key'), '-recip', path(peer + '.pem'))
        return done.returncode == 0 and b'this is the text' in done.stdout
    return opens


def holds_content(run):
    return b'this is the text' in read(run.output)


def reports_good(run):
    report = json.loads(run.out)
    return report['good'] is True and all(signer['good'] for layer in report['layers'] for signer in layer.get('signers', []))


def holds_header(run):
    """The protected subject, and not the one outside."""
    return holds_content(run) and b'\nSubject: [...]' not in read(run.output)


def reports_request(run):
    checks = json.loads(run.out)['layers'][0]['signers'][0]['checks']
    return reports_good(run) and [check['outcome'] for check in checks if check['name'] == 'receipt-request'] == ['note']


def lists_keys(run):
    """Every key; words about a certificate may be missing, since one that can't be read has none."""
    return all(b'  %s\n' % label in run.out for label in (b'alice', b'bob'))


CLIENT = {
    'sign': (['smime', 'sign', '-i', path('mail'), '-o', '@'], is_signed),
    'sign-cms': (['smime', 'sign', '--cms', '--key', 'bob@example.org', '-i', path('mail'), '-o', '@'], is_signed_cms),
    'sign-denied': (['smime', 'sign', '--cms', '--digest', 'sha512', '--key', 'bob@example.org', '-i', path('mail'), '-o', '@'], None),
    'encrypt': (['smime', 'encrypt', '-r', path('peer-rsa.pem'), '-r', path('peer-ec.pem'), '-i', path('mail'), '-o', '@'], opens_for('peer-rsa')),
    'encrypt-sign': (['smime', 'encrypt', '--sign', '--cipher', 'aes256-gcm', '-r', path('peer-ec.pem'), '-i', path('mail'), '-o', '@'],
                     lambda run: True),
    'verify': (['smime', 'verify', '--trust', path('root.pem'), '-i', path('signed'), '-o', '@'], holds_content),
    'verify-opaque': (['smime', 'verify', '--trust', path('root.pem'), '-i', path('opaque'), '-o', '@'], holds_content),
    'verify-json': (['smime', 'verify', '--trust', path('root.pem'), '--json', '-i', path('signed')], reports_good),
    'verify-agent': (['smime', 'verify', '-i', path('signed'), '-o', '@'], holds_content),
    'verify-changed': (['smime', 'verify', '--trust', path('root.pem'), '-i', path('changed'), '-o', '@'], None),
    'verify-stranger': (['smime', 'verify', '-i', path('stranger'), '-o', '@'], None),
    'verify-ocsp': (['smime', 'verify', '--cms', '--trust', path('root.pem'), '--revocation', 'hard', '-i', path('ocsp'), '-o', '@'], holds_content),
    'verify-ocsp-revoked': (['smime', 'verify', '--cms', '--trust', path('root.pem'), '--revocation', 'hard', '-i', path('ocsp-revoked'), '-o', '@'], None),
    'verify-revoked': (['smime', 'verify', '--trust', path('root.pem'), '--revocation', 'hard', '--crl', path('revoked.crl'), '-i', path('signed'), '-o', '@'], None),
    'decrypt': (['smime', 'decrypt', '-i', path('encrypted'), '-o', '@'], holds_content),
    'decrypt-gcm': (['smime', 'decrypt', '-i', path('encrypted-gcm'), '-o', '@'], holds_content),
    'decrypt-signed': (['smime', 'decrypt', '--require-signature', '-i', path('encrypted-signed'), '-o', '@'], holds_content),
    'decrypt-changed': (['smime', 'decrypt', '-i', path('encrypted-changed'), '-o', '@'], None),
    'encrypt-wrapped': (['smime', 'encrypt', '--triple-wrap', '--header-protection', '-r', path('peer-ec.pem'), '-i', path('mail'), '-o', '@'],
                        is_signed),
    'decrypt-wrapped': (['smime', 'decrypt', '--require-signature', '-i', path('wrapped'), '-o', '@'], holds_header),
    'verify-asks': (['smime', 'verify', '--trust', path('root.pem'), '--json', '-i', path('asks')], reports_request),
    'keys': (['smime', 'keys'], lists_keys),
}


def try_client(name, kind, n):
    """The names of the calls that failed, what was wrong, and the details."""
    arguments, right = CLIENT[name]
    run = Run(arguments, kind, n)
    fault = run.fault(right)
    details = '%s %s (%s): %s; code %s, %r' % (kind, n, ' '.join(run.calls), fault, run.code, run.err[-4000:].decode(errors='replace'))
    calls = run.calls
    run.end()
    return calls, fault and details


# ---- The agent ----

REQUESTS = ['sign', 'sign-cms', 'sign-denied', 'decrypt', 'decrypt-gcm']
RECOVERY_MAX_S = 10


def well(name):
    """A run of a client in which nothing fails, and what is wrong with it."""
    arguments, right = CLIENT[name]
    run = Run(arguments, 'none', 0)
    fault = run.fault(right)
    run.end()
    return run, fault and '%s: %s; code %s, %r' % (name, fault, run.code, run.err[-500:])


def recovers():
    """What is wrong when signatures don't work again soon."""
    limit = time.monotonic() + RECOVERY_MAX_S
    while True:
        run, fault = well('sign')
        if run.code == 0:
            return fault
        if time.monotonic() > limit:
            return 'it does not recover: %r' % run.err[-500:]
        time.sleep(0.1)


def forget_tries():
    """A PIN try that was counted and perhaps not made stays counted: after three of them nothing is sent any more."""
    for folder, _, files in os.walk(os.environ['HOME']):
        if folder.endswith('/pin-tries'):
            for name in files:
                os.unlink(os.path.join(folder, name))


def restart_token():
    """Another token process."""
    subprocess.run(['smime', 'lock'], capture_output=True)
    forget_tries()


def sanitizer_of(log, offset):
    with open(log, 'rb') as file:
        file.seek(offset)
        text = file.read()
    return 'a sanitizer found something: %r' % text[-3000:] if has_sanitizer(text) else None


def try_token(kind, n):
    """Each request while the n-th call of every token process fails."""
    log, agent_log = path('token.log'), os.environ['AGENT_LOG']
    offset = os.path.getsize(agent_log)
    with open(path('plan.new'), 'w') as file:
        file.write('%s:%s' % (kind, n))
    os.rename(path('plan.new'), path('plan'))
    restart_token()
    faults = [well(name)[1] for name in REQUESTS]
    os.unlink(path('plan'))
    restart_token()
    faults += [recovers(), sanitizer_of(agent_log, offset)]
    calls, crashes = told(log)
    if calls or crashes:
        os.unlink(log)
    wrong = ['crashed: %s' % name for name in crashes if kind != 'inner' or not is_beyond_us(crashes)] + [fault for fault in faults if fault]
    return calls, wrong and '%s %s (%s): %s' % (kind, n, ' '.join(calls), '; '.join(wrong[:2])[:1200])


def started(agent, socket):
    """Whether it answers, as soon as it is known."""
    limit = time.monotonic() + RECOVERY_MAX_S
    while agent.poll() is None and time.monotonic() < limit:
        if subprocess.run(['smime', 'status', '--socket', socket], capture_output=True).returncode == 0:
            return True
        time.sleep(0.02)
    return False


def end_of(agent, log, beyond_us):
    """What is wrong with how an agent ended, or did not."""
    agent.terminate()
    try:
        code = agent.wait(RUN_MAX_S)
    except subprocess.TimeoutExpired:
        agent.kill()
        return 'the agent does not end'
    text = read(log)
    if has_sanitizer(text):
        return 'a sanitizer found something: %r' % text[-3000:]
    if beyond_us:
        return None
    if code not in (0, 1, 2, 3, 7, 8):
        return 'the agent ended with %s: %r' % (code, text[-500:])
    if code != 0 and b'smime-agent: ' not in text:
        return 'the agent does not say why it ended: %r' % text[-500:]
    return None


def try_core(kind, n):
    """An agent of which the n-th call fails, from its start."""
    forget_tries()
    place = tempfile.mkdtemp(dir=WORK)
    socket, log, calls_log = (os.path.join(place, name) for name in ('socket', 'log', 'calls'))
    faults = []
    with open(log, 'wb') as file:
        agent = subprocess.Popen(['smime-agent', '--foreground', '--socket', socket, '--config', os.environ['AGENT_CONFIG']],
                                 # An audit log of its own, since one agent at a time writes one.
                                 env={**environment(kind, n, calls_log), 'XDG_STATE_HOME': place}, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    before, os.environ['SMIME_AGENT_SOCK'] = os.environ['SMIME_AGENT_SOCK'], socket
    try:
        if started(agent, socket):
            faults += [well(name)[1] for name in REQUESTS]
            # One that fails once is nothing to end for.
            if not n.endswith('+'):
                faults += [recovers(), agent.poll() is not None and 'the agent has ended']
        faults.append(end_of(agent, log, kind == 'inner' and is_beyond_us(told(calls_log)[1])))
    finally:
        os.environ['SMIME_AGENT_SOCK'] = before
    calls, crashes = told(calls_log)
    shutil.rmtree(place, ignore_errors=True)
    wrong = ['crashed: %s' % name for name in crashes if kind != 'inner' or not is_beyond_us(crashes)] + [fault for fault in faults if fault]
    return calls, wrong and '%s %s (%s): %s' % (kind, n, ' '.join(calls), '; '.join(wrong[:2])[:1200])


# ---- All of them ----

def series(attempt, kind, lasts, width):
    """Tries, `width` at a time, until no call fails any more: how many, and the details of what was wrong."""
    n, tried, wrong = 1, 0, []
    stride = STRIDE * (INNER_STRIDE if kind == 'inner' else 1)
    with concurrent.futures.ThreadPoolExecutor(width) as pool:
        while n < CALLS_MAX:
            batch = list(range(n, n + stride * 2 * width, stride))
            results = list(pool.map(lambda k: attempt(kind, '%d%s' % (k, '+' if lasts else '')), batch))
            tried += sum(1 for calls, _ in results if calls)
            wrong += [details for calls, details in results if details]
            if not all(calls for calls, _ in results):
                break
            n = batch[-1] + stride
    return tried, wrong


def say(name, kind, lasts, tried, wrong):
    text = '%s: %s' % (name, 'from an %s on all fail' % KINDS[kind] if lasts else 'an %s fails' % KINDS[kind])
    if wrong:
        print('fail %s (%d of %d) :: %s' % (text, len(wrong), tried, ' | '.join(wrong[:SHOWN_MAX]).replace('\n', ' ')), flush=True)
    elif tried < (2 if name in AGENT else 1):
        print('fail %s :: %d were counted' % (text, tried), flush=True)
    else:
        print('pass %s (%d)' % (text, tried), flush=True)


AGENT = {'token': try_token, 'core': try_core}


def main():
    for name in [*CLIENT, *AGENT] if sys.argv[3:] == ['all'] else sys.argv[3:]:
        attempt = AGENT.get(name) or (lambda kind, n: try_client(name, kind, n))
        for kind in os.environ.get('NTH_KINDS', ' '.join(KINDS)).split():
            for lasts in (False, True):
                say(name, kind, lasts, *series(attempt, kind, lasts, 1 if name in AGENT else os.cpu_count()))


main()
