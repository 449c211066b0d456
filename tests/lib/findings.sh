# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What smime doctor finds. Sourced behind lib.sh:
#
#   examine                                           # or: examine env DISPLAY=:0
#   finds 'pcscd that hangs' fault pcscd 'pcscd hangs'
#   mends 'is to be started again' pcscd 'systemctl restart pcscd'

# The findings of `[WRAPPER...] smime doctor --json` are in $T/json, and one a line in $T/findings; its exit code is in $code.
examine() { # [COMMAND...]
	rm -f "$T/json" "$T/findings"
	if [ "${1:-}" = script ]; then run "$@"; else run "$@" smime doctor --json && cp "$T/out" "$T/json"; fi
	python3 -c 'import json, sys
for d in json.load(open(sys.argv[1]))["findings"]: print(d["verdict"], d["area"], d["text"], "->", d["mend"])' "$T/json" >"$T/findings"
}
finds() { # DESCRIPTION VERDICT AREA PATTERN
	if sed -n "s/^$2 $3 //p" "$T/findings" | sed 's/ -> .*//' | grep -qE -- "$4"; then
		pass "$1"
	else
		fail "$1" "no $2 of $3 says '$4':" "$(grep "^[a-z]* $3 " "$T/findings")" "$(head -c 500 "$T/err")"
	fi
}
mends() { # DESCRIPTION AREA PATTERN
	if sed -n "s/^[a-z]* $2 .* -> //p" "$T/findings" | grep -qE -- "$3"; then
		pass "$1"
	else
		fail "$1" "no mend of $2 says '$3':" "$(grep "^[a-z]* $2 " "$T/findings")"
	fi
}
lacks() { # DESCRIPTION PATTERN: no finding is so, of those that are written VERDICT AREA TEXT -> MEND
	is "$1: there are findings" "$(wc -l <"$T/findings" | grep -vx 0 >/dev/null && echo yes)" yes
	is "$1" "$(grep -E -- "$2" "$T/findings")" ''
}
