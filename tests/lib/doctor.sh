# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What smime doctor finds. Sourced behind lib.sh:
#
#   examine                                           # or: examine env DISPLAY=:0
#   finds 'pcscd that hangs' fault pcscd 'pcscd hangs'
#   mends 'is to be started again' pcscd 'systemctl restart pcscd'

# The findings of `[WRAPPER...] smime doctor --json` are in $T/json, its exit code in $code.
examine() { # [COMMAND...]
	rm -f "$T/json"
	if [ "${1:-}" = script ]; then run "$@"; else run "$@" smime doctor --json && cp "$T/out" "$T/json"; fi
}
of_findings() { # EXPRESSION: over the finding d; a line for each that it holds for
	python3 -c 'import json, sys
for d in json.load(open(sys.argv[1]))["findings"]:
	if eval(sys.argv[2]): print(d["verdict"], d["area"], d["text"], "->", d["mend"])' "$T/json" "$1"
}
finds() { # DESCRIPTION VERDICT AREA PATTERN
	local found
	found=$(of_findings "d['area'] == '$3'")
	if of_findings "d['verdict'] == '$2' and d['area'] == '$3'" | sed 's/ -> .*//' | grep -qE -- "$4"; then
		pass "$1"
	else
		fail "$1" "no $2 of $3 says '$4':" "$found" "$(head -c 500 "$T/err")"
	fi
}
mends() { # DESCRIPTION AREA PATTERN
	if of_findings "d['area'] == '$2'" | sed -n 's/.* -> //p' | grep -qE -- "$3"; then
		pass "$1"
	else
		fail "$1" "no mend of $2 says '$3':" "$(of_findings "d['area'] == '$2'")"
	fi
}
none() { is "$1" "$(of_findings "$2")" ''; }                                          # DESCRIPTION EXPRESSION
lacks_verdict() { none "$1" "d['verdict'] == '$2' and d['area'] == '$3'"; } # DESCRIPTION VERDICT AREA
