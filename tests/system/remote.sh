#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The agent's socket over OpenSSH's forwarding, both ways: it works, the agent knows that somebody far away asks, and rules can say what he may do.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/uids.sh"
PATH=$PATH:/usr/sbin
[ -x /usr/sbin/sshd ] || skip_all 'there is no sshd here'
fixture people
mail alice@example.org bob@example.org >"$T/mail"
printf 'content\n' >"$T/content"

# As root the agent is another user's, as it mostly is: then it can't look into sshd. Else everything is the user's own.
if [ "$(id -u)" = 0 ]; then
	me=nobody others=1
	AGENT_UID=$(id -u nobody)
	uids_programs
	here() { as "$AGENT_UID" "$@"; }
	start() { uids_agent_start; }
	chmod 644 "$T/mail" "$T/content"
	home=$T/home-$AGENT_UID
	here true
else
	me=$(id -un) others=
	here() { "$@"; }
	start() { agent_start; }
	home=$HOME
fi
rules() { # RULE...
	agent_stop >/dev/null
	configure "$([ $# -eq 0 ] || { printf 'rules:\n' && printf '  - %s\n' "$@"; })"
	start
}

# ---- sshd on loopback ----

ssh=$T/ssh
mkdir "$ssh"
for name in host user; do ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$ssh/$name"; done
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cp "$ssh/user.pub" "$ssh/authorized"
printf '[127.0.0.1]:%s %s\n' "$port" "$(cut -d' ' -f1,2 "$ssh/host.pub")" >"$ssh/known"
cat >"$ssh/sshd_config" <<-CONF
	Port $port
	ListenAddress 127.0.0.1
	HostKey "$ssh/host"
	AuthorizedKeysFile "$ssh/authorized"
	PidFile none
	UsePAM no
	StrictModes no
	PasswordAuthentication no
	AllowStreamLocalForwarding yes
	StreamLocalBindMask 0177
	StreamLocalBindUnlink yes
CONF
chmod 755 "$ssh" && chmod 644 "$ssh/authorized" "$ssh/known"
[ -z "$others" ] || chown "$AGENT_UID" "$ssh/user"
if [ -n "$others" ]; then
	# It wants an empty directory in /run, which is made for it alone.
	unshare --mount --propagation private sh -c 'mount -t tmpfs -o mode=755 tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"' - \
		/usr/sbin/sshd -D -e -f "$ssh/sshd_config" >"$ssh/log" 2>&1 </dev/null 3>&- &
else
	/usr/sbin/sshd -D -e -f "$ssh/sshd_config" >"$ssh/log" 2>&1 </dev/null 3>&- &
fi
started+=($!)
await grep -q 'Server listening' "$ssh/log" || bail "sshd did not start: $(tail -n 5 "$ssh/log")"

# ssh with this forwarding, until the socket at its end is there; its process is $tunnel.
tunnel() { # SOCKET OPTION...
	local socket=$1
	shift
	local command=(ssh -F /dev/null -N -p "$port" -i "$ssh/user" -o "UserKnownHostsFile=\"$ssh/known\"" -o StrictHostKeyChecking=yes -o ExitOnForwardFailure=yes -o StreamLocalBindMask=0177 "$@" "$me@127.0.0.1")
	if [ -n "$others" ]; then
		setpriv --reuid "$AGENT_UID" --regid "$AGENT_UID" --clear-groups env HOME="$home" "${command[@]}" >"$ssh/client.log" 2>&1 </dev/null 3>&- &
	else
		"${command[@]}" >"$ssh/client.log" 2>&1 </dev/null 3>&- &
	fi
	tunnel=$!
	started+=("$tunnel")
	if ! await listens "$socket" && grep -q 'account is locked' "$ssh/log"; then
		skip 'the socket over OpenSSH' 'sshd without root lets this user not in, whose account has no password'
		done_testing
	fi
	listens "$socket" || bail "no forwarding: $(tail -n 5 "$ssh/client.log" "$ssh/log")"
}
far() { here env SMIME_AGENT_SOCK="$far" "$@"; }
sign() { "$@" smime sign -k alice@example.org -i "$T/mail" -o "$home/signed"; } # here|far

rules
agent=$SMIME_AGENT_SOCK
check 'here a mail is encrypted' 0 here smime encrypt -r alice@example.org -r bob@example.org -i "$T/mail" -o "$home/encrypted"
for way in R L; do
	far=$home/$way.sock
	tunnel "$far" "-$way" "$far:$agent"
	check "ssh -$way: alice signs from far away" 0 sign far
	check "ssh -$way: what she signed" 0 here smime verify -i "$home/signed"
	check "ssh -$way: and decrypts" 0 far smime decrypt -i "$home/encrypted" -o "$home/decrypted"
	check "ssh -$way: what the agent knows of it" 0 far smime policy explain sign -k alice@example.org
	prints "ssh -$way: is that it is far away" 'remote yes'
	[ "$way" = L ] || like 'and that it is ssh' "$(cat "$T/out")" "executable $(realpath "$(command -v ssh)")"
	[ "$way$others" != L1 ] || like 'of sshd it sees no executable, but its name' "$(cat "$T/out")" 'executable not known'
done
check 'here' 0 here smime policy explain sign -k alice@example.org
prints 'is here' 'remote no'

