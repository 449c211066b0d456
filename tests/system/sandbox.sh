#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the agent's processes can't do, and what can't be done to them, seen from outside and from a module inside.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"
. "$(dirname "$0")/../lib/escapes.sh"
[ -z "${SMIME_SANITIZED:-}" ] || skip_all 'a build with sanitizers can be looked into, and has no filters'

smime-agent() { powerless "$SMIME_BUILD/agent/core/smime-agent" "$@"; }
everybody() { printf '%s\n' "$agent_pid" && descendants "$agent_pid"; }
called() { local pid; for pid in $(everybody); do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$1" ] || printf '%s\n' "$pid"; done; } # NAME
field() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; } # PID NAME
tries() { (powerless python3 "$SOURCE/tests/lib/attach.py" "$1"); }         # PID
debugger() { (powerless gdb -nx -batch -p "$1" -ex 'info registers') 2>&1; } # PID
# What gdb says of a process of this name. Who looks for tokens, now and then, may end meanwhile: then of another one.
debugged() { # NAME
	local pid said _
	for _ in 1 2 3 4 5; do
		pid=$(called "$1" | head -n 1)
		said=$(debugger "$pid")
		ended "$pid" || break
	done
	printf '%s\n' "$said"
}

version=$(landlock)
escapes_start
check 'a mail is signed' 0 smime sign -k alice@example.org -i "$T/mail" -o "$T/signed"

# Who looks in.
# It lets everybody in, should the kernel (Yama) ask for that, and can be called by an abstract name.
neighbour='import ctypes, os, signal, socket
ctypes.CDLL(None).prctl(0x59616d61, -1)
listener = socket.socket(socket.AF_UNIX)
listener.bind("\0smime-neighbour-%d" % os.getpid())
listener.listen(100)
print(flush=True)
signal.alarm(300)
while True:
    listener.accept()'
(powerless python3 -c "$neighbour") >"$T/sleeper" 2>&1 3>&- &
sleeper=$!
started+=("$sleeper")
disown
await [ -s "$T/sleeper" ]
is 'I10: a process of the same user can be got into, in every way' "$(tries "$sleeper" | awk '$2 != "done"')" ''
await eval '! pgrep -f "$T/pinentry.d" >/dev/null' # the one that was asked for the PIN
seen=
for pid in $(everybody); do
	name=$(cat "/proc/$pid/comm")
	found=$(tries "$pid" | awk '$2 != "EPERM" && $2 != "EACCES"')
	# A look for tokens may have ended meanwhile.
	ended "$pid" && continue
	seen+="$name "
	is "I10: $name can't, in none" "$found" ''
done
like 'I10: core, spawner and token process were tried' " $seen" ' smime-agent .*smime-spawner .*smime-token '
if command -v gdb >/dev/null; then
	like 'I10: gdb attaches to the one' "$(debugger "$sleeper")" 'rip|pc '
	for name in smime-agent smime-token; do
		like "I10: and not to $name" "$(debugged "$name")" 'Operation not permitted'
	done
else
	skip 'I10: gdb attaches to the one' 'there is no gdb'
fi

# What the kernel says of each.
for pid in $(everybody); do
	name=$(cat "/proc/$pid/comm")
	case $name in
	smime-spawner) expected='0 0' ;; # what it starts may be a pinentry, which must be able to gain what its files give
	*) expected='1 2' ;;
	esac
	filter="$(field "$pid" NoNewPrivs) $(field "$pid" Seccomp)"
	core=$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$pid/limits")
	limits=$(awk '/^Max (open files|file size)/ { print $4, $5 }' "/proc/$pid/limits" | tr '\n' ' ')
	ended "$pid" && continue
	is "I11: $name: no new privileges, and a filter" "$filter" "$expected"
	is "I11: $name leaves no core file" "$core" '0 0'
	[ "$name" != smime-token ] || is "I11: $name has few descriptors and no large files" "$limits" '67108864 67108864 1024 1024 '
done
holds 'the reader was among them' [ -n "$(called smime-reader)" ]

