#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a module may read and write: by its kind, by where it lies, and by the configuration, also for modules of p11-kit.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/hostile.sh"
. "$(dirname "$0")/../lib/escapes.sh"
[ -z "${SMIME_SANITIZED:-}" ] || skip_all 'a build with sanitizers has no sandbox'

# A user's agent: for one with capabilities newer kernels let environments be read (CAP_PERFMON), whatever Landlock says.
smime-agent() { powerless "$SMIME_BUILD/agent/core/smime-agent" "$@"; }
version=$(landlock)
escapes_start
agent_stop

# What the configuration adds.
add() { # YES-OR-NO [MORE-WRITABLE [READABLE]]
	sed -i -E "s|writable: [^]]*\](, network: [a-z]*, readable: [^]]*\])?|writable: [\"$T/faulty\"${2:-}], network: $1, readable: [${3:-}]|" "$T/agent.yaml"
}
add yes ", \"$HOME\""
tries_again 'network and writable'
for name in write append read list through-link ipv4 ipv6 routes tcp; do is "it can now: $name" "$(came_of "$name")" 'done'; done
for name in exec fork ptrace chmod times; do is "and still can't: $name" "$(came_of "$name")" EPERM; done
agent_stop
secrets
if [ "$version" -ge 1 ]; then
	add no '' "\"$HOME/.ssh\", \"$HOME/.tpm2_pkcs11/store\""
	tries_again 'readable'
	for name in read store through-link; do is "it can now: $name" "$(came_of "$name")" 'done'; done
	for name in list write append; do is "and still can't: $name" "$(came_of "$name")" EACCES; done
	agent_stop
	# Even of processes that it may see it doesn't see inside.
	add no '' /proc
	tries_again 'readable: /proc'
	for name in arguments processes; do is "it can now: $name" "$(came_of "$name")" 'done'; done
	for name in environment memory parent-memory; do is "and still can't: $name" "$(came_of "$name")" EACCES; done
	agent_stop
fi
sed -i -E "s|writable: \[|writable: [\"$T/nosuch\", |" "$T/agent.yaml"
agent_start
await smime keys >/dev/null
check 'a place that is not there' 0 smime status
prints 'is named' "writable: $T/nosuch: No such file or directory; make it, or take it out of agent.yaml"
agent_stop
refused() { # DESCRIPTION YAML PATTERN
	printf 'modules: [{path: "%s", %s}]\n' "$DEMO_MODULE" "$2" >"$T/bad.yaml"
	told "$1" 2 "$3" "$SMIME_BUILD/agent/core/smime-agent" --check-config --config "$T/bad.yaml"
}
refused 'a network that is neither' 'network: perhaps' "bad.yaml:[0-9]+:[0-9]+: modules: network: 'perhaps' is neither yes nor no"
refused 'a place from somewhere' 'writable: [here]' "bad.yaml:[0-9]+:[0-9]+: modules: writable: 'here' must be an absolute path"
refused 'a place that is nowhere' 'writable: [/nonexistent]' 'modules: writable: /nonexistent: No such file or directory'
refused 'a place of two lines' 'writable: ["/a\nb"]' 'bad.yaml:[0-9]+:[0-9]+: modules: writable: it must be one line'
refused 'a place to read from somewhere' 'readable: [here]' "bad.yaml:[0-9]+:[0-9]+: modules: readable: 'here' must be an absolute path"
refused 'a place to read that is nowhere' 'readable: [/nonexistent]' 'modules: readable: /nonexistent: No such file or directory'

