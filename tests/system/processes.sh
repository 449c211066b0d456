#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the processes inherit and let go of, where configuration comes from, and what happens at their limits.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
mail alice@example.org bob@example.org >"$T/mail"
core=$SMIME_BUILD/agent/core/smime-agent
export PYTHONPATH=$SOURCE/tests/lib

# What reaches smime-token: names on the list, and those that the configuration adds.
configure 'environment: [FURTHER, "L*", "P*", "O*"]'
preload=/lib/x86_64-linux-gnu/libm.so.6
[ -n "${SMIME_SANITIZED:-}" ] || [ ! -e $preload ] || export LD_PRELOAD=$preload
export PCSCLITE_CSOCK_NAME=$T/no-pcscd TPM2_PKCS11_STORE=$T/no-tpm FURTHER=1 LD_BIND_NOW=1 PKCS11SPY=/nonexistent OPENSC_DEBUG=9 \
	OPENSSL_CONF=/nonexistent PRIVATE=0
agent_start
unset LD_PRELOAD PCSCLITE_CSOCK_NAME TPM2_PKCS11_STORE FURTHER LD_BIND_NOW PKCS11SPY OPENSC_DEBUG OPENSSL_CONF PRIVATE
check 'keys' 0 smime keys
token=$(token_process)
if [ -r "/proc/$token/environ" ]; then
	variables=$(tr '\0' '\n' <"/proc/$token/environ" | cut -d= -f1)
	for name in HOME SOFTHSM2_CONF PCSCLITE_CSOCK_NAME TPM2_PKCS11_STORE FURTHER PRIVATE; do
		like "$name reaches smime-token" "$variables" "(^|"$'\n'")$name("$'\n'"|$)"
	done
	for name in LD_ PKCS11SPY OPENSC_DEBUG OPENSSL_; do unlike "$name does not" "$variables" "(^|"$'\n'")$name"; done
else
	skip 'the environment of smime-token' 'it may be looked at by root alone'
fi
agent_stop
for name in LD_PRELOAD 'LD_*' '*' 'A B' '' PKCS11SPY_OUTPUT OPENSC_DEBUG '2FOLD'; do
	printf 'environment: ["%s"]\n' "$name" >"$T/bad.yaml"
	check "'$name' may not be passed on" 2 smime-agent --check-config --config "$T/bad.yaml"
done

# In the background it lets go of whoever started it.
configure
check 'in a command substitution the agent returns' 0 timeout 30 bash -c 'x=$(smime-agent --socket "$1/bg.sock" --config "$1/agent.yaml" 2>&1)' - "$T"
export SMIME_AGENT_SOCK=$T/bg.sock
check 'and serves' 0 smime sign -i "$T/mail" -o "$T/signed"
smime status --json >"$T/status.json"
background=$(json "$T/status.json" 'd.get("pid") or d["agent"]["pid"]')
started+=("$background")
if [ -r "/proc/$background/fd" ]; then
	await pinentry_ended
	spawner_fds() { ls "/proc/$(pgrep -P "$background" smime-spawner)/fd" | wc -l; }
	await eval '[ "$(spawner_fds)" = 5 ]' # a process that it has started may be about to end
	is 'the spawner has its socket and its signals open, and nothing of the core' "$(spawner_fds)" 5
	for pid in $background $(descendants "$background"); do
		name=$(cat "/proc/$pid/comm")
		directory=$(readlink "/proc/$pid/cwd")
		streams=$(readlink "/proc/$pid/fd/1" "/proc/$pid/fd/2" | sort -u)
		# A look for tokens may have ended meanwhile.
		ended "$pid" && continue
		is "$name works in no directory of the caller's" "$directory" /
		is "$name writes to nobody" "$streams" /dev/null
	done
else
	skip 'what it has open' 'it may be looked at by root alone'
fi
end_process "$background"
fails 'its socket goes with it' [ -e "$T/bg.sock" ]
for closed in '<&-' '<&- >&- 2>&-'; do
	check "with streams closed ($closed) it starts" 0 timeout 30 bash -c "smime-agent --socket \"\$1/bg.sock\" --config \"\$1/agent.yaml\" $closed" - "$T"
	check 'and serves' 0 smime sign -i "$T/mail" -o "$T/signed"
	smime status --json >"$T/status.json"
	background=$(json "$T/status.json" 'd.get("pid") or d["agent"]["pid"]')
	started+=("$background")
	end_process "$background"
