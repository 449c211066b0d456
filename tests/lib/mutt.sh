# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What mutt and neomutt have to show and to send with smime-mutt, to be sourced after lib.sh with PROGRAM set: mutt or neomutt. Both
# are the real programs on a terminal, with docs/PROGRAM.rc and a mailbox of their own; what they send goes into $T/sent.

. "$SOURCE/tests/lib/interop.sh"
. "$SOURCE/tests/lib/tmux.sh"

for needed in "$PROGRAM" tmux; do command -v "$needed" >/dev/null || skip_all "$needed is not installed"; done

# ---- Setting up ----

mutt_setup() { # [MUTTRC-LINE...]
	mkdir -p "$T/bin" "$HOME/Mail" "$HOME/.config/smime-agent/certificates"
	cp "$T/peer-rsa.pem" "$HOME/.config/smime-agent/certificates/"
	# Programs for sending are found by name alone: mutt cuts their line at blanks.
	printf '#!/bin/sh\ncat >"%s.part" && mv "%s.part" "%s"\n' "$T/sent" "$T/sent" "$T/sent" >"$T/bin/into-file"
	chmod 700 "$T/bin/into-file"
	PATH=$T/bin:$PATH
	{
		printf 'source "%s"\n' "$SOURCE/docs/$PROGRAM.rc"
		printf 'set from=alice@example.org use_from=yes realname=Alice sendmail=into-file copy=no editor=true abort_unmodified=no\n'
		printf 'set abort_nosubject=no quit=yes delete=no move=no sort=mailbox-order markers=no wait_key=no\n'
		printf '%s\n' "$@"
	} >"$T/muttrc"
	smime-mutt keys >"$T/keys" || bail 'smime-mutt keys failed'
}

# ---- The mailbox ----

box=()
box_add() { # NAME FILE: another message of $T/box, whose number is that of NAME in `box`
	box+=("$1")
	{
		printf 'From sender@example.org Mon Nov  2 10:00:00 2026\n'
		tr -d '\r' <"$2"
		printf '\n'
	} >>"$T/box"
}

# openssl's messages, with a header. ARGUMENTs are those of openssl cms -sign.
signed_by() { # NAME FROM [ARGUMENT...]
	printf 'From: %s\nTo: alice@example.org\nSubject: %s\nDate: Mon, 2 Nov 2026 10:00:00 +0100\n' "$2" "$1" >"$T/$1"
	openssl cms -sign -binary -in "$T/text.mime" "${@:3}" | tr -d '\r' >>"$T/$1"
}
mutt_box() {
	local stranger=(-signer "$T/stranger.pem" -inkey "$T/stranger.key") name
	local peer=(-signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -certfile "$T/ca/issuing.pem")
	printf 'Content-Type: text/plain\r\n\r\nThis is the signed text.\r\n' >"$T/text.mime"
	signed_by good peer-rsa@example.org "${peer[@]}"
	signed_by stranger stranger@example.org "${stranger[@]}"
	signed_by opaque peer-rsa@example.org "${peer[@]}" -nodetach
	signed_by opaque-stranger stranger@example.org "${stranger[@]}" -nodetach
	signed_by elliptic peer-ec@example.org -signer "$T/peer-ec.pem" -inkey "$T/peer-ec.key" -certfile "$T/ca/issuing.pem"
	signed_by else somebody@example.net "${peer[@]}"
	signed_by prefix peer-rsa@example.o "${peer[@]}"
	sed 's/signed text/changed text/' "$T/good" >"$T/changed"
	{
		printf 'From: peer-rsa@example.org\nSubject: part\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=outside\n\n--outside\n'
		sed -n '/^MIME-Version/,$p' "$T/good"
		printf '\n--outside\nContent-Type: text/plain\n\nNobody signed this.\n--outside--\n'
	} >"$T/part"
	{
		printf 'From: peer-rsa@example.org\nTo: alice@example.org\nSubject: encrypted\n'
		openssl cms -encrypt -binary -aes256 -in "$T/text.mime" "$T/alice.pem"
	} >"$T/encrypted"
	sed -n '/^MIME-Version/,$p' "$T/good" | sed 's/$/\r/' >"$T/inner"
	{
		printf 'From: peer-rsa@example.org\nTo: alice@example.org\nSubject: both\n'
		openssl cms -encrypt -binary -aes256 -in "$T/inner" "$T/alice.pem"
	} >"$T/both"
	for name in good stranger changed opaque opaque-stranger elliptic else prefix part encrypted both; do box_add "$name" "$T/$name"; done
}

# ---- Reading ----

mutt_start() { terminal_start "$PROGRAM" -F "$T/muttrc" "$@"; } # ARGUMENT...

