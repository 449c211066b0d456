# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the agent can do with a token, found by trying, for the scripts tests/interop/token-*.sh; to be sourced after lib.sh. A
# script makes a token with an RSA-2048 key and, where it can, a P-256 key, and certificates for them (token_keys), and then:
#
#   token_module=/usr/lib/...     the module; token_settings for further keys of its entry in agent.yaml
#   token_works                   lists, signs and decrypts, with OpenSSL at the other end
#   token_row NAME                what was found is what docs/tokens.md has in the row of this name
#
# Each thing works, or fails with an error that names what the token lacks. With $SMIME_TOKENS_TABLE, the path of the table, a
# script writes its row there instead of comparing it.

. "$SOURCE/tests/lib/interop.sh"

TOKEN_COLUMNS=(listed v1.5 pss ecdsa decrypt-v1.5 oaep-sha1 oaep-sha256 ecdh evidence)
token_settings=
token_pins=1                 # how often a PIN is asked for
token_environment=           # further names for environment:
token_address=KEY@example.org
declare -A token_found=()
RECORDER=$SMIME_BUILD/tests/module/recording-module.so
export RECORDED_MODULE RECORDED_LOG=$T/recorded RECORDED_WITHOUT=

# What no package brings here can't be tried here.
token_needs() { # FILE|PROGRAM...
	local what
	for what in "$@"; do [ -e "$what" ] || command -v "$what" >/dev/null || skip_all "$what is not there"; done
}

# A process of the test that goes with it, without a word.
belongs() { # PID
	started+=("$1")
	disown "$1"
}

# Keys made on the token, with certificates beside them: rsa@example.org with the id 01 and, unless told not to, ec@example.org with 02.
token_keys() { # LABEL [rsa]
	local DEMO_MODULE=$token_module
	demo_key "$1" rsa 01 rsa:2048 && demo_certificate rsa RSA rsa@example.org && demo_store "$1" rsa 01 || return
	[ "${2:-}" != rsa ] || return 0
	demo_key "$1" ec 02 EC:prime256v1 && demo_certificate ec P-256 ec@example.org digitalSignature,keyAgreement && demo_store "$1" ec 02
}

token_agent() { # MODULE
	[ -e "$T/content.17" ] || contents
	configure "$(printf 'environment: [RECORDED_*%s]\nmodules:\n  - path: "%s"\n%s' "${token_environment:+, $token_environment}" "$1" "${token_settings:+    $token_settings}")"
	answers "pin $DEMO_PIN"
	agent_start
}

# On a machine that has much else to do the agent answers before it has looked into every card.
token_knows() { [ "$(smime status | grep -c '^ *ready, ')" -ge "$token_pins" ]; }
token_agent_that_knows() { # MODULE
	token_agent "$1"
	await token_knows || bail "the agent does not see the token: $(smime status 2>&1)"
}

mechanism_name() { # HEXADECIMAL
	case $1 in
	1) echo RSA_PKCS ;;
	3) echo RSA_X_509 ;;
	9) echo RSA_PKCS_OAEP ;;
	d) echo RSA_PKCS_PSS ;;
	1041) echo ECDSA ;;
	1050) echo ECDH1_DERIVE ;;
	*) echo "mechanism 0x$1" ;;
	esac
}

# One thing: $T/got holds what was signed or encrypted, or the agent says what the token lacks for it. Sets $found.
token_tries() { # DESCRIPTION COMMAND...
	local description=$1
	shift
	rm -f "$T/got" "$RECORDED_LOG"
	run "$@"
	if [ "$code" = 0 ]; then
		same "$description" "$T/got" "$CONTENT"
		found=yes
		[ ! -e "$RECORDED_LOG" ] || found=$(mechanism_name "$(awk '$2 != "-" && $3 == "0" { last = $2 } END { print last }' "$RECORDED_LOG")")
	else
		says "$description: what is lacking is named" 'CKM_|CKA_'
		one_line "$description: in one line"
		found=no
	fi
}

token_signs() { # COLUMN KEY DIGEST OPTION...
	local column=$1 key=$2 digest=$3
	shift 3
	token_tries "$token_via: OpenSSL verifies what $key signs with $digest $*" token_sign_and_verify "$key" --digest "$digest" "$@"
	token_finds "$column"
}
# What a column has is what was found in the order of the tries, each once.
token_finds() { # COLUMN
	case ", ${token_found[$1]:-}, " in
	', , ') token_found[$1]=$found ;;
	*", $found, "*) ;;
	*) token_found[$1]+=", $found" ;;
	esac
}
token_sign_and_verify() { # KEY OPTION...
	local key=$1
	shift
	smime sign --cms -k "${token_address/KEY/$key}" "$@" -i "$CONTENT" -o "$T/message" &&
		openssl cms -verify -binary -inform DER -in "$T/message" -CAfile "$T/ca/root.pem" -out "$T/got"
}