done
export SMIME_AGENT_SOCK=$T/agent.sock

# Several that start at once: one gets the socket.
for i in 1 2 3 4; do
	smime-agent --foreground --socket "$SMIME_AGENT_SOCK" --config "$T/agent.yaml" >>"$T/race.log" 2>&1 </dev/null 3>&- &
	racing[i]=$!
	started+=("$!")
done
await smime status >/dev/null 2>&1
await eval '[ "$(grep -c "running there already" "$T/race.log")" = 3 ]'
is 'of four that start at once three find it taken' "$(grep -c 'running there already' "$T/race.log")" 3
check 'one serves' 0 smime keys
for pid in "${racing[@]}"; do end_process "$pid"; done

# The end of a whole group, as a service manager has it, with the spawner the first to hear of it.
agent_start
check 'keys' 0 smime keys
kill -TERM "$(pgrep -P "$agent_pid" smime-spawner)"
sleep 0.1
agent_stop

# Who started it may ignore that children have ended: it is told of its own.
SMIME_AGENT_SOCK=$T/ignoring.sock
env --ignore-signal=CHLD smime-agent --foreground --socket "$SMIME_AGENT_SOCK" --config "$T/agent.yaml" >>"$T/agent.log" 2>&1 </dev/null 3>&- &
ignoring=$!
started+=("$ignoring")
check 'keys of an agent that was started by who ignores that a child has ended' 0 await smime keys
ignored=$(sed -n 's/^SigIgn:[[:space:]]*//p' "/proc/$(pgrep -P "$ignoring" smime-spawner)/status")
is 'its spawner does not' $((0x$ignored >> 16 & 1)) 0
told 'and of the one that it leaves in the background, which ends at once' 7 'running there already' \
	env --ignore-signal=CHLD smime-agent --socket "$SMIME_AGENT_SOCK" --config "$T/agent.yaml"
end_process "$ignoring"
SMIME_AGENT_SOCK=$T/agent.sock

# Without the spawner no process can be started any more: the agent ends, and says so.
SMIME_AGENT_SOCK=$T/killed.sock
smime-agent --foreground --socket "$SMIME_AGENT_SOCK" --config "$T/agent.yaml" >"$T/killed.log" 2>&1 </dev/null 3>&- &
killed=$!
started+=("$killed")
check 'keys' 0 await smime keys
kill -KILL "$(pgrep -P "$killed" smime-spawner)"
holds 'an agent whose spawner was killed ends' await ended "$killed"
wait "$killed"
is 'as an error of its own' $? 8
is 'with one line' "$(wc -l <"$T/killed.log")" 1
like 'that names it' "$(cat "$T/killed.log")" '^smime-agent: .*smime-spawner'
SMIME_AGENT_SOCK=$T/agent.sock

# An agent whose socket file is not in its place any more can't even be told to lock: it ends, and leaves alone what is there.
displaced() { # DESCRIPTION COMMAND...: an agent ends by itself after that
	smime-agent --foreground --socket "$SMIME_AGENT_SOCK" --config "$T/agent.yaml" >"$T/displaced.log" 2>&1 </dev/null 3>&- &
	local displaced=$!
	started+=("$displaced")
	check "$1: keys" 0 await smime keys
	"${@:2}"
	holds "$1: the agent ends" await ended "$displaced"
	end_process "$displaced"
	wait "$displaced"
	is "$1: as an error of input and output" $? 7
	like "$1: which it names" "$(cat "$T/displaced.log")" '^smime-agent: the socket file [^[:cntrl:]]*$'
}
chmod_then_ask() { chmod 666 "$SMIME_AGENT_SOCK" && chmod 600 "$SMIME_AGENT_SOCK" && smime status >"$T/out" && rm "$SMIME_AGENT_SOCK"; }
put_another() { python3 -c 'import os, socket, sys; socket.socket(socket.AF_UNIX).bind("new"); os.rename("new", sys.argv[1])' "$SMIME_AGENT_SOCK"; }
displaced 'a socket file that is removed, not one that is only touched' chmod_then_ask
prints 'it served when its file was touched' '.'
displaced 'a socket file that is moved away' mv "$SMIME_AGENT_SOCK" "$T/moved.sock"
cd "$T" || exit 1
displaced 'a socket file that is replaced' put_another
cd "$OLDPWD" || exit 1
holds 'a socket of somebody else is left alone' [ -S "$SMIME_AGENT_SOCK" ]
rm "$SMIME_AGENT_SOCK" "$T/moved.sock"

