/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading one agent.yaml: the schema, the file, and what libcyaml complains of in one line; see file.h.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cyaml/cyaml.h>
#include <smime/error.h>

#include "agent/policy/policy.h"
#include "config.h"
#include "paths.h"
#include "place.h"

#define TEXT(key, st, member, flags) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), st, member, 1, CONFIG_TEXT_MAX_BYTES)
#define NUMBER(key, st, member, flags) CYAML_FIELD_UINT_PTR(key, CYAML_FLAG_POINTER | (flags), st, member)
#define LIST(key, member, entry) \
	CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_file, member, entry, 0, CONFIG_LIST_MAX)
#define MAPPING(key, type, member, fields) \
	CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_file, member, fields)

static const cyaml_schema_value_t text_schema = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CONFIG_TEXT_MAX_BYTES),
};
#define MODULE_LIST(key, member) \
	CYAML_FIELD_SEQUENCE(    \
		key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_file_module, member, &text_schema, 0, CONFIG_LIST_MAX)
/* What is said of a module wherever its path comes from. */
#define MODULE_SETTINGS                                                                                                      \
	NUMBER("sessions", struct config_file_module, sessions, CYAML_FLAG_OPTIONAL),                                        \
		TEXT("deadline", struct config_file_module, deadline, CYAML_FLAG_OPTIONAL),                                  \
		TEXT("exclusive", struct config_file_module, exclusive, CYAML_FLAG_OPTIONAL),                                \
		TEXT("network", struct config_file_module, network, CYAML_FLAG_OPTIONAL), MODULE_LIST("writable", writable), \
		MODULE_LIST("readable", readable)
