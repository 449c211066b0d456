# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands of docs/guide.md, for guide.sh: guide.py PAGE DIRECTORY

Each command becomes DIRECTORY/NNN/{command,section,needs,exit,shown}. A block ```sh is one command that shows nothing; in a block
```console each line after "$ " is one, and the lines below it are what it shows. guide.py --compare SHOWN FILE: whether a file is what
the page shows, where numbers, dates and fingerprints may differ, and a line "..." stands for any lines.
"""
import pathlib
import re
import sys

BLOCK = re.compile(r'^```(sh|console)((?: \S+)*)\n(.*?)^```$|^## ([^\n]*)$', re.M | re.S)
# What is another one each time; the longest first.
VARYING = [
    (re.compile(r'/run/user/1000'), r'/\S.*'),
    (re.compile(r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC'), r'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC'),
    (re.compile(r'\b[0-9a-f]{64}\b'), r'[0-9a-f]{64}'),
    (re.compile(r'\bprocess \d+'), r'process \d+'),
    (re.compile(r'\b\d+ octets'), r'\d+ octets'),
    (re.compile(r'\.\.\.'), r'.*'),
]


def commands(page):
    section = ''
    for kind, words, text, title in BLOCK.findall(page):
        if title:
            section = title
            continue
        settings = {'exit': '0', 'needs': '', **dict(word.split('=') for word in words.split())}
        if kind == 'sh':
            yield section, settings, text, None
            continue
        for part in re.split(r'^\$ ', text, flags=re.M)[1:]:
            command, _, shown = part.partition('\n')
            yield section, settings, command + '\n', shown


def pattern(line):
    """A regular expression for a line of the page."""
    found = ''
    while line:
        first = min((m.start(), i) for i, (varying, _) in enumerate(VARYING) if (m := varying.search(line))) \
            if any(varying.search(line) for varying, _ in VARYING) else None
        if first is None:
            return found + re.escape(line)
        start, i = first
        match = VARYING[i][0].match(line, start)
        found += re.escape(line[:start]) + VARYING[i][1]
        line = line[match.end():]
    return found


def compare(shown, said):
    whole = ''.join(r'(?:.*\n)*?' if line == '...' else pattern(line) + '\n' for line in shown.splitlines())
    return re.fullmatch(whole, said)


def main():
    if sys.argv[1] == '--compare':
        sys.exit(not compare(*(pathlib.Path(path).read_text(errors='replace') for path in sys.argv[2:4])))
    page, directory = map(pathlib.Path, sys.argv[1:3])
    for number, (section, settings, command, shown) in enumerate(commands(page.read_text()), 1):
        place = directory / f'{number:03}'
        place.mkdir()
        for name, text in {**settings, 'section': section, 'command': command}.items():
            (place / name).write_text(text)
        if shown is not None:
            (place / 'shown').write_text(shown)


main()