number_of() { # NAME
	local i
	for i in "${!box[@]}"; do [ "${box[i]}" != "$1" ] || printf '%d' "$((i + 1))"; done
}
# Goes to a message in the index and opens it in the pager, whose last line is what the program itself thinks of it.
open_message() { terminal_keys "$(number_of "$1")" Enter Enter; } # NAME
close_message() {
	terminal_keys q
	terminal_await 'Msgs:' || terminal_failed 'the index is back'
}
reads_message() { # NAME LAST-LINE: and leaves it open
	open_message "$1"
	terminal_shows "$1: the last line is: $2" "$(number_of "$1")/${#box[@]}: .*$2"
}
shows() { terminal_shows "$1: shows $2" "$2"; } # NAME PATTERN

mutt_reads_signed() {
	reads_message good 'S/MIME signature successfully verified'
	shows good 'Verification successful Signed by peer-rsa@example.org: good, and trusted'
	shows good 'chain good: leads to CN=Demonstration Root'
	shows good 'Not covered: From, To, Subject and the rest'
	shows good 'The following data is signed --\] This is the signed text'
	close_message
	reads_message stranger 'S/MIME signature could NOT be verified'
	shows stranger 'smime-mutt verify: the signature is not trusted: CN=Stranger'
	terminal_lacks 'stranger: nothing is successful' 'successful'
	close_message
	reads_message changed 'S/MIME signature could NOT be verified'
	shows changed 'smime-mutt verify: the signature is bad: .* Signed by peer-rsa@example.org: NOT good .* digest BAD'
	close_message
	reads_message part 'Warning: Part of this message has not been signed'
	shows part 'Verification successful .* Nobody signed this'
	close_message
}

mutt_reads_opaque() {
	reads_message opaque 'S/MIME signature successfully verified'
	shows opaque 'Verification successful Signed by peer-rsa@example.org'
	shows opaque 'The following data is S/MIME signed --\] This is the signed text'
	close_message
	reads_message opaque-stranger 'S/MIME signature could NOT be verified'
	shows opaque-stranger 'is not trusted: CN=Stranger .* This is the signed text'
	close_message
}

