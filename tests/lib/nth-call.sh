# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Messages for tests/faults/nth-call.py, and an agent in order for the client's scenarios. To be sourced behind lib.sh.

nth_library=$SMIME_BUILD/tests/faults/nth-call.so

nth_start() {
	[ -e "$nth_library" ] || skip_all 'nth-call.so is for x86-64'
	fixture people
	export WORK=$T/nth AGENT_LOG=$T/agent.log AGENT_CONFIG=$T/agent.yaml
	mkdir "$WORK"
	cat "$SOURCE"/tests/lsan.supp "$SOURCE"/tests/faults/nth-call.supp >"$WORK/lsan.supp"
	nth_tree
	configure "$(nth_policy)"
	PATH=$WORK/tree/agent/core:$PATH agent_start
	cp "$T"/peer-* "$T/ca/root.pem" "$WORK"
	mail alice@example.org bob@example.org >"$WORK/mail"
	nth_messages >"$T/made" 2>&1 || bail "the messages were not made: $(cat "$T/made")"
}

# Whatever a policy can ask about, consent, and one request that nothing may let pass; with the log on the disk before each operation. A token
# process could not say which call has failed where it may not write.
nth_policy() {
	cat <<-END
		audit: {journal: no}
		modules: [{path: "$DEMO_MODULE", sessions: 2, writable: ["$WORK"]}]
		rules:
		  - {name: never, operation: [sign], key: {address: bob@example.org}, when: {digest: sha512}, outcome: deny, text: "not with this one"}
		  - {name: consent, operation: [sign], key: {address: "b*@example.org"}, outcome: ask, ask: once}
		  - {name: own mail, operation: [sign], client: {uid: $(id -u), executable: "$(realpath "$(command -v smime)")"}, when: {at-most: 10000, within: 1h, from: certificate}, outcome: allow}
		  - {name: from afar, client: {remote: yes}, outcome: deny}
		  - {name: opened, operation: [decrypt], key: {evidence: software, eku: emailProtection, uri: "pkcs11:token=demo"}, when: {cipher: aes128}, outcome: allow}
	END
}

# A build's tree, of which the token processes follow the plan: in the agent's own environment a library would be forbidden to them.
nth_tree() {
	local tree=$WORK/tree/agent token=$SMIME_BUILD/agent/token/smime-token
	mkdir -p "$tree/core" "$tree/token" "$tree/reader"
	cp "$SMIME_BUILD/agent/core/smime-agent" "$tree/core/"
	cp "$SMIME_BUILD/agent/reader/smime-reader" "$tree/reader/"
	cat >"$tree/token/smime-token" <<-END
		#!/bin/sh
		[ -e "$WORK/plan" ] || exec "$token" "\$@"
		read -r NTH_CALL <"$WORK/plan"
		export NTH_CALL NTH_CALL_LOG="$WORK/token.log" LSAN_OPTIONS="\$LSAN_OPTIONS:suppressions='$WORK/lsan.supp'" \\
			ASAN_OPTIONS="\$ASAN_OPTIONS:verify_asan_link_order=0:allocator_may_return_null=1:handle_segv=0"
		LD_PRELOAD="$nth_library"
		export LD_PRELOAD
		exec "$token" "\$@"
	END
	chmod 700 "$tree/token/smime-token"
}

nth_messages() {
	local w=$WORK ca=$T/ca
	smime sign -i "$w/mail" -o "$w/signed" &&
		smime sign --opaque -i "$w/mail" -o "$w/opaque" &&
		sed 's/this is the text/this is the next/' "$w/signed" >"$w/changed" &&
		smime encrypt -r alice@example.org -i "$w/mail" -o "$w/encrypted" &&
		smime encrypt --cipher aes256-gcm -r bob@example.org -i "$w/mail" -o "$w/encrypted-gcm" &&
		smime encrypt --sign -r alice@example.org -i "$w/mail" -o "$w/encrypted-signed" &&
		smime encrypt --triple-wrap --header-protection -r alice@example.org -i "$w/mail" -o "$w/wrapped" &&
		{ printf 'From: peer-rsa@example.org\n' && openssl cms -sign -in "$w/mail" -signer "$T/peer-rsa.pem" -inkey "$T/peer-rsa.key" -certfile "$ca/issuing.pem" \
			-receipt_request_all -receipt_request_to peer-rsa@example.org; } >"$w/asks" &&
		{ printf 'From: stranger@example.org\n' && openssl cms -sign -in "$w/mail" -signer "$T/stranger.pem" -inkey "$T/stranger.key"; } >"$w/stranger" &&
		python3 - "$w/encrypted-gcm" "$w/encrypted-changed" <<-'END' &&
			import base64, sys
			head, body = open(sys.argv[1], 'rb').read().replace(b'\r\n', b'\n').split(b'\n\n', 1)
			data = bytearray(base64.b64decode(body))
			data[-30] ^= 1
			open(sys.argv[2], 'wb').write(head + b'\n\n' + base64.encodebytes(data))
		END
		python3 "$SOURCE/tests/conformance/with_ocsp.py" "$T" "$w/ocsp" "$w/ocsp-revoked" &&
		: >"$w/index" && printf '01\n' >"$w/number" &&
		printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ncrlnumber=%s\ndefault_md=sha256\n' "$w/index" "$w/number" >"$w/ca.cnf" &&
		openssl ca -config "$w/ca.cnf" -keyfile "$ca/issuing.key" -cert "$ca/issuing.pem" -revoke "$T/alice.pem" &&
		openssl ca -config "$w/ca.cnf" -keyfile "$ca/issuing.key" -cert "$ca/issuing.pem" -gencrl -crldays 30 -out "$w/revoked.crl"
}

nth_try() { points_of python3 "$SOURCE/tests/faults/nth-call.py" "$nth_library" "$@"; } # STRIDE SCENARIO...
