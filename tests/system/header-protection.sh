#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Header protection (RFC 9788): fields that stand inside are read, believed as far as somebody vouches for them, and take the
# place of those outside; and it is written.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
agent_start

FROM='Peer <peer-rsa@example.org>' TO=bob@example.org DATE='Tue, 24 Nov 2026 10:00:00 +0000'
payload() { # CONTENT-TYPE FIELD...: the mail's fields inside
	printf 'Content-Type: %s\n' "$1"
	shift
	printf 'From: %s\nTo: %s\nDate: %s\n' "$FROM" "$TO" "$DATE"
	printf '%s\n' "$@" '' 'The text.'
}
outer() { # FIELD...
	printf 'Received: by relay.example.org; Tue, 24 Nov 2026 10:00:01 +0000\n'
	printf '%s\n' "$@"
	printf 'Date: %s\n' "$DATE"
}
recorded() { printf 'HP-Outer: %s\n' "From: $FROM" "To: $TO" "Date: $DATE" "$@"; }
sign() { openssl cms -sign -certfile "$T/ca/issuing.pem" -signer "$T/${SIGNER:-peer-rsa}.pem" -inkey "$T/${SIGNER:-peer-rsa}.key" -in "$1" -out "$2" "${@:3}"; }
encrypt() { openssl cms -encrypt -aes256 -in "$1" -out "$2" "$T/bob.pem" 2>/dev/null; }
message() { cat - "$1" >"$T/message"; } # the header comes from standard input
header() { json "$T/out" "[(f['name'], f['signed'], f['encrypted'], f['differs']) for f in d['header'] if f['name'] in ${1:-('Subject',)}]"; }
field() { sed '/^\r*$/,$d' "$T/plain" | tr -d '\r' | grep -i "^$1:"; }

# ---- Encrypted and signed ----

payload 'text/plain; charset=us-ascii; hp="cipher"' 'Subject: The true subject' 'Keywords: secret, ones' "$(recorded 'Subject: [...]')" >"$T/payload"
sign "$T/payload" "$T/signed" && encrypt "$T/signed" "$T/encrypted"
outer "From: $FROM" "To: $TO" 'Subject: [...]' | message "$T/encrypted"
check 'M10: a mail with hp="cipher" is decrypted' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: the scheme is told' "$(json "$T/out" "d['header_protection'], d['from_mismatch']")" "('cipher', False)"
is 'M10: what HP-Outer does not name is encrypted and signed' "$(header "('Subject', 'Keywords')")" \
	"[('Subject', True, True, True), ('Keywords', True, True, True)]"
is 'M10: what it names is signed' "$(header "('From', 'To', 'Date')")" "[('From', True, False, False), ('To', True, False, False), ('Date', True, False, False)]"
is 'M10: both values are told' "$(json "$T/out" "[(f['value'], f['outside']) for f in d['header'] if f['name'] in ('Subject', 'Keywords')]")" \
	"[('The true subject', '[...]'), ('secret, ones', None)]"
is 'M10: the protected subject is written, and no other' "$(field Subject)" 'Subject: The true subject'
is 'M10: there is one From' "$(field From)" "From: $FROM"
is 'M10: what relays have added stays' "$(field Received | cut -c1-17)" 'Received: by rela'
is 'M10: HP-Outer is not written' "$(field HP-Outer)" ''
is 'the mail has one of each field' "$(sed '/^\r*$/,$d' "$T/plain" | tr -d '\r' | grep -oE '^[A-Za-z-]+:' | sort | uniq -d)" ''
holds 'the content is there' grep -q 'The text.' "$T/plain"
check 'M10: people are told' 0 smime decrypt -i "$T/message" -o "$T/plain"
says 'M10: what is secret' 'signed and encrypted: Subject, Keywords'
says 'M10: and what is not' 'signed, not secret: From, To, Date'

