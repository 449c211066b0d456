#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who can read what was sent: the recipients, the sender, and nobody that the mail does not show; each message with a key of its own.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
fixture people odd
fixture_peer peer-two digitalSignature,keyEncipherment -algorithm RSA -pkeyopt rsa_keygen_bits:2048
agent_start
envelope() { PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$SOURCE/tests/lib/envelope.py" "$@"; }
mail alice@example.org peer-rsa@example.org >"$T/mail"
serials() { openssl cms -cmsout -print -in "$1" -noout | grep -E '^ *serialNumber' | grep -oE '0x[0-9A-F]+|[0-9]+$' | sort | tr '\n' ' '; } # FILE
serial_of() { for person; do openssl cms -encrypt -outform PEM -in "$T/mail" -out "$T/one" "$T/$person.pem" && openssl cms -cmsout -print -inform PEM -in "$T/one" -noout | grep -E '^ *serialNumber' | grep -oE '0x[0-9A-F]+|[0-9]+$'; done | sort | tr '\n' ' '; }

# A control, lest nothing be compared with nothing.
like 'the names of recipients can be read' "$(serial_of peer-rsa bob)" '^0x[0-9A-F]{8,} 0x[0-9A-F]{8,} $'

# ---- The sender's copy ----

for cipher in aes256-cbc aes256-gcm; do
	check "E18: alice writes to somebody, $cipher" 0 smime encrypt --cipher $cipher -r "$T/peer-rsa.pem" -i "$T/mail" -o "$T/message"
	is 'E18: for him and for herself' "$(serials "$T/message")" "$(serial_of peer-rsa alice)"
	check 'E18: she can read it' 0 smime decrypt -i "$T/message" -o "$T/got"
	holds 'E18: as it was' grep -q '^this is the text' "$T/got"
done
mail 'someone@example.net' peer-rsa@example.org 'Sender: bob@example.org' >"$T/mail.sender"
check 'E18: the Sender gets it where From has no certificate' 0 smime encrypt -r "$T/peer-rsa.pem" -i "$T/mail.sender" -o "$T/message"
is 'E18: so' "$(serials "$T/message")" "$(serial_of peer-rsa bob)"
mail erin@example.org peer-rsa@example.org >"$T/mail.erin"
check 'E18: erin has a certificate for encryption' 0 smime encrypt -r "$T/peer-rsa.pem" -i "$T/mail.erin" -o "$T/message"
is 'E18: which is the one' "$(serials "$T/message")" "$(serial_of peer-rsa erin-encryption)"
check 'E18: alice writes to herself' 0 smime encrypt -r alice@example.org -i "$T/mail" -o "$T/message"
is 'E18: that is one copy' "$(serials "$T/message")" "$(serial_of alice)"
check 'E18: whoever wants none' 0 smime encrypt --no-self -r "$T/peer-rsa.pem" -i "$T/mail" -o "$T/message"
is 'E18: gets none' "$(serials "$T/message")" "$(serial_of peer-rsa)"
mail 'stranger@example.net' peer-rsa@example.org >"$T/mail.stranger"
check 'E18: whoever has no certificate' 0 smime encrypt -r "$T/peer-rsa.pem" -i "$T/mail.stranger" -o "$T/message"
says 'E18: is warned' 'will not be able to read this message'

# ---- Content-encryption keys ----

key() { envelope key "$T/$1.key" "$2"; }
for cipher in aes128-cbc aes256-cbc aes128-gcm aes256-gcm chacha20-poly1305; do
	: >"$T/keys"
	for n in 1 2 3; do
		made smime encrypt --cms --cipher $cipher -r "$T/peer-rsa.pem" -r "$T/peer-two.pem" -r alice@example.org -i "$T/mail" -o "$T/message"
		is "E19: one key for all recipients, $cipher" "$(key peer-rsa "$T/message")" "$(key peer-two "$T/message")"
		key peer-rsa "$T/message" >>"$T/keys"
		echo >>"$T/keys"
	done
	is "E19: another one for each message" "$(sort -u "$T/keys" | wc -l)" 3
done
check 'E19: one message has one cipher' 0 smime encrypt --cms --cipher aes256-gcm -r "$T/peer-rsa.pem" -r bob@example.org -i "$T/mail" -o "$T/message"
is 'E19: whoever reads it' "$(openssl cms -cmsout -print -inform DER -in "$T/message" -noout | grep -c contentEncryptionAlgorithm)" 1

# ---- Bcc ----

for field in 'Bcc: secret@example.net' 'bcc:
 secret@example.net,
 other@example.net' 'Resent-Bcc: secret@example.net'; do
	mail alice@example.org peer-rsa@example.org "$field" >"$T/mail.bcc"
	for options in '' --sign '--cipher aes256-gcm'; do
		check "E19: a mail with ${field%%:*} $options" 0 smime encrypt $options -r "$T/peer-rsa.pem" -i "$T/mail.bcc" -o "$T/message"
		fails 'E19: names nobody outside' grep -qi 'secret@\|^bcc:\|^resent-bcc:' "$T/message"
		is 'E19: is for those who were named, and nobody else' "$(serials "$T/message")" "$(serial_of peer-rsa alice)"
		check 'E19: decrypted' 0 smime decrypt -i "$T/message" -o "$T/got"
		fails 'E19: it names nobody either' grep -qi 'secret@\|^bcc:\|^resent-bcc:' "$T/got"
	done
done
check 'E19: the message for a Bcc recipient is one of its own' 0 smime encrypt --no-self -r "$T/peer-two.pem" -i "$T/mail.bcc" -o "$T/message"
is 'E19: for him alone' "$(serials "$T/message")" "$(serial_of peer-two)"
fails 'E19: the key of the other message is not in it' grep -qF "$(key peer-two "$T/message" 2>/dev/null || echo none)" "$T/keys"
done_testing
