#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What vouches for a key being in hardware, from the module's own word to an attestation: what `smime keys` says of it, and what rules
# make of it.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/evidence.sh"
fixture people
fixture wide
printf 'content\n' >"$T/content"

wide=(rsa3072 rsa4096 p384 p521) # as they are on their token: the first and the last of it, and two between
gate='rules: [{operation: [sign], key: {evidence: LEVEL}, outcome: allow}, {operation: [sign], outcome: deny, text: "not known to be in hardware"}]'

# Only keys of this level sign: the agent is started anew, or reads it again.
gated() { # LEVEL [YAML...]
	agent_stop >/dev/null
	configure "$(printf '%s\n' "${gate/LEVEL/$1}" "${@:2}")"
	answers "pin $DEMO_PIN"
	agent_start
}
again() { # LEVEL [YAML...]
	configure "$(printf '%s\n' "${gate/LEVEL/$1}" "${@:2}")"
	smime policy reload || fail 'the configuration is read again' "$*"
}
sign_as() { smime sign --cms --detached -k "$1@example.org" -i "$T/content" -o "$T/signature"; } # NAME
of_key() { # NAME MEMBER
	smime keys --json | python3 -c 'import json, sys; print(next(k[sys.argv[2]] for k in json.load(sys.stdin)["keys"] if k["label"] == sys.argv[1]))' "$1" "$2"
}
unlock_all() { smime unlock demo && smime unlock wide; }
enrolment() { smime keys -v | awk -v name="$1" '/^[0-9a-f]/ { label = $3 } label == name && sub(/^ *to enrol it  /, "  ")'; } # NAME: the line for agent.yaml
levels() { for name in "$@"; do of_key "$name" evidence; done | tr '\n' ' '; } # NAME...

# ---- Software, and what is enrolled ----

gated enrolled
is 'nothing is known before a login' "$(of_key rsa3072 evidence)" software
like 'and it is said why' "$(of_key rsa3072 evidence_why)" 'only after the first login'
check 'the login' 0 unlock_all
is 'keys of SoftHSM are in software' "$(levels alice "${wide[@]}")" 'software software software software software '
like 'and what speaks against hardware is said' "$(of_key p521 evidence_why)" 'no CKF_HW_SLOT'
for name in alice "${wide[@]}"; do told "so $name does not sign" 5 'not known to be in hardware' sign_as "$name"; done
like 'the line that enrols a key' "$(enrolment p521)" "^  - \{fingerprint: \"$(of_key p521 fingerprint)\", serial: \"$(of_key p521 token_serial)\"\}$"
for enrolled in rsa3072 p384 p521; do
	line=$(enrolment $enrolled)
	again enrolled 'enrolled:' "$line"
	for name in alice "${wide[@]}"; do
		check "with $enrolled enrolled, $name" "$([ "$name" = $enrolled ] && echo 0 || echo 5)" sign_as "$name"
	done
	is "$enrolled is said to be enrolled" "$(of_key $enrolled evidence)" enrolled
done
check 'the policy is asked of it' 0 smime policy explain sign -k p521@example.org
prints 'and says the level and why' 'evidence enrolled \(an administrator has enrolled it on the token with serial number'
check 'smime keys for people' 0 smime keys
prints 'says so too' 'evidence     enrolled: an administrator'
line=$(enrolment p384)
configure "$(printf '%s\n' "${gate/LEVEL/enrolled}" 'enrolled:' "$line")"
check 'what is enrolled later' 0 smime policy reload
check 'signs after it was read again' 0 sign_as p384
check 'what is no longer enrolled' 5 sign_as p521
again enrolled 'enrolled:' "${line/serial: \"/serial: \"x}"
check 'a key on a token of another serial number' 5 sign_as p384
again claimed 'enrolled:' "$line"
check 'what is enrolled is more than claimed' 0 sign_as p384
again ca-policy 'enrolled:' "$line"
check 'and less than vouched for by a CA' 5 sign_as p384
again enrolled 'enrolled:' "$(enrolment rsa3072)" "$(enrolment rsa4096)" "$line" "$(enrolment p521)"
for name in "${wide[@]}"; do check "several that are enrolled: $name" 0 sign_as "$name"; done

# ---- The module's own word ----

