/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * git as it is configured where the doctor is run: whether it signs with smime-git, with which key, and whether that key is the
 * committer's.
 */
#include "programs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/setup/places.h"
#include "client/setup/run.h"

#define AREA "git"

struct setting {
	const char *scope; /* "global", "local" .. */
	const char *value; /* NULL: not set */
};

struct git {
	struct doctor *doctor;
	struct setting format, program, key, email, committer, sign_commits, sign_tags, level;
	char *mend; /* what mend() has made last */
};

/* ---- Reading ---- */

static struct setting *setting_of(struct git *git, const char *name) {
	const struct {
		const char *name;
		struct setting *setting;
	} settings[] = { { "gpg.format", &git->format }, { "gpg.x509.program", &git->program }, { "user.signingkey", &git->key },
		{ "user.email", &git->email }, { "committer.email", &git->committer }, { "commit.gpgsign", &git->sign_commits },
		{ "tag.gpgsign", &git->sign_tags }, { "gpg.mintrustlevel", &git->level } };

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strcmp(settings[i].name, name) == 0)
			return settings[i].setting;
	return NULL;
}

/* The output of `git config --list --null --show-scope`: a scope, then a name, a line end and a value, or a name alone. The last one holds. */
static void read_list(struct git *git, char *list, size_t len) {
	char *end = list + len;

	for (char *scope = list; scope < end;) {
		char *name = scope + strlen(scope) + 1;
		if (name >= end)
			return;
		char *next = name + strlen(name) + 1, *value = strchr(name, '\n');
		static const char yes[] = "true";
		if (value)
			*value++ = '\0';
		struct setting *setting = setting_of(git, name);
		if (setting)
			*setting = (struct setting){ .scope = scope, .value = value ? value : yes };
		scope = next;
	}
}

static bool is_true(const struct setting *setting) {
	static const char *const words[] = { "true", "yes", "on", "1" };

	for (size_t i = 0; setting->value && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(setting->value, words[i]) == 0)
			return true;
	return false;
}

/* ---- Looking ---- */

/* The git config that changes a setting where it stands. */
static const char *mend(struct git *git, const struct setting *setting, const char *what, const char *more) {
	const char *scope = setting->value && strcmp(setting->scope, "command") != 0 ? setting->scope : "global";
	char *text = NULL;

	if (asprintf(&text, "git config --%s %s %s", scope, what, more) < 0)
		text = NULL;
	free(git->mend);
	git->mend = text;
	return text ? text : "";
}

/* Whom git takes for the committer. */
struct committer {
	const char *name;    /* of what says it */
	struct setting from; /* value NULL: nothing does */
	bool environment;
};

