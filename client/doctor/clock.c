/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clock: every judgement on a certificate rests on it. A machine whose clock has stopped lives before the day on which its programs were made.
 */
#include "probe.h"

#include <stdio.h>
#include <sys/stat.h>

#define AREA "clock"

enum { DAY_S = 24 * 60 * 60 }; /* archives may have been unpacked in another time zone */

static const char to_set[] = "set it: `timedatectl set-ntp true`, or `date`";

/* Whether every certificate is still to come. */
static bool is_before_all(const struct doctor *doctor) {
	size_t count = 0, early = 0;

	for (size_t i = 0; doctor->keys && i < doctor->keys->count; i++)
		for (size_t k = 0; k < doctor->keys->keys[i].certificate_count; k++) {
			count++;
			early += doctor->keys->keys[i].certificates[k].not_before > doctor->now;
		}
	return count > 0 && early == count;
}

void doctor_clock(struct doctor *doctor) {
	char now[DOCTOR_DATE_BYTES], made[DOCTOR_DATE_BYTES];
	struct tm tm;
	struct stat st;

	if (!gmtime_r(&doctor->now, &tm) || strftime(now, sizeof(now), "%Y-%m-%d %H:%M UTC", &tm) == 0)
		now[0] = '\0';
	if (stat("/proc/self/exe", &st) == 0 && st.st_mtime > doctor->now + DAY_S)
		doctor_fault(doctor, SMIME_E_CERT_EXPIRED, AREA, to_set, "it is %s by the clock, and this program was made on %s", now,
			doctor_date(st.st_mtime, made));
	else if (is_before_all(doctor))
		doctor_warning(doctor, AREA, to_set, "it is %s by the clock, and no certificate is valid so early", now);
	else
		doctor_good(doctor, AREA, "it is %s by the clock", now);
}
