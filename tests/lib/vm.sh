# SPDX-License-Identifier: LGPL-2.1-or-later
#
# People on the machine of tests/vm, with what is installed there, tokens in their homes and user managers of their own. For scripts of
# tests/vm, behind lib.sh:
#
#   fixture people
#   person alice                       # token, configuration and a scripted pinentry in /home/alice; her user manager runs
#   rules alice '{operation: [sign], outcome: deny}'
#   by alice smime keys                # as she is, in no session and no unit of hers
#   by alice systemd-run --user ...
#
# Everything stays on the machine when a script ends, so each has people of other names.

[ "$(cat /proc/1/comm)" = systemd ] && [ -e /dev/virtio-ports/smime.points ] || skip_all 'this is for the machine that tests/vm/run.sh starts'
unset DBUS_SYSTEM_BUS_ADDRESS
export LIMIT=${LIMIT:-300} # without KVM everything is slow

home() { printf '/home/%s' "$1"; }
by() { # NAME COMMAND...
	local name=$1 uid
	shift
	uid=$(id -u "$name")
	setpriv --reuid "$name" --regid "$(id -g "$name")" --init-groups env -i -C "$(home "$name")" HOME="$(home "$name")" USER="$name" LOGNAME="$name" PATH=/usr/local/bin:/usr/bin:/bin LC_ALL=C.UTF-8 \
		XDG_RUNTIME_DIR="/run/user/$uid" DBUS_SESSION_BUS_ADDRESS="unix:path=/run/user/$uid/bus" "$@"
}
user_of() { by "$1" systemctl --user --no-pager "${@:2}"; } # NAME ARGUMENT...

# agent.yaml of a person; read again by whatever agent runs.
rules() { # NAME [RULE...]
	local file
	file=$(home "$1")/.config/smime-agent/agent.yaml
	{
		printf 'modules: [{path: "%s", sessions: 2}]\ntrust: ["%s/ca/root.pem"]\ncertificates: [{path: "%s/ca/issuing.pem"}]\npin: {program: "%s/pinentry"}\n' \
			"$DEMO_MODULE" "$(home "$1")" "$(home "$1")" "$(home "$1")"
		[ $# -lt 2 ] || { printf 'rules:\n' && printf '  - %s\n' "${@:2}"; }
	} >"$file"
	chmod 644 "$file"
}
reload() { # NAME [RULE...]
	rules "$@"
	by "$1" smime policy reload || fail "the rules of $1 are good" "$(by "$1" smime policy check 2>&1)"
}
person_answers() { # NAME LINE...
	local place
	place=$(home "$1")/pinentry.d
	printf '%s\n' "${@:2}" >"$place/answers"
	: >"$place/log"
	chown -R "$1:" "$place"
}
softhsm_of() { # HOME OWNER: the tokens of the fixture
	mkdir -p "$1/.config/softhsm2" "$1/tokens"
	cp -R "$T/tokens/." "$1/tokens/"
	printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$1" >"$1/.config/softhsm2/softhsm2.conf"
	chown -R "$2:" "$1/.config" "$1/tokens"
}
person() { # NAME
	local home
	home=$(home "$1")
	useradd -m -s /bin/bash "$1" || bail "there can be no $1"
	mkdir -p "$home/.config/smime-agent" "$home/pinentry.d"
	cp -R "$T/ca" "$home/"
	cp "$SOURCE/tests/lib/pinentry" "$home/pinentry.script"
	printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$home/pinentry.script" "$home/pinentry.d" >"$home/pinentry"
	chmod 755 "$home/pinentry" "$home/pinentry.script"
	printf 'content\n' >"$home/content"
	softhsm_of "$home" "$1"
	rules "$1"
	person_answers "$1" "pin $DEMO_PIN"
	chown -R "$1:" "$home"
	loginctl enable-linger "$1"
	await test -S "/run/user/$(id -u "$1")/bus" || bail "the user manager of $1 does not start"
}
# What a person's log of uses says of the last record of a kind.
last_of() { # NAME KIND EXPRESSION: a Python expression over the record d
	python3 -c 'import json, sys; d = [r for r in map(json.loads, open(sys.argv[1])) if r["kind"] == sys.argv[2]][-1]; print(eval(sys.argv[3]))' \
		"$(home "$1")/.local/state/smime-agent/audit/audit.jsonl" "$2" "$3"
}
# What people ask for most: `by lara smime "${alice[@]}"`.
alice=(sign --cms --detached -k alice@example.org -i content -o signature)
