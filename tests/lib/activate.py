# SPDX-License-Identifier: LGPL-2.1-or-later
"""Becomes a program that gets a listening socket for everybody, as from systemd: activate.py SOCKET PROGRAM ARGUMENT..."""
import os
import socket
import sys

path = sys.argv[1]
if os.path.exists(path):
    os.unlink(path)
listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listening.bind(path)
os.chmod(path, 0o666)
listening.listen(128)
if listening.fileno() != 3:
    os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[2], sys.argv[2:])
