# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What other programs make of the messages of a matrix, as notes that page.py puts on docs/conformance.md: to be sourced after
# lib.sh and interop.sh. They differ from version to version, so that they are no test points.

# An openssl, a gpgsm and an NSS that trust a root and know the keys of peer-rsa.
peers_start() { # ROOT
	peers_root=$1
	export GNUPGHOME=$T/gnupg
	mkdir "$GNUPGHOME"
	printf '%s\n' batch quiet disable-crl-checks disable-dirmngr 'pinentry-mode loopback' >"$GNUPGHOME/gpgsm.conf"
	printf '%s S relax\n' "$(openssl x509 -in "$peers_root" -noout -fingerprint -sha1 | sed 's/.*=//')" >"$GNUPGHOME/trustlist.txt"
	gpg_agent=$(gpg-connect-agent --quiet 'getinfo pid' /bye 2>/dev/null 3>&- | sed -n 's/^D //p')
	[ -n "$gpg_agent" ] || bail 'gpg-agent did not start'
	started+=("$gpg_agent")
	trap 'end_process "$gpg_agent"; gpgconf --remove-socketdir 2>/dev/null; cleanup' EXIT
	gpgsm --import "$peers_root" >"$T/peer.log" 2>&1
	gpgsm --passphrase-fd 0 --import "$T/peer-rsa.p12" <<<'' >>"$T/peer.log" 2>&1
	peers_db=sql:$T/nss
	mkdir "$T/nss"
	certutil -N -d "$peers_db" --empty-password
	certutil -A -d "$peers_db" -n root -t ,C, -a -i "$peers_root"
}

peer() { # NAME COMMAND...: NAME and its answer, of a program that may crash or hang
	local name=$1 answer=no
	shift
	timeout 10 "$@" >"$T/peer.out" 2>"$T/peer.err" </dev/null && answer=yes
	printf '%s %s' "$name" "$answer"
}

peers_verify() { # MESSAGE CONTENT
	printf '%s, %s, %s' "$(peer OpenSSL openssl cms -verify -binary -inform DER -in "$1" -content "$2" -CAfile "$peers_root" -out "$T/peer.got")" \
		"$(peer gpgsm gpgsm --verify "$1" "$2")" "$(peer NSS cmsutil -D -d "$peers_db" -i "$1" -c "$2" -o "$T/peer.got")"
}

# timeout(1) runs programs only, so what they write is compared behind it.
peers_decrypt() { # MESSAGE CONTENT
	local answers=()
	rm -f "$T/peer.got"
	answers+=("$(peer OpenSSL openssl cms -decrypt -binary -inform DER -in "$1" -recip "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -out "$T/peer.got")")
	cmp -s "$T/peer.got" "$2" || answers=('OpenSSL no')
	rm -f "$T/peer.got"
	answers+=("$(peer gpgsm gpgsm --output "$T/peer.got" --decrypt "$1")")
	cmp -s "$T/peer.got" "$2" || answers[1]='gpgsm no'
	printf '%s, %s' "${answers[@]}"
}
