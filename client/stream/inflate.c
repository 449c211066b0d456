/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * zlib's decompression behind dlopen(), see inflate.h. Types and prototypes are those of zlib's own header.
 *
 * Must never give more than the limits, whatever the caller asks for: they are counted before anything is handed out.
 */
#include "inflate.h"

#include <dlfcn.h>
#include <pthread.h>

#include <zlib.h>

#include "smime/error.h"

#define ZLIB_FUNCTIONS(F) \
	F(inflateInit_)   \
	F(inflate)        \
	F(inflateEnd)

#define DECLARE_FUNCTION(name) __typeof__(&name) name;
struct zlib {
	bool loaded;
	ZLIB_FUNCTIONS(DECLARE_FUNCTION)
};

/* Written once, by load(). */
static struct zlib zlib;
static pthread_once_t zlib_once = PTHREAD_ONCE_INIT;

static void load(void) {
	void *library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	bool complete = library != NULL;

	if (!library)
		return;
#define LOAD_FUNCTION(name)                                                  \
	zlib.name = (__typeof__(zlib.name))(uintptr_t)dlsym(library, #name); \
	complete = complete && zlib.name != NULL;
	ZLIB_FUNCTIONS(LOAD_FUNCTION)
	zlib.loaded = complete;
}

struct inflate_pass {
	struct reader *in;
	z_stream stream;
	uint64_t out; /* octets so far */
	bool begun, ended;
};

static void inflate_close(void *state) {
	struct inflate_pass *pass = state;

	if (pass->begun)
		(void)zlib.inflateEnd(&pass->stream);
	reader_close(pass->in);
	free(pass);
}

static int begin(struct inflate_pass *pass, struct source *parent) {
	if (pthread_once(&zlib_once, load) != 0 || !zlib.loaded)
		return -SMIME_E_UNSUPPORTED;
	if (zlib.inflateInit_(&pass->stream, ZLIB_VERSION, (int)sizeof(pass->stream)) != Z_OK)
		return -SMIME_E_NO_MEMORY;
	pass->begun = true;
	return source_open(parent, &pass->in);
}

static int inflate_open(void *self, void **ret_state) {
	struct inflate_pass *pass = calloc(1, sizeof(*pass));
	int r = pass ? begin(pass, self) : -SMIME_E_NO_MEMORY;

	if (r < 0) {
		if (pass)
			inflate_close(pass);
		return r;
	}
	*ret_state = pass;
	return 0;
}

/* The end of the stream has to be the end of the source: what follows would be seen by nobody. */
static int check_end(struct inflate_pass *pass) {
	const uint8_t *data;
	size_t len;
	int r = reader_peek(pass->in, 1, &data, &len);

	pass->ended = true;
	return r < 0 ? r : len > 0 ? -SMIME_E_MALFORMED : 0;
}

static bool beyond_limits(const struct inflate_pass *pass) {
	return pass->out > INFLATE_MAX_BYTES || (pass->out > INFLATE_FREE_BYTES && pass->out / INFLATE_RATIO_MAX > reader_offset(pass->in));
}

/* One call of zlib on what is in memory of the input. */
static int inflate_some(struct inflate_pass *pass, uint8_t *dst, size_t cap, size_t *ret_len) {
	const uint8_t *data;
	size_t len;
	int r = reader_peek(pass->in, 1, &data, &len);

	if (r < 0)
		return r;
	/* Without input there may be output left that had no room. */
	pass->stream.next_in = (Bytef *)(uintptr_t)data;
	pass->stream.avail_in = (uInt)len;
	pass->stream.next_out = dst;
	pass->stream.avail_out = (uInt)cap;
	r = zlib.inflate(&pass->stream, Z_NO_FLUSH);
	if (r == Z_MEM_ERROR)
		return -SMIME_E_NO_MEMORY;
	if (r == Z_BUF_ERROR && len == 0)
		return -SMIME_E_TRUNCATED;
	if (r != Z_OK && r != Z_STREAM_END)
		return -SMIME_E_MALFORMED;
	reader_consume(pass->in, len - pass->stream.avail_in);
	*ret_len = cap - pass->stream.avail_out;
	pass->out += *ret_len;
	if (beyond_limits(pass))
		return -SMIME_E_TOO_LARGE;
	return r == Z_STREAM_END ? check_end(pass) : 0;
}

static ssize_t inflate_read(void *state, uint8_t *dst, size_t cap) {
	struct inflate_pass *pass = state;
	size_t n = 0;

	while (n == 0 && !pass->ended) {
		int r = inflate_some(pass, dst, cap, &n);

		if (r < 0)
			return r;
	}
	return (ssize_t)n;
}

static void inflate_free(void *self) {
	source_unref(self);
}

static const struct source_ops inflate_ops = {
	.open = inflate_open,
	.read = inflate_read,
	.close = inflate_close,
	.free = inflate_free,
};

int source_inflate(struct source *parent, struct source **ret_source) {
	struct source *source = source_new(&inflate_ops, source_ref(parent));

	if (!source)
		return -SMIME_E_NO_MEMORY;
	*ret_source = source;
	return 0;
}
