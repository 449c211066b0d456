#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Bouncy Castle reads what we write, and we read what Bouncy Castle writes: every algorithm and form that both know.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
for program in java javac; do command -v $program >/dev/null || skip_all "$program is not installed"; done
jars=(/usr/share/java/{bcprov,bcutil,bcpkix,bcmail,javax.mail,javax.activation}.jar)
for jar in "${jars[@]}"; do [ -e "$jar" ] || skip_all "$jar is not installed"; done
fixture people wide kinds
fixture_peer peer-ed25519 digitalSignature -algorithm ED25519
fixture_peer peer-p-384 digitalSignature,keyAgreement -algorithm EC -pkeyopt ec_paramgen_curve:P-384
contents
entity

# One process answers all commands; see Peer.java.
class_path=$T/classes:$(IFS=: && printf %s "${jars[*]}")
mkdir "$T/classes"
javac -nowarn -Xlint:none -d "$T/classes" -cp "$class_path" "$SOURCE/tests/interop/bouncycastle/Peer.java" >"$T/javac" 2>&1 ||
	bail "the other end can't be compiled: $(head -c 2000 "$T/javac")"
mkfifo "$T/commands" "$T/answers"
java -XX:+UseSerialGC -Xmx512m -cp "$class_path" Peer <"$T/commands" >"$T/answers" 2>"$T/castle.log" 3>&- &
castle_pid=$!
started+=("$castle_pid")
exec {commands}>"$T/commands" {castle_answers}<"$T/answers"
castle() { # COMMAND FIELD...
	local answer
	(IFS=$'\t' && printf '%s\n' "$*") >&$commands
	read -r -t 300 answer <&$castle_answers || { echo 'no answer' >&2 && return 1; }
	[ "$answer" = ok ] || { printf '%s\n' "$answer" >&2 && return 1; }
}
signs() { # PEER ALGORITHM FIELD...
	castle sign out="$T/message" key="$T/$1.key" certificate="$T/$1.pem" chain="$T/ca/issuing.pem" algorithm="$2" "${@:3}"
}
verifies() { castle verify in="$T/message" out="$T/got"; }
encrypts() { castle encrypt in="$CONTENT" out="$T/message" "$@"; } # FIELD...
decrypts() { castle decrypt in="$T/message" out="$T/got" "$@"; }   # FIELD...
own() { printf '%s\n' "key=$T/$1.key" "certificate=$T/$1.pem"; }   # PEER
mapfile -t rsa < <(own peer-rsa)
mapfile -t ec < <(own peer-ec)
mapfile -t p384 < <(own peer-p-384)
agent_start

# ---- Signatures ----

while read -r who options; do
	made smime sign --cms $options -k "$who@example.org" -i "$CONTENT" -o "$T/message"
	reads "Bouncy Castle verifies what $who signs $options" "$CONTENT" verifies
	flip "$T/message"
	fails 'but not when it was changed' verifies
	made smime sign --cms --detached $options -k "$who@example.org" -i "$CONTENT" -o "$T/message"
	holds 'a detached signature verifies' castle verify in="$T/message" content="$CONTENT"
	fails 'but not for other content' castle verify in="$T/message" content="$T/content.16"
done <<'END'
alice
alice    --digest sha384
alice    --digest sha512
alice    --pss
alice    --pss --digest sha384
alice    --pss --digest sha512
rsa3072
rsa4096  --digest sha512
bob
bob      --digest sha512
p384
p521
edward
pss
pss384
END
while IFS='|' read -r peer algorithm report; do
	for form in '' ski=1 definite=1 direct=1; do
		[ "$form$peer" != direct=1peer-ed25519 ] || continue
		made signs "$peer" "$algorithm" in="$CONTENT" ${form:+$form}
		reads "we verify $algorithm of $peer ${form%=1}" "$CONTENT" smime verify --cms -i "$T/message" -o "$T/got"
		says 'and say what it is' "good +algorithm +$report\$"
		made signs "$peer" "$algorithm" in="$CONTENT" detached=1 ${form:+$form}
		check 'and detached' 0 smime verify --cms --detached-content "$CONTENT" -i "$T/message"
		check 'but not for other content' 1 smime verify --cms --detached-content "$T/content.16" -i "$T/message"
	done
