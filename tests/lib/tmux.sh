# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For tests that drive a program on a terminal, to be sourced after lib.sh:
#
#   terminal_start mutt -F "$T/muttrc"                  # on a terminal of its own, 110 columns and 50 lines
#   terminal_shows 'a text is on the screen' 'pattern'  # a test point; waits for it
#   terminal_keys S s                                   # as send-keys of tmux(1) wants them
#   terminal_ends 'it ends'                             # waits for the program's end
#
# Nothing waits for a time: what is to be on the screen is waited for, half a minute at most; where one thing did not come, others are waited
# for less long.

TERMINAL_LIMIT=300 # tenths of a second
terminal_pid=

terminal() { tmux -S "$T/tmux.sock" -f /dev/null "$@"; }
screen() { terminal capture-pane -p -t test 2>/dev/null; }

terminal_start() { # COMMAND...
	local command=
	printf -v command '%q ' "$@"
	# tmux ends with its last session, and what was started last is looked at after its end.
	terminal start-server \; set-option -g remain-on-exit on \; new-session -d -s test -x 110 -y 50 "exec $command" 3>&- ||
		bail 'tmux did not start'
	terminal_pid=$(terminal display-message -p '#{pid}')
	started+=("$terminal_pid")
}
terminal_keys() { terminal send-keys -t test "$@"; } # KEY...

screen_has() { screen | tr '\n' ' ' | tr -s ' ' | grep -qE -- "$1"; } # PATTERN: lines that are folded are one
# Waits until the screen has the pattern.
terminal_await() { LIMIT=$TERMINAL_LIMIT await screen_has "$1"; } # PATTERN
terminal_shows() { # DESCRIPTION PATTERN
	if terminal_await "$2"; then pass "$1"; else terminal_failed "$1" "'$2' is not on the screen:"; fi
}
terminal_failed() { # DESCRIPTION DETAIL...
	fail "$@" "$(screen | sed '/^ *$/d')"
	TERMINAL_LIMIT=20
}
# The same of the last line that is not empty: what is above may be left of something before.
last_line_has() { screen | grep -v '^ *$' | tail -n 1 | grep -qE -- "$1"; } # PATTERN
terminal_ends_with() { # DESCRIPTION PATTERN
	if LIMIT=$TERMINAL_LIMIT await last_line_has "$2"; then pass "$1"; else terminal_failed "$1" "'$2' is not in the last line:"; fi
}
# To be called when what is to be on the screen is there.
terminal_lacks() { # DESCRIPTION PATTERN
	if screen_has "$2"; then terminal_failed "$1" "'$2' is on the screen:"; else pass "$1"; fi
}

terminal_is_dead() { [ "$(terminal display-message -p -t test '#{pane_dead}')" = 1 ]; }
terminal_ends() { # DESCRIPTION
	if LIMIT=$TERMINAL_LIMIT await terminal_is_dead; then pass "$1"; else terminal_failed "$1"; fi
	terminal_stop
}
# One that is about to end would take the next session for its own.
terminal_stop() {
	terminal kill-server 2>/dev/null
	[ -z "$terminal_pid" ] || await ended "$terminal_pid" || :
	terminal_pid=
}
