/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mutt and neomutt: a marked block at the end of the file that they read, which has them read the commands that are installed with
 * smime-agent, and says with which key.
 */
#include "work.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "places.h"

#define SOURCE "source \""

/* neomutt reads mutt's file when it has none of its own. What stands there is read by both, and must be what mutt understands. */
static const char *block_name(const struct setup *setup) {
	const char *slash = strrchr(setup->result->file, '/');

	return strstr(slash ? slash : setup->result->file, "neomuttrc") ? "neomutt" : "mutt";
}

static int find(struct setup *setup) {
	char *path = places_mutt_config(setup->program == &setup_neomutt);
	int r = path ? setup_resolve(setup, path, &setup->result->file) :
		       setup_fail(setup, SMIME_E_IO, "HOME is not set: it is not known whose configuration is meant");

	free(path);
	return r;
}

/* ---- What somebody else has set ---- */

/* What the block and the installed file set: a second value elsewhere would mean that one of the two does nothing. */
static bool is_ours_to_set(const char *word, size_t len) {
	static const char *const names[] = { "smime_default_key", "smime_sign_as", "smime_keys", "smime_certificates" };
	static const char begin[] = "smime_", end[] = "_command";

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == len && strncmp(word, names[i], len) == 0)
			return true;
	return len > sizeof(begin) + sizeof(end) && strncmp(word, begin, sizeof(begin) - 1) == 0 &&
		strncmp(word + len - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

/* The variable that a line sets against us, as far as can be seen without being mutt. */
static const char *conflict_of(const char *line, size_t line_len, size_t *ret_len) {
	static const char gpgme[] = "crypt_use_gpgme";
	size_t at = strspn(line, " \t");
	bool said_no = false;

	while (at < line_len && line[at] != '#') {
		size_t len = 0;

		while (at + len < line_len && (isalnum((unsigned char)line[at + len]) || line[at + len] == '_'))
			len++;
		*ret_len = len;
		if (is_ours_to_set(line + at, len))
			return line + at;
		said_no = said_no || (len == strlen("unset") && strncmp(line + at, "unset", len) == 0);
		if (len == strlen(gpgme) && strncmp(line + at, gpgme, len) == 0) {
			size_t value = at + len + strspn(line + at + len, " \t=\"'");
			if (!said_no && strncmp(line + value, "no", 2) != 0)
				return line + at;
		}
		at += len > 0 ? len : 1;
	}
	return NULL;
}

static int check_line(struct setup *setup, const char *file, const char *line, size_t len, unsigned number) {
	size_t name_len = 0;
	const char *name = conflict_of(line, len, &name_len);

	if (!name)
		return 0;
	return setup_fail(setup, SMIME_E_UNSUPPORTED,
		"%s, line %u, sets %.*s already: what others have set is left alone; take that line out, or make it a comment", file,
		number, (int)name_len, name);
}

/*
 * The file that a line has read; NULL: none. A path without a beginning is taken to be beside the file that names it, as neomutt has it; for
 * mutt it is where mutt is started, which is at home as a rule.
 */
static char *sourced_by(const char *line, size_t len, const char *file) {
	static const char word[] = "source", home[] = "$HOME/";
	size_t at = strspn(line, " \t"), slash = (size_t)(strrchr(file, '/') - file);
	char *name, *path = NULL;

	if (at + sizeof(word) > len || strncmp(line + at, word, sizeof(word) - 1) != 0 || !strchr(" \t", line[at + sizeof(word) - 1]))
		return NULL;
	at += sizeof(word) - 1;
	at += strspn(line + at, " \t");
	bool quoted = at < len && strchr("\"'", line[at]);
	size_t end = at + quoted;
	while (end < len && (quoted ? line[end] != line[at] : !strchr(" \t\r;#", line[end])))
		end++;
	name = strndup(line + at + quoted, end - at - quoted);
	if (name && strncmp(name, home, sizeof(home) - 1) == 0)
		path = places_home(name + sizeof(home) - 1);
	else if (name && (name[0] == '/' || name[0] == '~'))
		path = places_expand(name);
	else if (name && asprintf(&path, "%.*s/%s", (int)slash, file, name) < 0)
		path = NULL;
	free(name);
	return path;
}

/* What setup has a program read itself, or a copy of that. */
static bool is_document(const char *text) {
	return strstr(text, "set smime_sign_command=\"smime-mutt ") != NULL;
}

static int check_text(struct setup *setup, const char *file, const char *text, const struct block *block, unsigned depth);

/* What can't be read, or is no text, is left to the program. */
static int check_sourced(struct setup *setup, const char *line, size_t len, const char *file, unsigned depth) {
	__attribute__((cleanup(setup_text_clear))) struct setup_text text = { 0 };
	const struct block none = { .state = BLOCK_NONE };
	struct setup_result unused = { 0 };
	struct setup quiet = { .options = setup->options, .program = setup->program, .result = &unused };
	char *path = depth > 0 ? sourced_by(line, len, file) : NULL;
	int r = 0;

	if (path && setup_read(&quiet, path, &text) == 0 && text.text && !is_document(text.text))
		r = check_text(setup, path, text.text, &none, depth - 1);
	setup_result_clear(&unused);
	free(path);
	return r;
}

/* Without the block. depth: of files in files that are looked at. */
static int check_text(struct setup *setup, const char *file, const char *text, const struct block *block, unsigned depth) {
	unsigned number = 1;
	int r = 0;

	for (const char *line = text; *line && r == 0; number++) {
		size_t len = strcspn(line, "\n"), at = (size_t)(line - text);

		if (block->state == BLOCK_NONE || at < block->begin || at >= block->end) {
			r = check_line(setup, file, line, len, number);
			r = r == 0 ? check_sourced(setup, line, len, file, depth) : r;
		}
		line += len + (line[len] ? 1 : 0);
	}
	return r;
}

static int check_conflicts(struct setup *setup, const char *text, const struct block *block) {
	enum { SOURCED_MAX_DEPTH = 4 };

	return check_text(setup, setup->result->file, text, block, SOURCED_MAX_DEPTH);
}

/* ---- The block ---- */

static int say_changed(struct setup *setup) {
	return setup_fail(setup, SMIME_E_CHANGED,
		"%s: what `smime setup %s` has made was changed by hand, so it is left alone; take out what is between '# >>>' and '# <<<'",
		setup->result->file, block_name(setup));
}

/* The installed file with the commands. */
static char *document_of(const struct setup *setup) {
	char name[32];

	(void)snprintf(name, sizeof(name), "%s.rc", block_name(setup));
	return places_document(name);
}

static int make_body(struct setup *setup, const struct setup_key *key, char **ret_body) {
	char *document = document_of(setup);

	if (!document)
		return setup_fail(setup, SMIME_E_IO, "%s.rc, with the commands for %s, is not installed: it belongs into " SETUP_DOCDIR,
			block_name(setup), setup->program->name);
	/* Both, whether they are the same or not: what an earlier line has set for one of them must not be left. */
	int n = asprintf(ret_body, SOURCE "%s\"\nset crypt_use_gpgme=no\nset smime_default_key=\"%s\"\nset smime_sign_as=\"%s\"\n",
		document, key->encryption, key->signing);
	free(document);
	if (n >= 0)
		return 0;
	*ret_body = NULL;
	return setup_no_memory(setup);
}

/* Nobody has named another key, and the block has the file read that is to be read: it is as it should be. */
static bool serves(const struct setup *setup, const char *body) {
	char *document = document_of(setup), *line = NULL;
	bool same = !setup->options->key && document && asprintf(&line, SOURCE "%s\"\n", document) > 0 &&
		strncmp(body, line, strlen(line)) == 0;

	free(document);
	free(line);
	return same;
}

static int put_block(struct setup *setup, const char *text, const struct block *block) {
	__attribute__((cleanup(setup_key_clear))) struct setup_key key = { 0 };
	char *body = NULL;
	int r = check_conflicts(setup, text, block);

	if (r == 0)
		r = setup_key_choose(setup, NULL, &key);
	if (r == 0)
		r = make_body(setup, &key, &body);
	if (r == 0 && block_put(text, block, block_name(setup), body, &setup->new_text) < 0)
		r = setup_no_memory(setup);
	free(body);
	return r;
}

static int add(struct setup *setup) {
	const char *text = setup->now.text ? setup->now.text : "";
	struct block block = block_find(text, block_name(setup));

	setup->made_before = block.state != BLOCK_NONE;
	if (block.state == BLOCK_CHANGED)
		return say_changed(setup);
	if (block.state == BLOCK_NONE || !serves(setup, text + block.body_begin))
		return put_block(setup, text, &block);
	setup->new_text = strdup(text);
	return setup->new_text ? 0 : setup_no_memory(setup);
}

static int take_out(struct setup *setup) {
	struct block block = block_find(setup->now.text, block_name(setup));

	if (block.state == BLOCK_CHANGED)
		return say_changed(setup);
	return block_put(setup->now.text, &block, block_name(setup), NULL, &setup->new_text) < 0 ? setup_no_memory(setup) : 0;
}

const struct setup_program setup_mutt = { .name = "mutt", .find = find, .add = add, .take_out = take_out };
const struct setup_program setup_neomutt = { .name = "neomutt", .find = find, .add = add, .take_out = take_out };
