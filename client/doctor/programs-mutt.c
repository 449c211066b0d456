/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mutt and neomutt as they are configured, by what they say of themselves (-Q): whether their S/MIME commands are those of smime-mutt, with
 * which key they sign, and whether they know the keys that there are.
 */
#include "programs.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/setup/places.h"
#include "client/setup/run.h"

enum { VALUE_MAX_BYTES = 1024, INDEX_MAX_BYTES = 1024 * 1024 };

#define COMMANDS                                                                                                                       \
	"smime_sign_command", "smime_encrypt_command", "smime_decrypt_command", "smime_verify_command", "smime_verify_opaque_command", \
		"smime_pk7out_command", "smime_get_cert_command", "smime_get_signer_cert_command", "smime_get_cert_email_command",     \
		"smime_import_cert_command"
static const char *const commands[] = { COMMANDS };
enum { COMMANDS_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const char *const settings[] = { COMMANDS, "crypt_use_gpgme", "smime_default_key", "smime_sign_as", "smime_keys",
	"smime_certificates", "smime_self_encrypt" };
enum { SETTINGS_COUNT = sizeof(settings) / sizeof(settings[0]) };

struct mutt {
	struct doctor *doctor;
	const char *program; /* also the name of the area */
	const char *output;  /* what it has said of its settings */
	char setup[64];      /* the command that sets it up */
};

/* ---- What it says ---- */

/* mutt: `name="value"` or `name is set`; neomutt: `set name = "value"` or `set name = yes`. "" when it does not say. */
static void value_of(const struct mutt *mutt, const char *name, char value[VALUE_MAX_BYTES]) {
	size_t name_len = strlen(name), len = 0;

	value[0] = '\0';
	for (const char *line = mutt->output; *line; line += strcspn(line, "\n") + (strchr(line, '\n') ? 1 : 0)) {
		const char *at = line + (strncmp(line, "set ", 4) == 0 ? 4 : 0);
		if (strncmp(at, name, name_len) != 0 || (at[name_len] != '=' && at[name_len] != ' '))
			continue;
		at += name_len;
		at += strspn(at, " =\"");
		len = strcspn(at, "\n");
		while (len > 0 && (at[len - 1] == '"' || at[len - 1] == ' '))
			len--;
		(void)snprintf(value, VALUE_MAX_BYTES, "%.*s", (int)len, at);
	}
	if (strcmp(value, "is set") == 0 || strcmp(value, "is unset") == 0)
		(void)snprintf(value, VALUE_MAX_BYTES, "%s", value[3] == 's' ? "yes" : "no");
}

/* ---- Its commands ---- */

/* The word of a command that names smime-mutt; "" when none does. */
static void word_of(const char *command, char word[VALUE_MAX_BYTES]) {
	const char *found = strstr(command, "smime-mutt"), *begin = found;

	word[0] = '\0';
	if (!found)
		return;
	while (begin > command && !strchr(" \t'\"\\", begin[-1]))
		begin--;
	(void)snprintf(word, VALUE_MAX_BYTES, "%.*s", (int)strcspn(begin, " \t'\"\\"), begin);
}

/* Returns whether the program is set up for smime-mutt at all. */
static bool look_at_commands(const struct mutt *mutt) {
	char value[VALUE_MAX_BYTES], word[VALUE_MAX_BYTES], ours[VALUE_MAX_BYTES] = "";
	const char *other = NULL;

	for (size_t i = 0; i < COMMANDS_COUNT; i++) {
		value_of(mutt, commands[i], value);
		word_of(value, word);
		if (*word)
			(void)snprintf(ours, sizeof(ours), "%s", word);
		else if (!other)
			other = commands[i];
	}
	char *path = places_expand(ours), *program = path && *path ? places_program(path) : NULL;
	if (!*ours)
		doctor_note(mutt->doctor, mutt->program, mutt->setup, "%s is not set up for the agent's keys", mutt->program);
	else if (!program)
		doctor_fault(mutt->doctor, SMIME_E_IO, mutt->program, "install it, or mend PATH",
			"%s is to call %s, which is not there or can't be executed", mutt->program, ours);
	else if (other)
		doctor_warning(mutt->doctor, mutt->program,
			"take the line out that sets it behind the one that reads the commands of smime-agent",
			"%s of %s is not that of smime-mutt", other, mutt->program);
	else
		doctor_good(mutt->doctor, mutt->program, "%s calls %s for S/MIME", mutt->program, program);
	free(path);
	free(program);
	return *ours;
}

static void look_at_gpgme(const struct mutt *mutt) {
	char value[VALUE_MAX_BYTES];

	value_of(mutt, "crypt_use_gpgme", value);
	if (strcmp(value, "yes") == 0)
		doctor_fault(mutt->doctor, SMIME_E_UNSUPPORTED, mutt->program,
			"set crypt_use_gpgme=no in its configuration, behind whatever sets it otherwise",
			"crypt_use_gpgme is on: %s calls none of the commands of smime-mutt", mutt->program);
}

/* ---- Its keys ---- */

/* Names as mutt has them may have a number behind: 12345678.0 */
static void cut_number(char *name) {
	char *dot = strrchr(name, '.');

	if (dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1) && !strchr(name, '@'))
		*dot = '\0';
}

