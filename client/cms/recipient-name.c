/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The quick look: definite lengths and short tags, which is what every sender writes here.
 */
#include "recipient-name.h"

#include "ber.h"

enum { LENGTH_OCTETS_MAX = 3 };

struct tlv {
	uint8_t id;
	struct bytes contents;
};

/* Takes the first element off `in`. Returns 0 or 1. */
static int take(struct bytes *in, struct tlv *ret_tlv) {
	size_t at = 2, len;

	if (in->len < 2 || (in->data[0] & 0x1f) == 0x1f)
		return 1;
	len = in->data[1];
	if (len & 0x80) {
		unsigned octets = len & 0x7f;

		if (octets == 0 || octets > LENGTH_OCTETS_MAX || in->len - 2 < octets)
			return 1;
		for (len = 0; octets > 0; octets--)
			len = len << 8 | in->data[at++];
	}
	if (in->len - at < len)
		return 1;
	*ret_tlv = (struct tlv){ .id = in->data[0], .contents = { in->data + at, len } };
	*in = (struct bytes){ in->data + at + len, in->len - at - len };
	return 0;
}

static int take_id(struct bytes *in, uint8_t id, struct bytes *ret_contents) {
	struct tlv tlv;

	if (take(in, &tlv) != 0 || tlv.id != id)
		return 1;
	*ret_contents = tlv.contents;
	return 0;
}

/* The three forms of rid that there are in both kinds of RecipientInfo. */
static int name_of(struct tlv rid, struct own_name *ret_name) {
	struct bytes issuer, value;

	switch (rid.id) {
	case BER_ID_SEQUENCE:
		if (take_id(&rid.contents, BER_ID_SEQUENCE, &issuer) != 0 || take_id(&rid.contents, BER_ID_INTEGER, &value) != 0)
			return 1;
		*ret_name = (struct own_name){ .key_id = false, .value = value };
		return 0;
	case BER_ID_CONTEXT: /* SubjectKeyIdentifier, [0] IMPLICIT */
		*ret_name = (struct own_name){ .key_id = true, .value = rid.contents };
		return 0;
	case BER_ID_CONTEXT_CONSTRUCTED: /* RecipientKeyIdentifier, [0] IMPLICIT */
		if (take_id(&rid.contents, BER_ID_OCTET_STRING, &value) != 0)
			return 1;
		*ret_name = (struct own_name){ .key_id = true, .value = value };
		return 0;
	default:
		return 1;
	}
}

int recipient_name_key_trans(struct bytes key_trans, struct own_name *ret_name) {
	struct bytes fields, version;
	struct tlv rid;

	if (take_id(&key_trans, BER_ID_SEQUENCE, &fields) != 0 || take_id(&fields, BER_ID_INTEGER, &version) != 0 ||
		take(&fields, &rid) != 0)
		return 1;
	return name_of(rid, ret_name);
}

int recipient_name_encrypted_key(struct bytes encrypted_key, struct own_name *ret_name) {
	struct bytes fields;
	struct tlv rid;

	if (take_id(&encrypted_key, BER_ID_SEQUENCE, &fields) != 0 || take(&fields, &rid) != 0)
		return 1;
	return name_of(rid, ret_name);
}
