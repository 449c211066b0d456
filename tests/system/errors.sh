#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What goes wrong is told in one clear line with the exit code of the contract, and leaves no output behind.
. "$(dirname "$0")/../lib/lib.sh"

fixture people
mail alice@example.org bob@example.org >"$T/mail"
never=$T/output/never
mkdir "$T/output"

fault() { # as told, and no output is left
	told "$@"
	is "$1: no output is left" "$(ls -A "$T/output")" ''
}
flip() { # FILE OFFSET: one bit
	python3 -c 'import sys; d = bytearray(open(sys.argv[1], "rb").read()); d[int(sys.argv[2])] ^= 1; open(sys.argv[1], "wb").write(d)' "$@"
}

# No agent.
fault 'no agent' 3 'no agent|nothing answers' smime sign -i "$T/mail" -o "$never"
fault 'no agent and no directory for its socket' 3 "$T/nowhere/socket" smime status --socket "$T/nowhere/socket"

# No token.
export SOFTHSM2_CONF=$T/empty.conf
mkdir "$T/no-tokens"
printf 'directories.tokendir = %s\n' "$T/no-tokens" >"$SOFTHSM2_CONF"
agent_start
fault 'no token' 4 'no token' smime sign -i "$T/mail" -o "$never"
fault 'no token to decrypt with' 4 'insert the token' smime decrypt --cms -o "$never" \
	-i <(openssl cms -encrypt -aes256 -outform DER -in "$T/mail" "$T/alice.pem")
fault 'no token to unlock' 4 'no token' smime unlock
agent_stop
configure 'modules: [{path: /nonexistent/module.so}]'
agent_start
fault 'a module that is not there' 4 'no token' smime sign -i "$T/mail" -o "$never"
check 'status' 0 smime status
prints 'names it and why' 'module +/nonexistent/module\.so.*[Nn]o such file|/nonexistent/module\.so.*(can.t|cannot)'
agent_stop

# Locked: a PIN is wanted and nobody gives it, or a wrong one.
export SOFTHSM2_CONF=$T/softhsm2.conf
configure
answers cancel
agent_start
fault 'locked, and the prompt is closed' 4 'demo.*(cancel|closed)|(cancel|closed).*demo' smime sign -i "$T/mail" -o "$never"
answers 'pin 000000'
fault 'a wrong PIN' 4 'wrong PIN.*demo|demo.*PIN.*wrong' smime sign -i "$T/mail" -o "$never"
answers 'pin 1'
fault 'a PIN that is too short for the token' 4 'PIN.*(at least|short|characters)' smime sign -i "$T/mail" -o "$never"
answers "pin $DEMO_PIN"
check 'then the right one' 0 smime unlock

# Trust.
smime sign -i "$T/mail" -o "$T/signed"
smime encrypt --sign -r bob@example.org -i "$T/mail" -o "$T/encrypted"
agent_stop
configure 'trust: []'
agent_start
check 'a signature whose CA nobody trusts' 1 smime verify -o "$never" "$T/signed"
like 'is called so' "$(head -n 1 "$T/err")" 'not trusted'
like 'with the CA in its line' "$(grep chain "$T/err")" 'CN=Demonstration'
check 'another CA does not help' 1 smime verify --trust "$T/stranger.pem" -o "$never" "$T/signed"
check 'the right one does' 0 smime verify --trust "$T/ca/root.pem" "$T/signed"
fault 'a file of trust that is not there' 7 'nosuch.pem' smime verify --trust "$T/nosuch.pem" "$T/signed"
fault 'a file of trust that holds none' 6 'mail' smime verify --trust "$T/mail" "$T/signed"
check 'a decrypted mail whose signer nobody trusts is decrypted' 0 smime decrypt -o "$T/plain" "$T/encrypted"
says 'and it is said' 'not good|NOT good|not trusted'
check 'unless a signature is required' 1 smime decrypt --require-signature -o "$never" "$T/encrypted"
like 'which is said first' "$(head -n 1 "$T/err")" 'no good signature'
agent_stop
is 'nothing is left' "$(ls -A "$T/output")" ''
configure
agent_start

