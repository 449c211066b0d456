/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each search is a list of places in the order in which the program itself looks.
 */
#include "places.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

static char *join(const char *directory, const char *name) {
	char *path = NULL;

	if (!directory || asprintf(&path, "%s/%s", directory, name) < 0)
		return NULL;
	return path;
}

static bool exists(const char *path) {
	return path && access(path, F_OK) == 0;
}

static bool is_executable(const char *path) {
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

bool places_same(const char *a, const char *b) {
	struct stat one, other;

	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/* ---- Programs ---- */

static char *search(const char *list, const char *name) {
	while (list && *list) {
		size_t len = strcspn(list, ":");
		char *path = NULL;

		if (len > 0 && asprintf(&path, "%.*s/%s", (int)len, list, name) < 0)
			return NULL;
		if (is_executable(path))
			return path;
		free(path);
		list += len + (list[len] == ':' ? 1 : 0);
	}
	return NULL;
}

char *places_program(const char *name) {
	if (strchr(name, '/'))
		return is_executable(name) ? strdup(name) : NULL;
	return search(getenv("PATH"), name);
}

/* The directory that this program runs from. */
static char *own_directory(void) {
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return NULL;
	self[n] = '\0';
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	return strdup(self);
}

char *places_own_program(const char *name) {
	char *directory = own_directory(), *beside = join(directory, name), *found = places_program(name);

	free(directory);
	if (found && (!is_executable(beside) || places_same(found, beside))) {
		free(found);
		free(beside);
		return strdup(name);
	}
	free(found);
	if (is_executable(beside))
		return beside;
	free(beside);
	return NULL;
}

/* What belongs to the installation that this program runs from, wherever it was moved to; else what was installed with it. */
char *places_document(const char *name) {
	char *directory = own_directory(), *slash = directory ? strrchr(directory, '/') : NULL;

	if (slash)
		*slash = '\0';
	char *documents = join(directory, "share/doc/smime-agent"), *path = join(documents, name);
	free(directory);
	free(documents);
	if (exists(path))
		return path;
	free(path);
	path = join(SETUP_DOCDIR, name);
	if (exists(path))
		return path;
	free(path);
	return NULL;
}

/* ---- The person's files ---- */

char *places_home(const char *name) {
	const char *home = getenv("HOME");

	return home && *home == '/' ? join(home, name) : NULL;
}

char *places_xdg(const char *variable, const char *below_home, const char *name) {
	const char *base = getenv(variable);

	if (base && *base == '/')
		return join(base, name);
	char *home = places_home(below_home), *path = join(home, name);
	free(home);
	return path;
}

char *places_expand(const char *path) {
	return path[0] == '~' && path[1] == '/' ? places_home(path + 2) : strdup(path);
}

char *places_git_config(void) {
	const char *given = getenv("GIT_CONFIG_GLOBAL");

	if (given)
		return strdup(given);
	char *classic = places_home(".gitconfig"), *xdg = places_xdg("XDG_CONFIG_HOME", ".config", "git/config");
	if (!exists(classic) && exists(xdg)) {
		free(classic);
		return xdg;
	}
	free(xdg);
	return classic;
}

/* A place where mutt or neomutt looks: below XDG_CONFIG_HOME or below HOME. */
struct place {
	bool xdg;
	const char *name;
};

static const struct place places_of_mutt[] = { { false, ".muttrc" }, { false, ".mutt/muttrc" }, { true, "mutt/muttrc" } };

static const struct place places_of_neomutt[] = { { true, "neomutt/neomuttrc" }, { true, "neomutt/muttrc" }, { true, "mutt/neomuttrc" },
	{ true, "mutt/muttrc" }, { false, ".neomutt/neomuttrc" }, { false, ".neomutt/muttrc" }, { false, ".mutt/neomuttrc" },
	{ false, ".mutt/muttrc" }, { false, ".neomuttrc" }, { false, ".muttrc" } };

/* mutt looks for each of its files with its version behind the name first: "-2.2.12". An empty text when it does not say. */
static void version_of_mutt(char *version, size_t size) {
	static const char *const argv[] = { "mutt", "-v", NULL };
	__attribute__((cleanup(run_output_clear))) struct run_output output = { 0 };
	char number[32];

	version[0] = '\0';
	if (run_program(argv, NULL, &output) == 0 && output.status == 0 && sscanf(output.out, "Mutt %31[0-9.a-z]", number) == 1)
		(void)snprintf(version, size, "-%s", number);
}

static char *place_path(const struct place *place, const char *suffix) {
	char *name = NULL, *path;

	if (asprintf(&name, "%s%s", place->name, suffix) < 0)
		return NULL;
	path = place->xdg ? places_xdg("XDG_CONFIG_HOME", ".config", name) : places_home(name);
	free(name);
	return path;
}

static char *first_of(const struct place *places, size_t count, const char *suffix) {
	for (size_t i = 0; i < 2 * count; i++) {
		if (i % 2 == 0 && !*suffix)
			continue;
		char *path = place_path(&places[i / 2], i % 2 == 0 ? suffix : "");
		if (exists(path))
			return path;
		free(path);
	}
	return NULL;
}

char *places_mutt_config(bool neomutt) {
	char version[40] = "", *path;

	if (!neomutt)
		version_of_mutt(version, sizeof(version));
	path = neomutt ? first_of(places_of_neomutt, sizeof(places_of_neomutt) / sizeof(places_of_neomutt[0]), version) :
			 first_of(places_of_mutt, sizeof(places_of_mutt) / sizeof(places_of_mutt[0]), version);
	return path ? path : places_home(neomutt ? ".neomuttrc" : ".muttrc");
}
