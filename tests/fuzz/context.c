/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "context.h"

#include <sys/mman.h>

#include <smime/smime.h>

#include "agent/wire/text.h"
#include "client/lib/anchors.h"
#include "fuzz.h"
#include "smime/error.h"

/* In place of the one that loads NSS's list, which differs from machine to machine. */
int anchors_from_system(struct anchors *anchors) {
	return 1;
}

void context_prepare(void) {
	REQUIRE(setenv("HOME", "/nonexistent", 1) == 0 && setenv("XDG_CONFIG_HOME", "/nonexistent", 1) == 0);
	(void)fuzz_people();
}

int context_file(struct bytes data) {
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	REQUIRE(fd >= 0 && (data.len == 0 || write(fd, data.data, data.len) == (ssize_t)data.len) && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

/* Texts are for people: what is in them after smime_printable() is one clean line. */
static void check_text(const char *text) {
	_cleanup_(freep) char *copy = text ? strdup(text) : NULL;

	if (copy)
		REQUIRE(text_is_clean(smime_printable(copy), strlen(copy)));
}

static void check_signer(const struct smime_signer *signer) {
	bool bad = false, signature = false;

	check_text(signer->subject);
	check_text(signer->algorithm);
	for (size_t i = 0; i < signer->check_count; i++) {
		const struct smime_check *check = &signer->checks[i];

		REQUIRE(check->name && check->text);
		check_text(check->text);
		bad = bad || check->outcome == SMIME_BAD;
		signature = signature || (strcmp(check->name, "signature") == 0 && check->outcome == SMIME_GOOD);
	}
	REQUIRE(!signer->good || (!bad && signature));
}

static void check_layer(const struct smime_layer *layer) {
	bool all = layer->signer_count > 0;

	for (size_t i = 0; i < layer->signer_count; i++) {
		check_signer(&layer->signers[i]);
		all = all && layer->signers[i].good;
	}
	REQUIRE(layer->kind != SMIME_LAYER_SIGNED || layer->good == all);
}

static void check_report(const struct smime_report *report, int r) {
	for (size_t i = 0; i < report->layer_count; i++)
		check_layer(&report->layers[i]);
	REQUIRE(r != 0 || (report->signed_ && report->good));
	REQUIRE(report->first_bad);
}

int context_verify(struct bytes message, bool cms) {
	static const char *const trust[] = { FUZZ_KEYS "/ca.pem" };
	struct smime_verify_options options = {
		.trust = trust, .trust_count = 1, .at = FUZZ_TIME, .cms = cms, .revocation = SMIME_REVOCATION_SOFT
	};
	struct smime_report *report = NULL;
	struct smime *s = NULL;
	int in = context_file(message), out = context_file((struct bytes){ NULL, 0 }), r;

	REQUIRE(smime_new(&s) == 0 && smime_set_socket(s, "/nonexistent/agent.sock") == 0);
	smime_set_autostart(s, false);
	r = smime_verify(s, in, out, &options, &report);
	REQUIRE(r <= 0 && (r == 0 || smime_message(s)[0] != '\0'));
	if (report)
		check_report(report, r);
	/* Nothing is released of what is not good. */
	REQUIRE(r == 0 || lseek(out, 0, SEEK_END) == 0);
	smime_report_free(report);
	(void)smime_free(s);
	close_fdp(&in);
	close_fdp(&out);
	return r;
}
