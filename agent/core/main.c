/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-agent: the core process. Reads its options and configuration, forks the spawner, opens the socket, goes into the
 * background when it can serve, and runs the loop.
 *
 * It loads no PKCS#11 module, sees no PIN and parses no message.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include <openssl/crypto.h>
#include <smime/error.h>
#include <systemd/sd-daemon.h>

#include "agent.h"
#include "agent/audit/audit.h"
#include "agent/config/check.h"
#include "agent/config/paths.h"
#include "agent/config/refuse.h"
#include "agent/sandbox/sandbox.h"
#include "agent/wire/limits.h"
#include "agent/wire/text.h"
#include "background.h"
#include "consent.h"
#include "discovery.h"
#include "events.h"
#include "facts.h"
#include "listener.h"
#include "notify.h"
#include "place.h"
#include "prompt.h"
#include "question.h"
#include "readers.h"
#include "reload.h"
#include "request.h"
#include "reuse.h"
#include "session.h"
#include "spawner.h"
#include "state.h"

struct options {
	const char *socket;
	const char *config;
	bool foreground;
	bool check_config;
};

static const char usage[] = "usage: smime-agent [--foreground] [--socket PATH] [--config FILE] [--check-config]\n";

static const char help[] = "Holds PKCS#11 tokens and signs and decrypts S/MIME for the programs of its user.\n"
			   "\n"
			   "  --foreground      stay in the foreground\n"
			   "  --socket PATH     listen there instead of on the default socket\n"
			   "  --config FILE     read this file alone instead of /etc/smime-agent/agent.yaml and the user's own\n"
			   "  --check-config    say whether the configuration is good, and end\n"
			   "  --help, --version\n"
			   "\n"
			   "Without --foreground it goes into the background once it can be asked. A socket that systemd passes is used "
			   "instead of an own one.\n";

static int complain(int error, const char *message) {
	char text[2 * WIRE_TEXT_MAX_BYTES];
	size_t len = text_clean(message && *message ? message : smime_strerror(error), text, sizeof(text));

	(void)fprintf(stderr, "smime-agent: %.*s\n", (int)len, text);
	return smime_exit_code(error);
}

/* The exit code of what has only been printed. */
static int end_of_output(void) {
	char text[128];

	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	(void)snprintf(text, sizeof(text), "standard output: %s", strerror(errno));
	return complain(-SMIME_E_IO, text);
}

/* Returns -1 to go on, else the exit code. */
static int parse_options(int argc, char **argv, struct options *options) {
	static const struct option known[] = {
		{ "foreground", no_argument, NULL, 'f' },
		{ "socket", required_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		switch (c) {
		case 'f':
			options->foreground = true;
			break;
		case 's':
			options->socket = optarg;
			break;
		case 'c':
			options->config = optarg;
			break;
		case 'k':
			options->check_config = true;
			break;
		case 'h':
			(void)printf("%s%s", usage, help);
			return end_of_output();
		case 'v':
			(void)printf("smime-agent %s\n", SMIME_AGENT_VERSION);
			return end_of_output();
		default:
			(void)fputs(usage, stderr);
			return 2;
		}
	if ((options->socket && !*options->socket) || (options->config && !*options->config)) {
		(void)fprintf(stderr, "smime-agent: an option's value is empty\n%s", usage);
		return 2;
	}
	if (optind < argc) {
		(void)fprintf(stderr, "smime-agent: unexpected argument '%s'\n%s", argv[optind], usage);
		return 2;
	}
	return -1;
}

/* A descriptor for each client, with some to spare; where that can't be had there are fewer clients. */
static void raise_descriptors(struct config *config) {
	enum { WANTED_SPARE = 256, LEAST_SPARE = 32 };
	rlim_t wanted = config->max_clients + (rlim_t)WANTED_SPARE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_cur < wanted) {
		limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur < config->max_clients + (rlim_t)LEAST_SPARE)
		config->max_clients = limit.rlim_cur > LEAST_SPARE ? (unsigned)(limit.rlim_cur - LEAST_SPARE) : 1;
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
	struct agent *agent = userdata;

	_cleanup_(freep) char *message = NULL;

	if (reload(agent, &message) < 0)
		(void)complain(-SMIME_E_USAGE, message);
	discovery_rescan(agent->discovery);
	return 0;
}

/* Whoever has just started the agent asks it at once, and should not be told that there are no tokens. */
static void on_change(struct agent *agent) {
	requests_go_on(agent);
	if (discovery_patience(agent->discovery) == 0)
		background_done(&agent->parent_fd);
}

static void on_readers(struct agent *agent) {
	if (agent->discovery)
		discovery_readers_changed(agent->discovery);
}

static int on_long_start(sd_event_source *source, uint64_t usec, void *userdata) {
	struct agent *agent = userdata;

	background_done(&agent->parent_fd);
	return 0;
}

static int set_up_loop(struct agent *agent) {
	sigset_t mask;

	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGTERM);
	(void)sigaddset(&mask, SIGINT);
	(void)sigaddset(&mask, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &mask, NULL);
	if (sd_event_default(&agent->event) < 0 || sd_event_add_signal(agent->event, NULL, SIGTERM, NULL, NULL) < 0 ||
		sd_event_add_signal(agent->event, NULL, SIGINT, NULL, NULL) < 0 ||
		sd_event_add_signal(agent->event, NULL, SIGHUP, on_hangup, agent) < 0)
		return -SMIME_E_NO_MEMORY;
	(void)sd_event_set_watchdog(agent->event, true);
	return spawner_attach(agent->spawner, agent->event);
}

