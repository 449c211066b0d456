/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a token process says. It is believed as far as its own token goes.
 */
#include "worker-internal.h"

#include <stdio.h>

#include <smime/error.h>

#include "events.h"

/* Moves the keys and certificates of a page behind those that have come. Returns 0 or -SMIME_E_NO_MEMORY. */
static int join_page(struct wire_inventory *whole, struct wire_inventory *page) {
	while (sk_wire_key_num(page->keys) > 0) {
		if (!sk_wire_key_push(whole->keys, sk_wire_key_value(page->keys, 0)))
			return -SMIME_E_NO_MEMORY;
		(void)sk_wire_key_shift(page->keys);
	}
	while (sk_ASN1_OCTET_STRING_num(page->certificates) > 0) {
		if (!sk_ASN1_OCTET_STRING_push(whole->certificates, sk_ASN1_OCTET_STRING_value(page->certificates, 0)))
			return -SMIME_E_NO_MEMORY;
		(void)sk_ASN1_OCTET_STRING_shift(page->certificates);
	}
	return 0;
}

static void use_inventory(struct worker *worker) {
	bool held_pin = worker_pin_is_held(worker);

	if (held_pin && !worker->incoming->logged_in)
		worker_pin_forgotten(worker);
	wire_inventory_free(worker->inventory);
	worker->inventory = TAKE(worker->incoming);
	worker_judge_evidence(worker);
	if (worker->state != WIRE_TOKEN_READY)
		worker->ready_us = worker_now_us(worker);
	worker->state = WIRE_TOKEN_READY;
	worker->start_deadline = sd_event_source_disable_unref(worker->start_deadline);
	worker->fault[0] = '\0';
	if (!worker->told)
		events_emit(worker->agent, &(struct event){ WIRE_EVENT_TOKEN_IN, .token = worker->token });
	worker->told = true;
	if (!held_pin && worker_pin_is_held(worker))
		worker_pin_login(worker);
	worker_pin_used(worker);
	worker_notify_settled(worker);
	tickets_pump(worker);
}

static void take_inventory(struct worker *worker, struct wire_report *report) {
	struct wire_inventory *page = TAKE(report->body->inventory);
	bool more = page->more;
	int r = 0;

	report->body->type = -1;
	worker->pages++;
	if (!worker->incoming) {
		worker->incoming = page;
	} else {
		r = worker->pages > WORKER_INVENTORY_PAGES_MAX ? -SMIME_E_TOO_LARGE : join_page(worker->incoming, page);
		wire_inventory_free(page);
	}
	if (r < 0) {
		(void)snprintf(worker->fault, sizeof(worker->fault), "the list of its keys can't be taken: %s", smime_strerror(r));
		token_process_kill(worker->process);
	} else if (!more) {
		worker->pages = 0;
		use_inventory(worker);
	}
}

static void take_error(struct worker *worker, const struct wire_report *report) {
	(void)snprintf(worker->fault, sizeof(worker->fault), "%s", wire_text(report->body->error->text));
	worker->gone = report->body->error->code == SMIME_E_TOKEN_GONE;
}

static void outcome(struct worker *worker, struct wire_report *report) {
	struct ticket *ticket = tickets_find_open(worker, report->id);

	if (!ticket || ticket->failure) {
		wire_report_free(report);
		return;
	}
	if (report->body->type == WIRE_REPORT_ERROR) {
		worker->left = report->body->error->code == SMIME_E_TOKEN_GONE;
		tickets_fail_or_removed(ticket, report);
		return;
	}
	worker->failures = 0;
	worker->faults = 0;
	tickets_close_card(ticket, 0);
	tickets_finish(ticket, report, 0, "");
	worker_pin_used(worker);
	tickets_pump(worker);
	worker_pin_forget_when_drained(worker);
}

void worker_take_report(void *userdata, struct wire_report *report) {
	struct worker *worker = userdata;

	switch (report->body->type) {
	case WIRE_REPORT_INVENTORY:
		take_inventory(worker, report);
		break;
	case WIRE_REPORT_PROMPT:
		tickets_prompt_wanted(worker, report->id);
		break;
	case WIRE_REPORT_PROMPT_DONE:
		tickets_prompt_over(worker, report->id);
		break;
	case WIRE_REPORT_ERROR:
		if (report->id == 0) {
			take_error(worker, report);
			break;
		}
		outcome(worker, report);
		return;
	default:
		outcome(worker, report);
		return;
	}
	wire_report_free(report);
}