# An address that the sender's begins or does not begin: mutt alone would take the first for the sender's.
mutt_reads_disguised() {
	local name
	set -- else somebody@example.net prefix peer-rsa@example.o
	while [ $# -gt 0 ]; do
		name=$1
		open_message "$name"
		shows "$name" "the message is from $2 \\(From\\), the ?c ?ertificate is for peer-rsa@example.org"
		terminal_ends_with "$name: a key is waited for" 'Press any key'
		terminal_keys Space
		terminal_ends_with "$name: there is nobody" '^no certfile'
		terminal_keys Space
		terminal_shows "$name: the last line is a warning" "$(number_of "$name")/${#box[@]}: .*S/MIME certificate owner does not match sender"
		close_message
		shift 2
	done
}

mutt_reads_encrypted() {
	open_message encrypted
	terminal_shows 'encrypted: a passphrase is asked for' 'Enter S/MIME passphrase:'
	is 'encrypted: no PIN meanwhile' "$(prompts)" "$1"
	terminal_keys Enter
	shows encrypted 'Decrypted: aes256-cbc, 1 recipient'
	shows encrypted 'Not covered: the cipher does not show changes'
	shows encrypted 'The following data is S/MIME encrypted --\] This is the signed text'
	terminal_lacks 'encrypted: nobody is said to have signed it' 'Signed by|successful'
	close_message
	reads_message both 'S/MIME signature successfully verified'
	shows both 'Decrypted: aes256-cbc'
	shows both 'Verification successful Signed by peer-rsa@example.org: good, and trusted'
	close_message
}

extract_keys() { # NAME ANSWER
	terminal_keys "$(number_of "$1")" Enter C-k
	terminal_shows "extract-keys: $1" "$2"
	terminal_ends_with "extract-keys: $1: a key is waited for" 'Press any key'
	terminal_keys Space
	terminal_await 'Msgs:' || terminal_failed 'the index is back'
}
mutt_extracts() {
	local known=$HOME/.smime/certificates id
	id=$(openssl x509 -in "$T/peer-ec.pem" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f | cut -c1-16)
	extract_keys elliptic "the certificate of peer-ec@example.org is added \\($id\\)"
	is 'extract-keys: mutt has the certificate' "$(grep '^peer-ec' "$known/.index")" "peer-ec@example.org $id smime-agent ? t es"
	holds 'extract-keys: so has the agent' smime encrypt --cms -r peer-ec@example.org -i "$T/text.mime" -o /dev/null
	cp "$known/.index" "$T/index"
	extract_keys stranger 'smime-mutt pk7out: the signature is not trusted: CN=Stranger'
	extract_keys changed 'smime-mutt pk7out: the signature is bad'
	extract_keys else 'smime-mutt pk7out: [^:]+: the message is from somebody@example.net'
	same 'extract-keys: nothing is added of those' "$known/.index" "$T/index"
}

# ---- Sending ----

# Writes a message to TO and protects it: e, s or b, the answers to mutt's question.
compose() { # WHAT TO SECURITY
	rm -f "$T/sent"
	printf 'To: %s\nSubject: A test\n\nHello,\n\nthis is the text, a dot:\n.\nFrom here on there is no more.  \n' "$2" >"$T/draft"
	mutt_start -H "$T/draft"
	terminal_await "To: $2" && terminal_keys Enter && terminal_await 'Subject: A test' && terminal_keys Enter
	terminal_shows "$1: the compose menu" 'Security: None'
	terminal_keys S
	terminal_shows "$1: the question" 'S/MIME \(e\)ncrypt, \(s\)ign'
	terminal_keys "$3"
	terminal_shows "$1: the answer" "$4"
	terminal_keys y
}
passphrase() { # WHAT
	terminal_shows "$1: a passphrase is asked for" 'Enter S/MIME passphrase:'
	terminal_keys Enter
}
is_sent() { # WHAT
	terminal_ends "$1: $PROGRAM ends"
	holds "$1: the message was sent" test -s "$T/sent"
}
# What openssl finds in a signed entity is the text, with the blanks at its ends of line, in whatever encoding.
decoded() { # FILE
	python3 -c 'import email, sys; print(email.message_from_binary_file(open(sys.argv[1], "rb")).get_payload(decode=True).decode().replace("\r", ""))' "$1"
}
openssl_verifies() { # WHAT FILE
	check "$1: openssl verifies it" 0 openssl cms -verify -in "$2" -CAfile "$T/ca/root.pem" -out "$T/content"
	like "$1: the text is in it" "$(decoded "$T/content")" $'this is the text, a dot:\n\\.\nFrom here on there is no more\\.  ($|\n)'
}

mutt_sends() {
	compose signed peer-rsa@example.org s 'Security: Sign'
	passphrase signed
	is_sent signed
	holds 'signed: its digest is named' grep -q 'micalg="\?sha-256' "$T/sent"
	openssl_verifies signed "$T/sent"
	check 'signed: smime verifies it' 0 smime verify "$T/sent"

	compose encrypted peer-rsa@example.org e 'Security: Encrypt'
	is_sent encrypted
	check 'encrypted: openssl decrypts it' 0 openssl cms -decrypt -in "$T/sent" -inkey "$T/peer-rsa.key" -recip "$T/peer-rsa.pem" -out "$T/content"
	like 'encrypted: the text is in it' "$(decoded "$T/content")" 'this is the text, a dot'

	check 'encrypted: the sender can read it' 0 smime decrypt -i "$T/sent" -o "$T/content"
	is 'encrypted: for both, and nobody else' "$(openssl cms -cmsout -print -in "$T/sent" -noout | grep -cE 'd\.(ktri|kari)')" 2

	compose both peer-rsa@example.org b 'Security: Sign, Encrypt'
	passphrase both
	is_sent both
	check 'both: openssl decrypts it' 0 openssl cms -decrypt -in "$T/sent" -inkey "$T/peer-rsa.key" -recip "$T/peer-rsa.pem" -out "$T/inside"
	openssl_verifies both "$T/inside"
}

# With the names of keys that `smime setup` writes.
mutt_sends_as_set_up() {
	local key
	key=$(smime keys --json | python3 -c 'import json, sys; print(next(k["fingerprint"] for k in json.load(sys.stdin)["keys"] if k["label"] == "alice"))')
	cp "$T/muttrc" "$T/muttrc.own"
	printf 'set smime_default_key="%s" smime_sign_as="%s"\n' "$key" "$key" >>"$T/muttrc"
	compose 'as set up' peer-rsa@example.org b 'Security: Sign, Encrypt'
	passphrase 'as set up'
	is_sent 'as set up'
	check 'as set up: the sender can read it' 0 smime decrypt -q -i "$T/sent" -o "$T/content"
	mv "$T/muttrc.own" "$T/muttrc"
}

# What can't be signed is told, and not sent.
mutt_refuses() {
	printf 'set smime_sign_as="nobody@example.org"\n' >>"$T/muttrc"
	compose refused peer-rsa@example.org s 'Security: Sign'
	passphrase refused
	terminal_shows 'refused: why' 'smime-mutt sign: .*nobody@example.org.* Press any key'
	terminal_stop
	absent 'refused: nothing was sent' "$T/sent"
}

mutt_cases() {
	mutt_box
	mutt_sends
	mutt_sends_as_set_up
	is 'one PIN for all of that' "$(prompts)" 1
	mutt_start -f "$T/box"
	terminal_await 'Msgs:' || bail "$PROGRAM does not show its index: $(screen)"
	mutt_reads_signed
	mutt_reads_opaque
	mutt_reads_disguised
	mutt_reads_encrypted 1
	mutt_extracts
	terminal_keys q
	terminal_ends "$PROGRAM ends"
	mutt_refuses
	is 'no PIN twice' "$(prompts)" 1
}
