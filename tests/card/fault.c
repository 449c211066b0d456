/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faults that wait for their APDU; see reader.h.
 */
#include "reader.h"

bool fault_arm(struct reader *reader, struct fault *fault) {
	for (size_t i = 0; i < FAULTS_MAX; i++)
		if (reader->faults[i].kind == FAULT_NONE) {
			reader->faults[i] = *fault;
			fault->directory = NULL;
			return true;
		}
	return false;
}

void fault_disarm_all(struct reader *reader) {
	for (size_t i = 0; i < FAULTS_MAX; i++) {
		free(reader->faults[i].directory);
		reader->faults[i] = (struct fault){ .kind = FAULT_NONE };
	}
}

static bool strikes(struct fault *fault, unsigned ins) {
	if (fault->kind == FAULT_NONE || (fault->ins != INS_ANY && fault->ins != (int)ins))
		return false;
	if (fault->left > 1) {
		fault->left--;
		return false;
	}
	return true;
}

static struct fault take(struct fault *fault) {
	struct fault taken = *fault;

	if (fault->every)
		taken.directory = fault->directory ? strdup(fault->directory) : NULL;
	else
		*fault = (struct fault){ .kind = FAULT_NONE };
	return taken;
}

/* Of several that strike at once the first that was armed does; the others wait for the next APDU. */
struct fault fault_count(struct reader *reader, unsigned ins) {
	struct fault struck = { .kind = FAULT_NONE };

	for (size_t i = 0; i < FAULTS_MAX; i++)
		if (strikes(&reader->faults[i], ins) && struck.kind == FAULT_NONE)
			struck = take(&reader->faults[i]);
	reader->struck += struck.kind != FAULT_NONE;
	return struck;
}
