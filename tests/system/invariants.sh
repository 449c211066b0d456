#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What must hold whatever happens: many clients that ask for everything while token processes and the agent are killed, operations time out,
# prompts are cancelled and PINs are wrong. Judged by tests/lib/load.py, which knows the protocol and the format of the log, and by what the module has
# counted; docs/reliability.md has the list.
#
#   SMIME_LOAD_S=60 bash tests/system/invariants.sh      # longer
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"
hostile_sanitizers

fixture people
export FAULTY_CONTROL=$T/control PYTHONPATH=$SOURCE/tests/lib
audit=$HOME/.local/state/smime-agent/audit
log=$FAULTY_CONTROL.log
seconds=${SMIME_LOAD_S:-8}
# A process takes longer than it may at its second login, and at its sixtieth signature.
printf 'ledger\nC_Login slow 3000 =2\nC_Sign slow 3000 =60\n' >"$FAULTY_CONTROL"
: >"$log"
configure "$(
	cat <<-END
		environment: [FAULTY_CONTROL]
		modules: [{path: "$FAULTY_MODULE", sessions: 2, deadline: 2s}]
		audit: {journal: no, rotate: 64K}
		rules:
		  - {name: never, operation: [sign], key: {address: bob@example.org}, when: {digest: sha512}, outcome: deny}
		  - {name: consent, operation: [sign], key: {address: bob@example.org}, when: {digest: sha384}, outcome: ask}
	END
)"
typing=("pin $DEMO_PIN" "pin $DEMO_PIN" cancel "pin $DEMO_PIN" 'pin 999999' "late 0.3 pin $DEMO_PIN" crash "pin $DEMO_PIN")
script=()
for _ in $(seq 200); do script+=("${typing[@]}"); done
answers "${script[@]}"
typed_wrong() { head -n "$(prompts)" "$T/pinentry.d/answers" | grep -c 999999; }

load() { python3 "$SOURCE/tests/lib/load.py" "$@"; }
run_load() { points_of load run "$SMIME_AGENT_SOCK" "$T" "$@"; } # NAME SECONDS CLIENTS [kill PID | dies]
everybody() { printf '%s\n' "$agent_pid" && descendants "$agent_pid"; }
lasting() { local pid; for pid in $(everybody); do case $(cat "/proc/$pid/comm") in smime-agent | smime-spawner | smime-reader) echo "$pid" ;; esac; done; }
open_files() { local pid; for pid in $(lasting); do find "/proc/$pid/fd" -mindepth 1 | wc -l; done | tr '\n' ' '; }
memory() { local pid; for pid in $(lasting); do awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; done | awk '{ sum += $1 } END { print sum }'; }
idle() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" '(d["clients"], sum(t["queued"] for t in d["tokens"]))')" = '(1, 0)' ]; }
open_files_are() { smime keys >/dev/null && [ "$(open_files)" = "$1" ]; }
# What has come to an end may take a moment to close: they are what they are twice.
open_files_stay() { smime keys >/dev/null && before=$(open_files) && sleep 0.5 && open_files_are "$before"; }
no_zombie() { ! ps -o stat= -p "$(everybody | tr '\n' ',' | sed 's/,$//')" | grep -q '^Z'; }

# SoftHSM writes this file at each login, from its beginning; a process that is killed then leaves nothing of it.
token_file=$(find "$T/tokens" -name token.object)
cp "$token_file" "$T/token.object"
keep_token() {
	while sleep 0.2; do
		[ -s "$token_file" ] || { sleep 0.1 && [ -s "$token_file" ]; } || cp "$T/token.object" "$token_file"
	done
}
keep_token 3>&- &
keeper=$!
started+=("$keeper")
disown

# ---- Token processes are killed ----

agent_start
cp "$audit/verification-key" "$T/key" 2>/dev/null || { await test -s "$audit/verification-key" && cp "$audit/verification-key" "$T/key"; }
run_load kills "$seconds" 8 kill "$agent_pid"
holds 'I1: and nothing is left to be done' await idle
fails 'the agent is the same' ended "$agent_pid"

# ---- The agent is ----

alive=$((seconds / 3))
[ -z "${SMIME_SANITIZED:-}" ] || alive=$((3 * alive)) # such a build is several times slower
for i in 1 2; do
	load run "$SMIME_AGENT_SOCK" "$T" "crash$i" 60 6 dies >"$T/crash.$i" 2>&1 3>&- &
	client=$!
	sleep "$alive.$RANDOM"
	LIMIT=600 await test -e "$T/enough-crash$i" || fail "crash$i: nothing was asked for"
	kill -9 "$agent_pid"
	wait "$agent_pid" 2>/dev/null
	wait "$client"
	points_of cat "$T/crash.$i"
	# SoftHSM spoils a token that two processes write.
	holds "killed, number $i: nothing of it is left" await no_process smime-token
	check "I3: killed, number $i: the log verifies" 0 smime audit verify -q --key "$T/key"
	agent_start
done

# ---- Nothing is, and all is as before ----

run_load warm "$((seconds / 2))" 6
await idle
await open_files_stay
memory_before=$(memory)
run_load calm "$seconds" 8
holds 'I8: when all have left nothing is queued' await idle
if [ "$(id -u)" = 0 ]; then holds "I8: core, spawner and smime-reader hold the descriptors that they held ($before)" await open_files_are "$before"; else skip 'I8: descriptors' 'only root may look'; fi
holds 'I8: no process is a zombie' await no_zombie
grown=$(($(memory) - memory_before))
note "they have grown by $grown KiB, from $memory_before"
if [ -n "${SMIME_SANITIZED:-}" ]; then skip 'I8: nor do they grow' 'sanitizers keep what is freed'; else
	holds 'I8: nor do they grow' [ "$grown" -lt 1024 ]
fi
agent_stop
kill "$keeper"

# ---- What the log says, and what the module has counted ----

points_of load judge "$T" "$audit" "$log" "$(typed_wrong)"
points_of python3 "$SOURCE/tests/lib/audit.py" check "$audit" "$T/key"
check 'I3: the log verifies' 0 smime audit verify -q --key "$T/key"
done_testing
