/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules, their scans, and the workers for what the scans find; see discovery.h.
 */
#include "discovery.h"

#include <stdio.h>
#include <time.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "token-process.h"

struct module {
	struct discovery *discovery;
	struct config_module config;
	struct token_process *scan; /* NULL between two scans */
	sd_event_source *deadline;
	char fault[WIRE_TEXT_MAX_BYTES];
	STACK_OF(wire_token) *found; /* by the last scan */
	struct worker *workers[DISCOVERY_TOKENS_MAX];
	size_t worker_count;
	struct worker *starting; /* the worker that has not settled yet, or NULL */
	bool seen;               /* it has settled before */
	bool hung;               /* its last scan was waited for in vain */
	uint64_t busy_since_us;  /* while it is scanned or starts a worker */
	uint64_t scanned_us;     /* when a scan last told its tokens */
	uint64_t scan_took_us;   /* and how long it had taken */
};

struct discovery {
	struct agent *agent;
	void (*changed)(struct agent *agent);
	struct token_process *lister; /* asks for p11-kit's modules */
	struct module *modules[DISCOVERY_MODULES_MAX];
	size_t module_count;
	uint64_t last_scan_us;
	uint64_t lost_us; /* when a worker was dropped whose token was not found; 0: never */
};

static void start_next(struct module *module);

static uint64_t now_us(const struct discovery *discovery) {
	uint64_t now = 0;

	(void)sd_event_now(discovery->agent->event, CLOCK_MONOTONIC, &now);
	return now;
}

/* ---- What is known ---- */

static bool module_settled(const struct module *module) {
	return !module->scan && !module->starting;
}

static bool is_settled(const struct discovery *discovery) {
	if (discovery->lister)
		return false;
	for (size_t i = 0; i < discovery->module_count; i++)
		if (!module_settled(discovery->modules[i]))
			return false;
	return true;
}

/* A token that was there a moment ago may be there again. */
static bool has_lost_token(const struct discovery *discovery) {
	const struct worker *worker;

	if (discovery->lost_us && now_us(discovery) - discovery->lost_us < (uint64_t)DISCOVERY_LOST_MS * 1000)
		return true;
	for (size_t i = 0; (worker = discovery_worker(discovery, i)); i++)
		if (worker_is_gone(worker))
			return true;
	return false;
}

bool discovery_is_fresh(const struct discovery *discovery) {
	return is_settled(discovery) && discovery_worker(discovery, 0) && !has_lost_token(discovery) &&
		now_us(discovery) - discovery->last_scan_us < (uint64_t)DISCOVERY_FRESH_MS * 1000;
}

static bool has_inventory(const struct discovery *discovery) {
	const struct worker *worker;

	for (size_t i = 0; (worker = discovery_worker(discovery, i)); i++)
		if (worker_inventory(worker))
			return true;
	return false;
}

static uint64_t at_most(uint64_t a, uint64_t b) {
	return a < b ? a : b;
}

static uint64_t at_least(uint64_t a, uint64_t b) {
	return a > b ? a : b;
}

/* How long what a module is about is waited for: by what it took the last time, for a module that is slow is not one that hangs. */
static uint64_t module_patience_us(const struct module *module, bool alone) {
	uint64_t measured = module->scan_took_us * DISCOVERY_SLOWER_MAX;
	uint64_t least = !module->seen || module->starting ? DISCOVERY_FIRST_MAX_MS : DISCOVERY_AGAIN_MIN_MS;

	if (alone)
		return (uint64_t)DISCOVERY_ALONE_MAX_MS * 1000;
	if (module->hung)
		return (uint64_t)DISCOVERY_HUNG_MAX_MS * 1000;
	return at_most(at_least(measured, least * 1000), (uint64_t)DISCOVERY_ALONE_MAX_MS * 1000);
}

uint64_t discovery_patience(const struct discovery *discovery) {
	bool alone = !has_inventory(discovery);
	uint64_t until = discovery->lister ? discovery->last_scan_us + (uint64_t)DISCOVERY_ALONE_MAX_MS * 1000 : 0;
	uint64_t now = now_us(discovery);

	for (size_t i = 0; i < discovery->module_count; i++) {
		const struct module *module = discovery->modules[i];
		if (!module_settled(module))
			until = at_least(until, module->busy_since_us + module_patience_us(module, alone));
	}
	return until > now ? until - now : 0;
}

/* ---- Workers ---- */

static bool same_token(const struct wire_token *a, const struct wire_token *b) {
	struct bytes id = wire_octets(b->id);

	return wire_octets_equal(a->id, id.data, id.len);
}

static struct worker *worker_of(const struct module *module, const struct wire_token *token) {
	for (size_t i = 0; i < module->worker_count; i++)
		if (same_token(worker_token(module->workers[i]), token))
			return module->workers[i];
	return NULL;
}

static void set_fault(struct module *module, const char *text) {
	(void)snprintf(module->fault, sizeof(module->fault), "%s", text);
}