/* For smime-mutt "default" is the only key there is. */
static const char *meant_by(const char *name) {
	return strcmp(name, "default") == 0 ? NULL : name;
}

static struct keys_found find_key(const struct smime_keys *keys, const char *name) {
	return keys_find(keys, meant_by(name));
}

/* Whether a copy can be encrypted to the key. Who has none for that is told so elsewhere, and may want to sign alone. */
static void look_at_copies(const struct mutt *mutt, const char *key, const char *mend) {
	const struct smime_keys *keys = mutt->doctor->keys;
	char copies[VALUE_MAX_BYTES];
	size_t all = keys ? keys_encrypted_to(keys, NULL) : 0;

	value_of(mutt, "smime_self_encrypt", copies);
	if (strcmp(copies, "yes") != 0 || !*key || all == 0)
		return;
	if (!meant_by(key) && all > 1)
		doctor_warning(mutt->doctor, mutt->program, mend,
			"smime_default_key is default, and %zu keys could be meant: %s encrypts no mail, since smime_self_encrypt is set",
			all, mutt->program);
	else if (keys_encrypted_to(keys, meant_by(key)) == 0)
		doctor_warning(mutt->doctor, mutt->program, mend,
			"smime_default_key is %s, which is not encrypted to: %s encrypts no mail, since smime_self_encrypt is set", key,
			mutt->program);
}

static void look_at_key(const struct mutt *mutt) {
	char key[VALUE_MAX_BYTES], sign_as[VALUE_MAX_BYTES], mend[128];

	value_of(mutt, "smime_default_key", key);
	value_of(mutt, "smime_sign_as", sign_as);
	cut_number(key);
	cut_number(sign_as);
	(void)snprintf(mend, sizeof(mend), "%s -k KEY, with one that `smime keys` lists", mutt->setup);
	const struct programs_name name = { .area = mutt->program,
		.setting = *sign_as ? "smime_sign_as" : "smime_default_key",
		.value = *sign_as ? sign_as : key,
		.mend = mend,
		.find = find_key };
	if (!*name.value) {
		doctor_fault(mutt->doctor, SMIME_E_NO_KEY, mutt->program, mend,
			"smime_default_key is empty: %s can neither sign nor decrypt", mutt->program);
		return;
	}
	(void)programs_judge_key(mutt->doctor, &name);
	if (*sign_as && *key && mutt->doctor->keys) {
		struct keys_found found = find_key(mutt->doctor->keys, key);
		if (found.suitable + found.others == 0) {
			doctor_warning(
				mutt->doctor, mutt->program, mend, "smime_default_key is %s, which names no key that is there now", key);
			return;
		}
	}
	look_at_copies(mutt, key, mend);
}

static char *read_index(const char *path) {
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(INDEX_MAX_BYTES + 1) : NULL;
	size_t len = text ? fread(text, 1, INDEX_MAX_BYTES, file) : 0;

	if (text)
		text[len] = '\0';
	if (file)
		(void)fclose(file);
	return text;
}

/* Names of keys in it begin as fingerprints do, of certificates or, made by others, of keys. */
static bool is_name_of(const char *name, size_t len, const struct smime_key *key, const struct smime_certificate *certificate) {
	enum { NAME_MIN_DIGITS = 16 };

	return len >= NAME_MIN_DIGITS && (strncmp(certificate->fingerprint, name, len) == 0 || strncmp(key->fingerprint, name, len) == 0);
}

enum entry { ENTRY_NONE, ENTRY_OLD, ENTRY_THERE };

/* A line is "address name ..". Old: the address is there, with another certificate. */
static enum entry find_entry(const char *index, const struct smime_key *key, const struct smime_certificate *certificate) {
	const char *address = certificate->addresses[0];
	enum entry entry = ENTRY_NONE;

	for (const char *line = index; *line; line += strcspn(line, "\n"), line += *line ? 1 : 0) {
		size_t len = strcspn(line, " \t\n"), blanks = strspn(line + len, " \t");
		const char *name = line + len + blanks;

		if (len != strlen(address) || strncasecmp(line, address, len) != 0)
			continue;
		if (is_name_of(name, strcspn(name, " \t\n"), key, certificate))
			return ENTRY_THERE;
		entry = ENTRY_OLD;
	}
	return entry;
}

