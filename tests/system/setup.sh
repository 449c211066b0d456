#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# smime setup git, mutt, neomutt: the diff, the change, the way back, and what is refused; git, mutt and neomutt read the result.
. "$(dirname "$0")/../lib/lib.sh"
fixture people odd
. "$SOURCE/tests/lib/installation.sh"
agent_start
record=$HOME/.local/state/smime-agent/setup
# Never that of a repository which the tests are run in.
cd "$T" || bail 'no directory'
value() { git -C / config --get "$1"; }
absent_setting() { ! git -C / config --get "$1" >/dev/null; }
mode() { stat -c %a "$1"; }
lines() { sed -n "s/^$1//p" "$T/out"; }

# ---- git ----

if command -v git >/dev/null; then
	rc=$HOME/.gitconfig
	told 'two suitable keys: the candidates are told' 4 'several keys.*-k.*[0-9a-f]{16} .alice@example.org' smime setup git
	fails 'nothing was made' test -e "$rc"
	check 'a key that is named: the diff' 0 smime setup git -k alice@example.org
	prints 'is unified, of a file that is not there yet' "^--- /dev/null"$'\n'"\+\+\+ $rc"$'\n@@'
	prints 'with the format' $'\n\\+\tformat = x509\n'
	prints 'with the program, by its name since it is in PATH' $'\n\\+\tprogram = smime-git\n'
	prints 'with the key' $'\n\\+\tsigningkey = alice@example.org\n'
	prints 'and says how it is made' 'smime setup git --apply'
	cp "$T/out" "$T/diff"
	check 'started by who ignores that a child has ended' 0 env --ignore-signal=CHLD smime setup git -k alice@example.org
	same 'it is the same' "$T/out" "$T/diff"
	fails 'still nothing was made' test -e "$rc" -o -e "$record"
	git config --global user.name Alice
	git config --global user.email alice@example.org
	chmod 640 "$rc"
	cp "$rc" "$T/before"
	check 'the address that git knows chooses the key' 0 smime setup git --apply
	prints 'the diff is shown' $'\n\\+\tsigningkey = alice@example.org\n'
	prints 'the copy is told' "$record/git/before"
	prints 'and the way back' 'smime setup git --undo'
	same 'the copy is what was there' "$record/git/before" "$T/before"
	is 'which only its owner can read' "$(mode "$record/git"),$(mode "$record/git/before")" 700,600
	is 'git reads the format' "$(value gpg.format)" x509
	is 'git reads the program' "$(value gpg.x509.program)" smime-git
	is 'git reads the key' "$(value user.signingkey)" alice@example.org
	holds 'commits are signed only when asked' absent_setting commit.gpgsign
	is 'the mode of the file is kept' "$(mode "$rc")" 640
	is 'nothing is left beside it' "$(find "$HOME" -maxdepth 1 -name '.gitconfig*' | wc -l)" 1
	cp "$rc" "$T/after"
	check 'a second time there is nothing to be done' 0 smime setup git --apply
	prints 'and it says so' 'nothing to change'
	same 'the file is as it was' "$rc" "$T/after"
	git init -q "$T/repository" && cd "$T/repository" || bail 'no repository'
	check 'git signs a commit with it' 0 git commit -q --allow-empty -S -m signed
	check 'and verifies it' 0 git verify-commit HEAD
	cd /
	check 'it is taken back' 0 smime setup git --undo
	prints 'with its diff' $'\n-\tformat = x509\n'
	same 'to the last octet' "$rc" "$T/before"
	is 'with the mode' "$(mode "$rc")" 640
	fails 'the record is gone' test -e "$record/git"
	check 'a second time there is nothing to take back' 0 smime setup git --undo
	prints 'and it says so' 'nothing to take back'

	check 'every commit signed' 0 smime setup git --apply --sign-all
	is 'commit.gpgsign and tag.gpgsign' "$(value commit.gpgsign),$(value tag.gpgsign)" true,true
	git config --global core.editor vi
	git config --global user.name 'Alice A.'
	check 'taken back after other lines have changed' 0 smime setup git --undo
	is 'the others stay' "$(value core.editor),$(value user.name),$(value user.email)" "vi,Alice A.,alice@example.org"
	holds 'ours are gone' test -z "$(git -C / config --get-regexp '^gpg\.|signingkey|gpgsign')"

	check 'one change' 0 smime setup git --apply
	check 'and one more behind it' 0 smime setup git --apply --sign-all -k bob@example.org
	is 'what was set before is replaced' "$(value user.signingkey),$(value commit.gpgsign)" bob@example.org,true
	check 'both are taken back at once' 0 smime setup git --undo
	holds 'and nothing is left' test -z "$(git -C / config --get-regexp '^gpg\.|signingkey|gpgsign')"

	check 'again' 0 smime setup git --apply
	git config --global user.signingkey somebody@example.org
	cp "$rc" "$T/changed"
	told 'a line that was changed by hand is left alone' 7 "user.signingkey.*changed by hand.*somebody@example.org.*--unset user.signingkey" smime setup git --undo
	same 'and so is the rest' "$rc" "$T/changed"
	git config --global --unset user.signingkey
	check 'without it the rest is taken back' 0 smime setup git --undo
	holds 'all of it' test -z "$(git -C / config --get-regexp '^gpg\.|signingkey')"

	cp "$rc" "$T/before"
	for setting in gpg.format=openpgp gpg.x509.program=/usr/bin/gpgsm user.signingkey=0123456789ABCDEF; do
		cp "$T/before" "$rc"
		git config --global "${setting%%=*}" "${setting#*=}"
		cp "$rc" "$T/foreign"
		told "$setting is left alone" 6 "${setting%%=*}.*--unset" smime setup git --apply
		same "$setting: the file is as it was" "$rc" "$T/foreign"
		holds "$setting: what is told to do can be done" bash -c "$(sed 's/.*to have it replaced: //' "$T/err")"
		holds "$setting: and takes it out" absent_setting "${setting%%=*}"
	done
	cp "$T/foreign" "$rc"
	told 'the way to have it replaced works with a blank in the path' 6 "git config --file '$rc' --unset user.signingkey" smime setup git
	cp "$T/before" "$rc"
	export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=gpg.format GIT_CONFIG_VALUE_0=ssh
	told 'what the environment sets' 6 "gpg.format is set to 'ssh' by GIT_CONFIG_.. in the environment" smime setup git
	unset GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0
	printf '[commit]\n\tgpgsign\n[tag]\n\tgpgsign = yes\n' >>"$rc"
	cp "$rc" "$T/foreign"
	check 'every commit is signed already, in other words' 0 smime setup git --apply --sign-all
	lacks_switch() { ! grep -q '^[-+].*gpgsign' "$T/out"; }
	holds 'which stay' lacks_switch
	check 'and are not taken back' 0 smime setup git --undo
	same 'with what was made' "$rc" "$T/foreign"
	git config --global commit.gpgsign off
	told 'none is to be signed' 6 "sets commit.gpgsign to 'false' already" smime setup git --sign-all
	cp "$T/before" "$rc"
	ln -s "$bin" "$HOME/programs"
	git config --global gpg.x509.program \~/programs/smime-git
	told 'a path that many a git takes as it stands' 6 "sets gpg.x509.program to '~/programs/smime-git' already" smime setup git
	cp "$T/before" "$rc"
	git config --global gpg.format x509
	git config --global user.signingkey bob@example.org
	check 'what is set as it is to be stays' 0 smime setup git --apply
	is 'the key, too' "$(value user.signingkey)" bob@example.org
	check 'and is not taken back' 0 smime setup git --undo
	is 'with what was made' "$(git -C / config --get-regexp '^gpg\.|signingkey' | tr '\n' ' ')" 'user.signingkey bob@example.org gpg.format x509 '
	printf '[gpg\n' >>"$rc"
	told 'a file that git cannot read' 6 'git config fails' smime setup git --apply
	cp "$T/before" "$rc"

	if [ "$(id -u)" = 0 ]; then
		chown 12345:12345 "$rc"
		check 'a file of somebody else, by root' 0 smime setup git --apply
		is 'is his still' "$(stat -c %u:%g "$rc")" 12345:12345
		check 'and back, too' 0 smime setup git --undo
		is 'and is his then' "$(stat -c %u:%g "$rc")" 12345:12345
		chown 0:0 "$rc"
	else
		chmod 400 "$rc"
		told 'a file that is not to be written' 7 "$rc: can.t be written" smime setup git --apply
		chmod 600 "$rc"
	fi
	long=$T/$(printf 'x%.0s' {1..250})
	cp "$rc" "$long"
	GIT_CONFIG_GLOBAL=$long told 'a file that nothing can be put beside' 7 'can.t be written: File name too long' smime setup git --apply -k alice@example.org
	same 'is as it was' "$long" "$rc"
	fails 'and there is no record of a change' test -e "$record/git"
	is 'no copy is left' "$(find "$TMPDIR" -name 'smime-setup*')" ''
	GIT_CONFIG_GLOBAL=config told 'a file that is somewhere' 7 'must be a full path' smime setup git
	check 'with -q there is nothing to read' 0 smime setup git --undo -q
	is 'nothing' "$(cat "$T/out" "$T/err")" ''
	mkdir "$T/dotfiles"
	mv "$rc" "$T/dotfiles/gitconfig"
	ln -s ../dotfiles/gitconfig "$rc"
	check 'a file behind a link is changed' 0 smime setup git --apply
	is 'and the link stays' "$(readlink "$rc")" ../dotfiles/gitconfig
	is 'git reads it' "$(value gpg.x509.program)" smime-git
	check 'and back' 0 smime setup git --undo
	same 'as it was' "$T/dotfiles/gitconfig" "$T/before"
	rm "$rc"
	mkdir -p "$HOME/.config/git"
	: >"$HOME/.config/git/config"
	check 'the file below .config, where that is the one' 0 smime setup git --apply -k alice@example.org
	holds 'it is changed' grep -q x509 "$HOME/.config/git/config"
	export GIT_CONFIG_GLOBAL=$T/else
	told 'what was set up elsewhere is taken back first' 7 'smime setup git --undo' smime setup git --apply -k alice@example.org
	check 'which works' 0 smime setup git --undo
	is 'there' "$(stat -c %s "$HOME/.config/git/config")" 0
	check 'GIT_CONFIG_GLOBAL names the file' 0 smime setup git --apply -k alice@example.org
	holds 'it is made' grep -q x509 "$T/else"
	check 'JSON' 0 smime setup git --json
	is 'nothing to do' "$(json "$T/out" 'd["command"], d["program"], d["result"], d["file"], d["diff"], d["exit_code"]')" \
		"('setup', 'git', 'nothing-to-do', '$T/else', None, 0)"
	check 'JSON of the way back' 0 smime setup git --undo --json
	is 'undone' "$(json "$T/out" 'd["result"], d["diff"].startswith("---")')" "('undone', True)"
	fails 'a file that was made is gone' test -e "$T/else"
	check 'JSON of what would change' 0 smime setup git --json -k alice@example.org
	is 'would change' "$(json "$T/out" 'd["result"]')" would-change
	check 'a failure as JSON' 2 smime setup git --json --apply --undo
	is 'with its code' "$(json "$T/out" 'd["error"]["exit_code"]')" 2
	unset GIT_CONFIG_GLOBAL
	rm -r "$HOME/.config/git"
	mv "$bin/smime-git" "$bin/gone"
	if command -v smime-git >/dev/null; then
		skip 'smime-git is not there' 'another one is in PATH'
	else
		told 'smime-git is not there' 7 'smime-git.*neither' smime setup git --apply -k alice@example.org
	fi
	mv "$bin/gone" "$bin/smime-git"
	check 'a program that PATH does not lead to' 0 env PATH=/usr/bin:/bin "$bin/smime" setup git -k alice@example.org
	prints 'is named by its path' "program = $bin/smime-git"