# Keys.
fault 'a URI with a PIN' 2 'the URI has a query' smime sign -k 'pkcs11:token=demo?pin-value=4711' -i "$T/mail" -o "$never"
unlike 'the PIN is not repeated' "$(cat "$T/err")" 4711
check 'a key for another address than that of the mail' 0 smime sign --json -k bob@example.org -i "$T/mail" -o "$T/others"
says 'signs with a warning' 'is from alice@example.org and the certificate is for bob@example.org: .*not trust'
like 'which programs get as well' "$(json "$T/out" "d['warnings']")" 'for bob@example.org'
check 'for it is not trusted' 1 smime verify "$T/others"
check 'the same by its fingerprint' 0 smime sign -k "$(smime keys | sed -n 's/\(.\{16\}\).*  bob$/\1/p')" -i "$T/mail" -o "$T/others"
says 'has the warning, too' 'for bob@example.org: .*not trust'
check 'a key by the address of the mail, with a name' 0 smime sign -k 'Alice <ALICE@example.org>' -i "$T/mail" -o "$T/others"
is 'needs no word' "$(cat "$T/err")" ''
fault 'two addresses for one key' 4 'not one address' smime sign -k 'alice@example.org, bob@example.org' -i "$T/mail" -o "$never"

# Recipients.
fault 'an unknown recipient' 4 'nobody@example.org' smime encrypt -r nobody@example.org -i "$T/mail" -o "$never"
mkdir -p "$HOME/.config/smime-agent"
printf 'no folder' >"$HOME/.config/smime-agent/certificates"
fault 'a folder of certificates that is none' 7 'certificates/.*[Nn]ot a directory' smime encrypt -r nobody@example.org -i "$T/mail" -o "$never"
rm "$HOME/.config/smime-agent/certificates"
fault 'two recipients in one' 4 'not one address' smime encrypt -r bob@example.org,alice@example.org -i "$T/mail" -o "$never"
check 'a recipient with a name' 0 smime encrypt -r 'Bob <bob@example.org>' -i "$T/mail" -o "$T/named"
fault 'an unknown one with a name' 4 'no certificate for nobody@example.org:' smime encrypt -r 'Nobody <nobody@example.org>' -i "$T/mail" -o "$never"
check 'a mail without From' 0 smime encrypt -r bob@example.org -i <(mail '' bob@example.org | sed 1d) -o "$T/named"
says 'has no copy for a sender, and it is said why' 'no From address.*not be able to read'
fault 'an unknown one, with the configuration elsewhere' 4 "put one into $T/elsewhere/smime-agent/certificates/, or" \
	env XDG_CONFIG_HOME="$T/elsewhere" smime encrypt -r nobody@example.org -i "$T/mail" -o "$never"
fault 'one unknown recipient among others' 4 'nobody@example.org' smime encrypt -r bob@example.org -r nobody@example.org -i "$T/mail" -o "$never"
fault 'a recipient that is no certificate' 6 "$T/mail" smime encrypt -r "$T/mail" -i "$T/mail" -o "$never"
cp "$T/peer-rsa.pem" "$T/nobody@example.org"
fault 'a file with the name of an address' 4 'no certificate for nobody@example.org' sh -c 'cd "$1" && shift && exec "$@"' - "$T" smime encrypt -r nobody@example.org -i "$T/mail" -o "$never"
fault 'not a recipient' 1 'recipient' smime decrypt -o "$never" --cms \
	-i <(openssl cms -encrypt -aes256 -outform DER -in "$T/mail" "$T/peer-rsa.pem")

# What could have been said is told by whoever has an option for it, and by nobody else.
hint() { like "$1: with the option for it" "$(cat "$T/err")" "[(]$2[)]\$"; } # DESCRIPTION OPTION: of the last command
fault 'a signer whom nobody vouches for' 1 'in the message or trusted' smime verify -q --cms -o "$never" \
	-i <(openssl cms -sign -nodetach -binary -in "$T/mail" -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -outform DER)