static struct committer committer_of(const struct git *git) {
	const struct committer places[] = {
		{ "GIT_COMMITTER_EMAIL", { NULL, secure_getenv("GIT_COMMITTER_EMAIL") }, true },
		{ "committer.email", git->committer, false },
		{ "user.email", git->email, false },
		{ "EMAIL", { NULL, secure_getenv("EMAIL") }, true },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (places[i].from.value && *places[i].from.value)
			return places[i];
	return (struct committer){ .name = "user.email", .from = git->email };
}

#define SETUP "smime setup git --apply"

static void say_other_format(struct git *git) {
	struct doctor *doctor = git->doctor;

	if (git->program.value && strstr(git->program.value, "smime-git"))
		doctor_warning(doctor, AREA, git->format.value ? mend(git, &git->format, "gpg.format", "x509") : SETUP,
			"gpg.x509.program is %s, but git does not use it: gpg.format is %s and not x509", git->program.value,
			git->format.value ? git->format.value : "not set");
	else if (git->format.value)
		doctor_note(doctor, AREA, NULL, "git signs with %s, and not with the agent's keys", git->format.value);
	else
		doctor_note(doctor, AREA, SETUP, "git is not set up to sign with the agent's keys");
}

static bool is_own(const char *program) {
	char *own = places_own_program("smime-git"), *path = own ? places_program(own) : NULL;
	bool same = path && places_same(path, program);

	free(own);
	free(path);
	return same;
}

/* A script may add options of smime-git, since git gives none of its own. */
static bool is_script_for_own(const char *program) {
	char text[4096];
	FILE *file = fopen(program, "re");
	size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		(void)fclose(file);
	text[len] = '\0';
	return strncmp(text, "#!", 2) == 0 && strstr(text, "smime-git");
}

/* git has expanded it only since versions of late. */
static bool begins_at_home(struct git *git, const char *program) {
	char quoted[PATH_MAX + 2];

	if (strncmp(git->program.value, "~/", 2) != 0)
		return false;
	(void)snprintf(quoted, sizeof(quoted), "'%s'", program);
	doctor_warning(git->doctor, AREA, mend(git, &git->program, "gpg.x509.program", quoted),
		"gpg.x509.program is %s, and many versions of git take the ~ as it stands, so that they can't run it", git->program.value);
	return true;
}

/* Returns whether it is smime-git that git calls. */
static bool look_at_program(struct git *git) {
	const char *value = git->program.value ? git->program.value : "gpgsm";
	char *path = places_expand(value), *program = path ? places_program(path) : NULL;
	bool script = program && is_script_for_own(program);
	bool ours = program && (script || is_own(program) || strcmp(strrchr(program, '/') + 1, "smime-git") == 0);
	const char *other = mend(git, &git->program, "--unset gpg.x509.program, then", SETUP);

	if (!git->program.value)
		doctor_note(git->doctor, AREA, SETUP, "git has X.509 signatures made by gpgsm, and not with the agent's keys");
	else if (!program)
		doctor_fault(
			git->doctor, SMIME_E_IO, AREA, other, "gpg.x509.program is %s, which is not there or can't be executed", value);
	else if (!ours)
		doctor_note(git->doctor, AREA, other, "git has X.509 signatures made by %s, and not with the agent's keys", program);
	else if (!script && !is_own(program))
		doctor_warning(git->doctor, AREA, other, "git calls %s, which is of another installation than this program", program);
	else if (!begins_at_home(git, program))
		doctor_good(git->doctor, AREA, "git calls %s to sign%s", program, script ? ", a script for smime-git" : "");
	free(path);
	free(program);
	return ours;
}

static void look_at_level(struct git *git) {
	static const char *const levels[] = { "undefined", "never", "marginal", "fully" };
	const char *value = git->level.value, *to_fully = mend(git, &git->level, "gpg.minTrustLevel", "fully");

	for (size_t i = 0; value && i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcasecmp(value, levels[i]) == 0)
			return;
	if (value && strcasecmp(value, "ultimate") == 0)
		doctor_warning(git->doctor, AREA, to_fully,
			"gpg.minTrustLevel is ultimate, which no certificate has: git takes no signature for a good one");
	else if (value)
		doctor_fault(git->doctor, SMIME_E_MALFORMED, AREA, to_fully,
			"gpg.minTrustLevel is %s, which git does not know: it does not begin with anything", value);
}

static void say_other_address(struct git *git, const struct committer *committer, const char *address) {
	char unset[64];

	(void)snprintf(unset, sizeof(unset), "unset %s in the environment", committer->name);
	doctor_warning(git->doctor, AREA, committer->environment ? unset : mend(git, &committer->from, committer->name, address),
		"%s is %s, but the key's certificate is for %s: GitHub and GitLab show such commits as unverified", committer->name,
		committer->from.value, address);
}

static void look_at_email(struct git *git, const struct smime_certificate *certificate) {
	const struct committer committer = committer_of(git);
	const char *address = certificate->addresses[0];

	if (!address)
		doctor_warning(git->doctor, AREA, "sign with a key whose certificate has an address",
			"the certificate of the key has no address: GitHub and GitLab show its commits as unverified");
	else if (!committer.from.value)
		doctor_note(git->doctor, AREA, mend(git, &committer.from, committer.name, address),
			"user.email is not set: git can't tell who commits");
	else if (!keys_has_address(certificate, committer.from.value))
		say_other_address(git, &committer, address);
	else
		doctor_good(git->doctor, AREA, "%s %s is an address of the key's certificate", committer.name, committer.from.value);
}

/* Without a key git asks for the one of the committer. */
static const struct smime_certificate *look_at_key(struct git *git) {
	const struct committer committer = committer_of(git);
	bool needed = is_true(&git->sign_commits) || is_true(&git->sign_tags);
	struct programs_name name = {
		.area = AREA, .setting = "user.signingkey", .value = git->key.value, .needed = needed, .find = keys_find_for_git
	};

	if (name.value && !*name.value) {
		doctor_fault(git->doctor, SMIME_E_NO_KEY, AREA, mend(git, &git->key, "--unset", "user.signingkey"),
			"user.signingkey is empty: git names no key, not even that of the committer");
		return NULL;
	}
	if (!name.value) {
		name.setting = committer.name;
		name.value = committer.from.value;
	}
	if (!name.value || !*name.value) {
		doctor_warning(git->doctor, AREA, SETUP, "neither user.signingkey nor user.email is set: git can't name a key");
		return NULL;
	}
	name.mend = mend(git, &git->key, "user.signingkey", "KEY, with one that `smime keys` lists");
	return programs_judge_key(git->doctor, &name);
}

static void look(struct git *git) {
	if (!git->format.value || strcmp(git->format.value, "x509") != 0) {
		say_other_format(git);
		return;
	}
	if (!look_at_program(git))
		return;
	look_at_level(git);
	const struct smime_certificate *certificate = look_at_key(git);
	if (certificate)
		look_at_email(git, certificate);
}

void doctor_git(struct doctor *doctor) {
	static const char *const argv[] = { "git", "config", "--list", "--null", "--show-scope", NULL };
	__attribute__((cleanup(run_output_clear))) struct run_output output = { 0 };
	struct git git = { .doctor = doctor };
	int r = run_program(argv, NULL, &output);

	if (r < 0 || output.status == RUN_TIMED_OUT || output.status == RUN_KILLED)
		doctor_warning(doctor, AREA, NULL, "git config does not come to its end");
	else if (output.status == RUN_NOT_STARTED)
		doctor_note(doctor, AREA, NULL, "git is not installed");
	else if (output.status != 0)
		doctor_fault(doctor, SMIME_E_MALFORMED, AREA, "mend the file that git names", "git can't read its configuration: %.*s",
			(int)strcspn(output.err, "\n"), output.err);
	else {
		read_list(&git, output.out, output.out_len);
		look(&git);
	}
	free(git.mend);
}
