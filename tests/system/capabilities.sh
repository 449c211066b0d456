#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Which cipher a message is encrypted with when nobody says: what is known of its recipients decides, and it is learned from good
# signatures alone.
. "$(dirname "$0")/../lib/lib.sh"
fixture people
python3 "$SOURCE/tests/conformance/lessons.py" "$T" >"$T/made" 2>&1 || bail "$(tail -n 1 "$T/made")"
printf 'content\n' >"$T/content"
mail alice@example.org bob@example.org >"$T/mail"
store=$HOME/.local/state/smime-agent/capabilities
listed() { ls -A "$store" 2>/dev/null | wc -l; }
chosen() { # DESCRIPTION EXPECTED REASON PERSON...: encrypting to these people's certificates; there is no agent
	local recipients=() description=$1 expected=$2 reason=$3
	for person in "${@:4}"; do recipients+=(-r "$T/$person.pem"); done
	check "$description" 0 smime encrypt --cms -v "${recipients[@]}" -i "$T/content" -o "$T/message"
	says "$description: it is said" "encrypting with $expected: $reason"
	is "$description: and done" "$(cipher_in "$T/message")" "${expected%% and*}"
}
cipher_in() { # FILE: by its object identifier
	openssl asn1parse -inform DER -in "$1" 2>/dev/null | grep -oE 'aes-(128|256)-(cbc|gcm)|2.16.840.1.101.3.4.1.(46|6)$|1.2.840.113549.1.9.16.3.18' |
		sed 's/aes-/aes/; s/1.2.840.113549.1.9.16.3.18/chacha20-poly1305/' | head -n 1
}

# ---- What certificates say (RFC 4262) ----

chosen 'E20: of a recipient nothing is known' aes256-cbc 'CN=plain.* has not said' plain
chosen 'K12: a recipient whose certificate names GCM' aes256-gcm 'every recipient names it' gcm
chosen 'E20: another one besides, of whom nothing is known' aes256-cbc 'CN=plain.* has not said' gcm plain
chosen 'E20: the best that all name' aes256-gcm 'every recipient names it' gcm gcm-too
chosen 'E20: ChaCha20-Poly1305 when that is it' chacha20-poly1305 'every recipient names it' chacha gcm-too
chosen 'E20: nothing that all name' aes256-cbc 'there is no cipher that authenticates and that every' chacha gcm
chosen 'E20: AES-128-GCM before any CBC' aes128-gcm 'every recipient names it' gcm128 gcm128-too
chosen 'E20: AES-128-CBC for who names nothing else' aes128-cbc 'CN=small.* 128 bits only' small plain
chosen 'E20: and for others then' aes128-cbc 'CN=small.* 128 bits only' small gcm
chosen 'E20: nothing weaker than AES, whatever is named' aes256-cbc 'CN=old.* names no cipher that authenticates' old
chosen 'K12: an extension that can not be read is none' aes256-cbc 'CN=damaged.* has not said' damaged
check 'E20: what is asked for is done' 0 smime encrypt --cms -v --cipher aes128-cbc -r "$T/gcm.pem" -i "$T/content" -o "$T/message"
says 'E20: and said' 'encrypting with aes128-cbc: it was asked for'
check 'E20: nobody is told who does not ask' 0 smime encrypt --cms -r "$T/gcm.pem" -i "$T/content" -o "$T/message"
is 'E20: not a word' "$(cat "$T/err")" ''
printf 'secret\n' >"$T/password"
check 'E20: with a password' 0 smime encrypt --cms -v -r "$T/hkdf.pem" --password-file "$T/password" -i "$T/content" -o "$T/message"
says 'E20: what its owner can read is not known' 'encrypting with aes256-cbc: nothing is known of who has the password'

# ---- CEK-HKDF-SHA256, RSAES-OAEP ----

