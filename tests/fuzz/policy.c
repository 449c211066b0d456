/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration files, one or two of them (an administrator's and a user's, 0xff 0xff between them): a file that is refused is refused at a
 * line and a column of it, and of the rules of those that are accepted the same questions are asked of which something holds whatever the
 * rules are:
 *
 *   - the same question has the same answer;
 *   - what both files decide together is what the stricter of them decides;
 *   - nobody may more than without any rule unless a rule of the file says so;
 *   - another user may nothing who is not let in, and is asked for nothing by rules that do not name him;
 *   - what is not known of client, key and session opens nothing that some knowledge of it would not open;
 *   - what no rule asks after makes no difference.
 */
#include <unistd.h>

#include "agent/config/file.h"
#include "agent/config/config.h"
#include "fuzz.h"
#include "smime/error.h"

enum { PARTS = 2, OWN_UID = 1000, STRANGER_UID = 1001, GID = 100 };

/* ---- Questions ---- */

static char *addresses[] = { (char *)"alice@example.org", NULL };
static char *ekus[] = { (char *)"1.3.6.1.5.5.7.3.4", NULL }, *policies[] = { (char *)"2.16.840.1.101.3.2.1.3.7", NULL };
static const struct policy_certificate everyday = {
	.addresses = addresses, .issuer = (char *)"CN=Issuing CA", .ekus = ekus, .policies = policies, .template_ = (char *)"1.2.3.4"
};
static const struct policy_certificate binding = {
	.addresses = addresses + 1, .issuer = (char *)"", .ekus = ekus + 1, .policies = policies + 1, .non_repudiation_only = true
};
static const struct policy_certificate *const of_everyday[] = { &everyday }, *const of_binding[] = { &binding };

/* What may be known or not, each with what it is if it is known. */
enum { UNIT = 1, EXECUTABLE = 2, LABEL = 4, REMOTE = 8, ACTIVE = 16, UNLOCKED = 32, CERTIFICATE = 64, ALL = 127 };

static const struct wire_token *the_token(void) {
	static struct wire_token *token;

	if (!token) {
		token = wire_token_new();
		REQUIRE(token && wire_set_text(&token->label, "demo") == 0 && wire_set_text(&token->serial, "00f3c1d2a7") == 0 &&
			wire_set_octets(&token->id, "\x01\x02\x03\x04", 4) == 0);
	}
	return token;
}

static const struct wire_key *the_key(void) {
	static struct wire_key *key;
	static const uint8_t spki[32] = { 0xd9, 0xb3, 0xba, 0x77, 0x2c, 0x3f, 0xb3, 0x57 };

	if (!key) {
		key = wire_key_new();
		REQUIRE(key && wire_set_octets(&key->spki, spki, sizeof(spki)) == 0 && wire_set_text(&key->label, "alice") == 0 &&
			wire_set_octets(&key->id, "\x01", 1) == 0);
	}
	return key;
}

struct asked {
	struct policy_question question;
	struct policy_key key;
};

/* One of two clients, keys and moments that have little in common. */
static void describe(enum policy_operation operation, bool second, bool stranger, unsigned known, struct asked *asked) {
	asked->key = (struct policy_key){
		.key = the_key(),
		.token = the_token(),
		.certificates = second ? of_binding : of_everyday,
		.certificate_count = known & CERTIFICATE ? 1 : 0,
		.unread = !(known & CERTIFICATE),
		.evidence = second ? POLICY_SOFTWARE : POLICY_ATTESTED,
		.touch = !second,
	};
	asked->question = (struct policy_question){
		.operation = operation,
		.client = {
			.uid = stranger ? STRANGER_UID : OWN_UID,
			.own_uid = OWN_UID,
			.gid = GID,
			.unit = known & UNIT ? (second ? "" : "app-thunderbird-1.scope") : NULL,
			.label = known & LABEL ? (second ? "unconfined" : "") : NULL,
			.executable = known & EXECUTABLE ? (second ? "/usr/bin/smime-git" : "/usr/bin/smime") : NULL,
			.remote = known & REMOTE ? (second ? POLICY_YES : POLICY_NO) : POLICY_DONT_KNOW,
		},
		.key = operation == POLICY_UNLOCK ? NULL : &asked->key,
		.token = the_token(),
		.digest_bits = second ? 256 : 512,
		.cipher_bits = second ? 128 : 256,
		.authenticated = !second,
		.from = second ? NULL : "alice@example.org",
		.session_active = known & ACTIVE ? (second ? POLICY_NO : POLICY_YES) : POLICY_DONT_KNOW,
		.session_unlocked = known & UNLOCKED ? (second ? POLICY_NO : POLICY_YES) : POLICY_DONT_KNOW,
		.now = FUZZ_TIME + (second ? 12 * 3600 : 0),
		.now_us = 1,
	};
}

