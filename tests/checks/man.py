# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages against the programs and headers that they are about: man.py SOURCE BUILD

Programs and pages are those that the build installs, so that a new program without a page, or a page that nobody installs, is
found. Prints lines for points_of() of tests/lib/lib.sh. Knows no text of any page: what a page says of an option is for people
to judge, that it says something is judged here.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

SOURCE, BUILD = map(pathlib.Path, sys.argv[1:3])
OPTION = re.compile(r'(?<![\w-])(--[a-z][a-z0-9-]*|-[A-Za-z](?![\w-]))')

# Pages of other projects that ours refer to.
FOREIGN = {
    'git(1)', 'git-commit(1)', 'git-config(1)', 'git-log(1)', 'git-push(1)', 'git-rebase(1)', 'git-tag(1)', 'git-verify-commit(1)', 'git-verify-tag(1)',
    'gpg(1)', 'gpgsm(1)', 'gpg-agent(1)', 'scdaemon(1)', 'mutt(1)', 'muttrc(5)', 'neomutt(1)', 'neomuttrc(5)', 'smime_keys(1)',
    'openssl(1)', 'openssl-cms(1)', 'openssl-x509(1)', 'p11-kit(8)', 'pkcs11.conf(5)', 'pinentry(1)', 'pinentry-curses(1)', 'pcscd(8)', 'pcsc_scan(1)',
    'pkcs11-tool(1)', 'pkcs15-tool(1)', 'opensc.conf(5)', 'polkit(8)', 'softhsm2-util(1)', 'ssh-agent(1)', 'systemctl(1)', 'systemd.socket(5)',
    'ssh(1)', 'ssh_config(5)', 'sshd_config(5)', 'systemd-creds(1)', 'systemd-sysusers(8)', 'systemd.exec(5)',
    'systemd(1)', 'journalctl(1)', 'loginctl(1)', 'udev(7)', 'diff(1)', 'signal(7)', 'write(2)', 'unix(7)',
}


def say(good, text, detail=''):
    print(f'pass {text}' if good else f'fail {text} :: {detail}')


def none(text, found):
    say(not found, text, ' '.join(map(str, sorted(found))))


def installed():
    said = subprocess.run(['meson', 'introspect', '--installed', BUILD], capture_output=True, text=True, check=True)
    return {pathlib.Path(built): pathlib.Path(place) for built, place in json.loads(said.stdout).items()}


def said_by(program, *arguments):
    """What a program prints when it is asked for help; '' when that is no help."""
    environment = {**os.environ, 'SMIME_AGENT_SOCK': '/proc/nowhere/agent.sock'}
    run = subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=environment)
    return run.stdout if run.returncode == 0 and 'usage:' in run.stdout.lower() else ''


def options_of(text):
    """The options of a help text: those of the usage lines, and those that a line begins with."""
    found = set()
    for line in text.splitlines():
        if line.lower().lstrip().startswith('usage:'):
            found.update(OPTION.findall(line))
        elif re.match(r'\s+-', line):
            found.update(OPTION.findall(re.split(r'\s{2,}', line.strip())[0]))
    return found


