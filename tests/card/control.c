/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The language in which tests tell readers what to do; see reader.h. A line is READER COMMAND ARGUMENT...:
 *
 *   insert DIRECTORY | remove | release | reset
 *   mute | unmute                     the cards that are put in from now on don't answer to a reset; they do again
 *   delay APDU-MS [KEY-MS]            for each APDU; and for each that uses a private key
 *   fault clear
 *   fault KIND COUNT|every WHAT       at the COUNT-th APDU of this kind from now; at each one
 *                                     KIND: any, select, get-data, verify, change, unblock, authenticate, response, or INS in hex
 *                                     WHAT: pull [after], swap DIRECTORY, status SW, cut OCTETS, halve, long OCTETS, freeze, reset
 *   count WHAT                        apdus, resets, faults, verify-right, verify-wrong, verify-blocked, change-right, change-wrong,
 *                                     sign, decrypt, or a KIND
 *   clear                             counts from 0 again
 *   seen                              ok when pcscd knows of the card that is in it
 *   tries                             what the card in it has left: PIN and PUK
 */
#include "reader.h"

static const struct {
	const char *name;
	int ins;
} kinds[] = {
	{ "any", INS_ANY },
	{ "select", INS_SELECT },
	{ "get-data", INS_GET_DATA },
	{ "verify", INS_VERIFY },
	{ "change", INS_CHANGE },
	{ "unblock", INS_UNBLOCK },
	{ "authenticate", INS_AUTHENTICATE },
	{ "response", INS_GET_RESPONSE },
};

static const struct {
	const char *name;
	enum fault_kind kind;
} faults[] = {
	{ "pull", FAULT_PULL },
	{ "status", FAULT_STATUS },
	{ "cut", FAULT_CUT },
	{ "halve", FAULT_HALVE },
	{ "long", FAULT_LONG },
	{ "freeze", FAULT_FREEZE },
	{ "reset", FAULT_RESET },
	{ "swap", FAULT_SWAP },
};

static char *word(char **rest) {
	char *found = strsep(rest, " ");

	return found ? found : (char *)"";
}

static bool is(const char *a, const char *b) {
	return strcmp(a, b) == 0;
}

static bool number(const char *text, int base, unsigned *ret_number) {
	char *end;
	unsigned long value = strtoul(text, &end, base);

	if (end == text || *end != '\0' || value > 0xFFFFFF)
		return false;
	*ret_number = (unsigned)value;
	return true;
}

static bool find_ins(const char *name, int *ret_ins) {
	unsigned ins;

	for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
		if (is(name, kinds[i].name)) {
			*ret_ins = kinds[i].ins;
			return true;
		}
	if (!number(name, 16, &ins) || ins >= INS_COUNT)
		return false;
	*ret_ins = (int)ins;
	return true;
}

static bool find_fault(const char *name, enum fault_kind *ret_kind) {
	for (size_t i = 0; i < ELEMENTSOF(faults); i++)
		if (is(name, faults[i].name)) {
			*ret_kind = faults[i].kind;
			return true;
		}
	return false;
}

/* What stands behind the name of the fault. A directory is the rest of the line, blanks and all. */
static bool read_argument(struct fault *fault, char *rest) {
	char *argument;

	switch (fault->kind) {
	case FAULT_SWAP:
		fault->directory = strdup(rest ? rest : "");
		return fault->directory != NULL;
	case FAULT_STATUS:
		return number(word(&rest), 16, &fault->argument);
	case FAULT_CUT:
	case FAULT_LONG:
		return number(word(&rest), 10, &fault->argument);
	case FAULT_PULL:
		argument = word(&rest);
		fault->after = is(argument, "after");
		return fault->after || is(argument, "");
	default:
		return true;
	}
}

