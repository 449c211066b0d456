/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * git: a few settings in the person's own configuration file. git itself reads and writes them: what is set anywhere is asked for as git
 * sees it outside of any repository, and a copy of the file is changed by `git config`.
 */
#include "work.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "places.h"
#include "run.h"

enum { WANTED_MAX = 5 };

struct wanted {
	const char *name;
	char *value;
	bool set; /* it is to be written */
};

static int say_git(struct setup *setup, const struct run_output *output) {
	if (output->status == RUN_NOT_STARTED)
		return setup_fail(setup, SMIME_E_IO, "git is not installed, or not in PATH");
	if (output->status == RUN_TIMED_OUT)
		return setup_fail(setup, SMIME_E_IO, "git config does not come to its end");
	return setup_fail(setup, SMIME_E_UNSUPPORTED, "git config fails: %.*s", (int)strcspn(output->err, "\n"), output->err);
}

/* Runs git outside of repositories; status: how it may end beside 0. */
static int git(struct setup *setup, const char *const *argv, int status, struct run_output *ret_output) {
	int r = run_program(argv, &(struct run_options){ .directory = "/" }, ret_output);

	if (r < 0)
		return setup_no_memory(setup);
	return ret_output->status == 0 || ret_output->status == status ? 0 : say_git(setup, ret_output);
}

static bool is_switch(const char *name) {
	return strcmp(name, "commit.gpgsign") == 0 || strcmp(name, "tag.gpgsign") == 0;
}

/*
 * What git takes for the value, from all its files, and where that stands: a file, or "" for the environment. *ret_value: NULL when it is
 * not set; of a switch "true" or "false", however it is written.
 */
static int effective(struct setup *setup, const char *name, char **ret_value, char **ret_origin) {
	__attribute__((cleanup(run_output_clear))) struct run_output output = { 0 };
	static const char file[] = "file:";
	const char *type = is_switch(name) ? "--type=bool" : "--no-type";
	const char *argv[] = { "git", "config", "--null", "--show-origin", type, "--get", name, NULL };
	int r = git(setup, argv, 1, &output);

	*ret_value = *ret_origin = NULL;
	if (r < 0 || output.status == 1)
		return r;
	size_t len = strlen(output.out);
	if (len + 1 >= output.out_len)
		return say_git(setup, &output);
	*ret_origin = strdup(strncmp(output.out, file, sizeof(file) - 1) == 0 ? output.out + sizeof(file) - 1 : "");
	*ret_value = strdup(output.out + len + 1);
	return *ret_value && *ret_origin ? 0 : setup_no_memory(setup);
}

static int find(struct setup *setup) {
	char *path = places_git_config();
	int r = path && *path == '/' ?
		setup_resolve(setup, path, &setup->result->file) :
		setup_fail(setup, SMIME_E_IO, "HOME, or GIT_CONFIG_GLOBAL where that is set, must be a full path: git's file is not known");

	free(path);
	return r;
}

/* ---- A copy of the file, which git changes ---- */

struct copy {
	char directory[PATH_MAX];
	char file[PATH_MAX + 8];
	sigset_t signals; /* as they were before */
	bool made;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk) {
	return remove(path);
}

static void copy_clear(struct copy *copy) {
	if (!copy->made)
		return;
	(void)nftw(copy->directory, remove_one, 4, FTW_DEPTH | FTW_PHYS);
	(void)sigprocmask(SIG_SETMASK, &copy->signals, NULL);
}

/* In a directory that is ours alone, since the configuration may hold what nobody else is to read. */
static int copy_make(struct setup *setup, struct copy *copy) {
	char none[] = "";
	const struct setup_text private = { .text = none, .mode = 0600, .uid = geteuid(), .gid = getegid() };
	const char *place = getenv("TMPDIR");

	place = place && *place == '/' ? place : "/tmp";
	int n = snprintf(copy->directory, sizeof(copy->directory), "%s/smime-setup-XXXXXX", place);
	setup_hold_signals(&copy->signals);
	copy->made = n > 0 && (size_t)n < sizeof(copy->directory) && mkdtemp(copy->directory);
	if (!copy->made) {
		(void)sigprocmask(SIG_SETMASK, &copy->signals, NULL);
		return setup_fail(setup, SMIME_E_IO, "%s: no directory can be made there for a copy of %s", place, setup->result->file);
	}
	(void)snprintf(copy->file, sizeof(copy->file), "%s/config", copy->directory);
	return setup_write(setup, copy->file, setup->now.text ? setup->now.text : "", &private);
}