outer "From: $FROM" "To: mallory@example.org" 'Subject: Buy now' 'Reply-To: mallory@example.org' | message "$T/encrypted"
check 'M10: a header that was changed on the way' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: loses against the protected one' "$(field Subject)$(field To)$(field Reply-To)" "Subject: The true subjectTo: $TO"
is 'M10: and is told' "$(header "('To', 'Reply-To')")" "[('To', True, False, True), ('Reply-To', False, False, True)]"

payload 'text/plain; hp="cipher"' 'Subject: The true subject' 'Authentication-Results: example.org; dkim=pass' 'Received: from nowhere' >"$T/payload"
encrypt "$T/payload" "$T/encrypted"
outer "From: $FROM" "To: $TO" 'Authentication-Results: example.org; dkim=fail' | message "$T/encrypted"
check 'M10: a sender who says what servers thought of his mail' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: is not asked' "$(field Authentication-Results) $(field Received | wc -l) $(header "('Authentication-Results', 'Received')")" \
	'Authentication-Results: example.org; dkim=fail 1 []'

# ---- Signed only ----

payload 'text/plain; charset=us-ascii; hp=clear' 'Subject: A public one' >"$T/payload"
sign "$T/payload" "$T/signed"
outer "From: $FROM" "To: $TO" 'Subject: A public one' | message "$T/signed"
check 'M10: a mail with hp="clear" is verified' 0 smime verify --json -i "$T/message"
is 'M10: its fields are signed' "$(json "$T/out" "d['header_protection'], all(f['signed'] and not f['encrypted'] and not f['differs'] for f in d['header']), len(d['header'])")" "('clear', True, 4)"
outer "From: $FROM" "To: $TO" 'Subject: Another one' | message "$T/signed"
check 'M10: another subject outside is no fault of the signature' 0 smime verify --json -i "$T/message"
is 'M10: but is told' "$(header)" "[('Subject', True, False, True)]"
check 'M10: to people too' 0 smime verify -i "$T/message"
says 'M10: with the signed subject' 'Subject was changed on the way: it was "A public one"'
encrypt "$T/signed" "$T/encrypted"
outer "From: $FROM" "To: $TO" 'Subject: Another one' | message "$T/encrypted"
check 'M10: hp="clear" in an encrypted mail' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: claims no secrecy' "$(header)" "[('Subject', True, False, True)]"
payload 'text/plain; charset=us-ascii; hp="cipher"' 'Subject: A true one' "$(recorded 'Subject: [...]')" >"$T/payload"
sign "$T/payload" "$T/signed"
outer "From: $FROM" "To: $TO" 'Subject: [...]' | message "$T/signed"
check 'M10: hp="cipher" in a mail that nobody has encrypted' 0 smime verify --json -i "$T/message"
is 'M10: makes no secret of it' "$(header)" "[('Subject', True, False, True)]"

# ---- Where the parameter means nothing ----

{ printf 'Content-Type: multipart/mixed; boundary=b\n\n--b\n' && payload 'text/plain; hp="cipher"' 'Subject: Below' && printf -- '--b--\n'; } >"$T/payload"
sign "$T/payload" "$T/signed"
outer "From: $FROM" "To: $TO" 'Subject: Above' | message "$T/signed"
check 'M10: hp below the root' 0 smime verify --json -i "$T/message"
is 'M10: means nothing' "$(json "$T/out" "d['header_protection'], d['header']")" '(None, [])'
check 'M10: people are told that the header is not protected' 0 smime verify -i "$T/message"
says 'M10: in words' "the mail's header is not protected"
payload 'text/plain; hp="clear"' 'Subject: One' 'Subject: Two' >"$T/payload"
sign "$T/payload" "$T/signed"
outer "From: $FROM" "To: $TO" 'Subject: One' | message "$T/signed"
check 'M10: two protected subjects' 0 smime verify --json -i "$T/message"
is 'M10: protect nothing' "$(json "$T/out" "d['header_protection']")" None
{ outer "From: $FROM" "To: $TO" && payload 'text/plain; hp="clear"' 'Subject: One'; } | sed '/^Date/d;0,/^To/{/^To/d}' >"$T/unsigned"
check 'M10: without any protection hp is just a word' 1 smime verify -i "$T/unsigned"

