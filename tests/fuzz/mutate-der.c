/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A mutator that knows what DER is made of, for targets that take it: elements are left out, doubled, exchanged, given other
 * tags and contents, and the lengths around them are mended. Half of the time the fuzzer's own mutations are used, which
 * break lengths.
 */
#include "fuzz.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

enum { NODES_MAX = 400, BUFFER_MAX = 128 * 1024, NO_PARENT = -1 };

struct node {
	size_t begin, contents, end;
	int parent;
	bool constructed, indefinite;
};

struct tree {
	const uint8_t *data;
	struct node nodes[NODES_MAX];
	int count;
};

struct text {
	uint8_t data[BUFFER_MAX];
	size_t len;
};

static void add(struct text *text, const uint8_t *data, size_t len) {
	if (len > BUFFER_MAX - text->len)
		len = BUFFER_MAX - text->len;
	memcpy(text->data + text->len, data, len);
	text->len += len;
}

/* Reads one header; false when there is none. Long tags are not looked into. */
static bool read_header(const uint8_t *data, size_t begin, size_t end, struct node *ret_node) {
	size_t at = begin + 2, len, octets;

	if (end - begin < 2 || (data[begin] & 0x1f) == 0x1f)
		return false;
	len = data[begin + 1];
	*ret_node = (struct node){ .begin = begin, .constructed = data[begin] & 0x20, .indefinite = len == 0x80 };
	if (len > 0x80) {
		octets = len & 0x7f;
		for (len = 0; octets > 0 && at < end && len < BUFFER_MAX; octets--)
			len = len << 8 | data[at++];
	}
	if (ret_node->indefinite)
		len = end - at;
	ret_node->contents = at;
	ret_node->end = at + len;
	return at <= end && len <= end - at;
}

static void read_level(struct tree *tree, size_t begin, size_t end, int parent) {
	struct node node;

	while (tree->count < NODES_MAX && read_header(tree->data, begin, end, &node)) {
		int self = tree->count++;

		node.parent = parent;
		tree->nodes[self] = node;
		if (node.constructed)
			read_level(tree, node.contents, node.end, self);
		begin = node.end;
	}
}

static void add_header(struct text *text, uint8_t tag, size_t len) {
	uint8_t header[6] = { tag, (uint8_t)len };
	size_t octets = len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;

	if (octets > 0)
		header[1] = (uint8_t)(0x80 | octets);
	for (size_t i = 0; i < octets; i++)
		header[2 + i] = (uint8_t)(len >> 8 * (octets - 1 - i));
	add(text, header, 2 + octets);
}

static unsigned next(unsigned *seed) {
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 8;
}

static void add_node(struct text *text, const struct tree *tree, int i) {
	add(text, tree->data + tree->nodes[i].begin, tree->nodes[i].end - tree->nodes[i].begin);
}

static void add_changed_tag(struct text *text, const struct tree *tree, int i, unsigned *seed) {
	static const uint8_t tags[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x17, 0x18, 0x24, 0x30, 0x31, 0x80, 0x81,
		0x82, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4 };
	size_t at = text->len;

	add_node(text, tree, i);
	if (at < text->len)
		text->data[at] = tags[next(seed) % ELEMENTSOF(tags)];
}

static void add_changed_contents(struct text *text, const struct tree *tree, int i, unsigned *seed) {
	enum { GROWTH = 64 };
	static uint8_t contents[BUFFER_MAX + GROWTH];
	const struct node *node = &tree->nodes[i];
	size_t len = node->end - node->contents;

	memcpy(contents, tree->data + node->contents, len);
	len = next(seed) % 8 == 0 ? 0 : LLVMFuzzerMutate(contents, len, len + GROWTH);
	add_header(text, tree->data[node->begin], len);
	add(text, contents, len);
}

static void add_indefinite(struct text *text, const struct tree *tree, int i) {
	const struct node *node = &tree->nodes[i];
	const uint8_t header[2] = { tree->data[node->begin], 0x80 };

	add(text, header, 2);
	add(text, tree->data + node->contents, node->end - node->contents);
	add(text, (const uint8_t *)"\0\0", 2);
}

/* Writes what comes in place of an element. */
static void replace(struct text *text, const struct tree *tree, int i, unsigned *seed) {
	int other = (int)(next(seed) % (unsigned)tree->count);

	switch (next(seed) % 8) {
	case 0:
		break;
	case 1:
		add_node(text, tree, i);
		add_node(text, tree, i);
		break;
	case 2:
		add_node(text, tree, other);
		break;
	case 3:
		add_node(text, tree, other);
		add_node(text, tree, i);
		break;
	case 4:
		add_changed_tag(text, tree, i, seed);
		break;
	case 5:
		add_indefinite(text, tree, i);
		break;
	default:
		add_changed_contents(text, tree, i, seed);
	}
}

/* Puts the element's parents around it again, one after the other. */
static void rebuild(const struct tree *tree, int i, struct text *text) {
	static struct text outer;

	for (int p = tree->nodes[i].parent; p != NO_PARENT; i = p, p = tree->nodes[p].parent) {
		const struct node *parent = &tree->nodes[p], *node = &tree->nodes[i];
		size_t before = node->begin - parent->contents, behind = parent->end - node->end;

		outer.len = 0;
		if (parent->indefinite)
			add(&outer, tree->data + parent->begin, 2);
		else
			add_header(&outer, tree->data[parent->begin], before + text->len + behind);
		add(&outer, tree->data + parent->contents, before);
		add(&outer, text->data, text->len);
		add(&outer, tree->data + node->end, behind);
		*text = outer;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed) {
	static struct tree tree;
	static struct text text;
	const uint8_t *steps = memmem(data, size < 64 ? size : 64, "\xff\xff", 2);
	size_t begin = steps ? (size_t)(steps - data) + 2 : 1;

	tree = (struct tree){ .data = data };
	if (next(&seed) % 2 && size > begin && size < BUFFER_MAX)
		read_level(&tree, begin, size, NO_PARENT);
	if (tree.count == 0)
		return LLVMFuzzerMutate(data, size, max);
	int i = (int)(next(&seed) % (unsigned)tree.count), top = i;
	while (tree.nodes[top].parent != NO_PARENT)
		top = tree.nodes[top].parent;
	text.len = 0;
	replace(&text, &tree, i, &seed);
	rebuild(&tree, i, &text);
	size_t before = tree.nodes[top].begin, behind = size - tree.nodes[top].end;
	if (before + text.len + behind > max)
		return LLVMFuzzerMutate(data, size, max);
	memmove(data + before + text.len, data + tree.nodes[top].end, behind);
	memcpy(data + before, text.data, text.len);
	return before + text.len + behind;
}
