#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What git makes of signatures that are not good, or not from anybody who is trusted: one verdict each, and never the wrong one.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/git.sh"

fixture people
python3 -c 'import cryptography' 2>/dev/null || skip_all 'python3-cryptography is not installed'
git_setup alice@example.org
check 'a commit' 0 git_commit one
git cat-file commit HEAD >"$T/commit"
check 'it is signed in many ways' 0 python3 "$SOURCE/tests/lib/git-signatures.py" "$SOURCE/tests/conformance" "$T" "$T/commit"
configure "trust: [\"$T/rows-root.pem\"]"
agent_start

commit_of() { git hash-object -t commit -w "$T/$1.commit"; } # NAME
verdicts() { grep -cE '^\[GNUPG:\] (GOODSIG|BADSIG|ERRSIG|EXPSIG|EXPKEYSIG|REVKEYSIG) ' "$1"; }
# As GnuPG's doc/DETAILS has the lines, and as GPGME insists on them.
well_formed() {
	grep -vxE -e '\[GNUPG:\] NEWSIG' -e '\[GNUPG:\] (GOODSIG|BADSIG|EXPKEYSIG|REVKEYSIG) [0-9A-F]{40} [^ ].*' \
		-e '\[GNUPG:\] ERRSIG [0-9A-F]{40} [0-9]+ [0-9]+ 00 [0-9]+ [149] ([0-9A-F]{40}|-)' \
		-e '\[GNUPG:\] VALIDSIG [0-9A-F]{40} ([0-9]{4}-[0-9]{2}-[0-9]{2}|none) [0-9]+ [0-9]+ 0 0 [0-9]+ [0-9]+ 00' \
		-e '\[GNUPG:\] TRUST_(FULLY 0 shell|UNDEFINED|NEVER)' "$1"
}

judged() { # NAME LETTER CODE TRUST PATTERN
	local name=$1 letter=$2 commit
	run smime-git --status-fd=1 --verify "$T/$name.sig" - <"$T/commit"
	is "$name: the exit code" "$code" "$3"
	is "$name: one verdict" "$(verdicts "$T/out")" 1
	is "$name: well-formed status" "$(well_formed "$T/out")" ''
	is "$name: the trust" "$(sed -n 's/^\[GNUPG:\] TRUST_//p' "$T/out")" "$4"
	says "$name: in words" "$5"
	is "$name: in lines that begin as they should" "$(grep -vcE '^(gpgsm|smime-git): ' "$T/err")" 0
	[[ $letter = [GY] && $4 = FULLY* ]] || unlike "$name: nothing is called good" "$(cat "$T/err")" 'Good signature'
	commit=$(commit_of "$name")
	is "$name: what git calls it" "$(git_says '%G?' "$commit")" "$letter"
	run git verify-commit "$commit"
	if [ "$letter" = G ]; then is "$name: git verifies it" "$code" 0; else is "$name: git refuses it" "$code" 1; fi
}

while IFS='|' read -r name letter code trust pattern; do
	judged "$name" "$letter" "$code" "$trust" "$pattern"
done <<'END'
good|G|0|FULLY 0 shell|Good signature from "CN=Ann,O=Rows"
good-without-time|G|0|FULLY 0 shell|Signature made \[date not given\]
good-without-attributes|G|0|FULLY 0 shell|Good signature from
stranger|U|1|UNDEFINED|invalid certification chain: .*not trusted
stranger-ca|U|1|UNDEFINED|invalid certification chain: 
not-yet|U|1|UNDEFINED|invalid certification chain: .*not valid before
encrypts|U|1|NEVER|not usable for signing
web|U|1|NEVER|not usable for signing: .*other purposes
expired|Y|1|FULLY 0 shell|certificate has expired.*expired at 20.*Good signature from "CN=Old.*were valid at the time
expired-before|Y|1|UNDEFINED|certificate has expired.*does not say that it was made while
expired-too-early|Y|1|UNDEFINED|does not say that it was made while
expired-without-time|Y|1|UNDEFINED|does not say that it was made while
expired-ca|Y|1|FULLY 0 shell|above the signer's has expired.*Good signature.*were valid at the time
expired-ca-before|U|1|UNDEFINED|invalid certification chain: .*expired
expired-stranger|Y|1|UNDEFINED|does not say that it was made while
expired-web|Y|1|NEVER|other purposes
in-the-future|G|0|FULLY 0 shell|Good signature
flipped|B|1||invalid signature: 
other-content|B|1||invalid signature: the content is not what was signed
other-key|B|1||BAD signature from "CN=Ann
with-content|B|1||invalid signature: .*content of its own
with-other-content|B|1||invalid signature: 
no-certificate|E|1||certificate not found: 
other-content-no-certificate|B|1||invalid signature: 
sha1|E|1||Can't check the signature: .*too weak
unknown-digest|E|1||Can't check the signature: .*1\.2\.3\.4
two-signers|E|1||several signers
two-signers-one-bad|E|1||several signers
no-signer|E|1||Can't check the signature: 
nested|E|6||smime-git: the signature can't be checked: 
cut-off|E|6||smime-git: the signature can't be checked: 
empty|E|6||smime-git: the signature can't be checked: 
garbage|E|6||smime-git: the signature can't be checked: 
forged-name|G|0|FULLY 0 shell|Good signature from "CN=Ann
forged-stranger|U|1|UNDEFINED|invalid certification chain
no-name|G|0|FULLY 0 shell|Good signature from "ann@example.org"
plain-name|G|0|FULLY 0 shell|Good signature from "CN=Änn,O=Rows"
END
is 'a per cent sign in a name is escaped in the status' "$(git_says %GS "$(commit_of forged-name)" | grep -c '100%2525')" 1
is 'the trust of a stranger for git' "$(git_says '%GT %GS' "$(commit_of stranger)")" 'undefined CN=Ann,O=Rows'