/* ---- What holds ---- */

static struct policy_decision decide(const struct policy *policy, const struct asked *asked) {
	struct policy_decision one, other;

	policy_decide(policy, &asked->question, &one);
	policy_decide(policy, &asked->question, &other);
	REQUIRE(one.outcome == other.outcome && one.fresh_pin == other.fresh_pin && one.ask == other.ask && one.file == other.file &&
		one.name == other.name && one.line == other.line);
	REQUIRE(one.outcome <= POLICY_DENY && one.name && (one.ask != NULL) == (one.outcome == POLICY_ASK));
	REQUIRE((one.file != NULL) == (one.line > 0));
	return one;
}

/* Some rule of the file has this outcome or a laxer one. */
static bool says(const struct config_file *file, enum policy_outcome outcome) {
	for (unsigned i = 0; file && i < file->rules_count; i++)
		if (strcmp(file->rules[i].outcome, "allow") == 0 || (outcome == POLICY_ASK && strcmp(file->rules[i].outcome, "ask") == 0))
			return true;
	return false;
}

struct files {
	const struct config_file *raw[PARTS];   /* NULL: it is not there */
	struct policy *none, *of[PARTS], *both; /* of each file alone; and of all that are there */
};

static void look_at_files(const struct files *files, const struct asked *asked) {
	struct policy_decision none = decide(files->none, asked), both = decide(files->both, asked),
			       strictest = { .outcome = POLICY_ALLOW };
	bool fresh_pin = false;

	if (!files->raw[0] && !files->raw[1])
		strictest = none;
	for (int i = 0; i < PARTS; i++) {
		if (!files->raw[i])
			continue;
		struct policy_decision one = decide(files->of[i], asked);

		REQUIRE(one.outcome >= none.outcome || says(files->raw[i], one.outcome));
		if (one.outcome > strictest.outcome)
			strictest = one;
		fresh_pin = fresh_pin || one.fresh_pin;
	}
	REQUIRE(both.outcome == strictest.outcome && both.fresh_pin == fresh_pin);
	if (asked->question.client.uid != OWN_UID && both.outcome != POLICY_DENY)
		REQUIRE(policy_may_connect(files->both, asked->question.client.uid, GID, OWN_UID));
}

static void look_at_ignorance(const struct files *files, const struct asked *asked, unsigned known, bool stranger) {
	struct policy_decision ignorant = decide(files->both, asked);
	unsigned process = UNIT | EXECUTABLE | REMOTE;

	for (int second = 0; second < 2; second++) {
		for (unsigned more = 1; more < ALL; more *= 2) {
			struct asked wiser = *asked, whole;

			if (known & more)
				continue;
			describe(asked->question.operation, second, stranger, ALL, &whole);
			if (more == CERTIFICATE) {
				wiser.key.certificates = whole.key.certificates;
				wiser.key.certificate_count = whole.key.certificate_count;
				wiser.key.unread = false;
			}
			if (wiser.question.key)
				wiser.question.key = &wiser.key;
			wiser.question.client.unit = more == UNIT ? whole.question.client.unit : wiser.question.client.unit;
			wiser.question.client.label = more == LABEL ? whole.question.client.label : wiser.question.client.label;
			wiser.question.client.executable =
				more == EXECUTABLE ? whole.question.client.executable : wiser.question.client.executable;
			wiser.question.client.remote = more == REMOTE ? whole.question.client.remote : wiser.question.client.remote;
			wiser.question.session_active = more == ACTIVE ? whole.question.session_active : wiser.question.session_active;
			wiser.question.session_unlocked =
				more == UNLOCKED ? whole.question.session_unlocked : wiser.question.session_unlocked;
			struct policy_decision wise = decide(files->both, &wiser);
			REQUIRE(ignorant.outcome >= wise.outcome);
			if ((more & process) && !policy_names_processes(files->both))
				REQUIRE(ignorant.outcome == wise.outcome && ignorant.name == wise.name);
		}
	}
}

