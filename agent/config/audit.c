/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * audit: of agent.yaml.
 */
#include "take.h"

#include <errno.h>

#include <smime/error.h>

/* A number of octets, with K, M or G behind it for more of them. */
static int parse_size(const char *text, uint64_t *ret_bytes) {
	static const char units[] = "KMG";
	char *end;

	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : NULL;
	if (errno || end == text || *text == '-' || n > CONFIG_ROTATE_MAX_BYTES || (*end && (!unit || end[1])))
		return -SMIME_E_USAGE;
	*ret_bytes = unit ? n << (10 * (unit - units + 1)) : n;
	return 0;
}

static int take_durability(struct config_audit *audit, const char *file, const char *value, char **ret_message) {
	if (strcmp(value, "sync") != 0 && strcmp(value, "buffered") != 0 && strcmp(value, "off") != 0)
		return config_refuse(ret_message, "%s: audit: durability: '%s' is none of sync, buffered, off", file, value);
	audit->buffered = *value == 'b';
	audit->off = *value == 'o';
	return 0;
}

/* Where an intent may be lost with a power failure there is no use in waiting for its result. */
static int take_results(struct config_audit *audit, const char *file, const char *value, char **ret_message) {
	if (strcmp(value, "written") != 0 && strcmp(value, "durable") != 0)
		return config_refuse(ret_message, "%s: audit: results: '%s' is neither written nor durable", file, value);
	audit->durable_results = *value == 'd';
	if (audit->durable_results && (audit->buffered || audit->off))
		return config_refuse(ret_message, "%s: audit: results: durable results take durability: sync", file);
	return 0;
}

static int take_on_failure(struct config_audit *audit, const char *file, const char *value, char **ret_message) {
	if (strcmp(value, "refuse") != 0 && strcmp(value, "continue") != 0)
		return config_refuse(ret_message, "%s: audit: on-failure: '%s' is neither refuse nor continue", file, value);
	audit->tolerant = *value == 'c';
	return 0;
}

static int take_rotate(struct config_audit *audit, const char *file, const char *value, char **ret_message) {
	if (parse_size(value, &audit->rotate_bytes) < 0 || audit->rotate_bytes < CONFIG_ROTATE_MIN_BYTES ||
		audit->rotate_bytes > CONFIG_ROTATE_MAX_BYTES)
		return config_refuse(
			ret_message, "%s: audit: rotate: '%s' is no size between 4K and 1G; write for example 16M", file, value);
	return 0;
}

int config_take_audit(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	const struct config_file_audit *audit = raw->audit;
	int r = config_require_absolute(file, "audit: path", audit->path, ret_message);

	if (r == 0)
		r = config_require_clean(file, "audit: path", audit->path, ret_message);
	if (r == 0 && audit->durability)
		r = take_durability(&config->audit, file, audit->durability, ret_message);
	if (r == 0 && audit->results)
		r = take_results(&config->audit, file, audit->results, ret_message);
	if (r == 0 && audit->on_failure)
		r = take_on_failure(&config->audit, file, audit->on_failure, ret_message);
	if (r == 0 && audit->rotate)
		r = take_rotate(&config->audit, file, audit->rotate, ret_message);
	if (r == 0 && audit->journal && config_choice(audit->journal, &config->audit.journal) < 0)
		r = config_refuse(ret_message, "%s: audit: journal: '%s' is neither yes nor no", file, audit->journal);
	return r == 0 && audit->path ? config_take_text(&config->audit.path, audit->path) : r;
}
