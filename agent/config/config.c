/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration from the defaults and one or two files: what a schema can't say is checked here, and who may set what.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include <openssl/sha.h>

#include <smime/error.h>

#include "agent/policy/duration.h"
#include "agent/wire/limits.h"
#include "agent/wire/text.h"
#include "environment.h"
#include "evidence.h"
#include "file.h"
#include "paths.h"
#include "place.h"
#include "take.h"

#define SYSTEM_FILE "/etc/smime-agent/agent.yaml"
#define DEFAULT_PINENTRY "/usr/bin/pinentry"

/* ---- Checking and taking over ---- */

static int take_certificates(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	config->certificates = calloc(raw->certificates_count ? raw->certificates_count : 1, sizeof(char *));
	if (!config->certificates)
		return -SMIME_E_NO_MEMORY;
	for (unsigned i = 0; i < raw->certificates_count; i++) {
		int r = config_require_absolute(file, "certificates: path", raw->certificates[i].path, ret_message);
		if (r < 0)
			return r;
		if (config_take_text(&config->certificates[i], raw->certificates[i].path) < 0)
			return -SMIME_E_NO_MEMORY;
		config->certificate_count = i + 1;
	}
	return 0;
}

static int take_trust(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	for (unsigned i = 0; i < raw->trust_count; i++) {
		int r = config_require_absolute(file, "trust", raw->trust[i], ret_message);
		if (r < 0)
			return r;
	}
	return config_take_list(&config->trust, &config->trust_count, raw->trust, raw->trust_count);
}

const char *config_capability_oid(const char *name) {
	static const struct {
		const char *name, *oid;
	} known[] = {
		{ "aes256-cbc", "2.16.840.1.101.3.4.1.42" },
		{ "aes192-cbc", "2.16.840.1.101.3.4.1.22" },
		{ "aes128-cbc", "2.16.840.1.101.3.4.1.2" },
		{ "aes256-gcm", "2.16.840.1.101.3.4.1.46" },
		{ "aes192-gcm", "2.16.840.1.101.3.4.1.26" },
		{ "aes128-gcm", "2.16.840.1.101.3.4.1.6" },
		{ "chacha20-poly1305", "1.2.840.113549.1.9.16.3.18" },
		{ "cek-hkdf-sha256", "1.2.840.113549.1.9.16.3.31" },
	};

	for (size_t i = 0; i < ELEMENTSOF(known); i++)
		if (strcmp(name, known[i].name) == 0)
			return known[i].oid;
	return NULL;
}

static int take_capabilities(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	for (unsigned i = 0; i < raw->capabilities_count; i++)
		if (!config_capability_oid(raw->capabilities[i]))
			return config_refuse(ret_message,
				"%s: capabilities: '%s' is none of aes256-cbc, aes192-cbc, aes128-cbc, aes256-gcm, aes192-gcm, aes128-gcm, "
				"chacha20-poly1305, cek-hkdf-sha256",
				file, raw->capabilities[i]);
	/* None is not "nothing": the default stays. */
	if (raw->capabilities_count == 0)
		return 0;
	config_list_free(&config->capabilities, &config->capability_count);
	return config_take_list(&config->capabilities, &config->capability_count, raw->capabilities, raw->capabilities_count);
}

static int take_socket(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	const struct config_file_socket *socket = raw->socket;

	if (!socket->max_clients)
		return 0;
	if (*socket->max_clients < 1 || *socket->max_clients > CONFIG_CLIENTS_MAX)
		return config_refuse(
			ret_message, "%s: socket: max_clients: %u is not between 1 and %d", file, *socket->max_clients, CONFIG_CLIENTS_MAX);
	config->max_clients = *socket->max_clients;
	return 0;
}

