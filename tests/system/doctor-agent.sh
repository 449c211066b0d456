#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# smime doctor on trust, the agent, its socket, its configuration, directories and the clock: one thing after another is broken,
# and exactly that is found.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/doctor-keys.sh"

AREAS='token key validity usage address chain trust agent audit socket config permissions clock self-test'
doctor_token
version=$(smime --version | grep -o '[0-9.]*$')

# ---- Trust ----

with 'good ca/issuing' "trust: [\"$T/stranger.pem\"]"
examine
only 'a chain to a root that is not there' 'warning chain: the chain of carol@example.org .* leads to CN=Demonstration Root,O=Demonstration, which is not trusted here -> .*`trust:`'
mkdir -p "$HOME/.config/smime-agent/certificates" && cp "$T/ca/root.pem" "$HOME/.config/smime-agent/certificates/"
examine
only 'a chain to a root that is not trusted' 'warning chain: the chain of carol@example.org .* leads to CN=Demonstration Root,O=Demonstration, which is not trusted here -> .*`trust:`'
rm -r "$HOME/.config/smime-agent"
authority_root() { # NAME FROM UNTIL: one that trusts itself
	new_key "ca/$1" && openssl req -x509 -new -key "$T/ca/$1.key" -subj "/CN=$1" -days 3000 -addext keyUsage=critical,keyCertSign -out "$T/ca/$1-begin.pem" &&
		cp "$T/ca/$1.key" "$T/$1.key" && mv "$T/ca/$1-begin.pem" "$T/ca/$1.pem" &&
		issue "$1" "$1" "$2" "$3" "$1" basicConstraints=critical,CA:true keyUsage=critical,keyCertSign,cRLSign && cp "$T/$1.pem" "$T/ca/$1.pem"
}
authority_root past -400 -20
with 'good ca/issuing' "trust: [\"$T/ca/root.pem\", \"$T/past.pem\"]"
examine
only 'an anchor that has expired' "warning trust: CN=past, which agent.yaml trusts, has expired on $(day -20): no chain leads to it any more -> get the root certificate that follows"
authority_root brief -400 20
with 'good ca/issuing' "trust: [\"$T/ca/root.pem\", \"$T/brief.pem\"]"
examine
only 'one that ends soon' "warning trust: CN=brief, which agent.yaml trusts, ends on $(day 20) -> get"
authority_root coming 10 400
with 'good ca/issuing' "trust: [\"$T/ca/root.pem\", \"$T/coming.pem\"]"
examine
only 'one that is still to come' "warning trust: CN=coming, which agent.yaml trusts, is not valid before $(day 10)"
# A library of that name that has no list.
mkdir "$T/without" && cp "$(ldconfig -p | awk '/libz.so.1 / { print $NF; exit }')" "$T/without/libnssckbi.so" || bail 'no libz'
examine_without() { run env LD_LIBRARY_PATH="$T/without" smime doctor --json; }
with 'good ca/issuing'
examine_without
is_well 'a system without a list of anchors is well'
notes 'but that is noted' 'trust: this system has no list of anchors for e-mail \(libnssckbi.so\): only the 1 of agent.yaml .* -> install the package libnss3'
with 'good ca/issuing' 'trust: []'
examine_without
wrong 'no anchor at all' 'fault trust: nobody is trusted, so that no signature is good -> name your organisation.s root under `trust:`'
code_is 'with the code of that' trust 101

# ---- The agent ----

