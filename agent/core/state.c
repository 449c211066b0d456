/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading at the start; see state.h. Runs before the loop, so it may read files.
 */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include <openssl/rand.h>
#include <smime/error.h>

#include "agent/config/certificates.h"
#include "agent/config/paths.h"
#include "agent/config/refuse.h"
#include "agent/wire/limits.h"

/* The list goes to every token process in one message. */
static int check_size(const STACK_OF(ASN1_OCTET_STRING) *list, char **ret_message) {
	size_t bytes = 0;

	for (int i = 0; i < sk_ASN1_OCTET_STRING_num(list); i++)
		bytes += wire_octets(sk_ASN1_OCTET_STRING_value(list, i)).len + 8;
	if (bytes > WIRE_PAGE_MAX_BYTES)
		return refuse(ret_message, -SMIME_E_USAGE, "certificates: more than %d KiB in all", WIRE_PAGE_MAX_BYTES / 1024);
	return 0;
}

/* AlgorithmIdentifiers without parameters (RFC 8551 2.5.2). */
static int make_capabilities(struct agent *agent) {
	agent->capabilities = sk_X509_ALGOR_new_null();
	for (size_t i = 0; agent->capabilities && i < agent->config->capability_count; i++) {
		ASN1_OBJECT *object = OBJ_txt2obj(config_capability_oid(agent->config->capabilities[i]), 1);
		X509_ALGOR *algorithm = object ? X509_ALGOR_new() : NULL;

		if (!algorithm || !X509_ALGOR_set0(algorithm, object, V_ASN1_UNDEF, NULL)) {
			ASN1_OBJECT_free(object);
			X509_ALGOR_free(algorithm);
			return -SMIME_E_NO_MEMORY;
		}
		if (!sk_X509_ALGOR_push(agent->capabilities, algorithm)) {
			X509_ALGOR_free(algorithm);
			return -SMIME_E_NO_MEMORY;
		}
	}
	return agent->capabilities ? 0 : -SMIME_E_NO_MEMORY;
}

static int read_secret(const char *path, uint8_t *secret) {
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -1;
	return read(fd, secret, AGENT_REJECTION_SECRET_BYTES) == AGENT_REJECTION_SECRET_BYTES ? 0 : -1;
}

static int write_secret(const char *path, const uint8_t *secret) {
	char beside[PATH_MAX + 8];

	(void)snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
	_cleanup_(close_fdp) int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (write(fd, secret, AGENT_REJECTION_SECRET_BYTES) != AGENT_REJECTION_SECRET_BYTES || fsync(fd) < 0 || rename(beside, path) < 0) {
		(void)unlink(beside);
		return -1;
	}
	return 0;
}

static int load_secret(struct agent *agent, const char *directory, char **ret_message) {
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/rejection-secret", directory);
	if (read_secret(path, agent->rejection_secret) == 0)
		return 0;
	if (RAND_priv_bytes(agent->rejection_secret, sizeof(agent->rejection_secret)) != 1)
		return refuse(ret_message, -SMIME_E_USAGE, "no random numbers to be had");
	if (write_secret(path, agent->rejection_secret) < 0)
		return refuse(ret_message, -SMIME_E_IO, "%s: can't be written: %s", path, strerror(errno));
	return 0;
}

/* Its path goes to token processes in a message, which would cut a longer one. */
static int make_ledger(struct agent *agent, const char *directory, char **ret_message) {
	if (asprintf(&agent->ledger, "%s/pin-tries", directory) < 0) {
		agent->ledger = NULL;
		return -SMIME_E_NO_MEMORY;
	}
	if (strlen(agent->ledger) >= WIRE_TEXT_MAX_BYTES || paths_make_private(agent->ledger) < 0)
		return refuse(ret_message, -SMIME_E_USAGE,
			"%s: must be a directory that only this user can enter (mode 0700), for the record of PIN tries", agent->ledger);
	return 0;
}

static int name_audit_directory(struct agent *agent, const char *directory) {
	if (asprintf(&agent->audit_directory, "%s/audit", directory) >= 0)
		return 0;
	agent->audit_directory = NULL;
	return -SMIME_E_NO_MEMORY;
}

int state_load_private(struct agent *agent, char **ret_message) {
	char directory[PATH_MAX - 32], why[PATH_MAX + 64];

	if (paths_state(directory, sizeof(directory)) < 0) {
		paths_why(directory, why, sizeof(why));
		return refuse(ret_message, -SMIME_E_USAGE,
			"the state directory can't be used: %s; make it one of this user with mode 0700, or set $XDG_STATE_HOME or "
			"$STATE_DIRECTORY to such a directory",
			why);
	}
	int r = load_secret(agent, directory, ret_message);
	if (r == 0)
		r = make_ledger(agent, directory, ret_message);
	return r == 0 ? name_audit_directory(agent, directory) : r;
}

/* Of two keys of one kind the message names that whose file is no good. */
static int load(STACK_OF(ASN1_OCTET_STRING) **list, const char *key, char *const *paths, size_t count, char **ret_message) {
	_cleanup_(freep) char *why = NULL;
	int r = certificates_load(list, paths, count, &why);

	return why ? refuse(ret_message, r, "%s: %s", key, why) : r;
}

int state_load_files(struct agent *agent, char **ret_message) {
	const struct config *config = agent->config;
	int r = load(&agent->anchors, "trust", config->trust, config->trust_count, ret_message);

	if (r == 0)
		r = load(&agent->certificates, "certificates", config->certificates, config->certificate_count, ret_message);
	if (r == 0)
		r = check_size(agent->certificates, ret_message);
	return r == 0 ? make_capabilities(agent) : r;
}

void state_clear(struct agent *agent) {
	sk_ASN1_OCTET_STRING_pop_free(agent->anchors, ASN1_OCTET_STRING_free);
	sk_ASN1_OCTET_STRING_pop_free(agent->certificates, ASN1_OCTET_STRING_free);
	sk_X509_ALGOR_pop_free(agent->capabilities, X509_ALGOR_free);
	free(agent->ledger);
	free(agent->audit_directory);
	OPENSSL_cleanse(agent->rejection_secret, sizeof(agent->rejection_secret));
}
