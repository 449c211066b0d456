#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What must hold of the built programs and the sources as they are.
. "$(dirname "$0")/../lib/lib.sh"
core=$SMIME_BUILD/agent/core/smime-agent token=$SMIME_BUILD/agent/token/smime-token
library=$SMIME_BUILD/client/lib/libsmime.so.0

# A control, lest nothing be found because nothing was looked at.
holds 'the core links libsystemd' grep libsystemd <(ldd "$core")
holds 'the token process links libp11' grep 'libp11\.' <(ldd "$token")
fails 'the core links neither libp11 nor libpcsclite' grep -E 'libp11\.|libpcsclite|libassuan' <(ldd "$core")
fails 'the token process links no libsystemd' grep libsystemd <(ldd "$token")
is 'libsmime links libcrypto alone' "$(readelf -d "$library" | grep NEEDED | grep -oE '\[lib[a-z0-9]+' | tr -d '[' | grep -vE '^libc$|libasan|libubsan' | tr '\n' ' ')" 'libcrypto '
fails 'libsmime exports only its API' grep -vE ' smime_[a-z_0-9]+$' <(nm -D --defined-only "$library")
for header in "$SOURCE"/include/smime/*.h; do
	holds "$(basename "$header") is C99 by itself" cc -std=c99 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$SOURCE/include" -x c "$header"
done
names_exported() { nm -D --defined-only "$library" | sed -n 's/.* smime_/smime_/p' | sort; }
mkdir "$T/names"
{ printf '#include <smime/%s.h>\n' error smime && printf 'extern void *const names[];\nvoid *const names[] = {\n' && names_exported | sed 's/.*/(void *)&,/' && printf '};\n'; } >"$T/names/names.cc"
holds 'the headers are C++17, and declare all that libsmime exports' clang++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -I "$SOURCE/include" -c -o "$T/names/names.o" "$T/names/names.cc"
is 'which a C++ program asks for by the names that are exported' "$(nm -u "$T/names/names.o" | sed 's/.* //' | grep smime_ | sort)" "$(names_exported)"
for program in "$core" "$token" "$SMIME_BUILD"/client/{cli/smime,git/smime-git,mutt/smime-mutt}; do
	name=$(basename "$program")
	holds "$name is position independent" grep -q 'Type:.*DYN' <(readelf -h "$program")
	holds "$name binds at once" grep -q 'BIND_NOW' <(readelf -d "$program")
	holds "$name has RELRO" grep -q GNU_RELRO <(readelf -l "$program")
	fails "$name has no executable stack" grep -E 'GNU_STACK.*RWE' <(readelf -lW "$program")
done
if [ -z "${SMIME_SANITIZED:-}" ]; then
	holds 'the core is built with the stack protector' grep -q __stack_chk_fail <(nm -D "$core")
	holds 'the core is built with FORTIFY_SOURCE' grep -qE '__[a-z]+_chk' <(nm -D "$core" | grep -v __stack_chk)
fi
for script in "$SOURCE"/tests/*.sh "$SOURCE"/tests/*/*.sh "$SOURCE"/docs/*.sh "$SOURCE"/.ci/run; do
	holds "$(basename "$script") is well-formed bash" bash -n "$script"
done
holds 'the sources are formatted as .clang-format says' sh -c 'cd "$1" && find agent client include docs tests -name "*.[ch]" -exec clang-format --dry-run --Werror {} +' - "$SOURCE"
# Variables and sources that cross files are beyond it.
holds 'shellcheck warns of nothing' shellcheck --shell=bash -S warning -e SC1091,SC2034,SC2120,SC2154 \
	"$SOURCE"/tests/*.sh "$SOURCE"/tests/*/*.sh "$SOURCE"/docs/*.sh "$SOURCE"/.ci/run "$SOURCE"/client/completions/*.bash

# The table of rooms in the design, and what they include.
rooms() { sed -nE 's/^\| `([a-z/]+)` \|.*\| ([^|]+) \|$/\1 \2/p' "$SOURCE/docs/design.md" | tr -d '`,'; }
rooms_entered() { # ROOM
	grep -hoE '^#include [<"](agent|client|smime)/[^>"]+' "$SOURCE/$1"/*.[ch] | sed -E 's/^#include .//; s,/[^/]*$,,; s,^smime$,include/smime,' | sort -u
}
is 'every room has its row' "$(rooms | cut -d' ' -f1 | sort)" "$(cd "$SOURCE" && find agent client include -name '*.[ch]' -printf '%h\n' | sort -u)"
while read -r room allowed; do
	is "$room includes only its own files and $allowed" "$(rooms_entered "$room" | grep -vxF -e "$room" -e "${allowed// /$'\n'}")" ''
done < <(rooms)
fails 'only the library and the programs know more of its API than the errors' grep -rn 'smime/smime\.h' "$SOURCE"/agent "$SOURCE"/client/{stream,cms,mime}

# What libsmime says is said by programs that have no such option.
fails 'no message of the library names an option of a program' grep -rnE '"[^"]*[ (](--[a-z][a-z-]+|-[a-zA-Z])[]);:," ]' "$SOURCE"/client/{lib,stream,cms,mime} --include='*.c' --exclude=autostart.c --exclude=agent.c

holds 'docs/conformance.md has the rows of tests/conformance/rows.txt, each with a test' python3 "$SOURCE/tests/conformance/page.py"
for i in $(seq 11); do
	holds "I$i of docs/reliability.md has a test point" grep -rqE "['\"]((pass|fail) )?I$i: " "$SOURCE"/tests/{system,lib,conformance}
done
done_testing
