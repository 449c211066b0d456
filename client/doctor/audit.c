/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The audit log: without it the agent uses no key, so what is wrong with it, or soon will be, is worth a line before anybody signs. Whether somebody
 * has changed it is the business of `smime audit verify`.
 */
#include "probe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define AREA "audit"

enum { MIB = 1024 * 1024, ROOM_MIN_MIB = 64 };

/* False: a finding says what is wrong. */
static bool has_room(struct doctor *doctor, const char *directory) {
	struct statvfs disk;

	if (statvfs(directory, &disk) < 0) {
		doctor_warning(doctor, AREA, "it is the agent's; give it back its mode and owner", "%s: %s", directory, strerror(errno));
		return false;
	}
	uint64_t mib = (uint64_t)disk.f_bavail * disk.f_frsize / MIB;
	if (mib >= ROOM_MIN_MIB)
		return true;
	doctor_warning(doctor, AREA, "make room: a log that can't be written stops everything that needs a key",
		"the disk of the log in %s has %llu MiB left", directory, (unsigned long long)mib);
	return false;
}

static bool has_key_beside(const char *directory) {
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/verification-key", directory);
	return access(path, F_OK) == 0;
}

void doctor_audit(struct doctor *doctor) {
	const struct smime_status *status = doctor->status;

	/* An agent that says nothing of its PIN either says nothing to strangers, or is an older one. */
	if (!status || !status->pin_program) {
		doctor_note(doctor, AREA, NULL, "not known: no agent tells");
		return;
	}
	if (!status->audit_directory) {
		doctor_note(doctor, AREA, "take `audit: {durability: off}` out of agent.yaml to have one",
			"nothing is written down of what keys are used for");
		return;
	}
	if (status->audit_fault) {
		doctor_fault(doctor, SMIME_E_IO, AREA,
			"until then the agent does nothing that needs a key, unless `on-failure: continue` is set", "%s",
			status->audit_fault);
		return;
	}
	if (has_room(doctor, status->audit_directory))
		doctor_good(doctor, AREA, "the log in %s is written", status->audit_directory);
	if (has_key_beside(status->audit_directory))
		doctor_note(doctor, AREA, "move the file verification-key to where only whoever verifies can read it",
			"the log's verification key lies beside it, so it proves nothing against who can write there");
}
