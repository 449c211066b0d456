/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent.yaml: what the person and the administrator have set, checked and with defaults filled in.
 *
 * A file that is not understood to the last key is refused whole; nothing is ever guessed from a broken one.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "agent/policy/evidence.h"
#include "agent/policy/policy.h"
#include "agent/wire/base.h"

enum {
	CONFIG_FILE_MAX_BYTES = 256 * 1024,
	CONFIG_LIST_MAX = 64,
	CONFIG_TEXT_MAX_BYTES = 1023, /* what the wire takes, less its end */
	CONFIG_SESSIONS_MAX = 64,
	CONFIG_CLIENTS_MAX = 100000,
	CONFIG_GRANT_KEY_MIN_DIGITS = 16, /* of a fingerprint, so that no second key is meant */
	CONFIG_GRANT_COUNT_MAX = 1000,
	CONFIG_GRANT_WITHIN_MAX_S = 24 * 3600,
};

#define CONFIG_ROTATE_MIN_BYTES (4ull * 1024)
#define CONFIG_ROTATE_MAX_BYTES (1024ull * 1024 * 1024)
#define CONFIG_ROTATE_DEFAULT_BYTES (16ull * 1024 * 1024)
#define CONFIG_DEADLINE_DEFAULT_US (60ull * 1000000)

struct config_module {
	char *path;          /* NULL: what p11-kit has for the name */
	char *init_reserved; /* pReserved of its C_Initialize; NULL: none */
	char *name;          /* of its file among p11-kit's, without the ending; NULL: it has a path */
	unsigned sessions;
	uint64_t deadline_us; /* for whatever its tokens are asked to do */
	bool exclusive;       /* no other program can use a card while somebody is logged in on it */
	bool network;         /* it may open Internet sockets */
	char **writable;      /* further files and directories that it may write to */
	size_t writable_count;
	char **readable; /* and read */
	size_t readable_count;
};

/* For how many operations, and how long, a PIN is good for a key that wants it each time. */
struct config_grant {
	char *key; /* lower-case hex digits that its fingerprint begins with */
	unsigned count;
	unsigned within_s;
};

struct config_audit {
	char *path;           /* a directory; NULL: the one in the state directory */
	bool off;             /* there is no log */
	bool buffered;        /* records need not be on the disk before what they are for */
	bool tolerant;        /* nor need they be in the log */
	bool durable_results; /* what a client is told of is on the disk, too */
	bool journal;         /* heads are copied there */
	uint64_t rotate_bytes;
};

struct config {
	struct config_module *modules; /* none: those of p11-kit */
	size_t module_count;
	struct config_module *p11_kit; /* settings for modules of p11-kit */
	size_t p11_kit_count;
	char **certificates;
	size_t certificate_count;
	char **trust;
	size_t trust_count;
	char **capabilities; /* names that config_capability_oid() knows; never empty */
	size_t capability_count;
	char **environment; /* names of further variables that modules need */
	size_t environment_count;
	char *pin_program;
	char *pin_file;       /* NULL: ask */
	char *pin_credential; /* the name of systemd's that has the PIN; NULL: none */
	struct config_grant *grants;
	size_t grant_count;
	uint64_t pin_idle_us, pin_max_us;
	unsigned max_clients;
	struct policy *policy;
	bool no_prompts;           /* nobody is ever asked for anything */
	struct evidence *evidence; /* what vouches for keys */
	bool consent_on_tty;       /* consent may be asked on the client's terminal */
	char hash[2 * 32 + 1];     /* SHA-256 of the files that were read, in hex: which policy this is */
	time_t read_at;            /* when that was begun */
	struct config_audit audit;
};

/*
 * Reads `file` alone, or, when it is NULL, /etc/smime-agent/agent.yaml and the user's own, either of which may be missing.
 * Returns 0; or -SMIME_E_USAGE with *ret_message (the caller's to free) naming file, line, column and what to do.
 */
int config_load(const char *file, struct config **ret_config, char **ret_message);
struct config *config_free(struct config *config); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct config *, config_freep, config_free)

/* What holds for a module that p11-kit's files name: its own entry, else the defaults. Its strings stay the configuration's. */
struct config_module config_p11_kit_module(const struct config *config, const char *name);

/* A module's entry for whoever keeps it longer than the configuration. 0 or -SMIME_E_NO_MEMORY; what was copied is to be cleared in both cases. */
int config_module_copy(const struct config_module *module, struct config_module *ret_copy);
void config_module_clear(struct config_module *module);

/* The object identifier, in dots, of a name in `capabilities:`; NULL when there is no such name. */
const char *config_capability_oid(const char *name);

#endif
