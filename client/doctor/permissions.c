/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The person's own directories: nobody else may write where the agent believes what it reads, and certificates there are to be readable.
 * agent.yaml itself is judged with what is in it.
 */
#include "probe.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own-paths.h"

#define AREA "permissions"

/* Whether it is there and well; adds a finding when it is not well. `forbidden`: bits of the mode. */
static bool examine_directory(struct doctor *doctor, const char *path, mode_t forbidden, const char *danger) {
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT)
			doctor_fault(doctor, SMIME_E_IO, AREA, "make it a directory of yours", "%s: %s", path, strerror(errno));
		return false;
	}
	if (!S_ISDIR(st.st_mode))
		doctor_fault(doctor, SMIME_E_IO, AREA, "make it a directory of yours", "%s is no directory", path);
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		doctor_fault(doctor, SMIME_E_IO, AREA, "give it back to yourself with `chown`", "%s belongs to user %u: %s", path,
			(unsigned)st.st_uid, danger);
	else if (st.st_mode & forbidden)
		doctor_fault(doctor, SMIME_E_IO, AREA, "`chmod 700` for that directory", "%s is open to others (mode %04o): %s", path,
			(unsigned)(st.st_mode & 07777), danger);
	else
		return true;
	return false;
}

/* As libsmime chooses what it reads there. */
static bool is_certificate_name(const char *name) {
	static const char *const endings[] = { ".pem", ".der", ".crt", ".cer" };
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (len > strlen(endings[i]) && strcasecmp(name + len - strlen(endings[i]), endings[i]) == 0)
			return true;
	return false;
}

/* What libsmime would pass over without a word, since its neighbours are good all the same. */
static void examine_content(struct doctor *doctor, const char *path, const char *name) {
	struct smime_certificates *certificates = NULL;

	if (!is_certificate_name(name))
		doctor_note(doctor, AREA, "name it so if it is a certificate",
			"%s is not read: its name does not end in .pem, .der, .crt or .cer", path);
	else if (smime_certificates(doctor->smime, path, &certificates) < 0)
		doctor_warning(
			doctor, AREA, "take it away, or put the certificate there in PEM or DER", "%s", smime_message(doctor->smime));
	(void)smime_certificates_free(certificates);
}

static void examine_file(struct doctor *doctor, const char *directory, const char *name) {
	char path[PATH_MAX + NAME_MAX + 2];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	if (stat(path, &st) < 0 || access(path, R_OK) < 0)
		doctor_warning(
			doctor, AREA, "give yourself the right to read it, or take it away", "%s can't be read: %s", path, strerror(errno));
	else if (S_ISREG(st.st_mode) && (st.st_mode & 022))
		doctor_warning(doctor, AREA, "`chmod go-w` for that file",
			"%s can be written to by others, who could have you encrypt to a key of theirs", path);
	else if (S_ISREG(st.st_mode))
		examine_content(doctor, path, name);
}

static void examine_files(struct doctor *doctor, const char *path) {
	DIR *directory = opendir(path);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			examine_file(doctor, path, entry->d_name);
	if (directory)
		(void)closedir(directory);
}

void doctor_permissions(struct doctor *doctor) {
	char config[PATH_MAX], certificates[PATH_MAX], state[PATH_MAX];
	size_t before = doctor_count(doctor);

	if (!own_paths_config("", config) || !own_paths_config("certificates", certificates) || !own_paths_state(state)) {
		doctor_fault(doctor, SMIME_E_IO, AREA, "set HOME", "there is no home directory for agent.yaml and certificates");
		return;
	}
	(void)examine_directory(doctor, config, 022, "they could have the agent load a module of theirs");
	if (examine_directory(doctor, certificates, 022, "they could have you encrypt to a key of theirs"))
		examine_files(doctor, certificates);
	(void)examine_directory(doctor, state, 077, "the agent does not start with it");
	if (doctor_count(doctor) == before)
		doctor_good(doctor, AREA, "nobody else can write to %s, to its certificates and to %s", config, state);
}
