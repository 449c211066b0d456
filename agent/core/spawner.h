/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spawner: a small process, forked from the core before anything else exists, that starts the other programs.
 *
 * It runs smime-token, smime-reader and pinentry by paths fixed at its start, and nothing else; no request names a path. Filters that
 * the core sets on itself later are not inherited by what the spawner starts.
 */
#ifndef CORE_SPAWNER_H
#define CORE_SPAWNER_H

#include <stdbool.h>

#include <systemd/sd-event.h>

#include "agent/wire/message.h"

enum { SPAWNER_PATIENCE_MS = 1000 }; /* how long a program that is asked to end may take */
enum { SPAWNER_CHILD_FD = 3 };       /* where smime-token and smime-reader find their socket */

struct spawner;
struct process;

/* A process ended, or could not be started (`error` is then -SMIME_E_...). It is freed behind this call. */
typedef void (*process_ended)(void *userdata, int error);

struct spawner_options {
	const char *pinentry;
	char *const *environment; /* names of further variables that modules need */
	size_t environment_count;
	bool quiet; /* nobody reads what programs say on standard error */
};

/* Forks the spawner. Must run before the core has secrets, threads, an event loop or filters. */
int spawner_fork(const struct spawner_options *options, struct spawner **ret_spawner);

/* Whether the spawner has started this process. Of one that is not there or can't be seen it has not. */
bool spawner_has_started(const struct spawner *spawner, pid_t pid);

/* Listens to the spawner in the core's loop. Its end ends the loop: without it nothing can be started. */
int spawner_attach(struct spawner *spawner, sd_event *event);
struct spawner *spawner_free(struct spawner *spawner); /* accepts NULL, returns NULL */

/* Starts a program with `child_fd` as its socket; the descriptor is closed here in every case. */
int process_start(struct spawner *spawner, const struct wire_spawn *spawn, int child_fd, process_ended ended, void *userdata,
	struct process **ret_process);

/* Ends it with SIGKILL; `ended` is still called, once it has ended. */
void process_kill(struct process *process);

/* Blocks until it has ended by itself, for so many milliseconds at most. Returns whether it has. */
bool process_wait(const struct process *process, int limit_ms);

/*
 * Asks it to end, with SIGTERM, and insists after a second, for an owner who no longer cares: `ended` is not called. A pinentry puts
 * the terminal in order that way. Accepts NULL, returns NULL.
 */
struct process *process_abandon(struct process *process);

#endif
