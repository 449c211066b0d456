#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What Debian 12's kernel has and has not, and what the agent makes of it, seen by a person's own processes beside it.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/vm.sh"
fixture people
person kay
like 'the kernel is that of Debian 12' "$(uname -r)" '^6\.1\.'
like 'with its security modules' "$(cat /sys/kernel/security/lsm)" 'landlock,yama,apparmor'
is 'ptrace is everybody'\''s of the same user' "$(cat /proc/sys/kernel/yama/ptrace_scope)" 0
is 'Landlock has its second version' "$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, 0, 0, 1))')" 2
cat >"$T/peer.py" <<'END'
import errno, socket
a, b = socket.socketpair()
for name, option in (('pidfd', 77), ('label', 31)):
    try:
        print(name, len(a.getsockopt(socket.SOL_SOCKET, option, 256)) >= 0)
    except OSError as error:
        print(name, errno.errorcode[error.errno])
END
is 'of a connection it gives neither the process nor a label' "$(python3 "$T/peer.py" | tr '\n' ' ')" 'pidfd ENOPROTOOPT label ENOPROTOOPT '

# Who has connected is found all the same, as long as it runs.
check 'her agent' 0 user_of kay enable --now smime-agent.socket
check 'signs' 0 by kay smime "${alice[@]}"
check 'of a client' 0 by kay smime policy explain sign
prints 'all is known' "uid $(id -u kay), gid $(id -g kay), groups $(id -G kay), unit [^ ]+, label unconfined, executable /usr/bin/smime, remote no"
mkdir -p /home/kay/lib && install -m 644 "$SOURCE"/tests/lib/{attach,wire}.py /home/kay/lib/
cat >/home/kay/lib/gone.py <<'END'
# The process that has connected ends; who has inherited its connection asks over it.
import os, sys
from wire import *
key = dict((label, spki) for spki, label in keys(Connection(sys.argv[1]).greet()))['alice']
gone, going = os.pipe()
first = os.fork()
if first == 0:
    got = Connection(sys.argv[1]).greet()
    if os.fork() == 0:
        os.close(going)
        os.read(gone, 1)
        print('signed' if got.ask(sign(2, key, bytes(32)))[1] == R_SIGN else 'refused', flush=True)
    os._exit(0)
os.waitpid(first, 0)
os.close(going)
END
chmod -R a+rX /home/kay/lib
ask_after() { (by kay python3 lib/gone.py "/run/user/$(id -u kay)/smime-agent/agent.sock") | cat; }
reload kay '{operation: [sign], client: {executable: "/usr/bin/python3*"}, trust-executable: yes, outcome: allow}' '{operation: [sign], outcome: deny}'
is 'of who has ended nothing is known, and nothing allowed' "$(ask_after)" refused
is 'which the log says' "$(last_of kay denied 'd["client"]["executable"], d["client"]["unit"], d["client"]["label"]')" '(None, None, None)'
reload kay

# Who looks in: her own processes, without any privilege.
tries() { by kay python3 lib/attach.py "$1"; } # PID
by kay sleep 600 3>&- &
await pgrep -xu kay sleep >/dev/null
sleeper=$(pgrep -xu kay sleep)
is 'a process of hers can be got into, in every way' "$(tries "$sleeper" | awk '$2 != "done"')" ''
for pid in $(pgrep -u kay -x 'smime-.*'); do
	name=$(cat "/proc/$pid/comm")
	is "$name can't, in none" "$(tries "$pid" | awk '$2 != "EPERM" && $2 != "EACCES"')" ''
	like "gdb does not attach to $name" "$(by kay gdb -nx -batch -p "$pid" 2>&1)" 'Operation not permitted'
done
like 'all of them were there' "$(pgrep -u kay -lx 'smime-.*' | awk '{ print $2 }' | sort -u | tr '\n' ' ')" 'smime-agent .*smime-spawner smime-token'
kill "$sleeper" && wait 2>/dev/null

# What is running is as the unit of the person has it, and no more.
token=$(pgrep -u kay -x smime-token | head -n 1)
like 'secrets are in memory that is locked, not dumped and not a child'\''s' "$(awk '/^VmFlags/ && / lo / && / dd / && / wf /' "/proc/$token/smaps")" VmFlags
done_testing