export FAULTY_CONTROL=$T/control
does() { printf '%s\n' "$@" >"$FAULTY_CONTROL"; }
faulty="$(printf 'environment: ["FAULTY_*"]\nmodules: [{path: "%s"}]' "$SMIME_BUILD/tests/module/faulty-module.so")"
does hardware
gated claimed "$faulty"
check 'the login to a token that says it is hardware' 0 unlock_all
is 'its keys are claimed to be in hardware' "$(levels alice "${wide[@]}")" 'claimed claimed claimed claimed claimed '
check 'and sign where that is enough' 0 sign_as alice
for case in 355:CKA_LOCAL 259:CKA_SENSITIVE 357:CKA_ALWAYS_SENSITIVE 354:CKA_EXTRACTABLE 356:CKA_NEVER_EXTRACTABLE; do
	does hardware "not=${case%:*}"
	smime lock
	unlock_all
	like "without ${case#*:} it is software" "$(of_key p521 evidence) $(of_key p521 evidence_why)" "^software .*${case#*:}"
	check "and does not sign" 5 sign_as p521
done
does hardware readable
again enrolled "$faulty" 'enrolled:' "$line"
smime lock
unlock_all
like 'a key that can be read out is in software, whoever vouches for it' "$(of_key p384 evidence) $(of_key p384 evidence_why)" '^software .*hand out its private value'
check 'and does not sign' 5 sign_as p384
check 'nor does any other' 5 sign_as alice

# ---- A CA's word ----

hw=2.16.840.1.101.3.2.1.3.7
vouch_ca root root
vouch_ca issuing root "certificatePolicies=$hw,1.2.3.4"
vouch_ca careless root certificatePolicies=1.2.3.4
vouch_ca stranger stranger
qc=1.3.6.1.5.5.7.1.3=DER:300a3008060604008e460104 other_qc=1.3.6.1.5.5.7.1.3=DER:300a3008060604008e460101
vouch_person rsa3072-hw rsa3072 issuing "certificatePolicies=$hw"
vouch_person rsa4096-hw rsa4096 careless "certificatePolicies=$hw"
vouch_person p384-hw p384 stranger "certificatePolicies=$hw" "$qc"
vouch_person p521-hw p521 issuing "certificatePolicies=2.5.29.32.0" "$qc"
vouch_person alice-hw alice issuing certificatePolicies=1.2.3.4 "$other_qc"
vouched() { for file in "$@"; do printf '  - path: "%s"\n' "$T/vouch/$file.pem"; done; }
certificates=$(printf 'certificates:\n' && vouched issuing careless stranger rsa3072-hw rsa4096-hw p384-hw p521-hw alice-hw)
gated ca-policy "$certificates" 'hardware-policies:' "  - {policy: $hw, trust: \"$T/vouch/root.pem\"}"
is 'a policy under a pinned CA vouches; under a CA without it, under another root, or as anyPolicy it does not' \
	"$(levels rsa3072 rsa4096 p384 p521 alice)" 'ca-policy software software software software '
like 'which policy and on whose word is said' "$(of_key rsa3072 evidence_why)" "certificate policy $hw .*CN=root,O=Vouch"
check 'it signs' 0 sign_as rsa3072
check 'and nothing else' 5 sign_as p521
again ca-policy "$certificates" 'hardware-policies:' "  - {policy: $hw, trust: \"$T/vouch/issuing.pem\"}"
is 'the pinned CA may be no root' "$(levels rsa3072 p521)" 'ca-policy software '
again ca-policy "$certificates" 'hardware-policies:' "  - {policy: qc-sscd, trust: \"$T/vouch/root.pem\"}"
is 'the statement of a qualified device counts under a pinned CA' "$(levels rsa3072 rsa4096 p384 p521 alice)" 'software software software ca-policy software '
check 'and its key signs' 0 sign_as p521
again ca-policy "$certificates" 'hardware-policies:' "  - {policy: $hw, trust: \"$T/vouch/stranger.pem\"}" "  - {policy: 1.2.3.4, trust: \"$T/vouch/root.pem\"}"
configure "$(printf '%s\n' 'hardware-policies:' "  - {policy: 1.2.3.4, trust: \"$T/nowhere.pem\"}")"
told 'what can not be read whole' 2 'nowhere.pem: can.t be read' smime policy reload
check 'leaves everything as it was: what signed signs' 0 sign_as alice
check 'what did not does not' 5 sign_as p521
is 'each policy has its own CA' "$(levels rsa3072 rsa4096 p384 p521 alice)" 'software software ca-policy software ca-policy '