static int set_up(struct agent *agent, struct listener_socket *socket) {
	int r = set_up_loop(agent);

	if (r == 0 && (!(agent->facts = facts_new()) || !(agent->consents = consents_new())))
		r = -SMIME_E_NO_MEMORY;
	if (r == 0 && !(agent->reuse = reuse_new()))
		r = -SMIME_E_NO_MEMORY;
	if (r == 0)
		r = events_new(&agent->events);
	if (r == 0)
		r = notifier_new(agent, &agent->notifier);
	if (r == 0)
		r = prompts_new(agent, &agent->prompts);
	if (r == 0)
		r = questions_new(&agent->questions);
	if (r == 0)
		r = audit_new(agent->event, &agent->config->audit, agent->audit_directory, &agent->audit);
	if (r == 0)
		r = requests_new(&agent->requests);
	if (r == 0)
		r = readers_new(agent, on_readers, &agent->readers);
	if (r == 0)
		r = discovery_new(agent, on_change, &agent->discovery);
	if (r == 0)
		r = session_new(agent, &agent->session);
	if (r == 0)
		r = listener_new(agent, take_fd(&socket->fd), &agent->listener);
	if (r == 0 && agent->parent_fd >= 0 &&
		sd_event_add_time_relative(
			agent->event, NULL, CLOCK_MONOTONIC, (uint64_t)PLACE_FIRST_MAX_MS * 1000, 0, on_long_start, agent) < 0)
		r = -SMIME_E_NO_MEMORY;
	return r;
}

static void tear_down(struct agent *agent) {
	agent->listener = listener_free(agent->listener);
	agent->session = session_free(agent->session);
	if (agent->discovery)
		discovery_end_tokens(agent->discovery);
	agent->discovery = discovery_free(agent->discovery);
	agent->readers = readers_free(agent->readers);
	agent->questions = questions_free(agent->questions);
	agent->prompts = prompts_free(agent->prompts);
	agent->requests = requests_free(agent->requests);
	agent->audit = audit_free(agent->audit); /* behind whatever could still have something to tell */
	agent->events = events_free(agent->events);
	agent->notifier = notifier_free(agent->notifier);
	agent->reuse = reuse_free(agent->reuse);
	agent->consents = consents_free(agent->consents);
	agent->facts = facts_free(agent->facts);
	agent->spawner = spawner_free(agent->spawner);
	agent->event = sd_event_unref(agent->event);
	state_clear(agent);
	agent->config = config_free(agent->config);
	free(agent->config_file);
	agent->config_file = NULL;
}

