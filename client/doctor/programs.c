/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the name of a key in a program's configuration is that of one key that can sign now.
 */
#include "programs.h"

#include <time.h>

enum { FINGERPRINT_SHOWN = 16 };

static void say_unsuitable(struct doctor *doctor, const struct programs_name *name, const struct keys_found *found) {
	const struct smime_certificate *certificate = found->unsuitable;
	bool over = certificate && certificate->not_after < time(NULL);

	doctor_fault(doctor, over ? SMIME_E_CERT_EXPIRED : SMIME_E_KEY_UNUSABLE, name->area, name->mend,
		"%s names the key %.*s, which can't sign: %s", name->setting, FINGERPRINT_SHOWN, found->other->fingerprint,
		keys_why_not(found));
}

static void say_absent(struct doctor *doctor, const struct programs_name *name) {
	doctor_add(doctor, name->needed ? DOCTOR_FAULT : DOCTOR_WARNING, name->needed ? SMIME_E_NO_KEY : 0, name->area, name->mend,
		"%s is %s, which names no key that is there now: its token is not in, or it is another key", name->setting, name->value);
}

const struct smime_certificate *programs_judge_key(struct doctor *doctor, const struct programs_name *name) {
	if (!doctor->keys) {
		doctor_note(doctor, name->area, NULL, "%s is %s: whether that is a key is not known without the agent", name->setting,
			name->value);
		return NULL;
	}
	struct keys_found found = name->find(doctor->keys, name->value);
	if (found.suitable == 1) {
		doctor_good(doctor, name->area, "%s names one key that can sign, %.*s of %s", name->setting, FINGERPRINT_SHOWN,
			found.key->fingerprint, found.certificate->subject);
		return found.certificate;
	}
	if (found.suitable > 1)
		doctor_fault(doctor, SMIME_E_KEY_AMBIGUOUS, name->area, name->mend, "%s is %s, which names %zu keys that can sign",
			name->setting, name->value, found.suitable);
	else if (found.others > 0)
		say_unsuitable(doctor, name, &found);
	else
		say_absent(doctor, name);
	return NULL;
}
