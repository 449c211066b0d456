#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A configuration that is no good is refused at the line and column where it is wrong, whichever of its keys that is; and no file costs
# more than its size allows, however it is made.
. "$(dirname "$0")/../lib/lib.sh"
. "$SOURCE/tests/lib/bounded.sh"

PEAK_MAX_KIB=$((48 * 1024)) # what the agent takes by itself is 12 MiB

# ---- Where ----

refused() { # DESCRIPTION PLACE PATTERN YAML
	printf '%b' "$4" >"$T/bad.yaml"
	told "$1" 2 "bad.yaml:$2: .*$3" smime-agent --check-config --config "$T/bad.yaml"
}
refused 'a path' 3:9 "modules: path: 'b' must be an absolute path" 'modules:\n- path: /a\n- path: b\n'
refused 'a number of the second of two' 3:24 'modules: sessions: 3000 is not between' 'modules:\n- {path: /a}\n- {path: /b, sessions: 3000}\n'
refused 'a time' 2:24 "modules: deadline: 'soon'" 'modules:\n- {path: /a, deadline: soon}\n'
refused 'a choice' 2:25 "modules: exclusive: 'perhaps'" 'modules:\n- {path: /a, exclusive: perhaps}\n'
refused 'an item of a list in a list' 2:33 "modules: writable: 'd' must be" 'modules:\n- {path: /a, writable: [/b, /c, d]}\n'
refused 'a certificate' 2:11 "certificates: path: 'c.pem' must be" 'certificates:\n  - path: c.pem\n'
refused 'an anchor' 1:13 "trust: 'r.pem' must be" 'trust: [/a, "r.pem"]\n'
refused 'a capability' 3:5 "capabilities: 'rot13' is none of" 'capabilities:\n  - aes256-cbc\n  - rot13\n'
refused 'a variable' 1:20 "environment: 'LD_PRELOAD' is not passed on" 'environment: [A_*, LD_PRELOAD]\n'
refused 'a time of the PIN' 3:9 "pin: idle: 'soon'" 'pin:\n  max: 1h\n  idle: soon\n'
refused 'a grant of the second key' 4:53 "pin: grants: within: 'ever'" \
	'pin:\n  grants:\n    - {key: 0123456789abcdef, count: 2, within: 1min}\n    - {key: 1123456789abcdef, count: 2, within:     ever}\n'
refused 'how many' 1:23 'socket: max_clients: 0 is not between' 'socket: {max_clients: 0}\n'
refused 'a size' 2:11 "audit: rotate: '1' is no size" 'audit:\n  rotate: 1\n'
refused 'yes or no' 2:10 "prompts: 'maybe' is neither" 'consent-on-tty: yes\nprompts: maybe\n'
refused 'what a user may not' 1:17 "user-may: 'rules' is no key" 'user-may: [pin, rules]\n'
refused 'the beginning of a fingerprint' 2:18 "enrolled: fingerprint: 'ab'" 'enrolled:\n- {fingerprint:  ab, serial: "1"}\n'
refused 'no certificate' 1:44 'hardware-policies: trust: /etc/hostname: holds no certificate' 'hardware-policies: [{policy: 1.2.3, trust: /etc/hostname}]\n'
refused 'a file that is not there' 1:21 'attestation-roots: /nosuch.pem: can.t be read' 'attestation-roots: [/nosuch.pem]\n'
refused 'a version' 1:23 "attestation-firmware: '5.7' is no version" 'attestation-firmware: "5.7"\n'
refused 'what is no mapping' 2:1 'a mapping is expected here, and this is a list' '# nothing\n[1, 2]\n'
refused 'what is no number' 1:23 "'many' is no number" 'socket: {max_clients: many}\n'
refused 'nor is one that is too large' 1:23 "'99999999999' is no number" 'socket: {max_clients: 99999999999}\n'
refused 'an empty text' 1:19 'this text is empty' 'rules: [{outcome: ""}]\n'
refused 'a text that is too long' 1:40 'this text is longer than 1023 octets$' "rules: [{outcome: deny, text: x, name: $(printf '%01024d' 0)}]\n"
refused 'no module' 1:10 'this list is empty; leave the key out' 'modules: []\n'
refused 'what is no YAML' 2:8 'this is no YAML' 'trust: []\nrules: ]\n'
refused 'what ends too early' '[23]:1' 'this is no YAML' 'rules: [{outcome: allow\n\n'
refused 'a key that nobody knows' 4:1 'Unexpected key: rulez' 'trust: [rulez]\npin: {idle: 1h}\n\nrulez: []\n'
refused 'the first one of its mapping' 1:7 'Unexpected key: idel' 'pin: {idel: 1h}\n'
refused 'one that is known elsewhere' 3:5 'Unexpected key: idle' 'pin: {idle: 1h}\nrules:\n  - idle: 1h\n'
refused 'a second document' 2:1 'documents' '--- {prompts: no}\n--- {rules: [{outcome: allow}]}\n'
refused 'rules that stand there twice' 2:1 'already seen' 'rules: [{outcome: deny}]\nrules: [{outcome: allow}]\n'
mkdir -p "$HOME/.config/smime-agent"
printf 'prompts: no\nuser-may: [pin]\n' >"$HOME/.config/smime-agent/agent.yaml"
told "an administrator's key in a user's file" 2 'agent.yaml:2:12: user-may: only /etc/' smime-agent --check-config
printf 'enrolled:\n  - {fingerprint: x, serial: x}\n' >"$HOME/.config/smime-agent/agent.yaml"
told 'and one that vouches' 2 'agent.yaml:2:5: enrolled: only /etc/' smime-agent --check-config
printf 'attestations: []\n' >"$HOME/.config/smime-agent/agent.yaml"
told 'though nothing does' 2 'agent.yaml:1:15: attestations: only /etc/' smime-agent --check-config
# What a file holds is shown in one line, whatever is in it.
printf 'rules: [{outcome: "a\\nb\\e[31m\\u202e"}]\n' >"$T/bad.yaml"
told 'a word with controls in it' 2 'bad.yaml:1:19: ' smime-agent --check-config --config "$T/bad.yaml"
is 'which reach no terminal' "$(LC_ALL=C grep -c "$(printf '\033')" "$T/err")" 0

