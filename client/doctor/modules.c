/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PKCS #11 modules: those that the agent has, what is wrong with them, and cards that none of them knows. Loads none.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

#define AREA "module"
#define OPENSC "opensc-pkcs11.so"

static const char *base_name(const char *path) {
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* ---- Each ---- */

static bool is_any_kept(const struct pcsc *pcsc) {
	for (size_t i = 0; i < pcsc->reader_count; i++)
		if (pcsc_is_kept(&pcsc->readers[i]))
			return true;
	return false;
}

/* What is wrong with a module is often only what is wrong around it. */
static const char *mend_of_fault(const struct pcsc *pcsc) {
	if (is_any_kept(pcsc))
		return "have the program let go of the card that keeps it for itself (see holders)";
	if (pcsc->state != PCSC_ANSWERED)
		return "if it is for cards, mend pcscd first; else `pkcs11-tool --module FILE -L` shows whether it works alone";
	return "`pkcs11-tool --module FILE -L` shows whether it works alone; install what it needs, or take it out of agent.yaml or of "
	       "p11-kit's files (*.module)";
}

/* The agent's words name the module already, or do not. */
static void say_fault(struct doctor *doctor, const struct smime_module *module) {
	bool named = strstr(module->fault, module->path) != NULL;

	doctor_fault(doctor, SMIME_E_TOKEN_FAULT, AREA, mend_of_fault(pcsc_ask(doctor)), "%s%s%s", named ? "" : module->path,
		named ? "" : ": ", module->fault);
}

/* OpenSC's tokens are cards, and lie in no file that it might not be let read. */
static const char *mend_of_no_token(const struct smime_module *module) {
	if (strcmp(base_name(module->path), OPENSC) == 0)
		return NULL;
	return "if it should have one, and has it in files of its own: `readable:` or `writable:` in agent.yaml lets it have them (see "
	       "SANDBOX "
	       "in smime-agent(1))";
}

static void say_module(struct doctor *doctor, const struct smime_module *module) {
	if (access(module->path, F_OK) != 0)
		doctor_fault(doctor, SMIME_E_TOKEN_FAULT, AREA,
			"install its package, or take it out of `modules:` in agent.yaml or of p11-kit's files (*.module), wherever it is "
			"named",
			"%s: %s", module->path, strerror(errno));
	else if (access(module->path, R_OK) != 0)
		doctor_fault(doctor, SMIME_E_TOKEN_FAULT, AREA, "make it readable (chmod 644)", "%s: %s", module->path, strerror(errno));
	else if (*module->fault)
		say_fault(doctor, module);
	else if (module->tokens == 0)
		doctor_note(doctor, AREA, mend_of_no_token(module), "%s works and has no token now", module->path);
	else
		doctor_good(doctor, AREA, "%s has %u token%s", module->path, module->tokens, module->tokens == 1 ? "" : "s");
}

/* Under two names it shows every token twice; under one name with other parameters it has other tokens (NSS). */
static void say_same(struct doctor *doctor, const char *path, const char *other) {
	char real[PATH_MAX], other_real[PATH_MAX];

	if (strcmp(path, other) == 0)
		doctor_note(doctor, AREA, "right if each has an init-reserved of its own; else name it once in agent.yaml",
			"%s is there twice", path);
	else if (realpath(path, real) && realpath(other, other_real) && strcmp(real, other_real) == 0)
		doctor_warning(doctor, AREA, "name one of them in `modules:` of agent.yaml, or take the other out of p11-kit's files",
			"%s and %s are one module: its tokens are shown twice", path, other);
}

static void say_twice(struct doctor *doctor, const struct smime_status *status) {
	for (size_t i = 1; i < status->module_count; i++)
		for (size_t j = 0; j < i; j++)
			say_same(doctor, status->modules[j].path, status->modules[i].path);
}

/* ---- Cards without one ---- */

static bool has_opensc(const struct smime_status *status) {
	for (size_t i = 0; i < status->module_count; i++)
		if (strcmp(base_name(status->modules[i].path), OPENSC) == 0)
			return true;
	return false;
}

static bool is_known(const struct smime_status *status, const char *reader) {
	for (size_t i = 0; i < status->token_count; i++)
		if (strcmp(status->tokens[i].slot, reader) == 0)
			return true;
	return false;
}

/* A card that nobody lets the modules use is unknown to all of them. */
static bool is_usable(const struct pcsc *pcsc, const char *reader) {
	for (size_t i = 0; i < pcsc->reader_count; i++)
		if (strcmp(pcsc->readers[i].name, reader) == 0)
			return pcsc->readers[i].connection == PCSC_CONNECTED;
	return true;
}

static void say_unknown(struct doctor *doctor, const struct smime_status *status, const char *reader) {
	if (!has_opensc(status))
		doctor_warning(doctor, AREA,
			"install OpenSC (`sudo apt install opensc-pkcs11`), or the module of the card's maker; where agent.yaml has "
			"`modules:`, name it there",
			"no module knows the card in %s, and OpenSC's is not among them", reader);
	else
		doctor_warning(doctor, AREA,
			"`opensc-tool -n` shows what OpenSC takes it for; some cards need the module of their maker, named in `modules:` "
			"of agent.yaml",
			"no module knows the card in %s", reader);
}

static void say_cards(struct doctor *doctor, const struct smime_status *status) {
	const struct pcsc *pcsc = pcsc_ask(doctor);

	for (size_t i = 0; i < status->reader_count; i++) {
		const struct smime_reader *reader = &status->readers[i];

		if (reader->state == SMIME_READER_CARD && is_usable(pcsc, reader->name) && !is_known(status, reader->name))
			say_unknown(doctor, status, reader->name);
	}
}

static void say_all(struct doctor *doctor, const struct smime_status *status) {
	for (size_t i = 0; i < status->module_count; i++)
		say_module(doctor, &status->modules[i]);
	if (status->module_count == 0)
		doctor_fault(doctor, SMIME_E_NO_TOKEN, AREA,
			"install one (`sudo apt install opensc-pkcs11` for cards), or name one in `modules:` of agent.yaml",
			"the agent has no PKCS#11 module");
	say_twice(doctor, status);
	say_cards(doctor, status);
}

void doctor_module(struct doctor *doctor) {
	if (doctor->status)
		say_all(doctor, doctor->status);
	else
		doctor_note(doctor, AREA, NULL, "not known, since no agent answers");
}