done <<'END'
peer-rsa|SHA256withRSA|RSA-2048 PKCS#1 v1.5 SHA-256
peer-rsa|SHA384withRSA|RSA-2048 PKCS#1 v1.5 SHA-384
peer-rsa|SHA512withRSA|RSA-2048 PKCS#1 v1.5 SHA-512
peer-rsa|SHA256withRSAandMGF1|RSA-2048 PSS SHA-256
peer-rsa|SHA512withRSAandMGF1|RSA-2048 PSS SHA-512
peer-ec|SHA256withECDSA|EC-256 ECDSA SHA-256
peer-p-384|SHA384withECDSA|EC-384 ECDSA SHA-384
peer-ed25519|Ed25519|Ed25519
END

# ---- Encryption ----

for cipher in aes128-cbc aes256-cbc aes128-gcm aes256-gcm; do
	for oaep in '' --oaep; do
		made smime encrypt --cms --cipher $cipher $oaep -r "$T/peer-rsa.pem" -r "$T/peer-ec.pem" -r "$T/peer-p-384.pem" -i "$CONTENT" -o "$T/message"
		reads "Bouncy Castle decrypts $cipher $oaep with RSA" "$CONTENT" decrypts "${rsa[@]}"
		[[ $cipher != *-gcm ]] || continue # it opens AuthEnvelopedData by key transport alone
		reads 'with P-256' "$CONTENT" decrypts "${ec[@]}"
		reads 'and with P-384' "$CONTENT" decrypts "${p384[@]}"
	done
done
for cipher in des3 aes128-cbc aes192-cbc aes256-cbc aes128-gcm aes192-gcm aes256-gcm; do
	made encrypts cipher=$cipher rsa="$T/peer-rsa.pem,$T/alice.pem"
	reads "we decrypt its $cipher" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
	made encrypts cipher=$cipher rsa="$T/alice.pem" ski=1
	reads 'for a key identifier' "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
	[[ $cipher == *-gcm ]] || continue
	flip "$T/message"
	check 'but not when it was changed' 1 smime decrypt --cms -i "$T/message" -o "$T/got"
	made encrypts cipher=$cipher rsa="$T/alice.pem" attributes=1
	reads 'with attributes that are authenticated too' "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
done
for digest in SHA1 SHA256 SHA384 SHA512; do
	made encrypts cipher=aes256-gcm oaep="$T/alice.pem" digest=$digest
	reads "we decrypt its OAEP with $digest" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
done
for kdf in sha1 sha256 sha384 sha512 cofactor-sha1 cofactor-sha256 cofactor-sha384 cofactor-sha512; do
	for who in bob p384 p521; do
		made encrypts cipher=aes256-cbc ecdh="$T/$who.pem" kdf=$kdf
		reads "we decrypt its ECDH $kdf for $who" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
	done
	made encrypts cipher=aes128-cbc ecdh="$T/peer-ec.pem,$T/bob.pem" kdf=$kdf ukm=something
	reads 'and with keying material of the sender' "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
done

# ---- Passwords, shared keys, compressed content ----

printf 'a pass phrase\n' >"$T/password"
head -c 32 "$T/content.100000" >"$T/kek"
for secret in password kek; do
	option=--$secret
	[ $secret = kek ] || option=--password-file
	for cipher in aes128-cbc aes256-cbc; do
		made smime encrypt --cms --cipher $cipher $option "$T/$secret" -i "$CONTENT" -o "$T/message"
		reads "E15: it opens our $cipher with a $secret" "$CONTENT" decrypts $secret="$T/$secret"
	done
	for cipher in aes128-cbc aes256-cbc aes256-gcm; do
		made encrypts cipher=$cipher $secret="$T/$secret"
		reads "E15: we open its $cipher with a $secret" "$CONTENT" smime decrypt --cms $option "$T/$secret" -i "$T/message" -o "$T/got"
	done
