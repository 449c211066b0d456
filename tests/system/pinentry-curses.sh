#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The real pinentry-curses on a pseudo-terminal: the client's terminal reaches it through the agent, typed keys reach the token.
. "$(dirname "$0")/../lib/lib.sh"

command -v pinentry-curses >/dev/null || skip_all 'pinentry-curses is not installed'
fixture people
# Whose characters no serial number has: they are not to be seen on the screen, on which that is.
NEW_PIN=BackForLunch
demo_pkcs11 demo --change-pin --new-pin GoneForAWalk || bail 'the PIN can not be changed'
DEMO_PIN=GoneForAWalk
mail alice@example.org bob@example.org >"$T/mail"
configure "$(printf 'pin:\n  program: %s\n' "$(command -v pinentry-curses)")"
agent_start

# Runs a command on a terminal of its own and types once something asks for the PIN, what is behind a | when it asks again: its output,
# then its exit code. With $SEEN and $THEN, a pattern and a file: the file is made as soon as the pattern has been shown.
on_terminal() { # KEYS COMMAND...
	python3 - "$@" <<-'END'
		import os, pty, re, select, sys, time
		pattern, file = os.environ.get('SEEN', '').encode(), os.environ.get('THEN')
		keys, command = sys.argv[1].encode().decode('unicode_escape').encode().split(b'|'), sys.argv[2:]
		pid, terminal = pty.fork()
		if pid == 0:
		    os.environ.update(TERM='xterm', GPG_TTY=os.ttyname(0))
		    os.execvp(command[0], command)
		seen, fresh, end = b'', b'', time.monotonic() + 60
		while time.monotonic() < end:
		    if terminal in select.select([terminal], [], [], 0.2)[0]:
		        try:
		            data = os.read(terminal, 65536)
		        except OSError:
		            break
		        if not data:
		            break
		        seen, fresh = seen + data, fresh + data
		        if file and re.search(pattern, seen):
		            open(file, 'w').close()
		    elif b'PIN' in fresh and b'Cancel' in fresh and keys:
		        fresh = b''
		        os.write(terminal, keys.pop(0))
		else:
		    os.kill(pid, 9)
		sys.stdout.buffer.write(seen)
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 255)
	END
}

check 'a typed PIN unlocks the token' 0 on_terminal "$DEMO_PIN\r" smime unlock
prints 'the prompt names the token' 'demo'
unlike 'the PIN is not shown' "$(tr -d '\0' <"$T/out")" "$DEMO_PIN"
check 'and signing asks no more' 0 smime sign -i "$T/mail" -o "$T/signed"
smime lock
check 'a mistyped PIN' 4 on_terminal '0000\r' smime sign -i "$T/mail" -o "$T/signed2"
check 'the Cancel button cancels' 4 on_terminal '\t\t\r' smime sign -i "$T/mail" -o "$T/signed2"
absent 'nothing is written' "$T/signed2"
if command -v git >/dev/null; then
	. "$SOURCE/tests/lib/git.sh"
	git_setup alice@example.org
	check 'git, which does not name its terminal' 0 on_terminal "$DEMO_PIN\r" env -u GPG_TTY git commit -q -S --allow-empty -m text
	is 'signs with a PIN that was typed there' "$(git_says %G?)" G
	cd / && smime lock
fi
# ^C reaches the client, which goes and takes its prompt with it.
check 'an interrupted client' 0 on_terminal '\x03' bash -c 'trap : INT; smime unlock; code=$?
	for i in $(seq 100); do ! stty -a | grep -q -- " -echo " || sleep 0.05; done; echo; stty -a; echo "ended with $code"'
prints 'ends by the signal' 'ended with 130'
prints 'and has its terminal back in order' ' echo '
none_left() { ! descendants "$agent_pid" | xargs -r ps -o comm= -p | grep -q pinentry; }
holds 'without a pinentry left' await none_left
told 'a terminal that is not there' 4 'no terminal and no display' setsid env GPG_TTY=/dev/pts/9999 smime unlock
told 'a terminal that is none' 4 'no terminal and no display' setsid env GPG_TTY="$T/agent.yaml" TERM=xterm smime unlock
check 'the PIN is changed' 0 on_terminal "$DEMO_PIN\\r|$NEW_PIN\\r|$NEW_PIN\\r" smime pin change
prints 'by one that asks for the new one' 'Enter.the.new.PIN|Enter the new PIN'
unlike 'and shows neither' "$(tr -d '\0' <"$T/out")" "$DEMO_PIN|$NEW_PIN"
check 'the new one' 0 on_terminal "$NEW_PIN\r" smime unlock
smime lock
check 'without terminal and display' 4 setsid smime sign -i "$T/mail" -o "$T/signed2"
says 'the message says why no prompt came' 'terminal|display|prompt'
one_line 'in one line'
agent_stop

# A reader with a keypad: a message without a field, for as long as the reader asks.
export FAULTY_CONTROL=$T/control
printf 'pinpad wait@C_Login\n' >"$FAULTY_CONTROL"
printf '%s' "$NEW_PIN" >"$FAULTY_CONTROL.pin"
configure "$(printf 'environment: [FAULTY_CONTROL]\nmodules: [{path: "%s"}]\npin:\n  program: %s\n' \
	"$SMIME_BUILD/tests/module/faulty-module.so" "$(command -v pinentry-curses)")"
agent_start
SEEN=keypad THEN=$FAULTY_CONTROL.go check 'a PIN is entered on the keypad' 0 on_terminal '' smime unlock
holds 'after the reader has asked for it' grep -q '^waits' "$FAULTY_CONTROL.log"
prints 'while a message says so' 'keypad'
unlike 'that has no field' "$(tr -d '\0' <"$T/out")" 'PIN:'

done_testing
