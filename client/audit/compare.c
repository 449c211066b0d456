/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a log is compared with that does not come out of it: the verification key, the agent's state, the journal. What is not there is a note.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <smime/error.h>

#include "verify.h"

/* The key's place beside a log, of which a directory or the files were named. */
static int key_beside(const struct audit_files *files, char **ret_path) {
	const char *first = files->count > 0 ? files->paths[0] : "", *slash = strrchr(first, '/');
	int n;

	if (files->directory)
		n = asprintf(ret_path, "%s/" AUDIT_KEY_FILE, files->directory);
	else
		n = asprintf(ret_path, "%.*s" AUDIT_KEY_FILE, slash ? (int)(slash - first) + 1 : 0, first);
	if (n < 0)
		*ret_path = NULL;
	return n < 0 ? -SMIME_E_NO_MEMORY : 0;
}

static int find_key(struct audit_walk *walk, const struct audit_files *files, const char *given, char **ret_message) {
	_cleanup_(freep) char *beside = NULL;
	struct audit_report *report = walk->report;

	if (!given && key_beside(files, &beside) < 0)
		return -SMIME_E_NO_MEMORY;
	if (!given && access(beside, F_OK) < 0) {
		audit_find(report, AUDIT_NOTE, NULL, 0,
			"there is no key, so MACs were not checked: who can write the log could have made another one of it");
		return 0;
	}
	if (!given)
		audit_find(report, AUDIT_NOTE, NULL, 0,
			"the verification key still lies beside the log, where whoever can write the log finds it: move it to where only "
			"its keeper can read it");
	int r = audit_key_read(given ? given : beside, walk->key, ret_message);
	report->macs_checked = r == 0;
	return r;
}

static int ask_journal(struct audit_walk *walk, const struct audit_files *files, const char *id, char **ret_message) {
	struct stat st;

	if (stat(files->paths[files->count - 1], &st) < 0)
		return audit_fail(ret_message, -SMIME_E_IO, "%s: %s", files->paths[files->count - 1], strerror(errno));
	int r = audit_journal_read(id, st.st_uid, &walk->marks, &walk->mark_count, ret_message);
	if (r == 0 && walk->mark_count == 0)
		audit_find(walk->report, AUDIT_NOTE, NULL, 0, "the journal knows nothing of this log");
	return r;
}

/* The id of the log, of its first start. */
static int take_id(void *userdata, const json_t *record) {
	char *id = userdata;

	if (strcmp(audit_text(record, "kind"), "start") != 0 || strlen(audit_text(record, "log")) != 32)
		return 0;
	(void)snprintf(id, 33, "%s", audit_text(record, "log"));
	return 1;
}

/* The state is read before the log, which may be written meanwhile. */
static int find_marks(struct audit_walk *walk, struct audit_files *files, bool journal, char **ret_message) {
	char id[33] = "";
	int r = files->directory ? audit_state_read(files->directory, id, &walk->state) : 1;

	if (r < 0)
		return r;
	walk->has_state = r == 0;
	if (files->directory && (r > 0 || walk->state.seq == 0))
		audit_find(walk->report, AUDIT_NOTE, NULL, 0,
			"%s/" AUDIT_STATE_FILE " %s: whether the end of the log was cut off was not checked", files->directory,
			r > 0 ? "can't be read" : "knows of no record yet");
	if (!journal)
		return 0;
	r = *id ? 0 : audit_each(files, take_id, id, NULL, ret_message);
	if (r < 0)
		return r;
	if (*id)
		return ask_journal(walk, files, id, ret_message);
	audit_find(walk->report, AUDIT_NOTE, NULL, 0, "no record of a start says which log this is, so the journal was not asked");
	return 0;
}

int audit_compare_with(struct audit_walk *walk, struct audit_files *files, const struct audit_verify_options *options, char **ret_message) {
	int r = find_key(walk, files, options->key, ret_message);

	return r == 0 ? find_marks(walk, files, options->journal, ret_message) : r;
}
