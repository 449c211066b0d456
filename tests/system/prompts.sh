#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Prompts appear where the client is that asks, one at a time with the others in line, and go with their clients.
. "$(dirname "$0")/../lib/lib.sh"

# What a test runner's own interpreter may have set is nobody's locale here.
unset LANG LC_CTYPE LC_MESSAGES
fixture people wide odd
log=$T/pinentry.d/log
configure
answers "pin $DEMO_PIN"
DISPLAY=:7 XAUTHORITY=/agent/authority TERM=agent-term LC_ALL=C.UTF-8 DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent agent_start

# (TERM=dumb is what bash, which the scripted pinentry is, has for none.)
# Where the person is: what the client says of it, and nothing that the agent was started with beside it.
asked_at() { # NAME=VALUE...: where the prompt of a client with these variables appears
	smime lock
	: >"$log"
	env -u LC_ALL -u TERM "$@" setsid smime unlock demo </dev/null >/dev/null 2>"$T/client.err" || cat "$T/client.err"
	sed -n 's/^ENV \(.*\)=\(.*\)$/\1=\2/p' "$log" | grep -v -e '=$' -e '^TERM=dumb$' | sort | tr '\n' ' '
}
is 'a client on a display' "$(asked_at DISPLAY=:3 XAUTHORITY=/client/authority LC_MESSAGES=de_DE.UTF-8)" \
	'DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent DISPLAY=:3 LC_MESSAGES=de_DE.UTF-8 XAUTHORITY=/client/authority '
like 'which is an argument as well' "$(grep '^START' "$log")" '^START [0-9]+ --display :3$'
is 'a client on a display of another kind' "$(asked_at WAYLAND_DISPLAY=wayland-5)" \
	'DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent LC_ALL=C.UTF-8 WAYLAND_DISPLAY=wayland-5 '
is 'a client on a terminal' "$(asked_at GPG_TTY=/dev/null TERM=vt100 LC_CTYPE=fr_FR.UTF-8)" 'GPG_TTY=/dev/null LC_CTYPE=fr_FR.UTF-8 TERM=vt100 '
is 'which pinentry is told once more' "$(grep '^OPTION' "$log" | grep -v timeout | tr '\n' ' ')" \
	'OPTION ttyname=/dev/null OPTION ttytype=vt100 OPTION lc-ctype=fr_FR.UTF-8 '
is 'a client that says nothing is asked where the agent was started' "$(asked_at)" \
	'DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent DISPLAY=:7 LC_ALL=C.UTF-8 TERM=agent-term XAUTHORITY=/agent/authority '

# One at a time. The others are in line, in their order; who goes leaves it.
in_line() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" '" ".join(p["label"] for p in d["prompt_line"])')" = "$1" ]; } # LABELS
prompts_told() { # FILE
	python3 -c 'import json, sys
for e in map(json.loads, open(sys.argv[1])):
    if e["event"][:7] == "prompt-": print(e["event"][7:], e["label"], e["place"])' "$1"
}
smime lock
answers 'until served cancel'
smime watch --json >"$T/events" 3>&- & watcher=$!
started+=("$watcher")
await grep -q watching "$T/events"
for token in demo wide odd; do
	smime unlock $token 2>"$T/$token.err" 3>&- &
	printf -v "$token" %s "$!"
	line=${line:+$line }$token
	holds "the prompt for $token is in line" await in_line "$line"
done
await grep -q '^GETPIN$' "$log"
is 'one is shown' "$(grep -c '^START' "$log")" 1
check 'status' 0 smime status
prints 'shows the first' 'prompt  for token demo, shown'
prints 'the second' 'prompt  for token wide, 1 before it'
prints 'and the third' 'prompt  for token odd, 2 before it'
prints 'with who asks for what' 'smime \(process [0-9]+\) asks to unlock the token'
kill "$wide"
wait "$wide" 2>/dev/null
holds 'whoever goes leaves the line' await in_line 'demo odd'
is 'without a prompt' "$(grep -c '^START' "$log")" 1
pinentry=$(awk '/^START/ {print $2}' "$log")
kill "$demo"
wait "$demo" 2>/dev/null
holds 'the prompt of a client that has gone closes' await ended "$pinentry"
holds 'and the next one is shown' await eval '[ "$(grep -c "^START" "$log")" = 2 ]'
: >"$T/pinentry.d/served"
wait "$odd"
is 'and served' $? 4
like 'with its own answer' "$(cat "$T/odd.err")" 'odd.*cancelled'
holds 'the line is empty then' await in_line ''
holds 'watchers are told all of it' await eval '[ "$(grep -c prompt-closed "$T/events")" = 3 ]'
is 'in its order, with every move' "$(prompts_told "$T/events")" 'shown demo 0
queued wide 1
queued odd 2
closed wide 0
queued odd 1
closed demo 0
shown odd 0
closed odd 0'
kill -INT "$watcher"
wait "$watcher"

