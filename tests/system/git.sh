#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# git with smime-git, as people use it: commits, tags, pushes, rebase, log, merge.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/git.sh"

fixture people kinds
agent_start
git_setup alice@example.org
alice=$(sha1_of alice)

# ---- Commits ----

check 'a commit is signed by the committer of this address, without any key configured' 0 git_commit one -S
is 'with one prompt' "$(prompts)" 1
check 'and verifies' 0 git verify-commit HEAD
says 'with the words that users of gpgsm know' 'gpgsm: Good signature from "CN=Alice,O=Demonstration"'
says 'and the time' 'gpgsm: Signature made 20[0-9-]+ [0-9:]+ UTC'
says 'and the kind of key and its fingerprint' "gpgsm: +using rsa2048 key $alice"
says 'and the address' 'gpgsm: +aka "alice@example.org"'
says 'and the issuer' 'gpgsm: +issued by "CN=Demonstration Issuing CA,O=Demonstration"'
unlike 'and nothing more' "$(cat "$T/err")" 'Note'
is 'git calls it good' "$(git_says %G?)" G
is 'and knows the signer' "$(git_says %GS)" 'CN=Alice,O=Demonstration'
is 'the key' "$(git_says %GK)" "$alice"
is 'the fingerprint' "$(git_says %GF)" "$alice"
is 'no primary key' "$(git_says %GP)" ''
is 'and the trust' "$(git_says %GT)" fully
like 'the commit holds a signature of X.509' "$(git cat-file commit HEAD)" 'gpgsig -----BEGIN SIGNED MESSAGE-----'
check 'raw status' 0 git verify-commit --raw HEAD
says 'begins with another line than the verdict' '\[GNUPG:\] NEWSIG'
says 'has every field of VALIDSIG' "\[GNUPG:\] VALIDSIG $alice 20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]+ [0-9]+ 0 0 1 8 00"
says 'and the trust of gpgsm' '\[GNUPG:\] TRUST_FULLY 0 shell'
is 'and one verdict' "$(grep -cE '^\[GNUPG:\] (GOODSIG|BADSIG|ERRSIG|EXPSIG|EXPKEYSIG|REVKEYSIG) ' "$T/err")" 1
git config commit.gpgSign true
check 'commit.gpgSign signs every commit' 0 git_commit two
check 'git log shows the signature' 0 git log --graph --show-signature -1
prints 'with the line that tests of git look for' $'\n\\| gpgsm: Signature made '
prints 'both of them' $'\n\\| gpgsm: Good signature from '
check 'an amended one' 0 git commit -q --amend -m 'two again'
is 'is good' "$(git_says %G?)" G
check 'an empty message' 0 git commit -q --allow-empty --allow-empty-message -m ''
is 'is signed as well' "$(git_says %G?)" G
check 'a large message' 0 git commit -q --allow-empty -F <(seq 200000)
is 'too' "$(git_says %G?)" G
check 'a message with CR, NUL-free octets and no line end' 0 git -c i18n.commitEncoding=ISO-8859-1 -c core.commentChar=% commit -q --allow-empty --cleanup=verbatim -F <(printf 'a\r\nb\xe4\t \r')
is 'too' "$(git_says %G?)" G

# ---- Every kind of key ----

while read -r who algorithm digest; do
	git config user.email "$who@example.org"
	check "$who signs a commit" 0 git_commit "by-$who"
	is "git calls it good: $who" "$(git_says '%G? %GF')" "G $(sha1_of "$who")"
	git verify-commit --raw HEAD 2>"$T/err"
	says "with the numbers of its algorithms: $who" "VALIDSIG .* 0 0 $algorithm $digest 00"
done <<'END'
bob    19 8
edward 22 10
pss    1 8
pss384 1 9
END
git config user.email alice@example.org

# ---- Tags ----

check 'a tag is signed' 0 git tag -s -m 'first release' v1
check 'and verifies' 0 git verify-tag v1
says 'and says so' 'gpgsm: Good signature'
check 'git tag -v too' 0 git tag -v v1
like 'and formats it' "$(git for-each-ref --format='%(contents:signature)' refs/tags/v1)" 'BEGIN SIGNED MESSAGE'
check 'a tag by somebody else' 0 git tag -u bob@example.org -m 'second release' v2
check 'verifies' 0 git verify-tag v2
says 'as his' 'Good signature from "CN=Bob'
says 'with a note, since somebody else is the tagger' 'Note: it is signed for <alice@example.org>, whom the certificate does not name'
git cat-file tag v1 | sed 's/first release/forged release/' >"$T/forged"
git update-ref refs/tags/forged-tag "$(git hash-object -t tag -w "$T/forged")"
check 'a forged tag does not verify' 1 git verify-tag forged-tag
says 'as git expects to hear it' 'gpgsm: invalid signature'

