#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The audit log under what goes wrong: kills, full disks, files that were spoilt, another agent; and its rotation.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/kill.sh"
fixture people
audit=$kill_audit log=$kill_audit/audit.jsonl
mail alice@example.org bob@example.org >"$T/mail"
sign() { smime sign -i "$T/mail" -o "$T/signed"; }
kinds() { cat "$audit"/audit-*.jsonl "$log" 2>/dev/null | sed -nE 's/.*"kind":"([a-z]+)".*/\1/p' | tr '\n' ' '; }
verifies() { check "$1" 0 smime audit verify --key "${2:-$T/key}"; }
fresh() { # AUDIT-OPTIONS: another log
	rm -rf "$audit"
	configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules:\n  - {path: "%s"}\naudit: {journal: no%s}\n' "$SMIME_BUILD/tests/module/faulty-module.so" "$1")"
	agent_start
	await test -s "$log"
	cp "$audit/verification-key" "$T/key"
}

# ---- Kills ----

for way in '' ', rotate: 4K, durability: buffered'; do
	kill_start "$way"
	for i in 1 2 3 4 5; do
		if kill_once "$([ $i -lt 5 ] || echo at-work)"; then pass "I3: kill $i$way: the log verifies"; else fail "I3: kill $i$way: the log verifies" "$(cat "$T/verified")"; fi
	done
	kill_finish
	check 'what was under way is unknown' 0 smime audit verify --json
	is 'and counted' "$(json "$T/out" "d['unknown']")" "$unknown"
done

rm -rf "$T/tokens" && cp -R "$FIXTURE/people/tokens" "$T/tokens"

# ---- What a crash leaves ----

fresh ''
check 'a signature' 0 sign
agent_stop
printf '{"seq":4,"time":"2026-11' >>"$log"
verifies 'a torn line at the end'
prints 'is told' 'audit.jsonl:5: 24 octets that are no record'
agent_start
check 'the agent goes on behind it' 0 sign
agent_stop
verifies 'the log verifies with it'
prints 'it is named' 'audit.jsonl:5: 24 octets that a crash'
is 'all records' "$(kinds)" 'start intent result end start intent result end '
sed -i '5s/2026/2027/' "$log"
check 'and can not be changed' 1 smime audit verify --key "$T/key"
prints 'unnoticed' 'audit.jsonl:5: 25 octets that are no record, and that no record names'

fresh ', rotate: 4K'
for i in 1 2 3 4 5 6 7 8; do sign || fail "signature $i"; done
full=("$audit"/audit-*.jsonl)
holds 'files that are full are renamed' [ "${#full[@]}" -ge 2 ]
verifies 'all together verify'
last=$(tail -n 1 "$log" | sed -nE 's/\{"seq":([0-9]+),.*/\1/p')
settled() { grep -q "^seq=0*$((last + 1))\$" "$audit/state"; } # what nobody waits for takes a second to be so
holds 'the state follows the log' await settled
mv "$log" "$T/moved" # as a kill between renaming the one and making the next would leave it
kill -9 "$agent_pid" && wait "$agent_pid" 2>/dev/null
await no_process smime-token
agent_pid=""
started=()
rm "$T/moved"
agent_start
check 'the agent goes on without the last file' 0 sign
agent_stop
check 'and what was in it is missing' 1 smime audit verify --key "$T/key"
prints 'by its numbers' 'records? [0-9to ]+ (is|are) missing before'

fresh ', rotate: 4K'
for i in 1 2 3 4 5 6 7 8 9; do sign || fail "signature $i"; done
agent_stop
full=("$audit"/audit-*.jsonl)
check 'files by name' 0 smime audit verify -q --key "$T/key" "${full[@]}" "$log"
check 'a part of them' 0 smime audit verify --key "$T/key" "${full[@]:1}" "$log"
prints 'is told' 'the files begin with record [0-9]+'
mv "${full[1]}" "$T/"
check 'one that is missing' 1 smime audit verify --key "$T/key"
prints 'is found' 'audit.jsonl:1: records? [0-9to ]+ (is|are) missing before|audit-[0-9]+.jsonl:1: records? [0-9to ]+ (is|are) missing before'
mv "$T/$(basename "${full[1]}")" "$audit/"
verifies 'and is no more when it is back'

# ---- No room ----

