/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks the agent once, has each examination done, and keeps what they find.
 */
#include "probe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

static void (*const examinations[])(struct doctor *doctor) = {
	doctor_reader,
	doctor_pcscd,
	doctor_polkit,
	doctor_module,
	doctor_holders,
	doctor_tokens,
	doctor_keys,
	doctor_certificates,
	doctor_chains,
	doctor_trust,
	doctor_agent,
	doctor_audit,
	doctor_pinentry,
	doctor_units,
	doctor_socket,
	doctor_config,
	doctor_permissions,
	doctor_clock,
	doctor_git,
	doctor_mutt,
	doctor_neomutt,
	doctor_self_test,
};

struct doctor_findings {
	struct doctor_report report; /* first: what its owner has is its address */
	struct doctor_finding *items;
	size_t room;
	bool failed; /* memory ran out */
};

static bool make_room(struct doctor_findings *findings) {
	enum { ROOM_FIRST = 32 };
	size_t room = findings->room ? 2 * findings->room : ROOM_FIRST;
	struct doctor_finding *items;

	if (findings->report.count < findings->room)
		return true;
	items = reallocarray(findings->items, room, sizeof(*items));
	if (!items)
		return false;
	findings->items = items;
	findings->report.findings = items;
	findings->room = room;
	return true;
}

static void note_worst(struct doctor_report *report, enum doctor_verdict verdict, enum smime_error code) {
	if (verdict == DOCTOR_FAULT && report->code == 0)
		report->code = code;
	if (verdict > report->worst)
		report->worst = verdict;
}

void doctor_add(struct doctor *doctor, enum doctor_verdict verdict, enum smime_error code, const char *area, const char *mend,
	const char *format, ...) {
	struct doctor_findings *findings = doctor->findings;
	char *text = NULL, *to_do = strdup(mend ? mend : "");
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text || !to_do || !make_room(findings)) {
		findings->failed = true;
		free(text);
		free(to_do);
		return;
	}
	findings->items[findings->report.count++] =
		(struct doctor_finding){ .verdict = verdict, .code = code, .area = area, .text = text, .mend = to_do };
	note_worst(&findings->report, verdict, code);
}

size_t doctor_count(const struct doctor *doctor) {
	return doctor->findings->report.count;
}

static bool is_opening(const struct smime_status *status) {
	for (size_t i = 0; i < status->token_count; i++)
		if (status->tokens[i].state == SMIME_TOKEN_STARTING)
			return true;
	return false;
}

/* A status tells what is known, so a token that was inserted or locked a moment ago gets some time. */
static int ask_status(struct doctor *doctor) {
	enum { TRIES = 50, PAUSE_MS = 100 };
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	int r = smime_status(doctor->smime, &doctor->status);

	for (int i = 0; r == 0 && is_opening(doctor->status) && i < TRIES; i++) {
		(void)nanosleep(&pause, NULL);
		doctor->status = smime_status_free(doctor->status);
		r = smime_status(doctor->smime, &doctor->status);
	}
	return r;
}

static int try_status(int fd, void *userdata) {
	struct smime *smime = userdata;
	struct smime_status *status = NULL;

	/* Who starts an agent is the doctor itself, which is not killed for it. */
	smime_set_autostart(smime, false);
	int r = smime_status(smime, &status);
	(void)smime_status_free(status);
	return r < 0;
}

/* An agent that was stopped, or is stuck, takes connections all the same. */
static bool is_mute(struct doctor *doctor) {
	enum { LIMIT_MS = 4 * RUN_LIMIT_MS }; /* systemd may have to start it first */
	struct run_result *result = malloc(sizeof(*result));
	bool late = false;

	if (result) {
		doctor_run_function(try_status, doctor->smime, LIMIT_MS, result);
		late = result->end == RUN_LATE;
	}
	free(result);
	return late;
}

/* The keys first: listing them waits for tokens that are being looked for. */
static void ask_agent(struct doctor *doctor) {
	doctor->mute = is_mute(doctor);
	if (doctor->mute) {
		doctor->keys_error = doctor->status_error = -SMIME_E_AGENT_GONE;
		return;
	}
	doctor->keys_error = smime_keys(doctor->smime, &doctor->keys);
	if (doctor->keys_error < 0)
		doctor->keys_message = strdup(smime_message(doctor->smime));
	doctor->status_error = ask_status(doctor);
	if (doctor->status_error < 0)
		doctor->status_message = strdup(smime_message(doctor->smime));
}

/* The list of keys has waited for the tokens, which the status before it did not. */
static void ask_again(struct doctor *doctor) {
	struct smime_status *now = NULL;

	if (!doctor->status || smime_status(doctor->smime, &now) < 0)
		return;
	(void)smime_status_free(doctor->status);
	doctor->status = now;
}

static void forget(struct doctor *doctor) {
	doctor->status = smime_status_free(doctor->status);
	doctor->keys = smime_keys_free(doctor->keys);
	free(doctor->status_message);
	free(doctor->keys_message);
}

int doctor_examine(struct smime *smime, const struct doctor_options *options, struct doctor_report **ret_report) {
	struct doctor_findings *findings = calloc(1, sizeof(*findings));
	struct doctor doctor = { .smime = smime, .options = options, .findings = findings, .now = time(NULL) };

	if (!findings)
		return -SMIME_E_NO_MEMORY;
	ask_agent(&doctor);
	ask_again(&doctor);
	for (size_t i = 0; i < sizeof(examinations) / sizeof(examinations[0]); i++)
		examinations[i](&doctor);
	forget(&doctor);
	if (findings->failed) {
		(void)doctor_report_free(&findings->report);
		return -SMIME_E_NO_MEMORY;
	}
	*ret_report = &findings->report;
	return 0;
}

struct doctor_report *doctor_report_free(struct doctor_report *report) {
	struct doctor_findings *findings = (struct doctor_findings *)report;

	if (!findings)
		return NULL;
	for (size_t i = 0; i < report->count; i++) {
		free((char *)findings->items[i].text);
		free((char *)findings->items[i].mend);
	}
	free(findings->items);
	free(findings);
	return NULL;
}
