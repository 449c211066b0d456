#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# smime-git signs with the key that git names, in every way in which it or its user may name it, or says in one line why not.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/git.sh"

fixture people odd
agent_start
git_setup alice@example.org
printf 'tree 0\n\nthe text\n' >"$T/content"

sign() { smime-git "$@" <"$T/content"; }
created() { sed -n 's/^\[GNUPG:\] SIG_CREATED //p' "$T/err"; }

# ---- Names of a key ----

alice=$(sha1_of alice)
colons=$(sed 's/../&:/g; s/:$//' <<<"$alice")
sha256=$(openssl x509 -in "$T/alice.pem" -noout -fingerprint -sha256 | sed 's/.*=//')
spki=$(openssl pkey -pubin -in "$T/alice.pub" -outform DER | sha256sum | cut -d' ' -f1)

while IFS= read -r name; do
	check "a key is named: $name" 0 sign --status-fd=2 -bsau "$name"
	like 'it is what signs' "$(created)" "^D 1 8 00 [0-9]{10} $alice\$"
	like 'the status begins with another line' "$(head -n 1 "$T/err")" '^\[GNUPG:\] BEGIN_SIGNING$'
done <<END
alice@example.org
ALICE@Example.ORG
<alice@example.org>
Alice <alice@example.org>
A. Committer <alice@example.org>
 Alice   < alice@example.org > 
