/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration from the defaults and one or two files: what a schema can't say is checked here, and who may set what.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>

#include <smime/error.h>

#include "config-file.h"
#include "environment.h"
#include "paths.h"

#define SYSTEM_FILE "/etc/smime-agent/agent.yaml"
#define DEFAULT_PINENTRY "/usr/bin/pinentry"

/* ---- Checking and taking over ---- */

/* A length of time: a number and s, min, h or d. */
static int parse_duration(const char *text, uint64_t *ret_us) {
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;

	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || end == text || *text == '-' || n > 1000000)
		return -SMIME_E_USAGE;
	for (size_t i = 0; i < ELEMENTSOF(units); i++)
		if (strcmp(end, units[i].unit) == 0) {
			*ret_us = n * units[i].seconds * 1000000;
			return 0;
		}
	return -SMIME_E_USAGE;
}

static int take_text(char **target, const char *value) {
	char *copy = strdup(value);

	if (!copy)
		return -SMIME_E_NO_MEMORY;
	free(*target);
	*target = copy;
	return 0;
}

static void list_free(char ***list, size_t *count) {
	for (size_t i = 0; i < *count; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
	*count = 0;
}

static int take_list(char ***target, size_t *target_count, char *const *values, size_t count) {
	*target = calloc(count ? count : 1, sizeof(**target));
	if (!*target)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		if (take_text(&(*target)[i], values[i]) < 0)
			return -SMIME_E_NO_MEMORY;
		*target_count = i + 1;
	}
	return 0;
}

/* A path in a configuration says the same from everywhere. */
static int require_absolute(const char *file, const char *key, const char *path, char **ret_message) {
	if (path && *path != '/')
		return config_refuse(ret_message, "%s: %s: '%s' must be an absolute path", file, key, path);
	return 0;
}

static int take_module(struct config_module *module, const char *file, const struct config_file_module *raw, char **ret_message) {
	unsigned sessions = raw->sessions ? *raw->sessions : 1;
	int r = require_absolute(file, "modules: path", raw->path, ret_message);

	if (r < 0)
		return r;
	if (sessions < 1 || sessions > CONFIG_SESSIONS_MAX)
		return config_refuse(ret_message, "%s: modules: sessions: %u is not between 1 and %d", file, sessions, CONFIG_SESSIONS_MAX);
	module->sessions = sessions;
	module->deadline_us = CONFIG_DEADLINE_DEFAULT_US;
	if (raw->deadline && (parse_duration(raw->deadline, &module->deadline_us) < 0 || module->deadline_us == 0))
		return config_refuse(ret_message, "%s: modules: deadline: '%s' is no length of time; write for example 60s", file, raw->deadline);
	return take_text(&module->path, raw->path);
}

static int take_modules(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	config->modules = calloc(raw->modules_count ? raw->modules_count : 1, sizeof(*config->modules));
	if (!config->modules)
		return -SMIME_E_NO_MEMORY;
	for (unsigned i = 0; i < raw->modules_count; i++) {
		int r = take_module(&config->modules[i], file, &raw->modules[i], ret_message);
		if (r < 0)
			return r;
		config->module_count = i + 1;
	}
	return 0;
}

static int take_certificates(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	config->certificates = calloc(raw->certificates_count ? raw->certificates_count : 1, sizeof(char *));
	if (!config->certificates)
		return -SMIME_E_NO_MEMORY;
	for (unsigned i = 0; i < raw->certificates_count; i++) {
		int r = require_absolute(file, "certificates: path", raw->certificates[i].path, ret_message);
		if (r < 0)
			return r;
		if (take_text(&config->certificates[i], raw->certificates[i].path) < 0)
			return -SMIME_E_NO_MEMORY;
		config->certificate_count = i + 1;
	}
	return 0;
}

static int take_trust(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	for (unsigned i = 0; i < raw->trust_count; i++) {
		int r = require_absolute(file, "trust", raw->trust[i], ret_message);
		if (r < 0)
			return r;
	}
	return take_list(&config->trust, &config->trust_count, raw->trust, raw->trust_count);
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
				"%s: capabilities: '%s' is none of aes256-cbc, aes192-cbc, aes128-cbc, aes256-gcm, aes192-gcm, aes128-gcm, cek-hkdf-sha256",
				file, raw->capabilities[i]);
	list_free(&config->capabilities, &config->capability_count);
	return take_list(&config->capabilities, &config->capability_count, raw->capabilities, raw->capabilities_count);
}

static int take_pin(struct config *config, const char *file, const struct config_file_pin *pin, char **ret_message) {
	int r = require_absolute(file, "pin: program", pin->program, ret_message);

	if (r == 0)
		r = require_absolute(file, "pin: file", pin->file, ret_message);
	if (r == 0 && pin->program)
		r = take_text(&config->pin_program, pin->program);
	if (r == 0 && pin->file)
		r = take_text(&config->pin_file, pin->file);
	if (r < 0)
		return r;
	if (pin->idle && parse_duration(pin->idle, &config->pin_idle_us) < 0)
		return config_refuse(ret_message, "%s: pin: idle: '%s' is no length of time; write for example 15min", file, pin->idle);
	if (pin->max && parse_duration(pin->max, &config->pin_max_us) < 0)
		return config_refuse(ret_message, "%s: pin: max: '%s' is no length of time; write for example 8h", file, pin->max);
	return 0;
}

