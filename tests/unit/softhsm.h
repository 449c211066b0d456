/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A SoftHSM token in a directory of its own, filled through Cryptoki, and a smime-token process that serves it.
 */
#ifndef TEST_SOFTHSM_H
#define TEST_SOFTHSM_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "agent/token/cryptoki.h"
#include "agent/wire/message.h"

#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFTHSM_PIN "12%34" /* with a character that Assuan escapes */

struct softhsm {
	char directory[64];
	struct cryptoki *module;
	CK_SESSION_HANDLE session;
};

static inline bool softhsm_installed(void) {
	return access(SOFTHSM_MODULE, R_OK) == 0 && access("/usr/bin/softhsm2-util", X_OK) == 0;
}

static inline int softhsm_run(const char *const argv[]) {
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		(void)dup2(open("/dev/null", O_RDWR), STDOUT_FILENO);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

/* A token "Test" with its user PIN, and a session that is logged in. */
static inline int softhsm_make(struct softhsm *hsm) {
	static const char *const init[] = { "/usr/bin/softhsm2-util", "--init-token", "--free", "--label", "Test", "--pin", SOFTHSM_PIN,
		"--so-pin", "87654321", NULL };
	char path[100];
	CK_SLOT_ID slots[8];
	CK_ULONG count = 8;
	struct fault fault = { "" };
	FILE *file;

	strcpy(hsm->directory, "/tmp/smime-token-XXXXXX");
	if (!mkdtemp(hsm->directory))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/tokens", hsm->directory);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/conf", hsm->directory);
	file = fopen(path, "w");
	fprintf(file, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", hsm->directory);
	(void)fclose(file);
	(void)setenv("SOFTHSM2_CONF", path, 1);
	if (softhsm_run(init) < 0 || cryptoki_open(SOFTHSM_MODULE, NULL, &hsm->module, &fault) < 0 ||
		hsm->module->call->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK || count < 1 ||
		hsm->module->call->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &hsm->session) != CKR_OK)
		return -1;
	return hsm->module->call->C_Login(hsm->session, CKU_USER, (CK_BYTE *)(uintptr_t)SOFTHSM_PIN, strlen(SOFTHSM_PIN)) == CKR_OK ? 0 :
																      -1;
}

/* Ends the filling: from here on another process may use the token. */
static inline void softhsm_close(struct softhsm *hsm) {
	(void)hsm->module->call->C_Finalize(NULL);
	hsm->module = cryptoki_close(hsm->module);
}

static inline void softhsm_remove(struct softhsm *hsm) {
	const char *const rm[] = { "/bin/rm", "-rf", hsm->directory, NULL };

	(void)softhsm_run(rm);
}

enum { SOFTHSM_ATTRIBUTES_MAX = 20 };

struct softhsm_object {
	CK_ATTRIBUTE attributes[SOFTHSM_ATTRIBUTES_MAX];
	uint8_t *owned[SOFTHSM_ATTRIBUTES_MAX];
	size_t count;
};

static inline void object_add(struct softhsm_object *object, CK_ATTRIBUTE_TYPE type, const void *value, size_t len) {
	uint8_t *copy = malloc(len + 1);

	memcpy(copy, value, len);
	object->owned[object->count] = copy;
	object->attributes[object->count++] = (CK_ATTRIBUTE){ type, copy, len };
}

static inline void object_add_number(struct softhsm_object *object, CK_ATTRIBUTE_TYPE type, CK_ULONG value) {
	object_add(object, type, &value, sizeof(value));
}

static inline void object_add_flag(struct softhsm_object *object, CK_ATTRIBUTE_TYPE type, bool value) {
	CK_BBOOL flag = value;

	object_add(object, type, &flag, sizeof(flag));
}

static inline void object_add_param(struct softhsm_object *object, CK_ATTRIBUTE_TYPE type, EVP_PKEY *key, const char *name) {
	uint8_t buffer[1024];
	BIGNUM *number = NULL;

	EVP_PKEY_get_bn_param(key, name, &number);
	object_add(object, type, buffer, (size_t)BN_bn2bin(number, buffer));
	BN_free(number);
}

static inline void object_add_curve(struct softhsm_object *object, EVP_PKEY *key) {
	char name[64];
	uint8_t der[32], *p = der;

	EVP_PKEY_get_group_name(key, name, sizeof(name), NULL);
	object_add(object, CKA_EC_PARAMS, der, (size_t)i2d_ASN1_OBJECT(OBJ_nid2obj(OBJ_sn2nid(name)), &p));
}

static inline CK_RV object_create(struct softhsm *hsm, struct softhsm_object *object) {
	CK_OBJECT_HANDLE handle;
	CK_RV rv = hsm->module->call->C_CreateObject(hsm->session, object->attributes, object->count, &handle);

	while (object->count > 0)
		free(object->owned[--object->count]);
	return rv;
}

struct softhsm_use {
	uint8_t id;
	bool sign, decrypt; /* decrypt: derive for EC */
	bool always_authenticate;
};

static inline void object_begin(struct softhsm_object *object, CK_OBJECT_CLASS class, uint8_t id) {
	object->count = 0;
	object_add_number(object, CKA_CLASS, class);
	object_add_flag(object, CKA_TOKEN, true);
	object_add(object, CKA_ID, &id, 1);
	object_add(object, CKA_LABEL, "key", 3);
}

