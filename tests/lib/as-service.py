# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the command of a unit as systemd would, without systemd: as-service.py UNIT SOCKET DIRECTORY.

The program gets its listening socket, has to tell that it is ready and, faster than asked for, that it lives, and to end in
order when told to. Prints `pass TEXT` and `fail TEXT :: DETAIL` for points_of.
"""
import os
import shlex
import signal
import socket
import sys

WATCHDOG_USEC = 1_000_000
PINGS = 3
PATIENCE_S = 30


def point(good, text, detail=''):
    print(f'pass {text}' if good else f'fail {text} :: {detail}', flush=True)


def command(unit):
    with open(unit) as lines:
        return next(shlex.split(line.split('=', 1)[1]) for line in lines if line.startswith('ExecStart='))


def start(argv, listening, notify):
    pid = os.fork()
    if pid == 0:
        os.dup2(listening, 3)
        environment = dict(os.environ, NOTIFY_SOCKET=notify, WATCHDOG_USEC=str(WATCHDOG_USEC), WATCHDOG_PID=str(os.getpid()),
                           LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
        os.execve(argv[0], argv, environment)
    return pid


def states(notify):
    while True:
        yield from notify.recv(4096).decode().split('\n')


def wait_for(heard, wanted, count=1):
    try:
        for _ in range(count):
            while next(heard) != wanted:
                pass
        return True
    except TimeoutError:
        return False


def main(unit, path, directory):
    argv = command(unit)
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(f'{directory}/notify')
    notify.settimeout(PATIENCE_S)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(path)
    listening.listen()
    pid = start(argv, listening.fileno(), f'{directory}/notify')
    heard = states(notify)
    try:
        point(wait_for(heard, 'READY=1'), "the unit's command tells that it is ready", argv)
        point(wait_for(heard, 'WATCHDOG=1', PINGS), 'and that it lives', 'no WATCHDOG=1 was heard')
        os.kill(pid, signal.SIGTERM)
        point(wait_for(heard, 'STOPPING=1'), 'and that it ends, when told to', 'no STOPPING=1 was heard')
    except Exception:
        os.kill(pid, signal.SIGKILL)
        raise
    _, status = os.waitpid(pid, 0)
    point(status == 0, 'which it does in order', f'status {status}')
    point(os.path.exists(path), 'and leaves the socket to systemd', path)


main(*sys.argv[1:])