# A process of the same user that can't be looked into, and has no name that says anything.
if [ -n "$others" ]; then
	cat >"$T/build/hidden.py" <<-'PY'
		import ctypes, time
		assert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0  # PR_SET_DUMPABLE
		print('hidden', flush=True)
		time.sleep(600)
	PY
	chmod 644 "$T/build/hidden.py"
	setpriv --reuid "$AGENT_UID" --regid "$AGENT_UID" --clear-groups env python3 "$T/build/hidden.py" >"$T/hidden" 2>&1 </dev/null 3>&- &
	hidden=$!
	started+=("$hidden")
	await grep -q hidden "$T/hidden" || bail "$(cat "$T/hidden")"
	check 'of a program that nobody can look into' 0 here smime policy explain sign -k alice@example.org --pid "$hidden"
	prints 'it is not known where it comes from' "uid $AGENT_UID, .*remote not known"
fi

# ---- Rules ----

for way in R L; do
	far=$home/$way.sock
	rules '{client: {remote: yes}, outcome: deny, text: "only on this machine"}'
	told "ssh -$way: denied" 5 'only on this machine' far smime unlock
	check "ssh -$way: of keys nothing is told" 0 far smime keys --json
	is "ssh -$way: not one" "$(json "$T/out" 'len(d["keys"])')" 0
	check "ssh -$way: here everything goes on" 0 sign here
	told "ssh -$way: nobody has the rules read again from there" 5 'on this machine' far smime policy reload
	told "ssh -$way: nor asks about other processes" 5 'on this machine' far smime policy explain sign --pid $$
	check "ssh -$way: here that is told" 0 here smime policy explain sign --pid $$
	told "ssh -$way: nobody watches from there" 5 'on this machine' far timeout 20 smime watch
	is "ssh -$way: nor sees that there are tokens" "$(far smime status --json | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["tokens"], d["prompt_line"], d["modules"])')" '[] [] []'
	rules '{client: {remote: yes}, operation: [list], outcome: allow}' '{name: far away alice signs, client: {remote: yes}, operation: [sign], key: {address: alice@example.org}, outcome: ask, ask: once}' \
		'{client: {remote: yes}, outcome: deny, text: "from far away alice signs, and nothing else"}' '{operation: [sign], key: {address: alice@example.org}, outcome: ask, ask: once}'
	answers "pin $DEMO_PIN"
	[ -z "$others" ] || chown -R "$AGENT_UID" "$T/pinentry.d"
	check "ssh -$way: alice signs" 0 sign far
	like "ssh -$way: after somebody was told that it is remote" "$(cat "$T/pinentry.d/log")" 'ANOTHER MACHINE \(remote\)'
	told "ssh -$way: with another key it is denied" 5 'alice signs, and nothing else' far smime sign --cms --detached -k bob@example.org -i "$T/content" -o "$home/signature"
	told "ssh -$way: nor is anything decrypted" 5 'alice signs, and nothing else' far smime decrypt -i "$home/encrypted" -o "$home/decrypted"
	asked=$(grep -c '^CONFIRM$' "$T/pinentry.d/log")
	check "ssh -$way: the same here" 0 sign here
	is "ssh -$way: takes a yes of its own" "$(($(grep -c '^CONFIRM$' "$T/pinentry.d/log") - asked))" 1
	touch "$T/pinentry.d/no"
	check "ssh -$way: after a lock" 0 here smime lock
	told "ssh -$way: who says no" 5 'said no' sign far
	rm "$T/pinentry.d/no"
done

# ---- Where it is asked ----

rules
answers "pin $DEMO_PIN"
[ -z "$others" ] || chown -R "$AGENT_UID" "$T/pinentry.d"
check 'a client far away that names its display' 0 far env DISPLAY=:99 smime unlock demo
holds 'is asked for' grep -q '^GETPIN$' "$T/pinentry.d/log"
fails 'but not on the display of that name here' grep -q 'ENV DISPLAY=:99' "$T/pinentry.d/log"
check 'locked' 0 here smime lock
check 'one here' 0 here env DISPLAY=:99 smime unlock demo
holds 'is asked where it says' grep -q 'ENV DISPLAY=:99' "$T/pinentry.d/log"

# ---- A token of another machine: p11-kit's server there, its socket forwarded, and p11-kit's client for a module ----

client=/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so
if [ -e "$client" ] && command -v p11-kit >/dev/null; then
	agent_stop >/dev/null
	here p11-kit server --foreground --name "$home/token" --provider "$DEMO_MODULE" pkcs11: >"$T/p11-kit" 2>&1 3>&- &
	server=$!
	await listens "$home/token" || bail "p11-kit server does not start: $(cat "$T/p11-kit")"
	tunnel "$home/forwarded" -L "$home/forwarded:$home/token"
	configure "$(printf 'modules: [{path: %s}]\nenvironment: [P11_KIT_SERVER_ADDRESS]' "$client")"
	export P11_KIT_SERVER_ADDRESS="unix:path=$home/forwarded"
	start
	check 'a key of a token that is far away signs here' 0 sign here
	check 'what it signed' 0 here smime verify -i "$home/signed"
	agent_stop
	for pid in $(descendants "$server") "$server"; do end_process "$pid"; done
else
	skip 'a token of another machine' 'p11-kit is not here'
fi

# ---- The page's examples ----

awk '/^```/ { inside = !inside; if (inside) { n++ }; next } inside { print > (dir "/example" n ".text") }' dir="$T" "$SOURCE/docs/smime-agent-remote.7.scd"
for example in "$T"/example?.text; do
	! grep -q '^rules:' "$example" || mv "$example" "${example%.text}.yaml"
done
for example in "$T"/example?.yaml; do check "$(basename "$example") of smime-agent-remote(7) is good" 0 smime policy check "$example"; done
is 'which are three' "$(ls "$T"/example?.yaml | wc -l)" 3
done_testing
