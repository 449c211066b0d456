#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What smime doctor says of git, mutt and neomutt: each thing well, then broken.
. "$(dirname "$0")/../lib/lib.sh"
fixture people odd
. "$SOURCE/tests/lib/installation.sh"
agent_start
# git is asked as it is configured here: in no repository.
export GIT_CEILING_DIRECTORIES=${T%/*}
cd "$T" || bail 'no directory'

# The lines about one program.
lines_of() { run smime doctor --no-autostart && awk -v area="$1" '$2 == area' "$T/out"; }
# DESCRIPTION VERDICT PATTERN: there is such a line, and nothing worse about that program.
found() {
	local lines
	lines=$(lines_of "$area")
	if grep -qE "^$2 +$area +.*$3" <<<"$lines"; then pass "$area: $1"; else fail "$area: $1" "no line '$2 .. $3'" "$lines"; fi
}
only_good() { is "$area: $1: all is good" "$(lines_of "$area" | grep -cv '^good')" 0; } # DESCRIPTION
# The mend of the first line that is not good, as a person would copy it.
mend_of() { lines_of "$area" | grep -v '^good' | head -n 1 | sed 's/.* -> //'; }

# ---- git ----

area=git
if command -v git >/dev/null; then
	found 'not set up' note 'not set up.* -> smime setup git --apply'
	git config --global user.name Alice
	git config --global user.email alice@example.org
	run smime setup git --apply
	only_good 'set up'
	found 'the program' good "git calls $bin/smime-git"
	found 'the key' good 'user.signingkey names one key that can sign, .*Alice'
	found 'the address' good 'user.email alice@example.org is an address of'
	cp "$HOME/.gitconfig" "$T/good"
	broken() { cp "$T/good" "$HOME/.gitconfig" && git config --global "$@"; }

	broken gpg.format openpgp
	found 'another format' warning 'gpg.x509.program is smime-git, but.*openpgp.* -> git config --global gpg.format x509'
	git config --global --unset gpg.x509.program
	found 'another format alone' note 'git signs with openpgp'
	broken --unset gpg.format
	found 'no format' warning 'gpg.format is not set.* -> smime setup git --apply'
	eval "$(mend_of)" >/dev/null
	only_good 'after that'
	broken --unset gpg.x509.program
	found 'gpgsm' note 'by gpgsm.* -> smime setup git --apply'
	broken gpg.x509.program "$T/none"
	found 'a program that is not there' fault 'none, which is not there.* -> git config --global --unset gpg.x509.program, then'
	: >"$T/none"
	found 'a program that is none' fault 'none, which is not there or can.t be executed'
	broken gpg.x509.program /bin/true
	found 'another program' note 'made by /bin/true.* -> '
	mkdir "$T/other" && cp "$bin/smime-git" "$T/other/"
	broken gpg.x509.program "$T/other/smime-git"
	found 'of another installation' warning 'other/smime-git, which is of another installation'
	ln -s "$bin" "$HOME/programs"
	broken gpg.x509.program \~/programs/smime-git
	found 'a path that many a git takes as it stands' warning "many versions of git take the ~.* -> git config --global gpg.x509.program '"
	eval "$(mend_of)"
	only_good 'after that'
	printf '#!/bin/sh\nexec smime-git --trust /etc/git-people.pem "$@"\n' >"$T/script"
	chmod 700 "$T/script"
	broken gpg.x509.program "$T/script"
	only_good 'a script that calls it'
	found 'a script that calls it' good 'script to sign, a script for smime-git'
	broken gpg.minTrustLevel ultimate
	found 'a trust that nobody has' warning 'gpg.minTrustLevel is ultimate.* -> git config --global gpg.minTrustLevel fully'
	eval "$(mend_of)"
	only_good 'after that'
	broken gpg.minTrustLevel perfect
	found 'a trust that there is not' fault 'gpg.minTrustLevel is perfect, which git does not know'
	sha1=$(openssl x509 -in "$T/alice.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
	for name in "$sha1!" "${sha1:24}" "0x${sha1:24}" "0x${sha1:32}!" ' Alice  < alice@example.org > ' PKCS11:token=demo\;object=alice; do
		broken user.signingkey "$name"
		only_good "the key as smime-git knows it: $name"
	done
	broken user.signingkey 'pkcs11:object=alice?pin-source=/etc/pin'
	found 'a URI that smime-git refuses' warning 'pin-source=/etc/pin, which names no key'
	broken user.signingkey ''
	found 'an empty name' fault 'user.signingkey is empty.* -> git config --global --unset user.signingkey'
	eval "$(mend_of)"
	only_good 'after that'
	broken user.signingkey twin@example.org
	found 'two keys' fault 'twin@example.org, which names 2 keys.* -> git config --global user.signingkey KEY'
	broken user.signingkey old@example.org
	found 'an expired key' fault 'can.t sign: .*expired'
	broken user.signingkey web@example.org
	found 'a key that is not for mail' fault 'can.t sign: '
	broken user.signingkey nobody@example.org
	found 'a key that is not there' warning 'names no key that is there now'
	git config --global commit.gpgsign true
	found 'and every commit is to be signed' fault 'names no key that is there now'
	broken user.email bob@example.org
	found 'another address' warning 'user.email is bob@example.org, but .* alice@example.org: GitHub.* -> git config --global user.email alice@example.org'
	eval "$(mend_of)"
	only_good 'after that'
	cp "$T/good" "$HOME/.gitconfig"
	GIT_COMMITTER_EMAIL=bob@example.org found 'another address in the environment' warning 'GIT_COMMITTER_EMAIL is bob@example.org, but .* -> unset GIT_COMMITTER_EMAIL'
	broken --unset user.email
	EMAIL=alice@example.org only_good 'the address in the environment alone'
	found 'no address' note 'user.email is not set.* -> git config --global user.email alice@example.org'
	broken --unset user.signingkey
	found 'no key: that of the address' good 'user.email names one key that can sign'
	git config --global --unset user.email
	found 'neither key nor address' warning 'neither user.signingkey nor user.email'
	run smime keys --json
	broken user.signingkey "$(json "$T/out" 'next(k["fingerprint"] for k in d["keys"] if k["label"] == "logon")')"
	found 'a certificate without an address' warning 'has no address'
	cp "$T/good" "$HOME/.gitconfig"
	git init -q "$T/repository" && git -C "$T/repository" config user.signingkey twin@example.org
	cd "$T/repository" || bail 'no repository'
	found 'a repository has its own' fault '2 keys.* -> git config --local user.signingkey KEY'
	cd "$T" || bail 'no directory'
	mkdir "$T/removed" && cd "$T/removed" && rmdir "$T/removed" || bail 'no directory'
	only_good 'a directory that was removed'
	cd "$T" || bail 'no directory'
	printf '[broken\n' >>"$HOME/.gitconfig"
	found 'a file that git cannot read' fault 'git can.t read its configuration: .*config'
	run smime doctor --json
	is 'which has the code of what git would fail with' "$(json "$T/out" '[f["code"] // 100 for f in d["findings"] if f["area"] == "git" and f["verdict"] == "fault"]')" '[6]'
	cp "$T/good" "$HOME/.gitconfig"
	SMIME_AGENT_SOCK=$T/none found 'no agent' note 'not known without the agent'
	rm "$HOME/.gitconfig"
else
	skip git 'it is not installed'
fi

# ---- mutt and neomutt ----

for area in mutt neomutt; do
	if ! command -v $area >/dev/null; then
		skip $area 'it is not installed'
		continue
	fi
	rc=$HOME/.${area}rc
	found 'not set up' note "not set up.* -> smime setup $area --apply"
	run smime setup $area --apply -k alice@example.org
	found 'set up' good "calls $bin/smime-mutt"
	found 'the key' good 'smime_sign_as names one key that can sign, .*Alice'
	found 'no list of keys' warning 'index can.t be read.* -> smime-mutt keys'
	keys=$(timeout 20 $area -Q smime_keys </dev/null 2>/dev/null | sed 's/^[^"]*"//; s/"$//')
	keys=${keys/#\~/$HOME}
	mkdir -p "$keys"
	found 'and of those of others' warning 'certificates/.index can.t be read: .* nobody to encrypt to -> smime-mutt keys'
	mkdir -p "${keys%/*}/certificates" && : >"${keys%/*}/certificates/.index"
	smime keys --json | python3 -c 'import json, sys
for k in json.load(sys.stdin)["keys"]:
    for c in k["certificates"]:
        for a in c["addresses"]: print(a, k["fingerprint"], k["label"], "?", "t")' >"$keys/.index"
	only_good 'with the list'
	cp "$rc" "$T/good"
	broken() { cp "$T/good" "$rc" && printf '%s\n' "$1" >>"$rc"; }

	cp "$keys/.index" "$T/index"
	sed -i '/bob@example.org/d' "$keys/.index"
	found 'a list without a key' warning 'none of bob@example.org in it.* -> smime-mutt keys'
	printf 'bobbob@example.org 0 x ? t\n' >>"$keys/.index"
	found 'a list with a longer address' warning 'none of bob@example.org in it -> '
	sed 's/^alice@example.org [0-9a-f]*/alice@example.org 0123456789abcdef/' "$T/index" >"$keys/.index"
	found 'a list with an old certificate' warning 'none of alice@example.org in it with the certificate that it has now -> smime-mutt keys'
	rm -r "$keys"
	run smime-mutt keys
	only_good 'a list that smime-mutt has made'
	broken 'set crypt_use_gpgme=yes'
	found 'GPGME' fault 'crypt_use_gpgme is on.* -> set crypt_use_gpgme=no'
	broken 'set smime_decrypt_command="openssl cms -decrypt"'
	found 'one command of another' warning 'smime_decrypt_command of'
	for setting in pk7out get_cert get_signer_cert get_cert_email import_cert; do
		broken "set smime_${setting}_command=\"openssl\""
		found 'one command of another' warning "smime_${setting}_command of"
	done
	ln -sfn "$bin" "$HOME/programs"
	sed 's|smime-mutt |~/programs/smime-mutt |' "$documents/$area.rc" >"$T/at-home.rc"
	broken "source \"$T/at-home.rc\""
	printf 'set smime_default_key="alice@example.org"\n' >>"$rc"
	# neomutt itself makes it a path, with the blank of $T in it.
	[ $area = neomutt ] || found 'commands with a path that the shell expands' good "calls $HOME/programs/smime-mutt"
	broken "set smime_default_key=\"$(smime keys --json | python3 -c 'import json, sys; print(next(k["fingerprint"] for k in json.load(sys.stdin)["keys"] if k["label"] == "erin"))')\""
	found 'a key that no copy can be encrypted to' warning "is not encrypted to: $area encrypts no mail.* -> smime setup $area"
	printf 'unset smime_self_encrypt\n' >>"$rc"
	only_good 'nobody wants a copy'
	broken 'set smime_default_key=default smime_sign_as=""'
	found 'the only one of several' fault 'smime_default_key is default, which names [0-9]+ keys'
	broken 'set smime_default_key="" smime_sign_as=""'
	found 'no key' fault "smime_default_key is empty.* -> smime setup $area --apply -k KEY"
	broken 'set smime_sign_as="" smime_default_key="old@example.org"'
	found 'an expired key' fault 'can.t sign: .*expired'
	broken 'set smime_sign_as="0123abcd.0"'
	found 'a key that is not there' warning 'names no key that is there now'
	broken 'set smime_sign_as="twin@example.org"'
	found 'two keys' fault 'smime_sign_as is twin@example.org, which names 2 keys'
	broken 'set smime_sign_as="bob@example.org" smime_default_key="nobody@example.org"'
	found 'the other key' good 'smime_sign_as names one key.*Bob'
	found 'and the default key that is not there' warning 'smime_default_key is nobody@example.org'
	broken 'set bogus_setting=1'
	found 'a wrong line' warning 'finds an error in its configuration: .*bogus_setting'
	broken 'set realname=`sleep 60`'
	soon 30000 found 'a command that waits' warning 'does not come to its end'
	cp "$T/good" "$rc"
	mv "$bin/smime-mutt" "$bin/gone"
	if command -v smime-mutt >/dev/null; then
		skip "$area: smime-mutt is not there" 'another one is in PATH'
	else
		found 'smime-mutt is not there' fault 'is to call smime-mutt, which is not there'
	fi
	mv "$bin/gone" "$bin/smime-mutt"
	rm -r "$rc" "$HOME/.smime"
done

# ---- A single key ----

agent_stop
rm -r "${T:?}/tokens"
demo_tokens && demo_token solo && fixture_person solo solo 01 EC:prime256v1 Solo digitalSignature,keyAgreement || bail 'no token'
agent_start
for area in mutt neomutt; do
	command -v $area >/dev/null || continue
	printf 'source "%s"\n' "$documents/$area.rc" >"$HOME/.${area}rc"
	run smime-mutt keys
	only_good 'the settings as they are installed'
	found 'the only key' good 'smime_default_key names one key that can sign, .*Solo'
	rm "$HOME/.${area}rc"
done

# ---- Nothing there ----

mkdir "$T/empty"
run env PATH="$T/empty" "$bin/smime" doctor
for program in git mutt neomutt; do
	prints "$program: a note" "note +$program +$program is not installed"
done
done_testing
