#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# An RSA key of which the modulus tells the primes (CVE-2017-15361) is no better than one in software, whoever vouches for it, and all
# who ask are told.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/evidence.sh"
python3 -c 'import cryptography' 2>/dev/null || skip_all "Python's cryptography is not there"
fixture people
python3 "$SOURCE/tests/lib/weak-key.py" >"$T/weak.key" && demo_import demo weak 07 "$T/weak.key" || bail 'no weak key'
openssl pkey -in "$T/weak.key" -pubout -out "$T/weak.pub"
demo_certificate weak Weak weak@example.org && demo_store demo weak 07 || bail 'no certificate for it'
printf 'content\n' >"$T/content"

hw=2.16.840.1.101.3.2.1.3.7
vouch_ca root root
vouch_ca issuing root "certificatePolicies=$hw"
vouch_ca maker maker
vouch_ca f9 maker
for name in weak alice; do
	vouch_person $name-hw $name issuing "certificatePolicies=$hw"
	vouch_attest $name-attestation $name f9 050701 12345678 0302
done
rules='rules: [{operation: [sign], key: {evidence: claimed}, outcome: allow}, {operation: [sign], outcome: deny, text: "not known to be in hardware"}]'
with() { # YAML...
	agent_stop >/dev/null
	configure "$(printf '%s\n' "$rules" 'environment: ["FAULTY_*"]' "modules: [{path: \"$SMIME_BUILD/tests/module/faulty-module.so\"}]" "$@")"
	answers "pin $DEMO_PIN"
	agent_start
	smime unlock demo
}
of_key() { # NAME MEMBER
	smime keys --json | python3 -c 'import json, sys; print(next(k[sys.argv[2]] for k in json.load(sys.stdin)["keys"] if k["label"] == sys.argv[1]))' "$1" "$2"
}
sign_as() { smime sign --cms --detached -k "$(of_key "$1" fingerprint)" -i "$T/content" -o "$T/signature"; } # NAME
enrolment() { smime keys -v | awk -v name="$1" '/^[0-9a-f]/ { label = $3 } label == name && sub(/^ *to enrol it  /, "  ")'; } # NAME
is_weak() { # WHO-VOUCHES LEVEL-OF-THE-OTHER-KEY
	is "$1: another RSA key is" "$(of_key alice evidence)" "$2"
	is "$1: the weak one is in software" "$(of_key weak evidence)" software
	like "$1: and why is said" "$(of_key weak evidence_why)" 'its modulus is one of those that can be factored \(CVE-2017-15361\)'
	check "$1: the other key signs" 0 sign_as alice
	told "$1: it does not" 5 'not known to be in hardware' sign_as weak
}

export FAULTY_CONTROL=$T/control
printf 'hardware\n' >"$FAULTY_CONTROL"
with
is_weak 'the module' claimed
with 'enrolled:' "$(enrolment alice)" "$(enrolment weak)"
is_weak 'an administrator' enrolled
with 'certificates:' "  - path: \"$T/vouch/issuing.pem\"" "  - path: \"$T/vouch/alice-hw.pem\"" "  - path: \"$T/vouch/weak-hw.pem\"" \
	'hardware-policies:' "  - {policy: $hw, trust: \"$T/vouch/root.pem\"}"
is_weak 'a CA' ca-policy
cat "$T/vouch/alice-attestation.pem" "$T/vouch/weak-attestation.pem" "$T/vouch/f9.pem" >"$T/attestations.pem"
with "attestation-roots: [\"$T/vouch/maker.pem\"]" "attestations: [\"$T/attestations.pem\"]"
is_weak 'the device' attested

check 'smime keys' 0 smime keys
prints 'tells people' 'evidence     software: its modulus is one of those that can be factored'
check 'smime policy explain' 0 smime policy explain sign -k "$(of_key weak fingerprint)"
prints 'tells of it' 'evidence software \(its modulus is one of those that can be factored'
run smime doctor --json
like 'so does smime doctor' "$(json "$T/out" '"; ".join(f["text"] + " -> " + f["mend"] for f in d["findings"] if f["area"] == "key" and f["verdict"] == "warning")')" \
	'^weak@example.org .* is not safe: its modulus .*CVE-2017-15361.* -> have a new key made'
agent_stop
done_testing
