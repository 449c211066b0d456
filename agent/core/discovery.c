/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules and their places; see discovery.h.
 */
#include "discovery.h"

#include <stdio.h>
#include <time.h>

#include <smime/error.h>

#include "agent/wire/limits.h"
#include "follow.h"
#include "place.h"
#include "readers.h"
#include "token-process.h"

/* A card in a reader, as one module sees it. */
struct card {
	struct place *place;
	uint32_t events; /* of its reader: another number is another insertion */
};

struct lost_card {
	char *reader;
	uint64_t us; /* when */
};

struct module {
	struct discovery *discovery;
	struct config_module config;
	struct place *own;
	struct card cards[READERS_MAX];
	size_t card_count;
	bool pcsc;             /* it works through pcscd, so cards are followed and not the module */
	struct follow *follow; /* NULL: it works through pcscd, or what it is is not known yet */
};

struct discovery {
	struct agent *agent;
	void (*changed)(struct agent *agent);
	struct token_process *lister; /* asks for p11-kit's modules */
	struct module *modules[DISCOVERY_MODULES_MAX];
	size_t module_count;
	bool began; /* the modules are looked into: what readers there are was known, or waited for in vain */
	uint64_t last_scan_us;
	struct lost_card lost[READERS_MAX]; /* cards that were removed, and whose readers have had none since */
	uint64_t hope_us;                   /* until when a card that pcscd has not seen yet is hoped for */
};

static uint64_t now_us(const struct discovery *discovery) {
	uint64_t now = 0;

	(void)sd_event_now(discovery->agent->event, CLOCK_MONOTONIC, &now);
	return now;
}

static bool is_within(const struct discovery *discovery, uint64_t since_us, uint64_t ms) {
	return since_us && now_us(discovery) - since_us < ms * 1000;
}

/* The places of a module: its own, then those of its cards; NULL behind the last. */
static struct place *module_place(const struct module *module, size_t i) {
	if (i == 0)
		return module->own;
	return i <= module->card_count ? module->cards[i - 1].place : NULL;
}

/* The same for all modules. */
static struct place *discovery_place(const struct discovery *discovery, size_t i) {
	for (size_t m = 0; m < discovery->module_count; m++) {
		const struct module *module = discovery->modules[m];
		if (i <= module->card_count)
			return module_place(module, i);
		i -= module->card_count + 1;
	}
	return NULL;
}

/* ---- What is known ---- */

static bool is_settled(const struct discovery *discovery) {
	const struct place *place;

	if (discovery->lister || !discovery->began)
		return false;
	for (size_t i = 0; (place = discovery_place(discovery, i)); i++)
		if (!place_is_settled(place))
			return false;
	return true;
}

/* Nobody tells when the tokens of such a place change, or when that is late. */
static bool is_unwatched(const struct place *place) {
	return !place_reader(place) && !place_is_pcsc(place);
}

/* A token that was there a moment ago may be there again. */
static bool has_lost_token(const struct discovery *discovery) {
	const struct place *place;

	for (size_t i = 0; (place = discovery_place(discovery, i)); i++)
		if (is_unwatched(place) && place_has_lost_token(place, (uint64_t)DISCOVERY_LOST_MS * 1000))
			return true;
	return false;
}

static bool has_lost_card(const struct discovery *discovery) {
	for (size_t i = 0; i < READERS_MAX; i++)
		if (discovery->lost[i].reader && is_within(discovery, discovery->lost[i].us, DISCOVERY_LOST_MS))
			return true;
	return false;
}

static bool has_stale_place(const struct discovery *discovery) {
	const struct place *place;

	for (size_t i = 0; (place = discovery_place(discovery, i)); i++)
		if (is_unwatched(place) && !is_within(discovery, place_looked_us(place), DISCOVERY_FRESH_MS))
			return true;
	return false;
}

/* A card that failed may work again. */
static bool wants_scan(const struct discovery *discovery) {
	const struct place *place;

	for (size_t i = 0; (place = discovery_place(discovery, i)); i++)
		if (place_wants_scan(place))
			return true;
	return false;
}

bool discovery_is_fresh(const struct discovery *discovery) {
	return is_settled(discovery) && discovery_worker(discovery, 0) && !has_lost_token(discovery) && !has_lost_card(discovery) &&
		!has_stale_place(discovery) && !wants_scan(discovery);
}

