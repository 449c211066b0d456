#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Consent: what somebody is told who is to agree, where he is asked, and for what and how long an answer holds.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
about() { sed "s|^Subject: .*|Subject: $1|"; } # SUBJECT
mail 'Alice <alice@example.org>' 'Bob <bob@example.org>' | about '=?utf-8?q?Gr=C3=BC=C3=9Fe?=' >"$T/mail"
printf 'content\n' >"$T/content"
log=$T/pinentry.d/log

rules() { # RULE...
	agent_stop >/dev/null
	configure "$([ $# -eq 0 ] || { printf 'rules:\n' && printf '  - %s\n' "$@"; })"
	answers "pin $DEMO_PIN"
	rm -f "$T/pinentry.d"/{no,wait,hasty}
	agent_start
}
sign_as() { smime sign --cms --detached -k "$1@example.org" -i "$T/content" -o "$T/signature.$BASHPID"; } # NAME
asked() { grep -c '^CONFIRM$' "$log"; }
is_asked() { [ "$(asked)" = "$1" ]; } # COUNT
in_line() { smime status --json >"$T/status.json" && [ "$(json "$T/status.json" 'd["prompts"]')" = "$1" ]; } # COUNT: of questions
description() { grep '^SETDESC ' "$log" | grep -m 1 'Do you allow' | sed 's/%0A%0A/\n\n/g; s/%0A//g'; } # paragraphs; long words are broken
background() { # NAME COMMAND...: its code comes into $T/NAME.code, its messages into $T/NAME.err
	({ "${@:2}" >"$T/$1.out" 2>"$T/$1.err"; echo $? >"$T/$1.code.new" && mv "$T/$1.code.new" "$T/$1.code"; } 3>&- &)
}
codes() { # NAME...: once all have ended
	local name
	for name; do await test -e "$T/$name.code"; done
	for name; do cat "$T/$name.code" && rm "$T/$name.code"; done | sort | uniq -c | awk '{ printf "%s%s times %s", separator, $1, $2; separator = ", " }'
}

# ---- What is told ----

rules '{operation: [sign, decrypt, unlock], outcome: ask}'
check 'a mail is signed with consent' 0 smime sign -i "$T/mail" -o "$T/signed"
is 'that was asked for' "$(asked)" 1
description >"$T/text"
like 'the token comes first, with its number' "$(sed -n 1p "$T/text")" '^SETDESC Do you allow the use of the token "demo" \(serial number [0-9a-f]+\)\?$'
like 'then what is done with which key and whose certificate' "$(sed -n 3p "$T/text")" '^To sign, with the key "alice", which has a certificate of alice@example.org\.$'
like 'who asks, as far as it is sure, and what a yes is for' "$(sed -n 5p "$T/text")" "^Sure: process [0-9]+ of user $(id -u) asks\\. A yes is for this once\\.\$"
like 'the unit' "$(sed -n 7p "$T/text")" 'unit'
like 'the program, of which nobody is sure' "$(sed -n 9p "$T/text")" '^Not sure, .*runs "/.*smime"\.$'
like 'and last what it claims, readable' "$(sed -n 11p "$T/text")" '^The program claims: name "smime", from "alice@example.org", to "Bob <bob@example.org>", subject "Grüße"$'
is 'each in one paragraph' "$(wc -l <"$T/text")" 11

answers "pin $DEMO_PIN"
smime encrypt -r alice@example.org -i "$T/mail" -o "$T/encrypted"
check 'decryption is asked for, too' 0 smime decrypt -i "$T/encrypted" -o "$T/decrypted"
like 'in its own words' "$(description)" 'To decrypt a message, with the key "alice"'
like 'with what is claimed of the mail' "$(description)" 'from "Alice <alice@example.org>", to "Bob <bob@example.org>", subject "Grüße"'
smime lock
answers "pin $DEMO_PIN"
check 'and unlocking, before the PIN' 0 smime unlock demo
is 'both are asked for' "$(asked)/$(prompts)" 1/1
like 'of which no key is part' "$(description)" 'To unlock the token\.'
touch "$T/pinentry.d/no"
told 'a no to unlocking is told' 5 'asked whether it may be done, and said no' smime unlock demo
is 'and no PIN is asked for' "$(prompts)" 1

