# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts test points: report.py DIRECTORY, with *.json logs of `meson test` and *.tap files.

Shows what failed with its output, and what was skipped with its reason; ends with `N passed, N failed, N skipped`. A test
program that ends badly, runs out of time or stops before its plan is a failure, whatever its points say.
"""
import json
import pathlib
import re
import sys

POINT = re.compile(r'^(not )?ok\b *\d* *-? *(.*?)(?: *# *(SKIP|TODO)\b *(.*))?$', re.IGNORECASE)
PLAN = re.compile(r'^1\.\.(\d+)(?: *# *SKIP *(.*))?', re.IGNORECASE)


def read_tap(text):
    """The points of a TAP stream, and the number that its plan promises (None: no plan)."""
    passed, failed, skipped, plan = [], [], [], None
    for line in text.splitlines():
        point, planned = POINT.match(line), PLAN.match(line)
        if planned:
            plan = int(planned[1])
            if planned[2] is not None:
                skipped.append(('the whole program', planned[2]))
        elif point and point[3] and point[3].upper() == 'SKIP':
            skipped.append((point[2], point[4]))
        elif point and point[1]:
            failed.append(point[2])
        elif point:
            passed.append(point[2])
    return passed, failed, skipped, plan


def program_fault(test, points, plan, skipped):
    """Why the program as a whole failed, although its points don't say so; None when it did not."""
    if 'TIMEOUT' in test['result']:
        return 'ran out of time'
    if plan is None:
        return 'ended before its plan (exit code %s)' % test['returncode']
    if plan == 0 and not skipped:
        return 'made no point'
    if plan != points and plan != 0:
        return 'planned %d points, made %d' % (plan, points)
    if test['returncode'] != 0:
        return 'exit code %s' % test['returncode']
    return None


def main(directory):
    passed = failed = skipped = 0
    skips = {}
    for path in sorted(pathlib.Path(directory).glob('*.tap')):
        good, bad, _, _ = read_tap(path.read_text())
        passed, failed = passed + len(good), failed + len(bad)
        for name in bad:
            print('FAILED: %s' % name)
    for path in sorted(pathlib.Path(directory).glob('*.json')):
        for line in path.read_text().splitlines():
            test = json.loads(line)
            good, bad, skip, plan = read_tap(test.get('stdout', ''))
            fault = None if bad else program_fault(test, len(good) + len(skip), plan, skip)
            passed, failed, skipped = passed + len(good), failed + len(bad) + bool(fault), skipped + len(skip)
            for name, reason in skip:
                skips.setdefault((test['name'], name, reason), []).append(path.stem)
            if bad or fault:
                print('\nFAILED: %s: %s: %s' % (path.stem, test['name'], fault or '; '.join(bad)))
                print('\n'.join('    ' + text for text in (test.get('stdout', '') + test.get('stderr', '')).splitlines()[-150:]))
    for (name, point, reason), runs in sorted(skips.items()):
        print('skipped: %s: %s: %s (%s)' % (name, point, reason, ', '.join(runs)))
    print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
    return 1 if failed else 0


sys.exit(main(sys.argv[1]))
