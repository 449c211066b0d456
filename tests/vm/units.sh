#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The user units as they are installed, in a person's own manager, and rules that name a unit, of which systemd has made the real one.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/vm.sh"
fixture people
person uma
user() { user_of uma "$@"; }
of_service() { user show -P "$1" smime-agent.service; } # PROPERTY
sign() { by uma smime "${alice[@]}"; }
agent() { by uma smime status --no-autostart --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'; }
another() { local pid && pid=$(of_service MainPID) && [ "$pid" -gt 1 ] && [ "$pid" != "$1" ]; } # PID: than this one
field() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; } # PID NAME

# ---- Starting ----

socket=/run/user/$(id -u uma)/smime-agent/agent.sock
check 'one command enables it' 0 user enable --now smime-agent.socket
is 'the socket is hers' "$(stat -c '%a %U' "$socket") $(stat -c %a "${socket%/*}")" '600 uma 700'
is 'nothing runs yet' "$(of_service ActiveState)" inactive
check 'the first client signs' 0 by uma smime sign --no-autostart --cms --detached -k alice@example.org -i content -o signature
pid=$(of_service MainPID)
[ "$pid" -gt 1 ] || bail "there is no agent: $(user status smime-agent.service | tail -n 3)"
is 'with the agent that systemd has started' "$(agent)" "$pid"
is 'which is up' "$(of_service ActiveState) $(of_service StatusText)" 'active Serving'
like 'in a cgroup of her manager' "$(cat "/proc/$pid/cgroup")" "/user@$(id -u uma)\.service/app\.slice/smime-agent\.service\$"
is 'as she, without anything more' "$(field "$pid" Uid) $(field "$pid" CapEff) $(field "$pid" NoNewPrivs) $(field "$pid" Seccomp)" "$(id -u uma) 0000000000000000 1 2"
cgroup=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
is 'with the limits of the unit' "$(cat "$cgroup/memory.max") $(cat "$cgroup/pids.max")" '536870912 512'
is 'and no namespace of its own' "$(for space in user mnt; do readlink "/proc/$pid/ns/$space"; done)" "$(for space in user mnt; do readlink "/proc/1/ns/$space"; done)"

# ---- Rules that name a unit ----

here=$(sed -n 's,^0::.*/,,p' /proc/self/cgroup) # of this test

unit_of() { "$@" /usr/bin/smime policy explain sign 2>&1 | sed -nE 's/.*unit ([^,]*),.*/\1/p'; }
in_user_unit() { by uma systemd-run --user --quiet --wait --pipe --collect -p WorkingDirectory=/home/uma --unit="$1" "${@:2}"; }           # UNIT COMMAND...
in_system_unit() { systemd-run --quiet --wait --pipe --collect --uid=uma -p WorkingDirectory=/home/uma -p "Environment=XDG_RUNTIME_DIR=/run/user/$(id -u uma)" --unit="$1" "${@:2}"; } # UNIT COMMAND...
in_scope() { by uma systemd-run --user --quiet --scope --collect --unit="$1" "${@:2}"; }
is 'a transient unit of hers is known' "$(unit_of in_user_unit vm-mailer)" vm-mailer.service
is 'a scope too' "$(unit_of in_scope vm-scope)" vm-scope.scope
is 'a service of the system that runs as she does' "$(unit_of in_system_unit vm-batch)" vm-batch.service
is 'who is in none of hers is in the one that has started it' "$(unit_of by uma)" "$here"
mkdir -p /home/uma/.config/systemd/user
printf '[Service]\nType=oneshot\nWorkingDirectory=/home/uma\nExecStart=/usr/bin/smime %s\n' "${alice[*]}" >/home/uma/.config/systemd/user/vm-file.service
chown -R uma: /home/uma/.config/systemd
user daemon-reload
reload uma '{name: mailers, operation: [sign], client: {unit: "vm-mail*"}, outcome: allow}' '{name: batch, operation: [sign], client: {unit: vm-batch.service}, outcome: allow}' \
	'{name: file, operation: [sign], client: {unit: vm-file.service}, outcome: allow}' '{name: the rest, operation: [sign], outcome: deny}'
check 'who is in a unit that a rule names signs' 0 in_user_unit vm-mailer /usr/bin/smime "${alice[@]}"
check 'in a service of the system' 0 in_system_unit vm-batch /usr/bin/smime "${alice[@]}"
check 'in a unit that is a file' 0 user start vm-file.service
check 'in another unit not' 5 in_user_unit vm-other /usr/bin/smime "${alice[@]}"
check 'nor in none of them' 5 sign
is 'what is refused stands in the log with its unit' "$(last_of uma denied 'd["client"]["unit"], d["rule"].split(",")[0]')" "('$here', 'the rest')"
check 'a unit of hers can have the name of one of the system, as smime-policy(5) says of units' 0 in_user_unit vm-batch /usr/bin/smime "${alice[@]}"
check 'who says that he is in a unit is not' 5 by uma env INVOCATION_ID=0 SYSTEMD_UNIT=vm-mailer.service smime "${alice[@]}"
reload uma

# ---- Ending, dying, hanging ----

reads_alive() { sign 2>/dev/null; }
[ "$pid" -gt 1 ] && kill -9 "$pid"
holds 'a killed agent is started anew' await another "$pid"
holds 'and serves' await reads_alive
pid=$(of_service MainPID)
check 'systemctl kill' 0 user kill --signal=SEGV smime-agent.service
holds 'is no end either' await another "$pid"
is 'which systemd has counted' "$(of_service NRestarts)" 2
pid=$(of_service MainPID)
check 'systemctl restart' 0 user restart smime-agent.service
holds 'gives another one' another "$pid"
pid=$(of_service MainPID)
check 'systemctl stop' 0 user stop smime-agent.service
is 'is no failure' "$(of_service Result) $(of_service ActiveState)" 'success inactive'
is 'and leaves nothing' "$(pgrep -u uma -x 'smime-.*')" ''
check 'the socket starts it again' 0 sign
pid=$(of_service MainPID)
is 'it is watched' "$(of_service WatchdogUSec)" 30s
[ "$pid" -gt 1 ] && kill -STOP "$pid"
LIMIT=1200 holds 'and replaced when it hangs' await another "$pid"
check 'after which the next client signs' 0 sign

# ---- The journal ----

journal() { by uma journalctl --user -q -o json SMIME_AUDIT_SEQ="$1"; } # NUMBER
last=$(last_of uma result 'd["seq"]')
holds 'the heads of the log are in the journal, which she may read' await eval 'journal "$last" | grep -q .'
is 'as of the unit of hers' "$(journal "$last" | tail -n 1 | python3 -c 'import json, sys; d = json.loads(sys.stdin.readline()); print(d["_SYSTEMD_USER_UNIT"], d["_UID"])')" "smime-agent.service $(id -u uma)"
check 'against which the log is compared' 0 by uma smime audit verify --journal --json
is 'and is as it was' "$(json "$T/out" 'd["faults"]')" 0
log=/home/uma/.local/state/smime-agent/audit
run user stop smime-agent.socket smime-agent.service
cp -a "$log" "$T/log"
head -n -3 "$T/log/audit.jsonl" >"$log/audit.jsonl" && rm "$log/state"
check 'a log that was cut off is found out' 1 by uma smime audit verify --journal
prints 'by the journal' 'the journal knows of it'
rm -rf "$log" && cp -a "$T/log" "$log"

# ---- Readers ----

# The machine has a reader on USB, of which udev's own rules know; the bus is taken out and put in again.
bus() { dirname "$(readlink -f /sys/bus/usb/devices/usb1)"; }
reader() { grep -qs 0b /sys/bus/usb/devices/*/bInterfaceClass; }
target() { [ "$(user is-active smartcard.target)" = "$1" ]; }
holds 'there is a reader' reader
user enable smime-agent.service >/dev/null 2>&1
is 'the agent does not run' "$(of_service ActiveState)" inactive
pci=$(bus)
echo 1 >"$pci/remove"
holds 'without a reader there is no target' await target inactive
echo 1 >/sys/bus/pci/rescan
holds 'a reader that is put in has the target reached' await target active
holds 'and the agent runs' await another 0
done_testing
