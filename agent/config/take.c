/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Small steps of taking over a configuration; see take.h.
 */
#include "take.h"

#include "agent/wire/text.h"

/* libcyaml takes any text but a few for yes. */
int config_choice(const char *text, bool *ret_choice) {
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return -SMIME_E_USAGE;
	*ret_choice = *text == 'y';
	return 0;
}

int config_take_text(char **target, const char *value) {
	char *copy = strdup(value);

	if (!copy)
		return -SMIME_E_NO_MEMORY;
	free(*target);
	*target = copy;
	return 0;
}

void config_list_free(char ***list, size_t *count) {
	for (size_t i = 0; i < *count; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
	*count = 0;
}

int config_take_list(char ***target, size_t *target_count, char *const *values, size_t count) {
	*target = calloc(count ? count : 1, sizeof(**target));
	if (!*target)
		return -SMIME_E_NO_MEMORY;
	for (size_t i = 0; i < count; i++) {
		if (config_take_text(&(*target)[i], values[i]) < 0)
			return -SMIME_E_NO_MEMORY;
		*target_count = i + 1;
	}
	return 0;
}

/* A path in a configuration says the same from everywhere. */
int config_require_absolute(const char *file, const char *key, const char *path, char **ret_message) {
	if (path && *path != '/')
		return config_refuse(ret_message, "%s: %s: '%s' must be an absolute path", file, key, path);
	return 0;
}

/* What goes to a token process as a text has to be one. */
int config_require_clean(const char *file, const char *key, const char *text, char **ret_message) {
	if (text && !text_is_clean(text, strlen(text)))
		return config_refuse(ret_message, "%s: %s: it must be one line without control characters", file, key);
	return 0;
}