# Descriptors: nothing that another process has open, but the pair to the core and the log.
kinds() { # PID: what is open, each kind once
	local fd
	for fd in "/proc/$1/fd"/*; do readlink "$fd"; done | sed -E "s/^(socket|pipe|anon_inode):.*/\1/; s,^/memfd:([^ ]*).*,\1,; s|^$T/.*/tokens/.*|token|; s|^/proc/$1\$|/proc/PID|; s|^$T/agent.log|log|" | sort -u | tr '\n' ' '
}
# Datagrams apart: SoftHSM has one to the system's log, where there is one.
sockets() { find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n' | awk 'NR == FNR { datagram[$7] = $5 == "0002"; next } !datagram[$1]' /proc/net/unix - | wc -l; } # PID
if [ "$(id -u)" = 0 ]; then
	for pid in $(called smime-token); do
		others=$(kinds "$pid" | tr ' ' '\n' | grep -vxE -e '/dev/(null|urandom|random)|/proc/(sys|cpuinfo|meminfo|stat|filesystems|PID)|socket|opensc.conf|token|pipe|log|')
		sockets=$(sockets "$pid")
		ended "$pid" && continue
		unlike 'I11: a token process has open what is its own' "$others" .
		is 'I11: one socket' "$sockets" 1
	done
	for pid in $(called smime-token) $(called smime-reader); do
		if [ "$version" -ge 1 ]; then
			kinds=$(kinds "$pid")
			ended "$pid" || like 'the rules of its Landlock domain about /proc stay open' "$kinds" '/proc/PID.*/proc/sys'
		else
			skip 'the rules of its Landlock domain about /proc stay open' 'the kernel has no Landlock'
		fi
	done
	# A place for pcscd, should it come.
	for pid in $(called smime-reader); do holds 'the reader has at most two sockets' [ "$(sockets "$pid")" -le 2 ]; done
	is 'the spawner has one' "$(sockets "$(called smime-spawner)")" 1
	flags=$(for pid in $(called smime-token); do awk '/^VmFlags/ && / lo / && / dd / && / wf /' "/proc/$pid/smaps" 2>/dev/null; done)
	like 'secrets are in memory that is locked, not dumped and not a child'\''s' "$flags" 'VmFlags'
else
	skip 'I11: a token process has open what is its own' 'only root may look'
fi

# A module that tries. First outside, where each thing that needs no privilege works.
printf '%d\n' "$sleeper" >"$FAULTY_CONTROL.neighbour"
printf '%s\n' "$SMIME_AGENT_SOCK" >"$FAULTY_CONTROL.agent"
printf 'C_GetSlotList escape =1\n' >"$FAULTY_CONTROL"
(powerless env SOFTHSM2_CONF="$FAULTY_SOFTHSM2_CONF" pkcs11-tool --module "$FAULTY_MODULE" -L) >/dev/null 2>&1
controlled='read store list through-link link move write mkdir mkfifo append truncate chmod fchmod times watch temporary unlink
	environment arguments memory processes ptrace readv writev descriptor signal parent-signal thread-signal owner owner-ioctl owner-signal
	affinity priority limits-of-other abstract agent fork clone exec memfd-exec ipv4 ipv6 routes tcp families dumpable limits large-file
	personality setuid shared-memory sysv-memory sysv-semaphore'
[ "$(ulimit -Hn)" -le 5000 ] || controlled+=' descriptors'
for name in $controlled; do is "outside of the agent a module can: $name" "$(came_of "$name")" 'done'; done
names=$(tried | awk '{ print $1 }' | sort -u)
rm -f "$HOME"/escape*
secrets
before=$(stat -c '%s %a %Y' "$HOME/victim")
: >"$FAULTY_CONTROL.log"
printf 'C_Sign escape\n' >"$FAULTY_CONTROL"
check 'a module that tries in the agent still signs' 0 smime sign -k alice@example.org -i "$T/mail" -o "$T/signed"
: >"$FAULTY_CONTROL"
# What Landlock keeps, and since which version; the filter keeps all else, everywhere.
by_landlock() { # VERSION
	case $1 in
	1) echo 'read|store|list|through-link|link|move|write|mkdir|mkfifo|append|terminal|temporary|unlink|environment|arguments|memory|parent-memory|processes' ;;
	6) echo 'abstract' ;;
	esac
}
for since in 1 6; do
	if [ "$version" -ge $since ]; then
		for name in $(by_landlock $since | tr '|' ' '); do
			like "I11: a module is refused: $name" "$(came_of "$name")" '^(EACCES|EXDEV|EPERM)$'
		done
	else
		skip "a module is refused: $(by_landlock $since)" "the kernel has no version $since of Landlock"
	fi
done
if [ "$version" -ge 1 ]; then
	is 'nor changed anything' "$(stat -c '%s %a %Y' "$HOME/victim") $(ls "$HOME"/escape* 2>/dev/null)" "$before "
else
	secrets
fi
is 'I11: and come to nothing else' "$(tried | awk -v others="^($(by_landlock 1)|$(by_landlock 6)|agent|descriptors|large-file|shared-memory|sysv-memory|sysv-semaphore)$" '$1 !~ others && $2 != "EPERM"')" ''
is 'it comes to an end of its descriptors' "$(came_of descriptors)" EMFILE
is 'and writes no large file' "$(came_of large-file)" EFBIG
for name in shared-memory sysv-memory sysv-semaphore; do is "one of a kind that is not known may: $name" "$(came_of "$name")" 'done'; done
is 'the agent hangs up on it' "$(came_of agent)" ECONNABORTED
is 'though it has tried everything' "$(tried | awk '{ print $1 }' | sort -u)" "$names"
for name in ptrace readv descriptor signal exec mount bpf userfaultfd io_uring keyctl unshare; do
	is "$name is refused" "$(came_of "$name")" EPERM