static void settle(struct module *module) {
	if (module_settled(module))
		module->seen = true;
	module->discovery->changed(module->discovery->agent);
}

static void on_worker_settled(void *userdata) {
	struct module *module = userdata;

	module->starting = NULL;
	start_next(module);
	settle(module);
}

/* A worker for a token that has none. NULL when there can be none. */
static struct worker *add_worker(struct module *module, const struct wire_token *token) {
	struct worker *worker = NULL;

	if (module->worker_count == DISCOVERY_TOKENS_MAX)
		return NULL;
	int r = worker_new(module->discovery->agent, &module->config, token, &worker);
	if (r < 0) {
		set_fault(module, smime_strerror(r));
		return NULL;
	}
	module->workers[module->worker_count++] = worker;
	return worker;
}

/*
 * Starts the next new token's worker, or that of a token that is back, once for each scan. One after the other: modules that share
 * files between processes race when two initialise at once.
 */
static void start_next(struct module *module) {
	for (int i = 0; !module->starting && i < sk_wire_token_num(module->found); i++) {
		const struct wire_token *token = sk_wire_token_value(module->found, i);
		struct worker *worker = worker_of(module, token);
		if (worker && !worker_come_back(worker, module->scanned_us))
			continue;
		if (!worker && !(worker = add_worker(module, token)))
			continue;
		module->busy_since_us = now_us(module->discovery);
		module->starting = worker_await(worker, on_worker_settled, module) ? NULL : worker;
	}
}

/* A worker whose token the scan no longer finds, and whose process can't work either, is over. */
static void drop_missing(struct module *module) {
	for (size_t i = 0; i < module->worker_count;) {
		struct worker *worker = module->workers[i];
		bool found = false;
		for (int k = 0; k < sk_wire_token_num(module->found); k++)
			found = found || same_token(worker_token(worker), sk_wire_token_value(module->found, k));
		if (found || !worker_has_failed(worker)) {
			i++;
			continue;
		}
		(void)worker_free(worker);
		module->discovery->lost_us = now_us(module->discovery);
		memmove(&module->workers[i], &module->workers[i + 1], (module->worker_count - i - 1) * sizeof(module->workers[0]));
		module->worker_count--;
	}
}

/* ---- Scans ---- */

static void on_scan_report(void *userdata, struct wire_report *received) {
	_cleanup_(wire_report_freep) struct wire_report *report = received;
	struct module *module = userdata;

	if (report->body->type == WIRE_REPORT_ERROR) {
		set_fault(module, wire_text(report->body->error->text));
	} else if (report->body->type == WIRE_REPORT_TOKENS) {
		sk_wire_token_pop_free(module->found, wire_token_free);
		module->found = TAKE(report->body->tokens);
		module->scanned_us = now_us(module->discovery);
		module->scan_took_us = module->scanned_us - module->busy_since_us;
		module->hung = false;
		report->body->type = -1;
		module->fault[0] = '\0';
	}
}

static void on_scan_ended(void *userdata) {
	struct module *module = userdata;

	module->scan = NULL;
	module->deadline = sd_event_source_disable_unref(module->deadline);
	drop_missing(module);
	start_next(module);
	settle(module);
}

static int on_scan_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
	struct module *module = userdata;

	module->hung = true;
	set_fault(module, "the module did not answer in time; is a reader or card frozen?");
	token_process_kill(module->scan);
	return 0;
}

static uint64_t scan_limit_us(const struct module *module) {
	return at_most(module->config.deadline_us, (uint64_t)DISCOVERY_SCAN_MAX_MS * 1000);
}

static void scan(struct module *module) {
	static const struct token_process_callbacks callbacks = { on_scan_report, on_scan_ended };
	_cleanup_(wire_setup_freep) struct wire_setup *setup = wire_setup_new();
	struct agent *agent = module->discovery->agent;

	if (module->scan || module->starting)
		return;
	if (!setup || wire_set_text(&setup->module, module->config.path) < 0) {
		set_fault(module, smime_strerror(-SMIME_E_NO_MEMORY));
		return;
	}
	setup->role = WIRE_ROLE_SCAN;
	set_fault(module, "its process ended before it had answered: the module crashed or can't be loaded");
	if (token_process_start(agent, setup, &callbacks, module, &module->scan) < 0) {
		set_fault(module, "no process could be started for it");
		return;
	}
	module->busy_since_us = now_us(module->discovery);
	(void)sd_event_add_time_relative(
		agent->event, &module->deadline, CLOCK_MONOTONIC, scan_limit_us(module), 0, on_scan_deadline, module);
}

void discovery_rescan(struct discovery *discovery) {
	discovery->last_scan_us = now_us(discovery);
	for (size_t i = 0; i < discovery->module_count; i++)
		scan(discovery->modules[i]);
}

