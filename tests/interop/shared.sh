#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Passwords and key-encryption keys as recipients (RFC 5652 6.2.3, 6.2.4): OpenSSL and gpgsm read what we write, and we read what
# they write. No agent runs where such a recipient is the only one.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
fixture people
contents
printf 'a pass phrase, gr\303\274\303\237\r\nand a second line\n' >"$T/password"
printf 'another' >"$T/wrong"
declare -A kek
for len in 16 24 32; do
	head -c $len /dev/urandom >"$T/kek$len"
	kek[$len]=$(od -An -v -tx1 "$T/kek$len" | tr -d " \n")
done
default_id() { sha256sum "$T/kek$1" | cut -c 1-16; }
phrase=$(head -n 1 "$T/password" | tr -d '\r')
fails 'no agent runs' test -e "$SMIME_AGENT_SOCK"

# ---- Alone ----

for cipher in aes256-cbc aes128-cbc aes256-gcm; do
	for size in 0 16 100000; do
		content=$T/content.$size
		made smime encrypt --cms --cipher $cipher --password-file "$T/password" -i "$content" -o "$T/message"
		reads "E15: OpenSSL opens $size bytes with our password and $cipher" "$content" \
			openssl cms -decrypt -binary -inform DER -pwri_password "$phrase" -in "$T/message" -out "$T/got"
		reads 'E15: so do we, without an agent' "$content" smime decrypt --cms --password-file "$T/password" -i "$T/message" -o "$T/got"
		says 'E15: and say with what' ": $cipher, password, 1 recipient, opened with the shared secret"
		for len in 16 24 32; do
			made smime encrypt --cms --cipher $cipher --kek "$T/kek$len" -i "$content" -o "$T/message"
			reads "E15: OpenSSL opens $size bytes with our AES key of $len octets and $cipher" "$content" \
				openssl cms -decrypt -binary -inform DER -secretkey "${kek[$len]}" -secretkeyid "$(default_id $len)" -in "$T/message" -out "$T/got"
			reads 'E15: so do we, without an agent' "$content" smime decrypt --cms --kek "$T/kek$len" -i "$T/message" -o "$T/got"
			says 'E15: and say with what' ": $cipher, kek, 1 recipient, opened with the shared secret"
			is 'E15: and whether it is shorter than the key in it' \
				"$(grep -c 'encrypted with a shorter one' "$T/err")" "$((len < 32 && ${#cipher} == 10 && ${cipher:3:3} == 256))"
		done
		if [[ $cipher = *cbc ]]; then # OpenSSL wants to wrap with the content's cipher, which GCM does not do
			made openssl cms -encrypt -binary -outform DER -${cipher/s/s-} -pwri_password "$phrase" -in "$content" -out "$T/message"
			reads "E15: we open $size bytes with a password of OpenSSL and $cipher" "$content" \
				smime decrypt --cms --password-file "$T/password" -i "$T/message" -o "$T/got"
		fi
		made openssl cms -encrypt -binary -outform DER -${cipher/s/s-} -secretkey "${kek[32]}" -secretkeyid 0102 -in "$content" -out "$T/message"
		reads "E15: and with an AES key" "$content" smime decrypt --cms --kek "$T/kek32" -i "$T/message" -o "$T/got"
		reads 'E15: by its name' "$content" smime decrypt --cms --kek "$T/kek32" --kek-id 0102 -i "$T/message" -o "$T/got"
	done
done
made smime encrypt --cms --cipher chacha20-poly1305 --password-file "$T/password" --kek "$T/kek32" --kek-id ff00 -i "$CONTENT" -o "$T/message"
reads "E15: a password opens chacha20-poly1305" "$CONTENT" smime decrypt --cms --password-file "$T/password" -i "$T/message" -o "$T/got"
reads 'E15: as does the key beside it' "$CONTENT" smime decrypt --cms --kek "$T/kek32" -i "$T/message" -o "$T/got"
check 'E15: but under its own name only' 1 smime decrypt --cms --kek "$T/kek32" --kek-id 0102 -i "$T/message" -o "$T/got"
mail alice@example.org bob@example.org >"$T/mail"
check 'E15: a mail for whoever has the password' 0 smime encrypt --password-file "$T/password" -i "$T/mail" -o "$T/message"
check 'E15: is decrypted' 0 smime decrypt --json --password-file "$T/password" -i "$T/message" -o "$T/got"
is 'E15: and JSON says how' "$(json "$T/out" 'd["layers"][0]["key_encryption"], d["layers"][0]["key"]')" "('password', None)"
holds 'E15: to what it was' grep -q '^this is the text' "$T/got"
made smime encrypt --cms --password-file "$T/password" -i "$CONTENT" -o "$T/message"
openssl asn1parse -inform DER -in "$T/message" >"$T/parsed" 2>&1
holds 'E15: the key is derived with HMAC-SHA-256' grep -q hmacWithSHA256 "$T/parsed"
holds 'E15: in 600000 iterations' grep -q 'INTEGER *:0927C0' "$T/parsed"
is 'E15: the version is 3' "$(openssl cms -cmsout -print -inform DER -in "$T/message" -noout | grep -m1 -oE 'version: .*')" 'version: 3'

# ---- What does not open ----