# p11-kit's configuration, with none of ours.
mkdir -p "$HOME/.config/pkcs11/modules"
printf 'module: %s\n' "$DEMO_MODULE" >"$HOME/.config/pkcs11/modules/demo.module"
smime-agent --foreground --socket "$SMIME_AGENT_SOCK" >>"$T/agent.log" 2>&1 </dev/null 3>&- &
agent_pid=$!
started+=("$agent_pid")
await agent_listens
check 'modules come from p11-kit' 0 smime keys
prints 'with their keys' 'alice'
agent_stop

# The administrator's file and the user's: what the first one sets the second can't.
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	in_etc() { exec unshare -m sh -c 'mount --bind "$1/etc" /etc && shift && exec "$@"' - "$T" "$@"; }
	mkdir -p "$T/etc/smime-agent" "$HOME/.config/smime-agent"
	cp /etc/passwd /etc/ld.so.cache "$T/etc/"
	printf 'modules: [{path: %s}]\n' "$DEMO_MODULE" >"$T/etc/smime-agent/agent.yaml"
	printf 'pin: {program: "%s"}\n' "$T/pinentry" >"$HOME/.config/smime-agent/agent.yaml"
	answers "pin $DEMO_PIN"
	(in_etc "$core" --foreground --socket "$SMIME_AGENT_SOCK") >>"$T/agent.log" 2>&1 </dev/null 3>&- &
	agent_pid=$!
	started+=("$agent_pid")
	await agent_listens
	check 'modules of one file and pin of the other' 0 smime sign -k alice@example.org -i "$T/mail" -o "$T/signed"
	is 'serve together' "$(prompts)" 1
	agent_stop
	printf 'modules: [{path: %s}]\n' "$DEMO_MODULE" >>"$HOME/.config/smime-agent/agent.yaml"
	check 'a key in both files' 2 eval '(in_etc "$core" --check-config)'
	says 'is named with both' "$HOME/.config/smime-agent/agent.yaml:[0-9]+:[0-9]+: modules.*/etc/smime-agent/agent.yaml"
	both() { # SYSTEM USER: checks what two files come to
		printf '%s\n' "$1" >"$T/etc/smime-agent/agent.yaml"
		printf '%s\n' "$2" >"$HOME/.config/smime-agent/agent.yaml"
		run eval '(in_etc "$core" --check-config)'
	}
	both "{user-may: [trust, pin], pin: {program: /nosuch}, modules: [{path: $DEMO_MODULE}]}" "{pin: {program: \"$T/pinentry\"}, trust: [\"$T/ca/root.pem\"]}"
	is "a key of user-may is the user's to set" "$code" 0
	both "{user-may: [trust, pin], pin: {program: \"$T/pinentry\"}}" 'pin: {program: /nosuch}'
	is 'and it is his that counts' "$code" 2
	says 'as it says' 'pin: program: /nosuch'
	both "{user-may: [trust, pin], pin: {program: \"$T/pinentry\"}}" 'trust: []'
	is "where he sets none the administrator's stands" "$code" 0
	both "{user-may: [trust], trust: [/nosuch], pin: {program: \"$T/pinentry\"}}" 'trust: []'
	is 'an empty list is one that he sets' "$code" 0
	both "{trust: [\"$T/ca/root.pem\"], pin: {program: \"$T/pinentry\"}}" 'trust: []'
	is 'and that he may not where it is not his' "$code" 2
	says 'it is named, too' "$HOME/.config/smime-agent/agent.yaml:[0-9]+:[0-9]+: trust.*/etc/smime-agent/agent.yaml"
	both "{user-may: [trust], pin: {program: \"$T/pinentry\"}}" "pin: {program: \"$T/pinentry\"}"
	is 'a key that user-may leaves out' "$code" 2
	says 'is still refused' "$HOME/.config/smime-agent/agent.yaml:[0-9]+:[0-9]+: pin.*/etc/smime-agent/agent.yaml"
	both 'audit: {durability: sync}' 'audit: {durability: off}'
	is 'the audit log is not the user'"'"'s to switch off' "$code" 2
	says 'where it is the administrator'"'"'s' "$HOME/.config/smime-agent/agent.yaml:[0-9]+:[0-9]+: audit.*/etc/smime-agent/agent.yaml"
	for set in "trust: [\"$T/ca/root.pem\"]" "certificates: [{path: \"$T/ca/issuing.pem\"}]" 'capabilities: [aes256-cbc]' 'environment: [FAULTY_CONTROL]' \
		'p11-kit: [{name: softhsm2, deadline: 5s}]'; do
		both "{${set%%:*}: [], pin: {program: \"$T/pinentry\"}}" "$set"
		is "an empty list is the administrator's too: ${set%%:*}" "$code" 2
		says 'and is named' "$HOME/.config/smime-agent/agent.yaml:[0-9]+:[0-9]+: ${set%%:*}.*/etc/smime-agent/agent.yaml"
	done
	both "pin: {program: \"$T/pinentry\"}" 'user-may: [pin]'
	is "user-may in the user's own file" "$code" 2
	says 'is refused' "$HOME/.config/smime-agent/agent.yaml:[0-9]+:[0-9]+: user-may"
	both 'user-may: [pni]' ''
	is 'a user-may of an unknown key' "$code" 2
	says 'is named' "/etc/smime-agent/agent.yaml:[0-9]+:[0-9]+: user-may: 'pni'"
	rm "$HOME/.config/smime-agent/agent.yaml"