done
for pid in "$agent_pid" "$sleeper"; do fails 'nobody was ended' ended "$pid"; done
hostile_stop

# Who is asked: a pinentry is any program, and the agent's filters are not for it.
rm -f "$T/pinentry.d/go"
configure
answers "until go pin $DEMO_PIN"
agent_start
smime unlock >/dev/null 2>&1 &
client=$!
holds 'a prompt opens' await grep -q '^GETPIN$' "$T/pinentry.d/log"
pid=$(awk '/^START/ { print $2 }' "$T/pinentry.d/log")
is 'pinentry has its privileges, and no filter' "$(field "$pid" NoNewPrivs) $(field "$pid" Seccomp)" '0 0'
touch "$T/pinentry.d/go"
wait "$client"
is 'and answers' "$?" 0
agent_stop

# Who asks for consent has no module, and less than one that has.
touch "$T/pinentry.d/wait"
configure "$(printf 'rules:\n  - {operation: [unlock], outcome: ask}')"
agent_start
smime unlock >/dev/null 2>&1 &
client=$!
asker() { for pid in $(everybody); do [ "$(cat "/proc/$pid/comm")" != smime-ask ] || echo "$pid"; done; }
asks() { [ -n "$(asker)" ] && grep -q '^WAITS' "$T/pinentry.d/log"; }
holds 'a question opens' await asks
pid=$(asker)
is 'who asks it: no new privileges, and a filter' "$(field "$pid" NoNewPrivs) $(field "$pid" Seccomp)" '1 2'
is 'and into it nobody can get' "$(tries "$pid" | awk '$2 != "EPERM" && $2 != "EACCES"')" ''
if [ "$(id -u)" = 0 ]; then
	is 'two sockets: to the agent, and to pinentry' "$(sockets "$pid")" 2
fi
rm "$T/pinentry.d/wait"
wait "$client"
is 'and is answered' "$?" 0
agent_stop

# The same for a user without any privilege, and for yet another one.
[ "$(id -u)" = 0 ] || { skip 'an agent of another user' 'only root can become another user' && done_testing; }
as() { local user=$1; shift; exec setpriv --reuid="$user" --regid=nogroup --clear-groups -- env PATH=/usr/bin:/bin "$@"; } # USER COMMAND...
mkdir -p "$T/bin/agent"/{core,token,reader} "$T/own/home" "$T/own/tmp"
for name in core/smime-agent token/smime-token reader/smime-reader; do cp "$SMIME_BUILD/agent/$name" "$T/bin/agent/$name"; done
cp "$SOURCE"/tests/lib/{attach,wire}.py "$T/bin/"
cp -R "$FIXTURE/people/tokens" "$T/own/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\n' "$T/own/tokens" >"$T/own/softhsm2.conf"
printf 'modules: [{path: "%s"}]\n' "$DEMO_MODULE" >"$T/own/agent.yaml"
chmod -R a+rX "$T/bin"
chmod 711 "$T"
chown -R nobody:nogroup "$T/own"
SMIME_AGENT_SOCK=$T/own/agent.sock
(as nobody env -u XDG_RUNTIME_DIR HOME="$T/own/home" TMPDIR="$T/own/tmp" SOFTHSM2_CONF="$T/own/softhsm2.conf" \
	"$T/bin/agent/core/smime-agent" --foreground --socket "$SMIME_AGENT_SOCK" --config "$T/own/agent.yaml") >>"$T/agent.log" 2>&1 3>&- &
agent_pid=$!
started+=("$agent_pid")
await agent_listens || bail "the agent of nobody does not start: $(tail -n 3 "$T/agent.log")"
serves() { [ -n "$(called smime-token)" ]; }
holds 'the agent of nobody serves a token' await serves
(as nobody sleep 100) >/dev/null 2>&1 3>&- &
sleeper=$!
started+=("$sleeper")
disown
await grep -qx sleep "/proc/$sleeper/comm"
tries_as_nobody() { (as nobody python3 "$T/bin/attach.py" "$1") | awk -v wanted="$2" '($2 == "done") == wanted'; } # PID WANTED
like 'nobody gets into a process of his' "$(tries_as_nobody "$sleeper" 1)" 'memory done'
for name in smime-agent smime-spawner smime-reader smime-token; do
	is "I10: and in no way into $name" "$(tries_as_nobody "$(called $name | head -n 1)" 1)" ''
done
greets() { (as "$1" python3 -c 'import sys; sys.path.insert(0, sys.argv[1]); import wire; wire.Connection(sys.argv[2]).greet()' "$T/bin" "$SMIME_AGENT_SOCK"); } # USER
chmod 711 "$T/own"
chmod 666 "$SMIME_AGENT_SOCK"
holds 'his agent answers him' greets nobody
fails 'I9: and nobody else, though the socket is open to all' greets daemon
fails 'I9: nor root' greets root
done_testing