hkdf=1.2.840.113549.1.9.16.3.31
derived() { openssl asn1parse -inform DER -in "$1" | grep -qF ":$hkdf"; }
envelope() { /usr/bin/python3 "$SOURCE/tests/lib/envelope.py" "$@"; }
chosen 'E7: CEK-HKDF-SHA256 when all name it' 'aes256-gcm and CEK-HKDF-SHA256' 'every recipient names it' hkdf
holds 'E7: the message has it' derived "$T/message"
chosen 'E7: with CBC, too' 'aes256-cbc and CEK-HKDF-SHA256' 'CN=hkdf-cbc.* names no cipher' hkdf-cbc hkdf
holds 'E7: the message has it' derived "$T/message"
chosen 'E7: not when one does not' aes256-gcm 'every recipient names it' hkdf gcm
fails 'E7: the message has it not' derived "$T/message"
for cipher in aes256-cbc aes256-gcm chacha20-poly1305; do
	check "E7: with $cipher, which was asked for" 0 smime encrypt --cms -v --cipher $cipher -r "$T/oaep-sha1.pem" -i "$T/content" -o "$T/message"
	says 'E7: it is said' "encrypting with $cipher and CEK-HKDF-SHA256: it was asked for"
	check 'E7: another program reads it' 0 envelope open "$T/oaep-sha1.key" "$T/message"
	same 'E7: to what it was' "$T/out" "$T/content"
done
key_encryption() { openssl cms -cmsout -print -inform DER -in "$1" -noout | grep -A1 keyEncryptionAlgorithm | grep -oE 'rsa[A-Za-z]+' | tr '\n' ' '; }
check 'E12: OAEP for who names it' 0 smime encrypt --cms --cipher aes256-cbc -r "$T/oaep.pem" -r "$T/peer-rsa.pem" -r "$T/oaep-sha1.pem" -i "$T/content" -o "$T/message"
is 'E12: not for others, nor for who names it with SHA-1' "$(key_encryption "$T/message")" 'rsaesOaep rsaEncryption rsaEncryption '
check 'E12: which OpenSSL reads' 0 openssl cms -decrypt -inform DER -binary -in "$T/message" -inkey "$T/oaep.key" -recip "$T/oaep.pem" -out "$T/got"
same 'E12: to what it was' "$T/got" "$T/content"

# ---- What signatures say ----