static bool execute_fault(struct reader *reader, char *rest) {
	struct fault fault = { .kind = FAULT_NONE };
	const char *kind = word(&rest), *when;
	bool good;

	if (is(kind, "clear")) {
		fault_disarm_all(reader);
		return true;
	}
	when = word(&rest);
	fault.every = is(when, "every");
	good = find_ins(kind, &fault.ins) && (fault.every || number(when, 10, &fault.left)) && find_fault(word(&rest), &fault.kind) &&
		read_argument(&fault, rest) && fault_arm(reader, &fault);
	free(fault.directory);
	return good;
}

static bool execute_delay(struct reader *reader, char *rest) {
	unsigned apdu, key = 0;
	const char *argument;

	if (!number(word(&rest), 10, &apdu))
		return false;
	argument = word(&rest);
	if (!is(argument, "") && !number(argument, 10, &key))
		return false;
	reader->apdu_delay_ms = apdu;
	reader->key_delay_ms = key;
	return true;
}

static bool execute_count(struct reader *reader, char *rest, FILE *answer) {
	const struct {
		const char *name;
		unsigned count;
	} counts[] = {
		{ "apdus", reader->apdus },
		{ "resets", reader->resets },
		{ "faults", reader->struck },
		{ "verify-right", reader->tally.verify_right },
		{ "verify-wrong", reader->tally.verify_wrong },
		{ "verify-blocked", reader->tally.verify_blocked },
		{ "change-right", reader->tally.change_right },
		{ "change-wrong", reader->tally.change_wrong },
		{ "sign", reader->tally.signatures },
		{ "decrypt", reader->tally.decryptions },
	};
	const char *what = word(&rest);
	int ins;

	for (size_t i = 0; i < ELEMENTSOF(counts); i++)
		if (is(what, counts[i].name))
			return fprintf(answer, "%u\n", counts[i].count) > 0;
	if (!find_ins(what, &ins))
		return false;
	return fprintf(answer, "%u\n", ins == INS_ANY ? reader->apdus : reader->by_ins[ins]) > 0;
}

static bool execute_tries(struct reader *reader, FILE *answer) {
	return reader->card && fprintf(answer, "%u %u\n", reader->card->pin.left, reader->card->puk.left) > 0;
}

static bool clear_counts(struct reader *reader) {
	reader->apdus = reader->resets = reader->struck = 0;
	memset(reader->by_ins, 0, sizeof(reader->by_ins));
	reader->tally = (struct tally){ .signatures = 0 };
	return true;
}

static bool remove_card(struct reader *reader) {
	reader_remove(reader);
	return true;
}

static bool release(struct reader *reader) {
	reader_release(reader);
	return true;
}

static bool reset(struct reader *reader) {
	if (reader->card)
		card_reset(reader->card);
	return reader->card != NULL;
}

static bool execute(struct reader *reader, const char *command, char *rest, FILE *answer) {
	if (is(command, "insert"))
		return reader_insert(reader, rest ? rest : "");
	if (is(command, "remove"))
		return remove_card(reader);
	if (is(command, "release"))
		return release(reader);
	if (is(command, "reset"))
		return reset(reader);
	if (is(command, "mute") || is(command, "unmute")) {
		reader->mute = is(command, "mute");
		return true;
	}
	if (is(command, "delay"))
		return execute_delay(reader, rest);
	if (is(command, "fault"))
		return execute_fault(reader, rest);
	if (is(command, "count"))
		return execute_count(reader, rest, answer);
	if (is(command, "clear"))
		return clear_counts(reader);
	if (is(command, "seen"))
		return reader->seen;
	if (is(command, "tries"))
		return execute_tries(reader, answer);
	return false;
}

void control_execute(struct reader **readers, unsigned count, char *line, FILE *answer) {
	_cleanup_(freep) char *given = strdup(line);
	const char *command;
	unsigned reader;
	bool good;

	good = number(word(&line), 10, &reader) && reader < count;
	command = word(&line);
	good = good && execute(readers[reader], command, line, answer);
	if (good)
		(void)fputs("ok\n", answer);
	else
		(void)fprintf(answer, "error: %s\n", given ? given : "");
}