else
	skip "the administrator's file and the user's" 'only root can give a process an /etc of its own'
fi

# Fewer clients, and fewer descriptors than clients.
configure 'socket: {max_clients: 3}'
agent_start
cat >"$T/crowd.py" <<'END'
import selectors, sys
from wire import *
ready, held, greeted = selectors.DefaultSelector(), [], 0
for _ in range(int(sys.argv[2])):
    held.append(connection := Connection(sys.argv[1]))
    try:
        connection.send(hello())
        ready.register(connection.socket, selectors.EVENT_READ, connection)
    except OSError:
        pass
# Who is neither greeted nor closed waits; nothing new for so many seconds means that it stays so.
while ready.get_map() and (found := ready.select(4)):
    for item, _ in found:
        try:
            item.data.receive()
            greeted += 1
        except (OSError, EOFError):
            pass
        ready.unregister(item.data.socket)
print(greeted, flush=True)
sys.stdin.read()
END
is 'max_clients: 3' "$(python3 "$T/crowd.py" "$SMIME_AGENT_SOCK" 6 </dev/null)" 3
agent_stop
configure
agent_start
check 'keys' 0 smime keys
prlimit --pid "$agent_pid" --nofile=24
mkfifo "$T/crowd"
python3 "$T/crowd.py" "$SMIME_AGENT_SOCK" 16 <"$T/crowd" >"$T/greeted" & crowd=$!
exec 8>"$T/crowd"
ticks() { awk '{print $14 + $15}' "/proc/$agent_pid/stat"; }
await [ -s "$T/greeted" ]
before=$(ticks)
sleep 0.5
if [ $(($(ticks) - before)) -le 10 ]; then pass 'without descriptors it does not burn time'; else fail 'without descriptors it does not burn time' "$(($(ticks) - before)) ticks of 50"; fi
exec 8>&-
wait "$crowd"
check 'and serves again when there are some' 0 smime keys
agent_stop
(ulimit -n 40 && exec "$core" --foreground --socket "$SMIME_AGENT_SOCK" --config "$T/agent.yaml") >>"$T/agent.log" 2>&1 </dev/null 3>&- &
agent_pid=$!
started+=("$agent_pid")
await agent_listens
like 'a limit of 40 descriptors leaves room for some clients and for the tokens' "$(python3 "$T/crowd.py" "$SMIME_AGENT_SOCK" 30 </dev/null)" '^[1-9]$'
check 'with the token served' 0 smime keys
agent_stop