hint 'a signer whom nobody vouches for' '--trust FILE'
check 'a key for nobody in particular' 4 smime sign -i <(mail '' bob@example.org) -o "$never"
hint 'a key for nobody in particular' '-k KEY'
unlike 'to git it is told without' "$(cd "$T" && smime-git --status-fd 2 -bsau nobody@example.org <"$T/mail" 2>&1)" '(-k|--[a-z]+) '
check 'no certificate of the recipient' 4 smime encrypt -r nobody@example.org -i "$T/mail" -o "$never"
hint 'no certificate of the recipient' '-r FILE'
check 'what is no mail, to sign' 6 smime sign -i <(printf 'just text\n') -o "$never"
hint 'what is no mail, to sign' '--cms is for what is none'
check 'a password that nobody has named' 1 smime decrypt --cms -o "$never" -i <(openssl cms -encrypt -pwri_password secret -aes256 -outform DER -in "$T/mail")
hint 'a password that nobody has named' '--password-file FILE'
check 'a signature without its content' 2 smime verify --cms -o "$never" \
	-i <(openssl cms -sign -binary -in "$T/mail" -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -outform DER)
hint 'a signature without its content' '--detached-content FILE'

# Content that is not what it should be.
fault 'no mail' 6 '--cms' smime sign -i <(printf 'just text\n') -o "$never"
fault 'a mail that begins with an empty line' 6 '--cms' smime sign -i <(echo && cat "$T/mail") -o "$never"
fault 'a mail of two From fields, to sign' 6 '2 From fields' smime sign -i <(echo 'From: bob@example.org' && cat "$T/mail") -o "$never"
check 'a mail of two authors without a Sender' 0 smime sign -i <(mail 'alice@example.org, bob@example.org' carol@example.org) -o "$T/two"
says 'is signed with a warning' 'several people.*no Sender'
for command in sign 'encrypt -r bob@example.org' verify decrypt; do fault "an empty input to $command" 6 'is empty; a mail' smime $command -i /dev/null -o "$never"; done
for command in verify decrypt; do fault "an empty input to $command as CMS" 6 'is empty; CMS' smime $command --cms -i /dev/null -o "$never"; done
{ echo 'From: alice@example.org' && seq -f 'X-%.0f: field' 3000 && printf '\nText\n'; } >"$T/fields"
for command in sign verify decrypt; do fault "a header of too many fields to $command" 6 '2000 fields' smime $command -i "$T/fields" -o "$never"; done
fault 'no CMS' 6 'CMS' smime decrypt --cms -i "$T/mail" -o "$never"
fault 'a mail that is not encrypted' 1 'not encrypted' smime decrypt -i "$T/mail" -o "$never"
fault 'a mail that is not signed' 1 'not signed' smime verify -i "$T/mail" -o "$never"
fault 'an encrypted mail to verify' 1 'smime decrypt' smime verify -i "$T/encrypted" -o "$never"
fault 'a signed mail to decrypt' 1 'smime verify' smime decrypt -i "$T/signed" -o "$never"
smime encrypt --cms -r bob@example.org -i "$T/mail" -o "$T/cbc"
smime encrypt --cms --cipher aes256-gcm -r bob@example.org -i "$T/mail" -o "$T/gcm"
smime sign --cms -k alice@example.org -i "$T/mail" -o "$T/opaque"
for form in cbc gcm opaque; do
	command=decrypt
	[ $form != opaque ] || command=verify
	codes=
	size=$(stat -c %s "$T/$form")
	for ((cut = 0; cut < size; cut += 1 + size / 40)); do
		head -c "$cut" "$T/$form" >"$T/short"
		run smime $command --cms -i "$T/short" -o "$never"
		[ "$code" = 6 ] && [ "$(grep -c ^smime "$T/err")" = 1 ] || codes="$codes $cut:$code"
	done
	is "$form cut short anywhere is malformed, in one line" "$codes" ''
	is "$form cut short leaves nothing" "$(ls -A "$T/output")" ''
