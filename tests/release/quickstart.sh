#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/quickstart.sh from a fresh checkout in a path with blanks: as it is, again, with --keep, and as another user. That it
# installs what is missing shows on a machine where something is missing; here everything is there.
. "$(dirname "$0")/../lib/lib.sh"

checkout="$T/a fresh checkout"
mkdir "$checkout"
(cd "$SOURCE" && tar -c --exclude='./build*' --exclude=./.git .) | tar -x -C "$checkout"
unset SMIME_AGENT_SOCK XDG_RUNTIME_DIR
quickstart="$checkout/docs/quickstart.sh"
shows() { # what a good run shows
	prints "$1: every step" 'Verify, with smime and with OpenSSL.*CMS Verification successful.*Decrypt with a key on the token.*Done'
	prints "$1: the verdict" 'smime verify: the signature is good: signed by alice@example.org'
	prints "$1: that a change is found" 'smime verify: the signature is bad'
}

check 'a first run' 0 "$quickstart"
shows 'a first run'
check 'a second run' 0 "$quickstart"
shows 'a second run'
is 'nothing of either stays' "$(ls -A "$TMPDIR")" ''
# What a person's own agent has, which may be running.
is 'nor does it touch what is at home' "$(find "$HOME" -mindepth 1)" ''

check 'a run with --keep' 0 "$quickstart" --keep
prints 'prints how to use what stays' 'export SMIME_AGENT_SOCK=.*kill [0-9]+'
sed -n '/^    export/s/^ *//p; /^    cd /s/^ *//p' "$T/out" >"$T/environment"
sed -n 's/^    \(kill [0-9]* .*\)/\1/p' "$T/out" >"$T/end"
kept=$(grep -o 'kill [0-9]*' "$T/end" | cut -d' ' -f2)
started+=("$kept")
check 'with its environment smime works' 0 bash -c '. "$1" && smime sign -i mail.eml -o again.eml && smime verify again.eml' - "$T/environment"
check 'and it ends as it says' 0 bash "$T/end"
if await ended "$kept"; then pass 'with the agent'; else fail 'with the agent'; fi
is 'and nothing stays' "$(ls -A "$TMPDIR")" ''
check 'an unknown option' 2 "$quickstart" --kepe

if [ "$(id -u)" = 0 ]; then
	mkdir -m 700 "$T/other"
	chmod 711 "$T"
	mv "$checkout" "$T/other/"
	rm -rf "$T/other/a fresh checkout/build"
	chown -R nobody "$T/other"
	check 'a run as another user' 0 setpriv --reuid=nobody --regid=nogroup --clear-groups \
		env HOME="$T/other" TMPDIR="$T/other" "$T/other/a fresh checkout/docs/quickstart.sh"
	shows 'a run as another user'
else
	skip 'a run as another user' 'only root can become another user'
fi
done_testing
