/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signs and decrypts with each key that needs no PIN now, the way programs do, and takes the time.
 *
 * Nobody is asked for a PIN, whatever happens meanwhile: the agent is told so first. Nothing is written but to memory.
 */
#include "probe.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define AREA "self-test"

static const char content[] = "smime doctor signs and encrypts this text to itself.\n";

struct trial {
	struct doctor *doctor;
	const struct smime_certificate *certificate;
	char name[DOCTOR_NAME_BYTES];
	int in, middle, out; /* files in memory */
};

static void close_all(struct trial *trial) {
	const int files[] = { trial->in, trial->middle, trial->out };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i] >= 0)
			(void)close(files[i]);
}

static int memory_file(const void *data, size_t len) {
	int fd = memfd_create("smime-doctor", MFD_CLOEXEC);

	if (fd >= 0 && (write(fd, data, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static bool open_all(struct trial *trial) {
	trial->in = memory_file(content, sizeof(content) - 1);
	trial->middle = memory_file("", 0);
	trial->out = memory_file("", 0);
	return trial->in >= 0 && trial->middle >= 0 && trial->out >= 0;
}

static bool holds_content(int fd) {
	char read_back[sizeof(content) + 1];

	return pread(fd, read_back, sizeof(read_back), 0) == (ssize_t)sizeof(content) - 1 &&
		memcmp(read_back, content, sizeof(content) - 1) == 0;
}

static long long now_ms(void) {
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void tell_failure(const struct trial *trial, int r, const char *what) {
	doctor_fault(
		trial->doctor, (enum smime_error) - r, AREA, NULL, "%s %s: %s", trial->name, what, smime_message(trial->doctor->smime));
}

/* ---- Signing ---- */

/* What trust and chains make of it has lines of its own. */
static const struct smime_check *bad_check(const struct smime_report *report) {
	static const char *const names[] = { "signature", "digest", "attributes", "algorithm" };
	const struct smime_signer *signer = report && report->layer_count > 0 ? report->layers[0].signers : NULL;

	for (size_t i = 0; signer && i < signer->check_count; i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (signer->checks[i].outcome == SMIME_BAD && strcmp(signer->checks[i].name, names[k]) == 0)
				return &signer->checks[i];
	return NULL;
}

static void verify(const struct trial *trial, long long took_ms) {
	const struct smime_verify_options options = { .cms = true };
	struct smime_report *report = NULL;
	const struct smime_check *bad;
	int r;

	(void)lseek(trial->middle, 0, SEEK_SET);
	r = smime_verify(trial->doctor->smime, trial->middle, -1, &options, &report);
	bad = bad_check(report);
	if (bad)
		doctor_fault(
			trial->doctor, SMIME_E_SIGNATURE, AREA, NULL, "%s signs, but wrongly: %s: %s", trial->name, bad->name, bad->text);
	else if (r < 0 && r != -SMIME_E_UNTRUSTED)
		tell_failure(trial, r, "signs, but that can't be verified");
	else
		doctor_good(trial->doctor, AREA, "%s has signed in %lld ms", trial->name, took_ms);
	(void)smime_report_free(report);
}

static void try_signing(const struct trial *trial) {
	const struct smime_sign_options options = { .key = trial->certificate->fingerprint, .cms = true };
	long long begin_ms = now_ms();
	int r = smime_sign(trial->doctor->smime, trial->in, trial->middle, &options);

	if (r < 0)
		tell_failure(trial, r, "does not sign");
	else
		verify(trial, now_ms() - begin_ms);
}

/* ---- Decrypting ---- */

static int encrypt_to(const struct trial *trial) {
	int certificate = memory_file(trial->certificate->der, trial->certificate->der_len);
	char path[32];
	const char *const recipients[] = { path };
	const struct smime_encrypt_options options = { .recipients = recipients, .recipient_count = 1, .no_self = true, .cms = true };
	int r;

	if (certificate < 0)
		return -SMIME_E_SPOOL;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", certificate);
	r = smime_encrypt(trial->doctor->smime, trial->in, trial->middle, &options);
	(void)close(certificate);
	(void)lseek(trial->middle, 0, SEEK_SET);
	return r;
}

static void try_decrypting(const struct trial *trial) {
	const struct smime_decrypt_options options = { .verify.cms = true };
	struct smime_report *report = NULL;
	long long begin_ms;
	int r = encrypt_to(trial);

	if (r < 0) {
		tell_failure(trial, r, "can't be encrypted to");
		return;
	}
	begin_ms = now_ms();
	r = smime_decrypt(trial->doctor->smime, trial->middle, trial->out, &options, &report);
	if (r < 0)
		tell_failure(trial, r, "does not decrypt");
	else if (!holds_content(trial->out))
		doctor_fault(trial->doctor, SMIME_E_INTEGRITY, AREA, NULL, "%s decrypts to something else than was encrypted", trial->name);
	else
		doctor_good(trial->doctor, AREA, "%s has decrypted in %lld ms", trial->name, now_ms() - begin_ms);
	(void)smime_report_free(report);
}

/* ---- Which keys ---- */

static void with_files(struct trial *trial, void (*attempt)(const struct trial *trial)) {
	if (open_all(trial))
		attempt(trial);
	else
		doctor_fault(trial->doctor, SMIME_E_SPOOL, AREA, NULL, "no file can be made in memory");
	close_all(trial);
}

static bool has_prompt(const struct smime_status *status, const char *token_id) {
	for (size_t i = 0; i < status->line_count; i++)
		if (strcmp(status->line[i].token_id, token_id) == 0)
			return true;
	return false;
}

/* Why a key is left out, or NULL. */
static const char *why_not(const struct doctor *doctor, const struct smime_key *key) {
	const struct smime_token *token = doctor_token(doctor, key->token_id);

	if (!token || token->state != SMIME_TOKEN_READY)
		return "its token can't be used";
	if (!token->unlocked)
		return "its token is locked; `smime unlock` asks for the PIN";
	if (key->always_authenticate)
		return "it wants the PIN for each operation";
	return has_prompt(doctor->status, token->id) ? "somebody is being asked for the PIN of its token" : NULL;
}

static void examine_key(struct doctor *doctor, const struct smime_key *key) {
	struct trial trial = { .doctor = doctor, .certificate = doctor_certificate(doctor, key) };
	const char *why = why_not(doctor, key);

	if (!trial.certificate || (trial.certificate->cannot_sign && trial.certificate->cannot_encrypt))
		return;
	(void)doctor_key(doctor, key, trial.name);
	if (why) {
		doctor_note(doctor, AREA, NULL, "%s was not tried: %s", trial.name, why);
		return;
	}
	if (!trial.certificate->cannot_sign)
		with_files(&trial, try_signing);
	if (!trial.certificate->cannot_encrypt)
		with_files(&trial, try_decrypting);
}

void doctor_self_test(struct doctor *doctor) {
	if (!doctor->options->self_test || !doctor->status || !doctor->keys)
		return;
	if (!doctor_is_same_version(doctor)) {
		doctor_note(doctor, AREA, NULL, "no key was tried, since an agent of another version may not know that it must not ask");
		return;
	}
	smime_set_prompts(doctor->smime, false);
	for (size_t i = 0; i < doctor->keys->count; i++)
		examine_key(doctor, &doctor->keys->keys[i]);
	smime_set_prompts(doctor->smime, true);
}
