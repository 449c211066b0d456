/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The findings of a report; see audit.h.
 */
#include <stdio.h>

#include "internal.h"

void audit_find(struct audit_report *report, enum audit_verdict verdict, const char *file, uint64_t line, const char *format, ...) {
	struct audit_finding finding = { .verdict = verdict, .file = file, .line = line };
	va_list args;

	report->faults += verdict == AUDIT_FAULT;
	report->unknown += verdict == AUDIT_UNKNOWN;
	if (report->count == AUDIT_FINDINGS_MAX)
		return;
	struct audit_finding *grown = reallocarray(report->findings, report->count + 1, sizeof(finding));
	if (!grown)
		return;
	report->findings = grown;
	va_start(args, format);
	int len = vasprintf(&finding.text, format, args);
	va_end(args);
	if (len >= 0)
		grown[report->count++] = finding;
}

void audit_report_clear(struct audit_report *report) {
	for (size_t i = 0; i < report->count; i++)
		free(report->findings[i].text);
	free(report->findings);
	*report = (struct audit_report){ 0 };
}
