# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Real smart cards for tests, without hardware: a private pcscd with two virtual readers, PIV cards, OpenSC. To be sourced
# behind lib.sh:
#
#   fixture                        # for the demonstration CA
#   card_stack                     # pcscd on a socket of its own, readers 0 and 1, called $CARD_READER or "Test Reader"
#   card_make alice                # RSA-2048; `card_make bob ec` for P-256, `card_make alice2 rsa SERIAL Alice` for a double
#   card_insert 0 alice
#   card_agent_start               # the agent with OpenSC's module
#   check 'alice signs' 0 smime sign -k alice@example.org -i "$T/mail" -o "$T/signed"
#
# Four keys on each card (CN is that of the card):
#   9A  id 01  NAME-auth@example.org  signs after login
#   9C  id 02  NAME@example.org       signs, the PIN each time (CKA_ALWAYS_AUTHENTICATE)
#   9D  id 03  NAME@example.org       decrypts after login (keyEncipherment, or keyAgreement on P-256)
#   9E  id 04  NAME-card@example.org  P-256, signs without a login
# PIN 123456, PUK 12345678, three tries, which are in the card's directory. The certificates are $T/NAME-9a.pem and so on.
#
# Faults, delays and counts: card_ask, whose words are in tests/card/control.c. What reached the cards is in $T/card.log.

CARD=$SMIME_BUILD/tests/card
CARD_PIN=123456 CARD_PUK=12345678
OPENSC_MODULE=$(find /usr/lib /usr/local/lib -name opensc-pkcs11.so -print -quit 2>/dev/null)
YKCS11_MODULE=$(find /usr/lib /usr/local/lib -name libykcs11.so.2 -print -quit 2>/dev/null) # no package needs it, so it may be empty
VPCD_DRIVER=$(find /usr/lib /usr/local/lib -name libifdvpcd.so -print -quit 2>/dev/null)

# ---- The stack ----

card_stack() {
	[ -n "$OPENSC_MODULE" ] && [ -n "$VPCD_DRIVER" ] && [ -x "$CARD/card" ] || skip_all 'pcscd, OpenSC, vsmartcard-vpcd or libpcsclite is not there'
	mkdir -p "$T/cards" "$T/readers" "$T/no-drivers"
	"$CARD/card" "$T/card.sock" "$T/card.log" >"$T/card.port" 2>"$T/card.err" </dev/null 3>&- &
	card_pid=$!
	started+=("$card_pid")
	disown "$card_pid"
	await [ -s "$T/card.port" ] || bail "the card readers did not start: $(cat "$T/card.err")"
	printf 'FRIENDLYNAME "%s"\nDEVICENAME /dev/null:%s\nLIBPATH %s\nCHANNELID %s\n' \
		"${CARD_READER:-Test Reader}" "$(cat "$T/card.port")" "$VPCD_DRIVER" "$(cat "$T/card.port")" >"$T/readers/vpcd"
	export PCSCLITE_CSOCK_NAME=$T/pcscd.comm
	pcscd_start
}

pcscd_pid=

# Only the readers of the test: pcscd is shown an empty directory for drivers of USB readers.
pcscd_start() {
	PCSCLITE_HP_DROPDIR=$T/no-drivers "$CARD/activate" "$PCSCLITE_CSOCK_NAME" "$(PATH=$PATH:/usr/sbin command -v pcscd)" --foreground -c "$T/readers" \
		>>"$T/pcscd.log" 2>&1 </dev/null 3>&- &
	pcscd_pid=$!
	started+=("$pcscd_pid")
	disown "$pcscd_pid"
	await pcscd_ready || bail "pcscd did not start: $(tail -n 5 "$T/pcscd.log")"
}
pcscd_ready() { [ "$("$CARD/raw" | wc -l)" = 2 ]; }
pcscd_stop() { # [SIGNAL]
	kill "${1:--TERM}" "$pcscd_pid"
	await ended "$pcscd_pid" || kill -9 "$pcscd_pid"
	pcscd_pid=
	rm -f "$PCSCLITE_CSOCK_NAME"
}
pcscd_kill() { pcscd_stop -KILL; }

# ---- Cards ----