done
cp "$T/gcm" "$T/changed"
flip "$T/changed" $(($(stat -c %s "$T/gcm") - 40))
fault 'one changed bit of what GCM protects' 1 'changed|decrypted' smime decrypt --cms -i "$T/changed" -o "$never"

# Usage.
usage() { # DESCRIPTION COMMAND...
	check "$1" 2 "${@:2}"
	like "$1: told in its first line" "$(head -n 1 "$T/err")" '^smime'
}
usage 'no command' smime
usage 'an unknown command' smime frobnicate
usage 'an unknown option' smime sign --frobnicate
usage 'an option without its value' smime sign -k
usage 'two inputs' smime sign -i "$T/mail" "$T/mail"
usage 'no recipient' smime encrypt -i "$T/mail"
usage 'an unknown cipher' smime encrypt -r bob@example.org --cipher rot13 -i "$T/mail"
usage 'a detached mail' smime sign --detached -i "$T/mail"
usage 'JSON and content on one stream' smime decrypt --json -i "$T/encrypted"
check 'JSON and content on one stream under another name' 2 sh -c 'smime decrypt --json -o /dev/stdout "$1" | cat; exit 2' - "$T/encrypted"
is 'nothing of the content is there' "$(grep -c 'this is the text' "$T/out")" 0
prints 'but what is wrong' 'error.*exit_code.: 2'
# What is printed as JSON is in the manual, under its name.
undocumented() { # COMMAND...: fields of what it prints
	"$@" 2>/dev/null | python3 -c '
import json, re, sys
page = open(sys.argv[1]).read().split("\n# JSON\n")[1].split("\n# ")[0].replace("\\", "")
known = set(re.findall(r"(?<![a-z_])_([a-z][a-z_]*[a-z])_(?![a-z_])", page)) | set(re.findall(r"\"([a-z_]+)\":", page))
def fields(value):
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from fields(inner)
    yield from value if isinstance(value, dict) else []
documents = [json.loads(text) for text in re.split(r"\n(?=\{)", sys.stdin.read().strip())]
print(*sorted(set(fields(documents)) - known))' "$SOURCE/docs/smime.1.scd"
}
smime sign --header-protection -i "$T/mail" -o "$T/protected"
for command in 'status -v' 'keys -v' doctor 'policy check' 'policy explain sign -k alice@example.org' 'policy explain fly' 'audit verify' lock unlock; do
	is "each field of smime $command --json is documented" "$(undocumented smime $command --json)" ''
done
for name in signed protected; do is "each field of what verify --json says of a $name mail is" "$(undocumented smime verify --json -i "$T/$name")" ''; done
is 'each field of what decrypt --json says is' "$(undocumented smime decrypt --json -i "$T/encrypted" -o "$T/plain")" ''
usage 'a time that is none' smime verify --at yesterday "$T/signed"
usage 'a day that is none' smime verify --at 2026-02-30 "$T/signed"
usage 'an address that is none' smime verify --from 'not an address' "$T/signed"
usage 'an input for a command that reads none' smime status -i "$T/mail"
usage 'an output without a name' smime sign -i "$T/mail" -o ''
for option in -k -i --digest --socket; do usage "an empty value of $option" smime sign "$option" '' -o "$never"; done
says 'an empty value is called so' 'the value of --socket is empty'
usage 'an empty argument' smime lock ''
says 'is called so' 'an argument is empty'
usage 'an option before the command' smime --json status
says 'is told to stand behind it' '--json: the command comes first, options behind it'
usage 'a value for an option that takes none' smime sign --pss=yes "$T/mail"
says 'is called so, too' '--pss=yes: this option takes no value'
check 'wrong usage, with --json' 2 smime verify --json --frobnicate
is 'is told as JSON' "$(json "$T/out" "d['command'], d['error']['exit_code']")" "('verify', 2)"
check 'status goes into a file' 0 smime status --json -o "$T/status"
is 'and nowhere else' "$(json "$T/status" "len(d['tokens'])"):$(wc -c <"$T/out")" 1:0
check 'a report that something is bad goes into its file, too' 1 smime audit verify -o "$T/report" "$T/mail"
like 'and is whole' "$(cat "$T/report")" 'fault.*1 fault in 0 records$'
check 'as JSON' 1 smime audit verify --json -o "$T/report" "$T/mail"
is 'it is there as well' "$(json "$T/report" "d['exit_code']"):$(wc -c <"$T/out")" 1:0
check 'a failure does not' 3 smime status --json -o "$never" --socket "$T/nowhere/socket"
is 'but is told as without a file' "$(json "$T/out" "d['error']['exit_code']"):$(ls -A "$T/output")" 3:
for command in status keys sign encrypt decrypt verify lock unlock; do
	check "$command --help" 0 smime $command --help
	prints "$command --help tells how" "usage: smime $command"