static int take_environment(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	for (unsigned i = 0; i < raw->environment_count; i++) {
		if (!environment_is_pattern(raw->environment[i]))
			return config_refuse(ret_message,
				"%s: environment: '%s' is neither the name of a variable nor its beginning with a * behind it", file,
				raw->environment[i]);
		if (environment_is_forbidden(raw->environment[i]))
			return config_refuse(ret_message,
				"%s: environment: '%s' is not passed on: it loads code into programs or makes them write down what they do",
				file, raw->environment[i]);
	}
	return config_take_list(&config->environment, &config->environment_count, raw->environment, raw->environment_count);
}

static int take_consent_on_tty(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	if (config_choice(raw->consent_on_tty, &config->consent_on_tty) < 0)
		return config_refuse(ret_message, "%s: consent-on-tty: '%s' is neither yes nor no", file, raw->consent_on_tty);
	return 0;
}

static int take_prompts(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	bool prompts = true;

	if (config_choice(raw->prompts, &prompts) < 0)
		return config_refuse(ret_message, "%s: prompts: '%s' is neither yes nor no", file, raw->prompts);
	config->no_prompts = !prompts;
	return 0;
}

/* ---- Rules ---- */

static int refuse_rule(const char *file, const struct config_file *raw, const struct policy_fault *fault, char **ret_message) {
	struct bytes yaml = { raw->bytes, raw->len };
	struct config_place place = config_place_of_rule(yaml, fault->rule, fault->member, fault->part);

	return config_refuse(ret_message, "%s:%u:%u: rules: %s%s%s: %s", file, place.line, place.column, fault->member,
		fault->part ? ": " : "", fault->part ? fault->part : "", fault->text);
}

/* The rules of each file stand for themselves: the strictest outcome holds. */
static int take_rules(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	struct bytes yaml = { raw->bytes, raw->len };
	struct policy_fault fault = { .rule = 0 };
	_cleanup_(freep) unsigned *lines = calloc(raw->rules_count + 1u, sizeof(*lines));

	if (!lines)
		return -SMIME_E_NO_MEMORY;
	config_place_lines(yaml, lines, raw->rules_count);
	int r = policy_add(config->policy, file, raw->rules, raw->rules_count, lines, &fault);
	return r == -SMIME_E_USAGE ? refuse_rule(file, raw, &fault, ret_message) : r;
}

/* ---- Keys ---- */

/* Puts line and column behind the name of the file, with which the message begins. */
static int say_place(int r, const char *file, const struct config_file *raw, char **ret_message) {
	const char *complaint = r == -SMIME_E_USAGE && *ret_message ? *ret_message + strlen(file) + strlen(": ") : NULL;
	struct config_place place;
	char *message = NULL;

	if (!complaint)
		return r;
	place = config_place_of_complaint((struct bytes){ raw->bytes, raw->len }, complaint);
	(void)refuse(&message, r, "%s:%u:%u: %s", file, place.line, place.column, complaint);
	free(*ret_message);
	*ret_message = message;
	return r;
}

/* A key is set when its member of struct config_file, a pointer, is. */
static const struct key {
	const char *name;
	size_t member;
	int (*take)(struct config *config, const char *file, const struct config_file *raw, char **ret_message);
	bool administrator; /* it is no user's, wherever it is set */
} keys[] = {
	{ "modules", offsetof(struct config_file, modules), config_take_modules },
	{ "p11-kit", offsetof(struct config_file, p11_kit), config_take_p11_kit },
	{ "certificates", offsetof(struct config_file, certificates), take_certificates },
	{ "trust", offsetof(struct config_file, trust), take_trust },
	{ "capabilities", offsetof(struct config_file, capabilities), take_capabilities },
	{ "environment", offsetof(struct config_file, environment), take_environment },
	{ "pin", offsetof(struct config_file, pin), config_take_pin },
	{ "socket", offsetof(struct config_file, socket), take_socket },
	{ "consent-on-tty", offsetof(struct config_file, consent_on_tty), take_consent_on_tty },
	{ "audit", offsetof(struct config_file, audit), config_take_audit },
	{ "enrolled", offsetof(struct config_file, enrolled), config_take_enrolled, true },
	{ "hardware-policies", offsetof(struct config_file, hardware_policies), config_take_hardware_policies, true },
	{ "attestation-roots", offsetof(struct config_file, attestation_roots), config_take_attestation_roots, true },
	{ "attestations", offsetof(struct config_file, attestations), config_take_attestations, true },
	{ "attestation-firmware", offsetof(struct config_file, attestation_firmware), config_take_attestation_firmware, true },
	{ "prompts", offsetof(struct config_file, prompts), take_prompts },
};