# ---- From ----

FROM='Chief <chief@example.org>' payload 'text/plain; hp="cipher"' 'Subject: Pay' 'HP-Outer: Subject: [...]' >"$T/payload"
encrypt "$T/payload" "$T/encrypted"
outer 'From: mallory@example.org' "To: $TO" 'Subject: [...]' | message "$T/encrypted"
check 'M10: another From inside, which nobody vouches for' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: is told' "$(json "$T/out" "d['from_mismatch'], d['summary']")" "(True, 'encrypted')"
is 'M10: and not written' "$(field From)" 'From: mallory@example.org'
SIGNER=stranger sign "$T/payload" "$T/signed" && encrypt "$T/signed" "$T/encrypted"
outer 'From: mallory@example.org' "To: $TO" 'Subject: [...]' | message "$T/encrypted"
check 'M10: a stranger vouches for it' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: which does not do' "$(field From)" 'From: mallory@example.org'
SIGNER=peer-ec sign "$T/payload" "$T/signed" && encrypt "$T/signed" "$T/encrypted"
outer 'From: mallory@example.org' "To: $TO" 'Subject: [...]' | message "$T/encrypted"
check 'M10: somebody else vouches for it' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: which does not do either' "$(field From)" 'From: mallory@example.org'
payload 'text/plain; hp="cipher"' 'Subject: Pay' 'HP-Outer: Subject: [...]' >"$T/payload"
sign "$T/payload" "$T/signed" && encrypt "$T/signed" "$T/encrypted"
outer 'From: Peer over a list <list@example.org>' "To: $TO" 'Subject: [...]' | message "$T/encrypted"
check 'M10: whom From names inside has signed, a mailing list has written another one' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: the signed one is written' "$(field From)" "From: $FROM"
is 'M10: the report does not hide it' "$(json "$T/out" "d['from_mismatch'], d['good']")" '(True, False)'
outer 'From: mallory@example.org' "To: $TO" 'Subject: Pay' | message "$T/signed"
check 'M10: a signed mail with another From outside does not verify' 1 smime verify -i "$T/message"

# ---- Older ways ----

payload 'text/plain; charset=us-ascii; protected-headers="v1"' 'Subject: An older way' >"$T/payload"
sign "$T/payload" "$T/signed" && encrypt "$T/signed" "$T/encrypted"
outer "From: $FROM" "To: $TO" 'Subject: ...' | message "$T/encrypted"
check 'M10: protected-headers="v1" is read' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: what is not outside was meant to be secret' "$(json "$T/out" "d['header_protection']") $(header "('Subject', 'To')")" \
	"protected-headers [('To', True, False, False), ('Subject', True, True, True)]"
is 'M10: and is written' "$(field Subject)" 'Subject: An older way'

{ printf 'Content-Type: message/rfc822\n\n' && payload 'text/plain; charset=us-ascii' 'Subject: The oldest way' 'MIME-Version: 1.0'; } >"$T/payload"
sign "$T/payload" "$T/signed" && encrypt "$T/signed" "$T/encrypted"
outer "From: $FROM" "To: $TO" 'Subject: outside' | message "$T/encrypted"
check 'M10: a wrapped message is read' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: as that' "$(json "$T/out" "d['header_protection']") $(header)" "message/rfc822 [('Subject', True, True, True)]"
is 'M10: and comes out unwrapped' "$(field Subject) $(field Content-Type) $(grep -c 'Subject' "$T/plain")" \
	'Subject: The oldest way Content-Type: text/plain; charset=us-ascii 1'
outer 'From: peer-ec@example.org' "To: $TO" 'Subject: forwarded' | message "$T/encrypted"
check 'M10: a message of somebody else' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: was forwarded, and stays inside' "$(json "$T/out" "d['header_protection']") $(field Content-Type) $(field Subject)" \
	'None Content-Type: message/rfc822 Subject: forwarded'

