# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What every test script stands on: TAP output, a directory of its own, the real agent on SoftHSM. A test in ten lines:
#
#   . "$(dirname "$0")/../lib/lib.sh"
#   fixture people                                        # tokens, see fixture.sh
#   agent_start                                           # scripted pinentry, the fixture's CA is trusted
#   mail alice@example.org bob@example.org >"$T/mail"
#   check 'alice signs' 0 smime sign -i "$T/mail" -o "$T/signed"
#   check 'and it verifies' 0 smime verify -i "$T/signed"
#   done_testing
#
# Environment: SMIME_BUILD, the build directory (default: build in the checkout). SMIME_SANITIZED=1: limits on memory are not
# checked. SMIME_TEST_KEEP=1: the directory stays.
# Must never touch anything of the person who runs it: HOME, XDG_* and the tokens are below $T; only own processes are ended.

set -u -o pipefail
LC_ALL=C.UTF-8
export LC_ALL
umask 077

SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SMIME_BUILD=${SMIME_BUILD:-$SOURCE/build}
FIXTURE=${SMIME_FIXTURE:-$SMIME_BUILD/test-fixture}
VECTORS=${SMIME_TEST_VECTORS:-$SOURCE/../shared/vectors}
PATH=$SMIME_BUILD/client/cli:$SMIME_BUILD/client/git:$SMIME_BUILD/client/mutt:$SMIME_BUILD/agent/core:$PATH
export PATH PYTHONDONTWRITEBYTECODE=1

