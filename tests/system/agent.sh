#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The processes: which there are, what they are linked with, whom they serve, how they start and end.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
mail alice@example.org bob@example.org >"$T/mail"
core=$SMIME_BUILD/agent/core/smime-agent token=$SMIME_BUILD/agent/token/smime-token

# What each is linked with. One that is there shows that something was looked at.
linked() { ldd "$1" | awk '{print $1}' | tr '\n' ' '; }
like 'smime-agent is linked with libsystemd' "$(linked "$core")" 'libsystemd\.so'
for library in "libp11\." libpcsclite libassuan libgmime; do
	unlike "and not with $library" "$(linked "$core")" "$library"
done
like 'smime-token is linked with libp11' "$(linked "$token")" 'libp11\.so'
for library in libpcsclite libsystemd; do
	unlike "and not with $library" "$(linked "$token")" "$library"
done
needed=$(objdump -p "$SMIME_BUILD"/client/lib/libsmime.so.0 | awk '$1 == "NEEDED" {print $2}' | grep -v '^lib[ac]san\|^libubsan\|^libc\.so\|^ld-linux' | tr '\n' ' ')
like 'libsmime is linked with libcrypto alone' "$needed" '^libcrypto\.so\.[0-9]+ $'

# The tree: core, spawner, a smime-token for the token.
agent_start
check 'a signature, so that all are there' 0 smime sign -i "$T/mail" -o "$T/signed"
asks() { ps -o comm= -p "$(descendants "$agent_pid" | paste -sd,)" | grep -qvxE 'smime-(spawner|reader|token)'; }
await eval '! asks' # for the PIN, which a process does that ends by itself
names=$(for pid in $agent_pid $(descendants "$agent_pid"); do cat "/proc/$pid/comm"; done | sort | uniq -c | awk '{print $1 " " $2}' | tr '\n' ',')
like 'there is one core' "$names" '1 smime-agent'
like 'there is a spawner' "$names" '1 smime-spawner'
like 'there is a smime-token' "$names" '1 smime-token'
if [ "$(id -u)" = 0 ]; then
	loaded=$(for pid in $agent_pid $(descendants "$agent_pid"); do grep -q 'softhsm' "/proc/$pid/maps" && cat "/proc/$pid/comm"; done | tr '\n' ' ')
	is 'smime-token has the PKCS#11 module in memory, and nobody else' "$loaded" 'smime-token '
	loaded=$(for pid in $agent_pid $(descendants "$agent_pid"); do grep -q 'libp11\.so' "/proc/$pid/maps" && cat "/proc/$pid/comm"; done | tr '\n' ' ')
	is 'and libp11 too' "$loaded" 'smime-token '
else
	skip 'who has a PKCS#11 module in memory' 'it may be looked at by root alone'
fi
for pid in $agent_pid $(descendants "$agent_pid"); do
	is "no core dumps: $(cat "/proc/$pid/comm")" "$(awk '/core file size/ {print $5 $6}' "/proc/$pid/limits")" 00
done

# A token process that dies is no end: the next request starts another.
spawner=$(pgrep -P "$agent_pid" -x smime-spawner)
token=$(pgrep -P "$spawner" -x smime-token)
kill -9 "$token"
# A request that still reaches the dying process fails with it, see faults.sh; this is about the one after.
await ended "$token"
check 'after a kill of smime-token' 0 smime sign -i "$T/mail" -o "$T/signed"
is 'the PIN was gone with it' "$(prompts)" 2
agent=$agent_pid
kill -9 "$agent"
wait "$agent" 2>/dev/null
agent_pid=
if await ended "$spawner" && await no_process smime-token; then pass 'a killed core takes the others with it'; else fail 'a killed core takes the others with it'; fi
holds 'its socket stays behind' [ -S "$SMIME_AGENT_SOCK" ]
check 'nothing answers' 3 smime status
agent_start
await smime status >/dev/null 2>&1
check 'a new agent takes the socket over' 0 smime keys
mkdir "$T/here" && cd "$T/here" || bail 'no directory'
for option in --socket --config; do
	check "an empty value of $option" 2 timeout 30 smime-agent --foreground "$option" ''
	says "an empty value of $option is told" 'value is empty'
done
is 'and nothing is made' "$(ls -A)" ''
for option in --help --version '--check-config --config ../agent.yaml'; do
	told "no room for what $option prints" 7 'standard output: [Nn]o space' sh -c "smime-agent $option >/dev/full"
