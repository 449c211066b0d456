/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is kept to take a change back: a directory for each program, which only its owner can read, since what it holds of a
 * configuration may be secret.
 *
 * It is written before the configuration is, so that a change without a record can't be; a record without its change takes back
 * nothing.
 */
#include "work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "places.h"

static const char *const names[] = { "file", "before", "after", "settings" };
enum { NAMES = sizeof(names) / sizeof(names[0]) };

static char **member(struct setup_record *record, int i) {
	char **members[] = { &record->file, &record->before, &record->after, &record->settings };

	return members[i];
}

void setup_record_clear(struct setup_record *record) {
	for (int i = 0; i < NAMES; i++)
		free(*member(record, i));
	*record = (struct setup_record){ 0 };
}

static int say_homeless(struct setup *setup) {
	return setup_fail(setup, SMIME_E_IO, "HOME is not set, or no full path: it is not known whose configuration is meant");
}

/* The directory of this program, or a file in it. NULL: no HOME. */
static char *path_of(const struct setup *setup, const char *name) {
	char *base = places_xdg("XDG_STATE_HOME", ".local/state", "smime-agent/setup"), *path = NULL;

	if (!base || asprintf(&path, "%s/%s%s%s", base, setup->program->name, *name ? "/" : "", name) < 0)
		path = NULL;
	free(base);
	return path;
}

int setup_record_read(struct setup *setup) {
	for (int i = 0; i < NAMES; i++) {
		__attribute__((cleanup(setup_text_clear))) struct setup_text text = { 0 };
		char *path = path_of(setup, names[i]);
		int r = path ? setup_read(setup, path, &text) : say_homeless(setup);

		free(path);
		if (r < 0)
			return r;
		*member(&setup->earlier, i) = text.text;
		text.text = NULL;
	}
	if (!setup->earlier.file)
		setup_record_clear(&setup->earlier);
	return 0;
}

/* Each directory of the path that is not there. */
static int make_directories(struct setup *setup, const char *directory) {
	char *path = strdup(directory);
	int r = 0;

	if (!path)
		return setup_no_memory(setup);
	for (char *slash = strchr(path + 1, '/'); r == 0; slash = slash ? strchr(slash + 1, '/') : NULL) {
		if (slash)
			*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			r = setup_fail(setup, SMIME_E_IO, "%s: can't be made: %s", path, strerror(errno));
		if (!slash)
			break;
		*slash = '/';
	}
	free(path);
	return r;
}

static int put(struct setup *setup, const char *name, const char *text) {
	char none[] = "";
	const struct setup_text private = { .text = none, .mode = 0600, .uid = geteuid(), .gid = getegid() };
	char *path = path_of(setup, name);
	int r = 0;

	if (!path)
		return say_homeless(setup);
	if (text)
		r = setup_write(setup, path, text, &private);
	else if (unlink(path) < 0 && errno != ENOENT)
		r = setup_fail(setup, SMIME_E_IO, "%s: can't be removed: %s", path, strerror(errno));
	free(path);
	return r;
}

int setup_record_write(struct setup *setup) {
	const struct setup_record *earlier = &setup->earlier;
	/* Nobody has changed the file since the earlier change: the way back is the one to before that. */
	bool goes_on = earlier->after && setup->now.text && strcmp(earlier->after, setup->now.text) == 0;
	const char *const texts[NAMES] = { setup->result->file, goes_on ? earlier->before : setup->now.text,
		goes_on || !setup->made_before ? setup->new_text : NULL, setup->settings };
	char *directory = path_of(setup, "");
	int r = directory ? make_directories(setup, directory) : say_homeless(setup);

	free(directory);
	/* The file's name last: without it there is no record. */
	for (int i = NAMES - 1; i >= 0 && r == 0; i--)
		r = put(setup, names[i], texts[i]);
	if (r == 0 && texts[1])
		setup->result->backup = path_of(setup, names[1]);
	return r;
}

int setup_record_remove(struct setup *setup) {
	char *directory = path_of(setup, "");
	int r = 0;

	for (int i = 0; i < NAMES && r == 0; i++)
		r = put(setup, names[i], NULL);
	if (directory)
		(void)rmdir(directory);
	free(directory);
	return r;
}