static inline CK_RV softhsm_private_key(struct softhsm *hsm, EVP_PKEY *key, const struct softhsm_use *use) {
	struct softhsm_object object;
	uint8_t raw[64];
	size_t raw_len = sizeof(raw);

	object_begin(&object, CKO_PRIVATE_KEY, use->id);
	object_add_flag(&object, CKA_PRIVATE, true);
	object_add_flag(&object, CKA_SIGN, use->sign);
	object_add_flag(&object, CKA_ALWAYS_AUTHENTICATE, use->always_authenticate);
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
		object_add_number(&object, CKA_KEY_TYPE, CKK_RSA);
		object_add_flag(&object, CKA_DECRYPT, use->decrypt);
		object_add_param(&object, CKA_MODULUS, key, OSSL_PKEY_PARAM_RSA_N);
		object_add_param(&object, CKA_PUBLIC_EXPONENT, key, OSSL_PKEY_PARAM_RSA_E);
		object_add_param(&object, CKA_PRIVATE_EXPONENT, key, OSSL_PKEY_PARAM_RSA_D);
		object_add_param(&object, CKA_PRIME_1, key, OSSL_PKEY_PARAM_RSA_FACTOR1);
		object_add_param(&object, CKA_PRIME_2, key, OSSL_PKEY_PARAM_RSA_FACTOR2);
		object_add_param(&object, CKA_EXPONENT_1, key, OSSL_PKEY_PARAM_RSA_EXPONENT1);
		object_add_param(&object, CKA_EXPONENT_2, key, OSSL_PKEY_PARAM_RSA_EXPONENT2);
		object_add_param(&object, CKA_COEFFICIENT, key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
		break;
	case EVP_PKEY_EC:
		object_add_number(&object, CKA_KEY_TYPE, CKK_EC);
		object_add_flag(&object, CKA_DERIVE, use->decrypt);
		object_add_curve(&object, key);
		object_add_param(&object, CKA_VALUE, key, OSSL_PKEY_PARAM_PRIV_KEY);
		break;
	default:
		object_add_number(&object, CKA_KEY_TYPE, CKK_EC_EDWARDS);
		object_add(&object, CKA_EC_PARAMS,
			"\x13\x0c"
			"edwards25519",
			14);
		EVP_PKEY_get_raw_private_key(key, raw, &raw_len);
		object_add(&object, CKA_VALUE, raw, raw_len);
	}
	return object_create(hsm, &object);
}

/* The public key of an EC key, its point as a DER OCTET STRING. */
static inline CK_RV softhsm_public_key(struct softhsm *hsm, EVP_PKEY *key, uint8_t id) {
	struct softhsm_object object;
	uint8_t point[200] = { 0x04 };
	size_t len = 0;

	object_begin(&object, CKO_PUBLIC_KEY, id);
	object_add_flag(&object, CKA_PRIVATE, false);
	object_add_number(&object, CKA_KEY_TYPE, CKK_EC);
	object_add_curve(&object, key);
	EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point + 2, sizeof(point) - 2, &len);
	point[1] = (uint8_t)len;
	object_add(&object, CKA_EC_POINT, point, len + 2);
	return object_create(hsm, &object);
}

static inline CK_RV softhsm_certificate(struct softhsm *hsm, X509 *certificate, uint8_t id) {
	struct softhsm_object object;
	uint8_t *der = NULL, *subject = NULL;
	int len = i2d_X509(certificate, &der), subject_len = i2d_X509_NAME(X509_get_subject_name(certificate), &subject);

	object_begin(&object, CKO_CERTIFICATE, id);
	object_add_flag(&object, CKA_PRIVATE, false);
	object_add_number(&object, CKA_CERTIFICATE_TYPE, CKC_X_509);
	object_add(&object, CKA_SUBJECT, subject, (size_t)subject_len);
	object_add(&object, CKA_VALUE, der, (size_t)len);
	OPENSSL_free(der);
	OPENSSL_free(subject);
	return object_create(hsm, &object);
}

/* ---- The process ---- */

struct process {
	pid_t pid;
	int fd;
};

/* $SMIME_TOKEN, or the one beside this test in the build directory. */
static inline void process_path(char *path, size_t size) {
	const char *named = getenv("SMIME_TOKEN");
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[n > 0 ? n : 0] = '\0';
	if (strrchr(self, '/'))
		*strrchr(self, '/') = '\0';
	(void)snprintf(path, size, "%.300s%s", named ? named : self, named ? "" : "/../../agent/token/smime-token");
}

static inline struct process process_start(const struct wire_setup *setup) {
	struct process process = { -1, -1 };
	struct wire_order *order = wire_order_make(0, WIRE_ORDER_SETUP);
	char path[400];
	int pair[2];

	process_path(path, sizeof(path));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return process;
	process.pid = fork();
	if (process.pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		int high = fcntl(pair[1], F_DUPFD, 10);
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(high, 3);
		(void)close(high);
		execl(path, "smime-token", NULL);
		_exit(127);
	}
	(void)close(pair[1]);
	process.fd = pair[0];
	wire_setup_free(order->body->setup);
	order->body->setup = ASN1_item_dup(wire_setup_it(), setup);
	(void)wire_send(process.fd, order, wire_order_it(), -1);
	wire_order_free(order);
	return process;
}

/* Closes the socket; returns the exit status, or -1 for a process that did not end within five seconds. */
static inline int process_end(struct process *process) {
	int status = 0;

	close_fdp(&process->fd);
	for (int i = 0; i < 500; i++) {
		if (waitpid(process->pid, &status, WNOHANG) == process->pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
		(void)usleep(10000);
	}
	(void)kill(process->pid, SIGKILL);
	(void)waitpid(process->pid, &status, 0);
	return -1;
}

static inline struct wire_report *process_receive(const struct process *process) {
	struct wire_report *report = NULL;

	return wire_receive(process->fd, wire_report_it(), &report, NULL) == 0 ? report : NULL;
}

#endif