static int take_socket(struct config *config, const char *file, const struct config_file_socket *socket, char **ret_message) {
	if (!socket->max_clients)
		return 0;
	if (*socket->max_clients < 1 || *socket->max_clients > CONFIG_CLIENTS_MAX)
		return config_refuse(ret_message, "%s: socket: max_clients: %u is not between 1 and %d", file, *socket->max_clients, CONFIG_CLIENTS_MAX);
	config->max_clients = *socket->max_clients;
	return 0;
}

static int take_environment(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	for (unsigned i = 0; i < raw->environment_count; i++) {
		if (!environment_is_pattern(raw->environment[i]))
			return config_refuse(ret_message, "%s: environment: '%s' is neither the name of a variable nor its beginning with a * behind it", file,
				raw->environment[i]);
		if (environment_is_forbidden(raw->environment[i]))
			return config_refuse(ret_message, "%s: environment: '%s' is not passed on: it loads code into programs or makes them write down what they do",
				file, raw->environment[i]);
	}
	return take_list(&config->environment, &config->environment_count, raw->environment, raw->environment_count);
}

static int apply(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	int r = 0;

	if (raw->modules)
		r = take_modules(config, file, raw, ret_message);
	if (r == 0 && raw->certificates)
		r = take_certificates(config, file, raw, ret_message);
	if (r == 0 && raw->trust)
		r = take_trust(config, file, raw, ret_message);
	if (r == 0 && raw->capabilities_count > 0)
		r = take_capabilities(config, file, raw, ret_message);
	if (r == 0 && raw->environment)
		r = take_environment(config, file, raw, ret_message);
	if (r == 0 && raw->pin)
		r = take_pin(config, file, raw->pin, ret_message);
	if (r == 0 && raw->socket)
		r = take_socket(config, file, raw->socket, ret_message);
	return r;
}

static const char *first_common_key(const struct config_file *a, const struct config_file *b) {
	if (a->modules && b->modules)
		return "modules";
	if (a->certificates && b->certificates)
		return "certificates";
	if (a->trust && b->trust)
		return "trust";
	if (a->capabilities && b->capabilities)
		return "capabilities";
	if (a->environment && b->environment)
		return "environment";
	if (a->pin && b->pin)
		return "pin";
	return a->socket && b->socket ? "socket" : NULL;
}

/* ---- The whole ---- */

static struct config *config_new(void) {
	static char *const capabilities[] = { (char *)"aes256-cbc", (char *)"aes128-cbc" };
	_cleanup_(config_freep) struct config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->pin_program = strdup(DEFAULT_PINENTRY);
	config->pin_idle_us = 15ull * 60 * 1000000;
	config->pin_max_us = 8ull * 3600 * 1000000;
	config->max_clients = 256;
	if (!config->pin_program || take_list(&config->capabilities, &config->capability_count, capabilities, ELEMENTSOF(capabilities)) < 0)
		return NULL;
	return TAKE(config);
}

static int apply_file(struct config *config, const char *path, bool required, struct config_file **ret_raw, char **ret_message) {
	_cleanup_(config_file_freep) struct config_file *raw = NULL;
	int r = config_file_load(path, required, &raw, ret_message);

	if (r != 0)
		return r < 0 ? r : 0;
	r = apply(config, path, raw, ret_message);
	if (r == 0 && ret_raw)
		*ret_raw = TAKE(raw);
	return r;
}

/* The administrator's file first; what it sets is not the user's to set. */
static int apply_both(struct config *config, char **ret_message) {
	_cleanup_(config_file_freep) struct config_file *system = NULL;
	_cleanup_(config_file_freep) struct config_file *user = NULL;
	char path[PATH_MAX];
	int r = apply_file(config, SYSTEM_FILE, false, &system, ret_message);

	if (r < 0 || paths_user_config(path, sizeof(path)) < 0)
		return r;
	r = config_file_load(path, false, &user, ret_message);
	if (r != 0)
		return r < 0 ? r : 0;
	const char *key = system ? first_common_key(system, user) : NULL;
	if (key)
		return config_refuse(ret_message, "%s: %s: is set in " SYSTEM_FILE " already, which stands; remove it here", path, key);
	return apply(config, path, user, ret_message);
}

int config_load(const char *file, struct config **ret_config, char **ret_message) {
	_cleanup_(config_freep) struct config *config = config_new();

	if (!config)
		return -SMIME_E_NO_MEMORY;
	int r = file ? apply_file(config, file, true, NULL, ret_message) : apply_both(config, ret_message);
	if (r < 0)
		return r;
	*ret_config = TAKE(config);
	return 0;
}

struct config *config_free(struct config *config) {
	if (!config)
		return NULL;
	for (size_t i = 0; i < config->module_count; i++)
		free(config->modules[i].path);
	free(config->modules);
	list_free(&config->certificates, &config->certificate_count);
	list_free(&config->trust, &config->trust_count);
	list_free(&config->capabilities, &config->capability_count);
	list_free(&config->environment, &config->environment_count);
	free(config->pin_program);
	free(config->pin_file);
	free(config);
	return NULL;
}