verify() { smime verify --cms --trust "$T/rows-root.pem" "${@:2}" -i "$T/$1.der"; }
not_learned() { # DESCRIPTION CODE MESSAGE OPTION...
	check "$1" "$2" verify "${@:3}"
	is "$1: is not learned from" "$(listed)" 0
}
not_learned 'C17: a signature that is bad' 1 broken
not_learned 'C17: a signer whom nobody trusts' 1 strange
not_learned 'C17: a signature from the future' 0 far
not_learned 'C17: a signature without a time' 0 timeless
not_learned 'C17: one without capabilities' 0 silent
not_learned 'C17: a list beyond any measure' 0 large
not_learned 'C17: a look at another time' 0 first --at "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
fails 'C17: no directory was made' test -e "$store"
check 'C17: a good signature' 0 verify first
is 'C17: is learned from' "$(listed)" 1
is 'C17: by key' "$(ls "$store")" "$(openssl x509 -in "$T/bea.pem" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d' ' -f1)"
is 'C17: for nobody else to read' "$(stat -c %a "$store"/* "$store" | tr '\n' ' ')" '600 700 '
fails 'C17: the content is not kept' grep -q 'programs' "$store"/*
chosen 'C17: what was learned is used' aes256-gcm 'every recipient names it' bea
check 'C17: a newer signature' 0 verify newer
chosen 'C17: counts' aes256-cbc 'CN=bea.* names no cipher that authenticates' bea
check 'C17: an older one' 0 verify first
chosen 'C17: does not' aes256-cbc 'CN=bea.* names no cipher that authenticates' bea
check 'C17: a clock that is ahead by hours' 0 verify soon
chosen 'C17: is believed' aes256-gcm 'every recipient names it' bea
check 'C17: one that is ahead by more than a day' 0 verify far
chosen 'C17: is not' aes256-gcm 'every recipient names it' bea
is 'C17: one file for each key, and nothing beside it' "$(listed)" 1

check 'C17: a signer who wants to be encrypted to otherwise' 0 verify preferred
chosen 'C17: is asked for by that certificate' aes256-gcm 'every recipient names it' dora-encryption
chosen 'C17: and by the one that signed' aes256-gcm 'every recipient names it' dora
rm -r "$store"
check 'C17: the same by key id' 0 verify by-key-id
chosen 'C17: is found' aes256-gcm 'every recipient names it' dora-encryption
rm -r "$store"
for way in as-microsoft-has-it in-both-ways; do
	check "C18: a certificate for encryption that is named $way" 0 verify $way
	chosen "C18: is found, $way" aes256-gcm 'every recipient names it' dora-encryption
	rm -r "$store"
done
check 'C17: who speaks for others' 0 verify for-others
chosen 'C17: is heard for himself' aes256-gcm 'every recipient names it' dora
chosen 'C17: and for nobody else' aes256-cbc 'CN=bea.* has not said' bea

file=$(ls "$store"/*)
printf 'nonsense' >"$file"
chosen 'C17: a file that is damaged is none' aes256-cbc 'CN=dora.* has not said' dora
check 'C17: it is written anew' 0 verify preferred
chosen 'C17: and read' aes256-gcm 'every recipient names it' dora
mv "$file" "$T/elsewhere" && ln -s "$T/elsewhere" "$file"
chosen 'C17: a link is not followed' aes256-cbc 'CN=dora.* has not said' dora
rm -r "$store" && : >"$store"
check 'C17: where nothing can be written, a verification is as good' 0 verify first
rm "$store"
home=$HOME HOME=$T/no-home
check 'C17: a home directory that is not there' 0 verify first
fails 'C17: is not made' test -e "$HOME"
HOME=$home
XDG_STATE_HOME=$T/state
export XDG_STATE_HOME
check 'C17: another place' 0 verify first
is 'C17: is used' "$(ls "$XDG_STATE_HOME/smime-agent/capabilities" | wc -l) $(listed)" '1 0'
unset XDG_STATE_HOME

# ---- Own keys ----

configure 'capabilities: [aes256-gcm, aes256-cbc, aes128-cbc]'
agent_start
own() { # DESCRIPTION EXPECTED REASON: a mail from alice to herself and a file's owner
	check "$1" 0 smime encrypt -v -r "$T/gcm.pem" -r alice@example.org -i "$T/mail" -o "$T/message"
	says "$1: it is said" "encrypting with $2: $3"
	check "$1: and read" 0 smime decrypt -i "$T/message" -o "$T/got"
	says "$1: so" ": $2, rsa-v1.5, 2 recipients"
}
own 'E20: the own copy counts, by what the agent advertises' aes256-gcm 'every recipient names it'
check 'C17: what is decrypted and good is learned from' 0 smime encrypt --sign -r bob@example.org -i "$T/mail" -o "$T/message"
check 'C17: when it is opened' 0 smime decrypt -i "$T/message" -o "$T/got"
is 'C17: one signer, one file' "$(listed)" 1
rm -r "$store"
printf 'Content-Type: text/plain\n\ntext\n' >"$T/entity"
openssl cms -sign -nodetach -signer "$T/stranger.pem" -inkey "$T/stranger.key" -in "$T/entity" -out "$T/signed"
openssl cms -encrypt -aes256 -from stranger@example.org -in "$T/signed" -out "$T/message" "$T/alice.pem"
check 'C17: what somebody has signed whom nobody trusts is decrypted' 0 smime decrypt -i "$T/message" -o "$T/got"
is 'C17: and not learned from' "$(listed)" 0
openssl cms -sign -nodetach -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -certfile "$T/ca/issuing.pem" -in "$T/entity" -out "$T/signed"
openssl cms -encrypt -aes256 -from peer-rsa@example.org -in "$T/signed" -out "$T/message" "$T/alice.pem"
check 'C17: another is trusted' 0 smime decrypt -i "$T/message" -o "$T/got"
is 'C17: and learned from' "$(listed)" 1
check 'C17: as alice is once more' 0 smime sign -i "$T/mail" -o "$T/message"
check 'C17: when she is verified' 0 smime verify -i "$T/message"
agent_stop
chosen 'C17: and used where the agent is not there' aes256-gcm 'every recipient names it' alice
configure 'capabilities: [aes256-cbc, aes128-cbc]'
agent_start
own 'E20: an agent that advertises CBC alone gets that' aes256-cbc 'CN=Alice.* names no cipher that authenticates'
check 'E20: no copy for oneself' 0 smime encrypt -v --no-self -r "$T/gcm.pem" -i "$T/mail" -o "$T/message"
says 'E20: and it does not count' 'encrypting with aes256-gcm: every recipient names it'
holds 'E20: the mail says authEnveloped-data' grep -q 'smime-type=authEnveloped-data' "$T/message"
done_testing
