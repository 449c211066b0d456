# SPDX-License-Identifier: LGPL-2.1-or-later
"""
How long decryptions take that fail, beside those that do not: timing.py FOLDER SOCKET SOURCE ROUNDS RUNS. For tests/bench/timing.sh.

Both the time until the answer and the time that the process has computed, which no other program disturbs: who asks can know the
former only. In each round every kind has its turn once, in an order by chance, so that what else the machine does
strikes all of them. The difference from the first kind is taken within the round; of these differences a fifth is cut off at each
end, and their mean is compared with its error (Yuen's t for pairs). A second set of the first kind shows what equal inputs do, and
a third one with some time added to it what would be seen. Beyond 4.5 a difference is no chance.
"""
import glob
import hashlib
import math
import os
import random
import statistics
import subprocess
import sys
import time

FOLDER, SOCKET, SOURCE = sys.argv[1:4]
ROUNDS, RUNS = int(sys.argv[4]), int(sys.argv[5])
sys.path += [SOURCE + '/tests/lib', SOURCE + '/tests/conformance']
import der  # noqa: E402
import pki  # noqa: E402
import wire  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: E402
from enveloped import auth_enveloped, gcm_id  # noqa: E402
from failing import OAEP, V15, encrypted  # noqa: E402
from signed import RSA, algorithm  # noqa: E402

LIMIT = 4.5
OAEP_ID = '1.2.840.113549.1.1.7'
with open(FOLDER + '/alice.pem', 'rb') as file:
    ALICE = pki.Person(None, x509.load_pem_x509_certificate(file.read()))
PUBLIC = ALICE.certificate.public_key()
SPKI = hashlib.sha256(PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
AUTHENTICATED = '1.2.840.113549.1.9.16.1.23'


def recipient(scheme, kind, cek):
    how = algorithm(RSA, der.NULL) if scheme == 'v1.5' else algorithm(OAEP_ID, der.seq())
    return der.seq(der.integer(0), der.seq(ALICE.issuer, der.integer(ALICE.serial)), how, der.octets(encrypted(PUBLIC, scheme, kind, cek)))


def token_process():
    """The files with the times of its threads."""
    for path in glob.glob('/proc/[0-9]*/environ'):
        try:
            with open(path, 'rb') as file, open(path.replace('environ', 'comm')) as name:
                if FOLDER.encode() in file.read() and name.read() == 'smime-token\n':
                    return glob.glob(path.replace('environ', 'task/*/schedstat'))
        except OSError:
            pass
    raise SystemExit('there is no smime-token')


def computed(threads):
    """Nanoseconds that a process has had, once it sleeps."""
    total = 0
    for path in threads:
        with open(path) as file:
            total += int(file.read().split()[0])
    return total


def request_times(connection, threads, scheme, kind, added):
    """Nanoseconds from the request to its answer, and those that the token process computed, for a ciphertext that is new."""
    cek = os.urandom(32)
    body = wire.sequence(wire.octets(SPKI), der.oid(AUTHENTICATED), gcm_id(cek, bytes(12)), wire.octets(recipient(scheme, kind, cek)))
    message = wire.request(7, wire.DECRYPT, body)
    before, begin = computed(threads), time.perf_counter_ns()
    answer = connection.ask(message)
    took = time.perf_counter_ns() - begin
    assert answer[1] == wire.R_DECRYPT, answer
    time.sleep(0.001)
    return took + added, computed(threads) - before + added


def process_times(scheme, kind, added):
    """The same for `smime decrypt` of a message with a wrong tag or a wrong key: it fails each time."""
    cek = os.urandom(32)
    message = auth_enveloped([recipient(scheme, kind, cek)], bytes(20000), cek)
    path = FOLDER + '/timed'
    with open(path, 'wb') as file:
        file.write(message[:-1] + bytes([message[-1] ^ 1]))
    begin = time.perf_counter_ns()
    process = subprocess.Popen(['smime', 'decrypt', '--cms', '-i', path, '-o', FOLDER + '/never'], stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter_ns() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 1, status
    return took + added, round((usage.ru_utime + usage.ru_stime) * 1e9) + added


def measure(rounds, kinds, one):
    """kinds: name -> arguments of `one`; the first is what the others are compared with. Each time that `one` measures: name -> times."""
    times = {name: [] for name in kinds}
    for number in range(-max(3, rounds // 50), rounds):
        for name in random.sample(list(kinds), len(kinds)):
            took = one(*kinds[name])
            if number >= 0:
                times[name].append(took)
    return [{name: values for name, values in zip(times, columns)} for columns in zip(*(zip(*each) for each in times.values()))]


def compared(times, first):
    """Mean difference without a fifth at each end, and its t."""
    differences = sorted(a - b for a, b in zip(times, first))
    count, cut = len(differences), len(differences) // 5
    kept = differences[cut:count - cut]
    winsorized = [kept[0]] * cut + kept + [kept[-1]] * cut
    error = statistics.stdev(winsorized) * math.sqrt(count - 1) / math.sqrt(len(kept) * (len(kept) - 1))
    mean = statistics.fmean(kept)
    return mean, mean / error if error else 0.0


def show(title, times, control):
    """
    Prints a table; whether nothing differs but what time was added to. With `control` that must be seen, too, lest the measurement
    be too coarse to say anything.
    """
    names = list(times)
    print('\n| %s | median | differs by | t |\n|---|---|---|---|' % title)
    print('| %s | %.1f us | | |' % (names[0], statistics.median(times[names[0]]) / 1000))
    alike = True
    for name in names[1:]:
        mean, t = compared(times[name], times[names[0]])
        print('| %s | %.1f us | %+.2f us | %+.1f |' % (name, statistics.median(times[name]) / 1000, mean / 1000, t), flush=True)
        added = name.startswith('the same and')
        alike = alike and (not control or abs(t) > LIMIT if added else abs(t) < LIMIT)
    return alike


def kinds_of(scheme, kinds, first, added):
    control = 'the same and %d us' % (added // 1000)
    table = {first: (scheme, 'good', 0), 'the same again': (scheme, 'good', 0), control: (scheme, 'good', added)}
    table.update({'wrong: ' + kind: (scheme, kind, 0) for kind in kinds[1:]})
    return table, control


def main():
    connection, threads, good = wire.Connection(SOCKET).greet(), token_process(), True
    for scheme, kinds in [('v1.5', V15), ('oaep', OAEP)]:
        table, control = kinds_of(scheme, kinds, 'right', 10000)
        answers, work = measure(ROUNDS, table, lambda *arguments: request_times(connection, threads, *arguments))
        good = show('RSA %s: answer of the agent, %d of each' % (scheme, ROUNDS), answers, None) and good
        good = show('RSA %s: time of the token process, %d of each' % (scheme, ROUNDS), work, control) and good
    for scheme, kinds in [('v1.5', V15), ('oaep', OAEP)]:
        table, control = kinds_of(scheme, kinds, 'right padding, wrong tag', 200000)
        runs, work = measure(RUNS, table, process_times)
        good = show('RSA %s: `smime decrypt`, %d of each' % (scheme, RUNS), runs, None) and good
        good = show('RSA %s: time of the process, %d of each' % (scheme, RUNS), work, control) and good
    print('\n' + ('alike: nothing differs but what time was added to' if good else 'NOT alike, or the measurement is too coarse'))
    return 0 if good else 1


sys.exit(main())
