/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading *.module files: lines of `key: value`. Settings in a later directory replace those of the same file name before, one by
 * one, as p11-kit has it; what the whole says is judged at the end.
 */
#include "modules.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "agent/wire/text.h"
#include "smime/error.h"

#define PROGRAM "smime-agent"
#define P11_SYSTEM_CONFIG "/etc/pkcs11"

enum { VALUE_MAX_BYTES = 1024 };

struct module_file {
	char name[NAME_MAX + 1];
	char path[VALUE_MAX_BYTES];
	char init_reserved[VALUE_MAX_BYTES];
	char enable_in[VALUE_MAX_BYTES], disable_in[VALUE_MAX_BYTES];
	bool trust_policy, remote, broken;
	long priority;
};

struct module_files {
	struct module_file items[MODULES_MAX];
	size_t count;
};

/* ---- One file ---- */

static char *trim(char *text) {
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

/* Whether a list of names, separated by commas or blanks, holds ours. */
static bool names_us(const char *list) {
	static const char separators[] = ", \t";
	size_t len;

	for (list += strspn(list, separators); *list; list += len, list += strspn(list, separators)) {
		len = strcspn(list, separators);
		if (len == strlen(PROGRAM) && memcmp(list, PROGRAM, len) == 0)
			return true;
	}
	return false;
}

static bool starts_with(const char *text, const char *start) {
	return strncmp(text, start, strlen(start)) == 0;
}

/* Modules that hold no keys, or lead back to p11-kit or to this agent. */
static bool unwanted(const char *path) {
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	return starts_with(base, "p11-kit-client") || starts_with(base, "p11-kit-proxy") || starts_with(base, "p11-kit-trust") ||
		starts_with(base, "smime-pkcs11");
}

/* A value that is cut short could mean something else: the whole file is then not used. */
static void set_value(struct module_file *file, char field[VALUE_MAX_BYTES], const char *value) {
	int n = snprintf(field, VALUE_MAX_BYTES, "%s", value);

	if (n < 0 || n >= VALUE_MAX_BYTES)
		file->broken = true;
}

static void set_path(struct module_file *file, const char *modules, const char *value) {
	int n = *value == '/' ? snprintf(file->path, sizeof(file->path), "%s", value) :
				snprintf(file->path, sizeof(file->path), "%s/%s", modules, value);

	if (n < 0 || (size_t)n >= sizeof(file->path) || !*value)
		file->broken = true;
}

/* Splits a line in place. Returns false for comments, blank lines and anything without a colon. */
static bool split_line(char *line, char **ret_key, char **ret_value) {
	char *colon = strchr(line, ':');

	if (*trim(line) == '#' || !colon)
		return false;
	*colon = '\0';
	*ret_key = trim(line);
	*ret_value = trim(colon + 1);
	return true;
}

static void take_line(struct module_file *file, const char *modules, char *line) {
	char *key, *value;

	if (!split_line(line, &key, &value))
		return;
	if (strcmp(key, "module") == 0)
		set_path(file, modules, value);
	else if (strcmp(key, "trust-policy") == 0)
		file->trust_policy = strcmp(value, "yes") == 0;
	else if (strcmp(key, "remote") == 0)
		file->remote = true;
	else if (strcmp(key, "x-init-reserved") == 0)
		set_value(file, file->init_reserved, value);
	else if (strcmp(key, "enable-in") == 0)
		set_value(file, file->enable_in, value);
	else if (strcmp(key, "disable-in") == 0)
		set_value(file, file->disable_in, value);
	else if (strcmp(key, "priority") == 0)
		file->priority = strtol(value, NULL, 10);
}

static void read_lines(const char *path, void (*take)(void *context, char *line), void *context) {
	FILE *stream = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0, total = 0;
	ssize_t n;

	if (!stream)
		return;
	while ((n = getline(&line, &cap, stream)) > 0 && (total += (size_t)n) <= MODULES_FILE_MAX_BYTES)
		take(context, line);
	free(line);
	(void)fclose(stream);
}

struct reading {
	struct module_file *file;
	const char *modules;
};

static void take_module_line(void *context, char *line) {
	const struct reading *reading = context;

	take_line(reading->file, reading->modules, line);
}

static bool is_clean(const char *text) {
	return text_is_clean(text, strlen(text));
}

/* enable-in wins over disable-in, as in p11-kit. What the core would not take as a text must not cost it the whole list. */
static bool usable(const struct module_file *file) {
	if (!file->path[0] || file->broken || file->trust_policy || file->remote || unwanted(file->path))
		return false;
	if (!is_clean(file->name) || !is_clean(file->path) || !is_clean(file->init_reserved))
		return false;
	if (file->enable_in[0])
		return names_us(file->enable_in);
	return !names_us(file->disable_in);
}

/* ---- Directories ---- */

static struct module_file *slot_for(struct module_files *files, const char *name) {
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->items[i].name, name) == 0)
			return &files->items[i];
	return files->count < MODULES_MAX ? &files->items[files->count++] : NULL;
}

