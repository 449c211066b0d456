#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion in the real bash, zsh and fish: commands, every option of every program, values, tokens, keys, addresses and files.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
demo_token 'a second one'
answers cancel
agent_start
smime keys >"$T/keys"
# Completion gives an agent two seconds, which a busy machine may take: ten times as many, but where a time-out is waited for.
mkdir "$T/patient"
printf '#!/bin/sh\nseconds=$1\nshift\nexec "%s" $((seconds * 10)) "$@"\n' "$(command -v timeout)" >"$T/patient/timeout"
chmod 700 "$T/patient/timeout"
PATH=$T/patient:$PATH
cd "$T" || bail 'no directory'
mkdir work && cd work && touch 'a mail.eml' bob@example.org.pem

# ---- The shells, each with nothing but the file that is installed ----

printf '. /usr/share/bash-completion/bash_completion\n. %q\n' "$SOURCE/client/completions/smime.bash" >"$T/setup.bash"
printf 'fpath=(%q $fpath)\nautoload -U compinit\ncompinit -u -d %q\n' "$SOURCE/client/completions" "$T/compdump" >"$T/setup.zsh"

shells=()
have() { # SHELL FILE
	if command -v "$1" >/dev/null && [ -r "$2" ]; then shells+=("$1"); else skip "completion for $1" 'it is not there'; fi
}
have bash /usr/share/bash-completion/bash_completion
have zsh "$T/setup.zsh"
have fish "$SOURCE/client/completions/smime.fish"

listed() { LC_ALL=C sort -u | sed 's/.*/[&]/' | tr -d '\n'; }

