/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What filling in a report and drawing conclusions from it share. Private to report*.c.
 */
#ifndef LIB_REPORT_CONCLUDE_H
#define LIB_REPORT_CONCLUDE_H

#include "report.h"

struct report {
	struct smime_report public; /* first: its address is the object's */
	struct arena arena;
	struct smime_layer layers[REPORT_LAYERS_MAX];
	struct smime_errant errant[REPORT_ERRANT_MAX];
	struct smime_part parts[REPORT_PARTS_MAX];
	struct smime_field fields[REPORT_FIELDS_MAX];
};

/* The name of a check in public, a static text that is compared by its address. */
const char *report_name_text(enum report_name name);

/* A signer's checks, to be changed. */
struct smime_check *report_checks(const struct smime_signer *signer);

#endif
