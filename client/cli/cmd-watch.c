/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime watch: what happens in the agent, one event a line, until it is interrupted or the agent ends.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

struct watch {
	struct cli *cli;
	int stop; /* can be read once the person has had enough */
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

/* The signals that end it are blocked, and would do nothing while it waits for somebody who does not read. False: it is enough. */
static bool wait_for_reader(const struct watch *watch) {
	struct pollfd fds[] = { { .fd = STDOUT_FILENO, .events = POLLOUT }, { .fd = watch->stop, .events = POLLIN } };
	int n;

	do
		n = poll(fds, sizeof(fds) / sizeof(fds[0]), -1);
	while (n < 0 && errno == EINTR);
	return n < 0 || fds[0].revents;
}

static int on_event(void *userdata, const struct smime_event *event) {
	struct watch *watch = userdata;

	if (!wait_for_reader(watch))
		return 1;
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
	struct watch watch = { .cli = cli, .stop = stop_signals() };
	int r = smime_watch(cli->smime, watch.stop, on_event, &watch);

	if (watch.stop >= 0)
		(void)close(watch.stop);
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
