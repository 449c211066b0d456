# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Kills of an agent that is at work, and what must hold of its audit log behind each. To be sourced behind lib.sh:
#
#   kill_start [AUDIT-OPTIONS]    # configuration, with a module that counts operations; a key
#   kill_once [at-work]           # starts the agent and clients, kills it some time later, verifies the log; 1 when that fails
#   kill_finish                   # test points of all kills since kill_start
#
# Environment: KILL_MAX_MS, after which a kill comes at the latest (default 700, below 1000).

kill_audit=$HOME/.local/state/smime-agent/audit
kill_oracle() { python3 "$SOURCE/tests/lib/audit.py" "$@"; }

kill_start() { # [AUDIT-OPTIONS]
	export FAULTY_CONTROL=$T/control PYTHONPATH=$SOURCE/tests/lib
	printf 'C_Sign count\n' >"$FAULTY_CONTROL"
	configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules:\n  - {path: "%s", sessions: 4}\naudit: {journal: no%s}\npin: {file: "%s"}\n' \
		"$SMIME_BUILD/tests/module/faulty-module.so" "${1:-}" "$T/pin")"
	printf '%s\n' "$DEMO_PIN" >"$T/pin"
	chmod 600 "$T/pin"
	rm -rf "$kill_audit" "$T/tokens"
	cp -R "$FIXTURE/people/tokens" "$T/tokens"
	agent_start
	smime keys --json >"$T/keys.json" || bail 'no keys'
	kill_key=$(json "$T/keys.json" "next(k['fingerprint'] for k in d['keys'] if k['algorithm'] == 'EC-256')")
	agent_stop
	cp "$kill_audit/verification-key" "$T/key"
	: >"$T/answered"
	: >"$FAULTY_CONTROL.log"
}

# Somewhere between the start and the end of many operations; `at-work`: not before the token has worked since kill_start, however
# slow the machine is.
kill_once() { # [at-work]
	local client pid delay=$((RANDOM % ${KILL_MAX_MS:-700}))
	# A kill in the middle of a login is a lost try, behind which nobody sends the PIN of a file.
	rm -f "${kill_audit%/*}/pin-tries/"*
	agent_start
	pid=$agent_pid agent_pid=
	kill_oracle load "$SMIME_AGENT_SOCK" "$kill_key" "$T/answered" 2>>"$T/load.err" &
	client=$!
	[ "${1:-}" != at-work ] || await grep -q '^C_Sign$' "$FAULTY_CONTROL.log"
	sleep "0.$(printf %03d $delay)"
	# The agent is never asked to end: what it leaves is what a crash leaves.
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	wait "$client"
	started=()
	# SoftHSM spoils a token that two processes write.
	await no_process smime-token || return
	smime audit verify -q --key "$T/key" >"$T/verified" 2>&1
}

kill_finish() {
	local intents results good strange denied
	points_of kill_oracle check "$kill_audit" "$T/key"
	points_of kill_oracle answered "$kill_audit" "$T/answered"
	read -r intents results good strange denied < <(kill_oracle counts "$kill_audit")
	is 'I2: no result is of no intent' "$strange" 0
	operations=$(grep -c '^C_Sign$' "$FAULTY_CONTROL.log")
	holds 'the token has worked' [ "$operations" -gt 0 ]
	holds "I2: each of $operations operations of the token has an intent" [ "$intents" -ge "$operations" ]
	holds "I2: and there are no more good results than that" [ "$good" -le "$operations" ]
	unknown=$((intents - results))
	is 'nothing else happened to the clients' "$(cat "$T/load.err")" ''
}
