/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading agent.yaml with libcyaml against a schema, then checking what a schema can't say.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cyaml/cyaml.h>
#include <smime/error.h>

#include "environment.h"
#include "paths.h"

#define SYSTEM_FILE "/etc/smime-agent/agent.yaml"
#define DEFAULT_PINENTRY "/usr/bin/pinentry"

/* ---- What one file holds, as libcyaml loads it ---- */

struct raw_module {
	char *path, *deadline;
	unsigned *sessions;
};
struct raw_certificate {
	char *path;
};
struct raw_pin {
	char *program, *file, *idle, *max;
};
struct raw_socket {
	unsigned *max_clients;
};
struct raw {
	struct raw_module *modules;
	unsigned modules_count;
	struct raw_certificate *certificates;
	unsigned certificates_count;
	char **trust;
	unsigned trust_count;
	char **capabilities;
	unsigned capabilities_count;
	char **environment;
	unsigned environment_count;
	struct raw_pin *pin;
	struct raw_socket *socket;
};

#define TEXT(key, st, member, flags) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), st, member, 1, CONFIG_TEXT_MAX_BYTES)
#define NUMBER(key, st, member) CYAML_FIELD_UINT_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, st, member)
#define LIST(key, member, entry) \
	CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw, member, entry, 0, CONFIG_LIST_MAX)
#define MAPPING(key, type, member, fields) \
	CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw, member, fields)