static bool has_inventory(const struct discovery *discovery) {
	const struct worker *worker;

	for (size_t i = 0; (worker = discovery_worker(discovery, i)); i++)
		if (worker_inventory(worker))
			return true;
	return false;
}

static uint64_t later(uint64_t a, uint64_t b) {
	return a > b ? a : b;
}

uint64_t discovery_patience(const struct discovery *discovery) {
	bool alone = !has_inventory(discovery);
	uint64_t until = discovery->hope_us;
	uint64_t now = now_us(discovery);
	const struct place *place;

	if (discovery->lister || !discovery->began)
		until = later(until, discovery->last_scan_us + (uint64_t)PLACE_ALONE_MAX_MS * 1000);
	for (size_t i = 0; (place = discovery_place(discovery, i)); i++)
		until = later(until, place_patience_end_us(place, alone));
	return until > now ? until - now : 0;
}

/* ---- Cards ---- */

static bool has_empty_reader(const struct discovery *discovery) {
	const struct wire_reader *reader;

	for (size_t i = 0; (reader = readers_get(discovery->agent->readers, i)); i++)
		if (reader->state == WIRE_READER_EMPTY)
			return true;
	return false;
}

bool discovery_needs_readers(const struct discovery *discovery) {
	for (size_t i = 0; i < discovery->module_count; i++)
		if (discovery->modules[i]->pcsc || !place_scanned_us(discovery->modules[i]->own))
			return true;
	return false;
}

/* A card, or pcscd with cards, may be on its way. */
static uint64_t hope_ms(const struct discovery *discovery) {
	if (discovery_needs_readers(discovery) && *readers_fault(discovery->agent->readers))
		return DISCOVERY_HOPE_PCSCD_MS;
	return has_empty_reader(discovery) ? DISCOVERY_HOPE_MS : 0;
}

static const struct wire_reader *find_reader(const struct discovery *discovery, const char *name) {
	const struct wire_reader *reader;

	for (size_t i = 0; (reader = readers_get(discovery->agent->readers, i)); i++)
		if (strcmp(wire_text(reader->name), name) == 0)
			return reader;
	return NULL;
}

static bool is_still_there(const struct discovery *discovery, const struct card *card) {
	const struct wire_reader *reader = find_reader(discovery, place_reader(card->place));

	return reader && reader->state == WIRE_READER_CARD && reader->events == card->events;
}

static bool has_card(const struct module *module, const char *reader) {
	for (size_t i = 0; i < module->card_count; i++)
		if (strcmp(place_reader(module->cards[i].place), reader) == 0)
			return true;
	return false;
}

static void on_place_changed(void *userdata);

/* A reader has lost its card; or (`us` 0) it has one again. */
static void lose_card(struct discovery *discovery, const char *reader, uint64_t us) {
	struct lost_card *free_one = NULL;

	for (size_t i = 0; i < READERS_MAX; i++) {
		struct lost_card *lost = &discovery->lost[i];
		if (lost->reader && (strcmp(lost->reader, reader) == 0 || !is_within(discovery, lost->us, DISCOVERY_LOST_MS))) {
			free(lost->reader);
			lost->reader = NULL;
		}
		if (!lost->reader)
			free_one = lost;
	}
	if (us && free_one && (free_one->reader = strdup(reader)))
		free_one->us = us;
}

static void add_card(struct module *module, const struct wire_reader *reader) {
	struct card card = { .events = reader->events };

	if (module->card_count == READERS_MAX ||
		place_new(module->discovery->agent, &module->config, wire_text(reader->name), on_place_changed, module, &card.place) < 0)
		return;
	module->cards[module->card_count++] = card;
	lose_card(module->discovery, wire_text(reader->name), 0);
	/* Most likely the one that is hoped for, unless others are missed. */
	if (!has_lost_card(module->discovery))
		module->discovery->hope_us = 0;
	place_scan(card.place);
}

static const char *why_gone(const struct discovery *discovery, const char *reader) {
	const char *fault = readers_fault(discovery->agent->readers);

	if (*fault)
		return fault;
	return find_reader(discovery, reader) ? "the card was removed from its reader" : "the reader of its card was unplugged";
}