void discovery_refresh(struct discovery *discovery) {
	uint64_t least = has_lost_token(discovery) ? 0 : (uint64_t)DISCOVERY_RESCAN_MIN_MS * 1000;

	if (!discovery->lister && now_us(discovery) - discovery->last_scan_us >= least)
		discovery_rescan(discovery);
}

/* ---- Modules ---- */

static int add_module(struct discovery *discovery, const struct config_module *config) {
	struct module *module;

	if (discovery->module_count == DISCOVERY_MODULES_MAX)
		return -SMIME_E_TOO_LARGE;
	module = calloc(1, sizeof(*module));
	if (!module || !(module->config.path = strdup(config->path))) {
		free(module);
		return -SMIME_E_NO_MEMORY;
	}
	module->discovery = discovery;
	module->config.sessions = config->sessions;
	module->config.deadline_us = config->deadline_us;
	discovery->modules[discovery->module_count++] = module;
	return 0;
}

static void on_modules_report(void *userdata, struct wire_report *received) {
	_cleanup_(wire_report_freep) struct wire_report *report = received;
	struct discovery *discovery = userdata;

	if (report->body->type != WIRE_REPORT_MODULES)
		return;
	for (int i = 0; i < sk_wire_module_num(report->body->modules); i++) {
		const char *path = wire_text(sk_wire_module_value(report->body->modules, i)->path);
		(void)add_module(discovery, &(struct config_module){ (char *)(uintptr_t)path, 1, CONFIG_DEADLINE_DEFAULT_US });
	}
}

static void on_modules_ended(void *userdata) {
	struct discovery *discovery = userdata;

	discovery->lister = NULL;
	discovery_rescan(discovery);
	discovery->changed(discovery->agent);
}

static int list_modules(struct discovery *discovery) {
	static const struct token_process_callbacks callbacks = { on_modules_report, on_modules_ended };
	_cleanup_(wire_setup_freep) struct wire_setup *setup = wire_setup_new();

	if (!setup)
		return -SMIME_E_NO_MEMORY;
	setup->role = WIRE_ROLE_MODULES;
	return token_process_start(discovery->agent, setup, &callbacks, discovery, &discovery->lister);
}

DEFINE_CLEANUP(struct discovery *, discovery_freep, discovery_free)

int discovery_new(struct agent *agent, void (*changed)(struct agent *agent), struct discovery **ret_discovery) {
	_cleanup_(discovery_freep) struct discovery *discovery = calloc(1, sizeof(*discovery));
	int r = 0;

	if (!discovery)
		return -SMIME_E_NO_MEMORY;
	discovery->agent = agent;
	discovery->changed = changed;
	discovery->last_scan_us = now_us(discovery);
	if (agent->config->module_count == 0)
		r = list_modules(discovery);
	for (size_t i = 0; r == 0 && i < agent->config->module_count; i++)
		r = add_module(discovery, &agent->config->modules[i]);
	if (r < 0)
		return r;
	if (!discovery->lister)
		discovery_rescan(discovery);
	*ret_discovery = TAKE(discovery);
	return 0;
}

static void module_free(struct module *module) {
	module->scan = token_process_abandon(module->scan);
	sd_event_source_disable_unref(module->deadline);
	for (size_t i = 0; i < module->worker_count; i++)
		(void)worker_free(module->workers[i]);
	sk_wire_token_pop_free(module->found, wire_token_free);
	free(module->config.path);
	free(module);
}

struct discovery *discovery_free(struct discovery *discovery) {
	if (!discovery)
		return NULL;
	discovery->lister = token_process_abandon(discovery->lister);
	for (size_t i = 0; i < discovery->module_count; i++)
		module_free(discovery->modules[i]);
	free(discovery);
	return NULL;
}

struct worker *discovery_worker(const struct discovery *discovery, size_t i) {
	for (size_t m = 0; m < discovery->module_count; m++) {
		if (i < discovery->modules[m]->worker_count)
			return discovery->modules[m]->workers[i];
		i -= discovery->modules[m]->worker_count;
	}
	return NULL;
}

int discovery_status(const struct discovery *discovery, STACK_OF(wire_module_status) *modules, size_t bytes_max) {
	size_t bytes = 0;

	for (size_t i = 0; i < discovery->module_count; i++) {
		const struct module *module = discovery->modules[i];
		_cleanup_(wire_module_status_freep) struct wire_module_status *status = wire_module_status_new();
		if (!status || wire_set_text(&status->path, module->config.path) < 0 ||
			wire_set_text(&status->fault, module->scan ? "" : module->fault) < 0)
			return -SMIME_E_NO_MEMORY;
		status->tokens = (uint32_t)module->worker_count;
		bytes += (size_t)ASN1_item_i2d((const ASN1_VALUE *)status, NULL, wire_module_status_it());
		if (bytes > bytes_max)
			return 0;
		if (!sk_wire_module_status_push(modules, status))
			return -SMIME_E_NO_MEMORY;
		(void)TAKE(status);
	}
	return 0;
}
