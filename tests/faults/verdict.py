# SPDX-License-Identifier: LGPL-2.1-or-later
"""Says whether what must always hold did hold in one cell of the matrix: verdict.py RECORD OBSERVATIONS

RECORD: lines NAME=VALUE that cells.sh wrote. OBSERVATIONS: what observer.py saw in the meantime. Prints `ok`, `ok when put in again: REASON`, or what does not hold.

  * every request had exactly one answer, and none was answered that was not asked;
  * the command ended by itself, in time, with an exit code that blames neither the agent nor a mistake in it;
  * no more wrong PINs reached the card than a person typed, none another card, and none a blocked one;
  * when the card is well again, a request works within five seconds (behind a listing: and all keys are there), and the agent is the process that it was; where it takes that
    the card is put in again, the verdict says so and why, and is no `ok` for one that was taken out or frozen;
  * after `smime lock` no other program can sign.
"""
import sys

ANSWER_MAX_MS, GONE_MAX_MS, RECOVERY_MAX_MS = 10000, 3000, 5000
REMOVED = {'pull', 'late-pull', 'swap'}
DEFINITE = {0, 1, 4}  # done; the answer is no; something is the matter with the token


def answers(lines):
    """What is wrong with requests and answers."""
    pending, wrong = set(), []
    for line in lines:
        _, connection, event, *rest = line.split()
        key = (connection, rest[0]) if rest else None
        if event == 'request':
            if key in pending:
                wrong.append('a request id was used twice')
            pending.add(key)
        elif event == 'answer' and key in pending:
            pending.remove(key)
        elif event == 'answer':
            wrong.append('an answer to nothing that was asked')
        else:
            lost = {p for p in pending if p[0] == connection}
            pending -= lost
            wrong += ['the connection ended without an answer'] * len(lost)
    return wrong + ['a request without an answer'] * len(pending)


def verdict(cell, lines):
    number = {name: int(value) for name, value in cell.items() if value.lstrip('-').isdigit()}
    wrong = answers(lines)
    limit = GONE_MAX_MS if cell['fault'] in REMOVED else ANSWER_MAX_MS
    if number['code'] not in DEFINITE:
        wrong.append('exit code %d' % number['code'])
    if number['ms'] > limit:
        wrong.append('answered after %d ms' % number['ms'])
    if number['wrong'] > number['typed_wrong']:
        wrong.append('%d wrong PINs at the card, %d typed' % (number['wrong'], number['typed_wrong']))
    if number['blocked'] > 0:
        wrong.append('a PIN sent to a blocked card')
    if number['elsewhere'] > 0:
        wrong.append('a PIN sent to the other card')
    if number['recovery_ms'] < 0 or number['recovery_ms'] > RECOVERY_MAX_MS:
        wrong.append('does not work again')
    if cell['reason'] and cell['fault'] in REMOVED | {'freeze'}:
        wrong.append('did not work when it was back: ' + cell['reason'])
    if number['alive'] != 1:
        wrong.append('the agent ended')
    if number['recovery_ms'] >= 0 and cell['tries'] != '3':
        wrong.append('%s tries left in the end' % cell['tries'])
    if cell['operation'] == 'lock' and number['code'] == 0 and cell['foreign'] == '9000':
        wrong.append('another program signs after the lock')
    return wrong


def main():
    cell = dict(line.rstrip('\n').split('=', 1) for line in open(sys.argv[1]))
    wrong = verdict(cell, open(sys.argv[2]).read().splitlines())
    print('; '.join(sorted(set(wrong))) or 'ok' + (' when put in again: ' + cell['reason'] if cell['reason'] else ''))

main()