else
	skip 'git' 'it is not installed'
fi

# ---- Names of keys ----

fingerprint=$(smime keys --json | python3 -c 'import json, sys; print(next(k["fingerprint"] for k in json.load(sys.stdin)["keys"] if k["label"] == "alice"))')
uri=$(smime keys --json | python3 -c 'import json, sys; print(next(k["uri"] for k in json.load(sys.stdin)["keys"] if k["label"] == "alice"))')
sha1=$(openssl x509 -in "$T/alice.pem" -noout -fingerprint -sha1 | sed 's/.*=//')
for name in "$fingerprint" "${fingerprint:0:12}" "$uri" "$sha1" 'Alice <alice@example.org>'; do
	check "the key as $name" 0 smime setup git -k "$name"
	prints "the name is kept: $name" "signingkey = \"?${name%%:*}"
done
told 'a key that is not there' 4 'names no key.*smime keys' smime setup git -k nobody@example.org
told 'a key that has expired' 4 'old@example.org can.t sign: .*expired' smime setup git -k old@example.org
told 'an address of two keys' 4 'several keys of twin@example.org.*-k' smime setup git -k twin@example.org
check 'no name' 2 smime setup git -k ''
says 'is wrong usage' 'empty'
told 'a URI with a PIN' 2 'no query' smime setup git -k 'pkcs11:token=demo;object=alice?pin-value=4711'
told 'a name that no configuration can hold' 2 'no .".' smime setup mutt -k 'a"b@example.org'

