/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the audit log is gone on with: behind its last record, whatever a crash, a full disk or a person has made of it.
 *
 * The state may be older than the log, since it is written behind it: records that follow it and bear the right MAC are taken, and bring it up to
 * date. What else is found is left as it is and told in the next record; to judge it is for whoever verifies.
 */
#include "log-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/evp.h>
#include <smime/error.h>

#include "agent/wire/audit-lines.h"

enum { LOCK_STEP_MS = 50 };

/* ---- Walking the records ---- */

struct walk {
	struct audit_chain *chain;
	bool any;
	uint64_t first, last; /* numbers */
	uint64_t end;         /* of the last record, in the file */
	uint8_t head[AUDIT_HASH_BYTES];
	bool ended;
};

/* Takes a record that comes behind the state. False: it is not one of ours. */
static bool follow(struct audit_chain *chain, const struct audit_line *line, const uint8_t hash[AUDIT_HASH_BYTES]) {
	if (line->seq != chain->seq || memcmp(line->prev, chain->head, sizeof(chain->head)) != 0 ||
		!audit_line_is_genuine(line, chain->key) || audit_key_step(chain->key) < 0)
		return false;
	memcpy(chain->head, hash, sizeof(chain->head));
	chain->seq++;
	return true;
}

static int visit(struct walk *walk, const struct audit_lines *lines) {
	static const char end[] = "\"kind\":\"end\"";
	uint8_t hash[AUDIT_HASH_BYTES];
	struct audit_line line;

	/* One that lacks nothing but its end is one: it gets that with the next batch. */
	if (!lines->begins || audit_line_read(lines->line, &line) < 0)
		return 0;
	int r = audit_hash(lines->line, hash);
	if (r < 0)
		return r;
	/* Of those that are older than the state there is no key any more. */
	if (line.seq >= walk->chain->seq && !follow(walk->chain, &line, hash))
		return 0;
	if (!walk->any)
		walk->first = line.seq;
	walk->any = true;
	walk->last = line.seq;
	walk->end = lines->offset;
	walk->ended = memmem(lines->line.data, lines->line.len, end, sizeof(end) - 1) != NULL;
	memcpy(walk->head, hash, sizeof(hash));
	return 0;
}

static int walk_file(struct walk *walk, int fd) {
	_cleanup_(audit_lines_close) struct audit_lines lines = { 0 };
	int r = audit_lines_open(fd, &lines);

	while (r >= 0 && (r = audit_lines_next(&lines)) > 0)
		r = visit(walk, &lines);
	return r;
}

/* ---- The files ---- */

/* The name of the last file that was filled, by its number. False: there is none. */
static bool find_last_full(int directory_fd, char *ret_name, size_t size) {
	int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	*ret_name = '\0';
	if (!directory) {
		close_fdp(&fd);
		return false;
	}
	while ((entry = readdir(directory)))
		if (strncmp(entry->d_name, AUDIT_FULL_PREFIX, sizeof(AUDIT_FULL_PREFIX) - 1) == 0 && strlen(entry->d_name) < size &&
			strcmp(entry->d_name, ret_name) > 0)
			(void)snprintf(ret_name, size, "%s", entry->d_name);
	(void)closedir(directory);
	return *ret_name;
}

int audit_log_open_file(struct audit_log *log, bool fresh) {
	int flags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (fresh ? O_EXCL : 0);
	struct stat st;

	log->fd = openat(log->directory_fd, AUDIT_FILE, flags, 0600);
	if (log->fd < 0 || fstat(log->fd, &st) < 0 || fsync(log->directory_fd) < 0)
		return audit_log_fail(log, -SMIME_E_IO, errno, "the audit log can't be opened: %s/" AUDIT_FILE, log->directory);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		return audit_log_fail(
			log, -SMIME_E_IO, 0, "the audit log can't be used: others could have written %s/" AUDIT_FILE, log->directory);
	return 0;
}

/* The file that was filled last, where the one that is written to holds no record. */
static int walk_last_full(struct audit_log *log, struct walk *walk) {
	char name[sizeof(log->full)];
	int r = 0;

	if (!find_last_full(log->directory_fd, name, sizeof(name)))
		return 0;
	_cleanup_(close_fdp) int fd = openat(log->directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || (r = walk_file(walk, fd)) < 0)
		return audit_log_fail(log, -SMIME_E_IO, errno, "the audit log can't be read: %s/%s", log->directory, name);
	walk->end = 0;
	walk->first = walk->chain->seq;
	return 0;
}

/* ---- What is wrong with them ---- */

static int hash_rest(int fd, uint64_t begin, uint64_t end, struct audit_found *found) {
	size_t len = (size_t)(end - begin);
	_cleanup_(freep) uint8_t *rest = malloc(len);

	if (!rest)
		return -SMIME_E_NO_MEMORY;
	if (pread(fd, rest, len, (off_t)begin) != (ssize_t)len)
		return -SMIME_E_IO;
	found->torn_bytes = len;
	return audit_hash((struct bytes){ rest, len }, found->torn_hash);
}

