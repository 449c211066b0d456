/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pcscd: whether it is installed, has its socket, and answers there.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <winscard.h>

#include "probe.h"
#include "run.h"

#define AREA "pcscd"

/*
 * What it is worth that pcscd can't be used: without a module that works through it, which an agent would tell of, there are
 * other tokens than cards.
 */
static enum doctor_verdict weight(const struct smime_status *status) {
	if (!status || status->reader_count > 0)
		return DOCTOR_WARNING;
	if (!*status->reader_fault)
		return DOCTOR_NOTE;
	return status->token_count > 0 ? DOCTOR_WARNING : DOCTOR_FAULT;
}

static void say(struct doctor *doctor, const char *mend, const char *text) {
	enum doctor_verdict verdict = weight(doctor->status);

	doctor_add(doctor, verdict, verdict == DOCTOR_FAULT ? SMIME_E_NO_TOKEN : 0, AREA, mend, "%s", text);
}

static bool is_installed(void) {
	static const char *const paths[] = { "/usr/sbin/pcscd", "/usr/bin/pcscd", "/sbin/pcscd", "/usr/local/sbin/pcscd" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (access(paths[i], X_OK) == 0)
			return true;
	return false;
}

/* 0, or why nothing is connected. */
static int connect_error(const char *path) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, error = 0;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >= (int)sizeof(address.sun_path))
		return ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		error = errno;
	if (fd >= 0)
		(void)close(fd);
	return error;
}

/* Whether systemd has given it up. */
static bool has_failed(void) {
	static const char *const argv[] = { "systemctl", "show", "--property=ActiveState", "pcscd.service", "pcscd.socket", NULL };
	struct run_result result;

	doctor_run(argv, NULL, false, RUN_LIMIT_MS, &result);
	return result.end == RUN_ENDED && strstr(result.output, "ActiveState=failed");
}

static void say_not_there(struct doctor *doctor) {
	const char *path = pcsc_socket();
	int error = connect_error(path);
	char text[512];

	if (error == 0)
		(void)snprintf(text, sizeof(text), "what listens on %s is no pcscd that this program understands (%s)", path,
			"its library says that there is no service");
	else
		(void)snprintf(text, sizeof(text), "pcscd can't be reached on its socket %s: %s", path,
			error == ENOENT ? "it is not there" : strerror(error));
	if (!is_installed())
		say(doctor, "install pcscd (`sudo apt install pcscd`), which card readers need", "pcscd is not installed");
	else if (error == EACCES)
		say(doctor, "let this user open the socket; pcscd makes it for everybody", text);
	else if (has_failed())
		say(doctor, "see `journalctl -u pcscd`, then `sudo systemctl restart pcscd.socket pcscd`",
			"systemd has given pcscd up: its unit has failed");
	else
		say(doctor, "`sudo systemctl enable --now pcscd.socket`; where PCSCLITE_CSOCK_NAME is set it has to name pcscd's socket",
			text);
}

static void say_failed(struct doctor *doctor, uint32_t code) {
	char text[128];

	switch (code) {
	case (uint32_t)SCARD_W_SECURITY_VIOLATION:
		doctor_note(doctor, AREA, NULL, "pcscd answers on %s, and refuses this user", pcsc_socket());
		break;
	case (uint32_t)SCARD_E_NO_SERVICE:
	case (uint32_t)SCARD_E_SERVICE_STOPPED:
	case (uint32_t)SCARD_F_COMM_ERROR:
		say_not_there(doctor);
		break;
	default:
		(void)snprintf(text, sizeof(text), "pcscd answers with the error 0x%08X", (unsigned)code);
		say(doctor, "`sudo systemctl restart pcscd`", text);
	}
}

/* The agent may look for it elsewhere. That polkit refuses the agent is told with polkit. */
static void say_answers(struct doctor *doctor) {
	const char *fault = doctor->status ? doctor->status->reader_fault : "";

	doctor_good(doctor, AREA, "pcscd answers on %s", pcsc_socket());
	if (*fault && !strstr(fault, "polkit"))
		doctor_fault(doctor, SMIME_E_NO_TOKEN, AREA,
			"end the agent and start it with the PCSCLITE_CSOCK_NAME of this program, or with none in both",
			"the agent does not reach it: %s", fault);
}

void doctor_pcscd(struct doctor *doctor) {
	const struct pcsc *pcsc = pcsc_ask(doctor);

	switch (pcsc->state) {
	case PCSC_ANSWERED:
		say_answers(doctor);
		break;
	case PCSC_NO_LIBRARY:
		say(doctor, "install pcscd and its library (`sudo apt install pcscd libpcsclite1`), which card readers need",
			"libpcsclite.so.1 is not installed");
		break;
	case PCSC_LATE:
		doctor_fault(doctor, SMIME_E_TOKEN_TIMEOUT, AREA, "unplug the reader, then `sudo systemctl restart pcscd`",
			"pcscd hangs: it takes connections on %s and does not answer", pcsc_socket());
		break;
	default:
		say_failed(doctor, pcsc->code);
	}
}
