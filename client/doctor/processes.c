/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading /proc; see processes.h.
 */
#include "processes.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 64 };

static FILE *open_proc(unsigned pid, const char *name) {
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	return fopen(path, "re");
}

void process_name(unsigned pid, char ret_name[PROCESS_NAME_MAX_BYTES]) {
	FILE *comm = open_proc(pid, "comm");

	if (!comm || !fgets(ret_name, PROCESS_NAME_MAX_BYTES, comm))
		(void)snprintf(ret_name, PROCESS_NAME_MAX_BYTES, "a process");
	ret_name[strcspn(ret_name, "\n")] = '\0';
	if (comm)
		(void)fclose(comm);
}

static unsigned parent_of(unsigned pid) {
	FILE *status = open_proc(pid, "status");
	char line[256];
	unsigned parent = 0;

	while (status && fgets(line, sizeof(line), status) && sscanf(line, "PPid: %u", &parent) != 1)
		;
	if (status)
		(void)fclose(status);
	return parent;
}

bool process_descends_from(unsigned pid, unsigned ancestor) {
	for (int i = 0; pid > 1 && i < DEPTH_MAX; i++, pid = parent_of(pid))
		if (pid == ancestor)
			return true;
	return false;
}

void processes_visit(bool (*visit)(void *userdata, unsigned pid), void *userdata) {
	DIR *stream = opendir("/proc");
	const struct dirent *entry;
	bool more = true;

	while (stream && more && (entry = readdir(stream))) {
		unsigned pid = isdigit((unsigned char)entry->d_name[0]) ? (unsigned)strtoul(entry->d_name, NULL, 10) : 0;

		if (pid != 0 && pid != (unsigned)getpid())
			more = visit(userdata, pid);
	}
	if (stream)
		(void)closedir(stream);
}

struct wanted {
	const char *name;
	unsigned pid;
};

/* The folder is the user's also where what is in it is root's, as with processes that may not be looked into. */
bool process_is_own(unsigned pid) {
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%u", pid);
	return stat(path, &st) == 0 && st.st_uid == geteuid();
}

static bool compare(void *userdata, unsigned pid) {
	struct wanted *wanted = userdata;
	char name[PROCESS_NAME_MAX_BYTES];

	process_name(pid, name);
	if (strcmp(name, wanted->name) != 0 || !process_is_own(pid))
		return true;
	wanted->pid = pid;
	return false;
}

unsigned process_find(const char *name) {
	struct wanted wanted = { .name = name };

	processes_visit(compare, &wanted);
	return wanted.pid;
}
