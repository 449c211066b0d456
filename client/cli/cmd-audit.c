/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime audit show, smime audit verify. Reads the files of the log; the agent is not asked.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/audit/audit.h"

static const char show[] = "show", verify[] = "verify";
static const char *const verbs[] = { show, verify, NULL };

struct args {
	const char *since, *key;
	bool journal;
};

static const struct cli_option options[] = {
	{ "since", 0, CLI_TEXT, offsetof(struct args, since), "TIME", "show: only records from this time on" },
	{ "key", 0, CLI_TEXT, offsetof(struct args, key), "FILE", "verify: the verification key" },
	{ "journal", 0, CLI_FLAG, offsetof(struct args, journal), NULL, "verify: compare with what the journal has of the log" },
};

/* ---- show ---- */

struct shown {
	struct cli *cli;
	const char *since; /* times of records compare as texts */
	int code;
};

static const char *text_of(const json_t *record, const char *member) {
	const char *text = json_string_value(json_object_get(record, member));

	return text ? text : "";
}

static long long number_of(const json_t *record, const char *member) {
	return json_integer_value(json_object_get(record, member));
}

/* "sign by smime (process 4711, user 1000), key 1313356ea0ddfcf9, token demo, as alice@example.org" */
static void describe_request(const json_t *record, char *text, size_t size) {
	const json_t *client = json_object_get(record, "client"), *token = json_object_get(record, "token");
	const char *key = text_of(record, "key"), *from = text_of(record, "from");

	(void)snprintf(text, size, "%s by %s (process %lld, user %lld)%s%.16s%s%s%s%s", text_of(record, "operation"),
		text_of(client, "program"), number_of(client, "pid"), number_of(client, "uid"), *key ? ", key " : "", key,
		token ? ", token " : "", text_of(token, "label"), *from ? ", as " : "", from);
}

static void describe_outcome(const json_t *record, char *text, size_t size) {
	const json_t *outcome = json_object_get(record, "outcome");

	if (strcmp(text_of(outcome, "result"), "ok") == 0)
		(void)snprintf(text, size, "ok");
	else
		(void)snprintf(text, size, "%s (%lld)", text_of(outcome, "text"), number_of(outcome, "code"));
}

/* "smime-agent 0.1.0 (process 4711), after crash"; nothing for records that are about a request. */
static void describe_agent(const json_t *record, const char *kind, char *text, size_t size) {
	if (strcmp(kind, "start") == 0)
		(void)snprintf(text, size, "smime-agent %s (process %lld), after %s", text_of(record, "version"), number_of(record, "pid"),
			text_of(record, "after"));
	else if (strcmp(kind, "rotation") == 0)
		(void)snprintf(text, size, "goes on from %s", text_of(record, "file"));
	else if (strcmp(kind, "resume") == 0)
		(void)snprintf(text, size, "it can be written again");
	else if (strcmp(kind, "end") == 0)
		(void)snprintf(
			text, size, "%lld written, %lld waits for the disk", number_of(record, "records"), number_of(record, "syncs"));
}

/* What the agent found wrong before this record: "; missing: records 5 to 7". */
static void describe_found(const json_t *record, char *text, size_t size) {
	const json_t *torn = json_object_get(record, "torn"), *missing = json_object_get(record, "missing");
	char octets[64] = "", range[96] = "", lost[64] = "";

	if (torn)
		(void)snprintf(octets, sizeof(octets), "; octets before it that are no record: %lld", number_of(torn, "octets"));
	if (missing)
		(void)snprintf(
			range, sizeof(range), "; missing: records %lld to %lld", number_of(missing, "from"), number_of(missing, "to"));
	if (json_object_get(record, "lost"))
		(void)snprintf(lost, sizeof(lost), "; records that could not be written: %lld, since ", number_of(record, "lost"));
	(void)snprintf(text, size, "%s%s%s%s", octets, range, lost, *lost ? text_of(record, "reason") : "");
}

static void print_record(const json_t *record) {
	const char *kind = text_of(record, "kind");
	char request[4096] = "", outcome[2048] = "", found[2048];

	describe_agent(record, kind, request, sizeof(request));
	describe_found(record, found, sizeof(found));
	if (strcmp(kind, "intent") == 0 || strcmp(kind, "denied") == 0)
		describe_request(record, request, sizeof(request));
	if (strcmp(kind, "result") == 0)
		(void)snprintf(request, sizeof(request), "of %lld", number_of(record, "intent"));
	if (json_object_get(record, "outcome"))
		describe_outcome(record, outcome, sizeof(outcome));
	cli_print("%6lld  %.19s  %-8s  %s%s%s%s", number_of(record, "seq"), text_of(record, "time"), kind, request, *outcome ? ": " : "",
		outcome, found);
}

static int show_record(void *userdata, const json_t *record) {
	struct shown *shown = userdata;

	if (strcmp(text_of(record, "time"), shown->since) < 0)
		return 0;
	if (shown->cli->json)
		shown->code = cli_json_print(shown->cli, json_deep_copy(record));
	else
		print_record(record);
	return shown->code != 0;
}

