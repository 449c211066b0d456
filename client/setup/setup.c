/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way that each change goes: find the file, make its new text, compare, keep the old one, write.
 */
#include "work.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct setup_program *const programs[] = { &setup_git, &setup_mutt, &setup_neomutt };

int setup_fail(struct setup *setup, int code, const char *format, ...) {
	va_list args;

	if (setup->result->message)
		return -code;
	va_start(args, format);
	if (vasprintf(&setup->result->message, format, args) < 0)
		setup->result->message = NULL;
	va_end(args);
	return -code;
}

int setup_no_memory(struct setup *setup) {
	return setup_fail(setup, SMIME_E_NO_MEMORY, "out of memory");
}

void setup_result_clear(struct setup_result *result) {
	free(result->file);
	free(result->diff);
	free(result->backup);
	free(result->message);
	*result = (struct setup_result){ 0 };
}

static bool same(const char *a, const char *b) {
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What was changed in a file that the program no longer reads must be taken back there, before anything is changed elsewhere. */
static int find_file(struct setup *setup) {
	const struct setup_record *earlier = &setup->earlier;
	int r = setup->program->find(setup);

	if (r < 0 || !earlier->file || same(earlier->file, setup->result->file))
		return r;
	if (setup->options->action != SETUP_UNDO)
		return setup_fail(setup, SMIME_E_CHANGED, "what was set up is in %s, but %s reads %s now: `smime setup %s --undo` first",
			earlier->file, setup->program->name, setup->result->file, setup->program->name);
	free(setup->result->file);
	setup->result->file = strdup(earlier->file);
	return setup->result->file ? 0 : setup_no_memory(setup);
}

static int restore(struct setup *setup) {
	setup->new_text = setup->earlier.before ? strdup(setup->earlier.before) : NULL;
	return setup->earlier.before && !setup->new_text ? setup_no_memory(setup) : 0;
}

static int make_without(struct setup *setup) {
	if (!setup->now.text)
		return 0;
	if (same(setup->earlier.after, setup->now.text))
		return restore(setup);
	int r = setup->program->take_out(setup);
	/* A file that was made for this change alone. */
	if (r == 0 && setup->new_text && !*setup->new_text && setup->earlier.after && !setup->earlier.before) {
		free(setup->new_text);
		setup->new_text = NULL;
	}
	return r;
}

/* Another program may have written to the file while its new text was made. */
static int check_unchanged(struct setup *setup) {
	__attribute__((cleanup(setup_text_clear))) struct setup_text again = { 0 };
	int r = setup_read(setup, setup->result->file, &again);

	if (r == 0 && !same(again.text, setup->now.text))
		r = setup_fail(setup, SMIME_E_CHANGED, "%s was changed meanwhile: try again", setup->result->file);
	return r;
}

static int write_file(struct setup *setup) {
	const char *file = setup->result->file;

	if (setup->new_text)
		return setup_write(setup, file, setup->new_text, &setup->now);
	if (unlink(file) < 0 && errno != ENOENT)
		return setup_fail(setup, SMIME_E_IO, "%s: can't be removed: %s", file, strerror(errno));
	return 0;
}

static int change(struct setup *setup) {
	bool undo = setup->options->action == SETUP_UNDO;
	int r = 0;

	if (setup->result->diff) {
		r = check_unchanged(setup);
		if (r == 0 && !undo)
			r = setup_record_write(setup);
		if (r == 0)
			r = write_file(setup);
		/* What a person then sets by hand must not be taken for a change that was made here. */
		if (r < 0 && !undo && !setup->earlier.file)
			(void)setup_record_remove(setup);
	}
	return r == 0 && undo ? setup_record_remove(setup) : r;
}

static int work(struct setup *setup) {
	int r = setup_record_read(setup);

	if (r == 0)
		r = find_file(setup);
	if (r == 0)
		r = setup_read(setup, setup->result->file, &setup->now);
	if (r == 0)
		r = setup->options->action == SETUP_UNDO ? make_without(setup) : setup->program->add(setup);
	if (r == 0)
		r = setup_diff(setup, setup->result->file, setup->now.text, setup->new_text, &setup->result->diff);
	return r == 0 && setup->options->action != SETUP_SHOW ? change(setup) : r;
}

int setup_run(struct smime *smime, const struct setup_options *options, struct setup_result *ret_result) {
	struct setup setup = { .smime = smime, .options = options, .result = ret_result };
	int r = -SMIME_E_USAGE;

	*ret_result = (struct setup_result){ 0 };
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(programs[i]->name, options->program) == 0)
			setup.program = programs[i];
	if (setup.program)
		r = work(&setup);
	setup_record_clear(&setup.earlier);
	setup_text_clear(&setup.now);
	free(setup.new_text);
	free(setup.settings);
	return r;
}