# ---- Where others could write ----

good() { printf 'prompts: no\n' >"$1" && chmod 600 "$1"; } # FILE
checked() { smime-agent --check-config --config "$1"; }     # FILE
mkdir -p "$T/a/b"
good "$T/a/b/agent.yaml"
check 'a file in directories of this user' 0 checked "$T/a/b/agent.yaml"
for directory in "$T/a/b" "$T/a"; do
	for mode in 777 770 702; do
		chmod $mode "$directory"
		told "where others could write: $mode" 2 "others could have put it there: $directory must belong" checked "$T/a/b/agent.yaml"
	done
	chmod 1777 "$directory"
	check 'where they can replace nothing of others' 0 checked "$T/a/b/agent.yaml"
	chmod 755 "$directory"
	check 'where they can only read' 0 checked "$T/a/b/agent.yaml"
done
mkdir "$T/a/c"
ln -s "$T/a/b/agent.yaml" "$T/a/c/agent.yaml"
told 'a link to a good file' 2 'a/c/agent.yaml: is a symbolic link' checked "$T/a/c/agent.yaml"
ln -s "$T/nothing" "$T/a/c/nothing.yaml"
told 'a link to nothing' 2 'nothing.yaml: is a symbolic link' checked "$T/a/c/nothing.yaml"
ln -s "$T/a/b" "$T/a/link"
check "a directory's own link" 0 checked "$T/a/link/agent.yaml"
chmod 777 "$T/a/b"
told 'to where others could write' 2 "others could have put it there: $T/a/link must" checked "$T/a/link/agent.yaml"
told 'by a name that begins here' 2 "others could have put it there: $T/a/b must" env -C "$T/a" smime-agent --check-config --config b/agent.yaml
chmod 700 "$T/a/b"
check 'a name alone' 0 env -C "$T/a/b" smime-agent --check-config --config agent.yaml
if [ "$(id -u)" = 0 ]; then
	chown 65534 "$T/a"
	told "another user's directory" 2 "others could have put it there: $T/a must" checked "$T/a/b/agent.yaml"
	chown 0 "$T/a"
	chown -h 65534 "$T/a/link"
	told "another user's link" 2 "others could have put it there: $T/a/link must" checked "$T/a/link/agent.yaml"
	chown 65534 "$T/a/b/agent.yaml"
	told "another user's file" 2 'others could have written it' checked "$T/a/b/agent.yaml"
else
	skip 'what belongs to another user' 'only root can give it to him'
fi
rm "$T/a/link" && ln -s "$T/a/b" "$T/a/link" && chmod 600 "$T/a/b/agent.yaml"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=Root -keyout /dev/null -out "$T/a/b/root.pem" 2>/dev/null
vouching() { printf '%s\n' "attestation-roots: [\"$1\"]" >"$T/vouching.yaml" && checked "$T/vouching.yaml"; } # PATH
check 'a root that vouches' 0 vouching "$T/a/b/root.pem"
check 'by a link' 0 vouching "$T/a/link/root.pem"
for mode in 666 620; do
	chmod $mode "$T/a/b/root.pem"
	told "one that others could write: $mode" 2 'vouching.yaml:1:21: attestation-roots: .*could have been written by others' vouching "$T/a/b/root.pem"
