/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime watch: what happens in the agent, one event a line, until it is interrupted or the agent ends.
 */
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

struct watch {
	struct cli *cli;
	int code; /* exit code of a failure that was told */
};

static json_t *json_event(const struct smime_event *event) {
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:I, s:I, s:I}", "time", cli_json_time(time(NULL)), "event", event->name, "token",
		cli_json_text(event->token_id), "label", cli_json_text(event->label), "text", cli_json_text(event->text), "place",
		(json_int_t)event->place, "missed", (json_int_t)event->missed, "code", (json_int_t)event->code);
}

static int print_event(struct cli *cli, const struct smime_event *event) {
	char when[CLI_TIME_BYTES], behind[64] = "";

	if (event->kind == SMIME_EVENT_PROMPT_QUEUED)
		(void)snprintf(behind, sizeof(behind), " (%u before it)", event->place);
	else if (event->kind == SMIME_EVENT_MISSED)
		(void)snprintf(behind, sizeof(behind), "%u event%s", event->missed, event->missed == 1 ? "" : "s");
	cli_print("%s  %-13s %s%s%s%s", cli_time(time(NULL), when), event->name, event->label, *event->label && *event->text ? ": " : "",
		event->text, behind);
	return cli_flush(cli);
}

static int on_event(void *userdata, const struct smime_event *event) {
	struct watch *watch = userdata;

	watch->code = watch->cli->json ? cli_json_print(watch->cli, json_event(event)) : print_event(watch->cli, event);
	return watch->code;
}

/* A descriptor that can be read once the person has had enough. */
static int stop_signals(void) {
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int run(struct cli *cli, void *args) {
	struct watch watch = { .cli = cli };
	int stop = stop_signals();
	int r = smime_watch(cli->smime, stop, on_event, &watch);

	if (stop >= 0)
		(void)close(stop);
	if (watch.code != 0)
		return watch.code;
	return r < 0 ? cli_failed(cli, r) : 0;
}

const struct cli_command cmd_watch = {
	.name = "watch",
	.summary = "what happens, one event a line: tokens, locks, PIN prompts, operations",
	.usage = "[--json]",
	.json_lines = true,
	.operand = CLI_OPERAND_NONE,
	.run = run,
};