# ---- What is there for old programs ----

payload 'text/plain; charset=us-ascii; hp-legacy-display="1"; hp="cipher"' 'Subject: Dinner' "$(recorded 'Subject: [...]')" '' 'Subject: Dinner' >"$T/payload"
encrypt "$T/payload" "$T/encrypted"
outer "From: $FROM" "To: $TO" 'Subject: [...]' | message "$T/encrypted"
check 'M10: a text begins with its subject for old programs' 0 smime decrypt -i "$T/message" -o "$T/plain"
is 'M10: which is left out' "$(grep -c Dinner "$T/plain") $(sed '1,/^\r*$/d' "$T/plain" | tr -d '\r')" '1 The text.'
{
	printf 'Content-Type: multipart/alternative; boundary=b; hp="cipher"\nFrom: %s\nSubject: Dinner\nHP-Outer: Subject: [...]\n\n' "$FROM"
	printf -- '--b\nContent-Type: text/plain; hp-legacy-display=1\n\nSubject: Dinner\n\nAt eight.\n--b\n'
	printf 'Content-Type: text/html; hp-legacy-display=1\nContent-Transfer-Encoding: quoted-printable\n\n<html><body><div class=3D"header-protection-legacy-display"><pre>Subject: Dinner</pre></div><p>At eight.</p></body></html>\n--b--\n'
} >"$T/payload"
encrypt "$T/payload" "$T/encrypted"
outer "From: $FROM" "To: $TO" 'Subject: [...]' | message "$T/encrypted"
check 'M10: so do both forms of a text' 0 smime decrypt -i "$T/message" -o "$T/plain"
is 'M10: and in both it is left out' "$(grep -c Dinner "$T/plain") $(grep -c 'At eight' "$T/plain")" '1 2'
holds 'M10: what is around it stays' grep -qF '<html><body><p>At eight.</p></body></html>' "$T/plain"

# ---- Writing it ----

