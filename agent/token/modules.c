/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading *.module files: lines of `key: value`; the same file name in a later directory replaces the one before.
 */
#include "modules.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>

#include "smime/error.h"

#define PROGRAM "smime-agent"

struct module_file {
	char name[NAME_MAX + 1];
	char path[PATH_MAX];
	bool usable;
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
static bool names_us(char *list) {
	char *rest = list, *name;

	while ((name = strsep(&rest, ", \t")))
		if (strcmp(name, PROGRAM) == 0)
			return true;
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

static void take_line(struct module_file *file, const char *modules, char *line) {
	char *colon = strchr(line, ':');

	if (*trim(line) == '#' || !colon)
		return;
	*colon = '\0';
	char *key = trim(line), *value = trim(colon + 1);
	if (strcmp(key, "module") == 0 && *value) {
		int n = *value == '/' ? snprintf(file->path, sizeof(file->path), "%s", value)
				      : snprintf(file->path, sizeof(file->path), "%s/%s", modules, value);
		if (n < 0 || (size_t)n >= sizeof(file->path) || unwanted(file->path))
			file->usable = false;
	} else if (strcmp(key, "trust-policy") == 0 && strcmp(value, "yes") == 0) {
		file->usable = false;
	} else if (strcmp(key, "remote") == 0) {
		file->usable = false;
	} else if (strcmp(key, "enable-in") == 0) {
		file->usable = file->usable && names_us(value);
	} else if (strcmp(key, "disable-in") == 0) {
		file->usable = file->usable && !names_us(value);
	} else if (strcmp(key, "priority") == 0) {
		file->priority = strtol(value, NULL, 10);
	}
}

static void read_module_file(const char *path, const char *modules, struct module_file *file) {
	FILE *stream = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0, total = 0;
	ssize_t n;

	file->usable = stream != NULL;
	while (stream && (n = getline(&line, &cap, stream)) > 0 && (total += (size_t)n) <= MODULES_FILE_MAX_BYTES)
		take_line(file, modules, line);
	if (!file->path[0])
		file->usable = false;
	free(line);
	if (stream)
		(void)fclose(stream);
}

/* ---- Directories ---- */

static struct module_file *slot_for(struct module_files *files, const char *name) {
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->items[i].name, name) == 0)
			return &files->items[i];
	return files->count < MODULES_MAX ? &files->items[files->count++] : NULL;
}

static void read_directory(const char *directory, const char *modules, struct module_files *files) {
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	char path[PATH_MAX];

	while (stream && (entry = readdir(stream))) {
		size_t len = strlen(entry->d_name);
		if (entry->d_name[0] == '.' || len < 8 || strcmp(entry->d_name + len - 7, ".module") != 0)
			continue;
		struct module_file *file = slot_for(files, entry->d_name);
		int n = snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (!file || n < 0 || (size_t)n >= sizeof(path))
			continue;
		*file = (struct module_file){ .priority = 0 };
		memcpy(file->name, entry->d_name, len + 1);
		read_module_file(path, modules, file);
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

static int push_module(STACK_OF(wire_module) *modules, const struct module_file *file) {
	struct wire_module *module = wire_module_new();

	if (!module || wire_set_text(&module->path, file->path) < 0 || wire_set_text(&module->name, file->name) < 0 ||
		sk_wire_module_push(modules, module) <= 0) {
		wire_module_free(module);
		return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

/* Two files may name one module. */
static bool listed(const STACK_OF(wire_module) *modules, const char *path) {
	for (int i = 0; i < sk_wire_module_num(modules); i++)
		if (strcmp(wire_text(sk_wire_module_value(modules, i)->path), path) == 0)
			return true;
	return false;
}

int modules_list(const struct modules_places *places, STACK_OF(wire_module) **ret_modules) {
	_cleanup_(freep) struct module_files *files = calloc(1, sizeof(*files));
	STACK_OF(wire_module) *modules = sk_wire_module_new_null();
	int r = files && modules ? 0 : -SMIME_E_NO_MEMORY;

	if (r == 0) {
		read_directory(places->package, places->modules, files);
		read_directory(places->system, places->modules, files);
		if (places->user)
			read_directory(places->user, places->modules, files);
		qsort(files->items, files->count, sizeof(files->items[0]), by_priority);
	}
	for (size_t i = 0; r == 0 && i < files->count; i++)
		if (files->items[i].usable && !listed(modules, files->items[i].path))
			r = push_module(modules, &files->items[i]);
	if (r < 0) {
		sk_wire_module_pop_free(modules, wire_module_free);
		return r;
	}
	*ret_modules = modules;
	return 0;
}

/* pkcs11.conf(5): `user-config: none` shuts the user's own files out. */
static bool user_allowed(void) {
	FILE *stream = fopen("/etc/pkcs11/pkcs11.conf", "re");
	char *line = NULL;
	size_t cap = 0;
	bool allowed = true;

	while (stream && getline(&line, &cap, stream) > 0) {
		char *colon = strchr(line, ':');
		if (!colon || *trim(line) == '#')
			continue;
		*colon = '\0';
		if (strcmp(trim(line), "user-config") == 0)
			allowed = strcmp(trim(colon + 1), "none") != 0;
	}
	free(line);
	if (stream)
		(void)fclose(stream);
	return allowed;
}

struct modules_places modules_default_places(char *user_buffer, size_t size) {
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	struct modules_places places = { P11_MODULE_CONFIGS, "/etc/pkcs11/modules", NULL, P11_MODULE_PATH };
	int n = -1;

	if (config && *config == '/')
		n = snprintf(user_buffer, size, "%s/pkcs11/modules", config);
	else if (home && *home == '/')
		n = snprintf(user_buffer, size, "%s/.config/pkcs11/modules", home);
	if (n > 0 && (size_t)n < size && user_allowed())
		places.user = user_buffer;
	return places;
}
