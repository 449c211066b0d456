#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/guide.md, followed to the letter by somebody with a PIV card: its commands in their order, in one shell, with the installed
# programs and the default socket. What they show is compared with what the page shows. Between the sections the test does what a hand
# or another person does: it puts cards in, answers PIN prompts, and sends mail as Bob.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

fixture
CARD_READER='Gemalto PC Twin Reader'
card_stack
card_make alice rsa 00112233445566aa 'Alice Example'
card_make alice-old rsa 00112233445566bb 'Alice Example'
configure # for its pinentry

# ---- Installed, where the prefix is a place of the build's own ----

prefix=$(meson introspect --buildoptions "$SMIME_BUILD" | python3 -c 'import json, sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
if [[ $prefix == "$SMIME_BUILD"/* && -w $SMIME_BUILD ]]; then
	holds 'the programs are installed' meson install -C "$SMIME_BUILD" --no-rebuild --quiet
	PATH=$prefix/bin:$PATH
else
	note "$prefix is not the test's to write to: the programs run where they were built"
	PATH=$SMIME_BUILD/client/git:$SMIME_BUILD/client/mutt:$PATH
fi
unset SMIME_AGENT_SOCK

# ---- What Alice has got from others ----

mkdir "$HOME/Downloads"
cp "$T/ca/root.pem" "$HOME/Downloads/company-root.pem"
cp "$T/ca/issuing.pem" "$HOME/Downloads/company-issuing.pem"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/bob.key" && openssl pkey -in "$T/bob.key" -pubout -out "$T/bob.pub" &&
	demo_certificate bob 'Bob Example' bob@example.org digitalSignature,keyAgreement || bail 'no key for Bob'
bob_signs() { openssl cms -sign -signer "$T/bob.pem" -inkey "$T/bob.key" -certfile "$T/ca/issuing.pem" "$@"; }
bob_writes() { printf 'Content-Type: text/plain\n\n%s\n' "$1"; } # TEXT
bob_answers() { bob_writes 'At noon it is.' | bob_signs | openssl cms -encrypt -aes256 -from bob@example.org -to alice@example.org -subject Lunch "$@"; } # CERTIFICATE
bob_writes 'Hello Alice' | bob_signs -from bob@example.org -to alice@example.org >"$HOME/from-bob.eml" &&
	bob_answers "$T/alice-9d.pem" >"$HOME/answer.eml" && bob_answers "$T/alice-old-9d.pem" >"$HOME/old.eml" && bob_answers "$T/bob.pem" >"$HOME/for-carol.eml" ||
	bail 'Bob can write no mail'

# ---- Her shell ----

mkfifo "$T/typed"
(cd "$HOME" && exec bash --noprofile --norc <"$T/typed" >>"$T/said" 2>&1 3>&-) &
shell=$!
started+=("$shell")
exec 4>"$T/typed"

# Types a command; its output is in $T/out, and its exit code in $code.
type_in() { # FILE
	: >"$T/said"
	rm -f "$T/code"
	printf '{\n%s\n} </dev/null\nprintf "%%d\\n" $? >%q\n' "$(cat "$1")" "$T/code" >&4
	LIMIT=600 await [ -s "$T/code" ] || return
	code=$(cat "$T/code")
	cp "$T/said" "$T/out"
}

# ---- What others do meanwhile ----

answers "pin $CARD_PIN"
# A hand needs longer to get from the reader to the keys than the agent to look into a card; a test does not.
tokens_are_ready() { [ "$(smime status | grep -c '^ *ready, ')" = "$1" ]; } # HOW-MANY
before() { # SECTION
	case $1 in
	'The reader and the card') card_insert 0 alice ;;
	'The PIN') answers "pin $CARD_PIN" 'twice 654321' ;;
	'A new card')
		is 'the card has the new PIN' "$(cut -d' ' -f3 "$T/cards/alice/state")" 654321
		answers "pin $CARD_PIN"
		card_insert 1 alice-old
		LIMIT=600 await tokens_are_ready 2 || fail 'the agent sees both cards' "$(smime status)"
		;;
	esac
}
# The agent of the guide asks the test's pinentry; the page has no such line.
ask_here() {
	local file=$HOME/.config/smime-agent/agent.yaml
	[ ! -e "$file" ] || grep -q '^pin:' "$file" || printf 'pin:\n  program: "%s"\n' "$T/pinentry" >>"$file"
}
is_there() { # WHAT: a program, or a command of smime
	command -v "$1" >/dev/null || smime help | grep -q "^  $1 "
}
lacks() { # NEED,...
	local need
	for need in ${1//,/ }; do is_there "$need" || printf '%s ' "$need"; done
}

# ---- Step by step ----

step() { # DIRECTORY
	local command=$1/command name missing expected
	name="$(cat "$1/section"): $(head -n 1 "$command")"
	missing=$(lacks "$(cat "$1/needs")")
	[ -z "$missing" ] || { skip "$name" "there is no $missing" && return; }
	type_in "$command" || { fail "$name" 'it does not end' "$(tail -n 20 "$T/said")" && return; }
	expected=$(cat "$1/exit")
	if [ "$expected" = any ] || [ "$code" = "$expected" ]; then pass "$name"; else fail "$name" "exit code $code" "$(cat "$T/out")"; fi
	[ ! -e "$1/shown" ] || python3 "$SOURCE/tests/release/guide.py" --compare "$1/shown" "$T/out" ||
		fail "$name: shows what the page shows" 'the page:' "$(cat "$1/shown")" 'shown:' "$(cat "$T/out")"
	ask_here
}

mkdir "$T/steps"
python3 "$SOURCE/tests/release/guide.py" "$SOURCE/docs/guide.md" "$T/steps" || bail 'the page can not be read'
section="" agent=""
for directory in "$T"/steps/*; do
	if [ "$(cat "$directory/section")" != "$section" ]; then
		section=$(cat "$directory/section")
		before "$section"
	fi
	step "$directory"
	[ -n "$agent" ] || agent=$(smime status --no-autostart --json 2>/dev/null | sed -n 's/^ *"pid": \([0-9]*\),/\1/p')
	[ -z "$agent" ] || started+=("$agent")
done

exec 4>&-
await ended "$shell" || fail 'the shell ends'
[ -z "$agent" ] || { kill "$agent" && await ended "$agent"; } || fail 'the agent ends when asked'
done_testing