"Committer, A." <alice@example.org>
Alice (of "Example <alice@example.org>
bob@example.org <alice@example.org>
"Bob <bob@example.org>" <alice@example.org>
Alicé <alice@example.org>
$alice
${alice,,}
0x$alice
0X${alice,,}!
$alice!
$colons
${colons//:/ }
$sha256
${sha256//:/}
$spki
${spki:0:12}
${alice:0:20}
${alice:24}
0x${alice:24}
0x${alice:32}!
${alice,,}
pkcs11:token=demo;object=alice
pkcs11:token=demo;id=%01;type=private
END
check 'another key is named' 0 sign --status-fd=2 -bsau 'Bob <bob@example.org>'
is 'and signs' "$(created | cut -d' ' -f2,3,6)" "19 8 $(sha1_of bob)"
while IFS= read -r name; do
	git config user.signingKey "$name"
	check "git signs with user.signingKey $name" 0 git commit -q -S --allow-empty -m 'a commit'
	is 'as whom it says' "$(git_says '%G? %GF')" "G $(sha1_of bob)"
done <<END
bob@example.org
$(sha1_of bob)
pkcs11:object=bob
END
git config --unset user.signingKey

# ---- Spellings ----

while read -r options; do
	check "in the spelling: $options" 0 sign $options
	like 'it signs' "$(head -n 1 "$T/out")" '^-----BEGIN SIGNED MESSAGE-----$'
	like 'and says so' "$(created)" "^D 1 8 00 [0-9]+ $alice\$"
done <<END
--status-fd=2 -bsau $alice
--status-fd 2 -bsau $alice
--status-fd=2 -bsa -u $alice
--status-fd=2 -b -s -a -u$alice
--status-fd=2 --detach-sign --sign --armor --local-user $alice
--detach-sign --armor --local-user=$alice --status-fd=2 -
--keyid-format=long --status-fd=2 -sbau $alice
END
check 'without a descriptor for the status' 0 sign -bsau "$alice"
is 'nothing is said' "$(cat "$T/err")" ''
check 'with one of its own' 0 sign --status-fd=7 -bsau "$alice" 7>"$T/status"
like 'it is there' "$(cat "$T/status")" 'SIG_CREATED D'
is 'and not elsewhere' "$(cat "$T/err")" ''
cp "$T/out" "$T/signature"
while read -r options; do
	check "verified in the spelling: $options" 0 sign $options "$T/signature" -
	prints 'it is good' $'NEWSIG\n\\[GNUPG:\\] GOODSIG '
done <<'END'
--status-fd=1 --verify
--status-fd 1 --verify
--keyid-format=long --status-fd=1 --verify
END
check 'what was signed may be a file' 0 smime-git --status-fd=1 --verify "$T/signature" "$T/content"
check 'OpenSSL reads the signature' 0 openssl cms -verify -inform PEM -in <(sed 's/SIGNED MESSAGE/CMS/' "$T/signature") -binary -content "$T/content" -CAfile "$T/ca/root.pem" -purpose any
check 'the version' 0 smime-git --version
prints 'is told' '^smime-git [0-9.]+'
check 'the help' 0 smime-git --help
prints 'is too' '^usage: smime-git '
wrong() { # DESCRIPTION ARGUMENT...
	told "$1" 2 'smime-git: .*--help' sign "${@:2}"
	is 'nothing else is said' "$(cat "$T/out")" ''
}
wrong 'nothing to do'
wrong 'an unknown option' --frobnicate -bsau x
wrong 'another one' -bsaxu x
wrong 'two things to do' -bsau x --verify a -
wrong 'a signature that is not detached' -sau "$alice"
wrong 'a signature that is not armored' -bsu "$alice"
wrong 'no key' -bsa
wrong 'no value' -bsau
wrong 'a file to sign' -bsau "$alice" "$T/content"
wrong 'a descriptor that is none' --status-fd=x -bsau "$alice"
wrong 'a descriptor that is not open' --status-fd=77 -bsau "$alice"
wrong 'nothing to verify' --verify
wrong 'one file alone' --verify "$T/signature"
wrong 'a signature from standard input' --verify - "$T/content"
told 'a signature that is not there' 7 'smime-git: .*nowhere' sign --status-fd=1 --verify "$T/nowhere" -

# ---- What signs nothing ----

refused() { # DESCRIPTION CODE PATTERN KEY
	told "$1" "$2" "$3" sign --status-fd=2 -bsau "$4"
	is 'and nothing is written' "$(cat "$T/out")" ''
}
refused 'an unknown address' 4 'nobody@example.org' nobody@example.org
refused 'an unknown person' 4 'nobody@example.org' 'Alice <nobody@example.org>'
refused 'an unknown fingerprint' 4 'no key 00112233445566778899AABBCCDDEEFF00112233' 00112233445566778899AABBCCDDEEFF00112233
refused 'an unknown key ID' 4 'no key 0011223344556677' 0x0011223344556677
refused 'a name alone' 4 'Alice names no key' Alice
refused 'an empty key' 4 'user.signingKey|user.signingkey' ''
refused 'a blank one' 4 'names no key' ' '
refused 'a person without an address' 4 'names no key' 'Alice <>'
refused 'a URI of another token' 4 'pkcs11:token=none' 'pkcs11:token=none'
refused 'a URI that is none' 2 'pkcs11:frob=1' 'pkcs11:frob=1'
refused 'two keys for one address' 4 '2 keys can sign for twin@example.org' 'Twin <twin@example.org>'
refused 'an expired certificate' 4 'expired' old@example.org
refused 'a certificate for something else' 4 'web@example.org' web@example.org
refused 'a key without a certificate' 4 'bare|no certificate' 'pkcs11:object=bare'
refused 'a key ID with a line end' 4 'names no key' $'alice\n[GNUPG:] SIG_CREATED D 1 8 00 1 x'

# git 2.39 keeps to itself what the program says, newer ones show it.
printf '#!/bin/sh\nsmime-git "$@" 2>"%s"\ncode=$?\ncat "%s" >&2\nexit $code\n' "$T/said" "$T/said" >"$T/program"
chmod 700 "$T/program"
git config gpg.x509.program "$T/program"
not_committed() { # DESCRIPTION PATTERN [OPTION...]
	local before
	before=$(git rev-parse HEAD)
	check "$1: git commits nothing" 128 git "${@:3}" commit -q -S --allow-empty -m 'a commit'
	like 'it is told why' "$(cat "$T/said")" "$2"
	is 'in one line' "$(wc -l <"$T/said")" 1
	is 'there is no commit' "$(git rev-parse HEAD)" "$before"
}
not_committed 'an unknown key' '^smime-git: the agent has no key nobody@example.org' -c user.signingKey=nobody@example.org
not_committed 'an empty key' 'the name of the key to sign with is empty' -c user.signingKey=
not_committed 'a committer whom nobody knows' 'nobody@example.org' -c user.email=nobody@example.org

# ---- PIN and agent ----

smime lock
answers cancel
not_committed 'a PIN prompt that is closed' 'smime-git: .*cancel'
is 'it was one prompt' "$(prompts)" 1
answers 'pin 999999'
not_committed 'a wrong PIN' 'smime-git: .*PIN'
is 'it was one try' "$(prompts)" 1
answers "pin $DEMO_PIN"
check 'the right one signs' 0 git commit -q -S --allow-empty -m 'a commit'
full() { smime-git --status-fd=2 -bsau "$alice" <"$T/content" >/dev/full; }
check 'an output that is full' 7 full
fails 'is no success' grep SIG_CREATED "$T/err"
unread() { smime-git --status-fd=2 -bsau "$alice" <&-; }
check 'no standard input' 7 unread
fails 'is no success' grep SIG_CREATED "$T/err"
agent_stop
not_committed 'no agent' 'smime-git: .*agent'
told 'no agent: for a key ID' 3 'agent' sign --status-fd=2 -bsau "${alice:24}"
check 'a signature of somebody whom only the agent would trust is not good' 3 sign --status-fd=1 --verify "$T/signature" -
says 'since there is no agent' 'no agent was there'
prints 'which is no verdict on the signature itself' 'TRUST_UNDEFINED'
check 'with a file of trust no agent is needed' 0 sign --status-fd=1 --trust "$T/ca/root.pem" --verify "$T/signature" -
prints 'for a good one' 'TRUST_FULLY'
cd /
done_testing