static int copy_take(struct setup *setup, const struct copy *copy) {
	__attribute__((cleanup(setup_text_clear))) struct setup_text text = { 0 };
	int r = setup_read(setup, copy->file, &text);

	if (r == 0) {
		setup->new_text = text.text;
		text.text = NULL;
	}
	return r;
}

static int copy_config(struct setup *setup, const struct copy *copy, const char *name, const char *value, bool unset) {
	__attribute__((cleanup(run_output_clear))) struct run_output output = { 0 };
	const char *set_argv[] = { "git", "config", "--file", copy->file, name, value, NULL };
	const char *unset_argv[] = { "git", "config", "--file", copy->file, "--fixed-value", "--unset", name, value, NULL };

	return git(setup, unset ? unset_argv : set_argv, 0, &output);
}

/* ---- Adding ---- */

/* What an earlier run has set may be replaced by this one. */
static bool is_recorded(const struct setup *setup, const char *name, const char *value) {
	size_t name_len = strlen(name), value_len = strlen(value);

	for (const char *line = setup->earlier.settings; line && *line; line += strcspn(line, "\n") + 1)
		if (strncmp(line, name, name_len) == 0 && line[name_len] == '=' && strncmp(line + name_len + 1, value, value_len) == 0 &&
			line[name_len + 1 + value_len] == '\n')
			return true;
	return false;
}

static bool is_same(const struct wanted *wanted, const char *value) {
	if (strcmp(wanted->value, value) == 0)
		return true;
	if (strcmp(wanted->name, "gpg.x509.program") != 0)
		return false;
	/* Many versions of git do not expand "~" here. */
	char *one = places_program(value), *other = places_program(wanted->value);
	bool same = one && other && places_same(one, other);
	free(one);
	free(other);
	return same;
}

/* A path as one word of a command that is shown to be typed. */
static char *as_word(const char *path) {
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+@,:%=";
	char *text = NULL;
	size_t len = 0;

	if (!path[strspn(path, plain)])
		return strdup(path);
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	fputc('\'', out);
	for (; *path; path++)
		fputs(*path == '\'' ? "'\\''" : (char[]){ *path, '\0' }, out);
	fputc('\'', out);
	return fclose(out) == 0 ? text : NULL;
}

/* Says that a setting is in the way, and what takes it away. */
static int say_conflict(struct setup *setup, const struct wanted *wanted, const char *value, const char *origin) {
	if (!*origin)
		return setup_fail(setup, SMIME_E_UNSUPPORTED,
			"%s is set to '%s' by GIT_CONFIG_.. in the environment, and not to '%s': unset that", wanted->name, value,
			wanted->value);
	char *word = as_word(origin);
	int r = setup_fail(setup, SMIME_E_UNSUPPORTED,
		"%s sets %s to '%s' already, not to '%s': what others have set is left alone; to have it replaced: git config --file %s "
		"--unset %s",
		origin, wanted->name, value, wanted->value, word ? word : origin, wanted->name);

	free(word);
	return r;
}

static int compare(struct setup *setup, struct wanted *wanted) {
	char *value = NULL, *origin = NULL;
	int r = effective(setup, wanted->name, &value, &origin);

	if (r == 0 && value && !is_same(wanted, value) && !is_recorded(setup, wanted->name, value))
		r = say_conflict(setup, wanted, value, origin);
	wanted->set = !value || !is_same(wanted, value);
	free(value);
	free(origin);
	return r;
}

/* A key that git signs with already, by way of X.509, is kept. */
static int choose_key(struct setup *setup, char **ret_key) {
	__attribute__((cleanup(setup_key_clear))) struct setup_key key = { 0 };
	char *format = NULL, *present = NULL, *email = NULL, *origins[3] = { 0 };
	int r = effective(setup, "gpg.format", &format, &origins[0]);

	if (r == 0)
		r = effective(setup, "user.signingkey", &present, &origins[1]);
	if (r == 0)
		r = effective(setup, "user.email", &email, &origins[2]);
	if (r == 0 && !setup->options->key && present && *present && format && strcmp(format, "x509") == 0) {
		*ret_key = strdup(present);
		r = *ret_key ? 0 : setup_no_memory(setup);
	} else if (r == 0) {
		r = setup_key_choose(setup, email, &key);
		*ret_key = key.name;
		key.name = NULL;
	}
	free(format);
	free(present);
	free(email);
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		free(origins[i]);
	return r;
}