# A card in $T/cards/NAME. Two cards with one common name have labels that are alike, and differ in the serial number.
card_make() { # NAME [rsa|ec [SERIAL [COMMON-NAME]]]; SERIAL: 16 hexadecimal digits
	local name=$1 type=${2:-rsa} serial=${3:-} common=${4:-$1} slot making=()
	mkdir -p "$T/cards/$name"
	printf '%s\n' "${serial:-$(openssl rand -hex 8)}" >"$T/cards/$name/serial"
	for slot in 9a 9c 9d 9e; do card_make_key "$name" "$type" "$slot" & making+=("$!"); done
	for slot in "${making[@]}"; do wait "$slot" || bail "no key for the card $name"; done
	local decryption=keyEncipherment
	[ "$type" = rsa ] || decryption=keyAgreement
	card_certify "$name" 9a "$common" "$name-auth@example.org" digitalSignature
	card_certify "$name" 9c "$common" "$name@example.org" digitalSignature,nonRepudiation
	card_certify "$name" 9d "$common" "$name@example.org" $decryption
	card_certify "$name" 9e "$common" "$name-card@example.org" digitalSignature
}
# Keys are made once for a build: RSA keys take long. No two cards of different names share one.
card_make_key() { # NAME rsa|ec SLOT
	local type=$2 key=$FIXTURE-cards/$1-$2-$3 parameters=(-algorithm RSA -pkeyopt rsa_keygen_bits:2048)
	[ "$3" != 9e ] || type=ec
	[ "$type" = rsa ] || parameters=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
	mkdir -p "$FIXTURE-cards"
	[ -e "$key" ] || { demo_quiet openssl genpkey "${parameters[@]}" -out "$key.$BASHPID" && mv "$key.$BASHPID" "$key"; } || return
	cp "$key" "$T/cards/$1/$3.key" && openssl pkey -in "$key" -pubout -out "$T/$1-$3.pub"
}
card_certify() { # NAME SLOT COMMON-NAME ADDRESS KEY-USAGE
	demo_certificate "$1-$2" "$3" "$4" "$5" && openssl x509 -in "$T/$1-$2.pem" -outform DER -out "$T/cards/$1/$2.der" || bail "no certificate $1-$2"
}

# Tells the readers something: READER COMMAND ARGUMENT..., see tests/card/control.c.
card_ask() { "$CARD/ask" "$T/card.sock" "$@"; }

card_put() { card_ask "$1" insert "$T/cards/$2"; } # READER NAME: and does not wait for pcscd to see it
card_take() { card_ask "$1" remove; }              # READER
card_insert() { # READER NAME: and waits for pcscd to see it, if that runs
	card_put "$@" && { [ -z "$pcscd_pid" ] || await card_ask "$1" seen; } || bail "the card $2 is not to be seen in reader $1"
}
card_remove() { # READER
	card_take "$1" && { [ -z "$pcscd_pid" ] || await card_empty "$1"; } || bail "reader $1 does not become empty"
}
card_empty() { "$CARD/raw" | grep -q "^$1 empty "; } # READER

card_delay() { card_ask "$1" delay "${@:2}"; } # READER APDU-MS [KEY-MS]
card_count() { card_ask "$1" count "$2"; }     # READER WHAT, e.g. 0 verify-wrong
card_tries() { card_ask "$1" tries; }          # READER: what PIN and PUK have left

# At the COUNT-th APDU of a KIND from now: card_fault 0 verify 1 status 6F00, card_fault 0 any 3 pull, card_fault 0 any 1 swap NAME
card_fault() { # READER KIND COUNT|every WHAT [ARGUMENT]; READER clear
	if [ "${4:-}" = swap ]; then card_ask "$1" fault "$2" "$3" swap "$T/cards/$5"; else card_ask "$1" fault "${@:2}"; fi
}

# The status word with which the card answers another program that asks for a signature, over a connection shared with the agent.
# Once more where the agent, which looks at the card at the same time, has selected another application between the two APDUs (6A80).
card_raw_sign() { # READER SLOT rsa|ec
	local status
	for _ in 1 2 3 4 5; do
		status=$("$CARD/raw" "$1" sign "$2" "$3" | tail -n 1)
		[ "$status" = 6A80 ] || break
	done
	printf '%s\n' "$status"
}
# The attestation of a key, which the card makes (card_can_attest); DER.
card_attest() { "$CARD/raw" "$1" attest "$2"; } # READER SLOT
# Makes a card a YubiKey of this firmware (050701), serial number and touch policy (02: each time), which attests with a key F9.
card_can_attest() { # NAME KEY CERTIFICATE FIRMWARE SERIAL TOUCH
	cp "$2" "$T/cards/$1/f9.key" && openssl x509 -in "$3" -outform DER -out "$T/cards/$1/f9.der" && printf '%s\n' "${*:4}" >"$T/cards/$1/device"
}
# Another program resets the card.
card_raw_reset() { "$CARD/raw" "$1" reset; } # READER

# ---- The agent ----

# agent.yaml with OpenSC's module, beside what else the test gives.
card_configure() { # [YAML [KEYS-OF-THE-MODULE]], e.g. '' 'deadline: 2s'
	configure "$(printf '%s\nmodules: [{path: "%s"%s}]' "${1:-}" "$OPENSC_MODULE" "${2:+, $2}")"
}
card_agent_start() { # ARGUMENT...
	[ -e "$T/agent.yaml" ] || card_configure
	agent_start "$@"
}
