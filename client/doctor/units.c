/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The units of the user's systemd: whether they are there, start the agent, and are those whose agent answers. Asks systemctl and
 * loginctl, which is all that they are for here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"
#include "run.h"

#define AREA "units"
#define ENABLE "`systemctl --user enable --now smime-agent.socket`"

enum { VALUE_MAX_BYTES = 64 };

struct unit {
	char load[VALUE_MAX_BYTES], active[VALUE_MAX_BYTES], file[VALUE_MAX_BYTES], result[VALUE_MAX_BYTES];
	unsigned pid; /* of a service that runs, else 0 */
};

/* ---- Asking ---- */

/* The value of a line NAME=VALUE. */
static void find_value(const char *output, const char *name, char value[VALUE_MAX_BYTES]) {
	size_t len = strlen(name);

	value[0] = '\0';
	for (const char *line = output; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (strncmp(line, name, len) == 0 && line[len] == '=') {
			(void)snprintf(value, VALUE_MAX_BYTES, "%.*s", (int)strcspn(line + len + 1, "\n"), line + len + 1);
			return;
		}
}

/* Returns false when there is no manager to ask, or it hangs: *ret_end. */
static bool ask(const char *name, struct unit *ret_unit, enum run_end *ret_end) {
	const char *const argv[] = { "systemctl", "--user", "show", "--property=LoadState,ActiveState,UnitFileState,Result,MainPID", name,
		NULL };
	struct run_result result;
	char pid[VALUE_MAX_BYTES];

	doctor_run(argv, NULL, false, RUN_LIMIT_MS, &result);
	*ret_end = result.end;
	if (result.end != RUN_ENDED || result.code != 0)
		return false;
	find_value(result.output, "LoadState", ret_unit->load);
	find_value(result.output, "ActiveState", ret_unit->active);
	find_value(result.output, "UnitFileState", ret_unit->file);
	find_value(result.output, "Result", ret_unit->result);
	find_value(result.output, "MainPID", pid);
	ret_unit->pid = (unsigned)strtoul(pid, NULL, 10);
	return true;
}

static bool is(const char *value, const char *wanted) {
	return strcmp(value, wanted) == 0;
}

/* ---- Saying ---- */

static void say_runtime(struct doctor *doctor) {
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	char mend[128];

	if (runtime && *runtime == '/')
		return;
	(void)snprintf(
		mend, sizeof(mend), "log in by way of a session (not `su`), or `export XDG_RUNTIME_DIR=/run/user/%u`", (unsigned)geteuid());
	doctor_note(doctor, AREA, mend,
		"XDG_RUNTIME_DIR is not set: programs may look for the agent in other places, and systemctl --user does not work");
}

static void say_socket(struct doctor *doctor, const struct unit *socket) {
	if (is(socket->load, "masked"))
		doctor_note(doctor, AREA, "`systemctl --user unmask smime-agent.socket`",
			"smime-agent.socket is masked, so that systemd does not start the agent");
	else if (!is(socket->load, "loaded"))
		doctor_note(doctor, AREA, "install the units, or leave it: the first program that needs the agent starts it",
			"smime-agent.socket is not installed");
	else if (is(socket->active, "failed"))
		doctor_fault(doctor, SMIME_E_NO_AGENT, AREA,
			"see `systemctl --user status smime-agent.socket`, then `systemctl --user restart smime-agent.socket`",
			"smime-agent.socket has failed (%s)", socket->result);
	else if (is(socket->active, "active"))
		doctor_good(doctor, AREA, "smime-agent.socket is active%s",
			is(socket->file, "enabled") ? "" : " (not enabled: not after the next login)");
	else if (is(socket->file, "enabled"))
		doctor_warning(doctor, AREA, "`systemctl --user start smime-agent.socket`", "smime-agent.socket is enabled, and %s",
			socket->active);
	else
		doctor_note(doctor, AREA, ENABLE ", or leave it: the first program that needs the agent starts it",
			"smime-agent.socket is not enabled");
}

static void say_service(struct doctor *doctor, const struct unit *service) {
	if (is(service->active, "failed"))
		doctor_fault(doctor, SMIME_E_NO_AGENT, AREA,
			"see `journalctl --user -u smime-agent` and `smime-agent --check-config`, then `systemctl --user reset-failed "
			"smime-agent`",
			"smime-agent.service has failed (%s)", service->result);
}

/* Two agents have two memories of PINs, and `smime lock` reaches one. */
static void say_other_agent(struct doctor *doctor, const struct unit *socket, const struct unit *service) {
	const struct smime_status *status = doctor->status;

	if (!status || !is(socket->active, "active") || status->pid == service->pid)
		return;
	doctor_warning(doctor, AREA,
		"unset SMIME_AGENT_SOCK, leave out --socket, and end the agent that was started by hand; systemd's then serves all",
		"the agent that answers (process %u on %s) is not that of smime-agent.socket: there may be two", status->pid,
		status->socket);
}

/* Without lingering there is no manager, and no agent, while nobody is logged in. */
static void say_lingering(struct doctor *doctor, const struct unit *socket) {
	char uid[16];
	const char *const argv[] = { "loginctl", "show-user", "--property=Linger", uid, NULL };
	struct run_result result;

	if (!is(socket->file, "enabled"))
		return;
	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	doctor_run(argv, NULL, false, RUN_LIMIT_MS, &result);
	if (result.end == RUN_ENDED && result.code == 0 && strstr(result.output, "Linger=no"))
		doctor_note(doctor, AREA, "for use without a login (cron, services): `loginctl enable-linger`",
			"the agent ends with the last session of this user");
}

static void say_no_manager(struct doctor *doctor, enum run_end end) {
	if (end == RUN_LATE)
		doctor_warning(doctor, AREA, "see `systemctl --user status`; log out and in again", "the user's systemd does not answer");
	else if (end == RUN_UNSTARTED)
		doctor_note(doctor, AREA, NULL, "no systemd here: the first program that needs the agent starts it");
	else
		doctor_note(
			doctor, AREA, NULL, "no user manager of systemd in this session: the first program that needs the agent starts it");
}

void doctor_units(struct doctor *doctor) {
	struct unit socket = { 0 }, service = { 0 };
	enum run_end end;

	say_runtime(doctor);
	if (!ask("smime-agent.socket", &socket, &end) || !ask("smime-agent.service", &service, &end)) {
		say_no_manager(doctor, end);
		return;
	}
	say_socket(doctor, &socket);
	say_service(doctor, &service);
	say_other_agent(doctor, &socket, &service);
	say_lingering(doctor, &socket);
}
