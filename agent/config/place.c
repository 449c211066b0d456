/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks over libyaml's document; see place.h.
 */
#include "place.h"

#include <yaml.h>

enum { KEY_MAX_BYTES = 32, VALUE_MAX_BYTES = 1024 };

struct tree {
	yaml_parser_t parser;
	yaml_document_t document;
	bool has_parser, has_document;
};

static yaml_document_t *tree_read(struct tree *tree, struct bytes yaml) {
	tree->has_parser = yaml_parser_initialize(&tree->parser) == 1;
	if (!tree->has_parser)
		return NULL;
	yaml_parser_set_input_string(&tree->parser, yaml.data, yaml.len);
	tree->has_document = yaml_parser_load(&tree->parser, &tree->document) == 1;
	return tree->has_document ? &tree->document : NULL;
}

static void tree_clear(struct tree *tree) {
	if (tree->has_document)
		yaml_document_delete(&tree->document);
	if (tree->has_parser)
		yaml_parser_delete(&tree->parser);
}

static struct config_place place_of(yaml_mark_t mark) {
	return (struct config_place){ (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

static bool is_scalar(const yaml_node_t *node, const char *text) {
	return node && node->type == YAML_SCALAR_NODE && strcmp((const char *)node->data.scalar.value, text) == 0;
}

static yaml_node_t *value_of(yaml_document_t *document, const yaml_node_t *mapping, const char *key) {
	if (!document || !mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++)
		if (is_scalar(yaml_document_get_node(document, pair->key), key))
			return yaml_document_get_node(document, pair->value);
	return NULL;
}

static yaml_node_t *item_of(yaml_document_t *document, const yaml_node_t *sequence, unsigned index) {
	if (!sequence || sequence->type != YAML_SEQUENCE_NODE ||
		(ptrdiff_t)index >= sequence->data.sequence.items.top - sequence->data.sequence.items.start)
		return NULL;
	return yaml_document_get_node(document, sequence->data.sequence.items.start[index]);
}

/* ---- Rules ---- */

static yaml_node_t *rules_of(yaml_document_t *document) {
	return document ? value_of(document, yaml_document_get_root_node(document), "rules") : NULL;
}

struct config_place config_place_of_rule(struct bytes yaml, unsigned rule, const char *member, const char *part) {
	_cleanup_(tree_clear) struct tree tree = { .has_parser = false };
	yaml_document_t *document = tree_read(&tree, yaml);
	const yaml_node_t *node = item_of(document, rules_of(document), rule);
	const yaml_node_t *inner = member ? value_of(document, node, member) : NULL;
	const yaml_node_t *innermost = part ? value_of(document, inner, part) : NULL;

	/* As deep as there is something. */
	node = innermost ? innermost : inner ? inner : node;
	return node ? place_of(node->start_mark) : (struct config_place){ 0, 0 };
}

void config_place_lines(struct bytes yaml, unsigned *lines, unsigned count) {
	_cleanup_(tree_clear) struct tree tree = { .has_parser = false };
	yaml_document_t *document = tree_read(&tree, yaml);
	const yaml_node_t *rules = rules_of(document);

	for (unsigned i = 0; i < count; i++) {
		const yaml_node_t *rule = item_of(document, rules, i);

		lines[i] = rule ? place_of(rule->start_mark).line : 0;
	}
}

/* ---- Complaints ---- */

/* Takes "key: " off the front of the words. */
static bool take_key(const char **words, char key[KEY_MAX_BYTES]) {
	size_t len = strspn(*words, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	if (len == 0 || len >= KEY_MAX_BYTES || strncmp(*words + len, ": ", 2) != 0)
		return false;
	memcpy(key, *words, len);
	key[len] = '\0';
	*words += len + 2;
	return true;
}

/* What stands between the first quote and the one that ends a word. */
static bool find_value(const char *words, char value[VALUE_MAX_BYTES]) {
	const char *begin = strchr(words, '\''), *end = begin ? strstr(begin + 1, "' ") : NULL;

	if (!end || end - begin > VALUE_MAX_BYTES)
		return false;
	memcpy(value, begin + 1, (size_t)(end - begin - 1));
	value[end - begin - 1] = '\0';
	return true;
}

/* The first node where the keys lead; with a value only one that is this value. A file that was loaded is nowhere deep. */
static const yaml_node_t *follow(yaml_document_t *document, const yaml_node_t *node, const char *words, const char *value) {
	const yaml_node_t *found = NULL;
	char key[KEY_MAX_BYTES];

	if (node && node->type == YAML_SEQUENCE_NODE) {
		for (unsigned i = 0; !found && item_of(document, node, i); i++)
			found = follow(document, item_of(document, node, i), words, value);
		return found || value ? found : node;
	}
	if (node && node->type == YAML_MAPPING_NODE && take_key(&words, key))
		return follow(document, value_of(document, node, key), words, value);
	return node && (!value || is_scalar(node, value)) ? node : NULL;
}

struct config_place config_place_of_complaint(struct bytes yaml, const char *complaint) {
	_cleanup_(tree_clear) struct tree tree = { .has_parser = false };
	yaml_document_t *document = tree_read(&tree, yaml);
	const yaml_node_t *root = document ? yaml_document_get_root_node(document) : NULL, *found = NULL;
	char value[VALUE_MAX_BYTES], key[KEY_MAX_BYTES];
	const char *words = complaint;

	if (find_value(complaint, value))
		found = follow(document, root, complaint, value);
	if (!found)
		found = follow(document, root, complaint, NULL);
	if (!found && take_key(&words, key))
		found = value_of(document, root, key);
	found = found ? found : root;
	return found ? place_of(found->start_mark) : (struct config_place){ 1, 1 };
}

unsigned config_place_which(struct bytes yaml, const char *const *keys, size_t count) {
	_cleanup_(tree_clear) struct tree tree = { .has_parser = false };
	yaml_document_t *document = tree_read(&tree, yaml);
	unsigned found = 0;

	for (size_t i = 0; document && i < count; i++)
		found |= value_of(document, yaml_document_get_root_node(document), keys[i]) ? 1u << i : 0;
	return found;
}

/* ---- Keys that nobody knows ---- */

static bool begins_at(const yaml_node_t *node, struct config_place place) {
	struct config_place begin = node ? place_of(node->start_mark) : (struct config_place){ 0, 0 };

	return begin.line == place.line && begin.column == place.column;
}

/* The key of this name in a mapping, behind the place; NULL: there is none. */
static const yaml_node_t *key_behind(yaml_document_t *document, const yaml_node_t *mapping, struct config_place place, const char *name) {
	const yaml_node_t *before = mapping;

	if (mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(document, pair->key);

		if (begins_at(before, place) && is_scalar(key, name))
			return key;
		before = yaml_document_get_node(document, pair->value);
	}
	return NULL;
}

struct config_place config_place_of_key(struct bytes yaml, struct config_place before, const char *key) {
	_cleanup_(tree_clear) struct tree tree = { .has_parser = false };
	yaml_document_t *document = tree_read(&tree, yaml);
	const yaml_node_t *node, *found = NULL;

	for (int i = 1; !found && document && (node = yaml_document_get_node(document, i)); i++)
		found = key_behind(document, node, before, key);
	return found ? place_of(found->start_mark) : before;
}

/* ---- No mapping at all ---- */

/* Whether this event is at fault by itself, being the one with this number. */
static bool is_fault(const yaml_event_t *event, unsigned number, unsigned documents) {
	enum { FIRST_OF_CONTENT = 2 }; /* behind the starts of the stream and of the document */

	return documents > 1 || (number == FIRST_OF_CONTENT && event->type != YAML_MAPPING_START_EVENT);
}

struct config_place config_place_of_fault(struct bytes yaml) {
	_cleanup_(tree_clear) struct tree tree = { .has_parser = yaml_parser_initialize(&tree.parser) == 1 };
	struct config_place place = { 1, 1 };
	bool found = false, done = !tree.has_parser;
	unsigned documents = 0;
	yaml_event_t event;

	if (tree.has_parser)
		yaml_parser_set_input_string(&tree.parser, yaml.data, yaml.len);
	for (unsigned number = 0; !found && !done; number++) {
		if (yaml_parser_parse(&tree.parser, &event) != 1)
			return place_of(tree.parser.problem_mark);
		documents += event.type == YAML_DOCUMENT_START_EVENT;
		found = is_fault(&event, number, documents);
		done = event.type == YAML_STREAM_END_EVENT;
		if (found)
			place = place_of(event.start_mark);
		yaml_event_delete(&event);
	}
	return place;
}
