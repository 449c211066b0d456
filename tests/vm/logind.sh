#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A session that PAM has opened with the real logind: what locks the tokens, when nobody is asked, and what rules about the session say.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/vm.sh"
fixture people
person sina
log=/home/sina/pinentry.d/log
prompts() { grep -c '^GETPIN$' "$log"; }
sign() { by sina smime "${alice[@]}"; }
refuse='the session is locked; unlock the screen first'

# Somebody who logs in at a virtual terminal. Its session is what has the terminal, and the shell in it can say that its screen is locked.
log_in() { # TERMINAL
	systemd-run --quiet --collect --unit="vm-login-$1" --uid=sina -p PAMName=login -p "TTYPath=/dev/tty$1" -p StandardInput=tty -p StandardOutput=tty -p TTYReset=yes \
		-p WorkingDirectory=/home/sina sleep infinity
	await session_on "$1" >/dev/null || bail 'nobody can log in here'
	session=$(session_on "$1")
}
session_on() { loginctl list-sessions --no-legend | awk -v tty="tty$1" '$5 == tty { print $1; found = 1 } END { exit !found }'; } # TERMINAL
log_out() { systemctl stop "vm-login-$1"; } # TERMINAL
of_session() { loginctl show-session "$session" -P "$1" --value 2>/dev/null || loginctl show-session "$session" --value -p "$1"; } # PROPERTY
active() { [ "$(of_session Active)" = "$1" ]; }
hint() { # yes or no, as the programs that lock screens say it
	local value=false
	[ "$1" = no ] || value=true
	by sina busctl call org.freedesktop.login1 "$(busctl call --json=short org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager GetSession s "$session" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["data"][0])')" org.freedesktop.login1.Session SetLockedHint b $value
}
tokens() { by sina smime status --json >"$T/status.json" && [ "$(json "$T/status.json" "$1")" = True ]; }
ready() { tokens 'all(t["state"] == "ready" and not t["unlocked"] for t in d["tokens"]) and len(d["tokens"]) == 1'; }
unlocked() { tokens 'all(t["unlocked"] for t in d["tokens"]) and len(d["tokens"]) == 1'; }
token_process() { pgrep -u sina -x smime-token | head -n 1; }
unlock() {
	check "$1: unlocked before" 0 by sina smime unlock
	process=$(token_process)
}
locked_by() { # DESCRIPTION
	holds "$1: the token process has ended" await ended "$process"
	holds "$1: the next one is not logged in" await ready
}

# ---- Without a session ----

reload_or_rules() { rules sina "$@" && { ! user_of sina is-active --quiet smime-agent.service || by sina smime policy reload; }; }
reload_or_rules '{operation: [sign], when: {session: active}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'her agent is started by its socket, though she has logged in nowhere' 0 user_of sina enable --now smime-agent.socket
check 'no session is no active one' 5 sign
check 'what does not ask for one' 0 by sina smime unlock
process=$(token_process)
inhibits() { systemd-inhibit --list --no-legend --no-pager | grep smime-agent | grep -q 'sleep .*delay'; }
holds 'sleep waits for it' await inhibits

# ---- A session at the seat ----

chvt 5
log_in 3
chvt 3
holds 'a session at a virtual terminal' await active yes
is 'is one of a person at the seat' "$(of_session Class) $(of_session Seat) $(of_session Name)" 'user seat0 sina'
signs() { sign 2>/dev/null; }
holds 'and is hers, as the agent sees' await signs
by sina smime lock
unlock 'loginctl lock-session'
loginctl lock-session "$session"
locked_by 'loginctl lock-session'
check 'as long as nobody says that the screen is locked a prompt may come' 0 sign
loginctl unlock-session "$session"
unlock 'LockedHint'
hint yes
is 'the screen is locked' "$(of_session LockedHint)" yes
locked_by 'LockedHint'
: >"$log"
told 'while it is nobody is asked' 4 "$refuse" sign
told 'nor for unlock' 4 "$refuse" by sina smime unlock
is 'no prompt was opened' "$(grep -c START "$log")" 0
check 'what needs no PIN goes on' 0 by sina smime keys
reload_or_rules '{operation: [sign], when: {session: unlocked}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'and a rule for an unlocked one does not apply' 5 sign
by sina smime policy explain sign -k alice@example.org >"$T/out"
prints 'which is explained' 'deny: rule "rule 2"'
hint no
holds 'with the screen unlocked it does, and a prompt comes' await signs
reload_or_rules

