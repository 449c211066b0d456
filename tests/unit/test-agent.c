/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The client's end of the connection: where the socket is, what a client says first, what it makes of answers, and of an agent
 * that goes away. The agent is played by a thread.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "agent/wire/limits.h"
#include "agent/wire/secret.h"
#include "client/lib/agent.h"
#include "stride.h"

static struct smime *s;
static char place[] = "/tmp/test-agent-XXXXXX";

/* ---- The agent ---- */

enum answer { ANSWER_DONE, ANSWER_ERROR, ANSWER_WRONG_TYPE, ANSWER_WRONG_ID, ANSWER_HANG_UP, ANSWER_GARBAGE, ANSWER_EVENTS };

struct play {
	int listener;
	uint32_t version; /* in the reply to hello */
	bool refuse_hello;
	size_t connections; /* how many to serve, one request each */
	enum answer answer;
	char program[64]; /* what the client called itself */
	uint32_t request_id;
};

static void reply_error(int fd, uint32_t id, uint32_t code, const char *text) {
	struct wire_reply *reply = wire_reply_make(id, WIRE_REPLY_ERROR);

	reply->body->error->code = code;
	wire_set_text(&reply->body->error->text, text);
	wire_send(fd, reply, wire_reply_it(), -1);
	wire_reply_free(reply);
}

static void reply_plain(int fd, uint32_t id, enum wire_reply_type type) {
	struct wire_reply *reply = wire_reply_make(id, type);

	wire_send(fd, reply, wire_reply_it(), -1);
	wire_reply_free(reply);
}

static void reply_hello(int fd, const struct play *play, uint32_t id) {
	struct wire_reply *reply = wire_reply_make(id, WIRE_REPLY_HELLO);

	reply->body->hello->version = play->version;
	wire_send(fd, reply, wire_reply_it(), -1);
	wire_reply_free(reply);
}

static void send_event(int fd, uint32_t id, uint32_t kind, uint32_t number) {
	struct wire_reply *reply = wire_reply_make(id, WIRE_REPLY_EVENT);

	reply->body->event->kind = kind;
	reply->body->event->number = number;
	wire_send(fd, reply, wire_reply_it(), -1);
	wire_reply_free(reply);
}

static void answer(int fd, const struct play *play) {
	switch (play->answer) {
	case ANSWER_DONE:
		reply_plain(fd, play->request_id, WIRE_REPLY_DONE);
		break;
	case ANSWER_ERROR:
		reply_error(fd, play->request_id, SMIME_E_PIN_WRONG, "wrong PIN for the token Work");
		break;
	case ANSWER_WRONG_TYPE:
		reply_plain(fd, play->request_id, WIRE_REPLY_STATUS);
		break;
	case ANSWER_WRONG_ID:
		reply_plain(fd, play->request_id + 7, WIRE_REPLY_DONE);
		break;
	case ANSWER_GARBAGE:
		(void)!write(fd, "\0\0\0\2\5\1", 6);
		break;
	case ANSWER_EVENTS:
		send_event(fd, play->request_id, WIRE_EVENT_WATCHING, 0);
		send_event(fd, play->request_id, 12345, 1);
		send_event(fd, play->request_id, WIRE_EVENT_PROMPT_QUEUED, 3);
		send_event(fd, play->request_id, WIRE_EVENT_MISSED, 7);
		break;
	case ANSWER_HANG_UP:
		break;
	}
}

static void serve(struct play *play, int fd) {
	struct wire_request *request = NULL;

	if (wire_receive(fd, wire_request_it(), &request, NULL) != 0)
		return;
	(void)snprintf(play->program, sizeof(play->program), "%s", wire_text(request->body->hello->program));
	if (play->refuse_hello)
		reply_error(fd, request->id, SMIME_E_DENIED, "not you");
	else
		reply_hello(fd, play, request->id);
	wire_request_free(request);
	request = NULL;
	if (!play->refuse_hello && wire_receive(fd, wire_request_it(), &request, NULL) == 0) {
		play->request_id = request->id;
		answer(fd, play);
	}
	wire_request_free(request);
}

