#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Memory is constant: 1 GiB through every operation, as CMS and as mail, from files and through pipes. And what is not known to
# be whole is not let out, however large. Needs some 4 GB in $TMPDIR for a minute.
. "$(dirname "$0")/../lib/lib.sh"

CLIENT_MAX_KIB=$((16 * 1024)) AGENT_MAX_KIB=$((16 * 1024))

fixture people
agent_start
head -c 1G /dev/zero >"$T/content"
{
	mail alice@example.org bob@example.org 'MIME-Version: 1.0' 'Content-Type: application/octet-stream' \
		'Content-Transfer-Encoding: base64' | sed '/^$/q'
	base64 -w 76 "$T/content" | head -c 1G
} >"$T/mail"

constant() { # DESCRIPTION COMMAND...
	local description=$1 peak
	shift
	check "1 GiB: $description" 0 env time -f %M -o "$T/peak" "$@"
	peak=$(tail -n 1 "$T/peak")
	note "peak of: $description: $peak KiB"
	holds "$description: under $CLIENT_MAX_KIB KiB" [ "$peak" -lt "$CLIENT_MAX_KIB" ]
}
piped() { # FILE COMMAND...: without a file that could be read twice
	sh -c 'file=$1 && shift && cat "$file" | "$@"' - "$@"
}
counted() { # COMMAND...: the number of octets that come out
	"$@" 2>"$T/err" | wc -c
}

constant 'sign, opaque' smime sign --cms -k alice@example.org -i "$T/content" -o "$T/signed"
constant 'verify, opaque' smime verify -q --cms -i "$T/signed" -o /dev/null
rm "$T/signed"
constant 'sign, detached' smime sign --cms --detached -k alice@example.org -i "$T/content" -o "$T/signature"
constant 'verify, detached' smime verify -q --cms --detached-content "$T/content" -i "$T/signature"
constant 'encrypt with GCM' smime encrypt --cms --cipher aes256-gcm -r bob@example.org -i "$T/content" -o "$T/encrypted"
is 'what comes out is what went in' "$(smime decrypt -q --cms -i "$T/encrypted" 2>/dev/null | openssl dgst -sha256 -r | cut -d' ' -f1)" \
	"$(openssl dgst -sha256 -r "$T/content" | cut -d' ' -f1)"
rm "$T/content"
constant 'decrypt GCM through pipes' sh -c 'cat "$1" | smime decrypt -q --cms | cat >/dev/null' - "$T/encrypted"
rm "$T/encrypted"
constant 'sign a mail' smime sign -i "$T/mail" -o "$T/signed"
constant 'verify a mail' smime verify -q -i "$T/signed" -o /dev/null
rm "$T/signed"
constant 'sign and encrypt a mail with CBC' smime encrypt --sign -r bob@example.org -i "$T/mail" -o "$T/encrypted"
constant 'decrypt and verify a mail' smime decrypt -q --require-signature -i "$T/encrypted" -o /dev/null
rm "$T/encrypted"

measured=
for pid in $agent_pid $(descendants "$agent_pid"); do
	read -r name peak < <(awk '$1 == "Name:" { name = $2 } $1 == "VmHWM:" { print name, $2 }' "/proc/$pid/status" 2>/dev/null) ||
		continue # it looked for tokens, and has ended
	measured+="$name "
	note "peak of $name: $peak KiB"
	holds "$name: under $AGENT_MAX_KIB KiB" [ "$peak" -lt "$AGENT_MAX_KIB" ]
done

for name in smime-agent smime-spawner smime-reader smime-token; do like "$name was measured" " $measured" " $name "; done

# 20 MB with the fault in the last octets: not one octet comes out before it is found.
head -c 20000000 "$T/mail" >"$T/part"
rm "$T/mail"
smime encrypt --cms --cipher aes256-gcm -r bob@example.org -i "$T/part" -o "$T/gcm"
smime sign --cms -k alice@example.org -i "$T/part" -o "$T/opaque"
smime encrypt --sign -r bob@example.org -i "$T/part" -o "$T/mail"
change() { # FILE FROM-THE-END
	python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(-int(sys.argv[2]), 2)
    octet = f.read(1)
    f.seek(-1, 1)
    f.write(bytes([octet[0] ^ 4]))' "$@"
}
is 'whole, GCM comes out' "$(counted smime decrypt --cms "$T/gcm")" 20000000
is 'whole, opaque content comes out' "$(counted smime verify --cms -o /dev/stdout "$T/opaque")" 20000000
change "$T/gcm" 5
change "$T/opaque" 100
is 'changed, GCM does not' "$(counted smime decrypt --cms "$T/gcm")" 0
is 'nor through a pipe' "$(counted piped "$T/gcm" smime decrypt --cms)" 0
is 'changed, opaque content does not' "$(counted smime verify --cms -o /dev/stdout "$T/opaque")" 0
is 'nor through a pipe' "$(counted piped "$T/opaque" smime verify --cms -o /dev/stdout)" 0
done_testing
