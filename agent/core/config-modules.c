/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modules: of agent.yaml, and what a process needs to know of one.
 */
#include "config-take.h"

#include <smime/error.h>

#include "agent/policy/duration.h"

static int take_writable(struct config_module *module, const char *file, const struct config_file_module *raw, char **ret_message) {
	int r = 0;

	for (unsigned i = 0; r == 0 && i < raw->writable_count; i++) {
		r = config_require_absolute(file, "modules: writable", raw->writable[i], ret_message);
		if (r == 0)
			r = config_require_clean(file, "modules: writable", raw->writable[i], ret_message);
	}
	return r < 0 ? r : config_take_list(&module->writable, &module->writable_count, raw->writable, raw->writable_count);
}

/* What its process may do beside what every module may. */
static int take_freedoms(struct config_module *module, const char *file, const struct config_file_module *raw, char **ret_message) {
	if (raw->network && config_choice(raw->network, &module->network) < 0)
		return config_refuse(ret_message, "%s: modules: network: '%s' is neither yes nor no", file, raw->network);
	return take_writable(module, file, raw, ret_message);
}

static int take_module(struct config_module *module, const char *file, const struct config_file_module *raw, char **ret_message) {
	unsigned sessions = raw->sessions ? *raw->sessions : 1;
	int r = config_require_absolute(file, "modules: path", raw->path, ret_message);

	if (r < 0)
		return r;
	if (sessions < 1 || sessions > CONFIG_SESSIONS_MAX)
		return config_refuse(ret_message, "%s: modules: sessions: %u is not between 1 and %d", file, sessions, CONFIG_SESSIONS_MAX);
	r = config_require_clean(file, "modules: init-reserved", raw->init_reserved, ret_message);
	if (r < 0)
		return r;
	module->sessions = sessions;
	module->deadline_us = CONFIG_DEADLINE_DEFAULT_US;
	if (raw->deadline && (duration_parse(raw->deadline, &module->deadline_us) < 0 || module->deadline_us == 0))
		return config_refuse(
			ret_message, "%s: modules: deadline: '%s' is no length of time; write for example 60s", file, raw->deadline);
	if (raw->exclusive && config_choice(raw->exclusive, &module->exclusive) < 0)
		return config_refuse(ret_message, "%s: modules: exclusive: '%s' is neither yes nor no", file, raw->exclusive);
	if (raw->init_reserved && config_take_text(&module->init_reserved, raw->init_reserved) < 0)
		return -SMIME_E_NO_MEMORY;
	r = take_freedoms(module, file, raw, ret_message);
	return r < 0 ? r : config_take_text(&module->path, raw->path);
}

int config_take_modules(struct config *config, const char *file, const struct config_file *raw, char **ret_message) {
	config->modules = calloc(raw->modules_count ? raw->modules_count : 1, sizeof(*config->modules));
	if (!config->modules)
		return -SMIME_E_NO_MEMORY;
	for (unsigned i = 0; i < raw->modules_count; i++) {
		config->module_count = i + 1;
		int r = take_module(&config->modules[i], file, &raw->modules[i], ret_message);
		if (r < 0)
			return r;
	}
	return 0;
}

int config_module_copy(const struct config_module *module, struct config_module *ret_copy) {
	*ret_copy = *module;
	ret_copy->path = ret_copy->init_reserved = NULL;
	ret_copy->writable = NULL;
	ret_copy->writable_count = 0;
	if (config_take_text(&ret_copy->path, module->path) < 0 ||
		(module->init_reserved && config_take_text(&ret_copy->init_reserved, module->init_reserved) < 0))
		return -SMIME_E_NO_MEMORY;
	return config_take_list(&ret_copy->writable, &ret_copy->writable_count, module->writable, module->writable_count);
}

void config_module_clear(struct config_module *module) {
	free(module->path);
	free(module->init_reserved);
	config_list_free(&module->writable, &module->writable_count);
}