static void *perform(void *data) {
	struct play *play = data;

	for (size_t i = 0; i < play->connections; i++) {
		int fd = accept(play->listener, NULL, NULL);
		serve(play, fd);
		close(fd);
	}
	return NULL;
}

/* ---- The client ---- */

static int lock(void) {
	struct wire_request *request = wire_request_make(0, WIRE_LOCK);
	struct wire_reply *reply = NULL;
	int r = agent_call(s, request, WIRE_REPLY_DONE, &reply);

	wire_request_free(request);
	wire_reply_free(reply);
	return r;
}

static char events[256];  /* what the handler was told */
static int stopping = -1; /* the other end of what stops a watch, which the first event closes */

static int on_event(void *userdata, const struct smime_event *event) {
	const enum smime_event_kind *last = userdata;

	if (stopping >= 0)
		close(stopping);
	stopping = -1;
	(void)snprintf(events + strlen(events), sizeof(events) - strlen(events), "%s %u %u, ", event->name, event->place, event->missed);
	return event->kind == *last ? 42 : 0;
}

static int listen_at(const char *path) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

/* Until the agent has closed the connection that the last call used. */
static void await_end(void) {
	struct pollfd poll_fd = { .fd = s->fd, .events = POLLIN };

	if (s->fd >= 0)
		assert_int_equal(poll(&poll_fd, 1, 60000), 1);
}

static int watch(enum smime_event_kind last, int stop) {
	events[0] = '\0';
	return smime_watch(s, stop, on_event, &last);
}

/* Makes calls, with a connection for each of them that they make. */
static int ask_with(struct play *play, size_t calls, int (*call)(void)) {
	char path[64];
	pthread_t thread;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%s/socket", place);
	play->listener = listen_at(path);
	play->version = play->version ? play->version : WIRE_VERSION;
	play->connections = calls;
	assert_int_equal(smime_set_socket(s, path), 0);
	assert_int_equal(pthread_create(&thread, NULL, perform, play), 0);
	for (size_t i = 0; i < calls; i++) {
		r = call();
		await_end();
	}
	pthread_join(thread, NULL);
	close(play->listener);
	return r;
}

static int ask(struct play *play, size_t calls) {
	return ask_with(play, calls, lock);
}

#define says(text) assert_non_null(strstr(smime_message(s), text))

static int setup(void **state) {
	assert_non_null(mkdtemp(place));
	return smime_new(&s);
}

static int teardown(void **state) {
	char command[64];

	s = smime_free(s);
	(void)snprintf(command, sizeof(command), "rm -rf %s", place);
	return system(command);
}

static void a_client_says_who_it_is_and_asks_at_once(void **state) {
	struct play play = { 0 };

	assert_int_equal(smime_set_program(s, "my mailer"), 0);
	assert_int_equal(ask(&play, 1), 0);
	assert_string_equal(play.program, "my mailer");
	assert_int_equal(play.request_id, 1);
	assert_int_equal(smime_set_program(s, NULL), 0);
	assert_int_equal(ask(&play, 1), 0);
	assert_string_equal(play.program, "test-agent");
}

/* Puts the context on a connection that answers nothing. Returns the agent's end. */
static int pretend_connection(void) {
	struct timeval soon = { .tv_sec = 0, .tv_usec = 1000 };
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
	agent_disconnect(s);
	s->fd = ends[0];
	s->pid = getpid();
	s->greeted = true;
	return ends[1];
}

static void a_name_that_is_given_later_is_said_too(void **state) {
	int fd = pretend_connection();

	assert_int_equal(smime_set_program(s, "another"), 0);
	assert_int_equal(s->fd, -1);
	assert_int_equal(smime_set_program(s, NULL), 0);
	close(fd);
}

/* In the child: asks an agent of its own, with the copy of a context that has a connection. */
static int ask_in_child(void) {
	struct play play = { .answer = ANSWER_DONE, .version = WIRE_VERSION, .connections = 1 };
	pthread_t thread;

	play.listener = listen_at(s->socket);
	if (pthread_create(&thread, NULL, perform, &play) != 0)
		return 1;
	if (lock() < 0)
		return 2;
	pthread_join(thread, NULL);
	return 0;
}

