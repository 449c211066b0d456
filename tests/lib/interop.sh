# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For tests with other programs, to be sourced after lib.sh: one side writes $T/message, the other reads it into $T/got.

# Around the block of a cipher, over several buffers, and far beyond them.
SIZES=(0 1 15 16 17 100000 5000000)
contents() { # makes $T/content.SIZE, the same bytes each time, so that what fails once fails again
	local size
	for size in "${SIZES[@]}"; do
		openssl enc -aes-128-ctr -K 00 -iv 00 -nopad -in /dev/zero 2>/dev/null | head -c "$size" >"$T/content.$size"
	done
	CONTENT=$T/content.17
}

# $T/entity for peers to sign or to encrypt, with and without CR. The blank line at its end belongs to it.
entity() {
	printf 'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\303\274\303\237e\n\nFrom here on: the text.\n\n' >"$T/entity.lf"
	sed 's/$/\r/' "$T/entity.lf" >"$T/entity"
}

# Runs the command that writes $T/message; what counts is whether that can be read, so this is a test point only when it fails.
made() { # COMMAND...
	rm -f "$T/message"
	run "$@"
	[ "$code" = 0 ] || fail "this can be made: $*" "$(head -c 2000 "$T/err")"
}
# The test point: does the command write to $T/got what is in the file?
reads() { # DESCRIPTION FILE COMMAND...
	read_as cat "$@"
}
# The same for a MIME entity, whatever its ends of line are and with whatever outer headers it comes.
reads_entity() { # DESCRIPTION FILE COMMAND...
	read_as entity_in "$@"
}
entity_in() { tr -d '\r' | sed -n '/^Content-Type/,$p'; }
read_as() { # FILTER DESCRIPTION FILE COMMAND...
	local filter=$1 description=$2 file=$3
	shift 3
	rm -f "$T/got"
	run "$@"
	if [ "$code" = 0 ] && cmp <("$filter" <"$file") <("$filter" <"$T/got") >>"$T/err" 2>&1; then
		pass "$description"
	else
		fail "$description" "exit code $code of: $*" "$(head -c 2000 "$T/err")"
	fi
}

# What mail programs make of the CMS that gpgsm and NSS write. TYPE is pkcs7 or x-pkcs7.
signed_mail() { # FROM TYPE ENTITY SIGNATURE
	printf '%s\r\n' "From: $1" 'MIME-Version: 1.0' "Content-Type: multipart/signed; protocol=\"application/$2-signature\";" \
		' micalg=sha-256; boundary="the boundary"' '' '--the boundary'
	cat "$3"
	printf '%s\r\n' '' '--the boundary' "Content-Type: application/$2-signature; name=smime.p7s" 'Content-Transfer-Encoding: base64' ''
	openssl base64 -in "$4" | sed 's/$/\r/'
	printf '%s\r\n' '--the boundary--'
}
cms_mail() { # FROM TYPE CMS
	printf '%s\r\n' "From: $1" 'MIME-Version: 1.0' "Content-Type: application/$2-mime; name=smime.p7m" 'Content-Transfer-Encoding: base64' ''
	openssl base64 -in "$3" | sed 's/$/\r/'
}
wrapped() { # signed_mail|cms_mail TYPE [ENTITY]: makes peer-rsa's mail of the CMS in $T/message
	local wrap=$1
	shift
	mv "$T/message" "$T/cms"
	"$wrap" peer-rsa@example.org "$@" "$T/cms" >"$T/message"
}
# $T/message as a store without CR has it; or as it is.
stored() { # lf|crlf
	[ "$1" = lf ] || return 0
	tr -d '\r' <"$T/message" >"$T/stored"
	mv "$T/stored" "$T/message"
}
# And back: the CMS of a mail; the two parts of a multipart/signed as $T/part, the way it was signed, and $T/signature.
cms_in() { tr -d '\r' <"$1" | sed '1,/^$/d' | openssl base64 -d; } # FILE
split_signed() { # FILE
	python3 - "$1" "$T/part" "$T/signature" <<-'END'
		import base64, re, sys
		mail = re.sub(rb'\r?\n', b'\r\n', open(sys.argv[1], 'rb').read())
		boundary = re.search(rb'boundary="([^"]+)"', mail).group(1)
		part, signature = mail.split(b'\r\n--' + boundary)[1:3]
		open(sys.argv[2], 'wb').write(part.split(b'\r\n', 1)[1])
		open(sys.argv[3], 'wb').write(base64.b64decode(signature.split(b'\r\n\r\n', 1)[1]))
	END
}

# Changes a byte near the end of a CMS file: part of the signature or of the tag, whether BER ends with zeros or not. Where it ends with
# a ciphertext of CBC, it is rather the last byte of the block before the last one, -17, that is changed: that makes the padding wrong,
# while another last block is one of random bytes, of which one in 256 ends with a padding.
flip() { # FILE [PLACE]
	python3 -c 'import sys; d = bytearray(open(sys.argv[1], "rb").read()); d[int(sys.argv[2])] ^= 1; open(sys.argv[1], "wb").write(d)' "$1" "${2:--10}"
}

# Starts gpg-agent where none runs, and sets $gpg_agent. gpg-connect-agent waits for it for no more than five seconds.
gpg_agent_answers() {
	gpg_agent=$(gpg-connect-agent --quiet 'getinfo pid' /bye 2>/dev/null 3>&- | sed -n 's/^D //p')
	[ -n "$gpg_agent" ]
}
# gpgsm with the fixture's CA, certificates and the key of peer-rsa, and its agent, which ends with the test.
gpgsm_start() { # [CERTIFICATE...]
	export GNUPGHOME=$T/gnupg
	mkdir "$GNUPGHOME"
	printf '%s\n' batch quiet disable-crl-checks disable-dirmngr 'pinentry-mode loopback' >"$GNUPGHOME/gpgsm.conf"
	printf '%s S relax\n' "$(openssl x509 -in "$T/ca/root.pem" -noout -fingerprint -sha1 | sed 's/.*=//')" >"$GNUPGHOME/trustlist.txt"
	await gpg_agent_answers || bail 'gpg-agent did not start'
	started+=("$gpg_agent")
	# Where there is a /run/user, its socket is in a directory there.
	trap 'gpgsm_end; cleanup' EXIT
	check 'gpgsm takes the certificates' 0 gpgsm --import "$T"/ca/{root,issuing}.pem "$@"
	check 'and a key' 0 gpgsm_take_key
}
# It can't read one of some hundred PKCS #12 files, as their salt is: then others are made.
gpgsm_take_key() {
	local try
	for try in 1 2 3 4 5 6; do
		gpgsm --passphrase-fd 0 --import "$T/peer-rsa.p12" <<<'' && return
		openssl pkcs12 -export -inkey "$T/peer-rsa.key" -in "$T/peer-rsa.pem" -name peer-rsa -passout pass: -keypbe PBE-SHA1-3DES \
			-certpbe PBE-SHA1-3DES -macalg sha1 -out "$T/peer-rsa.p12"
	done
	return 1
}
gpgsm_end() {
	gpgconf --kill gpg-agent 2>/dev/null
	gpgconf --remove-socketdir 2>/dev/null
}