static bool is_set(const struct key *key, const struct config_file *raw) {
	const void *value;

	memcpy(&value, (const char *)raw + key->member, sizeof(value));
	return value != NULL;
}

/* The keys that a file names, a bit for each: an empty list, too, says that there is to be none. */
static unsigned keys_of(const struct config_file *raw) {
	const char *names[ELEMENTSOF(keys)];
	unsigned set = 0;

	for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
		names[i] = keys[i].name;
		set |= is_set(&keys[i], raw) ? 1u << i : 0;
	}
	return set | config_place_which((struct bytes){ raw->bytes, raw->len }, names, ELEMENTSOF(keys));
}

static bool has(unsigned set, size_t key) {
	return set & 1u << key;
}

static bool user_may(const struct key *key, const struct config_file *system) {
	for (unsigned i = 0; i < system->user_may_count; i++)
		if (strcmp(system->user_may[i], key->name) == 0)
			return true;
	return false;
}

static int check_user_may(const char *file, const struct config_file *raw, char **ret_message) {
	for (unsigned i = 0; i < raw->user_may_count; i++) {
		bool found = false;
		for (size_t k = 0; k < ELEMENTSOF(keys); k++)
			found = found || (!keys[k].administrator && strcmp(raw->user_may[i], keys[k].name) == 0);
		if (!found)
			return config_refuse(ret_message, "%s: user-may: '%s' is no key that a user could set", file, raw->user_may[i]);
	}
	return 0;
}

/* Of all files so far: what was before, and the file's octets. */
static void chain_hash(struct config *config, const struct config_file *raw) {
	uint8_t sha256[SHA256_DIGEST_LENGTH];
	char digits[2 * SHA256_DIGEST_LENGTH + 1];

	(void)SHA256(raw->bytes, raw->len, sha256);
	for (size_t i = 0; i < sizeof(sha256); i++)
		(void)snprintf(digits + 2 * i, 3, "%02x", sha256[i]);
	if (config->hash[0]) {
		char both[sizeof(config->hash) + sizeof(digits)];

		(void)snprintf(both, sizeof(both), "%s%s", config->hash, digits);
		(void)SHA256((const uint8_t *)both, strlen(both), sha256);
		for (size_t i = 0; i < sizeof(sha256); i++)
			(void)snprintf(digits + 2 * i, 3, "%02x", sha256[i]);
	}
	memcpy(config->hash, digits, sizeof(config->hash));
}

/* Takes over what a file sets, but for what `user` (may be NULL) sets in its place. */
static int apply(
	struct config *config, const char *file, const struct config_file *raw, const struct config_file *user, char **ret_message) {
	unsigned users = user ? keys_of(user) : 0;
	int r = check_user_may(file, raw, ret_message);

	chain_hash(config, raw);

	for (size_t i = 0; r == 0 && i < ELEMENTSOF(keys); i++)
		if (is_set(&keys[i], raw) && !has(users, i))
			r = keys[i].take(config, file, raw, ret_message);
	r = say_place(r, file, raw, ret_message);
	return r == 0 && raw->rules ? take_rules(config, file, raw, ret_message) : r;
}

/* ---- The whole ---- */

