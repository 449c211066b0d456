/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trust: whether there is anybody by whom signatures are believed, and for how long.
 */
#include "probe.h"

#define AREA "trust"

static const char to_install[] = "install the package libnss3, which has the list";

static size_t count_of(const struct smime_anchors *anchors, enum smime_anchor_origin origin) {
	size_t count = 0;

	for (size_t i = 0; i < anchors->count; i++)
		count += anchors->anchors[i].origin == origin;
	return count;
}

/* Of the system's list somebody else takes care. */
static void examine_anchor(struct doctor *doctor, const struct smime_anchor *anchor) {
	static const char to_replace[] = "get the root certificate that follows it, and name its file under `trust:` in agent.yaml";
	char date[DOCTOR_DATE_BYTES];

	if (anchor->origin != SMIME_ANCHOR_AGENT)
		return;
	if (anchor->not_after < doctor->now)
		doctor_warning(doctor, AREA, to_replace, "%s, which agent.yaml trusts, has expired on %s: no chain leads to it any more",
			anchor->subject, doctor_date(anchor->not_after, date));
	else if (doctor_ends_soon(doctor, anchor->not_after))
		doctor_warning(doctor, AREA, to_replace, "%s, which agent.yaml trusts, ends on %s", anchor->subject,
			doctor_date(anchor->not_after, date));
	else if (anchor->not_before > doctor->now)
		doctor_warning(doctor, AREA, "wait for that day; or the clock is wrong",
			"%s, which agent.yaml trusts, is not valid before %s", anchor->subject, doctor_date(anchor->not_before, date));
}

static void examine_anchors(struct doctor *doctor, const struct smime_anchors *anchors) {
	size_t own = count_of(anchors, SMIME_ANCHOR_AGENT), system = count_of(anchors, SMIME_ANCHOR_SYSTEM);

	if (anchors->count == 0)
		doctor_fault(doctor, SMIME_E_UNTRUSTED, AREA,
			"name your organisation's root under `trust:` in agent.yaml; for public ones install the package libnss3",
			"nobody is trusted, so that no signature is good");
	else if (!anchors->system)
		doctor_note(doctor, AREA, to_install,
			"this system has no list of anchors for e-mail (libnssckbi.so): only the %zu of agent.yaml are trusted", own);
	else
		doctor_good(doctor, AREA, "trusted for e-mail: %zu of agent.yaml, %zu of the system", own, system);
	for (size_t i = 0; i < anchors->count; i++)
		examine_anchor(doctor, &anchors->anchors[i]);
}

void doctor_trust(struct doctor *doctor) {
	struct smime_anchors *anchors = NULL;
	int r;

	if (!doctor->status)
		return;
	r = smime_anchors(doctor->smime, &anchors);
	if (r < 0)
		doctor_fault(doctor, (enum smime_error) - r, AREA, NULL, "the anchors can't be read: %s", smime_message(doctor->smime));
	else
		examine_anchors(doctor, anchors);
	(void)smime_anchors_free(anchors);
}