static const cyaml_schema_field_t module_fields[] = {
	TEXT("path", struct config_file_module, path, CYAML_FLAG_DEFAULT),
	TEXT("init-reserved", struct config_file_module, init_reserved, CYAML_FLAG_OPTIONAL),
	MODULE_SETTINGS,
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t module_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_file_module, module_fields),
};
static const cyaml_schema_field_t p11_kit_fields[] = {
	TEXT("name", struct config_file_module, name, CYAML_FLAG_DEFAULT),
	MODULE_SETTINGS,
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t p11_kit_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_file_module, p11_kit_fields),
};
static const cyaml_schema_field_t certificate_fields[] = {
	TEXT("path", struct config_file_certificate, path, CYAML_FLAG_DEFAULT),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t certificate_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_file_certificate, certificate_fields),
};
static const cyaml_schema_field_t grant_fields[] = {
	TEXT("key", struct config_file_grant, key, CYAML_FLAG_DEFAULT),
	NUMBER("count", struct config_file_grant, count, CYAML_FLAG_DEFAULT),
	TEXT("within", struct config_file_grant, within, CYAML_FLAG_DEFAULT),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t grant_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_file_grant, grant_fields),
};
static const cyaml_schema_field_t pin_fields[] = {
	TEXT("program", struct config_file_pin, program, CYAML_FLAG_OPTIONAL),
	TEXT("file", struct config_file_pin, file, CYAML_FLAG_OPTIONAL),
	TEXT("credential", struct config_file_pin, credential, CYAML_FLAG_OPTIONAL),
	TEXT("idle", struct config_file_pin, idle, CYAML_FLAG_OPTIONAL),
	TEXT("max", struct config_file_pin, max, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_SEQUENCE(
		"grants", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_file_pin, grants, &grant_schema, 0, CONFIG_LIST_MAX),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t socket_fields[] = {
	NUMBER("max_clients", struct config_file_socket, max_clients, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t enrolled_fields[] = {
	TEXT("fingerprint", struct config_file_enrolled, fingerprint, CYAML_FLAG_DEFAULT),
	TEXT("serial", struct config_file_enrolled, serial, CYAML_FLAG_DEFAULT),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t enrolled_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_file_enrolled, enrolled_fields),
};
static const cyaml_schema_field_t hardware_policy_fields[] = {
	TEXT("policy", struct config_file_hardware_policy, policy, CYAML_FLAG_DEFAULT),
	TEXT("trust", struct config_file_hardware_policy, trust, CYAML_FLAG_DEFAULT),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t hardware_policy_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_file_hardware_policy, hardware_policy_fields),
};
#define RULE_TEXT(key, st, member) TEXT(key, struct st, member, CYAML_FLAG_OPTIONAL)
static const cyaml_schema_field_t rule_key_fields[] = {
	RULE_TEXT("fingerprint", rule_text_key, fingerprint),
	RULE_TEXT("address", rule_text_key, address),
	RULE_TEXT("issuer", rule_text_key, issuer),
	RULE_TEXT("token", rule_text_key, token),
	RULE_TEXT("uri", rule_text_key, uri),
	RULE_TEXT("policy", rule_text_key, policy),
	RULE_TEXT("eku", rule_text_key, eku),
	RULE_TEXT("template", rule_text_key, template_),
	RULE_TEXT("evidence", rule_text_key, evidence),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t rule_client_fields[] = {
	RULE_TEXT("uid", rule_text_client, uid),
	RULE_TEXT("gid", rule_text_client, gid),
	RULE_TEXT("unit", rule_text_client, unit),
	RULE_TEXT("label", rule_text_client, label),
	RULE_TEXT("executable", rule_text_client, executable),
	RULE_TEXT("remote", rule_text_client, remote),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t rule_when_fields[] = {
	RULE_TEXT("session", rule_text_when, session),
	RULE_TEXT("between", rule_text_when, between),
	RULE_TEXT("digest", rule_text_when, digest),
	RULE_TEXT("cipher", rule_text_when, cipher),
	RULE_TEXT("from", rule_text_when, from),
	RULE_TEXT("within", rule_text_when, within),
	NUMBER("at-most", struct rule_text_when, at_most, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END,
};
#define RULE_LIST(key, member) \
	CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct rule_text, member, &text_schema, 1, CONFIG_LIST_MAX)
#define RULE_MAPPING(key, type, member, fields) \
	CYAML_FIELD_MAPPING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct rule_text, member, fields)
static const cyaml_schema_field_t rule_fields[] = {
	RULE_TEXT("name", rule_text, name),
	RULE_LIST("operation", operation),
	RULE_MAPPING("key", struct rule_text_key, key, rule_key_fields),
	RULE_MAPPING("client", struct rule_text_client, client, rule_client_fields),
	RULE_MAPPING("when", struct rule_text_when, when, rule_when_fields),
	TEXT("outcome", struct rule_text, outcome, CYAML_FLAG_DEFAULT),
	RULE_TEXT("text", rule_text, text),
	RULE_TEXT("ask", rule_text, ask),
	RULE_TEXT("within", rule_text, within),
	NUMBER("count", struct rule_text, count, CYAML_FLAG_OPTIONAL),
	RULE_LIST("require", require),
	RULE_TEXT("trust-executable", rule_text, trust_executable),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t rule_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rule_text, rule_fields),
};
static const cyaml_schema_field_t audit_fields[] = {
	TEXT("path", struct config_file_audit, path, CYAML_FLAG_OPTIONAL),
	TEXT("durability", struct config_file_audit, durability, CYAML_FLAG_OPTIONAL),
	TEXT("results", struct config_file_audit, results, CYAML_FLAG_OPTIONAL),
	TEXT("on-failure", struct config_file_audit, on_failure, CYAML_FLAG_OPTIONAL),
	TEXT("rotate", struct config_file_audit, rotate, CYAML_FLAG_OPTIONAL),
	TEXT("journal", struct config_file_audit, journal, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t top_fields[] = {
	/* None is no choice: without the key the modules are those of p11-kit. */
	CYAML_FIELD_SEQUENCE(
		"modules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_file, modules, &module_schema, 1, CONFIG_LIST_MAX),
	LIST("p11-kit", p11_kit, &p11_kit_schema),
	LIST("certificates", certificates, &certificate_schema),
	LIST("trust", trust, &text_schema),
	LIST("capabilities", capabilities, &text_schema),
	LIST("environment", environment, &text_schema),
	MAPPING("pin", struct config_file_pin, pin, pin_fields),
	MAPPING("socket", struct config_file_socket, socket, socket_fields),
	MAPPING("audit", struct config_file_audit, audit, audit_fields),
	LIST("user-may", user_may, &text_schema),
	TEXT("consent-on-tty", struct config_file, consent_on_tty, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_SEQUENCE("enrolled", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_file, enrolled, &enrolled_schema, 0,
		EVIDENCE_ENROLLED_MAX),
	LIST("hardware-policies", hardware_policies, &hardware_policy_schema),
	LIST("attestation-roots", attestation_roots, &text_schema),
	LIST("attestations", attestations, &text_schema),
	TEXT("attestation-firmware", struct config_file, attestation_firmware, CYAML_FLAG_OPTIONAL),
	TEXT("prompts", struct config_file, prompts, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_SEQUENCE(
		"rules", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct config_file, rules, &rule_schema, 0, POLICY_RULES_MAX),
	CYAML_FIELD_END,
};
static const cyaml_schema_value_t top_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct config_file, top_fields),
};

/* The first complaint, and the first place, that libcyaml names. */
struct complaint {
	char what[512];
	unsigned line, column; /* 0: none was named */
};

__attribute__((format(printf, 3, 0))) static void on_log(cyaml_log_t level, void *ctx, const char *format, va_list args) {
	struct complaint *complaint = ctx;
	char line[512];
	(void)vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	const char *place = strstr(line, "(line:");

	if (place && !complaint->line) {
		unsigned row = 0, column = 0;
		if (sscanf(place, "(line: %u, column: %u)", &row, &column) == 2) {
			complaint->line = row;
			complaint->column = column;
		}
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

struct config_file *config_file_free(struct config_file *file) {
	struct complaint ignored = { 0 };
	cyaml_config_t config = loader(&ignored);

	if (!file)
		return NULL;
	free(file->bytes);
	(void)cyaml_free(&config, &top_schema, file, 0);
	return NULL;
}

/* Nobody else could have put another file in the place of this one. */
static int check_place(const char *path, char **ret_message) {
	_cleanup_(freep) char *directory = NULL;

	if (paths_are_ours(path, &directory))
		return 0;
	return config_refuse(ret_message,
		"%s: others could have put it there: %s must belong to root or to this user, and nobody else may write there", path,
		directory ? directory : "its directory");
}

/* The bytes of a file that nobody but its owner could have written. Returns 1 when it may be missing and is. */
static int read_file(const char *path, bool required, uint8_t *buffer, size_t *ret_len, char **ret_message) {
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
	struct stat st;
	size_t len = 0;
	ssize_t n;

	if (fd < 0 && errno == ENOENT && !required)
		return 1;
	if (fd < 0 && errno == ELOOP)
		return config_refuse(
			ret_message, "%s: is a symbolic link, which leads elsewhere tomorrow; put the file itself there", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return config_refuse(ret_message, "%s: can't be read: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || !paths_owner_is_ours(&st) || (st.st_mode & 022))
		return config_refuse(ret_message,
			"%s: others could have written it; it must be a regular file of root or of this user with mode 0644 or less", path);
	if (check_place(path, ret_message) < 0)
		return -SMIME_E_USAGE;
	while ((n = read(fd, buffer + len, CONFIG_FILE_MAX_BYTES + 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		return config_refuse(ret_message, "%s: can't be read: %s", path, strerror(errno));
	if (len > CONFIG_FILE_MAX_BYTES)
		return config_refuse(ret_message, "%s: larger than %d KiB", path, CONFIG_FILE_MAX_BYTES / 1024);
	if (memchr(buffer, 0, len))
		return config_refuse(ret_message, "%s: holds a zero byte", path);
	*ret_len = len;
	return 0;
}

/* libcyaml calls that an internal error too. */
static bool is_no_yaml(cyaml_err_t err) {
	return err == CYAML_ERR_INTERNAL_ERROR || err == CYAML_ERR_LIBYAML_PARSER;
}

/* The key that a complaint is about; NULL: it is about none. */
static const char *key_of(const struct complaint *complaint) {
	static const char *const beginnings[] = { "Unexpected key: ", "Mapping field already seen: " };

	for (size_t i = 0; i < ELEMENTSOF(beginnings); i++)
		if (strncmp(complaint->what, beginnings[i], strlen(beginnings[i])) == 0)
			return complaint->what + strlen(beginnings[i]);
	return NULL;
}

static struct config_place find_place(const struct complaint *complaint, struct bytes yaml, cyaml_err_t err) {
	struct config_place place = { complaint->line, complaint->column };
	const char *key = key_of(complaint);

	if (!place.line || is_no_yaml(err))
		return config_place_of_fault(yaml);
	return key ? config_place_of_key(yaml, place, key) : place;
}

/* In the words of people who write YAML, not of those who read it. */
static const char *kind_of(const char *word) {
	static const struct {
		const char *word, *kind;
	} kinds[] = {
		{ "MAPPING", "a mapping" },
		{ "SEQUENCE", "a list" },
		{ "SCALAR", "a single value" },
		{ "STRING", "a text" },
		{ "UINT", "a number" },
		{ "ALIAS", "an alias" },
	};

	for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
		if (strncmp(word, kinds[i].word, strlen(kinds[i].word)) == 0)
			return kinds[i].kind;
	return NULL;
}

/* What libcyaml says of a value, in the same words; false: it is understood as it is. */
static bool reword(const char *what, char *text, size_t size) {
	static const char *const numbers[] = { "Invalid UINT value: ", "Invalid uint64_t value: " };

	for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
		if (strncmp(what, numbers[i], strlen(numbers[i])) == 0) {
			(void)snprintf(text, size, "%.100s is no number that could stand here", what + strlen(numbers[i]));
			return true;
		}
	if (strncmp(what, "STRING length > ", strlen("STRING length > ")) == 0)
		(void)snprintf(text, size, "this text is longer than %d octets", CONFIG_TEXT_MAX_BYTES);
	else if (strncmp(what, "STRING length < ", strlen("STRING length < ")) == 0)
		(void)snprintf(text, size, "this text is empty");
	else if (strncmp(what, "Insufficient entries ", strlen("Insufficient entries ")) == 0)
		(void)snprintf(text, size, "this list is empty; leave the key out instead");
	else
		return false;
	return true;
}

static int refuse_complaint(const char *path, const struct complaint *complaint, struct bytes yaml, cyaml_err_t err, char **ret_message) {
	struct config_place place = find_place(complaint, yaml, err);
	const char *what = *complaint->what ? complaint->what : cyaml_strerror(err), *expected = NULL, *got = NULL;
	char reworded[160];

	if (reword(what, reworded, sizeof(reworded)))
		what = reworded;
	if (is_no_yaml(err))
		what = "this is no YAML";
	if (strncmp(what, "Expecting ", strlen("Expecting ")) == 0 && (got = strstr(what, ", got event: "))) {
		expected = kind_of(what + strlen("Expecting "));
		got = kind_of(got + strlen(", got event: "));
	}
	if (expected && got)
		return config_refuse(
			ret_message, "%s:%u:%u: %s is expected here, and this is %s", path, place.line, place.column, expected, got);
	return config_refuse(ret_message, "%s:%u:%u: %s", path, place.line, place.column, what);
}

int config_file_load(const char *path, bool required, struct config_file **ret_raw, char **ret_message) {
	_cleanup_(freep) uint8_t *buffer = malloc(CONFIG_FILE_MAX_BYTES + 1);
	struct complaint complaint = { 0 };
	cyaml_config_t config = loader(&complaint);
	_cleanup_(config_file_freep) struct config_file *raw = NULL;
	size_t len = 0;

	if (!buffer)
		return -SMIME_E_NO_MEMORY;
	int r = read_file(path, required, buffer, &len, ret_message);
	if (r != 0 || len == 0)
		return r < 0 ? r : 1;
	cyaml_err_t err = cyaml_load_data(buffer, len, &config, &top_schema, (cyaml_data_t **)&raw, NULL);
	if (err != CYAML_OK || complaint.what[0])
		return refuse_complaint(path, &complaint, (struct bytes){ buffer, len }, err, ret_message);
	if (!raw)
		return 1;
	raw->bytes = TAKE(buffer);
	raw->len = len;
	*ret_raw = TAKE(raw);
	return 0;
}
