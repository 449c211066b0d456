/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime_status(), and what is asked of a whole token: unlock, lock, a new PIN.
 */
#include <strings.h>

#include "agent.h"
#include "describe.h"
#include "keyring.h"

struct status_object {
	struct smime_status status; /* first: its address is the object's */
	struct arena arena;
};

static int fetch(struct smime *s, struct wire_reply **ret_reply) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, WIRE_STATUS);

	return agent_call(s, request, WIRE_REPLY_STATUS, ret_reply);
}

static void describe_token(struct arena *arena, const struct wire_token_status *from, struct smime_token *token) {
	struct bytes id = wire_octets(from->token->id);

	token->id = arena_hex(arena, id.data, id.len);
	token->label = arena_text(arena, wire_text(from->token->label));
	token->manufacturer = arena_text(arena, wire_text(from->token->manufacturer));
	token->model = arena_text(arena, wire_text(from->token->model));
	token->serial = arena_text(arena, wire_text(from->token->serial));
	token->module = arena_text(arena, wire_text(from->token->module));
	token->slot = arena_text(arena, wire_text(from->token->slot));
	/* An agent of a later version may know more; who calls indexes tables with these. */
	token->state = from->state <= SMIME_TOKEN_FAILED ? (enum smime_token_state)from->state : SMIME_TOKEN_FAILED;
	token->pin = from->pin <= SMIME_PIN_UNSET ? (enum smime_pin_state)from->pin : SMIME_PIN_OK;
	token->unlocked = from->unlocked;
	token->keys = from->keys;
	token->queued = from->queued;
	token->fault = arena_text(arena, wire_text(from->fault));
	token->tries_lost = from->tries_lost;
	token->tries_left = from->tries_left;
}

static void describe_tokens(struct arena *arena, STACK_OF(wire_token_status) *from, struct smime_status *status) {
	int count = sk_wire_token_status_num(from);
	struct smime_token *tokens = arena_alloc(arena, (size_t)count, sizeof(*tokens));

	for (int i = 0; tokens && i < count; i++)
		describe_token(arena, sk_wire_token_status_value(from, i), &tokens[i]);
	status->tokens = tokens;
	status->token_count = tokens ? (size_t)count : 0;
}

static void describe_modules(struct arena *arena, STACK_OF(wire_module_status) *from, struct smime_status *status) {
	int count = sk_wire_module_status_num(from);
	struct smime_module *modules = arena_alloc(arena, (size_t)count, sizeof(*modules));

	for (int i = 0; modules && i < count; i++) {
		const struct wire_module_status *module = sk_wire_module_status_value(from, i);
		modules[i].path = arena_text(arena, wire_text(module->path));
		modules[i].fault = arena_text(arena, wire_text(module->fault));
		modules[i].tokens = module->tokens;
	}
	status->modules = modules;
	status->module_count = modules ? (size_t)count : 0;
}

static void describe_readers(struct arena *arena, const struct wire_status_reply *from, struct smime_status *status) {
	int count = sk_wire_reader_num(from->readers);
	struct smime_reader *readers = arena_alloc(arena, (size_t)count, sizeof(*readers));

	for (int i = 0; readers && i < count; i++) {
		const struct wire_reader *reader = sk_wire_reader_value(from->readers, i);
		readers[i].name = arena_text(arena, wire_text(reader->name));
		readers[i].state = reader->state <= SMIME_READER_MUTE ? (enum smime_reader_state)reader->state : SMIME_READER_MUTE;
	}
	status->reader_fault = arena_text(arena, wire_text(from->reader_fault));
	status->readers = readers;
	status->reader_count = readers ? (size_t)count : 0;
}

static void describe_line(struct arena *arena, STACK_OF(wire_prompt_status) *from, struct smime_status *status) {
	int count = sk_wire_prompt_status_num(from);
	struct smime_prompt *line = arena_alloc(arena, (size_t)count, sizeof(*line));

	for (int i = 0; line && i < count; i++) {
		const struct wire_prompt_status *prompt = sk_wire_prompt_status_value(from, i);
		struct bytes id = wire_octets(prompt->token);
		line[i].token_id = arena_hex(arena, id.data, id.len);
		line[i].token_label = arena_text(arena, wire_text(prompt->label));
		line[i].text = arena_text(arena, wire_text(prompt->text));
	}
	status->line = line;
	status->line_count = line ? (size_t)count : 0;
}

static void describe_agent(struct arena *arena, const struct wire_status_reply *from, const char *socket, struct smime_status *status) {
	status->agent_version = arena_text(arena, wire_text(from->agent_version));
	status->socket = arena_text(arena, socket);
	status->pid = from->pid;
	status->clients = from->clients;
	status->prompts = from->prompts;
	status->pin_program = arena_text(arena, from->pin_program ? wire_text(from->pin_program) : NULL);
	status->pin_file = arena_text(arena, from->pin_file ? wire_text(from->pin_file) : NULL);
	status->audit_directory = arena_text(arena, from->audit_directory ? wire_text(from->audit_directory) : NULL);
	status->audit_fault = arena_text(arena, from->audit_fault ? wire_text(from->audit_fault) : NULL);
	status->rules_read = from->rules_read ? describe_time(from->rules_read) : 0;
	describe_readers(arena, from, status);
	describe_modules(arena, from->modules, status);
	describe_tokens(arena, from->tokens, status);
	describe_line(arena, from->line, status);
}