# ---- Tampering ----

git update-ref refs/heads/forged "$(git_forge HEAD 's/^author [^<]*/author Mallory /')"
check 'a changed commit does not verify' 1 git verify-commit forged
says 'is told' 'gpgsm: BAD signature from "CN='
is 'and is bad for git' "$(git_says %G? forged)" B
git update-ref refs/heads/forged "$(git_forge HEAD 's/^the commit.*$/&\r/')"
is 'nor does one with other line ends' "$(git_says %G? forged)" B
git cat-file commit HEAD | python3 -c 'import sys; t = sys.stdin.read(); i = t.index("END SIGNED") - 100; sys.stdout.write(t[:i] + ("A" if t[i] != "A" else "B") + t[i+1:])' >"$T/forged"
git update-ref refs/heads/forged "$(git hash-object -t commit -w "$T/forged")"
check 'nor one with a damaged signature' 1 git verify-commit forged
like 'which is not good either' "$(git_says %G? forged)" '^[BE]$'
git update-ref refs/heads/forged "$(git_forge HEAD '/^gpgsig/,/END SIGNED/{/^gpgsig/!{/END SIGNED/!d}}')"
check 'nor one with an empty signature' 1 git verify-commit forged
is 'which git calls one that can not be checked' "$(git_says %G? forged)" E
check 'a commit without a signature' 1 git verify-commit "$(git_forge HEAD '/^gpgsig/,/END SIGNED/d')"
git update-ref -d refs/heads/forged

# ---- The level of trust ----

for level in undefined never marginal fully; do check "gpg.minTrustLevel $level is reached" 0 git -c gpg.minTrustLevel=$level verify-commit HEAD; done
check 'ultimate is not: there is no such trust in certificates' 1 git -c gpg.minTrustLevel=ultimate verify-commit HEAD

# ---- Merging ----

git branch side HEAD~1
git checkout -q side
check 'a commit on a branch' 0 git_commit side
git checkout -q main
check 'a signed branch is merged' 0 git merge -q --verify-signatures --no-edit side
is 'by a signed merge' "$(git_says '%G? %P' | wc -w)" 3
git checkout -q -b unsigned HEAD~1
check 'an unsigned commit' 0 git_commit unsigned --no-gpg-sign
git checkout -q main
check 'is not merged' 128 git merge -q --verify-signatures --no-edit unsigned
check 'a signed tag is merged' 0 git merge -q --no-ff --no-edit "$(git tag -s -m 'a merged tag' merged unsigned && echo merged)"
check 'and shown with the log' 0 git log --graph --show-signature -1
prints 'the merge and the tag' $'merged tag .merged.\n.*\\| \\| gpgsm: Signature made'

# ---- Rebase: forty commits, one PIN ----

git checkout -q -b long main
for i in {1..40}; do git commit -q --allow-empty --no-gpg-sign -m "step $i"; done
check 'the tokens are locked' 0 smime lock
: >"$T/pinentry.d/log"
check 'forty commits are rebased' 0 git rebase -q --force-rebase --gpg-sign --keep-empty main
is 'with one prompt' "$(prompts)" 1
is 'and all of them are good' "$(git log --format=%G? main..long | sort | uniq -c | tr -s ' ')" ' 40 G'

# ---- Signed pushes ----

git init -q --bare "$T/remote.git"
git -C "$T/remote.git" config receive.certNonceSeed secret
cat >"$T/remote.git/hooks/pre-receive" <<'END'
#!/bin/sh
echo "status $GIT_PUSH_CERT_STATUS of $GIT_PUSH_CERT_SIGNER key $GIT_PUSH_CERT_KEY nonce $GIT_PUSH_CERT_NONCE_STATUS"
END
chmod 700 "$T/remote.git/hooks/pre-receive"
check 'a push is signed' 0 git push --signed "$T/remote.git" main
says 'and the hook sees by whom' "status G of CN=Alice,O=Demonstration key $alice nonce OK"
check 'a push by somebody else' 0 git -c user.signingKey=bob@example.org push --signed "$T/remote.git" main:other
says 'too' "status G of CN=Bob,O=Demonstration key $(sha1_of bob) nonce OK"
check 'an archive of objects is sound' 0 git fsck --no-dangling
cd /
done_testing