class Program:
    def __init__(self, path):
        self.name = path.name
        self.help = said_by(path, '--help')
        named = re.findall(r'^  ([a-z][a-z0-9_-]*) +\S', self.help, re.M)
        helps = {command: said_by(path, command, '--help') for command in named}
        self.commands = {command: options_of(text) for command, text in helps.items() if text}
        version = subprocess.run([path, '--version'], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        self.options = options_of(self.help).union(*self.commands.values()) | {'--help'} | ({'--version'} if version.returncode == 0 else set())


class Page:
    def __init__(self, path):
        self.name, self.section = path.name.removesuffix('.scd').rsplit('.', 1)
        self.source = path.read_text()
        self.title = f'{self.name}({self.section})'
        self.parts = {}
        for part in re.split(r'^# ', self.source, flags=re.M)[1:]:
            title, _, text = part.partition('\n')
            self.parts[title] = text
        self.literal = '\n'.join(re.findall(r'^```\n(.*?)^```', self.source, re.M | re.S))
        self.prose = re.sub(r'^```\n.*?^```', '', self.source, flags=re.M | re.S)
        self.text = re.sub(r'\\(.)', r'\1', re.sub(r'(?<!\\)\*', '', self.source))

    def has(self, word):
        return re.search(r'(?<![\w-])' + re.escape(word) + r'(?![\w-])', self.text)

    def heads(self):
        """The lines that have an indented text below them."""
        lines = self.prose.splitlines()
        indent = [len(line) - len(line.lstrip('\t')) for line in lines]
        for line, here, there in zip(lines, indent, indent[1:]):
            if line.strip() and there > here:
                yield line.strip()

    def bold_options(self, lines):
        return {option for line in lines for bold in re.findall(r'(?<!\\)\*(-[^*]*)\*', line) for option in OPTION.findall(bold)}

    def references(self):
        return set(re.findall(r'([a-z][\w.-]*)\*?(\(\d\))', self.prose))


def check_form(page):
    """What each page has, and how it looks when it is shown."""
    parts = list(page.parts)
    say(page.source.split('\n')[0] == page.title, f'{page.title}: its first line is its title', page.source.split('\n')[0])
    wanted = ['NAME'] + ['SYNOPSIS'] * (page.section in '138') + ['DESCRIPTION']
    say(parts[:len(wanted)] == wanted, f'{page.title}: begins with {", ".join(wanted)}', parts)
    say(parts[-1] == 'SEE ALSO', f'{page.title}: ends with SEE ALSO', parts)
    if page.section in '18':
        say('EXIT STATUS' in parts, f'{page.title}: has its EXIT STATUS', parts)
    named = re.fullmatch(r'\s*(\S+) - \S.*[^.]\s*', page.parts['NAME'])
    say(named and page.name.endswith(named[1]), f'{page.title}: NAME is its name and one line', page.parts['NAME'].strip())
    rendered = subprocess.run(['man', '--warnings', '-E', 'UTF-8', '-l', BUILD / 'docs' / f'{page.name}.{page.section}'],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, env={**os.environ, 'MANWIDTH': '80', 'MANPAGER': 'cat', 'LC_ALL': 'C.UTF-8'})
    say(rendered.returncode == 0 and not rendered.stderr and len(rendered.stdout) > 500, f'{page.title}: is shown without a warning', rendered.stderr)


def check_references(page, titles):
    refers = {name + section for name, section in page.references()}
    own = {title for title in refers if title.startswith(('smime', 'libsmime')) and title not in FOREIGN}
    none(f'{page.title}: refers only to pages that there are', refers - titles - FOREIGN)
    say(own - {page.title}, f'{page.title}: refers to another page of ours')


def check_options(page, program, lacking, options, everyones):
    """Both ways. lacking: options that must be here. options: those that may be described here."""
    none(f'{page.title}: has every option', {option for option in lacking if not page.has(option)})
    described = page.bold_options([*page.heads(), *page.parts.get('SYNOPSIS', '').splitlines()])
    none(f'{page.title}: describes no option that {program} lacks', described - options)
    # A letter may be an option of another program that the text is about.
    none(f'{page.title}: names no option that nobody has', {option for option in page.bold_options(page.prose.splitlines()) if option[1] == '-'} - everyones)


def check_program(program, pages, everyones):
    page = pages.get(f'{program.name}(1)')
    say(page is not None, f'{program.name} has a page')
    say(program.help, f'{program.name} --help tells how it is used')
    if page is None:
        return
    own = {command: pages[f'{program.name}-{command}(1)'] for command in program.commands if f'{program.name}-{command}(1)' in pages}
    # What the page of a command describes need not be in that of the program.
    elsewhere = set().union(*(program.commands[command] for command in own)) if own else set()
    here = options_of(program.help).union(*(options for command, options in program.commands.items() if command not in own))
    check_options(page, program.name, here | (program.options - elsewhere), program.options, everyones)
    none(f'{page.title}: has every command', {command for command in program.commands if not page.has(command)})
    for command, other in own.items():
        common = set.intersection(*program.commands.values())
        check_options(other, f'{program.name} {command}', program.commands[command] - common, program.commands[command], everyones)


def check_helper(path, pages):
    """A program that people do not start: it has no --help, and says so."""
    page = pages.get(f'{path.name}(8)')
    say(page is not None, f'{path.name} has a page')
    run = subprocess.run([path, '--help'], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    say(run.returncode == 2 and 'is started by smime-agent' in run.stderr, f'{path.name} says who starts it', run.stderr)
    if page:
        options = set(OPTION.findall(run.stderr))
        check_options(page, path.name, options, options, options)


# ---- libsmime(3) ----

def declarations(text):
    """The declarations of a header, each with one blank between its words."""
    text = re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)
    text = re.sub(r'#ifdef __cplusplus.*?#endif', '', text, flags=re.S)
    text = re.sub(r'^\s*#.*$', '', text, flags=re.M)
    found, depth, begin = [], 0, 0
    for i, c in enumerate(text):
        depth += (c == '{') - (c == '}')
        if c == ';' and depth == 0:
            found.append(' '.join(re.findall(r'\w+|[^\w\s]', text[begin:i])).replace(', }', ' }'))
            begin = i + 1
    return found


def check_library(page, library):
    headers = [(SOURCE / 'include' / 'smime' / name).read_text() for name in ('smime.h', 'error.h')]
    declared = [text for header in headers for text in declarations(header)]
    shown = declarations('\n'.join(part.split('# EXAMPLES')[0] for part in
        re.findall(r'^```\n(.*?)^```', page.source.split('# EXAMPLES')[0], re.M | re.S)))
    errors = next(text for text in declared if text.startswith('enum smime_error {'))
    declared.remove(errors)
    none(f'{page.title}: shows every declaration of the headers as it is', set(declared) - set(shown))
    none(f'{page.title}: shows no other', set(shown) - set(declared))
    none(f'{page.title}: shows none twice', {text for text in shown if shown.count(text) > 1})

    symbols = subprocess.run(['nm', '-D', '--defined-only', library], capture_output=True, text=True, check=True)
    exported = set(re.findall(r' T (smime_\w+)', symbols.stdout))
    described = [name for head in page.heads() for name in re.findall(r'\*(\w+)\*\(\)', head)]
    say(set(described) == exported and len(described) == len(exported), f'{page.title}: describes each exported function once',
        sorted(exported.symmetric_difference(described)))

    values = re.findall(r'(SMIME_\w+) = (\d+)', errors)
    listed = [match for head in page.heads() for match in re.findall(r'^\*(SMIME_\w+)\* \((\d+)\)$', head)]
    say(listed == values, f'{page.title}: has every error with its number, in order', sorted(set(listed).symmetric_difference(values)))
    known = set(re.findall(r'\bSMIME_\w+|\bsmime_\w+', '\n'.join(headers))) | {'SMIME_AGENT_SOCK'}
    none(f'{page.title}: names nothing that is not in the headers', set(re.findall(r'\b(?:SMIME|smime)_\w*[A-Za-z0-9]', page.source)) - known)


# ---- Exit codes, and the keys of agent.yaml ----

def check_exit_codes(pages):
    promised = {'0'} | set(re.findall(r'\(exit code (\d)\)', (SOURCE / 'include/smime/error.h').read_text()))
    for page in pages.values():
        if page.section == '1':
            codes = set(re.findall(r'^\*(\d+)\*$', page.parts.get('EXIT STATUS', ''), re.M))
            none(f'{page.title}: promises no exit code that there is not', codes - promised)
    codes = re.findall(r'^\*(\d+)\*$', pages['smime(1)'].parts['EXIT STATUS'], re.M)
    say(codes == sorted(promised), 'smime(1): has every exit code', codes)


def check_keys(page, rules):
    source = re.sub(r'[\n\t]', '', (SOURCE / 'agent/config/file.c').read_text())
    keys = set(re.findall(r'(?:TEXT|NUMBER|LIST|MAPPING|SEQUENCE)\( *"([a-z_-]+)"', source))
    say({'capabilities', 'certificates', 'count', 'deadline', 'modules', 'user-may', 'within'} <= keys, 'the keys of agent.yaml are found', keys)
    described = {key for head in [*page.heads(), *rules.heads()] for key in re.findall(r'\*([a-z_-]+)\*', head)}
    none(f'{page.title} and {rules.title}: have every key', keys - described)
    none(f'{page.title} and {rules.title}: have no other', described - keys)


def main():
    files = installed()
    built = {path.name for path, place in files.items() if 'man' in place.parts}
    paths = sorted((SOURCE / 'docs').glob('*.scd'))
    pages = {page.title: page for page in map(Page, paths)}
    say(built == {path.name.removesuffix('.scd') for path in paths}, 'every page is installed', sorted(built))
    programs = [Program(path) for path, place in sorted(files.items()) if place.parent.name == 'bin']
    helpers = [path for path, place in sorted(files.items()) if 'libexec' in place.parts]
    say({'smime', 'smime-agent'} <= {program.name for program in programs} and len(helpers) >= 2, 'the programs are found')
    say(len(next(program for program in programs if program.name == 'smime').commands) >= 11, 'the commands of smime are found')

    everyones = set().union(*(program.options for program in programs))
    for program in programs:
        check_program(program, pages, everyones)
    for path in helpers:
        check_helper(path, pages)
    subjects = {program.name for program in programs} | {path.name for path in helpers} | \
        {f'{program.name}-{command}' for program in programs for command in program.commands}
    for page in pages.values():
        if page.section in '18':
            say(page.name in subjects, f'{page.title}: is about a program that there is')
        check_form(page)
        check_references(page, set(pages))
    check_library(pages['libsmime(3)'], next(path for path in files if path.name.startswith('libsmime.so.')))
    check_exit_codes(pages)
    check_keys(pages['smime-agent.yaml(5)'], pages['smime-policy(5)'])


main()
