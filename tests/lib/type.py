# SPDX-License-Identifier: LGPL-2.1-or-later
"""Types into an interactive bash or zsh and prints what the line is after each completion: type.py bash|zsh SETUP <LINES

SETUP is read by the shell at its start. A line of the input is typed, then TAB; one that begins with `*` has every candidate put
into the line instead, as readline's insert-completions does it. Each line of the output is a line as the shell has it then.
The shell has a terminal of its own and nothing of the person's configuration.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import time

DEADLINE = 60
# Both put the line into a file with ^X^P and begin a new one; ^X^A is the completion that puts all candidates into the line.
SETUPS = {
    'bash': r'''
set +o history
bind 'set bell-style none'; bind 'set enable-bracketed-paste off'
bind '"\C-x\C-a": insert-completions'
show() { printf '%s\n' "$READLINE_LINE" >>"$TYPED"; READLINE_LINE= READLINE_POINT=0; }
bind -x '"\C-x\C-p": show'
''',
    'zsh': r'''
unsetopt beep zle_bracketed_paste 2>/dev/null
show() { print -r -- "$BUFFER" >>$TYPED; BUFFER= }
zle -N show
bindkey '^X^P' show
put_all() { compstate[insert]=all compstate[list]= }
complete_all() { comppostfuncs=(put_all); zle complete-word }
zle -N complete_all
bindkey '^X^A' complete_all
''',
}
COMMANDS = {'bash': lambda setup: ['bash', '--noprofile', '--rcfile', setup, '-i'], 'zsh': lambda setup: ['zsh', '-d', '-i']}


def read_until(fd, done):
    """Takes what the shell shows, until done() of all of it."""
    shown, end = b'', time.monotonic() + DEADLINE
    while not done(shown):
        ready, _, _ = select.select([fd], [], [], 0.02)
        if ready:
            shown += os.read(fd, 65536)
        if time.monotonic() > end:
            sys.exit(f'type.py: the shell does not answer; it shows {shown.decode(errors="replace")!r}')


def main():
    shell, setup = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        typed, rc = os.path.join(directory, 'typed'), os.path.join(directory, '.zshrc')
        with open(rc, 'w') as f:
            f.write(open(setup).read() + SETUPS[shell] + "PS1='rea''dy> '\n")
        open(typed, 'w').close()
        pid, fd = pty.fork()
        if pid == 0:
            environment = {**os.environ, 'TYPED': typed, 'ZDOTDIR': directory, 'TERM': 'vt100', 'PS1': ''}
            os.execvpe(shell, COMMANDS[shell](rc), environment)
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 200, 400, 0, 0))
        read_until(fd, lambda shown: b'ready> ' in shown)
        for number, line in enumerate(sys.stdin.read().splitlines(), 1):
            keys = line[1:] + '\x18\x01' if line.startswith('*') else line + '\t'
            os.write(fd, keys.encode() + b'\x18\x10')
            read_until(fd, lambda shown: open(typed).read().count('\n') >= number)
        sys.stdout.write(open(typed).read())
        os.write(fd, b'\x04')
        os.close(fd)
        os.waitpid(pid, 0)


main()
