/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules, the pinentry and the file with the PIN.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/wire/secret.h"
#include "file.h"

static int check_module(const char *path, char **ret_message) {
	static const unsigned char magic[] = { 0x7f, 'E', 'L', 'F' };
	unsigned char head[sizeof(magic)] = { 0 };
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(head, 1, sizeof(head), file) : 0;
	int error = errno;

	if (!file)
		return config_refuse(ret_message, "modules: %s: %s", path, strerror(error));
	(void)fclose(file);
	if (n != sizeof(magic) || memcmp(head, magic, sizeof(magic)) != 0)
		return config_refuse(ret_message, "modules: %s: it is no shared library", path);
	return 0;
}

static int check_paths(const char *list, const char *key, char *const *paths, size_t count, char **ret_message) {
	for (size_t i = 0; i < count; i++)
		if (access(paths[i], F_OK) < 0)
			return config_refuse(ret_message, "%s: %s: %s: %s", list, key, paths[i], strerror(errno));
	return 0;
}

static int check_freedoms(const char *list, const struct config_module *module, char **ret_message) {
	int r = check_paths(list, "writable", module->writable, module->writable_count, ret_message);

	return r < 0 ? r : check_paths(list, "readable", module->readable, module->readable_count, ret_message);
}

static int check_pin(const struct config *config, char **ret_message) {
	struct stat st;

	/* Only the unit itself has its credentials. */
	if (!config->pin_file && (config->no_prompts || config->pin_credential))
		return 0;
	if (!config->pin_file)
		return access(config->pin_program, X_OK) == 0 ?
			0 :
			config_refuse(ret_message, "pin: program: %s: %s", config->pin_program, strerror(errno));
	if (stat(config->pin_file, &st) < 0)
		return config_refuse(ret_message, "pin: file: %s: %s", config->pin_file, strerror(errno));
	if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) || secret_file_is_open(&st))
		return config_refuse(
			ret_message, "pin: file: %s must be a regular file that only its user can read (chmod 600)", config->pin_file);
	return 0;
}

int config_check(const struct config *config, char **ret_message) {
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->module_count; i++) {
		r = check_module(config->modules[i].path, ret_message);
		if (r == 0)
			r = check_freedoms("modules", &config->modules[i], ret_message);
	}
	for (size_t i = 0; r == 0 && i < config->p11_kit_count; i++)
		r = check_freedoms("p11-kit", &config->p11_kit[i], ret_message);
	return r == 0 ? check_pin(config, ret_message) : r;
}