failed() { # DESCRIPTION CODE PATTERN OPTION...
	rm -f "$T/got"
	told "$1" "$2" "$3" smime decrypt --cms "${@:4}" -i "$T/message" -o "$T/got"
	absent "$1: nothing is written" "$T/got"
}
failed 'E15: another password' 1 'can.t be decrypted or was changed' --password-file "$T/wrong"
wrong=$(cat "$T/err")
python3 - "$T/message" <<'END'
import sys
data = bytearray(open(sys.argv[1], 'rb').read())
at = data.index(bytes.fromhex('060b2a864886f70d010910030930')) # PWRI-KEK
at = data.index(b'\x04\x10', at)
wrapped = data.index(b'\x04', at + 18)
data[wrapped + 10] ^= 1
open(sys.argv[1], 'wb').write(data)
END
failed 'E15: a changed wrapping' 1 'can.t be decrypted or was changed' --password-file "$T/password"
is 'E15: which is told in the same words' "$(cat "$T/err")" "$wrong"
made smime encrypt --cms --cipher aes256-gcm --password-file "$T/password" --kek "$T/kek16" -i "$CONTENT" -o "$T/message"
flip "$T/message"
failed 'E15: changed content' 1 'can.t be decrypted or was changed' --password-file "$T/password"
is 'E15: is told in the same words' "$(cat "$T/err")" "$wrong"
head -c 16 /dev/urandom >"$T/kek-other"
failed 'E15: another key' 1 'can.t be decrypted or was changed' --kek "$T/kek-other"
is 'E15: is told in the same words' "$(cat "$T/err")" "$wrong"
made smime encrypt --cms --password-file "$T/password" -i "$CONTENT" -o "$T/message"
failed 'E15: without the password' 1 'with a password: name a file with it'
made smime encrypt --cms --kek "$T/kek16" -i "$CONTENT" -o "$T/message"
failed 'E15: without the key' 1 'name its file'
made smime encrypt --cms --password-file "$T/password" -i "$CONTENT" -o "$T/message"
LC_ALL=C sed -i 's/\x02\x03\x09\x27\xc0/\x02\x03\x4c\x4b\x41/' "$T/message"
failed 'E15: more iterations than are done for a stranger' 6 'more work of a password than 5000000' --password-file "$T/password"
: >"$T/empty"
told 'E15: an empty password' 6 'is empty' smime encrypt --cms --password-file "$T/empty" -i "$CONTENT"
printf '\n' >"$T/empty"
told 'E15: or an empty line' 6 'is empty' smime encrypt --cms --password-file "$T/empty" -i "$CONTENT"
head -c 1026 /dev/zero | tr '\0' x >"$T/long"
told 'E15: a password that is too long' 6 'longer than 1024' smime encrypt --cms --password-file "$T/long" -i "$CONTENT"
told 'E15: a password from standard input' 2 'standard input' smime encrypt --cms --password-file - -i "$CONTENT"
told 'E15: a file that is not there' 7 'No such file' smime encrypt --cms --kek "$T/nothing" -i "$CONTENT"
told 'E15: a key of another length' 6 'no AES key' smime encrypt --cms --kek "$T/password" -i "$CONTENT"
told 'E15: a name that is no hex' 2 'in hex' smime encrypt --cms --kek "$T/kek16" --kek-id xyz -i "$CONTENT"
told 'E15: a name without a key' 2 'without a key' smime encrypt --cms --password-file "$T/password" --kek-id 00 -i "$CONTENT"

# ---- Beside certificates ----

agent_start
for cipher in aes256-cbc aes256-gcm; do
	made smime encrypt --cms --cipher $cipher --password-file "$T/password" --kek "$T/kek32" -r "$T/peer-ec.pem" -r bob@example.org -i "$CONTENT" -o "$T/message"
	reads 'E15: a recipient with a certificate opens it' "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
	says 'E15: with that' 'ecdh, 4 recipients, opened with key'
	reads 'E15: OpenSSL, too' "$CONTENT" openssl cms -decrypt -binary -inform DER -inkey "$T/peer-ec.key" -recip "$T/peer-ec.pem" -in "$T/message" -out "$T/got"
	reads 'E15: as does the password' "$CONTENT" smime decrypt --cms --password-file "$T/password" -i "$T/message" -o "$T/got"
	reads 'E15: and the key' "$CONTENT" smime decrypt --cms --kek "$T/kek32" -i "$T/message" -o "$T/got"
done
made smime encrypt --cms -r alice@example.org -i "$CONTENT" -o "$T/message"
reads 'E15: a password that nobody asks for is in nobody'"'"'s way' "$CONTENT" smime decrypt --cms --password-file "$T/wrong" -i "$T/message" -o "$T/got"
made smime encrypt --sign -r alice@example.org --password-file "$T/password" -i "$T/mail" -o "$T/message"
check 'E15: signed inside' 0 smime decrypt --require-signature --password-file "$T/password" -i "$T/message" -o "$T/got"

# ---- gpgsm ----

export GNUPGHOME=$T/gnupg
mkdir -m 700 "$GNUPGHOME"
await gpg_agent_answers || bail 'gpg-agent did not start'
started+=("$gpg_agent")
trap 'end_process "$gpg_agent"; gpgconf --remove-socketdir 2>/dev/null; cleanup' EXIT
gpgsm_opens() { gpgsm --batch --no-tty --pinentry-mode loopback --passphrase-fd 0 --decrypt -o "$T/got" "$T/message" <<<"$phrase"; }
made smime encrypt --cms --cipher aes128-cbc --password-file "$T/password" -i "$CONTENT" -o "$T/message"
reads 'E15: gpgsm opens what we encrypt with a password' "$CONTENT" gpgsm_opens
done_testing
