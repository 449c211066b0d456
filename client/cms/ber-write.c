/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The writer's side of BER.
 */
#include "ber-write.h"

#include "agent/cms/leaf.h"
#include "content-info.h"
#include "smime/error.h"

enum { LENGTH_SHORT_MAX = 127 };

int ber_put_header(struct sink *sink, uint8_t id, uint64_t len) {
	uint8_t header[2 + sizeof(len)] = { id };
	unsigned octets = 0;

	if (len <= LENGTH_SHORT_MAX) {
		header[1] = (uint8_t)len;
		return sink_write(sink, header, 2);
	}
	while (octets < sizeof(len) && len >> (8 * octets) > 0)
		octets++;
	header[1] = (uint8_t)(0x80 | octets);
	for (unsigned i = 0; i < octets; i++)
		header[2 + i] = (uint8_t)(len >> (8 * (octets - 1 - i)));
	return sink_write(sink, header, 2 + octets);
}

int ber_put(struct sink *sink, uint8_t id, struct bytes contents) {
	int r;

	r = ber_put_header(sink, id, contents.len);
	return r < 0 ? r : sink_write(sink, contents.data, contents.len);
}

int ber_put_integer(struct sink *sink, uint8_t value) {
	return ber_put(sink, BER_ID_INTEGER, (struct bytes){ &value, 1 });
}

int ber_put_value(struct sink *sink, const void *value, const ASN1_ITEM *item) {
	_cleanup_(freep) uint8_t *der = NULL;
	size_t len;
	int r;

	r = cms_der(value, item, &der, &len);
	return r < 0 ? r : sink_write(sink, der, len);
}

int ber_put_object(struct sink *sink, const char *dotted) {
	_cleanup_(asn1_object_freep) ASN1_OBJECT *object = cms_object(dotted);

	return object ? ber_put_value(sink, object, ASN1_ITEM_rptr(ASN1_OBJECT)) : -SMIME_E_NO_MEMORY;
}

int ber_put_begin(struct sink *sink, uint8_t id) {
	const uint8_t header[] = { id, 0x80 };

	return sink_write(sink, header, sizeof(header));
}

int ber_put_end(struct sink *sink, unsigned count) {
	static const uint8_t end_of_contents[2] = { 0, 0 };
	int r = 0;

	while (r == 0 && count-- > 0)
		r = sink_write(sink, end_of_contents, sizeof(end_of_contents));
	return r;
}