/* It is out of the list before its end is told: that asks for the list. */
static void remove_card(struct module *module, size_t i) {
	struct place *place = module->cards[i].place;

	memmove(&module->cards[i], &module->cards[i + 1], (module->card_count - i - 1) * sizeof(module->cards[0]));
	module->card_count--;
	lose_card(module->discovery, place_reader(place), now_us(module->discovery));
	readers_disarm(module->discovery->agent->readers, place_reader(place));
	(void)place_free(place, why_gone(module->discovery, place_reader(place)));
}

/* Removals first: a reader whose card was swapped has both. */
static void follow_cards(struct module *module) {
	const struct wire_reader *reader;

	place_yield_cards(module->own);
	for (size_t i = 0; i < module->card_count;)
		if (is_still_there(module->discovery, &module->cards[i]))
			i++;
		else
			remove_card(module, i);
	for (size_t i = 0; (reader = readers_get(module->discovery->agent->readers, i)); i++)
		if (reader->state == WIRE_READER_CARD && !has_card(module, wire_text(reader->name)))
			add_card(module, reader);
}

/* ---- What a module is ---- */

static void on_slots_changed(void *userdata) {
	const struct module *module = userdata;

	place_look_again(module->own);
}

/* What a module is comes out with its first scan that tells anything. */
static void on_place_changed(void *userdata) {
	struct module *module = userdata;
	struct discovery *discovery = module->discovery;

	if (!module->pcsc && place_is_pcsc(module->own)) {
		module->pcsc = true;
		follow_cards(module);
	} else if (!module->pcsc && !module->follow && place_scanned_us(module->own) && place_is_settled(module->own)) {
		/* Not before: modules that share files between processes race when two initialise at once. */
		(void)follow_new(discovery->agent, &module->config, on_slots_changed, module, &module->follow);
	}
	discovery->changed(discovery->agent);
}

/* ---- Looking ---- */

static void begin(struct discovery *discovery) {
	if (discovery->began || discovery->lister || !readers_known(discovery->agent->readers))
		return;
	discovery->began = true;
	discovery_rescan(discovery);
}

void discovery_readers_changed(struct discovery *discovery) {
	begin(discovery);
	for (size_t i = 0; i < discovery->module_count; i++)
		if (discovery->modules[i]->pcsc)
			follow_cards(discovery->modules[i]);
	discovery->changed(discovery->agent);
}

void discovery_rescan(struct discovery *discovery) {
	struct place *place;

	discovery->last_scan_us = now_us(discovery);
	for (size_t i = 0; discovery->began && (place = discovery_place(discovery, i)); i++)
		if (!place_reader(place) || place_workers(place) == 0)
			place_scan(place);
}

void discovery_refresh(struct discovery *discovery) {
	uint64_t least = has_lost_token(discovery) ? 0 : DISCOVERY_RESCAN_MIN_MS;
	struct place *place;

	discovery->hope_us = now_us(discovery) + hope_ms(discovery) * 1000;
	if (!discovery->began || is_within(discovery, discovery->last_scan_us, least))
		return;
	discovery->last_scan_us = now_us(discovery);
	for (size_t i = 0; (place = discovery_place(discovery, i)); i++)
		if (is_unwatched(place) || place_wants_scan(place))
			place_scan(place);
}

/* ---- Modules ---- */

static void module_free(struct module *module) {
	module->follow = follow_free(module->follow);
	(void)place_free(module->own, "the agent ends");
	for (size_t i = 0; i < module->card_count; i++)
		(void)place_free(module->cards[i].place, "the agent ends");
	config_module_clear(&module->config);
	free(module);
}

static int add_module(struct discovery *discovery, const struct config_module *config) {
	struct module *module;

	if (discovery->module_count == DISCOVERY_MODULES_MAX)
		return -SMIME_E_TOO_LARGE;
	module = calloc(1, sizeof(*module));
	if (!module)
		return -SMIME_E_NO_MEMORY;
	module->discovery = discovery;
	if (config_module_copy(config, &module->config) < 0 ||
		place_new(discovery->agent, &module->config, NULL, on_place_changed, module, &module->own) < 0) {
		module_free(module);
		return -SMIME_E_NO_MEMORY;
	}
	discovery->modules[discovery->module_count++] = module;
	return 0;
}

static bool has_name(const STACK_OF(wire_module) *modules, const char *name) {
	for (int i = 0; i < sk_wire_module_num(modules); i++)
		if (strcmp(wire_text(sk_wire_module_value(modules, i)->name), name) == 0)
			return true;
	return false;
}

