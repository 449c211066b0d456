/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every limit that both ends of a socket must agree on, with its unit in its name.
 */
#ifndef WIRE_LIMITS_H
#define WIRE_LIMITS_H

enum {
	WIRE_VERSION = 1,
	WIRE_FRAME_MAX_BYTES = 64 * 1024, /* the DER message, without its length word */
	WIRE_PAGE_MAX_BYTES = 48 * 1024,  /* a page of a listing, so that it fits a frame with room to spare */
	WIRE_RECIPIENT_INFO_MAX_BYTES = 16 * 1024,
	WIRE_CERTIFICATE_MAX_BYTES = 16 * 1024,
	WIRE_TEXT_MAX_BYTES = 1024, /* any UTF8String of the protocol */
	WIRE_DIGEST_MAX_BYTES = 64,
	WIRE_FINGERPRINT_BYTES = 32, /* SHA-256, of a SubjectPublicKeyInfo, a certificate or a token's name */
};

#endif
