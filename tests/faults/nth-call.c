/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library to be preloaded, which makes the n-th call fail: of an allocation, or of a function of openssl-calls.h. Calls are
 * counted in the order in which a process makes them; nth-call.py runs a program for n = 1, 2, .. until no call fails.
 *
 *   NTH_CALL        kind:n[+]; with + every call from the n-th on fails
 *   NTH_CALL_LOG    a file, to which each process appends a line `failed NAME` when that happens, and `crashed SIGNAL` when
 *                   that does (`crashed SIGNAL-within-OpenSSL`: on a way on which libcrypto did not look)
 *
 *   malloc    allocations that our own code, the C library and a few others ask for; not GLib and C++, which end the process
 *             when there is no memory
 *   inner     those of libcrypto
 *   openssl   functions of openssl-calls.h that our own code calls
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { RANGES_MAX = 64, FRAMES_MAX = 64, OWN_FRAMES = 2 };

enum room { NOBODY, OWN, LIBRARY, CRYPTO };

struct range {
	uintptr_t begin, end;
	enum room room;
};

static struct {
	char kind; /* the first letter of its name; 0: nothing fails */
	bool lasts;
	long n;
	atomic_long calls;
	const char *log;
	struct range ranges[RANGES_MAX];
	size_t range_count;
} plan;

/* ---- Whose call it is ---- */

static bool names_one_of(const char *path, const char *const *names) {
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (; *names; names++)
		if (strncmp(name, *names, strlen(*names)) == 0)
			return true;
	return false;
}

static enum room room_of(const char *path) {
	static const char *const own[] = { "libsmime.so", "smime", NULL };
	static const char *const crypto[] = { "libcrypto.so", NULL };
	static const char *const counted[] = { "libc.so", "libjansson.so", "libsystemd.so", "libcyaml.so", "libyaml-", "libassuan.so",
		"libgpg-error.so", NULL };

	if (*path == '\0' || names_one_of(path, own))
		return OWN;
	return names_one_of(path, crypto) ? CRYPTO : names_one_of(path, counted) ? LIBRARY : NOBODY;
}

static int note_object(struct dl_phdr_info *info, size_t size, void *userdata) {
	enum room room = room_of(info->dlpi_name);

	for (int i = 0; room != NOBODY && i < info->dlpi_phnum && plan.range_count < RANGES_MAX; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		uintptr_t begin = info->dlpi_addr + header->p_vaddr;

		if (header->p_type == PT_LOAD && (header->p_flags & PF_X))
			plan.ranges[plan.range_count++] = (struct range){ begin, begin + header->p_memsz, room };
	}
	return 0;
}

static enum room room_of_caller(const void *caller) {
	uintptr_t address = (uintptr_t)caller;

	for (size_t i = 0; i < plan.range_count; i++)
		if (address >= plan.ranges[i].begin && address < plan.ranges[i].end)
			return plan.ranges[i].room;
	return NOBODY;
}

/* ---- Which call it is ---- */

static void tell(const char *what, const char *name) {
	char line[200];
	int fd = plan.log ? open(plan.log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
	int len = snprintf(line, sizeof(line), "%s %s\n", what, name);

	if (fd >= 0) {
		(void)!write(fd, line, (size_t)len);
		(void)close(fd);
	}
}

static bool counts(bool allocation, enum room room) {
	switch (plan.kind) {
	case 'm':
		return allocation && (room == OWN || room == LIBRARY);
	case 'i':
		return allocation && room == CRYPTO;
	default:
		return !allocation && room == OWN;
	}
}

static bool fails(bool allocation, const char *name, const void *caller) {
	long call;
	int error;

	if (!plan.kind || !counts(allocation, room_of_caller(caller)))
		return false;
	error = errno;
	call = atomic_fetch_add(&plan.calls, 1) + 1;
	if (call == plan.n)
		tell("failed", name);
	errno = error;
	return call == plan.n || (plan.lasts && call > plan.n);
}

/* The innermost frame that is ours or libcrypto's is the one to blame. */
static enum room room_of_crash(void) {
	void *frames[FRAMES_MAX];
	int count = backtrace(frames, FRAMES_MAX);
	enum room room = NOBODY;

	for (int i = OWN_FRAMES; i < count && room != OWN && room != CRYPTO; i++)
		room = room_of_caller(frames[i]);
	return room;
}

static void on_crash(int signal) {
	char name[64];

	plan.kind = 0;
	(void)snprintf(name, sizeof(name), "%s%s", sigabbrev_np(signal), room_of_crash() == CRYPTO ? "-within-OpenSSL" : "");
	tell("crashed", name);
}

/* Not where a sanitizer has its own. */
static void catch_crashes(void) {
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	const struct sigaction action = { .sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND };
	struct sigaction present;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], NULL, &present) == 0 && present.sa_handler == SIG_DFL)
			(void)sigaction(signals[i], &action, NULL);
}

__attribute__((constructor)) static void read_plan(void) {
	const char *text = getenv("NTH_CALL");
	const char *colon = text ? strchr(text, ':') : NULL;

	if (!colon)
		return;
	plan.log = getenv("NTH_CALL_LOG");
	plan.n = atol(colon + 1);
	plan.lasts = strchr(colon, '+');
	(void)dl_iterate_phdr(note_object, NULL);
	catch_crashes();
	plan.kind = text[0];
}

/* ---- Allocations ---- */

/*
 * A sanitizer begins before this library has been relocated, and looks for functions that may be missing: the loader then wants
 * memory for a message, and copes without. Looking for the real function may allocate, too.
 */
static void *real(void **function, const char *name) {
	static void *(*volatile look)(void *, const char *) = dlsym;
	static bool looking;

	if (!*function && look && !looking) {
		looking = true;
		*function = look(RTLD_NEXT, name);
		looking = false;
	}
	return *function;
}

static void *no_memory(void) {
	errno = ENOMEM;
	return NULL;
}

EXPORT void *malloc(size_t size) {
	static void *function;
	void *(*call)(size_t) = real(&function, "malloc");

	if (!call)
		return NULL;
	return fails(true, "malloc", __builtin_return_address(0)) ? no_memory() : call(size);
}

EXPORT void *calloc(size_t count, size_t size) {
	static void *function;
	void *(*call)(size_t, size_t) = real(&function, "calloc");

	if (!call)
		return NULL;
	return fails(true, "calloc", __builtin_return_address(0)) ? no_memory() : call(count, size);
}

EXPORT void *realloc(void *old, size_t size) {
	static void *function;
	void *(*call)(void *, size_t) = real(&function, "realloc");

	if (!call)
		return NULL;
	return fails(true, "realloc", __builtin_return_address(0)) ? no_memory() : call(old, size);
}

/* ---- Functions of libcrypto ---- */

static struct openssl_call {
	const char *name;
	long result;
	void *function;
} openssl_calls[] = {
#define CALL(name, result) { #name, result, NULL },
#include "openssl-calls.h"
#undef CALL
};

/* For nth-gate.S: where to go on, or NULL and what to return. */
struct gate_answer {
	void *function;
	long result;
};

__attribute__((visibility("hidden"))) struct gate_answer nth_call_gate(size_t index, const void *caller);
struct gate_answer nth_call_gate(size_t index, const void *caller) {
	struct openssl_call *call = &openssl_calls[index];

	if (fails(false, call->name, caller))
		return (struct gate_answer){ NULL, call->result };
	if (!call->function)
		call->function = dlsym(RTLD_NEXT, call->name);
	return (struct gate_answer){ call->function, 0 };
}