static int serve(struct agent *agent, const char *path) {
	_cleanup_(freep) char *message = NULL;
	const struct config *config = agent->config;
	struct spawner_options spawner = { config->pin_program, config->environment, config->environment_count, agent->parent_fd >= 0 };
	_cleanup_(listener_socket_clear) struct listener_socket socket = LISTENER_SOCKET_NONE;
	int r = spawner_fork(&spawner, &agent->spawner);

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error of writing */
	/* systemd passes over one that is in no credstore, and starts the unit. */
	if (r == 0 && config->pin_credential && (!config->pin_file || access(config->pin_file, R_OK) < 0))
		r = refuse(&message, -SMIME_E_USAGE,
			"pin: credential: systemd has passed no credential %s; put it into /etc/credstore, or add LoadCredential=%s:PATH "
			"to the "
			"agent's unit",
			config->pin_credential, config->pin_credential);
	if (r == 0)
		r = state_load_files(agent, &message);
	if (r == 0)
		r = state_load_private(agent, &message);
	if (r == 0)
		r = listener_open(path, &socket, &message);
	if (r < 0)
		return complain(r, message);
	r = set_up(agent, &socket);
	if (r == 0 && sandbox_calls(SANDBOX_CORE) < 0)
		return complain(
			-SMIME_E_INTERNAL, "the kernel takes no filter of system calls (seccomp), and there is no serving without one");
	if (r == 0) {
		listener_socket_watch(&socket, agent->event);
		(void)sd_notify(0, "READY=1\nSTATUS=Serving");
		r = sd_event_loop(agent->event);
		(void)sd_notify(0, "STOPPING=1");
	}
	if (r == SMIME_E_IO)
		return complain(-r, "the socket file is gone or was replaced, so nobody can reach this agent any more");
	/* Nobody else leaves the loop with an error but the spawner's end. */
	if (r > 0)
		return complain(-r, "smime-spawner, which starts the processes for tokens and prompts, has ended; start the agent again");
	return r < 0 ? complain(-SMIME_E_INTERNAL, NULL) : 0;
}

static int check_config(struct agent *agent) {
	_cleanup_(freep) char *message = NULL;
	int r = state_load_files(agent, &message);

	if (r == 0)
		r = config_check(agent->config, &message);
	if (r < 0)
		return complain(r, message);
	(void)printf("the configuration is good\n");
	return end_of_output();
}

/* The path of the socket, absolute where the agent leaves its working directory. */
static int find_socket(struct options *options, char *path, size_t size, char **ret_message) {
	char here[PATH_MAX], why[PATH_MAX + 64];

	if (options->socket && (*options->socket == '/' || options->foreground))
		return 0;
	if (!options->socket) {
		if (paths_default_socket(path, size) < 0) {
			paths_why(path, why, sizeof(why));
			return refuse(ret_message, -SMIME_E_IO,
				"no directory for the socket is safe to use: %s; make it one of this user with mode 0700, set "
				"$XDG_RUNTIME_DIR, or name a socket with --socket",
				why);
		}
	} else if (!getcwd(here, sizeof(here)) || snprintf(path, size, "%s/%s", here, options->socket) >= (int)size) {
		return refuse(ret_message, -SMIME_E_USAGE, "--socket: the path is too long");
	}
	options->socket = path;
	return 0;
}

int main(int argc, char **argv) {
	_cleanup_(freep) char *message = NULL;
	struct options options = { 0 };
	struct agent agent = { .parent_fd = -1 };
	char path[PATH_MAX];

	background_hold_streams();
	int code = parse_options(argc, argv, &options);
	bool activated = sd_listen_fds(0) > 0;

	if (code >= 0)
		return code;
	TAILQ_INIT(&agent.errands);
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	sandbox_harden();
	/* It is read again later, from another working directory. */
	agent.config_file = options.config ? realpath(options.config, NULL) : NULL;
	int r = config_load(options.config, &agent.config, &message);
	if (r < 0) {
		tear_down(&agent);
		return complain(r, message);
	}
	if (!activated && !options.check_config) {
		r = find_socket(&options, path, sizeof(path), &message);
		if (r < 0) {
			tear_down(&agent);
			return complain(r, message);
		}
	}
	raise_descriptors(agent.config);
	if (options.check_config) {
		code = check_config(&agent);
	} else {
		if (!options.foreground && !activated && background_begin(&agent.parent_fd) < 0)
			return complain(-SMIME_E_INTERNAL, NULL);
		code = serve(&agent, activated ? NULL : options.socket);
	}
	tear_down(&agent);
	return code;
}
