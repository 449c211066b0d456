/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The texts and exit codes of the one enumeration of errors.
 */
#include <stddef.h>
#include <stdlib.h>

#include <smime/error.h>

#include "base.h"

static const struct {
	int code;
	const char *text;
} error_texts[] = {
	{ SMIME_OK, "done" },
	{ SMIME_E_SIGNATURE, "the signature is bad" },
	{ SMIME_E_UNTRUSTED, "the signer is not trusted" },
	{ SMIME_E_NOT_SIGNED, "not signed" },
	{ SMIME_E_NOT_RECIPIENT, "not encrypted to any key of the agent" },
	{ SMIME_E_INTEGRITY, "the content can't be decrypted or was changed" },
	{ SMIME_E_NOT_ENCRYPTED, "not encrypted" },
	{ SMIME_E_UNAUTHENTICATED, "no good signature, and one is required" },
	{ SMIME_E_USAGE, "wrong usage" },
	{ SMIME_E_NO_AGENT, "no agent answers" },
	{ SMIME_E_AGENT_GONE, "the agent closed the connection" },
	{ SMIME_E_AGENT_VERSION, "the agent speaks another protocol version" },
	{ SMIME_E_NO_TOKEN, "no such token" },
	{ SMIME_E_TOKEN_GONE, "the token was removed" },
	{ SMIME_E_TOKEN_FAULT, "the token or its module failed" },
	{ SMIME_E_TOKEN_TIMEOUT, "the token did not answer in time" },
	{ SMIME_E_NO_KEY, "no such key" },
	{ SMIME_E_KEY_AMBIGUOUS, "several keys match" },
	{ SMIME_E_KEY_UNUSABLE, "the key can't be used for this" },
	{ SMIME_E_MECHANISM, "the token lacks a mechanism that is needed" },
	{ SMIME_E_NO_CERTIFICATE, "no certificate" },
	{ SMIME_E_CERT_EXPIRED, "the certificate is expired or not yet valid" },
	{ SMIME_E_CERT_AMBIGUOUS, "several certificates match" },
	{ SMIME_E_CERT_UNUSABLE, "the certificate can't be used for this" },
	{ SMIME_E_PIN_WRONG, "wrong PIN" },
	{ SMIME_E_PIN_LOCKED, "the PIN is blocked" },
	{ SMIME_E_PIN_CANCELLED, "the PIN prompt was cancelled" },
	{ SMIME_E_PIN_NO_PROMPT, "the PIN can't be asked for" },
	{ SMIME_E_PIN_UNSET, "the token has no PIN yet" },
	{ SMIME_E_DENIED, "denied" },
	{ SMIME_E_MALFORMED, "malformed" },
	{ SMIME_E_TRUNCATED, "truncated" },
	{ SMIME_E_NOT_MAIL, "not a mail: no header" },
	{ SMIME_E_NOT_CMS, "neither CMS nor S/MIME" },
	{ SMIME_E_TOO_LARGE, "over a limit" },
	{ SMIME_E_UNSUPPORTED, "not supported" },
	{ SMIME_E_IO, "reading or writing failed" },
	{ SMIME_E_CHANGED, "it was changed while it was read" },
	{ SMIME_E_SPOOL, "no copy of it can be kept in $TMPDIR" },
	{ SMIME_E_INTERNAL, "internal error" },
	{ SMIME_E_NO_MEMORY, "out of memory" },
	{ SMIME_E_PROTOCOL, "protocol error" },
	{ SMIME_E_BUSY, "a limit of the agent is reached" },
};

__attribute__((visibility("default"))) const char *smime_strerror(int r) {
	for (size_t i = 0; i < ELEMENTSOF(error_texts); i++)
		if (error_texts[i].code == abs(r))
			return error_texts[i].text;
	return "unknown error";
}

__attribute__((visibility("default"))) int smime_exit_code(int r) {
	int group = abs(r) / 100;

	return group <= 8 ? group : 8;
}
