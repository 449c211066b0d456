#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# git with gpgsm on one side and smime-git on the other: each verifies what the other signed, and git sees the same.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
. "$SOURCE/tests/lib/git.sh"

fixture people wide odd kinds
gpgsm_start "$T"/{alice,bob,rsa3072,p384,old,stranger}.pem
agent_start
git_setup alice@example.org

with_gpgsm() { git -c gpg.x509.program=gpgsm "$@"; }
says_gpgsm() { with_gpgsm log -1 --format="$1" "${2:-HEAD}"; } # FORMAT [REVISION]
fields() { sed -n "s/^\[GNUPG:\] $1 //p" "$T/err"; } # WORD: of the last command's status

# ---- We sign, gpgsm verifies ----

while read -r who; do
	check "a commit of $who" 0 git -c user.signingKey="$who@example.org" commit -q -S --allow-empty -m 'a commit'
	check "gpgsm verifies it: $who" 0 with_gpgsm verify-commit HEAD
	says 'as good' 'gpgsm: Good signature from'
	check 'with its status' 0 with_gpgsm verify-commit --raw HEAD
	theirs=$(fields VALIDSIG) gpgsm_trust=$(fields 'TRUST_FULLY')
	check 'and we' 0 git verify-commit --raw HEAD
	ours=$(fields VALIDSIG)
	is "with as many fields: $who" "$(wc -w <<<"$ours")" "$(wc -w <<<"$theirs")"
	is 'the same fingerprint, day and digest' "$(cut -d' ' -f1,2,8,9 <<<"$ours")" "$(cut -d' ' -f1,2,8,9 <<<"$theirs")"
	is 'the same trust' "$(fields TRUST_FULLY)" "$gpgsm_trust"
	is 'so that git sees the same' "$(git_says '%G? %GK %GF %GP %GT')" "$(says_gpgsm '%G? %GK %GF %GP %GT')"
done <<'END'
alice
bob
rsa3072
p384
END
check 'a tag' 0 git tag -s -m 'a tag' ours
check 'gpgsm verifies it' 0 with_gpgsm verify-tag ours
git update-ref refs/heads/forged "$(git_forge HEAD 's/^author [^<]*/author Mallory /')"
check 'gpgsm does not verify a forged one' 1 with_gpgsm verify-commit forged
is 'and git says the same with both' "$(git_says '%G? %GK' forged)" "$(says_gpgsm '%G? %GK' forged)"

# ---- gpgsm signs, we verify ----

git config user.signingKey peer-rsa@example.org
check 'gpgsm signs a commit' 0 with_gpgsm commit -q -S --allow-empty -m 'a commit of gpgsm'
check 'we verify it' 0 git verify-commit HEAD
says 'as good' 'gpgsm: Good signature from "CN=peer-rsa'
is 'and git says the same with both' "$(git_says '%G? %GK %GF %GP %GT')" "$(says_gpgsm '%G? %GK %GF %GP %GT')"
check 'gpgsm signs a tag' 0 with_gpgsm tag -s -m 'a tag of gpgsm' theirs
check 'we verify it' 0 git verify-tag theirs
git update-ref refs/heads/forged "$(git_forge HEAD 's/of gpgsm/of Mallory/')"
check 'but not when it is forged' 1 git verify-commit forged
is 'which is bad' "$(git_says %G? forged)" B

git config --unset user.signingKey

# ---- Neither trusts a stranger, nor what has expired ----

signed_by() { # NAME: the commit HEAD with a signature by OpenSSL
	{
		git cat-file commit HEAD | sed '/^gpgsig/,/END SIGNED/d' >"$T/payload"
		sed '/^$/,$d' "$T/payload"
		openssl cms -sign -binary -signer "$T/$1.pem" -inkey "$T/$1.key" -certfile "$T/ca/issuing.pem" -outform PEM -in "$T/payload" |
			sed '/^-----/s/CMS/SIGNED MESSAGE/; 1s/^/gpgsig /; 2,$s/^/ /'
		sed -n '/^$/,$p' "$T/payload"
	} | git hash-object -t commit -w --stdin
}
cp "$FIXTURE/odd/old.key" "$T/"
for who in stranger old; do
	commit=$(signed_by "$who")
	check "a commit by $who is refused" 1 git verify-commit "$commit"
	check 'by gpgsm as well' 1 with_gpgsm verify-commit "$commit"
	is "and git says the same with both: $who" "$(git_says '%G? %GK' "$commit")" "$(says_gpgsm '%G? %GK' "$commit")"
done
is 'the stranger has no trust' "$(git_says '%G? %GT' "$(signed_by stranger)")" 'U undefined'

# ---- Keys as gpgsm's users name them ----

id=$(gpgsm --list-keys --with-colons alice@example.org | awk -F: '$1 == "fpr" { print $10; exit }')
check 'the fingerprint that gpgsm lists' 0 git -c user.signingKey="$id" commit -q -S --allow-empty -m 'a commit'
is 'names the same key' "$(says_gpgsm '%G? %GF')" "G $id"
short=$(gpgsm --list-keys alice@example.org | sed -n 's/^ *ID: //p' | head -n 1)
check "the ID that gpgsm lists ($short)" 0 git -c user.signingKey="$short" commit -q -S --allow-empty -m 'a commit'
is 'does as well' "$(says_gpgsm '%G? %GF')" "G $id"
cd /
done_testing