# A prompt that is lost: by the lock of its token, by the end of its pinentry before and after it has said a word.
rm "$T/pinentry.d/served"
answers hang
smime unlock demo 2>"$T/demo.err" & demo=$!
await grep -q HANGS "$log"
pinentry=$(awk '/^HANGS/ {print $2}' "$log")
check 'a lock while a prompt is open' 0 smime lock demo
holds 'closes it' await ended "$pinentry"
wait "$demo"
is 'and its client is told' $? 4
answers hang
smime unlock demo 2>"$T/demo.err" & demo=$!
await grep -q HANGS "$log"
kill -9 "$(awk '/^HANGS/ {print $2}' "$log")"
wait "$demo"
is 'a pinentry that is killed' $? 4
like 'is a prompt that was closed' "$(cat "$T/demo.err")" 'PIN prompt for token "demo" was closed'

# A client for whom nobody is to be asked.
answers "pin $DEMO_PIN"
check 'the tokens are locked' 0 smime lock
points_of python3 "$SOURCE/tests/lib/no-prompt.py" "$SMIME_AGENT_SOCK" alice
is 'only the other client had somebody asked' "$(prompts)" 1

# Who opens a prompt and goes before it can be answered, again and again, keeps nobody from his work.
agent_stop
configure
answers "until go pin $DEMO_PIN"
agent_start
run python3 "$SOURCE/tests/lib/flashes.py" "$SMIME_AGENT_SOCK" "$T/pinentry.d/log" GETPIN 30
is 'ten prompts of a minute that are shown and taken back are enough' "$code" 10
prints 'which is told' 'opened and taken back too often; wait a minute'
told 'whatever else needs the PIN' 4 'taken back too often' smime unlock demo
is 'and none is shown' "$(prompts)" 10

# Pinentries that are none.
cat >"$T/deaf" <<'END'
#!/bin/sh
trap '' TERM
echo $$ >"$0.pid"
sleep 600 &
echo $! >"$0.child"
wait
END
chmod 700 "$T/deaf"
agent_stop
for program in /bin/false "$T/deaf"; do
	configure "$(printf 'pin:\n  program: "%s"\n' "$program")"
	agent_start
	smime unlock demo 2>"$T/demo.err" & demo=$!
	if [ "$program" = /bin/false ]; then
		wait "$demo"
		is 'a pinentry that ends at once' $? 4
		like 'is named' "$(cat "$T/demo.err")" 'pinentry can.t ask|was closed'
	else
		await [ -s "$T/deaf.child" ]
		kill "$demo"
		wait "$demo" 2>/dev/null
		holds 'one that says nothing and does not end when it is asked to is killed' await ended "$(cat "$T/deaf.pid")"
		holds 'with what it has started' await ended "$(cat "$T/deaf.child")"
		holds 'and the line moves on' await in_line ''
	fi
	agent_stop
done

# A process that is asked to be done with its prompt, and is not.
configure "$(printf 'modules: [{path: "%s", sessions: 2, deadline: 5s}]\n' "$DEMO_MODULE")"
answers hang "pin $DEMO_PIN"
agent_start
check 'the tokens are there' 0 smime keys
smime unlock demo 2>"$T/demo.err" & demo=$!
holds 'one is asked for' await grep -q HANGS "$log"
# It is the one that has pinentry's socket beside its own.
asking() {
	local process
	for process in $(pgrep -P "$(pgrep -P "$agent_pid" -x smime-spawner)" -x smime-token); do
		[ "$(find "/proc/$process/fd" -lname 'socket:*' | wc -l)" -lt 2 ] || printf '%s\n' "$process"
	done
}
process=$(asking)
stop_process "$process"
kill -KILL "$(awk '/^HANGS/ {print $2}' "$log")"
check 'does not keep the prompt of another token waiting' 0 timeout 20 smime unlock wide
wait "$demo"
is 'its client is told' $? 4
like 'that the token does not answer' "$(cat "$T/demo.err")" 'did not answer in time'
holds 'and it is ended' await ended "$process"
done_testing