# The blank in the name is there on purpose. Its random end has no vowels, so that no word which must not be in a message is in it.
while T=$(mktemp -d "${TMPDIR:-/tmp}/smime t.XXXXXX") || exit 1; [[ ${T##*.} == *[AEIOUYaeiouy]* ]]; do rmdir "$T"; done
export HOME=$T/home XDG_RUNTIME_DIR=$T/run TMPDIR=$T/tmp SMIME_AGENT_SOCK=$T/agent.sock
mkdir "$HOME" "$XDG_RUNTIME_DIR" "$TMPDIR"
# No bus of the person's: a locked screen would lock the test's tokens, and notifications would pop up.
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent/smime-test-bus
unset XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_DATA_DIRS XDG_SESSION_ID DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY GPG_TTY

. "$SOURCE/tests/lib/fixture.sh"

exec 3>&1
test_number=0
test_failed=0
started=()

# ---- TAP ----

note() { printf '%s\n' "$@" | sed 's/^/# /' >&3; }
point() { test_number=$((test_number + 1)) && printf '%s %d - %s\n' "$1" "$test_number" "$2" >&3; }
pass() { point ok "$1"; }
fail() { # DESCRIPTION [DETAIL...]
	point 'not ok' "$1"
	test_failed=$((test_failed + 1))
	shift
	[ $# -eq 0 ] || note "$@"
}
skip() { point ok "$1 # SKIP $2"; } # DESCRIPTION REASON
bail() { printf 'Bail out! %s\n' "$*" >&3 && exit 1; }
skip_all() { printf '1..0 # SKIP %s\n' "$*" >&3 && exit 0; }

done_testing() {
	[ ${#started[@]} -eq 0 ] || agent_stop
	agent_log_is_clean
	printf '1..%d\n' "$test_number" >&3
	[ "$test_failed" -eq 0 ]
	exit
}

# Runs a command with its streams in $T/out and $T/err and its exit code in $code. Standard input is empty unless given.
run() {
	code=0
	"$@" >"$T/out" 2>"$T/err" || code=$?
	[ "$code" != 99 ] || ! grep -qaE 'Sanitizer|runtime error:' "$T/err" || fail "a sanitizer found something in: $*" "$(head -c 4000 "$T/err")"
}

# The test point: does the command end with this exit code?
check() { # DESCRIPTION CODE COMMAND...
	local description=$1 expected=$2
	shift 2
	run "$@"
	if [ "$code" = "$expected" ]; then
		pass "$description"
	else
		fail "$description" "exit code $code, expected $expected, of: $*" "$(head -c 2000 "$T/err")"
	fi
}

is() { # DESCRIPTION GOT EXPECTED
	if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "got:      $2" "expected: $3"; fi
}
like() { # DESCRIPTION TEXT PATTERN
	if [[ $2 =~ $3 ]]; then pass "$1"; else fail "$1" "'$3' is not in: $2"; fi
}
unlike() { # DESCRIPTION TEXT PATTERN
	if [[ $2 =~ $3 ]]; then fail "$1" "'$3' is in: $2"; else pass "$1"; fi
}
says() { like "$1" "$(cat "$T/err")" "$2"; }       # DESCRIPTION PATTERN: of the last command's messages
prints() { like "$1" "$(tr -d '\0' <"$T/out")" "$2"; } # DESCRIPTION PATTERN: of its output
one_line() { # DESCRIPTION: the last command's message is one line that begins with the program's name
	if [ "$(wc -l <"$T/err")" = 1 ] && grep -q '^smime' "$T/err"; then pass "$1"; else fail "$1" "$(cat "$T/err")"; fi
}
told() { # DESCRIPTION CODE PATTERN COMMAND...: a failure with this code, and one line that names what is wrong
	check "$1" "$2" "${@:4}"
	says "$1: named" "$3"
	one_line "$1: in one line"
}
same() { # DESCRIPTION FILE FILE
	if cmp -s "$2" "$3"; then pass "$1"; else fail "$1" "$(cmp "$2" "$3" 2>&1)"; fi
}
holds() { # DESCRIPTION COMMAND...: a condition
	local description=$1
	shift
	if "$@" >"$T/condition" 2>&1; then pass "$description"; else fail "$description" "does not hold: $*" "$(head -c 1000 "$T/condition")"; fi
}
fails() { # DESCRIPTION COMMAND...: the opposite
	local description=$1
	shift
	if "$@" >"$T/condition" 2>&1; then fail "$description" "holds: $*" "$(head -c 1000 "$T/condition")"; else pass "$description"; fi
}
absent() { # DESCRIPTION FILE: neither the file nor a part of it beside it is there
	local found=("$2"*  "$(dirname "$2")"/.*"$(basename "$2")"*)
	if [ -e "${found[0]}" ] || [ -e "${found[-1]}" ]; then fail "$1" "${found[*]}"; else pass "$1"; fi
}
# Test points that another program makes: its lines `pass TEXT`, `fail TEXT :: DETAIL`, `skip TEXT :: REASON`.
points_of() { # COMMAND...
	local line kind text
	while IFS= read -r line; do
		kind=${line%% *} text=${line#* }
		case $kind in
		ended) [ "$text" = 0 ] || fail "$* comes to its end" "exit code $text" ;;
		pass) pass "$text" ;;
		fail) fail "${text%% :: *}" "${text#* :: }" ;;
		skip) skip "${text%% :: *}" "${text#* :: }" ;;
		*) note "$line" ;;
		esac
	done < <("$@" 2>&1; printf 'ended %d\n' $?)
}
json() { # FILE EXPRESSION: a Python expression over the document d
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

# ---- Waiting and ending ----

# For what must not happen soon: a test point if the command took less time than it needs to happen, on the clock of the machine.
soon() { # MILLISECONDS COMMAND...
	local begin=${EPOCHREALTIME/./} limit=$1
	shift
	"$@"
	took=$(((${EPOCHREALTIME/./} - begin) / 1000))
	[ "$took" -lt "$limit" ]
}

# Tries a command until it succeeds, ten seconds at most, or thirty of a build that sanitizers slow down (or LIMIT, in tenths of a second).
await() {
	local usual=100 tries
	[ -z "${SMIME_SANITIZED:-}" ] || usual=300
	tries=$((${LIMIT:-$usual} * 2))
	while ! "$@" 2>/dev/null; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.05
	done
}
# A process that nobody has waited for yet has ended all the same.
ended() { ! grep -qs '^State:[[:space:]][^Z]' "/proc/$1/status"; } # PID
# Waits until strace has every thread of a process; fails when strace has ended before, since nobody may trace here.
trace_has_begun() { ended "$1" || [ -z "$(grep -L '^TracerPid:[[:space:]]*[1-9]' "/proc/$2/task"/*/status)" ]; } # STRACE PID
await_trace() { await trace_has_begun "$@" && ! ended "$1"; }                                                 # STRACE PID
# Each thread stops when it is next at work: until then one may still act on what comes after this.
is_stopped() { [ -z "$(grep -L '^State:[[:space:]]*[TtZX]' "/proc/$1/task"/*/status)" ]; } # PID
stop_process() { kill -STOP "$1" && await is_stopped "$1"; } # PID
end_process() { # PID: asks, then insists
	kill "$1" 2>/dev/null
	await ended "$1" || kill -9 "$1" 2>/dev/null
}

# Numbers of processes are used again, where many tests run within minutes: one that was started here may be somebody else's by now.
is_ours() { # PID
	grep -qs "^PPid:[[:space:]]*$$\$" "/proc/$1/status" || grep -qzsF "$T" "/proc/$1/environ"
}
cleanup() {
	local pid
	for pid in "${started[@]}"; do ! is_ours "$pid" || kill -9 "$pid" 2>/dev/null; done
	if [ -n "${SMIME_TEST_KEEP:-}" ]; then note "kept: $T"; else rm -rf "$T"; fi
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# ---- The agent ----

# The scripted pinentry answers with these lines from now on; see tests/lib/pinentry.
answers() { # LINE...
	mkdir -p "$T/pinentry.d"
	printf '%s\n' "$@" >"$T/pinentry.d/answers"
	: >"$T/pinentry.d/log"
}
prompts() { grep -c '^GETPIN$' "$T/pinentry.d/log"; }

# agent.yaml: what tests usually want, but for the keys that the test gives itself.
configure() { # [YAML]
	local given=${1:-}
	printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$SOURCE/tests/lib/pinentry" "$T/pinentry.d" >"$T/pinentry"
	chmod 700 "$T/pinentry"
	{
		printf '%s\n' "$given"
		configure_key modules "$(printf '\n  - path: %s\n    sessions: 2' "$DEMO_MODULE")"
		configure_key trust "[\"$T/ca/root.pem\"]"
		configure_key certificates "$(printf '\n  - path: "%s"' "$T/ca/issuing.pem")"
		configure_key audit '{durability: buffered, journal: no}'
		configure_key pin "$(printf '\n  program: "%s"' "$T/pinentry")"
	} | let_test_modules_write >"$T/agent.yaml"
}
# The tests' own modules have their logs, their commands and what is behind them below $T, which no module of another kind reaches
# otherwise; and in $test_module_places, each with a comma before it.
test_module_places=
let_test_modules_write() {
	local places="[\"$T\"$test_module_places]"
	sed -E "s|^( *)- path: (\"?[^\"]*/tests/module/)|\\1- writable: $places\\n\\1  path: \\2|; s|\\{path: (\"?[^\"]*/tests/module/)|{writable: $places, path: \\1|g"
}
configure_key() { # KEY VALUE
	grep -q "^$1:" <<<"$given" || printf '%s: %s\n' "$1" "$2"
}

agent_pid=

# Between its bind() and its listen() there is a socket that nobody answers.
listens() { grep -F " $1" /proc/net/unix | grep -q ' 00010000 '; } # PATH
agent_listens() { listens "$SMIME_AGENT_SOCK"; }
# All that smime-spawner has started by this name: who looks for tokens is one for a moment, beside those that hold one.
token_processes() { pgrep -P "$(pgrep -P "$agent_pid" -x smime-spawner)" -x smime-token; }
one_token_process() { [ "$(token_processes | wc -l)" = 1 ]; }
token_process() { await one_token_process && token_processes; } # where one token is held
# A pinentry has the PIN, and is there, a moment longer than its answer takes.
pinentry_ended() { ! pgrep -f "$T/pinentry.d" >/dev/null; }

# Starts the agent, with the usual configuration unless the test wrote one, and waits for its socket.
agent_start() { # ARGUMENT...
	[ -e "$T/pinentry.d/answers" ] || answers "pin $DEMO_PIN"
	[ -e "$T/agent.yaml" ] || configure
	smime-agent --foreground --socket "$SMIME_AGENT_SOCK" --config "$T/agent.yaml" "$@" 3>&- >>"$T/agent.log" 2>&1 </dev/null &
	agent_pid=$!
	started+=("$agent_pid")
	if ! await agent_listens || ended "$agent_pid"; then
		bail "the agent did not start: $(tail -n 5 "$T/agent.log")"
	fi
}

# Ends the agent and looks at how it ended.
agent_stop() {
	[ -n "$agent_pid" ] || return 0
	local pid=$agent_pid children status=0
	children=$(descendants "$pid")
	agent_pid=
	kill "$pid" 2>/dev/null
	await ended "$pid" || { fail 'the agent ends when asked' && kill -9 "$pid"; }
	wait "$pid" 2>/dev/null || status=$?
	is 'the agent ends in order' "$status" 0
	for pid in $children; do
		await ended "$pid" || { fail 'the processes of the agent end with it' "$(ps -o pid,args -p "$pid")" && kill -9 "$pid"; }
	done
}

descendants() { # PID
	local child
	for child in $(pgrep -P "$1"); do
		printf '%s\n' "$child"
		descendants "$child"
	done
}

# Whether no process of this name uses the test's tokens.
no_process() { # NAME
	local pid
	for pid in $(pgrep -x "$1"); do
		! grep -qzF "SOFTHSM2_CONF=$SOFTHSM2_CONF" "/proc/$pid/environ" 2>/dev/null || return 1
	done
}

# The version of the kernel's Landlock; -1: it has none.
landlock() { python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, 0, 0, 1))'; }

agent_log_is_clean() {
	[ -e "$T/agent.log" ] || return 0
	fails 'no sanitizer found anything' grep -aE 'ERROR: (Address|Leak)Sanitizer|runtime error:' "$T/agent.log"
}

# ---- Mail ----

# A plain message of standard input's text (or a short one).
mail() { # FROM TO [HEADER-LINE...]
	local from=$1 to=$2
	shift 2
	printf 'From: %s\nTo: %s\nSubject: A test\nDate: Mon, 2 Nov 2026 10:00:00 +0100\nMessage-ID: <1@example.org>\n' "$from" "$to"
	printf '%s\n' "$@"
	printf '\nHello,\n\nthis is the text.\n'
}