# ---- mutt and neomutt ----

ask() { timeout 20 "$1" -Q "$2" </dev/null 2>"$T/ask.err" | sed 's/^set //; s/^[a-z_]* *= *//; s/"//g; s/^[a-z_]* is \(un\)*set$/no\1/; s/^noun$/no/'; }
for program in mutt neomutt; do
	if ! command -v $program >/dev/null; then
		skip "$program" 'it is not installed'
		continue
	fi
	rc=$HOME/.${program}rc
	check "$program: the diff" 0 smime setup $program -k alice@example.org
	prints "$program: with the file of commands" $'\n\\+source "'"$documents/$program.rc"'"'
	fails "$program: nothing was made" test -e "$rc"
	printf 'set realname="Alice"\n' >"$rc"
	cp "$rc" "$T/before"
	check "$program: the change" 0 smime setup $program --apply -k alice@example.org
	prints "$program: the copy is told" "$record/$program/before"
	is "$program reads the commands" "$(ask $program smime_sign_command | grep -c smime-mutt)" 1
	is "$program reads the key" "$(ask $program smime_default_key)" "$fingerprint"
	is "$program reads it for signing" "$(ask $program smime_sign_as)" "$fingerprint"
	is "$program does not use GPGME" "$(ask $program crypt_use_gpgme)" no
	is "$program finds no error" "$(cat "$T/ask.err")" ''
	is "$program: what was there is read still" "$(ask $program realname)" Alice
	check "$program: smime-mutt makes the keys known to it" 0 smime-mutt keys
	run smime doctor
	prints "$program: and the doctor finds them" "good +$program +[^"$'\n'"]*index has the keys"
	cp "$rc" "$T/after"
	check "$program: a second time" 0 smime setup $program --apply
	prints "$program: nothing to be done" 'nothing to change'
	same "$program: as it was" "$rc" "$T/after"
	check "$program: another key" 0 smime setup $program --apply -k bob@example.org
	unlike "$program: replaces the first" "$(ask $program smime_default_key)" "$fingerprint"
	is "$program: there is one block" "$(grep -c '^# >>>' "$rc")" 1
	rm -r "${record:?}/$program"
	check "$program: and one more, without a record" 0 smime setup $program --apply -k alice@example.org
	check "$program: the way back" 0 smime setup $program --undo
	same "$program: to the last octet" "$rc" "$T/before"

	check "$program: erin signs with one key and is encrypted to with another" 0 smime setup $program --apply -k erin@example.org
	unlike "$program: so both are set" "$(ask $program smime_sign_as)" "^$|$(ask $program smime_default_key)"
	sed -i '1i set sort=threads' "$rc"
	printf 'set editor="vi"\n' >>"$rc"
	check "$program: taken back after other lines have changed" 0 smime setup $program --undo
	is "$program: the others stay" "$(cat "$rc")" $'set sort=threads\nset realname="Alice"\nset editor="vi"'
	for text in 'set realname="A"' $'set realname="A" \\\n' $'\n' ''; do
		printf '%s' "$text" >"$rc" && cp "$rc" "$T/before"
		check "$program: a file that ends otherwise" 0 smime setup $program --apply -k alice@example.org
		is "$program: is read" "$(ask $program smime_default_key)" "$fingerprint"
		rm -r "${record:?}/$program"
		printf 'set sort=date\n' >>"$rc"
		check "$program: the way back without a record" 0 smime setup $program --undo
		is "$program: leaves what others have" "$(cat "$rc")" "${text%$'\n'}${text:+$'\n'}set sort=date"
		cp "$T/before" "$rc"
		check "$program: once more" 0 smime setup $program --apply -k alice@example.org
		check "$program: and back" 0 smime setup $program --undo
		same "$program: as it was" "$rc" "$T/before"
	done
	printf 'set realname="Alice"\n' >"$rc"
	check "$program: again" 0 smime setup $program --apply -k alice@example.org
	sed -i 's/^set crypt_use_gpgme=no/set crypt_use_gpgme=yes/' "$rc"
	cp "$rc" "$T/changed"
	told "$program: a line of the block was changed by hand" 7 'changed by hand.*# >>>' smime setup $program --undo
	told "$program: nor is it changed" 7 'changed by hand' smime setup $program --apply
	same "$program: it is as it was" "$rc" "$T/changed"
	for line in 'set smime_sign_command="openssl smime"' '  set crypt_use_gpgme' 'set crypt_use_gpgme = yes' "send-hook . 'set smime_sign_as=1234.0'"; do
		printf 'set realname="Alice"\n%s\n' "$line" >"$rc" && cp "$rc" "$T/foreign"
		told "$program: somebody has set: $line" 6 'line 2, sets .*already' smime setup $program --apply -k alice@example.org
		same "$program: it is as it was: $line" "$rc" "$T/foreign"
	done
	mkdir -p "$HOME/rc"
	printf 'set sort=date\nset smime_sign_as="1234.0"\n' >"$HOME/rc/smime"
	for line in 'source ~/rc/smime' '  source "$HOME/rc/smime" # mine' "source '$HOME/rc/smime'" 'source rc/smime; set sort=date' 'source rc/more'; do
		printf 'source ~/rc/smime\n' >"$HOME/rc/more"
		printf '%s\n' "$line" >"$rc" && cp "$rc" "$T/foreign"
		told "$program: somebody has set it elsewhere: $line" 6 'rc/smime, line 2, sets smime_sign_as already' smime setup $program --apply -k alice@example.org
		is "$program: so $program thinks, too: $line" "$(cd "$HOME" && ask $program smime_sign_as)" 1234.0
		same "$program: it is as it was: $line" "$rc" "$T/foreign"
	done
	printf 'source rc/round\nsource /nonexistent\nsource "echo set sort=date|"\nsource\nsource "' >"$rc"
	printf 'source round' >"$HOME/rc/round"
	check "$program: files that are read in a circle, or are none" 0 smime setup $program -k alice@example.org
	printf 'source "%s"' "$documents/$program.rc" >"$rc"
	check "$program: the installed file" 0 smime setup $program -k alice@example.org
	printf '# set smime_sign_command="x"\nset crypt_use_gpgme=no smime_is_default\nunset crypt_use_gpgme # smime_keys\nset nocrypt_use_gpgme\n' >"$rc"
	check "$program: what does no harm" 0 smime setup $program --apply -k alice@example.org
	check "$program: is no obstacle" 0 smime setup $program --undo
	rm "$rc"
	check "$program: a file that is not there" 0 smime setup $program --apply -k alice@example.org
	is "$program: is made and read" "$(ask $program smime_default_key)" "$fingerprint"
	check "$program: and taken away" 0 smime setup $program --undo
	fails "$program: it is gone" test -e "$rc"
	config=$HOME/.config/$program/${program}rc
	mkdir -p "${config%/*}" && : >"$config"
	check "$program: the file below .config" 0 smime setup $program --apply -k alice@example.org
	is "$program reads that" "$(ask $program smime_default_key)" "$fingerprint"
	check "$program: and back again" 0 smime setup $program --undo
	rm -r "$HOME/.config"
