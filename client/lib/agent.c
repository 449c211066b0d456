/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection with the agent: one request at a time, its answer waited for. The hello goes out in one write with the first
 * request, which saves a round trip and wakes the agent once.
 *
 * Never retries a request that was sent: the agent may have used the key already.
 */
#include "agent.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/wire/limits.h"

enum { HELLO_ID = 0 }; /* ids of requests begin at 1 */

void agent_disconnect(struct smime *s) {
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	s->greeted = false;
	s->last_id = HELLO_ID;
}

/* 0; 1 when nothing answers there; -SMIME_E_NO_AGENT with a message. */
static int try_connect(struct smime *s, const char *path) {
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_(close_fdp) int fd = -1;
	int n;

	if (strlen(path) >= sizeof(address.sun_path))
		return smime_fail(
			s, SMIME_E_NO_AGENT, "%s: the path of a socket has at most %zu characters", path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return smime_fail(s, SMIME_E_NO_AGENT, "no socket can be made: %s", strerror(errno));
	do
		n = connect(fd, (const struct sockaddr *)&address, sizeof(address));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? 1 : smime_fail(s, SMIME_E_NO_AGENT, "%s: %s", path, strerror(errno));
	s->fd = take_fd(&fd);
	s->pid = getpid();
	return 0;
}

static int say_nobody_answers(struct smime *s, const char *path, bool is_default) {
	return smime_fail(s, SMIME_E_NO_AGENT, "no agent answers on %s; %s", path,
		is_default ? "start smime-agent" : "start smime-agent --socket with this path, or name another one");
}

static int agent_connect(struct smime *s) {
	_cleanup_(freep) char *path = NULL;
	bool is_default = false;
	int r = socket_find(s, &path, &is_default);

	if (r == 0)
		r = try_connect(s, path);
	if (r == 1 && is_default && s->autostart) {
		int started = agent_autostart(s);
		/* Two clients may start it at the same time: the one that lost still finds an agent. */
		r = try_connect(s, path);
		if (r == 1 && started < 0)
			return started;
	}
	return r == 1 ? say_nobody_answers(s, path, is_default) : r;
}

/*
 * Between two requests the agent has nothing to say: what can be read is the end. A child that was forked would take the answers that
 * its parent waits for, and the agent would take it for its parent.
 */
static bool is_stale(const struct smime *s) {
	struct pollfd poll_fd = { .fd = s->fd, .events = POLLIN };

	return s->pid != getpid() || poll(&poll_fd, 1, 0) != 0;
}

static int sent(struct smime *s, int r) {
	/* An agent that refuses closes early; its reason may still wait to be read. */
	if (r == -SMIME_E_AGENT_GONE)
		return 0;
	return r < 0 ? smime_fail_at(s, r, "a request to the agent") : 0;
}

/* The first request, behind the greeting. */
static int send_first(struct smime *s, const struct wire_request *request) {
	_cleanup_(wire_request_freep) struct wire_request *hello = agent_hello(s);

	if (!hello)
		return smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	return sent(s, wire_send_both(s->fd, hello, request, wire_request_it()));
}

static int take_error(struct smime *s, const struct wire_error *error) {
	const char *text = wire_text(error->text);
	int code = (int)error->code;

	if (error->code < 100 || error->code >= 900)
		return smime_fail(s, SMIME_E_PROTOCOL, "the agent answers with an unknown error (%u): %s", error->code, text);
	return smime_fail(s, code, "%s", *text ? text : smime_strerror(code));
}

static int receive_reply(struct smime *s, uint32_t id, struct wire_reply **ret_reply) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	int r = wire_receive(s->fd, wire_reply_it(), &reply, NULL);

	if (r == 1 || r == -SMIME_E_AGENT_GONE)
		return smime_fail(s, SMIME_E_AGENT_GONE, "the agent closed the connection before it answered");
	if (r < 0)
		return smime_fail_at(s, r, "the agent's answer");
	/* An agent that could not even read the request's id says so with another one. */
	if (reply->id != id && reply->body->type != WIRE_REPLY_ERROR)
		return smime_fail(s, SMIME_E_PROTOCOL, "the agent answers a request that was not made");
	*ret_reply = TAKE(reply);
	return 0;
}

static int receive_hello(struct smime *s) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	int r = receive_reply(s, HELLO_ID, &reply);

	if (r < 0)
		return r;
	if (reply->body->type == WIRE_REPLY_ERROR)
		return take_error(s, reply->body->error);
	if (reply->body->type != WIRE_REPLY_HELLO)
		return smime_fail(s, SMIME_E_PROTOCOL, "the agent does not answer the greeting");
	if (reply->body->hello->version != WIRE_VERSION)
		return smime_fail(s, SMIME_E_AGENT_VERSION, "the agent speaks version %u of the protocol, this program version %u",
			reply->body->hello->version, (unsigned)WIRE_VERSION);
	s->greeted = true;
	return 0;
}

static int call(struct smime *s, struct wire_request *request, const struct meanwhile *meanwhile, struct wire_reply **ret_reply) {
	bool first = s->fd < 0;
	int r = first ? agent_connect(s) : 0;

	request->id = ++s->last_id;
	if (r == 0)
		r = first ? send_first(s, request) : sent(s, wire_send(s->fd, request, wire_request_it(), -1));
	if (r == 0 && meanwhile)
		meanwhile->work(meanwhile->userdata);
	if (r == 0 && !s->greeted)
		r = receive_hello(s);
	return r == 0 ? receive_reply(s, request->id, ret_reply) : r;
}

/* What came of a request (`r`), and of what kind it is. */
static int take_reply(struct smime *s, int r, enum wire_reply_type expected, struct wire_reply **reply, struct wire_reply **ret_reply) {
	if (r < 0) {
		/* Whatever was on its way would be taken for the answer to the next request. */
		agent_disconnect(s);
		return r;
	}
	if ((*reply)->body->type == WIRE_REPLY_ERROR)
		return take_error(s, (*reply)->body->error);
	if ((*reply)->body->type != (int)expected) {
		agent_disconnect(s);
		return smime_fail(s, SMIME_E_PROTOCOL, "the agent's answer does not fit the request");
	}
	*ret_reply = TAKE(*reply);
	return 0;
}

int agent_call_meanwhile(struct smime *s, struct wire_request *request, const struct meanwhile *meanwhile, enum wire_reply_type expected,
	struct wire_reply **ret_reply) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	int r;

	if (!request)
		return smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	if (s->fd >= 0 && is_stale(s))
		agent_disconnect(s);
	r = call(s, request, meanwhile, &reply);
	return take_reply(s, r, expected, &reply, ret_reply);
}

int agent_call(struct smime *s, struct wire_request *request, enum wire_reply_type expected, struct wire_reply **ret_reply) {
	return agent_call_meanwhile(s, request, NULL, expected, ret_reply);
}

int agent_next(struct smime *s, enum wire_reply_type expected, struct wire_reply **ret_reply) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	int r = receive_reply(s, s->last_id, &reply);

	return take_reply(s, r, expected, &reply, ret_reply);
}
