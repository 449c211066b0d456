# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Whether the policy holds for each key of a kind of token, the first, the middle and the last, for the scripts tests/interop/token-*.sh; to be
# sourced after tokens.sh, and used last, since the token may be made anew:
#
#   obeys_token LABEL [rsa]        four keys on a token of $token_module, the third on P-256 unless told not to, with certificates that differ in
#                                  whatever rules can ask; obeys_card for a card; or obeys_certify NAME NUMBER for each key of another kind, and obeys_keys
#   token_obeys LABEL OTHER KEY    rules about each key of the token LABEL; the token OTHER with a key $T/KEY.pub is there at the same time
#
# The module is behind the recording one, so that what was denied is seen not to have reached it. What is asked of the agent is in obeys.py.

obeys_keys=()   # NAME, in the order of the token
obeys_deaf=     # names of keys that can't decrypt, with blanks around
obeys_other=    # further entries of modules: in agent.yaml, for the other token
obeys_demo='- {path: "'$DEMO_MODULE'"}'

# NAME.pem for NAME.pub: issuer, policy, extended key usage, template and address are those of its number alone.
obeys_certify() { # NAME NUMBER [KEY-USAGE]
	local ca=$T/obeys-ca-$2
	[ -e "$ca.pem" ] || demo_quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3000 -subj "/O=Obeys/CN=Issuer $2" \
		-keyout "$ca.key" -out "$ca.pem" || return
	printf '%s\n' '[e]' basicConstraints=critical,CA:false "keyUsage=critical,${3:-digitalSignature,keyEncipherment,keyAgreement}" \
		"extendedKeyUsage=emailProtection,1.3.6.1.4.1.54321.1.$2" "certificatePolicies=1.3.6.1.4.1.54321.2.$2" \
		"subjectAltName=email:key$2@example.org" 1.3.6.1.4.1.311.21.7=ASN1:SEQUENCE:template '[template]' "oid=OID:1.3.6.1.4.1.54321.3.$2" >"$T/obeys.cnf"
	demo_quiet openssl x509 -new -force_pubkey "$T/$1.pub" -subj "/O=Obeys/CN=$1" -days 2900 -CA "$ca.pem" -CAkey "$ca.key" \
		-extfile "$T/obeys.cnf" -extensions e -out "$T/$1.pem"
}

obeys_token() { # LABEL [rsa]
	local DEMO_MODULE=$token_module number type
	for number in 1 2 3 4; do
		type=rsa:2048
		[ $number != 3 ] || [ "${2:-}" = rsa ] || type=EC:prime256v1
		demo_key "$1" key$number 1$number $type && obeys_certify key$number $number && demo_store "$1" key$number 1$number || return
		obeys_keys+=("key$number")
	done
}

# A card "obeys" of card.sh; it is not inserted yet.
obeys_card() {
	local slot
	card_make obeys rsa
	for slot in 9a 9c 9d 9e; do
		obeys_keys+=("obeys-$slot")
		obeys_certify "obeys-$slot" ${#obeys_keys[@]} && openssl x509 -in "$T/obeys-$slot.pem" -outform DER -out "$T/cards/obeys/$slot.der" || return
	done
	obeys_deaf=' obeys-9e '
}

# A line for each key: its number, the hash of its public key, and what was encrypted for it, where it can decrypt.
obeys_table() {
	local name number=0 message
	for name in "${obeys_keys[@]}"; do
		number=$((number + 1)) message=-
		case $obeys_deaf in
		*" $name "*) ;;
		*) message=$T/obeys-$number.cms && made openssl cms -encrypt -binary -outform DER -aes256 -in "$CONTENT" -out "$message" -recip "$T/$name.pem" ;;
		esac
		printf '%s\t%s\t%s\t%s\n' "$name" $number "$(obeys_hash "$name")" "$message"
	done
}
obeys_hash() { openssl pkey -pubin -in "$T/$1.pub" -outform DER | sha256sum | cut -d' ' -f1; }

token_obeys() { # LABEL OTHER KEY-OF-THE-OTHER
	RECORDED_MODULE=$token_module RECORDED_WITHOUT=
	unset RECORDED_SESSIONS RECORDED_UNLOCKED
	[ -e "$T/content.17" ] || contents
	configure "$(printf 'environment: [RECORDED_*%s]\nmodules:\n  - path: "%s"\n%s  %s\n' "${token_environment:+, $token_environment}" "$RECORDER" \
		"${token_settings:+    $token_settings$'\n'}" "$obeys_other")"
	answers "pin $DEMO_PIN"
	: >"$RECORDED_LOG"
	obeys_table >"$T/obeys.table"
	agent_start
	points_of python3 "$SOURCE/tests/lib/obeys.py" "$SMIME_AGENT_SOCK" "$T" "$1" "$2" "$(obeys_hash "$3")"
	agent_stop
}
