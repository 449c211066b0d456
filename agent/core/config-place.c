/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Walks over libyaml's document; see config-place.h.
 */
#include "config-place.h"

#include <yaml.h>

static yaml_node_t *value_of(yaml_document_t *document, const yaml_node_t *mapping, const char *key) {
	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start; pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *name = yaml_document_get_node(document, pair->key);

		if (name && name->type == YAML_SCALAR_NODE && strcmp((const char *)name->data.scalar.value, key) == 0)
			return yaml_document_get_node(document, pair->value);
	}
	return NULL;
}

static yaml_node_t *item_of(yaml_document_t *document, const yaml_node_t *sequence, unsigned index) {
	if (!sequence || sequence->type != YAML_SEQUENCE_NODE ||
		(ptrdiff_t)index >= sequence->data.sequence.items.top - sequence->data.sequence.items.start)
		return NULL;
	return yaml_document_get_node(document, sequence->data.sequence.items.start[index]);
}

/* As deep as there is something. */
static const yaml_node_t *find(yaml_document_t *document, unsigned rule, const char *member, const char *part) {
	const yaml_node_t *node = item_of(document, value_of(document, yaml_document_get_root_node(document), "rules"), rule);
	const yaml_node_t *inner = member ? value_of(document, node, member) : NULL;
	const yaml_node_t *innermost = part ? value_of(document, inner, part) : NULL;

	return innermost ? innermost : inner ? inner : node;
}

struct config_place config_place_of_rule(struct bytes yaml, unsigned rule, const char *member, const char *part) {
	struct config_place place = { 0, 0 };
	const yaml_node_t *node;
	yaml_document_t document;
	yaml_parser_t parser;

	if (yaml_parser_initialize(&parser) != 1)
		return place;
	yaml_parser_set_input_string(&parser, yaml.data, yaml.len);
	if (yaml_parser_load(&parser, &document) == 1) {
		node = find(&document, rule, member, part);
		if (node)
			place = (struct config_place){ (unsigned)node->start_mark.line + 1, (unsigned)node->start_mark.column + 1 };
		yaml_document_delete(&document);
	}
	yaml_parser_delete(&parser);
	return place;
}