# A prompt that is open when the screen is locked.
by sina smime lock
person_answers sina hang
by sina smime unlock 2>"$T/open.err" &
client=$!
holds 'a prompt opens' await grep -q HANGS "$log"
pinentry=$(awk '/^HANGS/ { print $2 }' "$log")
hint yes
holds 'and closes when the screen is locked' await ended "$pinentry"
wait "$client"
is 'which its client is told' $? 4
hint no
person_answers sina "pin $DEMO_PIN"

# ---- Another one at the seat ----

unlock 'another terminal'
chvt 5
holds 'the session is not on the screen' await active no
locked_by 'another terminal'
check 'its prompts are its own all the same' 0 sign
reload_or_rules '{operation: [sign], when: {session: active}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'but it is not active, and so is the rule' 5 sign
chvt 3
holds 'back on the screen the rule applies' await signs
reload_or_rules
unlock 'back on the screen'
holds 'coming back has locked nothing' unlocked

# ---- Sleep ----

# Everything that sleep is, but for the last step of the kernel, from which nothing would wake this machine: processes are frozen, and thawed 5 s later.
journal_has() { journalctl -q -o cat -u systemd-suspend.service -u systemd-logind.service --since "$since" | grep -q "$1"; }
if [ -w /sys/power/pm_test ] && mkdir -p /run/systemd/sleep.conf.d && printf '[Sleep]\nSuspendState=freeze\n' >/run/systemd/sleep.conf.d/vm.conf && echo freezer >/sys/power/pm_test; then
	unlock 'sleep'
	since=$(date '+%F %T')
	boot=$(date +%s%3N)
	check 'systemctl suspend' 0 systemctl suspend
	holds 'the machine has slept and is awake' await journal_has "Operation 'sleep' finished"
	note "from asking to being awake: $(($(date +%s%3N) - boot)) ms"
	locked_by 'sleep'
	holds 'awake it is held up again' await inhibits
	fails 'and logind complains of nobody who held it up too long' journal_has 'Delay lock is active'
	check 'awake a prompt may come' 0 sign
else
	skip 'sleep' 'this machine can not be woken'
fi

# ---- The end of the session ----

unlock 'logging out'
log_out 3
locked_by 'logging out'
reload_or_rules '{operation: [sign], when: {session: active}, outcome: allow}' '{operation: [sign], outcome: deny}'
check 'without a session none is active' 5 sign
check 'with lingering the agent stays' 0 by sina smime status --no-autostart
log_in 4
chvt 4
holds 'the next session is found' await signs
reload_or_rules
unlock 'the next session'
hint yes
locked_by 'the next session'
told 'which is locked' 4 "$refuse" sign
hint no
systemctl restart systemd-logind
holds 'a logind that is back is used' await inhibits
unlock 'after a restart of logind'
loginctl lock-session "$session"
locked_by 'after a restart of logind'
loginctl disable-linger sina
pid=$(user_of sina show -P MainPID smime-agent.service)
log_out 4
LIMIT=1200 holds 'without lingering the agent goes with the last session' await ended "$pid"
is 'and leaves nothing' "$(pgrep -u sina -x 'smime-.*')" ''
check 'its log is whole' 0 env XDG_STATE_HOME=/home/sina/.local/state smime audit verify /home/sina/.local/state/smime-agent/audit
done_testing