SMIME_API int smime_status(struct smime *s, struct smime_status **ret_status) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	_cleanup_(freep) char *socket = NULL;
	bool is_default;
	struct status_object *object;
	int r = fetch(s, &reply);

	if (r == 0)
		r = socket_find(s, &socket, &is_default);
	if (r < 0)
		return r;
	object = calloc(1, sizeof(*object));
	if (object)
		describe_agent(&object->arena, reply->body->status, socket, &object->status);
	if (!object || arena_failed(&object->arena)) {
		(void)smime_status_free(object ? &object->status : NULL);
		return smime_fail(s, SMIME_E_NO_MEMORY, "out of memory");
	}
	*ret_status = &object->status;
	return 0;
}

SMIME_API struct smime_status *smime_status_free(struct smime_status *status) {
	struct status_object *object = (struct status_object *)status;

	if (object)
		arena_clear(&object->arena);
	free(object);
	return NULL;
}

enum { TOKEN_ID_PREFIX_MIN_DIGITS = 4 };

static bool is_id_prefix(const char *name, struct bytes id) {
	struct arena arena = { 0 };
	const char *hex = arena_hex(&arena, id.data, id.len);
	size_t len = strlen(name);
	bool fits = hex && len >= TOKEN_ID_PREFIX_MIN_DIGITS && strncasecmp(hex, name, len) == 0;

	arena_clear(&arena);
	return fits;
}

static bool token_is(const struct wire_token *token, const char *name) {
	return strcmp(wire_text(token->label), name) == 0 || strcmp(wire_text(token->serial), name) == 0 ||
		is_id_prefix(name, wire_octets(token->id));
}

/* A token that is reached through two modules is one. */
static bool is_same(const struct wire_token *a, const struct wire_token *b) {
	struct bytes id = wire_octets(b->id);

	return wire_octets_equal(a->id, id.data, id.len);
}

/* *ret_token: in the reply, or NULL when it has none of that name. */
static int find_token(struct smime *s, const struct wire_reply *reply, const char *name, const struct wire_token **ret_token) {
	const STACK_OF(wire_token_status) *tokens = reply->body->status->tokens;
	const struct wire_token *found = NULL;

	for (int i = 0; i < sk_wire_token_status_num(tokens); i++) {
		const struct wire_token *token = sk_wire_token_status_value(tokens, i)->token;
		if (!token_is(token, name))
			continue;
		if (found && !is_same(found, token))
			return smime_fail(s, SMIME_E_NO_TOKEN,
				"several tokens are called %s; name one by its serial number (smime status shows it)", name);
		found = token;
	}
	*ret_token = found;
	return 0;
}

/* A status tells what is known; a listing of keys waits for tokens that are being looked for. */
static int wait_for_tokens(struct smime *s) {
	_cleanup_(keyring_freep) struct keyring *keyring = NULL;

	return keyring_fetch(s, &keyring);
}

/* Sets the id of the token that a person names. */
static int name_token(struct smime *s, const char *name, struct wire_token_name *ret_name) {
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	const struct wire_token *found = NULL;
	int r = fetch(s, &reply);

	if (r == 0)
		r = find_token(s, reply, name, &found);
	if (r == 0 && !found) {
		wire_reply_free(TAKE(reply));
		r = wait_for_tokens(s);
		if (r == 0)
			r = fetch(s, &reply);
		if (r == 0)
			r = find_token(s, reply, name, &found);
	}
	if (r < 0)
		return r;
	if (!found)
		return smime_fail(
			s, SMIME_E_NO_TOKEN, "no token has the label, serial number or id %s; smime status lists the tokens", name);
	struct bytes id = wire_octets(found->id);
	r = wire_set_octets(&ret_name->token, id.data, id.len);
	return r < 0 ? smime_fail(s, r, "out of memory") : 0;
}

static struct wire_token_name *name_field(struct wire_request_body *body) {
	switch (body->type) {
	case WIRE_LOCK:
		return body->lock;
	case WIRE_PIN_CHANGE:
		return body->pin_change;
	case WIRE_PIN_UNBLOCK:
		return body->pin_unblock;
	default:
		return body->unlock;
	}
}

static int call_token(struct smime *s, enum wire_request_type type, const char *token) {
	_cleanup_(wire_request_freep) struct wire_request *request = wire_request_make(0, type);
	_cleanup_(wire_reply_freep) struct wire_reply *reply = NULL;
	int r = 0;

	if (request && token)
		r = name_token(s, token, name_field(request->body));
	return r < 0 ? r : agent_call(s, request, WIRE_REPLY_DONE, &reply);
}

SMIME_API int smime_unlock(struct smime *s, const char *token) {
	return call_token(s, WIRE_UNLOCK, token);
}

SMIME_API int smime_lock(struct smime *s, const char *token) {
	return call_token(s, WIRE_LOCK, token);
}

SMIME_API int smime_pin_change(struct smime *s, const char *token) {
	return call_token(s, WIRE_PIN_CHANGE, token);
}

SMIME_API int smime_pin_unblock(struct smime *s, const char *token) {
	return call_token(s, WIRE_PIN_UNBLOCK, token);
}