/* The address of a key that works now and is not in mutt's list; NULL: there is none. */
static const char *missing_in(const char *index, const struct smime_keys *keys, enum entry *ret_entry) {
	for (size_t i = 0; keys && i < keys->count; i++)
		for (size_t j = 0; j < keys->keys[i].certificate_count; j++) {
			const struct smime_certificate *certificate = &keys->keys[i].certificates[j];

			if (!certificate->addresses[0] || (certificate->cannot_sign && certificate->cannot_encrypt))
				continue;
			*ret_entry = find_entry(index, &keys->keys[i], certificate);
			if (*ret_entry != ENTRY_THERE)
				return certificate->addresses[0];
		}
	return NULL;
}

/* The path of .index in the folder that a setting names, and its text, which is the caller's to free; NULL: it can't be read. */
static char *open_index(const struct mutt *mutt, const char *setting, char path[2 * VALUE_MAX_BYTES]) {
	char directory[VALUE_MAX_BYTES];

	value_of(mutt, setting, directory);
	char *expanded = places_expand(directory);
	(void)snprintf(path, 2 * VALUE_MAX_BYTES, "%s/.index", expanded ? expanded : directory);
	free(expanded);
	return read_index(path);
}

static const char to_make_index[] = "smime-mutt keys";

static void look_at_index(const struct mutt *mutt) {
	char path[2 * VALUE_MAX_BYTES];
	char *index = open_index(mutt, "smime_keys", path);
	enum entry entry = ENTRY_NONE;
	const char *missing = index ? missing_in(index, mutt->doctor->keys, &entry) : NULL;

	if (!index)
		doctor_warning(mutt->doctor, mutt->program, to_make_index, "%s can't be read: %s knows no keys to choose from", path,
			mutt->program);
	else if (missing)
		doctor_warning(mutt->doctor, mutt->program, to_make_index, "%s is older than the keys: there is none of %s in it%s", path,
			missing, entry == ENTRY_OLD ? " with the certificate that it has now" : "");
	else
		doctor_good(mutt->doctor, mutt->program, "%s has the keys", path);
	free(index);
}

static void look_at_certificates(const struct mutt *mutt) {
	char path[2 * VALUE_MAX_BYTES];
	char *index = open_index(mutt, "smime_certificates", path);

	if (!index)
		doctor_warning(
			mutt->doctor, mutt->program, to_make_index, "%s can't be read: %s knows nobody to encrypt to", path, mutt->program);
	free(index);
}

/* ---- Asking ---- */

static void look(const struct mutt *mutt, const char *errors) {
	if (*errors)
		doctor_warning(mutt->doctor, mutt->program, "mend the line that it names", "%s finds an error in its configuration: %.*s",
			mutt->program, (int)strcspn(errors, "\n"), errors);
	if (!look_at_commands(mutt))
		return;
	look_at_gpgme(mutt);
	look_at_key(mutt);
	look_at_index(mutt);
	look_at_certificates(mutt);
}

static void examine(struct doctor *doctor, const char *program) {
	__attribute__((cleanup(run_output_clear))) struct run_output output = { 0 };
	const char *argv[1 + 2 * SETTINGS_COUNT + 1] = { program };
	struct mutt mutt = { .doctor = doctor, .program = program };

	(void)snprintf(mutt.setup, sizeof(mutt.setup), "smime setup %s --apply", program);
	for (size_t i = 0; i < SETTINGS_COUNT; i++) {
		argv[1 + 2 * i] = "-Q";
		argv[2 + 2 * i] = settings[i];
	}
	int r = run_program(argv, NULL, &output);
	mutt.output = output.out;
	if (r == 0 && output.status == RUN_NOT_STARTED)
		doctor_note(doctor, program, NULL, "%s is not installed", program);
	else if (r < 0 || output.status < 0)
		doctor_warning(doctor, program, "look for a command in its configuration that waits for something",
			"`%s -Q smime_keys` does not come to its end", program);
	else if (output.status != 0 && !strstr(output.out, "smime_sign_command"))
		doctor_warning(doctor, program, NULL, "%s does not say how it is configured: %.*s", program, (int)strcspn(output.err, "\n"),
			output.err);
	else
		look(&mutt, output.err);
}

void doctor_mutt(struct doctor *doctor) {
	examine(doctor, "mutt");
}

void doctor_neomutt(struct doctor *doctor) {
	examine(doctor, "neomutt");
}
