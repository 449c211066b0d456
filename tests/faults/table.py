# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of what cells.sh found: table.py RESULTS FAULTS OPERATIONS

In a place of the table: cells that held of all cells, then the longest time until the answer and until a request worked again, in
seconds. Behind it the cells in which something did not hold, or the card had to be put in again although it had not been taken out.
"""
import sys

results, faults, operations = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
cells, ended, bad, again = {}, set(), [], []
for line in open(results):
    fault, operation, number, *rest = line.split(' ', 6)
    if number.strip() == 'end':
        ended.add((fault, operation))
        continue
    code, answer, recovery, verdict = rest[0], rest[1], rest[2], rest[3].strip()
    cells.setdefault((fault, operation), []).append((answer, recovery, verdict.startswith('ok')))
    if not verdict.startswith('ok'):
        bad.append(line.strip())
    elif verdict != 'ok':
        again.append(line.strip())


def longest(found, index):
    times = [int(cell[index]) for cell in found if cell[index].lstrip('-').isdigit()]
    return max(times, default=0) / 1000


def place(key):
    found = cells.get(key, [])
    text = '%d of %d, %.1f, %.1f' % (sum(cell[2] for cell in found), len(found), longest(found, 0), longest(found, 1))
    return text if key in ended else text + ' (not all)'


print('| fault |', ' | '.join(operations), '|')
print('|---' * (1 + len(operations)) + '|')
for fault in faults:
    print('|', fault, '|', ' | '.join(place((fault, operation)) for operation in operations), '|')
total = [cell for found in cells.values() for cell in found]
missing = [key for key in ((f, o) for f in faults for o in operations) if key not in ended]
print('\n%d cells, %d held, %d did not; in %d the card had to be put in again%s' % (len(total), sum(cell[2] for cell in total), len(bad), len(again),
      '; not run to the end: ' + ', '.join('%s %s' % key for key in missing) if missing else ''))
print(*bad, *again, sep='\n')
sys.exit(1 if bad or missing else 0)
