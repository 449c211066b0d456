/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * BER-TLV with tags of one octet and lengths up to 65535; see card.h.
 */
#include "card.h"

void tlv_append(struct data *data, const void *bytes, size_t len) {
	if (len > sizeof(data->bytes) - data->len)
		abort();
	if (len > 0)
		memcpy(data->bytes + data->len, bytes, len);
	data->len += len;
}

void tlv_header(struct data *data, unsigned tag, size_t len) {
	uint8_t header[4] = { (uint8_t)tag };

	if (len < 0x80) {
		header[1] = (uint8_t)len;
		tlv_append(data, header, 2);
	} else if (len < 0x100) {
		header[1] = 0x81;
		header[2] = (uint8_t)len;
		tlv_append(data, header, 3);
	} else {
		header[1] = 0x82;
		header[2] = (uint8_t)(len >> 8);
		header[3] = (uint8_t)len;
		tlv_append(data, header, 4);
	}
}

bool tlv_take(struct bytes *rest, unsigned *ret_tag, struct bytes *ret_value) {
	const uint8_t *p = rest->data;
	size_t header = 2, len;

	if (rest->len < header)
		return false;
	len = p[1];
	if (len == 0x81 || len == 0x82) {
		header += len - 0x80;
		if (rest->len < header)
			return false;
		len = header == 3 ? p[2] : (size_t)(p[2] << 8 | p[3]);
	} else if (len >= 0x80) {
		return false;
	}
	if (rest->len - header < len)
		return false;
	*ret_tag = p[0];
	*ret_value = (struct bytes){ p + header, len };
	*rest = (struct bytes){ p + header + len, rest->len - header - len };
	return true;
}