limit() { prlimit --pid "$agent_pid" --fsize="$1:unlimited" 2>/dev/null; } # OCTETS
size() { stat -c %s "$log"; }
operations() { grep -c '^C_Sign$' "$FAULTY_CONTROL.log"; }
written() { [ "$(kinds)" = "$1" ]; }
fresh ''
check 'a signature' 0 sign
before=$(operations)
limit $(($(size) + 300)) || bail 'prlimit'
told 'a full disk: nothing is signed' 7 'audit log can.t be written: .*File too large; nothing was done' sign
told 'nor is a token unlocked' 7 'nothing was done' smime unlock
is 'the token was not asked' "$(operations)" "$before"
check 'what needs no key goes on' 0 smime status
limit unlimited
check 'with room again there are signatures again' 0 sign
verifies 'and the log verifies'
run smime audit show
prints 'and shows since when and why there was none' 'resume    it can be written again; records that could not be written: 2, since [^;]*: File too large'
is 'it says how many records are lost' "$(sed -nE 's/.*"kind":"resume","lost":([0-9]+),"reason":"[^"]*: File too large".*/\1/p' "$log")" 2
limit $(($(size) + $(grep '"kind":"intent"' "$log" | tail -n 1 | wc -c) + 150)) # for one more, and half a result
told 'no room for the result: the signature stays here' 7 'it was done, but its result is withheld.*File too large' sign
limit unlimited
check 'with room again' 0 sign
agent_stop
check 'what came of it' 0 smime audit verify --key "$T/key"
prints 'is unknown' 'unknown .*audit.jsonl:[0-9]+: record [0-9]+, sign for smime'
fresh ', on-failure: continue'
limit $(($(size) + 300))
check 'on-failure: continue signs without a record' 0 sign
limit unlimited
check 'and with one again' 0 sign
agent_stop
verifies 'the log verifies'
is 'and says what is lost' "$(sed -nE 's/.*"kind":"resume","lost":([0-9]+).*/\1/p' "$log")" 2

mkdir "$T/small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=16k,mode=700 tmpfs "$T/small" 2>/dev/null; then
	configure "$(printf 'audit: {journal: no, path: "%s/log"}' "$T/small")"
	agent_start
	check 'a small disk' 0 sign
	head -c 20000 /dev/zero >"$T/small/filler" 2>/dev/null
	tries=0
	while sign 2>"$T/err" && [ $tries -lt 20 ]; do tries=$((tries + 1)); done
	says 'is full at some time' 'No space left on device'
	rm "$T/small/filler"
	check 'and has room again' 0 sign
	agent_stop
	check 'its log verifies' 0 smime audit verify "$T/small/log"
	umount "$T/small"
else
	skip 'a small disk' 'nobody may mount one here'
fi

fresh ''
check 'a signature' 0 sign
before=$(operations)
strace -f -qq -p "$agent_pid" -e trace=fdatasync -e inject=fdatasync:error=EIO -o "$T/strace" 2>/dev/null 3>&- &
tracer=$!
if await_trace "$tracer" "$agent_pid"; then
	told 'a disk that fails: nothing is signed' 7 "can.t be put on the disk: .*Input/output error; nothing was done" sign
	is 'the token was not asked' "$(operations)" "$before"
	end_process "$tracer"
	check 'a disk that works again' 0 sign
else
	skip 'a disk that fails' 'nobody may trace here'
fi
agent_stop
verifies 'the log verifies behind that'

# ---- What the agent does not go on with ----

fresh ''
check 'a signature' 0 sign
first=$agent_pid
socket=$SMIME_AGENT_SOCK
export SMIME_AGENT_SOCK=$T/second.sock
agent_start
told 'another agent does not write the same log' 7 'another smime-agent writes the audit log' sign
agent_stop
export SMIME_AGENT_SOCK=$socket
agent_pid=$first
check 'the first one does' 0 sign
agent_stop
spoilt() { # DESCRIPTION PATTERN COMMAND...
	rm -rf "$T/copy" && cp -Rp "$audit" "$T/copy"
	(cd "$audit" && "${@:3}")
	agent_start
	told "$1: nothing is signed" 7 "$2" sign
	agent_stop
	rm -rf "$audit" && cp -Rp "$T/copy" "$audit"
}
spoilt 'a state that is gone' 'lost its key: there are records' rm state
spoilt 'a state that is damaged' 'lost its key: .*state is damaged' sed -i 's/seq=0/seq=1/' state
spoilt 'a directory that others can write' 'others could write' chmod 777 .
spoilt 'a log that is a symlink' "can.t be opened" sh -c 'mv audit.jsonl other && ln -s other audit.jsonl'
agent_start
check 'as it was it is gone on with' 0 sign
agent_stop
verifies 'and verifies'

# ---- Configuration ----

configure 'audit: {durability: off}'
rm -rf "$audit"
agent_start
check 'without a log' 0 sign
agent_stop
absent 'there is none' "$audit"
refused() { # YAML PATTERN
	configure "$1"
	told "$1" 2 "$2" smime-agent --check-config --config "$T/agent.yaml"
}
refused 'audit: {durability: never}' 'none of sync, buffered, off'
refused 'audit: {on-failure: ignore}' 'neither refuse nor continue'
refused 'audit: {rotate: 1K}' 'no size between 4K and 1G'
refused 'audit: {rotate: 4X}' 'no size between 4K and 1G'
refused 'audit: {path: here}' 'must be an absolute path'
refused 'audit: {journal: perhaps}' 'neither yes nor no'
refused 'audit: {size: 4}' 'agent.yaml:[0-9]+:[0-9]+: '
done_testing
