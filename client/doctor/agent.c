/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent itself: whether it answers, and whether it is the one that belongs to this client.
 */
#include "probe.h"

#include <string.h>

#define AREA "agent"

void doctor_agent(struct doctor *doctor) {
	const struct smime_status *status = doctor->status;

	if (!status) {
		doctor_fault(doctor, (enum smime_error) - doctor->status_error, AREA,
			"start it with `systemctl --user start smime-agent.socket`, or `smime-agent` without systemd", "%s",
			doctor->status_message ? doctor->status_message : smime_strerror(doctor->status_error));
		return;
	}
	doctor_good(doctor, AREA, "smime-agent %s answers on %s (process %u)", status->agent_version, status->socket, status->pid);
	if (strcmp(status->agent_version, SMIME_VERSION) != 0)
		doctor_warning(doctor, AREA, "end it with `systemctl --user restart smime-agent`, after `smime lock`",
			"the agent is version %s and this program %s: one of them was updated while the agent ran", status->agent_version,
			SMIME_VERSION);
}