static int make_wanted(struct setup *setup, struct wanted wanted[WANTED_MAX]) {
	wanted[0] = (struct wanted){ .name = "gpg.format", .value = strdup("x509") };
	wanted[1] = (struct wanted){ .name = "gpg.x509.program", .value = places_own_program("smime-git") };
	if (!wanted[1].value)
		return setup_fail(setup, SMIME_E_IO, "smime-git, which git is to call, is neither beside this program nor in PATH");
	wanted[2] = (struct wanted){ .name = "user.signingkey" };
	int r = choose_key(setup, &wanted[2].value);
	if (setup->options->sign_all) {
		wanted[3] = (struct wanted){ .name = "commit.gpgsign", .value = strdup("true") };
		wanted[4] = (struct wanted){ .name = "tag.gpgsign", .value = strdup("true") };
	}
	for (int i = 0; i < WANTED_MAX && r == 0; i++)
		if (wanted[i].name)
			r = wanted[i].value ? compare(setup, &wanted[i]) : setup_no_memory(setup);
	return r;
}

/* The record: what is set now, and of what was set before all that is not set anew. */
static int note(struct setup *setup, const struct wanted *wanted) {
	const char *before = setup->settings ? setup->settings : setup->earlier.settings ? setup->earlier.settings : "";
	char *text = strdup(before), *found = NULL, *longer = NULL;
	char begin[64];

	(void)snprintf(begin, sizeof(begin), "%s=", wanted->name);
	for (char *line = text; line && *line && !found; line += strcspn(line, "\n") + 1)
		found = strncmp(line, begin, strlen(begin)) == 0 ? line : NULL;
	if (found)
		memmove(found, found + strcspn(found, "\n") + 1, strlen(found + strcspn(found, "\n") + 1) + 1);
	if (!text || asprintf(&longer, "%s%s%s\n", text, begin, wanted->value) < 0)
		longer = NULL;
	free(text);
	free(setup->settings);
	setup->settings = longer;
	return longer ? 0 : setup_no_memory(setup);
}

static int write_wanted(struct setup *setup, const struct wanted wanted[WANTED_MAX]) {
	__attribute__((cleanup(copy_clear))) struct copy copy = { 0 };
	int r = copy_make(setup, &copy);

	for (int i = 0; i < WANTED_MAX && r == 0; i++) {
		if (!wanted[i].set)
			continue;
		r = copy_config(setup, &copy, wanted[i].name, wanted[i].value, false);
		if (r == 0)
			r = note(setup, &wanted[i]);
	}
	return r == 0 ? copy_take(setup, &copy) : r;
}

static int add(struct setup *setup) {
	struct wanted wanted[WANTED_MAX] = { 0 };
	bool any = false;
	int r = make_wanted(setup, wanted);

	setup->made_before = setup->earlier.file != NULL;
	for (int i = 0; i < WANTED_MAX; i++)
		any = any || wanted[i].set;
	if (r == 0 && any)
		r = write_wanted(setup, wanted);
	else if (r == 0 && setup->now.text && !(setup->new_text = strdup(setup->now.text)))
		r = setup_no_memory(setup);
	for (int i = 0; i < WANTED_MAX; i++)
		free(wanted[i].value);
	return r;
}

/* ---- Taking out ---- */

static int take_out_one(struct setup *setup, const struct copy *copy, const char *name, const char *value) {
	__attribute__((cleanup(run_output_clear))) struct run_output output = { 0 };
	const char *argv[] = { "git", "config", "--file", copy->file, "--get-all", name, NULL };
	int r = git(setup, argv, 1, &output);
	size_t len = strlen(value);

	if (r < 0 || output.status == 1)
		return r;
	for (const char *line = output.out; *line; line += strcspn(line, "\n") + 1)
		if (strncmp(line, value, len) == 0 && line[len] == '\n')
			return copy_config(setup, copy, name, value, true);
	char *word = as_word(setup->result->file);
	r = setup_fail(setup, SMIME_E_CHANGED,
		"%s: %s was set to '%s' and was changed by hand to '%.*s', so nothing is taken back; take it out with: git config --file "
		"%s --unset %s",
		setup->result->file, name, value, (int)strcspn(output.out, "\n"), output.out, word ? word : setup->result->file, name);
	free(word);
	return r;
}

static int take_out(struct setup *setup) {
	__attribute__((cleanup(copy_clear))) struct copy copy = { 0 };
	char *settings = strdup(setup->earlier.settings ? setup->earlier.settings : ""), *rest = settings;
	int r = settings ? copy_make(setup, &copy) : setup_no_memory(setup);

	for (char *line = NULL; r == 0 && (line = strsep(&rest, "\n"));) {
		char *value = strchr(line, '=');
		if (!value)
			continue;
		*value++ = '\0';
		r = take_out_one(setup, &copy, line, value);
	}
	free(settings);
	return r == 0 ? copy_take(setup, &copy) : r;
}

const struct setup_program setup_git = { .name = "git", .find = find, .add = add, .take_out = take_out };