# ---- With a list of what was revoked ----

printf '#!/bin/sh\nexec smime-git --crl "%s" "$@"\n' "$T/revoked.crl" >"$T/strict"
printf '#!/bin/sh\nexec smime-git --crl "%s" "$@"\n' "$T/not-revoked.crl" >"$T/lenient"
chmod 700 "$T/strict" "$T/lenient"
good=$(commit_of good)
check 'a certificate that was revoked' 1 git -c gpg.x509.program="$T/strict" verify-commit --raw "$good"
says 'has its own verdict' 'REVKEYSIG [0-9A-F]{40} CN=Ann'
check 'and' 1 git -c gpg.x509.program="$T/strict" verify-commit "$good"
says 'words' 'certificate has been revoked: '
is 'and letter' "$(git -c gpg.x509.program="$T/strict" log -1 --format='%G?' "$good")" R
check 'somebody else was revoked' 0 git -c gpg.x509.program="$T/lenient" verify-commit "$good"
run smime-git --crl "$T/revoked.crl" --status-fd=1 --verify "$T/good.sig" - <"$T/commit"
is 'its status is well-formed' "$(well_formed "$T/out")" ''
told 'a list that is none' 6 'commit' smime-git --status-fd=1 --crl "$T/commit" --verify "$T/good.sig" "$T/commit"
prints 'is no verdict on the signature' 'ERRSIG' 

# ---- What git does with strangers ----

for level in undefined never marginal fully; do
	check "a stranger does not verify with gpg.minTrustLevel $level" 1 git -c gpg.minTrustLevel=$level verify-commit "$(commit_of stranger)"
done
git branch stranger "$(commit_of stranger)"
git checkout -q --orphan other && git_commit two
check 'a branch of a stranger is not merged' 128 git merge --verify-signatures --allow-unrelated-histories --no-edit stranger
says 'and git says why' 'untrusted GPG signature, allegedly by CN=Ann'

# ---- A push by a stranger: hooks see the letter alone ----

git init -q --bare "$T/remote.git"
git -C "$T/remote.git" config receive.certNonceSeed secret
printf '#!/bin/sh\necho "status $GIT_PUSH_CERT_STATUS by $GIT_PUSH_CERT_SIGNER."\n' >"$T/remote.git/hooks/pre-receive"
cat >"$T/as-stranger" <<END
#!/bin/sh
case "\$*" in
*--verify*) exec smime-git "\$@" ;;
esac
openssl cms -sign -binary -signer "$T/stranger.pem" -inkey "$T/stranger.key" -outform PEM | sed 's/CMS/SIGNED MESSAGE/'
printf '\n[GNUPG:] SIG_CREATED D 19 8 00 1 0\n' >&2
END
chmod 700 "$T/remote.git/hooks/pre-receive" "$T/as-stranger"
check 'a stranger pushes' 0 git -c gpg.x509.program="$T/as-stranger" push --signed "$T/remote.git" other
says 'and is not called good' 'status E by'
unlike 'by no hook' "$(cat "$T/err")" 'status [GU]'
cd /
done_testing