static bool is_module_file(const char *name) {
	static const char suffix[] = ".module";
	size_t len = strlen(name);

	return name[0] != '.' && len >= sizeof(suffix) && strcmp(name + len - (sizeof(suffix) - 1), suffix) == 0;
}

static void read_directory(const char *directory, const char *modules, struct module_files *files) {
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	char path[PATH_MAX];

	while (stream && (entry = readdir(stream))) {
		struct module_file *file = is_module_file(entry->d_name) ? slot_for(files, entry->d_name) : NULL;
		struct reading reading = { file, modules };
		int n = snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);

		if (!file || n < 0 || (size_t)n >= sizeof(path))
			continue;
		(void)snprintf(file->name, sizeof(file->name), "%s", entry->d_name);
		read_lines(path, take_module_line, &reading);
	}
	if (stream)
		(void)closedir(stream);
}

static int by_priority(const void *a, const void *b) {
	const struct module_file *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* The name of a module is that of its file without the ending. */
static int push_module(STACK_OF(wire_module) *modules, struct module_file *file) {
	struct wire_module *module = wire_module_new();

	*strrchr(file->name, '.') = '\0';
	if (!module || wire_set_text(&module->path, file->path) < 0 || wire_set_text(&module->name, file->name) < 0 ||
		(file->init_reserved[0] && wire_set_text(&module->init_reserved, file->init_reserved) < 0) ||
		sk_wire_module_push(modules, module) <= 0) {
		wire_module_free(module);
		return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

/* Two files may name one module. With other parameters it has other tokens. */
static bool listed(const STACK_OF(wire_module) *modules, const struct module_file *file) {
	for (int i = 0; i < sk_wire_module_num(modules); i++) {
		const wire_module *module = sk_wire_module_value(modules, i);

		if (strcmp(wire_text(module->path), file->path) == 0 && strcmp(wire_text(module->init_reserved), file->init_reserved) == 0)
			return true;
	}
	return false;
}

int modules_list(const struct modules_places *places, STACK_OF(wire_module) **ret_modules) {
	const char *const directories[] = { places->package, places->system, places->user };
	_cleanup_(freep) struct module_files *files = calloc(1, sizeof(*files));
	STACK_OF(wire_module) *modules = sk_wire_module_new_null();
	int r = files && modules ? 0 : -SMIME_E_NO_MEMORY;
	size_t i;

	for (i = 0; r == 0 && i < ELEMENTSOF(directories); i++)
		if (directories[i])
			read_directory(directories[i], places->modules, files);
	if (r == 0)
		qsort(files->items, files->count, sizeof(files->items[0]), by_priority);
	for (i = 0; r == 0 && i < files->count; i++)
		if (usable(&files->items[i]) && !listed(modules, &files->items[i]))
			r = push_module(modules, &files->items[i]);
	if (r < 0) {
		sk_wire_module_pop_free(modules, wire_module_free);
		return r;
	}
	*ret_modules = modules;
	return 0;
}

static void take_user_config_line(void *context, char *line) {
	enum modules_user_config *mode = context;
	char *key, *value;

	if (!split_line(line, &key, &value) || strcmp(key, "user-config") != 0)
		return;
	if (strcmp(value, "none") == 0)
		*mode = MODULES_USER_NONE;
	else if (strcmp(value, "only") == 0)
		*mode = MODULES_USER_ONLY;
	else
		*mode = MODULES_USER_MERGE;
}

enum modules_user_config modules_user_config(const char *path) {
	enum modules_user_config mode = MODULES_USER_MERGE;

	read_lines(path, take_user_config_line, &mode);
	return mode;
}

struct modules_places modules_default_places(char *user_buffer, size_t size) {
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	struct modules_places places = { P11_MODULE_CONFIGS, P11_SYSTEM_CONFIG "/modules", NULL, P11_MODULE_PATH };
	enum modules_user_config mode = modules_user_config(P11_SYSTEM_CONFIG "/pkcs11.conf");
	int n = -1;

	if (mode == MODULES_USER_NONE)
		return places;
	if (mode == MODULES_USER_ONLY)
		places.package = places.system = NULL;
	if (config && *config == '/')
		n = snprintf(user_buffer, size, "%s/pkcs11/modules", config);
	else if (home && *home == '/')
		n = snprintf(user_buffer, size, "%s/.config/pkcs11/modules", home);
	if (n > 0 && (size_t)n < size)
		places.user = user_buffer;
	return places;
}
