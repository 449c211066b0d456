/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One file agent.yaml as libcyaml loads it against the schema: every key known, every value of its kind. Nothing else is checked.
 *
 * Private to config.c. Only a file that nobody else could have written is read.
 */
#ifndef CONFIG_FILE_H
#define CONFIG_FILE_H

#include <stdbool.h>

#include <smime/error.h>

#include "agent/policy/rule-text.h"
#include "agent/wire/base.h"
#include "refuse.h"

struct config_file_module {
	char *path, *init_reserved; /* of modules: */
	char *name;                 /* of p11-kit: */
	char *deadline, *exclusive, *network;
	char **writable;
	unsigned writable_count;
	char **readable;
	unsigned readable_count;
	unsigned *sessions;
};
struct config_file_certificate {
	char *path;
};
struct config_file_grant {
	char *key, *within;
	unsigned *count;
};
struct config_file_pin {
	char *program, *file, *credential, *idle, *max;
	struct config_file_grant *grants;
	unsigned grants_count;
};
struct config_file_socket {
	unsigned *max_clients;
};
struct config_file_audit {
	char *path, *durability, *results, *on_failure, *rotate, *journal;
};

struct config_file_enrolled {
	char *fingerprint, *serial;
};
struct config_file_hardware_policy {
	char *policy, *trust;
};

/* Lists and texts that the file does not have are NULL. */
struct config_file {
	struct config_file_module *modules;
	unsigned modules_count;
	struct config_file_module *p11_kit;
	unsigned p11_kit_count;
	struct config_file_certificate *certificates;
	unsigned certificates_count;
	char **trust;
	unsigned trust_count;
	char **capabilities;
	unsigned capabilities_count;
	char **environment;
	unsigned environment_count;
	struct config_file_pin *pin;
	struct config_file_socket *socket;
	struct config_file_audit *audit;
	char **user_may;
	unsigned user_may_count;
	char *consent_on_tty;
	struct config_file_enrolled *enrolled;
	unsigned enrolled_count;
	struct config_file_hardware_policy *hardware_policies;
	unsigned hardware_policies_count;
	char **attestation_roots;
	unsigned attestation_roots_count;
	char **attestations;
	unsigned attestations_count;
	char *attestation_firmware;
	char *prompts;
	struct rule_text *rules;
	unsigned rules_count;
	/* Not of the schema: the file's own bytes, to say where something stands. */
	uint8_t *bytes;
	size_t len;
};

/*
 * Returns 0; 1 when there is nothing in the file, or no such file and it is not `required`; -SMIME_E_USAGE with *ret_message
 * (the caller's to free) naming file, line and column; -SMIME_E_NO_MEMORY.
 */
int config_file_load(const char *path, bool required, struct config_file **ret_file, char **ret_message);
struct config_file *config_file_free(struct config_file *file); /* accepts NULL, returns NULL */
DEFINE_CLEANUP(struct config_file *, config_file_freep, config_file_free)

/* What is wrong with a configuration is an error of usage: sets *ret_message, which is the caller's to free, and is -SMIME_E_USAGE. */
#define config_refuse(ret_message, ...) refuse(ret_message, -SMIME_E_USAGE, __VA_ARGS__)

#endif