with 'good ca/issuing'
smime-agent --foreground --socket "$T/other.sock" --config "$T/agent.yaml" 3>&- >>"$T/agent.log" 2>&1 </dev/null &
second=$!
started+=("$second")
answers_there() { smime --version >"$T/null" && smime status --socket "$T/other.sock" -q >"$T/null" 2>&1; }
holds 'a second agent is there' await answers_there
examine
is_well 'an agent with a socket of its own is no matter'
end_process "$second"
run env --ignore-signal=CHLD smime doctor --json
is_well 'nor is who started the doctor and ignores that a child has ended'
# One of programs that are installed anew while it runs.
agent_stop
mkdir -p "$T/tree/client/cli" "$T/tree/agent/core" "$T/tree/agent/token" "$T/tree/agent/reader"
for program in client/cli/smime agent/core/smime-agent agent/token/smime-token agent/reader/smime-reader; do cp "$SMIME_BUILD/$program" "$T/tree/$program"; done
kept=$PATH PATH=$T/tree/agent/core:$T/tree/client/cli:$PATH
hash -r
agent_start
examine
is_well 'an agent of programs that stand elsewhere is well'
# Where it is not known when in its second a process has begun, it is told two seconds later.
sleep 3.1 && cp "$T/tree/agent/core/smime-agent" "$T/tree/again" && mv "$T/tree/again" "$T/tree/agent/core/smime-agent"
examine
only 'one whose program was installed anew' 'warning agent: the agent runs since before smime-agent was installed anew, so it is the old one -> end it'
agent_stop
PATH=$kept
hash -r
# Its socket is taken away from it, and it does not end since it is stopped: as one that hangs. They have no log, for which the second
# would wait two seconds, and then say that the first has it.
with 'good ca/issuing' 'audit: {durability: off}'
first=$agent_pid
stop_process "$first"
rm "$SMIME_AGENT_SOCK" "$SMIME_AGENT_SOCK.lock"
agent_start
holds 'another one takes its place' await smime status -q # what listens may be the first one still
examine
only 'an older agent for the same socket' "warning agent: process $first is an older agent for the same socket.* -> end it"
kill -CONT "$first"
holds 'it ends by itself' await ended "$first"
examine
is_well 'then all is well'
with 'good ca/issuing'
agent_stop

# ---- Without an agent ----

examine
only 'no agent' "fault agent: no agent answers on $SMIME_AGENT_SOCK.* -> start it there"
code_is 'with the code of that' agent 300
is 'is exit code 3' "$code" 3
notes 'keys are not looked at' 'token: tokens and keys can.t be looked at'
notes 'the socket that is not there is named' "socket: there is no $SMIME_AGENT_SOCK \(as SMIME_AGENT_SOCK says\) -> start the agent"
run smime doctor --json --self-test
is 'the self-test has nothing to say' "$(json "$T/out" "[f for f in d['findings'] if f['area'] == 'self-test']")" '[]'
python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])' "$SMIME_AGENT_SOCK"
examine
wrong 'a socket that nobody listens on' "fault socket: $SMIME_AGENT_SOCK is left from an agent that has ended .* -> start the agent: it puts its own"
rm "$SMIME_AGENT_SOCK" && : >"$SMIME_AGENT_SOCK"
examine
wrong 'a file in its place' "fault socket: $SMIME_AGENT_SOCK .* is no socket -> remove it"
rm "$SMIME_AGENT_SOCK"
run env SMIME_AGENT_SOCK="$T/$(printf 'x%.0s' {1..120})" smime doctor --json
wrong 'a path that is too long' 'fault socket: .*characters, and a socket 107 at most -> name a shorter one'
run smime doctor --json --socket "$T/nowhere.sock"
notes 'one that an option names' "socket: there is no $T/nowhere.sock \(as --socket says\)"
run env -u SMIME_AGENT_SOCK smime doctor --json --no-autostart
notes 'the default one' "socket: there is no $XDG_RUNTIME_DIR/smime-agent/agent.sock \(the default one, in XDG_RUNTIME_DIR\)"
like 'and how to start its agent' "$(worse)" 'fault agent: .*-> start it with `systemctl --user'
mkdir "$XDG_RUNTIME_DIR/smime-agent" && : >"$XDG_RUNTIME_DIR/smime-agent/agent.sock"
examine
notes 'when another one is where it belongs' 'socket: there is no .* -> leave it to the default: without --socket, and unset SMIME_AGENT_SOCK'
rm -r "$XDG_RUNTIME_DIR/smime-agent"
mkdir -p "$HOME/.config/smime-agent" && printf 'nonsense: 1\n' >"$HOME/.config/smime-agent/agent.yaml"
run env -u SMIME_AGENT_SOCK smime doctor --json
like 'one that ends at once, and what is to be mended' "$(worse)" 'fault agent: .*ended at once: .*agent.yaml:1:1: .* -> mend what it says'
mv "$T/agent.yaml" "$HOME/.config/smime-agent/"
run env -u SMIME_AGENT_SOCK smime doctor --json
is_well 'the agent of the default socket is started'
finds 'its configuration is the one in the home directory' "config: $HOME/.config/smime-agent/agent.yaml is good"
finds 'and it answers' "agent: smime-agent .* answers on $XDG_RUNTIME_DIR/smime-agent/agent.sock"
end_process "$(json "$T/out" "[f['text'] for f in d['findings'] if f['area'] == 'agent'][0].split()[-1].rstrip(')')")"