cat >"$T/sets.py" <<'PY'
"""The two sets of fields that RFC 9788 4.2.1 wants of a payload: as protected, and as the sender says that they stand outside."""
import email, sys
payload, outer = (email.message_from_file(open(name)) for name in sys.argv[1:3])
structural = lambda name: name.lower() == 'mime-version' or name.lower().startswith('content-')
value = lambda text: ' '.join(text.split())
inside = sorted((n, value(v)) for n, v in payload.items() if not structural(n) and n != 'HP-Outer')
recorded = sorted((n.strip(), value(v)) for n, v in (r.split(':', 1) for r in payload.get_all('HP-Outer', [])))
outside = sorted((n, value(v)) for n, v in outer.items() if not structural(n))
print(payload.get_param('hp'), inside, recorded, recorded == outside, sep='\n')
PY
sets() { python3 "$T/sets.py" "$@"; } # PAYLOAD OUTER
openssl_text() { openssl cms -verify -in "$1" -CAfile "$T/ca/root.pem" -out "$T/text" 2>/dev/null && tr -d '\r' <"$T/text" >"$T/inside"; }
{
	printf 'From: Alice <alice@example.org>\nTo: %s\nBcc: boss@example.org\nSubject: A subject\n that is folded\n' "$TO"
	printf 'Comments: between us\nKeywords: a, b\nMessage-ID: <1@example.org>\nContent-Type: text/plain; charset=us-ascii;\nMIME-Version: 1.0\n\nThe text.\n'
} >"$T/mail"
all="[('From', 'Alice <alice@example.org>'), ('Keywords', 'a, b'), ('Message-ID', '<1@example.org>'), ('Subject', 'A subject that is folded'), ('To', '$TO')]"
all=${all/\[/[(\'Comments\', \'between us\'), }
hidden="[('From', 'Alice <alice@example.org>'), ('Message-ID', '<1@example.org>'), ('Subject', '[...]'), ('To', '$TO')]"
for input in mail mail.crlf; do
	sed 's/$/\r/' "$T/mail" >"$T/mail.crlf"
	for form in '' --opaque; do
		check "M10: $input is signed $form with its header" 0 smime sign --header-protection $form -i "$T/$input" -o "$T/message"
		holds 'M10: OpenSSL verifies it' openssl_text "$T/message"
		is 'M10: every field but Bcc is inside' "$(sets "$T/inside" "$T/message" | sed -n 1,3p)" "clear"$'\n'"$all"$'\n[]'
		check 'M10: it verifies' 0 smime verify --json -i "$T/message"
		is 'M10: every field but Bcc is signed' "$(json "$T/out" "d['header_protection'], sorted(f['name'] for f in d['header'] if f['signed'] and not f['differs'])")" \
			"('clear', ['Comments', 'From', 'Keywords', 'Message-ID', 'Subject', 'To'])"
	done
	check "M10: $input is encrypted with its header" 0 smime encrypt --sign --header-protection -r bob@example.org -r "$T/peer-rsa.pem" -i "$T/$input" -o "$T/message"
	openssl cms -decrypt -in "$T/message" -recip "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -out "$T/signed" 2>/dev/null
	holds 'M10: OpenSSL opens it' openssl_text "$T/signed"
	is 'M10: the fields are inside, those outside are recorded, and that is what stands outside' "$(sets "$T/inside" "$T/message")" \
		"cipher"$'\n'"$all"$'\n'"$hidden"$'\nTrue'
	is 'M10: nothing outside tells what is hidden' "$(sed '/^\r*$/,$d' "$T/message" | grep -ciE 'folded|between us|boss|a, b')" 0
	check 'M10: it is decrypted' 0 smime decrypt --require-signature --json -i "$T/message" -o "$T/plain"
	is 'M10: what is hidden is signed and encrypted' "$(json "$T/out" "d['header_protection'], sorted(f['name'] for f in d['header'] if f['signed'] and f['encrypted'])")" \
		"('cipher', ['Comments', 'Keywords', 'Subject'])"
	is 'M10: the mail has its header again' "$(python3 "$T/sets.py" "$T/plain" "$T/plain" | sed -n 2p)" "$all"
done
check 'M10: without a signature' 0 smime encrypt --header-protection -r bob@example.org -i "$T/mail" -o "$T/message"
check 'M10: it is decrypted too' 0 smime decrypt --json -i "$T/message" -o "$T/plain"
is 'M10: and the header is encrypted only' "$(header)" "[('Subject', False, True, True)]"
{ printf 'From: alice@example.org\nSubject: ' && head -c 985 /dev/zero | tr '\0' x && printf '\nX-Other: ' && head -c 985 /dev/zero | tr '\0' y && printf '\n\nThe text.\n'; } >"$T/long"
check 'M10: lines as long as they may be' 0 smime encrypt --header-protection -r "$T/peer-rsa.pem" -i "$T/long" -o "$T/message"
openssl cms -decrypt -in "$T/message" -recip "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -out "$T/text" 2>/dev/null
is 'M10: become no longer' "$(tr -d '\r' <"$T/text" | awk 'length > 998' | wc -l)" 0
is 'M10: and are recorded' "$(tr -d '\r' <"$T/text" >"$T/inside" && sets "$T/inside" "$T/message" | tail -1)" True

sed 's/^Subject: .*/&\nSubject: Another/' "$T/mail" >"$T/twice"
told 'M10: a mail with two subjects is not protected' 6 'has a field twice' smime sign --header-protection -i "$T/twice" -o "$T/never"
printf 'From: alice@example.org\nSubject: \303\274\n\nText\n' >"$T/eight"
told 'M10: nor is one with 8-bit octets in its header' 6 'encode them' smime sign --header-protection -i "$T/eight" -o "$T/never"
told 'M10: nor what says that it is' 6 "can't be protected" smime sign --header-protection -i "$T/unsigned" -k alice@example.org -o "$T/never"
told 'M10: CMS has no header' 2 'for mails' smime encrypt --cms --header-protection -r bob@example.org -i "$T/mail" -o "$T/never"
done_testing
