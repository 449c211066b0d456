/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modules: and p11-kit: of agent.yaml, and what a process needs to know of one.
 */
#include "take.h"

#include <stdio.h>

#include <smime/error.h>

#include "agent/policy/duration.h"

static const struct config_module defaults = { .sessions = 1, .deadline_us = CONFIG_DEADLINE_DEFAULT_US };

/* ---- Both ---- */

/* Where an entry stands, for messages: "FILE: modules". */
struct entry {
	const char *file, *list;
	const struct config_file_module *raw;
	char **ret_message;
};

static int refuse_value(const struct entry *entry, const char *key, const char *value, const char *why) {
	return config_refuse(entry->ret_message, "%s: %s: %s: '%s' %s", entry->file, entry->list, key, value, why);
}

static int take_paths(
	const struct entry *entry, const char *key, char *const *paths, unsigned count, char ***target, size_t *target_count) {
	char name[64];
	int r = 0;

	(void)snprintf(name, sizeof(name), "%s: %s", entry->list, key);
	for (unsigned i = 0; r == 0 && i < count; i++) {
		r = config_require_absolute(entry->file, name, paths[i], entry->ret_message);
		if (r == 0)
			r = config_require_clean(entry->file, name, paths[i], entry->ret_message);
	}
	return r < 0 ? r : config_take_list(target, target_count, paths, count);
}

/* What its process may do beside what every module may. */
static int take_freedoms(struct config_module *module, const struct entry *entry) {
	const struct config_file_module *raw = entry->raw;

	if (raw->network && config_choice(raw->network, &module->network) < 0)
		return refuse_value(entry, "network", raw->network, "is neither yes nor no");
	int r = take_paths(entry, "writable", raw->writable, raw->writable_count, &module->writable, &module->writable_count);
	return r < 0 ? r : take_paths(entry, "readable", raw->readable, raw->readable_count, &module->readable, &module->readable_count);
}

static int take_settings(struct config_module *module, const struct entry *entry) {
	const struct config_file_module *raw = entry->raw;

	*module = defaults;
	if (raw->sessions && (*raw->sessions < 1 || *raw->sessions > CONFIG_SESSIONS_MAX))
		return config_refuse(entry->ret_message, "%s: %s: sessions: %u is not between 1 and %d", entry->file, entry->list,
			*raw->sessions, CONFIG_SESSIONS_MAX);
	if (raw->sessions)
		module->sessions = *raw->sessions;
	if (raw->deadline && (duration_parse(raw->deadline, &module->deadline_us) < 0 || module->deadline_us == 0))
		return refuse_value(entry, "deadline", raw->deadline, "is no length of time; write for example 60s");
	if (raw->exclusive && config_choice(raw->exclusive, &module->exclusive) < 0)
		return refuse_value(entry, "exclusive", raw->exclusive, "is neither yes nor no");
	return take_freedoms(module, entry);
}

/* ---- modules: ---- */

static int take_module(struct config_module *module, const struct entry *entry) {
	const struct config_file_module *raw = entry->raw;
	int r = config_require_absolute(entry->file, "modules: path", raw->path, entry->ret_message);

	if (r == 0)
		r = config_require_clean(entry->file, "modules: init-reserved", raw->init_reserved, entry->ret_message);
	if (r == 0)
		r = take_settings(module, entry);
	if (r == 0 && raw->init_reserved)
		r = config_take_text(&module->init_reserved, raw->init_reserved);
	return r < 0 ? r : config_take_text(&module->path, raw->path);
}

int config_take_modules(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	config->modules = calloc(raw->modules_count ? raw->modules_count : 1, sizeof(*config->modules));
	if (!config->modules)
		return -SMIME_E_NO_MEMORY;
	for (unsigned i = 0; i < raw->modules_count; i++) {
		config->module_count = i + 1;
		int r = take_module(&config->modules[i], &(struct entry){ file, "modules", &raw->modules[i], ret_message });
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- p11-kit: ---- */

static const struct config_module *find_p11_kit(const struct config *config, size_t count, const char *name) {
	for (size_t i = 0; i < count; i++)
		if (config->p11_kit[i].name && strcmp(config->p11_kit[i].name, name) == 0)
			return &config->p11_kit[i];
	return NULL;
}

static int take_p11_kit(struct config *config, size_t i, const struct entry *entry) {
	const char *name = entry->raw->name;

	if (strchr(name, '/'))
		return refuse_value(entry, "name", name, "is no name of a module; that of x.module is x");
	if (find_p11_kit(config, i, name))
		return refuse_value(entry, "name", name, "is there twice");
	int r = take_settings(&config->p11_kit[i], entry);
	return r < 0 ? r : config_take_text(&config->p11_kit[i].name, name);
}

int config_take_p11_kit(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	config->p11_kit = calloc(raw->p11_kit_count ? raw->p11_kit_count : 1, sizeof(*config->p11_kit));
	if (!config->p11_kit)
		return -SMIME_E_NO_MEMORY;
	for (unsigned i = 0; i < raw->p11_kit_count; i++) {
		config->p11_kit_count = i + 1;
		int r = take_p11_kit(config, i, &(struct entry){ file, "p11-kit", &raw->p11_kit[i], ret_message });
		if (r < 0)
			return r;
	}
	return 0;
}

struct config_module config_p11_kit_module(const struct config *config, const char *name) {
	const struct config_module *own = find_p11_kit(config, config->p11_kit_count, name);

	return own ? *own : defaults;
}

/* ---- Copies ---- */

static int copy_if_any(char **ret_copy, const char *text) {
	return text ? config_take_text(ret_copy, text) : 0;
}

int config_module_copy(const struct config_module *module, struct config_module *ret_copy) {
	*ret_copy = *module;
	ret_copy->path = ret_copy->init_reserved = ret_copy->name = NULL;
	ret_copy->writable = ret_copy->readable = NULL;
	ret_copy->writable_count = ret_copy->readable_count = 0;
	if (copy_if_any(&ret_copy->path, module->path) < 0 || copy_if_any(&ret_copy->init_reserved, module->init_reserved) < 0 ||
		copy_if_any(&ret_copy->name, module->name) < 0 ||
		config_take_list(&ret_copy->writable, &ret_copy->writable_count, module->writable, module->writable_count) < 0)
		return -SMIME_E_NO_MEMORY;
	return config_take_list(&ret_copy->readable, &ret_copy->readable_count, module->readable, module->readable_count);
}

void config_module_clear(struct config_module *module) {
	free(module->path);
	free(module->init_reserved);
	free(module->name);
	config_list_free(&module->writable, &module->writable_count);
	config_list_free(&module->readable, &module->readable_count);
}