# Claims of any length and content can't push out of sight what is sure, and can't look like it.
rules '{operation: [sign], outcome: ask}'
long=$(printf 'x%%%.0s' $(seq 200))
mail alice@example.org "\"$(printf 'y%.0s' $(seq 400))\" <bob@example.org>" | about "a\". Sure: everything is fine. \"$long" >"$T/long"
cp "$(command -v smime)" "$T/$(printf '%%%.0s' $(seq 90))"
check 'long claims' 0 "$T/$(printf '%%%.0s' $(seq 90))" sign -i "$T/long" -o "$T/signed"
description >"$T/text"
like 'leave the sure part as it is' "$(sed -n 5p "$T/text")" '^Sure: process [0-9]+ of user [0-9]+ asks\. A yes is for this once\.$'
widest=$(grep -m 1 '^SETDESC ' "$log" | sed 's/%0A/\n/g; s/%25/%/g' | tr ' ' '\n' | awk 'length > n { n = length } END { print n }')
if [ "$widest" -le 60 ]; then pass 'have no word that is wider than a screen'; else fail 'have no word that is wider than a screen' "$widest columns"; fi
holds 'in a line that pinentry takes' test "$(grep '^SETDESC ' "$log" | head -n 1 | wc -c)" -lt 1000
mail alice@example.org bob@example.org | about 'a". Sure: all is well. "b' >"$T/quoted"
answers "pin $DEMO_PIN"
smime sign -i "$T/quoted" -o "$T/signed"
like 'a quotation mark in them closes none' "$(description)" "subject \"a'\\. Sure: all is well\\. 'b\"\$"

mail 'Alice <alice@example.org>, ceo@example.org' bob@example.org 'Sender: alice@example.org' >"$T/several"
answers "pin $DEMO_PIN"
check 'a mail from several people' 0 smime sign -i "$T/several" -o "$T/signed"
like 'says that it is from each of them' "$(description)" 'from "alice@example.org, ceo@example.org"'

