/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A descriptor as a source: a large regular file is read in place with pread(), so that several passes may run at once;
 * anything else is spooled first.
 *
 * Every pass gives the same bytes, since what one pass has checked is what another one releases: a file in which somebody
 * writes meanwhile is an error. What is small is copied, since the clock of the file system is too coarse for it.
 */
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "source.h"
#include "spool.h"
#include "smime/error.h"

struct file {
	int fd; /* borrowed */
	uint64_t begin, end;
	struct timespec modified, changed; /* when the source was made */
};

struct file_pass {
	const struct file *file;
	uint64_t position;
};

static int file_open(void *self, void **ret_state) {
	const struct file *file = self;
	struct file_pass *pass = malloc(sizeof(*pass));

	if (!pass)
		return -SMIME_E_NO_MEMORY;
	*pass = (struct file_pass){ .file = file, .position = file->begin };
	*ret_state = pass;
	return 0;
}

static bool differs(const struct timespec *a, const struct timespec *b) {
	return a->tv_sec != b->tv_sec || a->tv_nsec != b->tv_nsec;
}

static bool is_before(const struct timespec *a, const struct timespec *b) {
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

/* To be asked after a read, whose bytes it vouches for. */
static bool was_changed(const struct file *file) {
	struct stat st;

	return fstat(file->fd, &st) < 0 || differs(&st.st_mtim, &file->modified) || differs(&st.st_ctim, &file->changed);
}

static ssize_t file_read(void *state, uint8_t *dst, size_t cap) {
	struct file_pass *pass = state;
	uint64_t left = pass->file->end - pass->position;
	ssize_t n;

	if (left < cap)
		cap = (size_t)left;
	if (cap == 0)
		return 0;
	do
		n = pread(pass->file->fd, dst, cap, (off_t)pass->position);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -SMIME_E_IO;
	if (was_changed(pass->file))
		return -SMIME_E_CHANGED;
	pass->position += (uint64_t)n;
	return n;
}

static uint64_t file_skip(void *state, uint64_t len) {
	struct file_pass *pass = state;
	uint64_t left = pass->file->end - pass->position;

	if (len > left)
		len = left;
	pass->position += len;
	return len;
}

static const struct source_ops file_ops = {
	.open = file_open,
	.read = file_read,
	.close = free,
	.free = free,
	.skip = file_skip,
};

static int spooled_open(void *self, void **ret_state) {
	struct spool_cursor *cursor;
	int r;

	r = spool_cursor_new(self, &cursor);
	if (r < 0)
		return r;
	*ret_state = cursor;
	return 0;
}

static ssize_t spooled_read(void *state, uint8_t *dst, size_t cap) {
	return spool_read(state, dst, cap);
}

static uint64_t spooled_skip(void *state, uint64_t len) {
	return spool_skip(state, len);
}

static void spooled_close(void *state) {
	spool_cursor_free(state);
}

static void spooled_free(void *self) {
	spool_free(self);
}

static const struct source_ops spooled_ops = {
	.open = spooled_open,
	.read = spooled_read,
	.close = spooled_close,
	.free = spooled_free,
	.skip = spooled_skip,
};

static int from_spool(int fd, struct source **ret_source) {
	_cleanup_(spool_freep) struct spool *spool = NULL;
	struct source *source;
	int r;

	r = spool_new(&spool);
	if (r < 0)
		return r;
	r = spool_fill(spool, fd);
	if (r < 0)
		return r;
	source = source_new(&spooled_ops, TAKE(spool));
	if (!source)
		return -SMIME_E_NO_MEMORY;
	*ret_source = source;
	return 0;
}

static int from_file(int fd, uint64_t begin, const struct stat *st, struct source **ret_source) {
	struct file *file = malloc(sizeof(*file));
	struct source *source;

	if (!file)
		return -SMIME_E_NO_MEMORY;
	*file = (struct file){ .fd = fd, .begin = begin, .end = (uint64_t)st->st_size, .modified = st->st_mtim, .changed = st->st_ctim };
	source = source_new(&file_ops, file);
	if (!source)
		return -SMIME_E_NO_MEMORY;
	*ret_source = source;
	return 0;
}

/*
 * A change within the tick of the file system's clock in which the file was changed last would leave no trace, so that tick must be over. It
 * takes 10 ms, or somewhat more on a busy machine. A file system whose own clock runs ahead is not waited for.
 */
static int wait_for_tick(int fd, struct stat *st) {
	enum { LOOKS_MAX = 100, PAUSE_NS = 2 * 1000 * 1000 };
	struct timespec now;

	for (unsigned look = 0; look < LOOKS_MAX; look++) {
		if (clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0 || is_before(&st->st_ctim, &now) || st->st_ctim.tv_sec > now.tv_sec + 1)
			return 0;
		(void)nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
		if (fstat(fd, st) < 0)
			return -SMIME_E_IO;
	}
	return 0;
}

/* Among them the kernel's own files (/proc), which have the size 0 whatever they hold: only reading tells. */
static bool is_small(const struct stat *st, off_t begin) {
	return st->st_size - begin <= SPOOL_MEMORY_BYTES;
}

int source_from_fd(int fd, struct source **ret_source) {
	struct stat st;
	off_t begin;

	if (fstat(fd, &st) < 0)
		return -SMIME_E_IO;
	if (!S_ISREG(st.st_mode))
		return from_spool(fd, ret_source);
	begin = lseek(fd, 0, SEEK_CUR);
	if (begin < 0)
		return -SMIME_E_IO;
	if (!is_small(&st, begin) && wait_for_tick(fd, &st) < 0)
		return -SMIME_E_IO;
	if (is_small(&st, begin))
		return from_spool(fd, ret_source);
	return from_file(fd, (uint64_t)begin, &st, ret_source);
}
