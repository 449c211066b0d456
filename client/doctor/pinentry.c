/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program that asks for PINs, or the file that has the PIN: is it there, does it answer, and could it show a prompt to who runs
 * this. Nobody is asked for anything.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"
#include "run.h"

#define AREA "pinentry"

enum { FLAVOR_MAX_BYTES = 64 };

static const char install[] =
	"install one (`sudo apt install pinentry-gnome3`, or pinentry-curses for terminals), or name another in `pin: program:` of "
	"agent.yaml";

/* ---- What it needs ---- */

enum needs { NEEDS_UNKNOWN, NEEDS_DISPLAY, NEEDS_TERMINAL };

/* What it calls itself: "gnome3", "gtk2:curses" where it has found no display and makes do with the terminal. */
static enum needs needs_of(const char *flavor) {
	static const char *const terminal[] = { "curses", "tty" };
	static const char *const display[] = { "gnome3", "gtk2", "gtk-2", "qt", "qt4", "qt5", "qt6", "tqt", "fltk", "x11", "efl", "mac" };
	const char *fallback = strchr(flavor, ':');

	for (size_t i = 0; i < sizeof(terminal) / sizeof(terminal[0]); i++)
		if (strcmp(fallback ? fallback + 1 : flavor, terminal[i]) == 0)
			return NEEDS_TERMINAL;
	for (size_t i = 0; i < sizeof(display) / sizeof(display[0]); i++)
		if (strcmp(flavor, display[i]) == 0)
			return NEEDS_DISPLAY;
	return NEEDS_UNKNOWN;
}

static bool is_set(const char *variable) {
	const char *value = secure_getenv(variable);

	return value && *value;
}

static bool has_display(void) {
	return is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
}

/* As libsmime finds the terminal that it tells the agent of. */
static bool has_terminal(void) {
	const char *named = secure_getenv("GPG_TTY");
	struct stat st;

	if (named && *named == '/' && stat(named, &st) == 0 && S_ISCHR(st.st_mode))
		return true;
	return isatty(0) || isatty(1) || isatty(2);
}

static void say_terminal(struct doctor *doctor, const char *program, const char *flavor) {
	if (!has_terminal())
		doctor_fault(doctor, SMIME_E_PIN_NO_PROMPT, AREA,
			"run it from a terminal, or set GPG_TTY to one (`export GPG_TTY=$(tty)` in the shell's rc file); on a desktop, a "
			"graphical pinentry",
			"%s (%s) asks on a terminal, and there is none here", program, flavor);
	else if (!is_set("TERM"))
		doctor_fault(doctor, SMIME_E_PIN_NO_PROMPT, AREA, "set TERM to what the terminal is",
			"%s (%s) asks on a terminal, and TERM does not say which kind this one is", program, flavor);
	else
		doctor_good(doctor, AREA, "%s (%s) can ask on this terminal", program, flavor);
}

static void say_display(struct doctor *doctor, const char *program, const char *flavor) {
	if (has_display())
		doctor_good(doctor, AREA, "%s (%s) can ask on this display", program, flavor);
	else
		doctor_fault(doctor, SMIME_E_PIN_NO_PROMPT, AREA,
			"run it from the desktop; or `ssh -X`; or name pinentry-curses in `pin: program:` of agent.yaml, which asks on the "
			"terminal",
			"%s (%s) asks on a display, and neither DISPLAY nor WAYLAND_DISPLAY is set here", program, flavor);
}

static void say_where(struct doctor *doctor, const char *program, const char *flavor) {
	enum needs needs = needs_of(flavor);

	if (needs == NEEDS_TERMINAL)
		say_terminal(doctor, program, flavor);
	else if (needs == NEEDS_DISPLAY)
		say_display(doctor, program, flavor);
	else if (*flavor)
		doctor_good(doctor, AREA, "%s (%s) answers", program, flavor);
	else
		doctor_good(doctor, AREA, "%s answers", program);
}

/* ---- Asking it what it is ---- */

/* Its greeting, then a line D with what was asked for, then OK; or an error from one that does not know the question. */
static void read_flavor(const char *output, char flavor[FLAVOR_MAX_BYTES]) {
	const char *line = strstr(output, "\nD ");

	flavor[0] = '\0';
	if (line)
		(void)snprintf(flavor, FLAVOR_MAX_BYTES, "%.*s", (int)strcspn(line + 3, "\r\n"), line + 3);
}

static void say_silent(struct doctor *doctor, const char *program, const struct run_result *result) {
	char mend[PATH_MAX + 128];

	(void)snprintf(mend, sizeof(mend), "run it to see why: `echo BYE | %s`; or name another in `pin: program:` of agent.yaml", program);
	if (result->end == RUN_LATE)
		doctor_fault(
			doctor, SMIME_E_PIN_NO_PROMPT, AREA, mend, "%s was started and does not answer; its display may hang", program);
	else if (result->end == RUN_UNSTARTED)
		doctor_fault(doctor, SMIME_E_PIN_NO_PROMPT, AREA, mend, "%s can't be started", program);
	else
		doctor_fault(doctor, SMIME_E_PIN_NO_PROMPT, AREA, mend, "%s ended with code %d and does not speak as a pinentry does",
			program, result->code);
}

static void ask(struct doctor *doctor, const char *program) {
	const char *const argv[] = { program, NULL };
	char flavor[FLAVOR_MAX_BYTES];
	struct run_result result;

	doctor_run(argv, "GETINFO flavor\nBYE\n", false, RUN_LIMIT_MS, &result);
	if (result.end != RUN_ENDED || strncmp(result.output, "OK", 2) != 0) {
		say_silent(doctor, program, &result);
		return;
	}
	read_flavor(result.output, flavor);
	say_where(doctor, program, flavor);
}

static void look_at_program(struct doctor *doctor, const char *program) {
	struct stat st;

	if (stat(program, &st) < 0)
		doctor_fault(doctor, SMIME_E_PIN_NO_PROMPT, AREA, install, "%s: %s", program, strerror(errno));
	else if (!S_ISREG(st.st_mode) || access(program, X_OK) < 0)
		doctor_fault(doctor, SMIME_E_PIN_NO_PROMPT, AREA, install, "%s is no program that this user can run", program);
	else
		ask(doctor, program);
}

/* ---- The file ---- */

static void look_at_file(struct doctor *doctor, const char *path) {
	struct stat st;

	if (stat(path, &st) < 0)
		doctor_fault(doctor, SMIME_E_PIN_NO_PROMPT, AREA,
			"make it, with the PIN in its first line and mode 600, or correct `pin: file:` in agent.yaml",
			"the file with the PIN, %s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0) || (st.st_mode & 077))
		doctor_fault(doctor, SMIME_E_PIN_NO_PROMPT, AREA,
			"make it a regular file of this user's with mode 600, and change the PIN if others could read it",
			"the file with the PIN, %s, is not for this user alone, so it is not used", path);
	else
		doctor_good(doctor, AREA, "nobody is asked: the PIN is in %s", path);
}

void doctor_pinentry(struct doctor *doctor) {
	const struct smime_status *status = doctor->status;

	if (!status || !status->pin_program) {
		doctor_note(doctor, AREA, NULL, "not known, since no agent says which program asks for PINs");
		return;
	}
	if (status->pin_file)
		look_at_file(doctor, status->pin_file);
	else
		look_at_program(doctor, status->pin_program);
}