# Each line of standard input gives a line with what is offered for it, sorted, each candidate in [].
offered_by_fish() {
	local line
	while IFS= read -r line; do
		fish --no-config -c 'source $argv[1]; complete -C $argv[2]' "$SOURCE/client/completions/smime.fish" "$line" | cut -f1 | listed
		printf '\n'
	done
}
# What stands behind the line's last blank is what was offered; the shells have put it there as it must be quoted.
offered_by_line() { # SHELL
	local lines=() completed line word words
	mapfile -t lines
	printf '*%s\n' "${lines[@]}" | python3 "$SOURCE/tests/lib/type.py" "$1" "$T/setup.$1" >"$T/typed" || return
	for line in "${lines[@]}"; do
		IFS= read -r completed
		eval "words=(${completed#"${line%"${line##* }"}"})"
		{ [ "$completed" = "$line" ] || [ ${#words[@]} -eq 0 ] || printf '%s\n' "${words[@]}"; } | listed
		printf '\n'
	done <"$T/typed"
}
offered() { if [ "$1" = fish ]; then offered_by_fish; else offered_by_line "$1"; fi; } # SHELL <LINES

# The same table for every shell: what is typed, what is offered.
offers() { # DESCRIPTION <<"typed => [offered][offered]"
	local shell typed expected got i
	mapfile -t rows
	for shell in "${shells[@]}"; do
		mapfile -t got < <(printf '%s\n' "${rows[@]%% => *}" | offered "$shell")
		for i in "${!rows[@]}"; do
			typed=${rows[i]%% => *} expected=${rows[i]#* => }
			is "$shell: $1: $typed" "${got[i]:-}" "$expected"
		done
	done
}

# ---- Every option of every program ----

# The programs of this build, with those that other parts add.
programs=$(meson introspect --installed "$SMIME_BUILD" | python3 -c '
import json, sys
print(*sorted(built for built, place in json.load(sys.stdin).items() if place.rsplit("/", 2)[1] == "bin"), sep="\n")')
options_of() { # HELP-COMMAND...
	"$@" | grep -E '^ +-' | sed 's/^ *//; s/  .*//' | grep -oE -- '--[a-z][a-z-]*' | listed
}
while read -r program; do
	PATH=$(dirname "$program"):$PATH
	name=$(basename "$program")
	for file in client/completions/smime.bash client/completions/smime.fish client/completions/_smime client/completions/meson.build; do
		holds "$file knows $name" grep -qwF -- "$name" "$SOURCE/$file"
	done
	commands=$("$program" --help | awk '/^  [a-z]/ { print $1 }')
	if [ -z "$commands" ]; then
		printf '%s -- => %s\n' "$name" "$(options_of "$program" --help)"
	else
		for command in $commands; do printf '%s %s -- => %s\n' "$name" "$command" "$(options_of "$program" "$command" --help)"; done
	fi >"$T/rows"
	offers 'every option' <"$T/rows"
	[ -z "$commands" ] || printf '%s  => %s\n' "$name help" "$(printf '%s\n' "$commands" | listed)" >"$T/rows"
	[ -z "$commands" ] || offers 'every command' <"$T/rows"
done <<<"$programs"

# ---- Values ----

token=$(printf '[a second one][demo]')
alice=$(sed -nE 's/^([0-9a-f]{16}).*  alice$/\1/p' "$T/keys") bob=$(sed -nE 's/^([0-9a-f]{16}).*  bob$/\1/p' "$T/keys")
names=$(printf '%s\n' "$alice" "$bob" alice@example.org bob@example.org | listed)
ciphers=$(smime encrypt --help | sed -n 's/; default.*//; s/^ *--cipher NAME *//p' | tr -s ', ' '\n' | listed)
like 'the ciphers are found' "$ciphers" '^\[aes128-cbc\].*\[chacha20-poly1305\]$'
offers values <<END
smime stat => [status]
smime encrypt --cipher  => $ciphers
smime encrypt --cipher aes2 => [aes256-cbc][aes256-gcm]
smime encrypt --digest  => [sha256][sha384][sha512]
smime sign --digest sha3 => [sha384]
smime verify --revocation  => [hard][off][soft]
smime verify --at 2 => 
smime lock  => $token
smime unlock de => [demo]
smime pin  => [change][unblock]
smime setup  => [git][mutt][neomutt]
smime audit  => [show][verify]
smime audit --json v => [verify]
smime audit verify a => [a mail.eml]
smime audit verify --key a => [a mail.eml]
smime policy  => [check][explain][reload]
smime policy check a => [a mail.eml]
smime policy explain a => 
smime policy reload a => 
smime pin change  => $token
smime pin change de => [demo]
smime sign -k  => $names
smime sign --key al => [alice@example.org]
smime sign --key alice@ex => [alice@example.org]
smime verify --from b => [bob@example.org]
smime encrypt -r bo => [bob@example.org][bob@example.org.pem]
smime encrypt -r al => [alice@example.org]
smime sign -o out a => [a mail.eml]
smime sign --opaque a => [a mail.eml]
smime verify --trust ./b => [./bob@example.org.pem]
smime-agent --config a => [a mail.eml]
END
is 'nobody was asked for a PIN' "$(prompts)" 0

# What is put in as the only candidate, and behind the "=" of an option.
for shell in "${shells[@]}"; do
	[ "$shell" != fish ] || continue
	printf '%s\n' 'smime unl' 'smime unlock a' 'smime sign -k alice@ex' 'smime sign --digest=sha3' 'smime encrypt --sign --key=bob@' >"$T/rows"
	is "$shell: one candidate is put in, quoted where it must be" "$(python3 "$SOURCE/tests/lib/type.py" "$shell" "$T/setup.$shell" <"$T/rows" | sed 's/ *$//')" \
		"$(printf '%s\n' 'smime unlock' 'smime unlock a\ second\ one' 'smime sign -k alice@example.org' 'smime sign --digest=sha384' 'smime encrypt --sign --key=bob@example.org')"
done

# ---- Without an agent ----

# One that hangs holds nobody up for longer than the time-out, and there the rest is completed all the same.
rm "$T/patient/timeout"
stop_process "$agent_pid"
offers 'an agent that does not answer' <<END
smime lock  => 
smime encrypt -r bo => [bob@example.org.pem]
END
kill -CONT "$agent_pid"
agent_stop
unset SMIME_AGENT_SOCK
offers 'no agent' <<END
smime lock  => 
smime encrypt -r bo => [bob@example.org.pem]
smime lock --js => [--json]
END
holds 'and none is started' no_process smime-agent
done_testing