# What ends takes its word with it, while the agent runs.
end=$(($(date +%s) + 12))
vouch_ca_between brief root 1600000000 $end "certificatePolicies=$hw"
vouch_person p384-brief p384 brief "certificatePolicies=$hw"
gated ca-policy "$(printf 'certificates:\n' && vouched brief p384-brief)" 'hardware-policies:' "  - {policy: $hw, trust: \"$T/vouch/root.pem\"}"
level=$(of_key p384 evidence)
if [ "$(date +%s)" -lt $end ]; then is 'a CA vouches to its last second' "$level" ca-policy; else skip 'a CA vouches to its last second' 'the machine is too slow'; fi
is_software() { [ "$(of_key p384 evidence)" = software ]; }
LIMIT=300 holds 'and not after it' await is_software
check 'its key does not sign any more' 5 sign_as p384

# And what begins brings it, while nothing else happens: a CA's word, and that of a device.
begin=$(($(date +%s) + 12))
vouch_ca maker maker
vouch_ca_between coming root $begin 2000000000 "certificatePolicies=$hw"
vouch_ca_between coming-f9 maker $begin 2000000000
vouch_person p384-coming p384 coming "certificatePolicies=$hw"
vouch_attest rsa4096-coming rsa4096 coming-f9 050701 12345678 0302
cat "$T/vouch/rsa4096-coming.pem" "$T/vouch/coming-f9.pem" >"$T/attestations.pem"
gated ca-policy "$(printf 'certificates:\n' && vouched coming p384-coming)" 'hardware-policies:' "  - {policy: $hw, trust: \"$T/vouch/root.pem\"}" \
	"attestation-roots: [\"$T/vouch/maker.pem\"]" "attestations: [\"$T/attestations.pem\"]"
found=$(levels p384 rsa4096)
if [ "$(date +%s)" -lt $begin ]; then is 'nobody vouches before his first second' "$found" 'software software '; else skip 'nobody vouches before his first second' 'the machine is too slow'; fi
vouch_both() { [ "$(levels p384 rsa4096)" = 'ca-policy attested ' ]; }
LIMIT=300 holds 'and from then on' await vouch_both
check 'its key signs' 0 sign_as p384
check 'and that of the device' 0 sign_as rsa4096

# ---- The device's word ----

vouch_ca f9 maker
vouch_ca forged-f9 stranger
vouch_attest p384-attestation p384 f9 050701 12345678 0302
vouch_attest p521-attestation p521 f9 050403 12345678 0301
vouch_attest rsa3072-attestation rsa3072 f9 040303 7654321 0201
vouch_attest rsa4096-attestation rsa4096 f9 050403 7654321 0203
vouch_attest alice-attestation alice forged-f9 050701 1 0302
for name in p384 p521 rsa3072 rsa4096 alice; do cat "$T/vouch/$name-attestation.pem"; done >"$T/attestations.pem"
cat "$T/vouch/f9.pem" "$T/vouch/forged-f9.pem" >>"$T/attestations.pem"
roots="attestation-roots: [\"$T/vouch/maker.pem\"]"
gated attested "$roots" "attestations: [\"$T/attestations.pem\"]"
is 'attestations to a pinned root count, but for devices with known flaws' "$(levels p384 p521 rsa3072 rsa4096 alice)" 'attested software software attested software '
like 'what the device says of itself is told' "$(of_key p384 evidence_why)" 'YubiKey 12345678, firmware 5.7.1, USB-A, PIN always, touch always, .*CN=maker'
like 'EC keys want a firmware that does not leak them' "$(of_key p521 evidence_why)" '5.4.3.* does not count: .*CVE-2024-45678'
like 'RSA keys one that made good ones' "$(of_key rsa3072 evidence_why)" '4.3.3.* does not count: .*CVE-2017-15361'
like 'and another root is none' "$(of_key alice evidence_why)" 'its attestation does not count: '
for name in p384 p521 rsa3072 rsa4096 alice; do
	case $name in p384 | rsa4096) code_of=0 ;; *) code_of=5 ;; esac
	check "$name signs or not" $code_of sign_as $name
