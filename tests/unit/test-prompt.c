/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dialogue with a pinentry that does not even begin it: it is told, and its descriptor is closed once. Whatever a process closes, another
 * thread of it may open something under the same number at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "agent/token/prompt.h"
#include "agent/wire/base.h"
#include "smime/error.h"

static int watched = -1; /* a descriptor that becomes somebody else's once it is closed */
static unsigned closed;

/* In place of the C library's, for libassuan, too. */
__attribute__((visibility("default"))) int close(int fd) {
	int r = (int)syscall(SYS_close, fd);

	if (fd == watched) {
		closed++;
		(void)!open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	return r;
}

static void a_pinentry_that_does_not_greet_is_hung_up_on_once(void **state) {
	static const char *const greetings[] = { "", "OK", "Good morning\n" };
	static const struct prompt_words words = { .what = "Enter the PIN", .label = "Test", .serial = "1" };

	for (size_t i = 0; i < ELEMENTSOF(greetings); i++) {
		struct wire_prompt_grant *grant = wire_prompt_grant_new();
		struct prompt *prompt = NULL;
		struct fault fault = { "" };
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		assert_int_equal(write(pair[1], greetings[i], strlen(greetings[i])), strlen(greetings[i]));
		(void)close(pair[1]);
		closed = 0;
		watched = pair[0];
		assert_true(prompt_open(pair[0], grant, &words, &prompt, &fault) < 0);
		watched = -1;
		assert_null(prompt);
		assert_true(fault.text[0]);
		assert_int_equal(closed, 1);
		assert_true(fcntl(pair[0], F_GETFD) >= 0);
		(void)close(pair[0]);
		wire_prompt_grant_free(grant);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pinentry_that_does_not_greet_is_hung_up_on_once),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
