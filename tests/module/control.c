/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading $FAULTY_CONTROL; see control.h. It is read anew for every call, with nothing kept between two of them.
 */
#include "control.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 4096, LINE_MAX_BYTES = 200 };

static const char *control_path(void) {
	const char *path = getenv("FAULTY_CONTROL");

	return path ? path : "/nonexistent";
}

void control_read(struct control *control) {
	int fd = open(control_path(), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, control->text, CONTROL_MAX_BYTES) : 0;

	control->text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

/* ---- Lines ---- */

/* Takes the next line. Returns false behind the last. */
static bool next_line(const char **position, char line[LINE_MAX_BYTES]) {
	size_t len = strcspn(*position, "\n");

	if (**position == '\0')
		return false;
	(void)snprintf(line, LINE_MAX_BYTES, "%.*s", (int)len, *position);
	*position += len + ((*position)[len] == '\n');
	return true;
}

static bool is_of_commands(const char *line) {
	return strncmp(line, "C_", 2) == 0 || strncmp(line, "hide ", 5) == 0;
}

/* Codes, lengths and flags are hexadecimal, times and counts decimal; 0: the verb has no number. */
static int base_of(const char *verb) {
	static const char *const hexadecimal[] = { "fails", "length", "flags" };
	static const char *const decimal[] = { "slow", "fork", "endless" };

	for (size_t i = 0; i < 3; i++) {
		if (strcmp(verb, hexadecimal[i]) == 0)
			return 16;
		if (strcmp(verb, decimal[i]) == 0)
			return 10;
	}
	return 0;
}

/* FROM is a call to begin with, =FROM a call alone. */
static bool is_due(const char *from, unsigned long count) {
	return *from == '=' ? strtoul(from + 1, NULL, 10) == count : strtoul(from, NULL, 10) <= count;
}

static bool read_command(const char *line, const char *function, unsigned long count, struct command *ret_command) {
	char name[VERB_MAX_BYTES] = "", first[VERB_MAX_BYTES] = "", second[VERB_MAX_BYTES] = "";
	struct command command = { .verb = "" };

	if (sscanf(line, "%39s %39s %39s %39s", name, command.verb, first, second) < 2 || strcmp(name, function) != 0)
		return false;
	if (base_of(command.verb))
		command.number = strtoul(first, NULL, base_of(command.verb));
	*ret_command = command;
	return is_due(base_of(command.verb) ? second : first, count);
}

bool control_command(
	const struct control *control, const char *function, unsigned long count, unsigned index, struct command *ret_command) {
	const char *position = control->text;
	char line[LINE_MAX_BYTES];

	while (next_line(&position, line))
		if (read_command(line, function, count, ret_command) && index-- == 0)
			return true;
	return false;
}

bool control_asks(const struct control *control, const char *function, unsigned long count, const char *verb, struct command *ret_command) {
	for (unsigned i = 0; control_command(control, function, count, i, ret_command); i++)
		if (strcmp(ret_command->verb, verb) == 0)
			return true;
	return false;
}

bool control_hides(const struct control *control, const char *label) {
	struct command command;

	for (unsigned i = 0; control_command(control, "hide", 0, i, &command); i++)
		if (strncmp(label, command.verb, strlen(command.verb)) == 0)
			return true;
	return false;
}

/* ---- Words ---- */

/* What follows a word that begins so; NULL when there is none. */
static const char *find_word(const char *text, const char *beginning, char line[LINE_MAX_BYTES]) {
	char *rest, *word;

	while (next_line(&text, line)) {
		if (is_of_commands(line))
			continue;
		for (word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
			if (strncmp(word, beginning, strlen(beginning)) == 0)
				return word + strlen(beginning);
	}
	return NULL;
}

static bool has_word(const char *text, const char *wanted) {
	char line[LINE_MAX_BYTES], *rest, *word;

	while (next_line(&text, line)) {
		if (is_of_commands(line))
			continue;
		for (word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
			if (strcmp(word, wanted) == 0)
				return true;
	}
	return false;
}

bool control_says(const struct control *control, const char *word) {
	return has_word(control->text, word);
}

bool control_has(const struct control *control, const char *name, unsigned long value) {
	char word[VERB_MAX_BYTES];

	(void)snprintf(word, sizeof(word), "%s=%lu", name, value);
	return has_word(control->text, word);
}

unsigned long control_value(const struct control *control, const char *name, unsigned long otherwise) {
	char beginning[VERB_MAX_BYTES], line[LINE_MAX_BYTES];
	const char *value;

	(void)snprintf(beginning, sizeof(beginning), "%s=", name);
	value = find_word(control->text, beginning, line);
	return value ? strtoul(value, NULL, 10) : otherwise;
}

/* Whole or not at all, since other threads and processes read it meanwhile. */
static void control_write(const struct control *control) {
	char beside[PATH_MAX_BYTES];
	FILE *file;

	(void)snprintf(beside, sizeof(beside), "%s.%d.once", control_path(), (int)gettid());
	file = fopen(beside, "w");
	if (!file)
		return;
	(void)fputs(control->text, file);
	(void)fclose(file);
	(void)rename(beside, control_path());
}

bool control_once(const struct control *control, const char *word, const char *function) {
	struct control rest = *control;
	char text[VERB_MAX_BYTES], *place;

	(void)snprintf(text, sizeof(text), "%s@%s", word, function);
	if (!has_word(control->text, text))
		return false;
	place = strstr(rest.text, text);
	memset(place, ' ', strlen(text));
	control_write(&rest);
	return true;
}

void control_wait(void) {
	char path[PATH_MAX_BYTES];

	note("waits");
	(void)snprintf(path, sizeof(path), "%s.go", control_path());
	while (access(path, F_OK) < 0)
		(void)usleep(10000);
}

/* ---- The log ---- */

void note(const char *format, ...) {
	char path[PATH_MAX_BYTES], line[LINE_MAX_BYTES];
	va_list arguments;
	int fd;

	(void)snprintf(path, sizeof(path), "%s.log", control_path());
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line) - 1, format, arguments);
	va_end(arguments);
	strcat(line, "\n");
	if (fd >= 0) {
		(void)!write(fd, line, strlen(line));
		(void)close(fd);
	}
}
