# SPDX-License-Identifier: LGPL-2.1-or-later
"""Changes one thing at a time in the policy's code, and looks whether its unit tests notice: mutants.py BUILD SOURCE [FILE...]

A mutant is a line with another comparison, another connective, a negation more or less, another constant, another answer, or without its
statement. It is killed when it does not compile, when a test fails, or when a sanitizer finds something; one that takes too long is, too.
What only lacks memory is left alone: tests/faults/alloc.sh does that. Prints those that survive, how many were killed in each file, and
`pass` or `fail`.
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

BUILD, SOURCE = map(os.path.abspath, sys.argv[1:3])
ROOM, LIMIT_S, WANTED = 'agent/policy', 20, 90
# Which test programs a file's mutants are shown to, those first that look at it most.
TESTS = {'certificate': ['certificate'], 'evidence': ['evidence', 'certificate'], 'policy': ['policy', 'rules'], '': ['rules', 'policy']}
SANITIZE = ['-O0', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined', '-Wno-error', '-w', '-U_FORTIFY_SOURCE']

SWAPS = [
    (r' == ', [' != ']), (r' != ', [' == ']), (r' < ', [' <= ', ' > ']), (r' > ', [' >= ', ' < ']), (r' <= ', [' < ', ' > ']),
    (r' >= ', [' > ', ' < ']), (r' && ', [' || ']), (r' \|\| ', [' && ']), (r'(?<![\w)])!(?=[\w(])', ['']), (r'\bif \((?=.)', ['if (!']),
    (r' \+ (?=\w)', [' - ']), (r' - (?=\w)', [' + ']), (r'\btrue\b', ['false']), (r'\bfalse\b', ['true']), (r' \|= ', [' = ', ' &= ']),
    (r'\bRULE_YES\b', ['RULE_NO', 'RULE_UNKNOWN']), (r'\bRULE_NO\b', ['RULE_YES', 'RULE_UNKNOWN']), (r'\bRULE_UNKNOWN\b', ['RULE_YES', 'RULE_NO']),
    (r'\bPOLICY_ALLOW\b', ['POLICY_DENY', 'POLICY_ASK']), (r'\bPOLICY_DENY\b', ['POLICY_ALLOW', 'POLICY_ASK']), (r'\bPOLICY_ASK\b', ['POLICY_ALLOW', 'POLICY_DENY']),
    (r'\bPOLICY_YES\b', ['POLICY_NO']), (r'\bPOLICY_DONT_KNOW\b', ['POLICY_NO']),
]
NUMBERS = [
    (r'(?<![\w.-])0(?![\w.x"])', ['1']),
    (r'(?<![\w.-])1(?![\w.x"])', ['0']), (r'(?<![\w.-])([2-9]|\d\d+)(?![\w.x"u])', [lambda m: str(int(m[0]) + 1), lambda m: str(int(m[0]) - 1)]),
]
# Numbers that mean nothing: what is written over before it is read, room that is larger than need be, flags of OpenSSL's.
NO_NUMBER = re.compile(r'^\t+(static |const )*(int|long|unsigned|size_t|bool|char|uint\w+|struct \w+)\b.* = 0[,;]|alloc\(|OBJ_|_by_OBJ')
STATEMENT = re.compile(r'^\t+(?!return|case|goto|break|continue|static|const|struct|enum|int |bool |char |size_t |unsigned |uint\w+ |time_t |_cleanup_|else|for|if|while|[A-Z0-9_]+\()[\w*(][^{}]*;\s*(/\*.*\*/)?$')
JUMP = re.compile(r'^\t+(break|continue);')
LEFT_ALONE = re.compile(r'NO_MEMORY|ERR_clear_error|^\s*(#|/?\*|//|enum \{)|snprintf\(|^\t*(static )?const (static )?char|free\(')


def code_of(line):
    """Where a line is code, and no text or comment."""
    return [m.span() for m in re.finditer(r'"(\\.|[^"\\])*"|/\*.*?(\*/|$)|\'(\\.|[^\'\\])\'', line)]


def is_whole(lines, number):
    """A statement of one line: the one before it does not go on in it."""
    before = lines[number - 1].rstrip()
    return before.endswith((';', '{', '}', ')', 'else', ':', '*/')) or not before


def mutants(path):
    with open(path) as file:
        lines = file.read().split('\n')
    in_comment = False
    for number, line in enumerate(lines):
        in_comment = in_comment or line.lstrip().startswith('/*')
        skip = in_comment or LEFT_ALONE.search(line) or not line.startswith('\t')
        if '*/' in line:
            in_comment = False
        if skip:
            continue
        texts = code_of(line)
        for pattern, replacements in SWAPS + ([] if NO_NUMBER.search(line) else NUMBERS):
            for match in re.finditer(pattern, line):
                if any(begin <= match.start() < end for begin, end in texts):
                    continue
                for replacement in replacements:
                    new = replacement(match) if callable(replacement) else replacement
                    changed = line[:match.start()] + new + line[match.end():]
                    if new == 'if (!':
                        changed = negated(line, match)
                    if changed:
                        yield number, changed, lines
        if (STATEMENT.match(line) and is_whole(lines, number)) or JUMP.match(line):
            yield number, line[:len(line) - len(line.lstrip())] + ';', lines


def negated(line, match):
    """The whole condition of an if on one line."""
    depth, start = 0, match.end() - 1
    for position in range(start, len(line)):
        depth += {'(': 1, ')': -1}.get(line[position], 0)
        if depth == 0:
            inner = line[start:position + 1]
            if inner.startswith('(!') and ' && ' not in inner and ' || ' not in inner:
                return None # the negation alone is taken away already
            return line[:start] + '(!' + line[start:position + 1] + ')' + line[position + 1:]
    return None


# ---- Building and running ----

def commands():
    with open(os.path.join(BUILD, 'compile_commands.json')) as file:
        listed = json.load(file)
    compiled = {}
    for entry in listed:
        path = os.path.relpath(os.path.join(entry['directory'], entry['file']), SOURCE)
        if path.startswith(ROOM + '/'):
            words = shlex.split(entry['command'])
            compiled[path] = [w for w in words[:words.index('-MD')] if w != '-O2'] + ['-iquote', os.path.join(SOURCE, ROOM)] + SANITIZE
    links = {}
    for name in sorted({name for names in TESTS.values() for name in names}):
        done = subprocess.run(['ninja', '-C', BUILD, '-t', 'commands', 'tests/unit/test-' + name], capture_output=True, text=True)
        if done.returncode == 0:
            links[name] = shlex.split(done.stdout.strip().split('\n')[-1])
    return compiled, links


def run(command, limit=LIMIT_S, **how):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=limit, **how).returncode
    except subprocess.TimeoutExpired:
        return None


class Bench:
    def __init__(self, folder):
        self.folder = folder
        self.compiled, self.links = commands()
        self.objects = {path: os.path.join(folder, os.path.basename(path) + '.o') for path in self.compiled}
        for path, output in self.objects.items():
            assert self.compile(path, os.path.join(SOURCE, path), output), path

    def compile(self, path, source, output):
        return run(self.compiled[path] + ['-o', output, '-c', source], 120, cwd=BUILD) == 0

    def survives(self, path, source, place):
        """Whether every test passes with this source in place of that of the path."""
        output = os.path.join(place, 'mutant.o')
        if source and not self.compile(path, source, output):
            return False
        objects = [output if source and p == path else o for p, o in self.objects.items()]
        names = next(names for start, names in TESTS.items() if os.path.basename(path).startswith(start)) if path else [*self.links]
        for name in names:
            link = self.links[name]
            program = os.path.join(place, name)
            words = [program if w == 'tests/unit/test-' + name else w for w in link]
            at = words.index(ROOM + '/libpolicy_room.a')
            if run(words[:at] + objects + words[at + 1:] + ['-fsanitize=address,undefined'], 120, cwd=BUILD) != 0:
                return False
            if run([program], cwd=place, env=dict(os.environ, ASAN_OPTIONS='detect_leaks=1', TMPDIR=place)) != 0:
                return False
        return True


def try_one(bench, path, mutant):
    number, changed, lines = mutant
    with tempfile.TemporaryDirectory(dir=bench.folder) as place:
        source = os.path.join(place, os.path.basename(path))
        with open(source, 'w') as file:
            file.write('\n'.join(lines[:number] + [changed] + lines[number + 1:]))
        return bench.survives(path, source, place)


def main():
    wanted = sys.argv[3:]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        with tempfile.TemporaryDirectory(dir=folder) as place:
            if not bench.survives(None, None, place):
                print('fail the tests pass as they are')
                return
        total = killed = 0
        for path in sorted(bench.compiled):
            if wanted and os.path.basename(path) not in wanted:
                continue
            found = list(mutants(os.path.join(SOURCE, path)))
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                alive = list(pool.map(lambda mutant, path=path: try_one(bench, path, mutant), found))
            for (number, changed, lines), lives in zip(found, alive):
                if lives:
                    print('%s:%d: %s  |  %s' % (path, number + 1, lines[number].strip(), changed.strip()))
            dead = len(found) - sum(alive)
            print('%s: %d of %d killed' % (path, dead, len(found)), flush=True)
            total, killed = total + len(found), killed + dead
        print('%s %d of %d mutants are killed, %.1f %%' % ('pass' if 100 * killed >= WANTED * total else 'fail', killed, total, 100 * killed / max(total, 1)))


main()
