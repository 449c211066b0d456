/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent itself: whether it answers, whether it is the one that belongs to this client, and whether it is alone.
 */
#include "probe.h"

#include <limits.h>
#include <string.h>

#include "agent-process.h"

#define AREA "agent"

static const char to_restart[] = "end it, and the next program that asks starts the new one: `smime lock`, then `systemctl --user restart "
				 "smime-agent`, or `kill` and its process";

static const char *to_start(const struct doctor *doctor) {
	enum smime_socket_origin origin = SMIME_SOCKET_SET;
	const char *path = NULL;

	if (smime_socket(doctor->smime, &path, &origin) < 0)
		return "give it a place for its socket: see the line about the socket";
	if (origin == SMIME_SOCKET_SET || origin == SMIME_SOCKET_ENVIRONMENT)
		return "start it there (`smime-agent --socket PATH`), or leave the place to the default: without --socket, and unset "
		       "SMIME_AGENT_SOCK";
	if (doctor->options->autostart)
		return "mend what it says; the next program that asks starts it anew";
	return "start it with `systemctl --user enable --now smime-agent.socket`, or with `smime-agent` where there is no systemd";
}

static void tell_mute(struct doctor *doctor) {
	enum smime_socket_origin origin = SMIME_SOCKET_SET;
	const char *path = NULL;

	doctor_fault(doctor, SMIME_E_AGENT_GONE, AREA,
		"where it was stopped, `kill -CONT` and its process; else `kill -9`, and the next program that asks starts it anew",
		"the agent on %s takes connections, but does not answer",
		smime_socket(doctor->smime, &path, &origin) == 0 ? path : "its socket");
}

static void tell_missing(struct doctor *doctor) {
	char program[PATH_MAX];

	doctor_fault(doctor, (enum smime_error) - doctor->status_error, AREA, to_start(doctor), "%s",
		doctor->status_message ? doctor->status_message : smime_strerror(doctor->status_error));
	if (!agent_process_program(program))
		doctor_fault(doctor, SMIME_E_NO_AGENT, AREA, "install it: no program can start it",
			"the program smime-agent is not beside this one");
}

static void examine_version(struct doctor *doctor, const struct smime_status *status) {
	if (!doctor_is_same_version(doctor))
		doctor_warning(doctor, AREA, to_restart,
			"the agent is version %s and this program %s: one of them was updated while the agent ran, so some things are left "
			"out",
			status->agent_version, SMIME_VERSION);
	else if (agent_process_is_outdated((pid_t)status->pid))
		doctor_warning(
			doctor, AREA, to_restart, "the agent runs since before smime-agent was installed anew, so it is the old one");
}

static bool has_same_socket(pid_t a, pid_t b) {
	char of_a[PATH_MAX] = "", of_b[PATH_MAX] = "";

	(void)agent_process_option(a, "--socket", of_a);
	(void)agent_process_option(b, "--socket", of_b);
	return strcmp(of_a, of_b) == 0;
}

/* The process that may be the other agent for this socket; 0: none that could be told. */
static pid_t other_agent(pid_t agent) {
	pid_t pid = 0;

	while ((pid = agent_process_next(pid)) > 0)
		if (pid != agent && has_same_socket(pid, agent))
			return pid;
	return 0;
}

/* Agents with sockets of their own are somebody's wish. */
static void examine_others(struct doctor *doctor, const struct smime_status *status) {
	pid_t other = agent_process_listeners(status->socket) > 1 ? other_agent((pid_t)status->pid) : 0;

	if (other)
		doctor_warning(doctor, AREA, "end it with `kill` and its process, since no program finds it any more",
			"process %d is an older agent for the same socket: it still knows PINs and holds cards", (int)other);
}

void doctor_agent(struct doctor *doctor) {
	const struct smime_status *status = doctor->status;

	if (doctor->mute) {
		tell_mute(doctor);
		return;
	}
	if (!status) {
		tell_missing(doctor);
		return;
	}
	doctor_good(doctor, AREA, "smime-agent %s answers on %s (process %u)", status->agent_version, status->socket, status->pid);
	examine_version(doctor, status);
	examine_others(doctor, status);
}
