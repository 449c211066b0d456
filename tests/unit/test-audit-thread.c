/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread that writes the audit log, on a disk that fails when it is told to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "agent/audit/audit.h"
#include "agent/wire/base.h"

static char directory[64];
static atomic_uint syncs;
static atomic_uint bad_sync; /* the number of the one that fails */

/* In place of the C library's. */
int fdatasync(int fd) {
	if (atomic_fetch_add(&syncs, 1) + 1 != atomic_load(&bad_sync))
		return (int)syscall(SYS_fdatasync, fd);
	errno = EIO;
	return -1;
}

/* Waits until the log is in trouble, or no longer. */
static bool await_trouble(struct audit *audit, bool expected) {
	enum { TRIES = 3000, PAUSE_US = 10000 };

	for (int i = 0; i < TRIES; i++) {
		_cleanup_(freep) char *trouble = audit_trouble(audit);

		if (trouble && (*trouble != '\0') == expected)
			return true;
		(void)usleep(PAUSE_US);
	}
	return false;
}

/* The first sync is that of a new log's state, the next ones are those of the record of the start, which nobody waits for. */
static void a_disk_that_is_well_again_is_no_trouble_any_more(void **state) {
	const struct config_audit config = { .rotate_bytes = 1 << 30 };
	struct audit *audit = NULL;
	sd_event *event = NULL;

	atomic_store(&bad_sync, 2);
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(audit_new(event, &config, directory, &audit), 0);
	assert_true(await_trouble(audit, true));
	assert_true(await_trouble(audit, false));
	assert_true(atomic_load(&syncs) > 2);
	assert_null(audit_free(audit));
	(void)sd_event_unref(event);
}

static int setup(void **state) {
	strcpy(directory, "/tmp/smime-audit-XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state) {
	char command[100];

	(void)snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_disk_that_is_well_again_is_no_trouble_any_more, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