# More on a token than a message holds.
padding=$(printf 'URI:http://example.org/%s,' "$(head -c 900 /dev/zero | tr '\0' a)")
printf '[v3]\nsubjectAltName=email:many@example.org,%s\nextendedKeyUsage=emailProtection\n' "${padding%,}" >"$T/many.cnf"
openssl ecparam -name prime256v1 -out "$T/p256.pem"
many() {
	local i
	for i in $(seq 70); do
		openssl req -x509 -new -newkey ec:"$T/p256.pem" -nodes -subj "/CN=many$i" -days 90 -config "$T/many.cnf" -extensions v3 \
			-keyout /dev/null -outform DER -out "$T/many$i.der" 2>/dev/null || return
		pkcs11-tool --module "$DEMO_MODULE" --token-label demo --login --pin "$DEMO_PIN" --write-object "$T/many$i.der" --type cert \
			--id "$(printf '7%03x' "$i")" --label "many$i" >/dev/null 2>&1 || return
	done
}
many
agent_start
check 'a token with more than a message holds' 0 smime keys
is 'has all its keys listed' "$(grep -c 'CN=many' "$T/out")" 70
check 'and is used' 0 smime sign -k alice@example.org -i "$T/mail" -o "$T/signed"
check 'with the rest of its certificates told after the login' 0 smime keys

# An encrypted key that was opened for one type of content is opened for no other.
openssl cms -encrypt -aes256 -outform DER -in "$T/mail" -out "$T/encrypted.der" "$T/alice.pem"
cat >"$T/reuse.py" <<'END'
import hashlib, subprocess, sys
from wire import *
AUTH_ENVELOPED, AES256_GCM = bytes.fromhex('2a864886f70d0109100117'), bytes.fromhex('60864801650304012e')
CHACHA = bytes.fromhex('2a864886f70d0109100312')
content_info = parts(parse(open(sys.argv[2], 'rb').read())[1])
enveloped = parts(parse(content_info[1][1])[1])
recipient = next(content for tag, content in enveloped if tag == 0x31)
spki = subprocess.run(['openssl', 'pkey', '-pubin', '-in', sys.argv[3], '-outform', 'DER'], capture_output=True, check=True).stdout
key = hashlib.sha256(spki).digest()
cbc = sequence(oid(AES256_CBC), octets(bytes(16)))
gcm = sequence(oid(AES256_GCM), sequence(octets(bytes(12)), integer(16)))
chacha = sequence(oid(CHACHA), octets(bytes(12)))
orders = {'cbc': (ENVELOPED, cbc), 'gcm': (AUTH_ENVELOPED, gcm), 'chacha': (AUTH_ENVELOPED, chacha)}
connection = Connection(sys.argv[1]).greet()
for number, (content_type, algorithm) in enumerate([orders[name] for name in sys.argv[4:]], 10):
    _, kind, body = connection.ask(request(number, DECRYPT, sequence(octets(key), oid(content_type), algorithm, octets(recipient))))
    print('key' if kind == R_DECRYPT else error_code(body), end=' ')
END
reuse() { python3 "$T/reuse.py" "$SMIME_AGENT_SOCK" "$T/encrypted.der" "$T/alice.pub" "$@" 2>&1; }
is 'a key for another content type is refused' "$(reuse gcm cbc chacha gcm)" 'key 104 104 key '
openssl cms -encrypt -aes256 -outform DER -in "$T/mail" -out "$T/encrypted.der" "$T/alice.pem"
is 'but a copy in CBC that comes first does not keep the real message closed' "$(reuse cbc cbc gcm cbc chacha gcm)" 'key key key 104 104 key '
openssl cms -encrypt -aes256 -outform DER -in "$T/mail" -out "$T/encrypted.der" "$T/alice.pem"
is 'E6: a key for ChaCha20-Poly1305 is none for AES' "$(reuse chacha gcm cbc chacha)" 'key 104 104 key '
agent_stop
done_testing