done
is 'a touch for each use is proved of one' "$(of_key p384 touch) $(of_key rsa4096 touch) $(of_key alice touch)" 'True False False'
gate='rules: [{operation: [sign], require: [touch], outcome: allow}]'
again x "$roots" "attestations: [\"$T/attestations.pem\"]"
check 'which a rule can require' 0 sign_as p384
told 'a cached touch is not one each time' 5 'has to be touched' sign_as rsa4096
gate='rules: [{operation: [sign], key: {evidence: LEVEL}, outcome: allow}, {operation: [sign], outcome: deny, text: "not known to be in hardware"}]'
again attested "$roots" "attestations: [\"$T/attestations.pem\"]" 'attestation-firmware: "5.7.0"'
is 'a minimum of the firmware is for all' "$(levels p384 rsa4096)" 'attested software '

# As YubiKey's own module has them: certificate objects beside the key, of its id, and that of F9.
for name in p384-attestation f9; do openssl x509 -in "$T/vouch/$name.pem" -outform DER -out "$T/$name.der"; done
demo_pkcs11 wide --write-object "$T/p384-attestation.der" --type cert --id 03 --label 'X.509 Certificate for PIV Attestation'
demo_pkcs11 wide --write-object "$T/f9.der" --type cert --id 19 --label F9
gated attested "$roots"
is 'an attestation on the token counts' "$(levels p384 p521)" 'attested software '
check 'its key signs' 0 sign_as p384
is 'and the attestation is no certificate to sign with' "$(of_key p384 certificates | grep -ci attestation)" 0
again attested
is 'without a pinned root it counts for nothing' "$(of_key p384 evidence)" software
agent_stop

# ---- What is no configuration ----

refused() { # DESCRIPTION PATTERN YAML...
	configure "$(printf '%s\n' "${@:3}")"
	told "$1" 2 "agent.yaml:[0-9]+:[0-9]+: .*$2" smime-agent --check-config --config "$T/agent.yaml"
}
printf 'enrolled:\n' >"$T/many.yaml"
for i in $(seq 2000); do printf '  - {fingerprint: "%064x", serial: "%016x"}\n' "$i" "$i"; done >>"$T/many.yaml"
check 'two thousand keys are enrolled' 0 smime-agent --check-config --config "$T/many.yaml"
printf '  - {fingerprint: "%064x", serial: "0"}\n' 1 >>"$T/many.yaml"
told 'and no more' 2 'many.yaml' smime-agent --check-config --config "$T/many.yaml"
refused 'the beginning of a fingerprint' 'enrolled: fingerprint: .*64 hex digits' 'enrolled: [{fingerprint: 0123456789abcdef, serial: "1"}]'
refused 'a policy that is none' "hardware-policies: policy: 'hardware' is neither" "hardware-policies: [{policy: hardware, trust: \"$T/vouch/root.pem\"}]"
refused 'anyPolicy' "policy: '2.5.29.32.0' is neither" "hardware-policies: [{policy: 2.5.29.32.0, trust: \"$T/vouch/root.pem\"}]"
refused 'a path that is not absolute' "attestation-roots: 'root.pem' must be an absolute path" 'attestation-roots: [root.pem]'
refused 'a version that is none' "attestation-firmware: '5.7' is no version" 'attestation-firmware: "5.7"'
configure "attestation-roots: [\"$T/content\"]"
told 'a file without certificates' 2 'content: holds no certificate' smime-agent --check-config --config "$T/agent.yaml"
mkdir -p "$HOME/.config/smime-agent"
for yaml in 'enrolled: [{fingerprint: x, serial: x}]' 'hardware-policies: [{policy: x, trust: x}]' 'attestation-roots: [x]' 'attestations: [x]' 'attestation-firmware: "5.7.0"'; do
	printf '%s\n' "$yaml" >"$HOME/.config/smime-agent/agent.yaml"
	told "a user does not vouch for himself: ${yaml%%:*}" 2 "${yaml%%:*}: only /etc/smime-agent/agent.yaml says what vouches for a key" smime-agent --check-config
done
printf 'user-may: [enrolled]\n' >"$T/may.yaml"
told 'nor may an administrator let him' 2 "user-may: 'enrolled' is no key" smime-agent --check-config --config "$T/may.yaml"
done_testing