token_decrypts() { # COLUMN KEY OPTION...: of openssl cms
	local column=$1 key=$2
	shift 2
	made openssl cms -encrypt -binary -outform DER -aes256 -in "$CONTENT" -out "$T/message" -recip "$T/$key.pem" "$@"
	token_tries "$token_via: we decrypt what OpenSSL encrypts for $key ($column)" smime decrypt --cms -i "$T/message" -o "$T/got"
	token_finds "$column"
}

token_lists() {
	local keys=0
	check "$token_via: keys are listed" 0 smime keys --json
	[ "$code" != 0 ] || keys=$(json "$T/out" 'sum(1 for k in d["keys"] if k["certificates"])')
	is "$token_via: without a PIN" "$(prompts)" 0
	token_found[listed]=$keys
}

# What the module says of its keys after the login, as smime-policy(5) has it.
token_claims() {
	check "$token_via: what vouches for the keys" 0 smime keys --json
	token_found[evidence]=$(json "$T/out" '", ".join(sorted({k["evidence"] for k in d["keys"] if k["seen"]}))')
}

token_tries_signatures() {
	local digest
	for digest in sha256 sha384 sha512; do
		token_signs v1.5 rsa $digest
		token_signs pss rsa $digest --pss
	done
}
token_tries_decryption() {
	local oaep='-keyopt rsa_padding_mode:oaep'
	token_decrypts decrypt-v1.5 rsa
	token_decrypts oaep-sha1 rsa $oaep
	token_decrypts oaep-sha256 rsa $oaep -keyopt rsa_oaep_md:sha256
}
token_tries_all() {
	token_tries_signatures
	token_tries_decryption
	if [ -e "$T/ec.pem" ]; then
		token_signs ecdsa ec sha256
		token_signs ecdsa ec sha512
		token_decrypts ecdh ec
	else
		token_found[ecdsa]='no key'
		token_found[ecdh]='no key'
	fi
}

# The columns in which something works.
token_working() {
	local column
	for column in "${TOKEN_COLUMNS[@]}"; do
		case ${token_found[$column]} in no*) ;; *) printf '%s ' "$column" ;; esac
	done
}

token_without() { # MECHANISMS FUNCTION: the same when the token does not list them
	local via=$token_via
	RECORDED_WITHOUT=$1
	token_via="$via without $1"
	token_agent_that_knows "$RECORDER"
	"$2"
	agent_stop
	RECORDED_WITHOUT=
	token_via=$via
}

# With the module itself; then with one before it that tells which mechanisms are used; and without those of RSA that the agent would
# rather use, so that what it does on tokens that have only the others is seen on each.
token_works() {
	token_via=$(basename "$token_module")
	token_agent_that_knows "$token_module"
	token_lists
	token_tries_all
	token_claims
	is "$token_via: each PIN is asked for once" "$(prompts)" "$token_pins"
	check "$token_via: lock" 0 smime lock
	check "$token_via: and what is signed after it" 0 token_sign_and_verify rsa
	agent_stop
	RECORDED_MODULE=$token_module
	token_via="$token_via, recorded"
	token_agent_that_knows "$RECORDER"
	local working
	working=$(token_working)
	token_found=([listed]=${token_found[listed]} [evidence]=${token_found[evidence]})
	token_tries_all
	agent_stop
	is "$token_via: what works is the same" "$(token_working)" "$working"
	token_without '1 d' token_tries_signatures
	token_without 3 token_tries_decryption
}

token_row() { # NAME
	local row="| $1" column table=${SMIME_TOKENS_TABLE:-$SOURCE/docs/tokens.md}
	for column in "${TOKEN_COLUMNS[@]}"; do row+=" | ${token_found[$column]}"; done
	row+=' |'
	if [ -n "${SMIME_TOKENS_TABLE:-}" ]; then
		NAME=$1 ROW=$row awk 'index($0, "| " ENVIRON["NAME"] " |") == 1 { $0 = ENVIRON["ROW"] } 1' "$table" >"$T/table" && cat "$T/table" >"$table"
	else
		is "docs/tokens.md has what was found of $1" "$(grep -F "| $1 |" "$table")" "$row"
	fi
}
