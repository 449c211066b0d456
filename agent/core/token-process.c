/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A token process is a child whose frames are reports; see token-process.h.
 */
#include "token-process.h"

#include <smime/error.h>

#include "child.h"

struct token_process {
	struct child *child;
	struct token_process_callbacks callbacks;
	void *userdata;
};

static int on_frame(void *userdata, struct bytes der) {
	struct token_process *process = userdata;
	struct wire_report *report = NULL;
	int r = wire_decode(der, wire_report_it(), &report);

	if (r < 0)
		return r;
	process->callbacks.report(process->userdata, report);
	return 0;
}

static void on_ended(void *userdata) {
	_cleanup_(freep) struct token_process *process = userdata;

	process->callbacks.ended(process->userdata);
}

static void ignore_report(void *userdata, struct wire_report *report) {
	wire_report_free(report);
}

static void ignore_end(void *userdata) {
}

static int add_path(const char *path, STACK_OF(ASN1_UTF8STRING) *list) {
	ASN1_UTF8STRING *text = NULL;

	if (wire_set_text(&text, path) < 0 || sk_ASN1_UTF8STRING_push(list, text) <= 0) {
		ASN1_UTF8STRING_free(text);
		return -SMIME_E_NO_MEMORY;
	}
	return 0;
}

int token_process_describe(const struct config_module *module, struct wire_setup *setup) {
	int r = 0;

	if (wire_set_text(&setup->module, module->path) < 0 || wire_set_text(&setup->init_reserved, module->init_reserved) < 0)
		return -SMIME_E_NO_MEMORY;
	setup->network = module->network ? 0xff : 0;
	for (size_t i = 0; r == 0 && i < module->writable_count; i++)
		r = add_path(module->writable[i], setup->writable);
	for (size_t i = 0; r == 0 && i < module->readable_count; i++)
		r = add_path(module->readable[i], setup->readable);
	return r;
}

int token_process_start(struct agent *agent, const struct wire_setup *setup, const struct token_process_callbacks *callbacks,
	void *userdata, struct token_process **ret_process) {
	static const struct child_callbacks child_callbacks = { on_frame, on_ended };
	_cleanup_(wire_order_freep) struct wire_order *order = wire_order_make(0, WIRE_ORDER_SETUP);
	_cleanup_(freep) struct token_process *process = calloc(1, sizeof(*process));

	if (!order || !process)
		return -SMIME_E_NO_MEMORY;
	*process = (struct token_process){ .callbacks = *callbacks, .userdata = userdata };
	struct wire_setup *own = order->body->setup;
	order->body->setup = (struct wire_setup *)(uintptr_t)setup; /* lent for the encoding */
	int r = child_start(agent, WIRE_PROGRAM_TOKEN, order, wire_order_it(), &child_callbacks, process, &process->child);
	order->body->setup = own;
	if (r < 0)
		return r;
	*ret_process = TAKE(process);
	return 0;
}

int token_process_send(struct token_process *process, const struct wire_order *order, int pass_fd) {
	return child_send(process->child, order, wire_order_it(), pass_fd);
}

void token_process_end(struct token_process *process) {
	child_end(process->child, TOKEN_PROCESS_END_MAX_MS);
}

void token_process_tell_to_end(struct token_process *process) {
	child_tell_to_end(process->child);
}

void token_process_wait(struct token_process *process, int limit_ms) {
	(void)child_wait(process->child, limit_ms);
}

void token_process_kill(struct token_process *process) {
	child_kill(process->child);
}

struct token_process *token_process_abandon(struct token_process *process) {
	if (!process)
		return NULL;
	/* Its end still has to free it, so it is the callbacks of this one that fall silent. */
	process->callbacks = (struct token_process_callbacks){ ignore_report, ignore_end };
	token_process_kill(process);
	return NULL;
}
