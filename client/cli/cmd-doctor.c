/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime doctor: one line for each thing that was looked at, with what would mend it.
 */
#include "cli.h"

#include "client/doctor/doctor.h"

struct args {
	bool self_test;
};

static const struct cli_option options[] = {
	{ "self-test", 0, CLI_FLAG, offsetof(struct args, self_test), NULL, "sign and decrypt with each key that needs no PIN now" },
};

static const char *const verdicts[] = {
	[DOCTOR_GOOD] = "good",
	[DOCTOR_NOTE] = "note",
	[DOCTOR_WARNING] = "warning",
	[DOCTOR_FAULT] = "fault",
};

/* The worst decides: a fault gives what the operation would end with, a warning that not all is well. */
static int exit_code(const struct doctor_report *report) {
	if (report->worst == DOCTOR_FAULT)
		return smime_exit_code(report->code);
	return report->worst == DOCTOR_WARNING ? 1 : 0;
}

static json_t *json_finding(const struct doctor_finding *finding) {
	return json_pack("{s:s, s:s, s:o, s:o, s:I}", "verdict", verdicts[finding->verdict], "area", finding->area, "text",
		cli_json_text(finding->text), "mend", cli_json_text(*finding->mend ? finding->mend : NULL), "code",
		(json_int_t)finding->code);
}

static json_t *json_report(const struct doctor_report *report) {
	json_t *findings = json_array();

	for (size_t i = 0; i < report->count; i++)
		cli_json_append(&findings, json_finding(&report->findings[i]));
	return json_pack(
		"{s:s, s:I, s:o}", "worst", verdicts[report->worst], "exit_code", (json_int_t)exit_code(report), "findings", findings);
}

static int print_report(struct cli *cli, const struct doctor_report *report) {
	for (size_t i = 0; i < report->count; i++) {
		const struct doctor_finding *finding = &report->findings[i];

		if (!cli->quiet || finding->verdict >= DOCTOR_WARNING)
			cli_print("%-8s %-12s %s%s%s", verdicts[finding->verdict], finding->area, finding->text,
				*finding->mend ? " -> " : "", finding->mend);
	}
	return cli_flush(cli);
}

static int run(struct cli *cli, void *data) {
	const struct args *args = data;
	const struct doctor_options doctor_options = {
		.socket = cli->socket, .autostart = !cli->no_autostart, .self_test = args->self_test
	};
	struct doctor_report *report = NULL;
	int r = doctor_examine(cli->smime, &doctor_options, &report);

	if (r < 0)
		return cli_fail(cli, r, "%s", smime_strerror(r));
	int code = cli->json ? cli_json_print(cli, json_report(report)) : print_report(cli, report);
	if (code == 0)
		code = exit_code(report);
	(void)doctor_report_free(report);
	return code;
}

const struct cli_command cmd_doctor = {
	.name = "doctor",
	.summary = "look at everything from the reader to the mail program; say what is wrong",
	.usage = "[--self-test] [-q] [--json]",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.args_size = sizeof(struct args),
	.operand = CLI_OPERAND_NONE,
	.run = run,
};
