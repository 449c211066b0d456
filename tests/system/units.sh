#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The units for systemd, under a real user manager: what they say works there, and the agent fits what they say.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/systemd.sh"

fixture people
mail alice@example.org bob@example.org >"$T/mail"
units_make

# systemd's own opinion, with a control that it has one.
verify() { systemd-analyze --user verify --man=no "$1/smime-agent.socket" "$1/smime-agent.service"; }
check 'systemd-analyze verifies the units' 0 verify "$T/units"
is 'and warns of nothing' "$(cat "$T/err" "$T/out")" ''
mkdir "$T/wrong"
cp "$T/units/smime-agent.socket" "$T/wrong/"
sed 's/^UMask=/UMaks=/' "$T/units/smime-agent.service" >"$T/wrong/smime-agent.service"
run verify "$T/wrong"
says 'as it does of an unknown option' UMaks

manager_start || { note "$(tail -n 3 "$T/manager.log")" && skip 'the units under a user manager' 'none can be started here' && done_testing; }

# The person's configuration is where it belongs; the socket is the default one.
socket=$XDG_RUNTIME_DIR/smime-agent/agent.sock
unset SMIME_AGENT_SOCK
answers "pin $DEMO_PIN"
configure
mkdir -p "$HOME/.config/smime-agent"
cp "$T/agent.yaml" "$HOME/.config/smime-agent/"
printf '#!/bin/sh\nenv >"%s"\nexec "%s" "%s"\n' "$T/pinentry.env" "$SOURCE/tests/lib/pinentry" "$T/pinentry.d" >"$T/pinentry"
agent_of_clients() { smime status --no-autostart --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'; }
serves() { # is it the service that answers?
	local answering
	answering=$(agent_of_clients) && [ "$answering" = "$(service_pid)" ]
}

check 'one command enables both units' 0 user enable --now smime-agent.socket
is 'the socket is for its owner alone' "$(stat -c %a "$socket")" 600
is 'so is its directory' "$(stat -c %a "$(dirname "$socket")")" 700
fails 'no agent runs yet' service_pid
check 'the first client, which may start no agent, signs' 0 env DISPLAY=:77 GPG_TTY= smime sign --no-autostart -i "$T/mail" -o "$T/signed"
holds 'the agent that systemd started serves it' serves
is 'it has said that it is ready' "$(of_service StatusText)" Serving
is 'and is watched' "$(of_service WatchdogUSec)" 30s
like 'the prompt is on the display of the client' "$(cat "$T/pinentry.env")" $'(^|\n)DISPLAY=:77(\n|$)'
fails 'of which the user manager knows nothing' grep DISPLAY <(user show-environment)
holds 'its state is where an agent has it that smime starts' [ -f "$HOME/.local/state/smime-agent/rejection-secret" ]
is 'and not in ~/.config' "$(ls "$HOME/.config/smime-agent")" agent.yaml

# A client may be put into another unit while it is connected.
check 'a client that is moved from unit to unit' 0 inside python3 "$SOURCE/tests/lib/moves.py" "$socket" "/sys/fs/cgroup$manager_cgroup" one.service two.service two.service one.service
is 'is known in each' "$(cat "$T/out")" 'one.service two.service two.service one.service'

# What the options come to, in every process of the service.
pid=$(service_pid) || bail 'there is no service to look at'
limit() { awk -v name="$2" 'index($0, name) == 1 { sub(name, ""); print $1 " " $2 }' "/proc/$1/limits"; }
of_agent() { echo "$1" && descendants "$1"; } # PID
are_of_service() { [ "$(of_agent "$pid" | sort)" = "$(service_processes | sort)" ]; }
await eval '! pgrep -f "$T/pinentry.d" >/dev/null' # the one that was asked for the PIN
holds 'every process that the agent started is in the service' await are_of_service
seen=
for p in $(of_agent "$pid"); do
	name=$(cat "/proc/$p/comm")
	core=$(limit "$p" 'Max core file size')
	status=$(awk '/^(NoNewPrivs|Seccomp|Umask):/ { printf "%s%s ", $1, $2 }' "/proc/$p/status")
	spaces=$(for space in user mnt net; do readlink "/proc/$p/ns/$space"; done)
	# A look for tokens may have ended meanwhile.
	ended "$p" && continue
	seen="$seen$name "
	is "$name: no core files" "$core" '0 0'
	# The unit has no filter: a pinentry would have to live with it, and its parent is the spawner.
	[ "$name" = smime-spawner ] || [ -n "${SMIME_SANITIZED:-}" ] && filter=0 || filter=2
	is "$name: private files, no new privileges, and its own filter" "$status" "Umask:0077 NoNewPrivs:1 Seccomp:$filter "
	is "$name: in the user manager's namespaces" "$spaces" "$(for space in user mnt net; do readlink "/proc/$(pgrep -P "$manager_pid")/ns/$space"; done)"
done
like 'core, spawner and token process were looked at' "$seen" '^smime-agent .*smime-spawner .*smime-token'
like 'descriptors: as many as the clients take, but bounded' "$(limit "$pid" 'Max open files')" '^[0-9]+ 16384$'
holds 'the agent raised them' [ "$(limit "$pid" 'Max open files' | cut -d' ' -f1)" -gt 256 ]
holds 'and may lock memory' [ "$(limit "$pid" 'Max locked memory' | cut -d' ' -f1)" -ge 65536 ]
for property in Type=notify MemoryMax=536870912 TasksMax=512 OOMPolicy=continue KillMode=mixed Restart=on-failure; do
	is "$property" "$(of_service "${property%%=*}")" "${property#*=}"
done

# An agent that dies or hangs is replaced.
children=$(descendants "$pid")
kill -9 "$pid"
# No client is asked here: it would start the service by the socket.
another_than() { local new && new=$(service_pid) && [ "$new" != "$1" ]; } # PID
holds 'a killed agent is started anew' await another_than "$pid"
for p in $children; do holds 'nothing is left of it' await ended "$p"; done
check 'it serves' 0 smime sign --no-autostart -i "$T/mail" -o "$T/signed"
mkdir -p "$T/units/smime-agent.service.d"
printf '[Service]\nWatchdogSec=8\n' >"$T/units/smime-agent.service.d/watchdog.conf"
user daemon-reload
user restart smime-agent.service
restarts=$(of_service NRestarts)
pid=$(service_pid) || bail 'there is no service to stop'
before=$(of_service WatchdogTimestampMonotonic)
LIMIT=300 holds 'the agent tells that it lives, again and again' await eval '[ "$(of_service WatchdogTimestampMonotonic)" -gt $((before + 8000000)) ]'
is 'and is left alone' "$(service_pid) $(of_service NRestarts)" "$pid $restarts"
stop_process "$pid"
if LIMIT=300 await another_than "$pid" && [ "$(of_service NRestarts)" -gt "$restarts" ]; then
	pass 'one that hangs is replaced'
else
	fail 'one that hangs is replaced' "$(user show smime-agent.service | grep -E 'PID|Restart|Result|State')"
fi
rm "$T/units/smime-agent.service.d/watchdog.conf"
user daemon-reload

# Ending in order, and the next client.
check 'a stop' 0 user stop smime-agent.service
is 'is no failure' "$(of_service Result) $(of_service ActiveState)" 'success inactive'
holds 'the socket stays' [ -S "$socket" ]
check 'a reader starts it again' 0 user start smartcard.target
holds 'with the target that stands for one' await service_pid
holds 'for clients' await serves
pid=$(service_pid)
check 'when the last reader goes' 0 user stop smartcard.target
is 'the agent stays' "$(service_pid)" "$pid"

# An agent that somebody starts on the same socket, before systemd and after it.
check 'a second agent' 7 timeout 30 smime-agent
says 'does not take the socket away from systemd' 'running there already'
check 'both units are stopped' 0 user stop smime-agent.socket smime-agent.service
check 'the service alone' 0 user start smime-agent.service
is 'takes its socket with it' "$(user is-active smime-agent.socket)" active
run user stop smime-agent.socket smime-agent.service
check 'a client starts an agent by itself' 0 smime unlock demo
pid=$(json <(smime status --json) 'd["pid"]')
started+=("$pid")
fails 'which is not of the service' serves
check 'the socket is started under it' 0 user start smime-agent.socket
holds 'the agent that nobody could reach any more ends' await ended "$pid"
check 'the next client' 0 smime unlock --no-autostart demo
holds "is served by systemd's" serves
is 'both use the same state' "$(find "$HOME" -name rejection-secret | wc -l)" 1

# A configuration that is refused.
run user stop smime-agent.service
printf 'modulse: []\n' >"$HOME/.config/smime-agent/agent.yaml"
check 'with a bad configuration a client gets an answer' 3 timeout 60 smime sign -i "$T/mail"
one_line 'in one line'
check 'from the second on, which starts the agent itself' 3 timeout 60 smime sign -i "$T/mail"
says 'with the reason' 'agent\.yaml:[0-9]+:[0-9]+.*modulse'
failed() { [ "$(of_service ActiveState)" = failed ]; }
holds 'systemd does not try for ever' await failed
cp "$T/agent.yaml" "$HOME/.config/smime-agent/"
user reset-failed
check 'with a good one' 0 user start smime-agent.socket
check 'it serves' 0 smime sign --no-autostart -i "$T/mail" -o "$T/signed"

# The end of the session.
processes=$(service_processes)
manager_stop
for p in $processes; do holds 'the session takes its agent with it' await ended "$p"; done

# The next one begins with a device for which udev wants the target; see udev.sh for which these are. Every machine has this one.
mkdir -p "$T/reader/tags/systemd" "$T/reader/data"
: >"$T/reader/tags/systemd/c1:3"
printf 'I:1\nE:SYSTEMD_USER_WANTS=smartcard.target\nG:systemd\nQ:systemd\nV:1\n' >"$T/reader/data/c1:3"
holds 'a session with a reader' manager_start "$T/reader"
holds 'starts the agent without being asked' await service_pid
manager_stop
done_testing
