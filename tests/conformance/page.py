# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/conformance.md, from rows.txt and from what tests have shown: page.py [--write] LOG...

A LOG is a *.json of `meson test` (meson-logs/testlog.json) or the TAP of one script, SUITE-NAME.tap. A point whose description
begins with `NAME: ` shows the row NAME; a line `# peers of NAME: TEXT` says what other programs do with such a message.

  --write   writes the page anew instead of comparing it

What a script shows is kept from the page when it did not run, or was skipped as a whole, so that a page can be made of several
runs and on a machine that lacks a program. What peers do depends on their versions: it is written, and never compared.
Without --write the output is TAP.
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent
PAGE = TESTS.parent / 'docs' / 'conformance.md'
POINT = re.compile(r"^(not )?ok\b *\d* *-? *([A-Z]\d+|[VG] [^:]+): .*?(?:# *(SKIP|TODO)\b.*)?$", re.IGNORECASE)
PEERS = re.compile(r'^# peers of ([^:]+): (.*)$')
SKIPPED = re.compile(r'^1\.\.0 *# *SKIP', re.MULTILINE)
ROW = re.compile(r'^\| (?P<name>[A-Z]\d+|[VG] [^|]+?) \|(?P<cells>.*)\|$')

HEAD = """# Conformance

What S/MIME asks for, what the agent itself holds to, and which tests show that it is so. This page is made by the tests: `tests/conformance/rows.txt` has the rows, each test point that shows one begins with its name,
`tests/run.sh` compares the page with what its own run has shown, and `python3 tests/conformance/page.py --write LOG...` writes it anew from logs of *meson test*.

*held*: every test of the row passes. *fails*: one does not. *no test*: nothing shows it. *read only*: old, verified or decrypted and reported as weak. *not built*: for the reason that is given.
"""
MESSAGES = """Messages that were made for one fault or one form each, what has to become of them, and what other programs make of them: OpenSSL's `cms`, gpgsm, and NSS's `cmsutil`, as
they were when the page was written.
"""


class Row:
    def __init__(self, heading, fields):
        self.heading, self.name, self.priority, self.source, self.text = heading, *fields[:4]
        self.reason = fields[4] if len(fields) > 4 else ''
        self.passed = self.failed = 0
        self.scripts, self.peers = set(), ''

    def is_message(self):
        return self.name[1] == ' '

    def state(self):
        if self.priority == 'M':
            return 'not built: ' + self.reason
        if self.failed:
            return '**fails**'
        if not self.passed:
            return 'no test'
        return 'read only' if self.priority == 'RO' else 'held'

    def cells(self):
        scripts = ', '.join(sorted(self.scripts))
        last = [self.peers, scripts] if self.is_message() else [scripts]
        return [self.text, self.source, self.state()] + last


def read_rows():
    rows, heading = {}, ''
    for line in (HERE / 'rows.txt').read_text().splitlines():
        if line.startswith('['):
            heading = line.split('] ', 1)[1]
        elif line and not line.startswith('#'):
            row = Row(heading, line.split('|'))
            rows[row.name] = row
    return rows


def read_page():
    """What the page has of each row: its cells."""
    old = {}
    for line in PAGE.read_text().splitlines() if PAGE.exists() else []:
        match = ROW.match(line)
        if match:
            old[match['name']] = [cell.strip() for cell in match['cells'].split('|')]
    return old


def read_logs(paths):
    """Each script's name with its TAP."""
    for path in map(pathlib.Path, paths):
        if path.suffix == '.tap':
            yield path.stem.replace('-', '/', 1), path.read_text()
            continue
        for line in path.read_text().splitlines():
            test = json.loads(line)
            yield test['name'].split(':', 1)[-1].replace(' / ', '/'), test.get('stdout', '')


def count(rows, script, tap, strays):
    for line in tap.splitlines():
        point, peers = POINT.match(line), PEERS.match(line)
        if peers and peers[1] in rows:
            rows[peers[1]].peers = peers[2]
        elif point and point[2] not in rows:
            strays.append('%s shows %s, which is no row' % (script, point[2]))
        elif point:
            row = rows[point[2]]
            row.scripts.add(script)
            row.passed += not point[1] and not point[3]
            row.failed += bool(point[1])


def exists(script):
    suite, _, name = script.partition('/')
    return (TESTS / suite / (name + '.sh')).exists() or (TESTS / suite / ('test-%s.c' % name)).exists()


def keep(rows, old, ran):
    """What scripts have shown that exist and did not run."""
    for name, cells in old.items():
        if name not in rows or len(cells) != len(rows[name].cells()):
            continue
        row = rows[name]
        kept = {script for script in cells[-1].split(', ') if script and script not in ran and exists(script)}
        row.scripts |= kept
        row.passed += bool(kept) and cells[2] in ('held', 'read only')
        row.failed += bool(kept) and cells[2] == '**fails**'
        if row.is_message() and not row.peers:
            row.peers = cells[3]


def render(rows):
    page, heading = [HEAD.rstrip()], None
    for row in rows.values():
        if row.heading != heading:
            if row.is_message() and not any('Messages that' in part for part in page):
                page.append('\n' + MESSAGES.rstrip())
            heading = row.heading
            columns = ['row', 'what must hold', 'source', 'state'] + (['others'] if row.is_message() else []) + ['shown by']
            page += ['\n## %s\n' % heading, '| %s |' % ' | '.join(columns), '|' + '---|' * len(columns)]
        page.append('| %s |' % ' | '.join([row.name] + row.cells()))
    return '\n'.join(page) + '\n'


def without_peers(page):
    lines = []
    for line in page.splitlines():
        match = ROW.match(line)
        if match and match['name'][1] == ' ':
            cells = match['cells'].split('|')
            line = '|'.join([match['name']] + cells[:3] + cells[4:])
        lines.append(line)
    return lines


def report(rows, page, strays):
    """TAP: one point for the page, one for each row that must be shown and is not."""
    points = [('the rows that tests show are those of rows.txt', not strays, strays)]
    old = without_peers(PAGE.read_text() if PAGE.exists() else '')
    new = without_peers(page)
    points.append(('docs/conformance.md has what was found', old == new, ['is:     ' + line for line in old if line not in new] +
                   ['should: ' + line for line in new if line not in old]))
    for row in rows.values():
        if row.state() == 'no test':
            points.append(('%s has a test' % row.name, False, []))
    for number, (text, good, details) in enumerate(points, 1):
        print('%sok %d - %s' % ('' if good else 'not ', number, text))
        for detail in details:
            print('# ' + detail)
    print('1..%d' % len(points))
    return 0 if all(good for _, good, _ in points) else 1


def main(arguments):
    rows, strays, ran = read_rows(), [], set()
    for script, tap in read_logs(a for a in arguments if not a.startswith('--')):
        count(rows, script, tap, strays)
        if not SKIPPED.search(tap):
            ran.add(script)
    keep(rows, read_page(), ran)
    page = render(rows)
    if '--write' not in arguments:
        return report(rows, page, strays)
    PAGE.write_text(page)
    for stray in strays:
        print(stray, file=sys.stderr)
    return 0


sys.exit(main(sys.argv[1:]))
