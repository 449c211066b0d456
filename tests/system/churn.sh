#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A long life: cards that come and go, locks, processes that are killed, watchers and prompts that are left. The processes that stay keep
# as many descriptors as they had, and as much memory. SMIME_CHURN_ROUNDS says how long it goes on; a few show a leak already.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

ROUNDS=${SMIME_CHURN_ROUNDS:-6}

fixture
card_stack
card_make alice
card_make bob ec
mail alice@example.org bob@example.org >"$T/mail"
sign() { smime sign -k "$1-auth@example.org" -i "$T/mail" -o "$T/signed"; }
card_agent_start
spawner=$(pgrep -P "$agent_pid" -x smime-spawner)
reader=$(pgrep -P "$spawner" -x smime-reader)
token() { pgrep -P "$spawner" -x smime-token; }
none_left() { [ "$(pgrep -P "$spawner")" = "$reader" ]; }
descriptors() { local pid; for pid in "$agent_pid" "$spawner" "$reader"; do find "/proc/$pid/fd" -mindepth 1 | wc -l; done | xargs; }
memory() { awk '/^VmRSS/ { sum += $2 } END { print sum }' "/proc/$agent_pid/status" "/proc/$spawner/status" "/proc/$reader/status"; }

both() { [ "$(smime status | grep -c '^token')" = 2 ]; }

# One of everything that ends something. Each step's outcome is counted: exactly one answer for each request.
steps=0 failures=''
step() { # CODES COMMAND..., e.g. '[04]'
	local expected=$1
	shift
	run "$@"
	steps=$((steps + 1))
	# shellcheck disable=SC2053
	[[ $code == $expected ]] || failures+="$* gave $code: $(cat "$T/err"); "
}
round() {
	card_put 0 alice
	card_insert 1 bob
	await both || failures+='a card is not found; '
	step 0 sign alice
	step 0 sign bob
	step 0 smime lock
	step 0 sign alice
	kill -9 "$(token | head -n 1)" 2>/dev/null
	step '[04]' smime unlock bob # whose process it may have been
	card_delay 0 0 2000
	sign alice 2>/dev/null &
	local pulled=$!
	smime watch >/dev/null 2>&1 &
	local watcher=$!
	step 0 smime status
	card_remove 0
	card_delay 0 0 0
	wait "$pulled"
	kill "$watcher"
	wait "$watcher"
	card_remove 1
	await none_left || failures+='a process stays; '
}

round
round
is 'requests while things are young' "$failures" ''
# What has ended is closed by then.
settled() { before=$(descriptors) && sleep 1 && [ "$(descriptors)" = "$before" ]; }
await settled
memory_before=$(memory)
for ((i = 0; i < ROUNDS; i++)); do round; done
is "$steps requests, each answered" "$failures" ''
holds 'nothing is left of them but who stays' await none_left
as_before() { after=$(descriptors) && [ "$after" = "$before" ]; }
await as_before
is 'I8: core, spawner and smime-reader have the descriptors that they had' "$after" "$before"
grown=$(($(memory) - memory_before))
note "they have grown by $grown KiB in $ROUNDS rounds, from $memory_before"
if [ -n "${SMIME_SANITIZED:-}" ]; then skip 'I8: nor do they grow' 'sanitizers keep what is freed'; else
	holds 'I8: nor do they grow' [ "$grown" -lt 512 ]
fi
is 'I5: no wrong PIN has gone to any card' "$(card_count 0 verify-wrong) $(card_count 1 verify-wrong)" '0 0'
check 'and the agent answers' 0 smime status
done_testing
