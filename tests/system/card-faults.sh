#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Cards that are pulled, swapped, reset, frozen and mad: one cell for each fault and operation of what tests/faults/run.sh does in full.
. "$(dirname "$0")/../lib/lib.sh"
. "$(dirname "$0")/../lib/card.sh"

[ -n "$OPENSC_MODULE" ] && [ -n "$VPCD_DRIVER" ] && [ -x "$CARD/card" ] || skip_all 'pcscd, OpenSC, vsmartcard-vpcd or libpcsclite is not there'

operations=list@18,login@2,wrong-login@1,sign@2,decrypt@3,ecdh@2,lock@1
cells=() faults=(pull late-pull reset status truncated long huge freeze swap)
for fault in "${faults[@]}"; do
	bash "$SOURCE/tests/faults/cells.sh" "$T/$fault" "$fault" $operations >"$T/$fault.out" 2>&1 3>&- &
	cells+=("$!")
done
for pid in "${cells[@]}"; do wait "$pid" || fail 'cells come to their end' "$(tail -n 5 "$T"/*.out)"; done
for fault in "${faults[@]}"; do cat "$T/$fault"; done >"$T/results"
# What took too long and has no other fault is done once more, with no other cell beside it that could have held it up.
late='^((answered after [0-9]+ ms|does not work again)(; )?)+$'
while read -r fault operation number _ _ _ verdict; do
	if [[ $verdict =~ $late ]]; then
		note "$fault at APDU $number of $operation, among others: $verdict"
		bash "$SOURCE/tests/faults/cells.sh" "$T/again" "$fault" "$operation@$number" >"$T/again.out" 2>&1 3>&- </dev/null
		verdict=$(tail -n 1 "$T/again" | cut -d' ' -f7-)
	fi
	is "$fault at APDU $number of $operation" "$verdict" ok
done <"$T/results"
is 'every cell was done' "$(wc -l <"$T/results")" 63
done_testing