done
chmod 644 "$T/a/b/root.pem"
chmod 777 "$T/a/b"
told 'one that they could replace' 2 'could have been written by others' vouching "$T/a/b/root.pem"
told 'behind a link' 2 'could have been written by others' vouching "$T/a/link/root.pem"
chmod 700 "$T/a/b"
check 'one that they can only read' 0 vouching "$T/a/b/root.pem"
ln -s "$T/a/b/root.pem" "$T/a/c/root.pem"
check 'a link of this user to it' 0 vouching "$T/a/c/root.pem"
if [ "$(id -u)" = 0 ]; then
	chown -h 65534 "$T/a/c/root.pem"
	told "another user's link" 2 'could have been written by others' vouching "$T/a/c/root.pem"
	chown -h 65534 "$T/a/link"
	told "another user's link to the directory" 2 'could have been written by others' vouching "$T/a/link/root.pem"
fi
rm "$HOME/.config/smime-agent/agent.yaml"
ln -s "$T/a/b/agent.yaml" "$HOME/.config/smime-agent/agent.yaml"
told "a link in the place of the user's file" 2 'is a symbolic link' smime-agent --check-config
rm "$HOME/.config/smime-agent/agent.yaml"
check 'no file' 0 smime-agent --check-config

# ---- How much ----

costs() { # DESCRIPTION CODE PATTERN: of the configuration on standard input
	cat >"$T/bomb.yaml"
	bounded "$1 ($(($(stat -c %s "$T/bomb.yaml") / 1024)) KiB)" "$2" smime-agent --check-config --config "$T/bomb.yaml"
	[ "$2" = 0 ] || says "$1: why" "$3"
}
many() { python3 -c "import sys; sys.stdout.write($1)"; } # PYTHON
costs 'aliases' 2 ':1:[0-9]+: YAML alias unsupported' < <(many "'rules: [&a {outcome: allow}' + ', *a' * 60 + ']\n'")
costs 'aliases of aliases' 2 ':1:9: ' < <(many "'trust: [&a [x], &b [*a, *a], &c [*b, *b]]\n'")
costs 'aliases that double' 2 ':2:[0-9]+: ' < <(many "'trust: &a\n' + ''.join(f'  - &a{i} [{\"*a%d,\" % (i - 1) * 9 if i else \"x\"}]\n' for i in range(40))")
costs 'what is to be merged' 2 ':3:3: Unexpected key: <<' < <(many "'rules:\n- &a {outcome: allow}\n- <<: *a\n'")
costs 'lists in lists' 2 ':1:1: ' < <(many "'[' * 250000")
costs 'lists in a list of rules' 2 ':1:9: ' < <(many "'rules: ' + '[' * 250000")
costs 'mappings in a rule' 2 ':1:19: ' < <(many "'rules: [{outcome: ' + '{a: ' * 60000")
costs 'keys of keys' 2 ': ' < <(many "'? ' * 120000")
costs 'as many rules as there may be' 0 < <(many "'rules:\n' + '  - {outcome: deny}\n' * 512")
costs 'one more' 2 ':514:5: Excessive entries .512 max' < <(many "'rules:\n' + '  - {outcome: deny}\n' * 513")
costs 'as many words as there may be' 0 < <(many "'rules:\n' + ('  - {outcome: deny, operation: [' + ','.join(['sign'] * 64) + ']}\n') * 512")
costs 'and a wrong one at the end' 2 ":513:15: .*'perhaps'" < <(many "'rules:\n' + ('  - {outcome: deny, operation: [' + ','.join(['sign'] * 64) + ']}\n') * 511 + '  - {outcome: perhaps}\n'")
costs 'one more in a list' 2 ':1:357: Excessive entries .64 max' < <(many "'rules: [{outcome: deny, operation: [' + ','.join(['sign'] * 65) + ']}]\n'")
costs 'a long text' 0 < <(many "'rules: [{outcome: deny, text: ' + 'x' * 1023 + '}]\n'")
costs 'one more octet' 2 ':1:31: ' < <(many "'rules: [{outcome: deny, text: ' + 'x' * 1024 + '}]\n'")
costs 'as much to count as there may be' 0 < <(many "'rules: [{outcome: ask, when: {at-most: 10000, within: 1h}}' + ', {outcome: ask, when: {at-most: 10000, within: 1h}}' * 511 + ']\n'")
costs 'a pattern of many stars' 0 < <(many "'rules: [{outcome: allow, key: {address: \"' + '*a' * 500 + '\"}}]\n'")
costs 'a large comment' 0 < <(many "'#' * 262143 + '\n'")
costs 'more than 256 KiB' 2 'larger than 256 KiB' < <(many "'#' * 262144 + '\n'")
done_testing
