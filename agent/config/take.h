/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Taking over the keys of agent.yaml: what the files that do it share, and which keys have one of their own. Private to this room.
 */
#ifndef CONFIG_TAKE_H
#define CONFIG_TAKE_H

#include "config.h"
#include "file.h"

/* yes or no. -SMIME_E_USAGE. */
int config_choice(const char *text, bool *ret_choice);

/* A copy in place of what was there. -SMIME_E_NO_MEMORY. */
int config_take_text(char **target, const char *value);
int config_take_list(char ***target, size_t *target_count, char *const *values, size_t count);
void config_list_free(char ***list, size_t *count);

/* Refuse what is no absolute path, and what is no one line; NULL is neither. -SMIME_E_USAGE with *ret_message. */
int config_require_absolute(const char *file, const char *key, const char *path, char **ret_message);
int config_require_clean(const char *file, const char *key, const char *text, char **ret_message);

/* Each takes over one key that the file has. -SMIME_E_USAGE with *ret_message; -SMIME_E_NO_MEMORY. */
int config_take_modules(struct config *config, const char *file, const struct config_file *raw, char **ret_message);
int config_take_p11_kit(struct config *config, const char *file, const struct config_file *raw, char **ret_message);
int config_take_pin(struct config *config, const char *file, const struct config_file *raw, char **ret_message);
int config_take_audit(struct config *config, const char *file, const struct config_file *raw, char **ret_message);

#endif