static struct config *config_new(void) {
	static char *const capabilities[] = { (char *)"aes256-cbc", (char *)"aes128-cbc" };
	_cleanup_(config_freep) struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->pin_program = strdup(DEFAULT_PINENTRY);
	config->read_at = time(NULL);
	config->pin_idle_us = 15ull * 60 * 1000000;
	config->pin_max_us = 8ull * 3600 * 1000000;
	config->max_clients = 256;
	config->audit = (struct config_audit){ .journal = true, .rotate_bytes = CONFIG_ROTATE_DEFAULT_BYTES };
	config->evidence = evidence_new();
	if (!config->pin_program || !config->evidence || policy_new(&config->policy) < 0 ||
		config_take_list(&config->capabilities, &config->capability_count, capabilities, ELEMENTSOF(capabilities)) < 0)
		return NULL;
	return TAKE(config);
}

/* What a user's file sets must be his to set. */
static int check_user(const char *path, const struct config_file *user, const struct config_file *system, char **ret_message) {
	unsigned users = keys_of(user), systems = system ? keys_of(system) : 0;

	if (user->user_may)
		return config_refuse(ret_message, "%s: user-may: only " SYSTEM_FILE " says what its users may set; remove it here", path);
	for (size_t i = 0; i < ELEMENTSOF(keys); i++)
		if (has(users, i) && keys[i].administrator)
			return config_refuse(ret_message, "%s: %s: only " SYSTEM_FILE " says what vouches for a key; remove it here", path,
				keys[i].name);
	for (size_t i = 0; i < ELEMENTSOF(keys); i++)
		if (has(users & systems, i) && !user_may(&keys[i], system))
			return config_refuse(
				ret_message, "%s: %s: is set in " SYSTEM_FILE " already, which stands; remove it here", path, keys[i].name);
	return 0;
}

static int apply_one(struct config *config, const char *path, char **ret_message) {
	_cleanup_(config_file_freep) struct config_file *raw = NULL;
	int r = config_file_load(path, true, &raw, ret_message);

	if (r != 0)
		return r < 0 ? r : 0;
	return apply(config, path, raw, NULL, ret_message);
}

/* The administrator's file and the user's: what the first one sets is the user's to set where it says so. */
static int apply_both(struct config *config, char **ret_message) {
	_cleanup_(config_file_freep) struct config_file *system = NULL;
	_cleanup_(config_file_freep) struct config_file *user = NULL;
	char path[PATH_MAX];
	int r = config_file_load(SYSTEM_FILE, false, &system, ret_message);

	if (r >= 0 && paths_user_config(path, sizeof(path)) == 0)
		r = config_file_load(path, false, &user, ret_message);
	if (r >= 0 && user)
		r = say_place(check_user(path, user, system, ret_message), path, user, ret_message);
	if (r >= 0 && system)
		r = apply(config, SYSTEM_FILE, system, user, ret_message);
	if (r >= 0 && user)
		r = apply(config, path, user, NULL, ret_message);
	return r < 0 ? r : 0;
}

int config_load(const char *file, struct config **ret_config, char **ret_message) {
	_cleanup_(config_freep) struct config *config = config_new();

	if (!config)
		return -SMIME_E_NO_MEMORY;
	int r = file ? apply_one(config, file, ret_message) : apply_both(config, ret_message);
	if (r < 0)
		return r;
	*ret_config = TAKE(config);
	return 0;
}

struct config *config_free(struct config *config) {
	if (!config)
		return NULL;
	for (size_t i = 0; i < config->module_count; i++)
		config_module_clear(&config->modules[i]);
	free(config->modules);
	for (size_t i = 0; i < config->p11_kit_count; i++)
		config_module_clear(&config->p11_kit[i]);
	free(config->p11_kit);
	config_list_free(&config->certificates, &config->certificate_count);
	config_list_free(&config->trust, &config->trust_count);
	config_list_free(&config->capabilities, &config->capability_count);
	config_list_free(&config->environment, &config->environment_count);
	for (size_t i = 0; i < config->grant_count; i++)
		free(config->grants[i].key);
	free(config->grants);
	free(config->pin_program);
	free(config->pin_file);
	free(config->pin_credential);
	(void)policy_free(config->policy);
	free(config->audit.path);
	(void)evidence_free(config->evidence);
	free(config);
	return NULL;
}
