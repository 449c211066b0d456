# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A module that tries what it has no business with (tests/module/escapes.h), with nothing but $T/faulty to write to. To be sourced
# behind hostile.sh:
#
#   escapes_start                     # hostile_start, with what there is to be found in $HOME
#   tries_again 'more of it'          # an agent with the configuration as it is now, in which the module tries everything
#   is 'and it can: read' "$(came_of read)" 'done'

# Root without capabilities is what any user is to his own processes.
powerless() {
	[ "$(id -u)" != 0 ] || exec setpriv --bounding-set=-all --inh-caps=-all -- "$@"
	exec "$@"
}

# What a module has no business with, in $HOME.
secrets() {
	(umask 022 && printf 'x' >"$HOME/victim")
	mkdir -p "$HOME/.ssh" "$HOME/.tpm2_pkcs11"
	printf 'secret\n' | tee "$HOME/.ssh/id" >"$HOME/.tpm2_pkcs11/store"
}

escapes_start() {
	secrets
	hostile_start
	# $HOME is outside for the module, as for any other.
	agent_stop
	FAULTY_CONTROL=$T/faulty/control
	: >"$FAULTY_CONTROL"
	sed -i "s|writable: \[\"$T\"\]|writable: [\"$T/faulty\"]|" "$T/agent.yaml"
	agent_start
	await smime keys >/dev/null || bail 'the agent lists no keys'
}

tried() { sed -n 's/^escape //p' "$FAULTY_CONTROL.log"; }
came_of() { tried | awk -v name="$1" '$1 == name { print $2; exit }'; } # NAME

tries_again() { # DESCRIPTION
	: >"$FAULTY_CONTROL.log"
	agent_start
	await smime keys >/dev/null
	printf 'C_Sign escape\n' >"$FAULTY_CONTROL"
	check "with $1 it signs" 0 smime sign -k alice@example.org -i "$T/mail" -o "$T/signed"
	: >"$FAULTY_CONTROL"
}