rm "$HOME/.config/smime-agent/agent.yaml"

# ---- An agent of another version ----

python3 "$SOURCE/tests/lib/old-agent.py" "$SMIME_AGENT_SOCK" &
old=$!
started+=("$old")
holds 'an agent of another version answers' await smime status -q
examine --self-test
wrong 'its version is told' "warning agent: the agent is version 0.0.1 and this program $version: .* -> end it"
notes 'no key is tried with it' 'self-test: no key was tried'
unlike 'and it is asked for nothing that it does not know' "$(worse)" 'protocol|unknown|closed'
end_process "$old"
rm "$SMIME_AGENT_SOCK"

# ---- An agent that does not answer ----

with 'good ca/issuing'
stop_process "$agent_pid"
examine --self-test
only 'an agent that was stopped' "fault agent: the agent on $SMIME_AGENT_SOCK takes connections, but does not answer -> .*kill -CONT"
code_is 'it is named' agent 301
kill -CONT "$agent_pid"
examine
is_well 'let go on, it is well'

# ---- Socket ----

chmod 666 "$SMIME_AGENT_SOCK"
examine
only 'a socket that others can open' "warning socket: $SMIME_AGENT_SOCK can be opened by others -> \`chmod 600\`"
chmod 600 "$SMIME_AGENT_SOCK"
chmod 770 "$T"
examine
wrong 'a directory that others can write to' "warning socket: $T can be written to by others[^"$'\n'"]* -> \`chmod 700\`"
wrong 'where agent.yaml could be replaced, too' "fault config: $T/agent.yaml: others could have put it there"
is 'and nothing else' "$(worse | wc -l)" 2
chmod 700 "$T"
if [ "$(id -u)" = 0 ]; then
	chown nobody "$SMIME_AGENT_SOCK"
	examine
	only 'a socket of somebody else' "fault socket: $SMIME_AGENT_SOCK belongs to user $(id -u nobody), and not to you -> name another"
	chown root "$SMIME_AGENT_SOCK"
else
	skip 'a socket of somebody else' 'only root can make one'
fi

# ---- Configuration ----

touch -d '+1 minute' "$T/agent.yaml"
examine
only 'agent.yaml was changed since' "warning config: $T/agent.yaml is good, but was changed since the agent has read it -> .*policy reload.*restart"
sleep 3.1 # what is as old as the agent, give or take a second, it may have read
touch "$T/agent.yaml"
check 'its rules are read again' 0 smime policy reload
examine
notes 'only its rules are known to be in force' "config: $T/agent.yaml is good, and its rules are in force, but it was changed since the agent started -> if more than its rules.*restart"
cp "$T/agent.yaml" "$T/kept.yaml"
echo 'colour: blue' >>"$T/agent.yaml"
examine
only 'agent.yaml has an unknown key' "fault config: $T/agent.yaml:[0-9]+:[0-9]+: .*colour.* -> correct it"
code_is 'with the code of that' config 200
cp "$T/kept.yaml" "$T/agent.yaml" && chmod 666 "$T/agent.yaml"
examine
only 'others can write to agent.yaml' "fault config: $T/agent.yaml: others could have written it"
chmod 600 "$T/agent.yaml"
mv "$T/good.pem" "$T/away.pem"
examine
only 'a certificate that agent.yaml names is not there' "fault config: .*$T/good.pem.*"
mv "$T/away.pem" "$T/good.pem"

# ---- Directories ----