static const cyaml_schema_value_t text_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CONFIG_TEXT_MAX_BYTES),
};
static const cyaml_schema_field_t module_fields[] = {
	TEXT("path", struct raw_module, path, CYAML_FLAG_DEFAULT),
	NUMBER("sessions", struct raw_module, sessions),
	TEXT("deadline", struct raw_module, deadline, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t module_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_module, module_fields),
};
static const cyaml_schema_field_t certificate_fields[] = {
	TEXT("path", struct raw_certificate, path, CYAML_FLAG_DEFAULT),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t certificate_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_certificate, certificate_fields),
};
static const cyaml_schema_field_t pin_fields[] = {
	TEXT("program", struct raw_pin, program, CYAML_FLAG_OPTIONAL),
	TEXT("file", struct raw_pin, file, CYAML_FLAG_OPTIONAL),
	TEXT("idle", struct raw_pin, idle, CYAML_FLAG_OPTIONAL),
	TEXT("max", struct raw_pin, max, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t socket_fields[] = {
	NUMBER("max_clients", struct raw_socket, max_clients),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t top_fields[] = {
	/* None is no choice: without the key the modules are those of p11-kit. */
	CYAML_FIELD_SEQUENCE("modules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct raw, modules, &module_schema, 1, CONFIG_LIST_MAX),
	LIST("certificates", certificates, &certificate_schema),
	LIST("trust", trust, &text_schema),
	LIST("capabilities", capabilities, &text_schema),
	LIST("environment", environment, &text_schema),
	MAPPING("pin", struct raw_pin, pin, pin_fields),
	MAPPING("socket", struct raw_socket, socket, socket_fields),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t top_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, top_fields),
};

/* ---- Loading ---- */

/* The first complaint, and the first place, that libcyaml names. */
struct complaint {
	char what[512];
	char where[128];
};

__attribute__((format(printf, 3, 0))) static void on_log(cyaml_log_t level, void *ctx, const char *format, va_list args) {
	struct complaint *complaint = ctx;
	char line[512];
	(void)vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	const char *place = strstr(line, "(line:");

	if (place && !complaint->where[0]) {
		unsigned row = 0, column = 0;
		if (sscanf(place, "(line: %u, column: %u)", &row, &column) == 2)
			(void)snprintf(complaint->where, sizeof(complaint->where), ":%u:%u", row, column);
	} else if (!place && !strstr(line, "Backtrace") && !complaint->what[0]) {
		const char *text = strncmp(line, "Load: ", 6) == 0 ? line + 6 : line;
		(void)snprintf(complaint->what, sizeof(complaint->what), "%s", text);
	}
}

static void *on_memory(void *ctx, void *old, size_t size) {
	if (size == 0) {
		free(old);
		return NULL;
	}
	return realloc(old, size);
}

static cyaml_config_t loader(struct complaint *complaint) {
	return (cyaml_config_t){
		.log_fn = on_log,
		.log_ctx = complaint,
		.mem_fn = on_memory,
		.log_level = CYAML_LOG_WARNING, /* a second document is only a warning, and is refused here */
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

static void raw_free(struct raw *raw) {
	struct complaint ignored = { 0 };
	cyaml_config_t config = loader(&ignored);

	(void)cyaml_free(&config, &top_schema, raw, 0);
}

static void raw_freep(struct raw **raw) {
	if (*raw)
		raw_free(*raw);
}

/* Sets *ret_message and returns -SMIME_E_USAGE. */
__attribute__((format(printf, 2, 3))) static int refuse(char **ret_message, const char *format, ...) {
	va_list args;

	va_start(args, format);
	if (vasprintf(ret_message, format, args) < 0)
		*ret_message = NULL;
	va_end(args);
	return -SMIME_E_USAGE;
}

/* The bytes of a file that nobody but its owner could have written. Returns 1 when it may be missing and is. */
static int read_file(const char *path, bool required, uint8_t *buffer, size_t *ret_len, char **ret_message) {
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	size_t len = 0;
	ssize_t n;

	if (fd < 0 && errno == ENOENT && !required)
		return 1;
	if (fd < 0 || fstat(fd, &st) < 0)
		return refuse(ret_message, "%s: can't be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 022))
		return refuse(ret_message, "%s: others could have written it; it must be a regular file of root or of this user with mode 0644 or less", path);
	while ((n = read(fd, buffer + len, CONFIG_FILE_MAX_BYTES + 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return refuse(ret_message, "%s: can't be read: %s", path, strerror(errno));
	if (len > CONFIG_FILE_MAX_BYTES)
		return refuse(ret_message, "%s: larger than %d KiB", path, CONFIG_FILE_MAX_BYTES / 1024);
	if (memchr(buffer, 0, len))
		return refuse(ret_message, "%s: holds a zero byte", path);
	*ret_len = len;
	return 0;
}

/* What libcyaml calls an internal error is text that is no YAML. */
static const char *readable(const char *what, cyaml_err_t err) {
	if (err == CYAML_ERR_INTERNAL_ERROR || err == CYAML_ERR_LIBYAML_PARSER)
		return "this is no YAML";
	return *what ? what : cyaml_strerror(err);
}

/* Returns 1 when there is no such file or nothing in it. */
static int raw_load(const char *path, bool required, struct raw **ret_raw, char **ret_message) {
	_cleanup_(freep) uint8_t *buffer = malloc(CONFIG_FILE_MAX_BYTES + 1);
	struct complaint complaint = { 0 };
	cyaml_config_t config = loader(&complaint);
	_cleanup_(raw_freep) struct raw *raw = NULL;
	size_t len = 0;

	if (!buffer)
		return -SMIME_E_NO_MEMORY;
	int r = read_file(path, required, buffer, &len, ret_message);
	if (r != 0 || len == 0)
		return r < 0 ? r : 1;
	cyaml_err_t err = cyaml_load_data(buffer, len, &config, &top_schema, (cyaml_data_t **)&raw, NULL);
	if (err != CYAML_OK || complaint.what[0])
		return refuse(ret_message, "%s%s: %s", path, complaint.where, readable(complaint.what, err));
	if (!raw)
		return 1;
	*ret_raw = TAKE(raw);
	return 0;
}

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
		return refuse(ret_message, "%s: %s: '%s' must be an absolute path", file, key, path);
	return 0;
}

static int take_module(struct config_module *module, const char *file, const struct raw_module *raw, char **ret_message) {
	unsigned sessions = raw->sessions ? *raw->sessions : 1;
	int r = require_absolute(file, "modules: path", raw->path, ret_message);

	if (r < 0)
		return r;
	if (sessions < 1 || sessions > CONFIG_SESSIONS_MAX)
		return refuse(ret_message, "%s: modules: sessions: %u is not between 1 and %d", file, sessions, CONFIG_SESSIONS_MAX);
	module->sessions = sessions;
	module->deadline_us = CONFIG_DEADLINE_DEFAULT_US;
	if (raw->deadline && (parse_duration(raw->deadline, &module->deadline_us) < 0 || module->deadline_us == 0))
		return refuse(ret_message, "%s: modules: deadline: '%s' is no length of time; write for example 60s", file, raw->deadline);
	return take_text(&module->path, raw->path);
}

static int take_modules(struct config *config, const char *file, const struct raw *raw, char **ret_message) {
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

static int take_certificates(struct config *config, const char *file, const struct raw *raw, char **ret_message) {
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

static int take_trust(struct config *config, const char *file, const struct raw *raw, char **ret_message) {
	for (unsigned i = 0; i < raw->trust_count; i++) {
		int r = require_absolute(file, "trust", raw->trust[i], ret_message);
		if (r < 0)
			return r;
	}
	return take_list(&config->trust, &config->trust_count, raw->trust, raw->trust_count);
}

static int take_capabilities(struct config *config, const char *file, const struct raw *raw, char **ret_message) {
	static const char *const known[] = { "aes256-cbc", "aes192-cbc", "aes128-cbc", "aes256-gcm", "aes192-gcm", "aes128-gcm" };

	for (unsigned i = 0; i < raw->capabilities_count; i++) {
		bool found = false;
		for (size_t k = 0; k < ELEMENTSOF(known); k++)
			found = found || strcmp(raw->capabilities[i], known[k]) == 0;
		if (!found)
			return refuse(ret_message, "%s: capabilities: '%s' is none of aes256-cbc, aes192-cbc, aes128-cbc, aes256-gcm, aes192-gcm, aes128-gcm",
				file, raw->capabilities[i]);
	}
	return take_list(&config->capabilities, &config->capability_count, raw->capabilities, raw->capabilities_count);
}

static int take_pin(struct config *config, const char *file, const struct raw_pin *pin, char **ret_message) {
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
		return refuse(ret_message, "%s: pin: idle: '%s' is no length of time; write for example 15min", file, pin->idle);
	if (pin->max && parse_duration(pin->max, &config->pin_max_us) < 0)
		return refuse(ret_message, "%s: pin: max: '%s' is no length of time; write for example 8h", file, pin->max);
	return 0;
}

static int take_socket(struct config *config, const char *file, const struct raw_socket *socket, char **ret_message) {
	if (!socket->max_clients)
		return 0;
	if (*socket->max_clients < 1 || *socket->max_clients > CONFIG_CLIENTS_MAX)
		return refuse(ret_message, "%s: socket: max_clients: %u is not between 1 and %d", file, *socket->max_clients, CONFIG_CLIENTS_MAX);
	config->max_clients = *socket->max_clients;
	return 0;
}

static int take_environment(struct config *config, const char *file, const struct raw *raw, char **ret_message) {
	for (unsigned i = 0; i < raw->environment_count; i++) {
		if (!environment_is_pattern(raw->environment[i]))
			return refuse(ret_message, "%s: environment: '%s' is neither the name of a variable nor its beginning with a * behind it", file,
				raw->environment[i]);
		if (environment_is_forbidden(raw->environment[i]))
			return refuse(ret_message, "%s: environment: '%s' is not passed on: it loads code into programs or makes them write down what they do",
				file, raw->environment[i]);
	}
	return take_list(&config->environment, &config->environment_count, raw->environment, raw->environment_count);
}

static int apply(struct config *config, const char *file, const struct raw *raw, char **ret_message) {
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

static const char *first_common_key(const struct raw *a, const struct raw *b) {
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

static void list_free(char ***list, size_t *count) {
	for (size_t i = 0; i < *count; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
	*count = 0;
}

static int apply_file(struct config *config, const char *path, bool required, struct raw **ret_raw, char **ret_message) {
	_cleanup_(raw_freep) struct raw *raw = NULL;
	int r = raw_load(path, required, &raw, ret_message);

	if (r != 0)
		return r < 0 ? r : 0;
	if (raw->capabilities_count > 0)
		list_free(&config->capabilities, &config->capability_count);
	r = apply(config, path, raw, ret_message);
	if (r == 0 && ret_raw)
		*ret_raw = TAKE(raw);
	return r;
}

/* The administrator's file first; what it sets is not the user's to set. */
static int apply_both(struct config *config, char **ret_message) {
	_cleanup_(raw_freep) struct raw *system = NULL;
	_cleanup_(raw_freep) struct raw *user = NULL;
	char path[PATH_MAX];
	int r = apply_file(config, SYSTEM_FILE, false, &system, ret_message);

	if (r < 0 || paths_user_config(path, sizeof(path)) < 0)
		return r;
	r = raw_load(path, false, &user, ret_message);
	if (r != 0)
		return r < 0 ? r : 0;
	const char *key = system ? first_common_key(system, user) : NULL;
	if (key)
		return refuse(ret_message, "%s: %s: is set in " SYSTEM_FILE " already, which stands; remove it here", path, key);
	return apply_file(config, path, false, NULL, ret_message);
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
