/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The heads that the agent has copied to the journal, as journalctl(1) gives them.
 *
 * Anybody may write to the journal, so only what it says of its own knowledge (the uid) says whose an entry is.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include <smime/error.h>

#include "internal.h"

extern char **environ;

static int start(const char *id, uid_t owner, pid_t *ret_pid, FILE **ret_output) {
	char log[64], uid[32];
	const char *const argv[] = { "journalctl", "--quiet", "--no-pager", "--output=json",
		"--output-fields=SMIME_AUDIT_SEQ,SMIME_AUDIT_HEAD", log, uid, NULL };
	posix_spawn_file_actions_t actions;
	int pair[2];

	(void)snprintf(log, sizeof(log), "SMIME_AUDIT_LOG=%s", id);
	(void)snprintf(uid, sizeof(uid), "_UID=%u", (unsigned)owner);
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_adddup2(&actions, pair[1], STDOUT_FILENO);
	int error = posix_spawnp(ret_pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)close(pair[1]);
	*ret_output = error == 0 ? fdopen(pair[0], "re") : NULL;
	if (!*ret_output)
		(void)close(pair[0]);
	return -error;
}

static bool read_mark(const char *line, struct audit_mark *ret_mark) {
	json_t *entry = json_loads(line, 0, NULL);
	const char *seq = audit_text(entry, "SMIME_AUDIT_SEQ"), *head = audit_text(entry, "SMIME_AUDIT_HEAD");
	char *end = NULL;

	errno = 0;
	ret_mark->seq = strtoull(seq, &end, 10);
	bool good = *seq >= '0' && *seq <= '9' && !*end && errno == 0 && strlen(head) == AUDIT_HEX_BYTES - 1 &&
		audit_unhex(head, ret_mark->head) == 0;
	json_decref(entry);
	return good;
}

static int compare(const void *a, const void *b) {
	const struct audit_mark *one = a, *other = b;

	return one->seq < other->seq ? -1 : one->seq > other->seq;
}

static int read_marks(FILE *output, struct audit_mark **marks, size_t *count) {
	_cleanup_(freep) char *line = NULL;
	size_t size = 0, room = 0;
	struct audit_mark mark;

	while (*count < AUDIT_HEADS_MAX && getline(&line, &size, output) > 0) {
		if (!read_mark(line, &mark))
			continue;
		if (*count == room) {
			struct audit_mark *grown = reallocarray(*marks, room = 2 * room + 64, sizeof(mark));
			if (!grown)
				return -SMIME_E_NO_MEMORY;
			*marks = grown;
		}
		(*marks)[(*count)++] = mark;
	}
	if (*count > 0)
		qsort(*marks, *count, sizeof(mark), compare);
	return 0;
}

int audit_journal_read(const char *id, uid_t owner, struct audit_mark **ret_marks, size_t *ret_count, char **ret_message) {
	_cleanup_(freep) struct audit_mark *marks = NULL;
	size_t count = 0;
	FILE *output = NULL;
	pid_t pid = -1;
	int status = 0, r = start(id, owner, &pid, &output);

	if (r < 0)
		return audit_fail(ret_message, -SMIME_E_IO, "journalctl can't be run: %s", strerror(-r));
	r = output ? read_marks(output, &marks, &count) : -SMIME_E_NO_MEMORY;
	if (output)
		(void)fclose(output);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return r;
	if (status != 0 && count == 0)
		return audit_fail(ret_message, -SMIME_E_IO, "the journal can't be read; its words are above");
	*ret_marks = TAKE(marks);
	*ret_count = count;
	return 0;
}
