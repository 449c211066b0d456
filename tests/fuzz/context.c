/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "context.h"

#include <sys/mman.h>

#include <smime/smime.h>

#include "agent/wire/text.h"
#include "client/cms/enveloped.h"
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

static void check_report(const struct smime_report *report) {
	for (size_t i = 0; i < report->layer_count; i++)
		check_layer(&report->layers[i]);
	REQUIRE(report->first_bad);
}

static const char *const trust[] = { FUZZ_KEYS "/ca.pem" };

static struct smime *new_context(void) {
	struct smime *s = NULL;

	REQUIRE(smime_new(&s) == 0 && smime_set_socket(s, "/nonexistent/agent.sock") == 0);
	smime_set_autostart(s, false);
	return s;
}

int context_verify(struct bytes message, bool cms) {
	const struct smime_verify_options options = {
		.trust = trust, .trust_count = 1, .at = FUZZ_TIME, .cms = cms, .revocation = SMIME_REVOCATION_SOFT
	};
	struct smime_report *report = NULL;
	struct smime *s = new_context();
	int in = context_file(message), out = context_file((struct bytes){ NULL, 0 });
	int r = smime_verify(s, in, out, &options, &report);

	REQUIRE(r <= 0 && (r == 0 || smime_message(s)[0] != '\0'));
	REQUIRE(r != 0 || (report && report->signed_ && report->good));
	if (report)
		check_report(report);
	/* Nothing is released of what is not good. */
	REQUIRE(r == 0 || lseek(out, 0, SEEK_END) == 0);
	smime_report_free(report);
	(void)smime_free(s);
	close_fdp(&in);
	close_fdp(&out);
	return r;
}

int context_decrypt(struct bytes message, bool cms) {
	const struct smime_decrypt_options options = {
		.verify = { .trust = trust, .trust_count = 1, .at = FUZZ_TIME, .cms = cms },
		.kek_file = FUZZ_KEYS "/kek",
	};
	struct smime_report *report = NULL;
	struct smime *s = new_context();
	int in = context_file(message), out = context_file((struct bytes){ NULL, 0 });
	int r = smime_decrypt(s, in, out, &options, &report);

	REQUIRE(r <= 0 && (r == 0 || smime_message(s)[0] != '\0'));
	REQUIRE(r != 0 || (report && report->encrypted));
	if (report)
		check_report(report);
	REQUIRE(r != -SMIME_E_INTEGRITY || lseek(out, 0, SEEK_END) == 0);
	smime_report_free(report);
	(void)smime_free(s);
	close_fdp(&in);
	close_fdp(&out);
	return r;
}

void context_decrypt_own(struct bytes entity) {
	static const char head[] = "From: Bob <bob@example.org>\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n"
				   "Content-Transfer-Encoding: binary\r\n\r\n";
	_cleanup_(shared_secrets_clear) struct shared_secrets secrets = { .kek_id = "id", .kek_id_len = 2 };
	const struct enveloped_writing writing = { .cipher = "aes128-cbc", .shared = &secrets };
	_cleanup_(source_unrefp) struct source *content = fuzz_source(entity, READER_BUFFER_BYTES);
	_cleanup_(sink_freep) struct sink *sink = NULL;
	FILE *file = fopen(FUZZ_KEYS "/kek", "rb");
	uint8_t kek[16];

	REQUIRE(file && fread(kek, 1, sizeof(kek), file) == sizeof(kek) && fclose(file) == 0);
	REQUIRE(secret_set(&secrets.kek, kek, sizeof(kek)) == 0);
	REQUIRE(sink_to_memory(1024 * 1024, &sink) == 0 && sink_puts(sink, head) == 0);
	REQUIRE(enveloped_write(sink, content, &writing) == 0);
	int r = context_decrypt(sink_memory(sink), false);
	REQUIRE(r != -SMIME_E_INTEGRITY && r != -SMIME_E_NOT_RECIPIENT && r != -SMIME_E_NOT_ENCRYPTED);
}