static void ask_all(const struct files *files) {
	static const unsigned knowledge[] = { ALL, 0, ALL & ~UNIT, ALL & ~(REMOTE | CERTIFICATE), ACTIVE | UNLOCKED };
	struct asked asked;

	for (unsigned operation = 0; operation < POLICY_OPERATIONS; operation++)
		for (unsigned i = 0; i < 4 * ELEMENTSOF(knowledge); i++) {
			bool second = i & 1, stranger = i & 2;

			describe((enum policy_operation)operation, second, stranger, knowledge[i / 4], &asked);
			look_at_files(files, &asked);
			look_at_ignorance(files, &asked, knowledge[i / 4], stranger);
		}
}

/* ---- Files ---- */

/* In memory, where the path leads over no link. */
static void put(struct bytes yaml, char path[64]) {
	(void)snprintf(path, 64, "/dev/shm/agent.yaml.XXXXXX");
	int fd = mkstemp(path);

	REQUIRE(fd >= 0 && write(fd, yaml.data, yaml.len) == (ssize_t)yaml.len);
	(void)close(fd);
}

/* That the file itself is no good has a line and a column; that what it names can't be read has them too. */
static void look_at_refusal(const char *path, struct bytes yaml, const char *message) {
	unsigned line = 0, column = 0;
	int end = -1;

	REQUIRE(message && strncmp(message, path, strlen(path)) == 0);
	message += strlen(path);
	if (memchr(yaml.data, 0, yaml.len) && strcmp(message, ": holds a zero byte") == 0)
		return;
	REQUIRE(sscanf(message, ":%u:%u: %n", &line, &column, &end) == 2 && end > 0 && message[end]);
	REQUIRE(line >= 1 && line <= yaml.len + 1 && column >= 1);
}

/* Loaded as the agent does; then its rules alone, which must be as good. */
static struct config_file *load(struct bytes yaml, const char *path) {
	struct config *config = NULL;
	struct config_file *raw = NULL;
	char *message = NULL;
	int r = config_load(path, &config, &message);

	REQUIRE((r == 0) == (config != NULL));
	if (r == 0)
		REQUIRE(config_file_load(path, true, &raw, &message) >= 0 && !message);
	else if (r == -SMIME_E_USAGE)
		look_at_refusal(path, yaml, message);
	else
		REQUIRE(r == -SMIME_E_NO_MEMORY);
	(void)config_free(config);
	free(message);
	return raw;
}

static void add(struct policy *policy, const struct config_file *raw) {
	unsigned lines[POLICY_RULES_MAX];
	struct policy_fault fault;

	for (unsigned i = 0; i < POLICY_RULES_MAX; i++)
		lines[i] = i + 1;
	REQUIRE(policy_add(policy, "file", raw->rules, raw->rules_count, lines, &fault) == 0);
}

static struct policy *new_policy(void) {
	struct policy *policy = NULL;

	REQUIRE(policy_new(&policy) == 0);
	return policy;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
	(void)setenv("TZ", "UTC", 1);
	(void)the_key();
	(void)the_token();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes input = { data, size };
	struct files files = { .none = new_policy(), .both = new_policy() };
	struct config_file *raw[PARTS];
	char path[64];

	for (int i = 0; i < PARTS; i++) {
		struct bytes yaml = fuzz_take_part(&input);

		put(yaml, path);
		raw[i] = load(yaml, path);
		(void)unlink(path);
		files.raw[i] = raw[i];
		files.of[i] = new_policy();
		if (raw[i]) {
			add(files.of[i], raw[i]);
			add(files.both, raw[i]);
		}
	}
	ask_all(&files);
	for (int i = 0; i < PARTS; i++) {
		(void)config_file_free(raw[i]);
		(void)policy_free(files.of[i]);
	}
	(void)policy_free(files.none);
	(void)policy_free(files.both);
	return 0;
}