done
mkdir -m 755 "$T/open" "$T/open/smime-agent"
told 'others can enter the directory of the socket' 7 "$T/open/smime-agent is open to others \(mode 0755\)" \
	env XDG_RUNTIME_DIR="$T/open" timeout 30 smime-agent --foreground --config "$T/agent.yaml"
told 'others can enter the state directory' 2 "state directory.*$T/open is open to others \(mode 0755\).*XDG_STATE_HOME" \
	env STATE_DIRECTORY="$T/open" timeout 30 smime-agent --foreground --socket "$T/open/socket" --config "$T/agent.yaml"
# What it says goes through a pipe, which has no limit.
told 'the state can not be written' 7 "$T/fresh/smime-agent/rejection-secret: can't be written: [Ff]ile too large" \
	env XDG_STATE_HOME="$T/fresh" bash -c 'set -o pipefail; (ulimit -f 0 && exec timeout 30 smime-agent --foreground --socket "$1/open/socket" --config "$1/agent.yaml") 2>&1 | cat >&2' - "$T"
is 'and nothing is half written' "$(ls -A "$T/fresh/smime-agent")" ''
told 'the state directory is below a file' 2 "$T/mail/state can't be made: [Nn]ot a directory" \
	env XDG_STATE_HOME="$T/mail/state" timeout 30 smime-agent --foreground --socket "$T/open/socket" --config "$T/agent.yaml"
cd "$T" || bail 'no directory'
check 'a second agent on the same socket refuses' 7 timeout 30 smime-agent --foreground --socket "$SMIME_AGENT_SOCK" --config "$T/agent.yaml"
says 'and says why' 'already|running|in use'
check 'the first is not disturbed' 0 smime keys

# Only the own uid.
is 'the socket is for its owner alone' "$(stat -c %a "$SMIME_AGENT_SOCK")" 600
if [ "$(id -u)" = 0 ]; then
	chmod 666 "$SMIME_AGENT_SOCK"
	chmod 755 "$T"
	mkdir -m 755 "$T/bin"
	cp "$SMIME_BUILD/client/cli/smime" "$SMIME_BUILD"/client/lib/libsmime.so.0 "$T/bin/"
	chmod -R go+rX "$T/bin"
	check 'another user is refused, though the socket lets him in' 3 \
		setpriv --reuid=nobody --regid=nogroup --clear-groups env LD_LIBRARY_PATH="$T/bin" "$T/bin/smime" status
	chmod 600 "$SMIME_AGENT_SOCK"
	chmod 700 "$T"
else
	skip 'another user is refused, though the socket lets him in' 'only root can become another user'
fi
agent_stop
fails 'the socket is removed at the end' [ -e "$SMIME_AGENT_SOCK" ]

# Readiness and socket activation.
cat >"$T/notified.py" <<'END'
import socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
listener.settimeout(30)
while b'READY=1' not in (data := listener.recv(4096)):
    pass
print(data.decode())
END
python3 "$T/notified.py" "$T/notify" >"$T/notified" &
listener=$!
started+=("$listener")
await [ -S "$T/notify" ]
NOTIFY_SOCKET=$T/notify agent_start
if wait "$listener"; then pass 'readiness is notified'; else fail 'readiness is notified'; fi
agent_stop

systemd-socket-activate -E SOFTHSM2_CONF -E HOME -E XDG_RUNTIME_DIR -l "$SMIME_AGENT_SOCK" env "$core" --config "$T/agent.yaml" >"$T/activated.log" 2>&1 &
agent_pid=$!
started+=("$agent_pid")
await agent_listens
check 'an agent that systemd starts on the first connection serves it' 0 smime sign -i "$T/mail" -o "$T/signed"
agent_stop

# The default socket.
socket=$SMIME_AGENT_SOCK
export SMIME_AGENT_SOCK=$XDG_RUNTIME_DIR/smime-agent/agent.sock
smime-agent --foreground --config "$T/agent.yaml" >>"$T/agent.log" 2>&1 &
agent_pid=$!
started+=("$agent_pid")
await agent_listens
check 'the default socket is below XDG_RUNTIME_DIR' 0 env -u SMIME_AGENT_SOCK smime status
is 'its directory is private' "$(stat -c %a "$XDG_RUNTIME_DIR/smime-agent")" 700
agent_stop
export SMIME_AGENT_SOCK=$socket

