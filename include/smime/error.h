/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The errors of smime-agent: one enumeration for the library, the command line and the wire.
 *
 * A call of libsmime returns 0 or more for success and the negative of one of these values for a failure. The number is
 * also what an agent's error reply carries, so values are never reused or renumbered; new ones are added at the end of
 * their group.
 */
#ifndef SMIME_ERROR_H
#define SMIME_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

enum smime_error {
	SMIME_OK = 0,

	/* The answer is no (exit code 1). */
	SMIME_E_SIGNATURE = 100,       /* a signature or digest does not match */
	SMIME_E_UNTRUSTED = 101,       /* the signature is good, but its certificate or address is not accepted */
	SMIME_E_NOT_SIGNED = 102,      /* nothing here is signed */
	SMIME_E_NOT_RECIPIENT = 103,   /* no key of the agent is among the recipients */
	SMIME_E_INTEGRITY = 104,       /* content can't be decrypted or was changed; deliberately one code for every cause */
	SMIME_E_NOT_ENCRYPTED = 105,   /* nothing here is encrypted */
	SMIME_E_UNAUTHENTICATED = 106, /* a signature was required and there is none that is good */

	/* Wrong usage (exit code 2). */
	SMIME_E_USAGE = 200,

	/* No agent (exit code 3). */
	SMIME_E_NO_AGENT = 300,      /* nothing answers on the socket */
	SMIME_E_AGENT_GONE = 301,    /* the agent closed the connection before it answered */
	SMIME_E_AGENT_VERSION = 302, /* the agent speaks another protocol version */

	/* Token, key, certificate or PIN (exit code 4). */
	SMIME_E_NO_TOKEN = 400,      /* no token, or none of that name */
	SMIME_E_TOKEN_GONE = 401,    /* the token was removed during the operation */
	SMIME_E_TOKEN_FAULT = 402,   /* the token or its module failed */
	SMIME_E_TOKEN_TIMEOUT = 403, /* the token did not answer in time */
	SMIME_E_NO_KEY = 410,
	SMIME_E_KEY_AMBIGUOUS = 411,
	SMIME_E_KEY_UNUSABLE = 412,   /* the key or its certificate does not allow this use */
	SMIME_E_MECHANISM = 413,      /* the token lacks what the operation needs */
	SMIME_E_NO_CERTIFICATE = 420, /* no certificate for this name */
	SMIME_E_CERT_EXPIRED = 421,   /* expired, or not valid yet */
	SMIME_E_CERT_AMBIGUOUS = 422,
	SMIME_E_CERT_UNUSABLE = 423, /* a recipient's certificate that can't be encrypted to */
	SMIME_E_PIN_WRONG = 430,
	SMIME_E_PIN_LOCKED = 431,    /* blocked by too many wrong tries */
	SMIME_E_PIN_CANCELLED = 432, /* the person closed the prompt, or it timed out */
	SMIME_E_PIN_NO_PROMPT = 433, /* no way to ask: no pinentry, no terminal, no display */
	SMIME_E_PIN_UNSET = 434,     /* the token has no user PIN yet */

	/* Denied by policy or by the user (exit code 5). */
	SMIME_E_DENIED = 500,

	/* Malformed input (exit code 6). */
	SMIME_E_MALFORMED = 600,   /* not the structure it should be */
	SMIME_E_TRUNCATED = 601,   /* ends before its structure does */
	SMIME_E_NOT_MAIL = 602,    /* mail text without a header */
	SMIME_E_NOT_CMS = 603,     /* no CMS and no S/MIME entity */
	SMIME_E_TOO_LARGE = 604,   /* a limit of docs/design.md is exceeded */
	SMIME_E_UNSUPPORTED = 605, /* well-formed, but an algorithm or type that is not supported or not allowed */

	/* File or stream (exit code 7). */
	SMIME_E_IO = 700,
	SMIME_E_CHANGED = 701, /* somebody wrote to the input while it was read */
	SMIME_E_SPOOL = 702,   /* no copy can be kept of what comes through a pipe */

	/* Internal (exit code 8). */
	SMIME_E_INTERNAL = 800,
	SMIME_E_NO_MEMORY = 801,
	SMIME_E_PROTOCOL = 802, /* a frame or message that breaks docs/protocol.asn1 */
	SMIME_E_BUSY = 803,     /* a limit of the agent is reached; try again */
};

/*
 * A short English text for an error, without a final full stop. r: 0, or an error as a call returned it (negative) or as
 * the enumeration has it (positive). Never NULL; the text is static.
 */
const char *smime_strerror(int r);

/* The exit code (0 to 8) that docs/smime.1 promises for an error; r as for smime_strerror(). */
int smime_exit_code(int r);

#ifdef __cplusplus
}
#endif

#endif