/* Settings for a name that is misspelt would otherwise be for nobody, and nobody would know. */
static void tell_of_unknown(const struct config *config, const STACK_OF(wire_module) *modules) {
	for (size_t i = 0; i < config->p11_kit_count; i++)
		if (!has_name(modules, config->p11_kit[i].name))
			(void)fprintf(stderr, "smime-agent: p11-kit: %s: no file of p11-kit's names such a module for the agent\n",
				config->p11_kit[i].name);
}

static void on_modules_report(void *userdata, struct wire_report *received) {
	_cleanup_(wire_report_freep) struct wire_report *report = received;
	struct discovery *discovery = userdata;

	if (report->body->type != WIRE_REPORT_MODULES)
		return;
	for (int i = 0; i < sk_wire_module_num(report->body->modules); i++) {
		const wire_module *found = sk_wire_module_value(report->body->modules, i);
		struct config_module config = config_p11_kit_module(discovery->agent->config, wire_text(found->name));

		config.path = (char *)(uintptr_t)wire_text(found->path);
		config.init_reserved = found->init_reserved ? (char *)(uintptr_t)wire_text(found->init_reserved) : NULL;
		(void)add_module(discovery, &config);
	}
	tell_of_unknown(discovery->agent->config, report->body->modules);
}

static void on_modules_ended(void *userdata) {
	struct discovery *discovery = userdata;

	discovery->lister = NULL;
	begin(discovery);
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
	else if (agent->config->p11_kit_count > 0)
		(void)fputs("smime-agent: p11-kit: is for nothing, since modules: says what is served\n", stderr);
	for (size_t i = 0; r == 0 && i < agent->config->module_count; i++)
		r = add_module(discovery, &agent->config->modules[i]);
	if (r < 0)
		return r;
	begin(discovery);
	*ret_discovery = TAKE(discovery);
	return 0;
}

struct discovery *discovery_free(struct discovery *discovery) {
	if (!discovery)
		return NULL;
	discovery->lister = token_process_abandon(discovery->lister);
	for (size_t i = 0; i < discovery->module_count; i++)
		module_free(discovery->modules[i]);
	for (size_t i = 0; i < READERS_MAX; i++)
		free(discovery->lost[i].reader);
	free(discovery);
	return NULL;
}

struct worker *discovery_worker(const struct discovery *discovery, size_t i) {
	const struct place *place;

	for (size_t p = 0; (place = discovery_place(discovery, p)); p++) {
		if (i < place_workers(place))
			return place_worker(place, i);
		i -= place_workers(place);
	}
	return NULL;
}

/* ---- The agent's end ---- */

/* By the clock, since that of the loop stands still behind its end. */
static int64_t clock_ms(void) {
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void discovery_end_tokens(struct discovery *discovery) {
	int64_t due = clock_ms() + TOKEN_PROCESS_END_MAX_MS, left;
	struct worker *worker;

	for (size_t i = 0; (worker = discovery_worker(discovery, i)); i++)
		worker_tell_to_end(worker);
	for (size_t i = 0; (worker = discovery_worker(discovery, i)) && (left = due - clock_ms()) > 0; i++)
		worker_wait_for_end(worker, (int)left);
}

/* ---- Status ---- */

static int describe(const struct module *module, struct wire_module_status *status) {
	const char *fault = "";
	const struct place *place;

	for (size_t i = 0; (place = module_place(module, i)); i++) {
		status->tokens += (uint32_t)place_workers(place);
		if (!*fault)
			fault = place_fault(place);
	}
	return wire_set_text(&status->path, module->config.path) < 0 || wire_set_text(&status->fault, fault) < 0 ? -SMIME_E_NO_MEMORY : 0;
}

int discovery_status(const struct discovery *discovery, STACK_OF(wire_module_status) *modules, size_t bytes_max) {
	size_t bytes = 0;

	for (size_t i = 0; i < discovery->module_count; i++) {
		_cleanup_(wire_module_status_freep) struct wire_module_status *status = wire_module_status_new();
		if (!status || describe(discovery->modules[i], status) < 0)
			return -SMIME_E_NO_MEMORY;
		bytes += (size_t)ASN1_item_i2d((const ASN1_VALUE *)status, NULL, wire_module_status_it());
		if (bytes > bytes_max)
			return 0;
		if (!sk_wire_module_status_push(modules, status))
			return -SMIME_E_NO_MEMORY;
		(void)TAKE(status);
	}
	return 0;
}
