# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the tests of smime doctor share, to be sourced after lib.sh: asking it, what it has found, and set-ups that something is the
# matter with. Areas that a script is not about may find what they like: AREAS names those that count.

# ---- Asking, and what is found ----

# Sets $code; the exit code is what the worst finding stands for, whatever area it is of.
examine() { # OPTION...
	run smime doctor --json "$@"
	is "the exit code is that of the worst finding ($*)" "$code" "$(json "$T/out" "d['exit_code'] if d['exit_code'] == (
		next(f['code'] // 100 for f in d['findings'] if f['verdict'] == 'fault') if d['worst'] == 'fault' else int(d['worst'] == 'warning')) else d")"
}
# The findings of these tests' areas with a verdict, one a line: "AREA: TEXT -> MEND".
found() { # VERDICT...
	AREAS=$AREAS python3 - "$T/out" "$@" <<-'END'
		import json, os, sys
		for f in json.load(open(sys.argv[1]))['findings']:
		    if f['verdict'] in sys.argv[2:] and f['area'] in os.environ['AREAS'].split():
		        print(f"{f['verdict']} {f['area']}: {f['text']}" + (f" -> {f['mend']}" if f['mend'] else ''))
	END
}
worse() { found warning fault; }
is_well() { is "$1" "$(worse)" ''; } # DESCRIPTION
only() { # DESCRIPTION PATTERN: this is the one thing that is wrong
	if [[ $(worse) =~ ^$2 && $(worse | wc -l) = 1 ]]; then pass "$1"; else fail "$1" "not '$2' alone, but: $(worse)"; fi
}
wrong() { like "$1" "$(worse)" "$2"; } # DESCRIPTION PATTERN: it is among what is wrong
notes() { like "$1" "$(found note)" "$2"; } # DESCRIPTION PATTERN
finds() { like "$1" "$(found good)" "$2"; } # DESCRIPTION PATTERN
code_is() { is "$1" "$(json "$T/out" "[f['code'] for f in d['findings'] if f['verdict'] == 'fault' and f['area'] == '$2'][0]")" "$3"; } # DESCRIPTION AREA CODE

# ---- Certificates of all kinds, in files; a token whose module does as it is told ----

faulty=$SMIME_BUILD/tests/module/faulty-module.so
export FAULTY_CONTROL=$T/control
sick() { printf '%s\n' "$@" >"$FAULTY_CONTROL.new" && mv "$FAULTY_CONTROL.new" "$FAULTY_CONTROL"; } # COMMAND...

# A day so many days from the script's begin, and half a day on: what is left of it are whole days for hours to come. It is the same
# day whenever it is asked for, also where noon comes in between.
begun=$(date +%s)
day() { date -u -d "@$((begun + $1 * 86400 + 43200))" "${2:-+%F}"; } # HOW-MANY [FORMAT]
# NAME.pem for KEY.key, from and until when in days from now, and what it has in it; signed by ca/ISSUER.
issue() { # NAME KEY FROM UNTIL ISSUER EXTENSION...
	local name=$1 key=$2 from=$3 until=$4 issuer=$5
	shift 5
	mkdir -p "$T/made"
	: >"$T/made/index"
	{
		printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nrand_serial=yes\nnew_certs_dir=%s\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n[e]\n' \
			'$ENV::DEMO/made/index' '$ENV::DEMO/made'
		printf '%s\n' authorityKeyIdentifier=keyid subjectKeyIdentifier=hash "$@"
	} >"$T/made/cnf"
	demo_quiet openssl req -new -key "$T/$key.key" -subj "/CN=$name" -out "$T/made/$name.csr" &&
		demo_quiet openssl ca -batch -notext -config "$T/made/cnf" -extensions e -md sha256 -in "$T/made/$name.csr" -cert "$T/ca/$issuer.pem" \
			-keyfile "$T/ca/$issuer.key" -startdate "$(day "$from" +%Y%m%d%H%M%SZ)" -enddate "$(day "$until" +%Y%m%d%H%M%SZ)" -out "$T/$name.pem"
}
# One for mail.
person() { # NAME KEY FROM UNTIL [USAGE [ADDRESS|- [ISSUER]]]
	local usage=${5:-digitalSignature,keyAgreement} address=${6:-carol@example.org} issuer=${7:-issuing}
	if [ "$address" = - ]; then set -- "$1" "$2" "$3" "$4"; else set -- "$1" "$2" "$3" "$4" "subjectAltName=email:$address"; fi
	issue "$1" "$2" "$3" "$4" "$issuer" "keyUsage=critical,$usage" extendedKeyUsage=emailProtection "${@:5}"
}
authority() { # NAME KEY FROM UNTIL
	issue "$1" "$2" "$3" "$4" root basicConstraints=critical,CA:true keyUsage=critical,keyCertSign,cRLSign
}
new_key() { # NAME
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/$1.key"
}
put_key() { # TOKEN NAME ID [OPTION...]: of pkcs11-tool, for the private key
	new_key "$2" && openssl pkcs8 -topk8 -nocrypt -in "$T/$2.key" -outform DER -out "$T/$2.p8" &&
		demo_pkcs11 "$1" --write-object "$T/$2.p8" --type privkey --usage-sign --usage-derive --id "$3" --label "$2" "${@:4}" &&
		openssl pkey -in "$T/$2.key" -pubout -outform DER -out "$T/$2.spki" &&
		demo_pkcs11 "$1" --write-object "$T/$2.spki" --type pubkey --id "$3" --label "$2" --usage-sign --usage-derive
}

# A token with carol's key, whose certificate is a file.
doctor_token() {
	fixture
	sick ''
	demo_token one && put_key one carol 01 && person good carol -10 1000 || bail 'no token'
	answers "pin $DEMO_PIN"
}

# The agent with these certificates for its keys, and these further lines in agent.yaml.
with() { # NAMES YAML...
	local name certificates=
	for name in $1; do certificates+=$(printf '\n  - path: "%s"' "$T/$name.pem"); done
	shift
	[ -z "$agent_pid" ] || agent_stop
	rm -f "$T/agent.yaml"
	configure "$(printf '%s\n' 'environment: [FAULTY_CONTROL]' "modules: [{path: \"$faulty\"}]" "certificates:${certificates:- []}" "$@")"
	agent_start
}