done

made castle sign-mail in="$T/entity" out="$T/inner" from=peer-rsa@example.org key="$T/peer-rsa.key" certificate="$T/peer-rsa.pem" \
	chain="$T/ca/issuing.pem" algorithm=SHA256withRSA
made castle compress in="$T/inner" out="$T/message"
wrapped cms_mail pkcs7
check 'E17: we verify what it signs and compresses' 0 smime verify -i "$T/message" -o "$T/got"
holds 'E17: with the text' grep -q 'From here on: the text.' "$T/got"

for size in "${SIZES[@]}"; do
	made castle sign in="$T/content.$size" out="$T/signed" key="$T/peer-rsa.key" certificate="$T/peer-rsa.pem" chain="$T/ca/issuing.pem" \
		algorithm=SHA256withRSA
	made castle compress in="$T/signed" out="$T/message" signed=1
	reads "E17: we verify $size bytes that it signed, then compressed" "$T/content.$size" smime verify --cms -i "$T/message" -o "$T/got"
done

# ---- Contents of every size ----

for size in "${SIZES[@]}"; do
	content=$T/content.$size
	made smime sign --cms -k alice@example.org -i "$content" -o "$T/message"
	reads "Bouncy Castle verifies $size bytes" "$content" verifies
	made signs peer-rsa SHA256withRSA in="$content"
	reads "we verify $size bytes" "$content" smime verify --cms -i "$T/message" -o "$T/got"
	for cipher in aes256-cbc aes256-gcm; do
		made smime encrypt --cms --cipher $cipher -r "$T/peer-rsa.pem" -i "$content" -o "$T/message"
		reads "it decrypts $size bytes of $cipher" "$content" decrypts "${rsa[@]}"
		made castle encrypt in="$content" out="$T/message" cipher=$cipher rsa="$T/alice.pem"
		reads 'and we do' "$content" smime decrypt --cms -i "$T/message" -o "$T/got"
	done
done

# ---- Mail ----

mail alice@example.org peer-rsa@example.org 'MIME-Version: 1.0' 'Content-Type: text/plain; charset=us-ascii' >"$T/mail"
for form in '' --opaque; do
	made smime sign $form -i "$T/mail" -o "$T/message"
	reads_entity "Bouncy Castle verifies our mail $form" "$T/mail" castle verify-mail in="$T/message" out="$T/got"
done
made smime encrypt -r "$T/peer-rsa.pem" -i "$T/mail" -o "$T/message"
reads_entity 'and decrypts it' "$T/mail" castle decrypt-mail in="$T/message" out="$T/got" "${rsa[@]}"
for opaque in '' opaque=1; do
	for eol in crlf lf; do
		made castle sign-mail in="$T/entity" out="$T/message" from=peer-rsa@example.org key="$T/peer-rsa.key" certificate="$T/peer-rsa.pem" \
			chain="$T/ca/issuing.pem" algorithm=SHA256withRSA ${opaque:+$opaque}
		stored $eol
		check "we verify its mail ${opaque%=1} ($eol)" 0 smime verify -i "$T/message" -o "$T/got"
		holds 'with the text' grep -q 'From here on: the text.' "$T/got"
	done
done
made castle encrypt-mail in="$T/entity" out="$T/message" from=peer-rsa@example.org rsa="$T/alice.pem" cipher=aes256-cbc
check 'and decrypt its mail' 0 smime decrypt -i "$T/message" -o "$T/got"
holds 'with the text' grep -q 'From here on: the text.' "$T/got"
end_process "$castle_pid"
done_testing
