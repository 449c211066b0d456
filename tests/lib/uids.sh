# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One agent for several users: the programs of this build where every user finds them, an agent that runs as a user of its own, and
# commands as others. Users are numbers that need no names. Sourced behind lib.sh; only root can do this.

AGENT_UID=${AGENT_UID:-64101}

# The programs as they are laid out in the build, in a place that others can reach.
uids_programs() {
	local program
	for program in agent/core/smime-agent agent/token/smime-token agent/reader/smime-reader client/cli/smime; do
		mkdir -p "$T/build/${program%/*}"
		cp "$SMIME_BUILD/$program" "$T/build/$program"
	done
	chmod -R a+rX "$T/build"
	chmod 711 "$T"
	PATH=$T/build/client/cli:$T/build/agent/core:$PATH
}

# The tokens and files are the agent's, and nobody else's.
uids_own() {
	mkdir -p "$T/state" "$T/socket"
	cp "$SOURCE/tests/lib/pinentry" "$T/build/"
	printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$T/build/pinentry" "$T/pinentry.d" >"$T/pinentry"
	chmod 755 "$T/pinentry" "$T/build/pinentry"
	chown -R "$AGENT_UID:$AGENT_UID" "$T/state" "$T/socket" "$T/tokens"
	[ ! -e "$T/pinentry.d" ] || chown -R "$AGENT_UID:$AGENT_UID" "$T/pinentry.d"
	chmod 700 "$T/state" && chmod 755 "$T/socket"
	chmod 644 "$T/softhsm2.conf" "$T/agent.yaml" && chmod -R a+rX "$T/ca"
}

# A command as a user: `as 64102 smime keys`. Each has a home; what it writes goes there.
as() { # UID COMMAND...
	local uid=$1
	shift
	mkdir -p "$T/home-$uid" && chown "$uid:$uid" "$T/home-$uid" && chmod 700 "$T/home-$uid"
	setpriv --reuid "$uid" --regid "$uid" --clear-groups env HOME="$T/home-$uid" XDG_RUNTIME_DIR="$T/home-$uid" TMPDIR="$T/home-$uid" "$@"
}

# The agent as its user, with a socket for everybody, as smime-agent-system.socket has it.
uids_agent_start() { # ARGUMENT...
	[ -e "$T/pinentry.d/answers" ] || answers "pin $DEMO_PIN"
	uids_own
	SMIME_AGENT_SOCK=$T/socket/agent.sock
	: >"$T/agent.log"
	as "$AGENT_UID" true
	cp "$SOURCE/tests/lib/activate.py" "$T/build/" && chmod 644 "$T/build/activate.py"
	setpriv --reuid "$AGENT_UID" --regid "$AGENT_UID" --clear-groups \
		env HOME="$T/home-$AGENT_UID" XDG_RUNTIME_DIR="$T/home-$AGENT_UID" TMPDIR="$T/home-$AGENT_UID" STATE_DIRECTORY="$T/state" \
		python3 "$T/build/activate.py" "$SMIME_AGENT_SOCK" smime-agent --foreground --config "$T/agent.yaml" "$@" \
		3>&- >>"$T/agent.log" 2>&1 </dev/null &
	agent_pid=$!
	started+=("$agent_pid")
	if ! await agent_listens || ! as "$AGENT_UID" smime status >"$T/out" 2>"$T/err" || ended "$agent_pid"; then
		bail "the agent did not start: $(tail -n 5 "$T/agent.log" "$T/err")"
	fi
}
