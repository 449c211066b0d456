#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is on the disk when a client has its answer, and what a power failure right behind it leaves; and that what the log says of a client is what was decided on.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
printf 'content\n' >"$T/content"
audit=$HOME/.local/state/smime-agent/audit
export PYTHONPATH=$SOURCE/tests/lib
disk() { python3 "$SOURCE/tests/lib/disk.py" "$@"; }
sign() { smime sign --cms --detached -k alice@example.org -i "$T/content" -o "$T/signature"; }
trace() { # CALLS [OPTION...]
	strace -f -qq -x -y -s 2097152 -p "$agent_pid" -e trace="$1" "${@:2}" -o "$T/trace" 2>/dev/null 3>&- &
	tracer=$!
	started+=("$tracer")
	await_trace "$tracer" "$agent_pid"
}
fresh() { # YAML
	[ -z "$agent_pid" ] || agent_stop >/dev/null
	rm -rf "$audit"
	configure "$1"
	agent_start
	smime unlock demo
}
power_failure() { # the agent and what it has started end at once, and what was not on the disk is lost
	local pids
	pids="$agent_pid $(descendants "$agent_pid")"
	# shellcheck disable=SC2086
	kill -9 $pids
	wait "$agent_pid" 2>/dev/null
	agent_pid=
	await ended "$tracer"
	cp -R "$audit" "$T/disk.$1"
	disk lose "$T/trace" "$T/disk.$1/audit.jsonl"
}
writes=fdatasync,write,sendmsg

fresh 'audit: {journal: no}'
trace $writes || { skip 'the order of the records' 'nobody may trace here' && agent_stop && done_testing; }
check 'as it is without a setting: a signature' 0 sign
power_failure written 2>/dev/null
is 'when its client has it, the intent is on the disk, and the result in the file' "$(disk order "$T/trace")" '1 1 1 1 0'
check 'behind a power failure the log verifies' 0 smime audit verify -q "$T/disk.written"
smime audit verify --json "$T/disk.written" >"$T/verify.json"
is 'and nobody knows whether it was made' "$(json "$T/verify.json" "d['unknown'], d['faults']")" '(1, 0)'

fresh 'audit: {journal: no, results: durable}'
trace $writes
check 'with durable results: a signature' 0 sign
power_failure durable 2>/dev/null
is 'both are on the disk' "$(disk order "$T/trace")" '1 1 1 1 1'
smime audit verify --json "$T/disk.durable" >"$T/verify.json"
is 'and a power failure takes nothing away' "$(json "$T/verify.json" "d['unknown'], d['faults']")" '(0, 0)'

# With a disk that takes its time, so that operations meet at it however fast the token is.
fresh 'audit: {journal: no, results: durable}'
trace $writes -e inject=fdatasync:delay_enter=100000
smime keys --json >"$T/keys.json"
alice=$(json "$T/keys.json" "next(k['fingerprint'] for k in d['keys'] if k['label'] == 'alice')")
python3 "$SOURCE/tests/lib/audit.py" burst "$SMIME_AGENT_SOCK" "$alice" 8 3 >"$T/burst"
is 'with eight clients at a time' "$(cat "$T/burst")" '384 384'
end_process "$tracer"
is 'no answer comes before its result is on the disk' "$(disk order "$T/trace" | awk '$5 < $1 { early++ } END { print NR, early + 0 }')" '384 0'
agent_stop
waits=$(python3 -c 'import json, sys; print([json.loads(l) for l in open(sys.argv[1])][-1]["syncs"])' "$audit/audit.jsonl")
if [ "$waits" -lt 200 ]; then pass 'operations at a time share both waits'; else fail 'operations at a time share both waits' "$waits for 384 operations"; fi

refused() { # DESCRIPTION PATTERN YAML
	configure "$3"
	told "$1" 2 "$2" smime-agent --check-config --config "$T/agent.yaml"
}
refused 'a word that is none' "results: 'maybe' is neither written nor durable" 'audit: {results: maybe}'
refused 'results that are surer than intents' 'take durability: sync' 'audit: {results: durable, durability: buffered}'

# ---- What was decided on ----

# The process of a client is looked at when it says hello, and once for its request: whoever wants to know it, the policy, the log and who is asked, has that.
looks() { # DESCRIPTION COUNT RULE
	fresh "$(printf 'audit: {journal: no}\nrules:\n' && printf '  - %s\n' "$3")"
	trace openat,open
	python3 - "$SMIME_AGENT_SOCK" "$alice" >"$T/answer" <<-'END'
		import os, sys
		from wire import *
		print(os.getpid(), Connection(sys.argv[1]).greet().ask(sign(2, bytes.fromhex(sys.argv[2]), bytes(32)))[1])
	END
	end_process "$tracer"
	is "$1" "$(grep -c "/proc/$(cut -d' ' -f1 "$T/answer")/comm" "$T/trace")" "$2"
}
looks 'where a rule names processes' 2 '{client: {remote: no}, operation: [sign], outcome: allow}'
is 'and lets it pass' "$(cut -d' ' -f2 "$T/answer")" 4
looks 'where it does not' 2 '{client: {unit: "*"}, operation: [sign], outcome: deny}'
looks 'where somebody is asked, twice for the request, since it is judged again when he has agreed' 3 '{operation: [sign], outcome: ask}'
looks 'where nobody but the log wants to know' 2 '{operation: [sign], key: {token: nothing}, outcome: deny}'
agent_stop
done_testing