static int run_show(struct cli *cli, struct audit_files *files, const char *since, char **message) {
	struct shown shown = { .cli = cli, .since = since };
	uint64_t others = 0;
	int r = audit_each(files, show_record, &shown, &others, message);

	if (r < 0)
		return cli_fail(cli, r, "%s", *message ? *message : smime_strerror(r));
	if (others > 0)
		cli_note(cli, "%" PRIu64 " %s not shown, being no records: smime audit verify says where", others,
			others == 1 ? "line is" : "lines are");
	return shown.code != 0 ? shown.code : cli_flush(cli);
}

/* ---- verify ---- */

static const char *const verdicts[] = {
	[AUDIT_NOTE] = "note",
	[AUDIT_UNKNOWN] = "unknown",
	[AUDIT_FAULT] = "fault",
};

static int exit_code(const struct audit_report *report) {
	return report->faults > 0 ? smime_exit_code(SMIME_E_SIGNATURE) : 0;
}

static json_t *json_finding(const struct audit_finding *finding) {
	return json_pack("{s:s, s:o, s:I, s:o}", "verdict", verdicts[finding->verdict], "file", cli_json_text(finding->file), "line",
		(json_int_t)finding->line, "text", cli_json_text(finding->text));
}

static json_t *json_report(const struct audit_files *files, const struct audit_report *report) {
	json_t *findings = json_array(), *names = json_array();

	for (size_t i = 0; i < report->count; i++)
		cli_json_append(&findings, json_finding(&report->findings[i]));
	for (size_t i = 0; i < files->count; i++)
		cli_json_append(&names, cli_json_text(files->paths[i]));
	return json_pack("{s:s, s:i, s:o, s:I, s:I, s:I, s:b, s:I, s:I, s:o}", "result", report->faults > 0 ? "changed" : "whole",
		"exit_code", exit_code(report), "files", names, "records", (json_int_t)report->records, "first", (json_int_t)report->first,
		"last", (json_int_t)report->last, "macs_checked", report->macs_checked, "faults", (json_int_t)report->faults, "unknown",
		(json_int_t)report->unknown, "findings", findings);
}

static void print_finding(const struct audit_finding *finding) {
	char line[32] = "";

	if (finding->line > 0)
		(void)snprintf(line, sizeof(line), ":%llu", (unsigned long long)finding->line);
	cli_print("%-7s  %s%s%s%s", verdicts[finding->verdict], finding->file ? finding->file : "", line, finding->file ? ": " : "",
		finding->text);
}

static int print_report(struct cli *cli, const struct audit_report *report) {
	for (size_t i = 0; i < report->count; i++)
		if (!cli->quiet || report->findings[i].verdict == AUDIT_FAULT)
			print_finding(&report->findings[i]);
	if (report->faults > 0)
		cli_print("the log was changed or is not whole: %zu %s in %llu records", report->faults,
			report->faults == 1 ? "fault" : "faults", (unsigned long long)report->records);
	else if (!cli->quiet)
		cli_print("the log is whole: %llu records, MACs %s, %zu unknown", (unsigned long long)report->records,
			report->macs_checked ? "checked" : "not checked", report->unknown);
	return cli_flush(cli);
}

static int run_verify(struct cli *cli, struct audit_files *files, const struct args *args, char **message) {
	const struct audit_verify_options verify_options = { .key = args->key, .journal = args->journal };
	__attribute__((cleanup(audit_report_clear))) struct audit_report report = { 0 };
	int r = audit_verify(files, &verify_options, &report, message);

	if (r < 0)
		return cli_fail(cli, r, "%s", *message ? *message : smime_strerror(r));
	int code = cli->json ? cli_json_print(cli, json_report(files, &report)) : print_report(cli, &report);
	return code == 0 ? exit_code(&report) : code;
}

/* ---- Both ---- */

static int check_args(struct cli *cli, const struct args *args, char since[CLI_TIME_BYTES]) {
	time_t t;

	if (cli->verb == show && (args->key || args->journal))
		return cli_usage(cli, "--key and --journal are for verify");
	if (cli->verb == verify && args->since)
		return cli_usage(cli, "--since is for show; a log is verified whole");
	if (args->since && !cli_parse_time(args->since, &t))
		return cli_usage(cli, "--since %s: no time; write 2026-11-24 or 2026-11-24T12:00:00Z", args->since);
	since[0] = '\0';
	if (args->since)
		(void)strftime(since, CLI_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", gmtime(&t));
	return 0;
}

static int run(struct cli *cli, void *data) {
	const struct args *args = data;
	__attribute__((cleanup(audit_files_clear))) struct audit_files files = { 0 };
	char since[CLI_TIME_BYTES], *message = NULL;
	int code = check_args(cli, args, since);

	if (code != 0)
		return code;
	int r = audit_files_find(cli->files, cli->file_count, &files, &message);
	if (r < 0)
		code = cli_fail(cli, r, "%s", message ? message : smime_strerror(r));
	else
		code = cli->verb == show ? run_show(cli, &files, since, &message) : run_verify(cli, &files, args, &message);
	free(message);
	return code;
}

const struct cli_command cmd_audit = {
	.name = "audit",
	.summary = "show the log of what keys were used for, or verify that nobody has changed it",
	.usage = "show [--since TIME] [--json] [FILE...] | verify [--key FILE] [--journal] [--json] [FILE...]",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.args_size = sizeof(struct args),
	.verbs = verbs,
	.operand = CLI_OPERAND_FILES,
	.json_lines = true,
	.run = run,
};