static void a_forked_child_leaves_the_connection_to_its_parent(void **state) {
	char path[64];
	int fd, status;

	(void)snprintf(path, sizeof(path), "%s/socket", place);
	assert_int_equal(smime_set_socket(s, path), 0);
	fd = pretend_connection();
	pid_t pid = fork();
	if (pid == 0)
		_exit(ask_in_child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0), 0);
	assert_int_equal(lock(), -SMIME_E_IO); /* which the parent still uses */
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0), 1);
	close(fd);
}

/* OpenSSL itself takes random numbers for keys by way of the heap that a context sets up for the whole process. */
static int use_secrets(void) {
	struct secret secret = SECRET_EMPTY;
	uint8_t octets[32];

	if (!CRYPTO_secure_malloc_initialized())
		return 1;
	if (RAND_priv_bytes(octets, sizeof(octets)) != 1)
		return 2;
	if (secret_set(&secret, octets, sizeof(octets)) < 0)
		return 3;
	secret_clear(&secret);
	return 0;
}

static void a_forked_child_may_go_on_with_openssl(void **state) {
	int status;

	assert_int_equal(use_secrets(), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(use_secrets());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void an_error_of_the_agent_is_the_error_of_the_call(void **state) {
	assert_int_equal(ask(&(struct play){ .answer = ANSWER_ERROR }, 1), -SMIME_E_PIN_WRONG);
	assert_string_equal(smime_message(s), "wrong PIN for the token Work");
}

static void an_agent_that_hangs_up_is_gone(void **state) {
	assert_int_equal(ask(&(struct play){ .answer = ANSWER_HANG_UP }, 1), -SMIME_E_AGENT_GONE);
}

static void a_connection_that_ended_between_two_calls_is_made_anew(void **state) {
	assert_int_equal(ask(&(struct play){ .answer = ANSWER_DONE }, 3), 0);
}

static void a_refused_hello_is_told_with_its_reason(void **state) {
	assert_int_equal(ask(&(struct play){ .refuse_hello = true }, 1), -SMIME_E_DENIED);
	assert_string_equal(smime_message(s), "not you");
}

static void another_version_is_told(void **state) {
	assert_int_equal(ask(&(struct play){ .version = WIRE_VERSION + 1 }, 1), -SMIME_E_AGENT_VERSION);
	says("version 2");
}

static void an_answer_that_does_not_fit_is_a_protocol_error(void **state) {
	assert_int_equal(ask(&(struct play){ .answer = ANSWER_WRONG_TYPE }, 1), -SMIME_E_PROTOCOL);
	assert_int_equal(ask(&(struct play){ .answer = ANSWER_WRONG_ID }, 1), -SMIME_E_PROTOCOL);
	assert_int_equal(ask(&(struct play){ .answer = ANSWER_GARBAGE }, 1), -SMIME_E_PROTOCOL);
}

static int watch_to_the_end(void) {
	return watch(SMIME_EVENT_DONE, -1);
}

static int watch_one(void) {
	return watch(SMIME_EVENT_WATCHING, -1);
}

/* The one that can be read is the end of a pipe that nobody writes to any more. */
static int watch_until_stopped(void) {
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	stopping = ends[1];
	int r = watch(SMIME_EVENT_DONE, ends[0]);
	close(ends[0]);
	return r;
}

static void events_are_handed_over_until_the_agent_ends(void **state) {
	assert_int_equal(ask_with(&(struct play){ .answer = ANSWER_EVENTS }, 1, watch_to_the_end), -SMIME_E_AGENT_GONE);
	says("the agent has ended");
	assert_string_equal(events, "watching 0 0, prompt-queued 3 0, missed 0 7, "); /* the one that nobody knows is passed over */
}

static void a_watch_ends_when_the_program_has_enough(void **state) {
	assert_int_equal(ask_with(&(struct play){ .answer = ANSWER_EVENTS }, 1, watch_one), 42);
	assert_string_equal(events, "watching 0 0, ");
	assert_int_equal(ask_with(&(struct play){ .answer = ANSWER_EVENTS }, 1, watch_until_stopped), 0);
	assert_string_equal(events, "watching 0 0, ");
	assert_int_equal(ask(&(struct play){ .answer = ANSWER_DONE }, 1), 0);
}

static void a_watch_of_an_agent_that_hangs_can_be_stopped(void **state) {
	char path[64];
	int ends[2];

	(void)snprintf(path, sizeof(path), "%s/socket", place);
	int listener = listen_at(path);
	assert_int_equal(smime_set_socket(s, path), 0);
	assert_int_equal(pipe(ends), 0);
	close(ends[1]);
	(void)alarm(60); /* without an answer it would be for ever */
	assert_int_equal(watch(SMIME_EVENT_DONE, ends[0]), 0);
	(void)alarm(0);
	assert_string_equal(events, "");
	close(ends[0]);
	close(listener);
}

static void an_agent_without_events_is_told(void **state) {
	assert_int_equal(ask_with(&(struct play){ .answer = ANSWER_WRONG_TYPE }, 1, watch_to_the_end), -SMIME_E_PROTOCOL);
}

static void no_agent_is_told_with_the_socket(void **state) {
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/none", place);
	assert_int_equal(smime_set_socket(s, path), 0);
	smime_set_autostart(s, true); /* not for a socket that was named */
	assert_int_equal(lock(), -SMIME_E_NO_AGENT);
	says(path);
	assert_int_equal(smime_set_socket(s,
				 "/tmp/"
				 "012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234"
				 "567890123456789"),
		0);
	assert_int_equal(lock(), -SMIME_E_NO_AGENT);
	says("107 characters");
	smime_set_autostart(s, false);
}

/* In a child, whose descriptors then have the numbers of the standard streams. */
static int check_without_streams(const char *file) {
	for (int fd = 0; fd <= 2; fd++)
		(void)close(fd);
	if (smime_policy_check(s, file) != -SMIME_E_USAGE)
		return 1;
	return strstr(smime_message(s), "modulse") ? 0 : 2;
}

static void what_is_wrong_is_told_to_a_program_without_standard_streams(void **state) {
	char path[64];
	int status;

	/* It knows no pidfd_open(). */
	if (under_valgrind())
		skip();
	(void)snprintf(path, sizeof(path), "%s/agent.yaml", place);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "modulse: []\n", 12), 12);
	close(fd);
	pid_t pid = fork();
	if (pid == 0)
		_exit(check_without_streams(path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Nothing is read or asked: there is neither an input nor an agent. */
static int sign_as_pem(const char *label) {
	const struct smime_sign_options options = { .cms = true, .pem = true, .pem_label = label };

	return smime_sign(s, -1, -1, &options);
}

static void a_label_that_breaks_pem_is_refused(void **state) {
	static const char *const bad[] = { "A\nB", "A--B", "-A", "A-", "\303\244", "A\177" };

	for (size_t i = 0; i < ELEMENTSOF(bad); i++)
		assert_int_equal(sign_as_pem(bad[i]), -SMIME_E_USAGE);
	says("no label for PEM");
	assert_int_equal(sign_as_pem("SIGNED MESSAGE"), -SMIME_E_IO);
	assert_int_equal(sign_as_pem("PKCS-7"), -SMIME_E_IO);
	assert_int_equal(sign_as_pem(""), -SMIME_E_IO);
	assert_int_equal(sign_as_pem(NULL), -SMIME_E_IO);
}

/* As above. */
static void options_that_do_not_go_together_are_refused(void **state) {
	static const char *const to[] = { "bob@example.org" };
	static const struct smime_sign_options as_cms = { .cms = true }, as_pem = { .cms = true, .pem = true };
	static const struct smime_encrypt_options bad[] = { { .recipients = to, .recipient_count = 1, .sign = &as_cms },
		{ .recipients = to, .recipient_count = 1, .cms = true, .sign = &as_pem } };
	const struct smime_verify_options detached = { .detached = true }, beyond = { .revocation = SMIME_REVOCATION_HARD + 1 };
	const struct smime_decrypt_options detached_inside = { .verify = { .detached = true } };
	struct smime_report *report = NULL;

	for (size_t i = 0; i < ELEMENTSOF(bad); i++)
		assert_int_equal(smime_encrypt(s, -1, -1, &bad[i]), -SMIME_E_USAGE);
	says("no form of its own");
	assert_int_equal(smime_verify(s, -1, -1, &detached, &report), -SMIME_E_USAGE);
	assert_int_equal(smime_decrypt(s, -1, -1, &detached_inside, &report), -SMIME_E_USAGE);
	says("detached");
	assert_int_equal(smime_verify(s, -1, -1, &beyond, &report), -SMIME_E_USAGE);
	says("revocation");
}

static void finds(const char *expected, bool is_default) {
	char *path = NULL;
	bool found_default = !is_default;

	assert_int_equal(socket_find(s, &path, &found_default), 0);
	assert_string_equal(path, expected);
	assert_int_equal(found_default, is_default);
	free(path);
}

static void the_socket_is_found_in_the_order_of_the_contract(void **state) {
	assert_int_equal(setenv("SMIME_AGENT_SOCK", "/b", 1), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/c", 1), 0);
	assert_int_equal(smime_set_socket(s, "/a"), 0);
	finds("/a", false);
	assert_int_equal(smime_set_socket(s, NULL), 0);
	finds("/b", false);
	assert_int_equal(setenv("SMIME_AGENT_SOCK", "", 1), 0);
	finds("/c/smime-agent/agent.sock", true);
	unsetenv("SMIME_AGENT_SOCK");
	finds("/c/smime-agent/agent.sock", true);
	unsetenv("XDG_RUNTIME_DIR");
}

static void a_directory_under_tmp_must_be_ours_alone(void **state) {
	char path[64], link[64];

	(void)snprintf(path, sizeof(path), "%s/directory", place);
	(void)snprintf(link, sizeof(link), "%s/link", place);
	assert_int_equal(socket_directory_check(s, path, geteuid()), 1);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(socket_directory_check(s, path, geteuid()), 0);
	assert_int_equal(socket_directory_check(s, path, geteuid() + 1), -SMIME_E_NO_AGENT);
	assert_int_equal(chmod(path, 0750), 0);
	assert_int_equal(socket_directory_check(s, path, geteuid()), -SMIME_E_NO_AGENT);
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(socket_directory_check(s, link, geteuid()), -SMIME_E_NO_AGENT);
}

static void a_message_is_one_clean_line(void **state) {
	assert_int_equal(smime_fail(s, SMIME_E_IO, "%s", "a\nb\033[31m\177"), -SMIME_E_IO);
	assert_string_equal(smime_message(s), "a?b?[31m?");
	assert_int_equal(smime_fail(s, -SMIME_E_IO, "again: %s", smime_message(s)), -SMIME_E_IO);
	assert_string_equal(smime_message(s), "again: a?b?[31m?");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_says_who_it_is_and_asks_at_once),
		cmocka_unit_test(a_name_that_is_given_later_is_said_too),
		cmocka_unit_test(a_forked_child_leaves_the_connection_to_its_parent),
		cmocka_unit_test(a_forked_child_may_go_on_with_openssl),
		cmocka_unit_test(an_error_of_the_agent_is_the_error_of_the_call),
		cmocka_unit_test(an_agent_that_hangs_up_is_gone),
		cmocka_unit_test(a_connection_that_ended_between_two_calls_is_made_anew),
		cmocka_unit_test(a_refused_hello_is_told_with_its_reason),
		cmocka_unit_test(another_version_is_told),
		cmocka_unit_test(an_answer_that_does_not_fit_is_a_protocol_error),
		cmocka_unit_test(events_are_handed_over_until_the_agent_ends),
		cmocka_unit_test(a_watch_ends_when_the_program_has_enough),
		cmocka_unit_test(a_watch_of_an_agent_that_hangs_can_be_stopped),
		cmocka_unit_test(an_agent_without_events_is_told),
		cmocka_unit_test(no_agent_is_told_with_the_socket),
		cmocka_unit_test(what_is_wrong_is_told_to_a_program_without_standard_streams),
		cmocka_unit_test(a_label_that_breaks_pem_is_refused),
		cmocka_unit_test(options_that_do_not_go_together_are_refused),
		cmocka_unit_test(the_socket_is_found_in_the_order_of_the_contract),
		cmocka_unit_test(a_directory_under_tmp_must_be_ours_alone),
		cmocka_unit_test(a_message_is_one_clean_line),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