# Asked at once, before it has looked for tokens.
rm -f "$SMIME_AGENT_SOCK"
agent_start
check 'a token that is named right after the start is waited for' 0 smime unlock demo
check 'one that is not there is told after the look' 4 smime unlock nosuch
agent_stop

# The configuration.
check '--check-config accepts a good file' 0 smime-agent --check-config --config "$T/agent.yaml"
prints 'and says so' 'the configuration is good'
mkdir "$T/untouched"
cp "$T/agent.yaml" "$T/untouched/agent.yaml"
chmod 500 "$T/untouched"
check '--check-config with a HOME that holds nothing' 0 env -u XDG_RUNTIME_DIR HOME="$T/untouched" smime-agent --check-config --config "$T/untouched/agent.yaml"
is 'leaves it as it was' "$(ls -A "$T/untouched")" agent.yaml
check '--check-config with a HOME that nothing can be made in' 0 env HOME=/proc/sys smime-agent --check-config --config "$T/agent.yaml"
bad() { # DESCRIPTION PATTERN YAML
	printf '%s\n' "$3" >"$T/bad.yaml"
	check "$1: refused" 2 smime-agent --check-config --config "$T/bad.yaml"
	says "$1: named" "bad\\.yaml.*$2"
}
bad 'an unknown key' ':[0-9]+:[0-9]+' 'modulse: []'
bad 'an unknown key below' ':[0-9]+:[0-9]+' "$(printf 'pin:\n  programme: /bin/true')"
bad 'a value of the wrong kind' ':[0-9]+:[0-9]+' 'modules: yes'
bad 'a time without a unit' 'idle' "$(printf 'pin:\n  idle: 15')"
bad 'a relative path' 'path' "$(printf 'modules:\n  - path: opensc-pkcs11.so')"
bad 'a capability that is none' 'rot13' 'capabilities: [rot13]'
bad 'a duplicate key' ':[0-9]+:[0-9]+' "$(printf 'trust: []\ntrust: []')"
bad 'no module at all' ':[0-9]+:[0-9]+' 'modules: []'
unusable() { # DESCRIPTION PATTERN YAML
	printf '%s\n' "$3" >"$T/unusable.yaml"
	check "$1: found by --check-config" 2 smime-agent --check-config --config "$T/unusable.yaml"
	says "$1: named" "$2"
}
unusable 'a module that is not there' 'modules: /nosuch.so' 'modules: [{path: /nosuch.so}]'
unusable 'a module that is none' 'modules: /etc/passwd' 'modules: [{path: /etc/passwd}]'
unusable 'a pinentry that is not there' 'pin: program: /nosuch' 'pin: {program: /nosuch}'
unusable 'a PIN file that is not there' 'pin: file: /nosuch' 'pin: {file: /nosuch}'
printf '123456' >"$T/open-pin" && chmod 644 "$T/open-pin"
unusable 'a PIN file that others may read' 'chmod 600' "pin: {file: \"$T/open-pin\"}"
# Whoever is asked for a passphrase on a terminal that is not there is asked on standard error.
check_trust() { # FILE
	printf 'trust: ["%s"]\n' "$1" >"$T/trust.yaml"
	setsid --wait smime-agent --check-config --config "$T/trust.yaml"
}
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:secret -quiet >"$T/behind-key.pem"
cat "$T/ca/root.pem" >>"$T/behind-key.pem"
check 'a certificate behind an encrypted key' 0 check_trust "$T/behind-key.pem"
is 'is taken without a word' "$(cat "$T/err")" ''
sed 's/^-----BEGIN.*/&\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,000102030405060708090A0B0C0D0E0F\n/' "$T/ca/root.pem" >"$T/encrypted.pem"
told 'an encrypted certificate' 2 'trust: .*encrypted\.pem: holds no certificate' check_trust "$T/encrypted.pem"
bad 'no YAML at all' 'YAML' '{{{{'
check 'a file that is not there' 2 smime-agent --check-config --config "$T/nosuch.yaml"
says 'is named' nosuch.yaml
cp "$T/agent.yaml" "$T/open.yaml" && chmod 666 "$T/open.yaml"
check 'a file that others may write is refused' 2 smime-agent --check-config --config "$T/open.yaml"
: >"$T/empty.yaml"
check 'an empty file is none' 0 smime-agent --check-config --config "$T/empty.yaml"
check 'an unknown option' 2 smime-agent --no-such-option
check 'trust that is not there' 2 smime-agent --foreground --socket "$T/x.sock" --config <(printf 'trust: [/nonexistent.pem]\n')

done_testing