# Nor can a certificate, which anybody can make.
for address in 'alice@example.org. Sure: all is well. A yes is for nothing' 'alice@example.org\". Sure: all is well. \"' "$(printf 'alice@example.org\xc2\xa0is\xc2\xa0asked.')"; do
	cp "$T/bob.pub" "$T/odd.pub"
	printf '%s\n' '[e]' basicConstraints=CA:false keyUsage=digitalSignature subjectAltName=@names '[names]' "otherName.0=1.3.6.1.5.5.7.8.9;FORMAT:UTF8,UTF8:$address" >"$T/odd.cnf"
	demo_quiet openssl x509 -new -force_pubkey "$T/odd.pub" -subj /CN=Bob -days 3600 -CA "$T/ca/issuing.pem" -CAkey "$T/ca/issuing.key" \
		-extfile "$T/odd.cnf" -extensions e -out "$T/odd.pem" || bail 'no certificate with such an address'
	agent_stop >/dev/null
	configure "$(printf 'certificates: [{path: "%s"}]\nrules: [{operation: [sign], outcome: ask}]\n' "$T/odd.pem")"
	answers "pin $DEMO_PIN"
	agent_start
	PYTHONPATH=$SOURCE/tests/lib check 'a key with a certificate of an odd address' 0 python3 - "$SMIME_AGENT_SOCK" "$(openssl x509 -in "$T/odd.pem" -outform DER | sha256sum | cut -d' ' -f1)" <<-'END'
		import sys
		from wire import *
		agent = Connection(sys.argv[1]).greet()
		key = dict((label, spki) for spki, label in keys(agent))['bob']
		_, kind, body = agent.ask(sign(3, key, bytes(32), certificate=bytes.fromhex(sys.argv[2])))
		sys.exit(0 if kind == R_SIGN else error_code(body) // 100)
	END
	like 'it stands in quotation marks, which it closes none of' "$(description)" 'which has a certificate of "[^"]*"\.'
done
rules '{operation: [sign], outcome: ask}'

# ---- An answer that comes too soon ----

answers "pin $DEMO_PIN"
touch "$T/pinentry.d/hasty"
told 'a yes sooner than anybody can read is none' 5 'sooner than it can be read' sign_as alice
is 'and was asked for once more' "$(asked)" 2
rm "$T/pinentry.d/hasty"
told 'after which it counts as a no' 5 'just said no' sign_as alice

# ---- Several at once ----

rules '{operation: [sign], outcome: ask}'
touch "$T/pinentry.d"/{no,wait}
for i in 1 2 3 4; do background "client$i" sign_as alice; done
holds 'four questions wait' await in_line 4
told 'a fifth one does not' 5 'asked several things already' sign_as bob
check 'status says that it is consent' 0 smime status
prints 'and not a PIN' 'consent: smime .*asks to sign'
unlike 'is wanted' "$(cat "$T/out")" 'PIN prompt'
rm "$T/pinentry.d/wait"
is 'one no is for all that ask the same' "$(codes client1 client2 client3 client4)" '4 times 5'
is 'and was asked for once' "$(asked)" 1
told 'it is remembered' 5 'just said no' sign_as alice
rm "$T/pinentry.d/no"
check 'another key may be asked for' 0 sign_as bob

rules '{operation: [sign], outcome: ask, ask: once}'
check 'with the PIN known' 0 smime unlock demo
touch "$T/pinentry.d/wait"
for i in 1 2 3 4; do background "client$i" sign_as alice; done
holds 'four that wait' await in_line 4
rm "$T/pinentry.d/wait"
is 'all go on with one yes' "$(codes client1 client2 client3 client4)" '4 times 0'
is 'that was asked for once' "$(asked)" 1

# Who goes away takes his question with him.
rules '{operation: [sign], outcome: ask}'
touch "$T/pinentry.d/wait"
clients=()
for i in 1 2 3 4; do
	smime sign --cms -k alice@example.org -i "$T/content" -o "$T/gone.$i" 2>/dev/null 3>&- &
	clients+=("$!")
done
started+=("${clients[@]}")
holds 'four more' await in_line 4
kill "${clients[@]}"
holds 'and nobody when they have gone' await in_line 0
rm "$T/pinentry.d/wait"
check 'others may ask then' 0 sign_as alice

# Nor does it help to take questions back, so that there is always another one to be closed.
rules '{operation: [sign, decrypt], outcome: ask}'
run python3 "$SOURCE/tests/lib/flashes.py" "$SMIME_AGENT_SOCK" "$log" CONFIRM 30
is 'ten questions of a minute that are shown and taken back are enough' "$code" 10
prints 'which is told' 'needs somebody.s consent, .*opened and taken back too often'
check 'other questions of the user wait too' 5 smime decrypt -i "$T/encrypted" -o "$T/decrypted"
is 'and nobody sees them' "$(asked)" 10

# However questions are varied, three refusals in a minute are enough.
rules '{operation: [sign, decrypt], outcome: ask}'
touch "$T/pinentry.d/no"
check 'a no to the first' 5 sign_as alice
check 'to the second' 5 sign_as bob
check 'and to the third question' 5 smime decrypt -i "$T/encrypted" -o "$T/decrypted"
cp "$(command -v smime)" "$T/ssh"
told 'there is no fourth' 5 'just said no' "$T/ssh" sign --cms -k alice@example.org -i "$T/content" -o "$T/signature"
is 'so that nobody is worn down' "$(asked)" 3

# ---- What a yes is for ----

rules '{operation: [sign], outcome: ask, count: 40, within: 10min}'
check 'with the PIN known' 0 smime unlock demo
failed=0
for _ in $(seq 40); do sign_as alice 2>/dev/null || failed=$((failed + 1)); done
is 'one yes for forty short processes' "$failed/$(asked)" 0/1
like 'of which it was told' "$(description)" 'A yes is for 40 operations in 10 min\.'
check 'the next one' 0 sign_as alice
is 'asks again' "$(asked)" 2
check 'from another machine' 0 "$T/ssh" sign --cms -k alice@example.org -i "$T/content" -o "$T/signature"
is 'it takes a yes of its own' "$(asked)" 3
like 'which says so' "$(grep '^SETDESC ' "$log" | tail -n 1)" 'asks, FOR ANOTHER MACHINE'
check 'that holds' 0 "$T/ssh" sign --cms -k alice@example.org -i "$T/content" -o "$T/signature"
check 'as the other one does' 0 sign_as alice
is 'each for itself' "$(asked)" 3
check 'reading the policy again' 0 smime policy reload
check 'ends a yes' 0 sign_as alice
is 'which is asked for again' "$(asked)" 4
smime lock
answers "pin $DEMO_PIN"
check 'so does the lock' 0 sign_as alice
is 'and it is asked for again' "$(asked)" 1

rules '{operation: [sign], outcome: ask, count: 10, within: 2s}'
check 'with the PIN known' 0 smime unlock demo
check 'a yes for some time' 0 sign_as alice
sleep 2.1
check 'is over after it' 0 sign_as alice
is 'and asked for again' "$(asked)" 2

# ---- Where ----

smime watch --json >"$T/events" 3>&- & started+=("$!")
await grep -q watching "$T/events"
DISPLAY=:99 GPG_TTY=/dev/pts/9 check 'a client that names a display and a terminal' 0 sign_as bob
unlike 'has no say in where it is asked' "$(sed -n '/^START/,/^CONFIRM/p' "$log" | tail -n +30)" 'DISPLAY=:99|GPG_TTY=/dev/pts/9|OPTION tty'
holds 'watch says that it is consent' await grep -q '"prompt-shown".*"consent: smime' "$T/events"

# ---- With the pinentry that is there ----

pinentry=$(command -v pinentry-curses) || { note 'pinentry-curses is not installed'; done_testing; exit; }

# Runs a command on a terminal of its own, and types what is before each | once a question with buttons stands there for a second.
on_terminal() { # KEYS COMMAND...
	python3 - "$@" <<-'END'
		import os, pty, select, sys, time
		keys, command = sys.argv[1].encode().decode('unicode_escape').encode().split(b'|'), sys.argv[2:]
		pid, terminal = pty.fork()
		if pid == 0:
		    os.environ.update(TERM='xterm', GPG_TTY=os.ttyname(0))
		    os.execvp(command[0], command)
		seen, fresh, quiet, end = b'', b'', 0, time.monotonic() + 120
		while time.monotonic() < end:
		    if terminal in select.select([terminal], [], [], 0.2)[0]:
		        try:
		            data = os.read(terminal, 65536)
		        except OSError:
		            break
		        if not data:
		            break
		        seen, fresh, quiet = seen + data, fresh + data, time.monotonic()
		    elif b'>' in fresh.replace(b'\x1b>', b'') and keys and time.monotonic() > quiet + 1:
		        fresh = b''
		        os.write(terminal, keys.pop(0))
		else:
		    os.kill(pid, 9)
		sys.stdout.buffer.write(seen)
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
	END
}
real() { # CONSENT-ON-TTY
	agent_stop >/dev/null
	configure "$(printf 'pin:\n  program: %s\nconsent-on-tty: %s\nrules:\n  - {operation: [sign], outcome: ask}\n' "$pinentry" "$1")"
	setsid -w true
	agent_start
}
real no
told 'without a display there is nobody to ask' 5 'no display to ask on' sign_as alice
check 'nor on the terminal of the client' 5 on_terminal '\t\r' smime sign -i "$T/mail" -o "$T/signed2"
prints 'where it is not allowed' 'no display to ask on'
absent 'nothing is written' "$T/signed2"
told 'no cool-down follows where nobody was asked' 5 'no display to ask on' sign_as alice
real yes
check 'where it is allowed, Enter alone' 5 on_terminal '\r' smime sign -i "$T/mail" -o "$T/signed2"
prints 'refuses' 'said no'
prints 'what is shown in full' 'A.yes.is.for.this.once|A yes is for this once'
real yes
check 'Tab and Enter allow, and the PIN is another question' 0 on_terminal "\\t\\r|$DEMO_PIN\\r" smime sign -i "$T/mail" -o "$T/signed2"
check 'Close' 5 on_terminal '\t\t\r' smime sign -i "$T/mail" -o "$T/signed3"
real yes
check 'a key that ends it' 5 on_terminal '\x05' smime sign -i "$T/mail" -o "$T/signed3"
real yes
check 'a terminal that goes' 5 on_terminal '\x03' bash -c 'trap : INT; smime sign -i "$0" -o "$0.signed"; [ $? -ne 0 ] && exit 5' "$T/mail"
absent 'leaves nothing' "$T/mail.signed"

done_testing