done
check 'smime --version' 0 smime --version
check 'smime help' 0 smime help

# Files.
fault 'an input that is not there' 7 nosuch smime sign -i "$T/nosuch" -o "$never"
fault 'a directory as input' 7 'directory' smime sign -i "$T" -o "$never"
fault 'an output in a directory that is not there' 7 'nowhere' smime sign -i "$T/mail" -o "$T/nowhere/out"
fault 'a directory as output' 7 "$T/output" smime sign -i "$T/mail" -o "$T/output"
fault 'a full disk' 7 '/dev/full|[Nn]o space' smime sign -i "$T/mail" -o /dev/full
fault 'a full disk for what is printed' 7 '/dev/full: [Nn]o space' smime status -o /dev/full
fault 'a full standard output' 7 '[Nn]o space' sh -c 'smime sign -i "$1" >/dev/full' - "$T/mail"
fault 'a limit on the size of files' 7 'large|limit' sh -c 'ulimit -f 1 && exec smime sign -i "$1" -o "$2"' - "$T/mail" "$never"
fault 'a closed standard output' 7 'output' sh -c 'smime sign -i "$1" >&-' - "$T/mail"
fault 'no place for a copy of a large input from a pipe' 7 'copy.*TMPDIR.*[Nn]o such file' \
	sh -c 'head -c 1000000 /dev/zero | TMPDIR=/nonexistent smime sign --cms -k alice@example.org -o "$1"' - "$never"
fault 'a closed standard input' 7 'input' sh -c 'smime sign -o "$1" <&-' - "$never"
cp "$T/mail" "$T/over"
check 'the output may replace the input' 0 smime sign -i "$T/over" -o "$T/over"
check 'and is whole' 0 smime verify "$T/over"
printf 'precious' >"$T/precious"
chmod 640 "$T/precious"
check 'a failure' 4 smime encrypt -r nobody@example.org -i "$T/mail" -o "$T/precious"
is 'leaves an older output as it was' "$(cat "$T/precious")" precious
check 'a success' 0 smime sign -i "$T/mail" -o "$T/precious"
is 'replaces it, with its mode' "$(stat -c %a "$T/precious")" 640
ln -s "$T/output/target" "$T/link"
check 'a symbolic link as output' 0 smime sign -i "$T/mail" -o "$T/link"
holds 'stays one' [ -L "$T/link" ]
check 'and leads to the signed mail' 0 smime verify "$T/output/target"
mkfifo "$T/pipe"
cat "$T/pipe" >"$T/piped" &
check 'a named pipe as output' 0 smime sign -i "$T/mail" -o "$T/pipe"
wait $!
check 'gets the signed mail' 0 smime verify "$T/piped"
like 'so does what /dev/stdout leads to' "$(smime sign -i "$T/mail" -o /dev/stdout | smime verify 2>&1 | head -n 1)" 'the signature is good: signed by alice@example.org$'

# Without an agent a signature can be judged only by anchors that are named.
agent_stop
check 'without an agent nothing tells whom to trust' 3 smime verify "$T/signed"
check 'but --trust does' 0 smime verify --trust "$T/ca/root.pem" "$T/signed"
check 'and a changed mail is bad without one' 1 smime verify <(sed 's/this is the text/this is a text/' "$T/signed")
done_testing