with 'good ca/issuing'
own=$HOME/.config/smime-agent state=$HOME/.local/state/smime-agent
mkdir -p "$own/certificates"
cp "$T/good.pem" "$own/certificates/"
examine
is_well 'a folder of certificates is well'
chmod 777 "$own"
examine
only 'agent.yaml'"'"'s directory is open to others' "fault permissions: $own is open to others \(mode 0777\): .*load a module of theirs -> \`chmod 700\`"
code_is 'with the code of that' permissions 700
chmod 755 "$own"
chmod 775 "$own/certificates"
examine
only 'the folder of certificates is' "fault permissions: $own/certificates is open to others .*encrypt to a key of theirs"
chmod 755 "$own/certificates"
chmod 666 "$own/certificates/good.pem"
examine
only 'a file in it is' "warning permissions: $own/certificates/good.pem can be written to by others.* -> \`chmod go-w\`"
rm "$own/certificates/good.pem" && ln -s nowhere "$own/certificates/link.pem"
examine
only 'a file in it is none' "warning permissions: $own/certificates/link.pem can.t be read: No such file"
rm "$own/certificates/link.pem"
echo garbage >"$own/certificates/bob.pem"
examine
only 'a file in it holds no certificate' "warning permissions: $own/certificates/bob.pem: holds no certificate in PEM or DER -> take it away"
rm "$own/certificates/bob.pem"
openssl pkey -in "$T/ca/issuing.key" -pubout -out "$own/certificates/key.pem"
examine
only 'nor does a public key' "warning permissions: $own/certificates/key.pem: holds no certificate.* -> .*PEM or DER"
rm "$own/certificates/key.pem" && cp "$T/good.pem" "$own/certificates/bob.txt"
examine
is_well 'a file of another kind is well'
notes 'but that it is not read is noted' "permissions: $own/certificates/bob.txt is not read: its name does not end in .pem, .der, .crt or .cer"
rm "$own/certificates/bob.txt"
chmod 755 "$state"
examine
only 'the state directory is open to others' "fault permissions: $state is open to others \(mode 0755\): the agent does not start with it"
chmod 700 "$state"
rmdir "$own/certificates" && : >"$own/certificates"
examine
only 'a file in the place of a directory' "fault permissions: $own/certificates is no directory"
rm "$own/certificates"
examine
is_well 'put right, all is well'

# ---- The audit log ----

log=$state/audit
with 'good ca/issuing'
examine
is_well 'a log that is written is well'
prints 'and it is said where' "\"the log in $log is written\""
prints 'with where its verification key should not be' 'verification key lies beside it'
mv "$log/verification-key" "$T/verification-key"
examine
fails 'which is well elsewhere' grep -q 'verification key' "$T/out"
with 'good ca/issuing' 'audit: {durability: off}'
examine
notes 'no log' 'note audit: nothing is written down of what keys are used for -> .*durability'
bash -c 'exec 8<"$1" && flock 8 && exec sleep 600' - "$log" >/dev/null 2>&1 3>&- &
holder=$!
started+=("$holder")
has_log() { ! flock -n "$log" true; }
holds 'it is locked' await has_log
with 'good ca/issuing'
holds 'another program has the log' await eval 'smime status | grep -q "^log  *another smime-agent"'
examine
only 'another program has the log' "fault audit: another smime-agent writes the audit log in $log.* -> .*nothing that needs a key"
code_is 'with the code of what signing says' audit 700
end_process "$holder"
if [ "$(id -u)" = 0 ] && mkdir "$T/small" && mount -t tmpfs -o size=1m,mode=700 tmpfs "$T/small" 2>/dev/null; then
	with 'good ca/issuing' "audit: {path: \"$T/small/log\"}"
	examine
	only 'a disk with little room' "warning audit: the disk of the log in $T/small/log has [01] MiB left -> make room"
	agent_stop >/dev/null
	umount "$T/small"
else
	skip 'a disk with little room' 'no file system can be mounted here'
fi
with 'good ca/issuing'

# ---- Clock ----

# A program that was made the day after tomorrow.
made=$(($(date +%s) + 2 * 86400)) month=$(date -u +%Y-%m)
touch -d "@$made" "$T/tree/client/cli/smime"
run "$T/tree/client/cli/smime" doctor --json
only 'a clock that is before the day of the program' \
	"fault clock: it is ($month|$(date -u +%Y-%m))-.* by the clock, and this program was made on $(date -u -d "@$made" +%F) -> set it"
code_is 'with the code of that' clock 421

is 'nobody was asked for a PIN in all this' "$(prompts)" 0
done_testing