# Where the module lies: a folder of its own, or a home.
tells() { smime status >"$T/out" && grep -q "$1" "$T/out"; } # PATTERN
if [ "$version" -ge 1 ]; then
	cp "$FAULTY_MODULE" "$HOME/faulty.so"
	configure "$(printf 'environment: ["FAULTY_*"]\nmodules: [{path: "%s", writable: ["%s"]}]\n' "$HOME/faulty.so" "$T/faulty")"
	tries_again 'its file in a home'
	for name in read list; do is "a module that lies in a home can't, for that: $name" "$(came_of "$name")" EACCES; done
	agent_stop
	mkdir "$HOME/modules"
	mv "$HOME/faulty.so" "$HOME/modules/"
	sed -i "s|$HOME/faulty.so|$HOME/modules/faulty.so|" "$T/agent.yaml"
	tries_again 'its file in a folder below a home'
	is 'nor one that lies in a folder there' "$(came_of read)" EACCES
	agent_stop
	# By its name it is of a kind that shares no memory, or of one that does.
	for kind in libsofthsm2:EACCES:EPERM libopencryptoki:done:done; do
		IFS=: read -r kind memory sysv <<<"$kind"
		mv "$HOME/modules"/*.so "$HOME/modules/$kind.so"
		sed -i -E "s|$HOME/modules/[^\"]*|$HOME/modules/$kind.so|" "$T/agent.yaml"
		tries_again "the name of $kind"
		is "what comes of its shared memory" "$(came_of shared-memory)" "$memory"
		is "of that of System V" "$(came_of sysv-memory)" "$sysv"
		is "and of semaphores" "$(came_of sysv-semaphore)" "$sysv"
		agent_stop
	done
	mv "$HOME/modules"/*.so "$HOME/modules/faulty.so"
	# SoftHSM's own file is where it looks for it by itself, and no other kind's.
	mkdir -p "$HOME/.config/softhsm2"
	cp "$SOFTHSM2_CONF" "$HOME/.config/softhsm2/softhsm2.conf"
	softhsm2_conf=$SOFTHSM2_CONF
	unset SOFTHSM2_CONF
	configure
	agent_start
	await smime keys >/dev/null
	check 'SoftHSM has its settings in the home' 0 smime keys
	prints 'and its keys' '@example.org'
	agent_stop
	configure "$(printf 'environment: ["FAULTY_*"]\nmodules: [{path: "%s"}]\n' "$HOME/modules/faulty.so")"
	agent_start
	holds 'a module that wraps it has not, and what it wants is told' await tells 'faulty.so can.t be initialised .*readable or writable in agent.yaml'
	agent_stop
	export SOFTHSM2_CONF=$softhsm2_conf
	if command -v cc >/dev/null; then
		mkdir "$HOME/libraries"
		echo 'int needed(void) { return 1; }' | cc -shared -fPIC -x c -o "$HOME/libraries/libneeded.so" -
		echo 'int needed(void); int C_Needs(void); int C_Needs(void) { return needed(); }' |
			cc -shared -fPIC -x c -o "$HOME/modules/needs.so" - -L"$HOME/libraries" -lneeded "-Wl,-rpath,$HOME/libraries"
		configure "$(printf 'modules: [{path: "%s"}]\n' "$HOME/modules/needs.so")"
		agent_start
		holds 'a library of its own somewhere else is not found, and what it wants is told' await tells 'libneeded.so: cannot open .*readable'
		agent_stop
		sed -i "s|needs.so\"}|needs.so\", readable: [\"$HOME/libraries\"]}|" "$T/agent.yaml"
		agent_start
		holds 'with readable it is found' await tells 'needs.so is not a PKCS#11 module'
		agent_stop
	else
		skip 'a library of its own somewhere else is not found, and what it wants is told' 'there is no C compiler'
	fi
fi

# A module that may have its tokens somewhere else.
mkdir "$T/faulty/empty"
sed "s|= .*/tokens\$|= $T/faulty/empty|" "$FAULTY_SOFTHSM2_CONF" >"$T/faulty/none.conf"
configure "$(printf 'environment: ["FAULTY_*"]\nmodules: [{path: "%s"}]\n' "$FAULTY_MODULE")"
softhsm2_conf=$FAULTY_SOFTHSM2_CONF
FAULTY_SOFTHSM2_CONF=$T/faulty/none.conf
agent_start
await tells 'faulty-module.so: no token' || :
run smime doctor
prints 'the doctor tells what a module without a token may want' 'faulty-module.so works and has no token now.*readable:'
agent_stop
FAULTY_SOFTHSM2_CONF=$softhsm2_conf

# Modules of p11-kit have settings by their names.
modules=$HOME/.config/pkcs11/modules
mkdir -p "$modules"
for file in /usr/share/p11-kit/modules/*.module /etc/pkcs11/modules/*.module; do
	[ ! -e "$file" ] || printf 'disable-in: smime-agent\n' >"$modules/$(basename "$file")"
done
printf 'module: %s\n' "$FAULTY_MODULE" >"$modules/faulty.module"
p11_kit() { # SETTINGS
	configure "$(printf 'environment: ["FAULTY_*"]\np11-kit: [%s]\n' "$1")"
	sed -i '/^modules:/,/^[^ ]/{/^modules:/d;/^ /d}' "$T/agent.yaml"
}
p11_kit "{name: faulty, writable: [\"$T/faulty\"]}, {name: nosuch}"
fails 'an agent that is told of no module' grep -q '^modules' "$T/agent.yaml"
tries_again 'settings for a module of p11-kit'
is 'a module of p11-kit has no network' "$(came_of ipv4)" EPERM
agent_stop
holds 'a name that no module has is told of' grep -q "^smime-agent: p11-kit: nosuch: no file of p11-kit's names such a module" "$T/agent.log"
fails 'and no other' grep -q '^smime-agent: p11-kit: faulty' "$T/agent.log"
p11_kit "{name: faulty, writable: [\"$T/faulty\"], network: yes, readable: [\"$HOME/.ssh\"]}"
tries_again 'more of them'
for name in ipv4 read; do is "and then it can: $name" "$(came_of "$name")" 'done'; done
agent_stop
configure "p11-kit: [{name: faulty, network: yes}]"
agent_start
check 'where modules are named' 0 smime keys
holds 'settings for those of p11-kit are for nothing, and that is told' grep -q '^smime-agent: p11-kit: is for nothing' "$T/agent.log"
agent_stop
refused_p11_kit() { # DESCRIPTION SETTINGS PATTERN
	printf 'p11-kit: [%s]\n' "$2" >"$T/bad.yaml"
	told "$1" 2 "$3" "$SMIME_BUILD/agent/core/smime-agent" --check-config --config "$T/bad.yaml"
}
refused_p11_kit 'an entry without a name' '{network: yes}' 'bad.yaml.*name'
refused_p11_kit 'an entry with a path' '{name: x, path: /x.so}' 'bad.yaml.*path'
refused_p11_kit 'a path for a name' '{name: /usr/lib/x.so}' "bad.yaml:[0-9]+:[0-9]+: p11-kit: name: '/usr/lib/x.so' is no name of a module"
refused_p11_kit 'a name that is there twice' '{name: x}, {name: y}, {name: x}' "bad.yaml:[0-9]+:[0-9]+: p11-kit: name: 'x' is there twice"
refused_p11_kit 'a place that is nowhere' '{name: x, readable: [/nonexistent]}' 'p11-kit: readable: /nonexistent: No such file or directory'
refused_p11_kit 'a network that is neither' '{name: x, network: perhaps}' "bad.yaml:[0-9]+:[0-9]+: p11-kit: network: 'perhaps' is neither yes nor no"
rm -r "$modules"
done_testing
