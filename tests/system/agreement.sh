#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Key agreement (RFC 5753, RFC 8418): every form that is read, what is refused, what is written. An independent program
# (tests/lib/agreement.py) makes and reads the messages; what OpenSSL knows of it is compared with it in tests/interop.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/interop.sh"
fixture people wide kinds
for name in peer-x25519:X25519 peer-x448:X448; do
	fixture_peer "${name%:*}" keyAgreement -algorithm "${name#*:}"
done
fixture_put kinds peer-x448 06 "$T/peer-x448.key" oid && demo_store kinds peer-x448 06 || bail 'no X448 key could be stored'
contents
agent_start

agreement() { PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$SOURCE/tests/lib/agreement.py" "$@"; }
agreement make "$T/bob.pem" "$CONTENT" "$T/message" 2>"$T/err" || skip_all "python3-cryptography: $(tail -n 1 "$T/err")"
opened() { # DESCRIPTION CERTIFICATE NAME=VALUE...: it is made and we read it
	local description=$1 certificate=$2
	shift 2
	made agreement make "$T/$certificate.pem" "$CONTENT" "$T/message" "$@"
	reads "$description" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
}
refused() { # DESCRIPTION CERTIFICATE CODE PATTERN NAME=VALUE...
	local description=$1 certificate=$2 expected=$3 pattern=$4
	shift 4
	made agreement make "$T/$certificate.pem" "$CONTENT" "$T/message" "$@"
	rm -f "$T/got"
	told "$description" "$expected" "$pattern" smime decrypt --cms -i "$T/message" -o "$T/got"
	absent "$description: nothing is written" "$T/got"
}
no_point='missing, or no point on the recipient.s curve'
changed="can't be decrypted or was changed"

# ---- ECDH: what is read ----

for kdf in std cofactor; do
	for digest in sha1 sha224 sha256 sha384 sha512; do
		opened "E13: $kdf DH with X9.63 and $digest" bob kdf=$kdf-$digest
	done
done
for who in p384 p521; do
	opened "E13: ECDH on $who" $who kdf=std-sha512
done
for wrap in 128 192 256; do
	opened "E13: AES-$wrap key wrap, AES-128 inside" bob wrap=$wrap cipher=aes128-cbc
	fails 'E13: which is no shorter' grep -q 'encrypted with a shorter one' "$T/err"
	opened "E13: AES-$wrap key wrap, AES-256 inside" bob wrap=$wrap
	if [ "$wrap" -lt 256 ]; then
		says 'E13: which is shorter' 'encrypted with a shorter one'
	else
		fails 'E13: which is no shorter, either' grep -q 'encrypted with a shorter one' "$T/err"
	fi
done
for params in absent null curve; do
	opened "E13: id-ecPublicKey with parameters: $params" bob params=$params
done
refused 'E13: id-ecPublicKey with another curve is refused' bob 6 "$no_point" params=other
opened 'E13: a compressed point' bob point=compressed
opened 'E13: a compressed point on P-521' p521 point=compressed
for point in hybrid beside infinity; do
	refused "E13: a point that is $point is refused" bob 6 "$no_point" point=$point
done
refused 'E13: a point on another curve is refused' bob 6 "$no_point" curve=p384
opened 'E13: keying material of the sender' bob ukm=00112233445566778899aabbccddeeff
opened 'C25: user keying material without octets' bob ukm=empty
for originator in issuer key-id; do
	opened "C25: an originator named by $originator, whose certificate comes along" bob originator=$originator own="$T/peer-ec"
	refused "C25: an originator named by $originator, whose certificate is missing" bob 6 "$no_point" originator=$originator own="$T/peer-ec" send=no
done
opened 'C25: an ephemeral key' bob originator=key
opened 'C25: a recipient named by key id' bob rid=key

# ---- X25519: what is read ----

x25519=edward-encryption
for digest in sha256 sha384 sha512; do
	opened "E14: X25519 with HKDF and $digest" $x25519 kdf=hkdf-$digest
done
opened 'E14: X25519 with X9.63' $x25519 kdf=std-sha256
for wrap in 128 256; do
	opened "E14: X25519, AES-$wrap key wrap" $x25519 kdf=hkdf-sha256 wrap=$wrap cipher=aes$wrap-cbc
done
for ukm in 00112233445566778899aabbccddeeff empty; do
	opened "E14: X25519 with keying material of the sender, which is the salt too ($ukm)" $x25519 kdf=hkdf-sha256 ukm=$ukm
done
opened 'E14: an X25519 recipient named by key id' $x25519 kdf=hkdf-sha256 rid=key
opened 'E14: X448 with HKDF and sha512' peer-x448 kdf=hkdf-sha512
refused 'E14: an X25519 key for an X448 recipient is refused' peer-x448 6 "$no_point" kdf=hkdf-sha512 small=0
check 'E14: the report tells' 0 smime decrypt --cms --json -i <(agreement make "$T/peer-x448.pem" "$CONTENT" "$T/message" kdf=hkdf-sha512 && cat "$T/message") -o "$T/got"
is 'E14: of x448' "$(json "$T/out" "d['layers'][0]['key_encryption']")" x448
refused 'E14: parameters beside id-X25519 are refused' $x25519 6 "$no_point" kdf=hkdf-sha256 params=null
for small in 0 1 2 3 4 5 6; do
	refused "E14: a public key that makes the secret zero is refused ($small)" $x25519 6 "$no_point" kdf=hkdf-sha256 small=$small
done
made agreement make "$T/$x25519.pem" "$CONTENT" "$T/message" kdf=hkdf-sha256
check 'E14: the report tells' 0 smime decrypt --cms --json -i "$T/message" -o "$T/got"
is 'E14: of x25519' "$(json "$T/out" "d['layers'][0]['key_encryption']")" x25519
flip "$T/message" -17
check 'E14: a changed message is not decrypted' 1 smime decrypt --cms -i "$T/message" -o "$T/got"

# ---- What is written ----

part() { sed -n "s/^$1 //p" "$T/parts"; }
written() { # RECIPIENT CIPHER: the agreements in it
	made smime encrypt --cms --cipher "$2" --no-self -r "$T/$1.pem" -i "$CONTENT" -o "$T/message"
	agreement show "$T/message" >"$T/parts" || bail "what was written can't be read"
}
scheme() { # OID-OF-SCHEME WRAP in hexadecimal; aes128-wrap is ..05, aes256-wrap ..2d, both without parameters
	local inner=300b06096086480165030401$2
	printf '30%02x%s%s' $(((${#1} + ${#inner}) / 2)) "$1" "$inner"
}
std_sha256=06062b8104010b01 hkdf_sha256=060b2a864886f70d0109100313 hkdf_sha512=060b2a864886f70d0109100315
while read -r row peer cipher originator key_scheme wrap point; do
	written "$peer" "$cipher"
	is "$row: KeyAgreeRecipientInfo for $peer is version 3" "$(part version)" 03
	is "$row: the ephemeral key of $peer has no parameters" "$(part originator)" "$originator"
	like "$row: and stands as it is ($peer)" "$(part point)" "^00$point\$"
	is "$row: key derivation and key wrap for $peer with $cipher, the wrap without parameters" "$(part algorithm)" "$(scheme "${!key_scheme}" "$wrap")"
	is "$row: $peer is named by issuer and serial number" "$(part rid)" issuer
	reads "$row: $peer reads $cipher" "$CONTENT" eval 'agreement open "$T/$peer.key" "$T/message" >"$T/got"'
done <<'END'
E13 peer-ec     aes128-cbc 300906072a8648ce3d0201 std_sha256  05 04.{128}
E13 peer-ec     aes256-cbc 300906072a8648ce3d0201 std_sha256  2d 04.{128}
E14 peer-x25519 aes128-cbc 300506032b656e         hkdf_sha256 05 .{64}
E14 peer-x25519 aes256-cbc 300506032b656e         hkdf_sha256 2d .{64}
E14 peer-x448   aes256-cbc 300506032b656f         hkdf_sha512 2d .{112}
END
smime encrypt --cms -r "$T/peer-x25519.pem" -r edward@example.org -r "$T/peer-ec.pem" -i "$CONTENT" -o "$T/message"
agreement show "$T/message" | grep '^point' >"$T/points"
smime encrypt --cms -r "$T/peer-x25519.pem" -r edward@example.org -r "$T/peer-ec.pem" -i "$CONTENT" -o "$T/message"
agreement show "$T/message" | grep '^point' >>"$T/points"
is 'E14: an ephemeral key is for one recipient of one message' "$(sort -u "$T/points" | wc -l)" "$(wc -l <"$T/points")"
is 'E14: of which there are several' "$(wc -l <"$T/points")" 6
reads 'E14: one of the recipients is our X25519 key' "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
for cipher in aes128-gcm aes256-gcm; do
	made smime encrypt --cms --cipher $cipher -r edward@example.org -i "$CONTENT" -o "$T/message"
	reads "E14: X25519 with $cipher" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
done
mail edward@example.org edward@example.org >"$T/mail"
check 'E14: a mail that is signed with Ed25519 and encrypted with X25519' 0 smime encrypt --sign -r edward@example.org -i "$T/mail" -o "$T/encrypted"
check 'E14: is decrypted, and its signature good' 0 smime decrypt --require-signature -i "$T/encrypted" -o "$T/plain"
holds 'E14: with the text' grep -q 'this is the text' "$T/plain"
agent_stop

# ---- X25519 as tokens have it ----

# SoftHSM has it among CKK_EC_EDWARDS; PKCS #11 3.0 has CKK_EC_MONTGOMERY (65), and NSS had it among CKK_EC (3) before that.
export FAULTY_CONTROL=$T/control
module=$SMIME_BUILD/tests/module/faulty-module.so
made agreement make "$T/edward-encryption.pem" "$CONTENT" "$T/message" kdf=hkdf-sha256
for type in 3 64 65; do
	rm -f "$T/agent.yaml"
	configure "$(printf 'environment: ["FAULTY_*"]\nmodules: [{path: "%s"}]' "$module")"
	printf 'edwards=%s\n' "$type" >"$FAULTY_CONTROL"
	agent_start
	reads "E14: a token whose X25519 key is of type $type opens a message" "$CONTENT" smime decrypt --cms -i "$T/message" -o "$T/got"
	check 'the keys are listed' 0 smime keys --json
	is 'E14: the key was seen, and may decrypt' "$(json "$T/out" "[(k['algorithm'], k['seen'], k['can_sign'], k['can_decrypt']) for k in d['keys'] if k['label'] == 'edward-encryption']")" \
		"[('X25519', True, False, True)]"
	printf 'edwards=%s\nzero-secret\n' "$type" >"$FAULTY_CONTROL"
	check "E14: a token of type $type that derives zeros opens nothing" 4 smime decrypt --cms -i "$T/message" -o "$T/got"
	says 'E14: and is told of' 'shared secret of zeros'
	agent_stop
done
done_testing