done
if command -v neomutt >/dev/null; then
	printf 'set realname="Alice"\n' >"$HOME/.muttrc"
	check 'neomutt reads the file of mutt' 0 smime setup neomutt --apply -k alice@example.org
	holds 'which gets what mutt understands' grep -qF "source \"$documents/mutt.rc\"" "$HOME/.muttrc"
	is 'neomutt reads the key' "$(ask neomutt smime_default_key)" "$fingerprint"
	is 'without an error' "$(cat "$T/ask.err")" ''
	check 'mutt is set up with it' 0 smime setup mutt --apply
	prints 'so that there is nothing to be done' 'nothing to change'
	check 'and both at once are not' 0 smime setup neomutt --undo
	is 'any more' "$(cat "$HOME/.muttrc")" 'set realname="Alice"'
fi

# ---- Without an agent, and what can go wrong ----

agent_stop
rm -rf "$HOME"/.muttrc "$HOME"/.gitconfig
check 'a key that is named needs no agent' 0 smime setup git --apply -k alice@example.org
check 'nor does the way back' 0 smime setup git --undo
told 'no name and no agent' 3 'agent.*-k' smime setup git --apply
told 'no name and no agent, mutt' 3 'agent.*-k' smime setup mutt --apply
check 'a program that is not known' 2 smime setup emacs
says 'is named' 'no .smime setup emacs.'
told 'no home' 7 'HOME is not set' env -u HOME "$bin/smime" setup git -k alice@example.org
told 'a name that git would take for an option' 2 "begin with '-'" smime setup git -k --global
check 'the wrong way round' 2 smime setup git --apply --undo
check '--sign-all is for git' 2 smime setup mutt --sign-all
check 'no program' 2 smime setup
mkdir "$HOME/.muttrc"
told 'a directory where the file should be' 6 'no regular file' smime setup mutt --apply -k alice@example.org
rmdir "$HOME/.muttrc"
printf 'a\0b\n' >"$HOME/.muttrc"
told 'a file that is no text' 6 'no text file' smime setup mutt --apply -k alice@example.org
rm "$HOME/.muttrc"
ln -s .muttrc "$HOME/.muttrc"
told 'a link to itself' 7 'can.t be found' smime setup mutt --apply -k alice@example.org
rm "$HOME/.muttrc"
mv "$documents/mutt.rc" "$documents/gone"
# The tests' own prefix is beside the build; guide.sh installs into it.
if [ -e /usr/local/share/doc/smime-agent/mutt.rc ] || [ -e "$SMIME_BUILD/root/share/doc/smime-agent/mutt.rc" ]; then
	skip 'the file of commands is not installed' 'another installation has it'
else
	told 'the file of commands is not installed' 7 'mutt.rc.*is not installed' smime setup mutt --apply -k alice@example.org
fi
done_testing
