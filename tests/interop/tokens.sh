#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every real token that can be had without hardware, one script each: tests/interop/tokens.sh [--table]
#
#   --table   writes what is found into docs/tokens.md, instead of comparing; the row of a token that can't be had stays as it is
#
# Environment: SMIME_BUILD, the build directory. Ends with 1 when a script failed.

set -u

here=$(cd "$(dirname "$0")" && pwd)
case ${1:-} in
'') ;;
--table) export SMIME_TOKENS_TABLE=$here/../../docs/tokens.md ;;
*) printf 'usage: tokens.sh [--table]\n' >&2 && exit 2 ;;
esac

failed=0
for script in "$here"/token-*.sh; do
	printf '# %s\n' "$(basename "$script")"
	bash "$script" || failed=1
done
exit $failed