static int find_torn(struct audit_log *log, uint64_t begin) {
	struct stat st;
	char last = '\n';

	if (fstat(log->fd, &st) < 0 || (st.st_size > 0 && pread(log->fd, &last, 1, st.st_size - 1) != 1))
		return audit_log_fail(log, -SMIME_E_IO, errno, "the audit log can't be read: %s/" AUDIT_FILE, log->directory);
	log->size = (uint64_t)st.st_size;
	log->found.open_line = last != '\n';
	if (log->size <= begin)
		return 0;
	if (log->size - begin > AUDIT_TORN_MAX_BYTES)
		return audit_log_fail(log, -SMIME_E_IO, 0,
			"the audit log can't be gone on with: %s/" AUDIT_FILE " ends in %llu octets that are no records", log->directory,
			(unsigned long long)(log->size - begin));
	return hash_rest(log->fd, begin, log->size, &log->found) < 0 ?
		audit_log_fail(log, -SMIME_E_IO, errno, "the audit log can't be read: %s/" AUDIT_FILE, log->directory) :
		0;
}

static void judge(struct audit_log *log, const struct walk *walk) {
	struct audit_chain *chain = &log->state.chain;
	uint64_t next = walk->any ? walk->last + 1 : 0;

	log->found.ended = walk->ended;
	if (next >= chain->seq)
		return;
	log->found.missing = true;
	log->found.missing_from = next;
	log->found.missing_to = chain->seq - 1;
	/* What is gone is said once; what follows fits what there is. */
	if (walk->any)
		memcpy(chain->head, walk->head, sizeof(chain->head));
}

static int find_end(struct audit_log *log) {
	struct walk walk = { .chain = &log->state.chain };
	int r = walk_file(&walk, log->fd);

	if (r < 0)
		return audit_log_fail(log, -SMIME_E_IO, errno, "the audit log can't be read: %s/" AUDIT_FILE, log->directory);
	if (!walk.any)
		r = walk_last_full(log, &walk);
	if (r == 0)
		r = find_torn(log, walk.end);
	if (r < 0)
		return r;
	log->first = walk.any ? walk.first : log->state.chain.seq;
	judge(log, &walk);
	return 0;
}

/* ---- Opening ---- */

static int lock(struct audit_log *log) {
	for (int waited = 0; flock(log->directory_fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return audit_log_fail(log, -SMIME_E_IO, errno, "the audit log can't be locked: %s", log->directory);
		if (waited >= AUDIT_LOCK_MAX_MS)
			return audit_log_fail(log, -SMIME_E_IO, 0,
				"another smime-agent writes the audit log in %s; end it, or give this one its own with audit: path:",
				log->directory);
		(void)nanosleep(&(struct timespec){ .tv_nsec = LOCK_STEP_MS * 1000000L }, NULL);
	}
	return 0;
}

static int open_directory(struct audit_log *log) {
	struct stat st;

	if (mkdir(log->directory, 0700) < 0 && errno != EEXIST)
		return audit_log_fail(log, -SMIME_E_IO, errno, "the audit log's directory can't be made: %s", log->directory);
	log->directory_fd = open(log->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (log->directory_fd < 0 || fstat(log->directory_fd, &st) < 0)
		return audit_log_fail(log, -SMIME_E_IO, errno, "the audit log's directory can't be opened: %s", log->directory);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return audit_log_fail(log, -SMIME_E_IO, 0, "the audit log can't be used: others could write in %s", log->directory);
	return lock(log);
}

/* A log without its key can't be gone on with, and is not thrown away for a new one. */
static int make_state(struct audit_log *log) {
	char name[sizeof(log->full)];

	if (faccessat(log->directory_fd, AUDIT_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
		find_last_full(log->directory_fd, name, sizeof(name)))
		return audit_log_fail(log, -SMIME_E_IO, 0,
			"the audit log has lost its key: there are records in %s but no file " AUDIT_STATE_FILE
			"; move the directory away to begin another log",
			log->directory);
	int r = audit_state_create(log->directory_fd, &log->state);
	return r < 0 ? audit_log_fail(log, r, errno, "the audit log can't be begun in %s", log->directory) : 0;
}

static int load_state(struct audit_log *log) {
	int r = audit_state_load(log->directory_fd, &log->state);

	if (r > 0)
		return make_state(log);
	if (r == -SMIME_E_MALFORMED)
		return audit_log_fail(log, -SMIME_E_IO, 0,
			"the audit log has lost its key: %s/" AUDIT_STATE_FILE " is damaged; move the directory away to begin another log",
			log->directory);
	return r < 0 ? audit_log_fail(log, r, errno, "the state of the audit log can't be read: %s/" AUDIT_STATE_FILE, log->directory) : 0;
}

int audit_log_open(struct audit_log *log) {
	log->found = (struct audit_found){ 0 };
	int r = open_directory(log);

	if (r == 0)
		r = load_state(log);
	if (r == 0)
		r = audit_log_open_file(log, false);
	if (r == 0)
		r = find_end(log);
	if (r == 0)
		log->greeting = log->was_open ? AUDIT_GREET_RESUME : AUDIT_GREET_START;
	return r;
}

void audit_log_close(struct audit_log *log) {
	close_fdp(&log->fd);
	close_fdp(&log->directory_fd); /* with its lock */
	log->fd = log->directory_fd = -1;
	log->dirty = false;
	audit_state_clear(&log->state);
}
