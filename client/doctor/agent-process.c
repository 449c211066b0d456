/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading /proc; see agent-process.h.
 */
#include "agent-process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROC_FILE_MAX_BYTES = 8192, UNIX_LISTENS = 0x10000 };

/* As many bytes as fit, ended by a zero byte. Returns how many, 0 when there are none. */
static size_t read_file(pid_t pid, const char *name, char text[PROC_FILE_MAX_BYTES]) {
	char path[64];
	FILE *file;
	size_t len = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	if (file) {
		len = fread(text, 1, PROC_FILE_MAX_BYTES - 1, file);
		(void)fclose(file);
	}
	text[len] = '\0';
	return len;
}

static bool take_value(const char *value, char ret_value[PATH_MAX]) {
	size_t len = strlen(value);

	if (len >= PATH_MAX)
		return false;
	memcpy(ret_value, value, len + 1);
	return true;
}

bool agent_process_option(pid_t pid, const char *option, char value[PATH_MAX]) {
	char text[PROC_FILE_MAX_BYTES];
	size_t len = read_file(pid, "cmdline", text), option_len = strlen(option);

	for (const char *word = text; word < text + len; word += strlen(word) + 1) {
		const char *next = word + strlen(word) + 1;
		if (strncmp(word, option, option_len) != 0)
			continue;
		if (word[option_len] == '=')
			return take_value(word + option_len + 1, value);
		if (word[option_len] == '\0' && next < text + len)
			return take_value(next, value);
	}
	return false;
}

/* The fields of /proc/PID/stat behind the name, which may hold anything; number 3 is the first of them. */
static unsigned long long stat_field(pid_t pid, int number) {
	char text[PROC_FILE_MAX_BYTES];
	char *p = read_file(pid, "stat", text) > 0 ? strrchr(text, ')') : NULL;

	for (int i = 2; p && i < number; i++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

enum { STAT_PARENT = 4, STAT_START_TICKS = 22 };

time_t agent_process_started(pid_t pid) {
	unsigned long long ticks = stat_field(pid, STAT_START_TICKS);
	struct timespec now, since_boot;

	if (ticks == 0 || clock_gettime(CLOCK_REALTIME, &now) < 0 || clock_gettime(CLOCK_BOOTTIME, &since_boot) < 0)
		return 0;
	return now.tv_sec - since_boot.tv_sec + (time_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
}

static bool is_agent(pid_t pid) {
	char text[PROC_FILE_MAX_BYTES];

	return read_file(pid, "comm", text) > 0 && strcmp(text, "smime-agent\n") == 0;
}

/* The directory of a process that lets nobody look into it is root's, its status file tells whose it is. */
static bool is_ours(pid_t pid) {
	char text[PROC_FILE_MAX_BYTES];
	const char *uid = read_file(pid, "status", text) > 0 ? strstr(text, "\nUid:") : NULL;

	return uid && strtoul(uid + strlen("\nUid:"), NULL, 10) == geteuid();
}

pid_t agent_process_next(pid_t after) {
	DIR *directory = opendir("/proc");
	const struct dirent *entry;
	pid_t next = 0;

	while (directory && (entry = readdir(directory))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > after && (next == 0 || pid < next) && is_agent(pid) && is_ours(pid) &&
			!is_agent((pid_t)stat_field(pid, STAT_PARENT)))
			next = pid;
	}
	if (directory)
		(void)closedir(directory);
	return next;
}

/* The path in a line of /proc/net/unix, of a socket that listens; NULL: there is none, or it does not. */
static const char *listening_path(const char *line) {
	unsigned flags = 0;
	int path = 0;

	/* Num RefCount Protocol Flags Type St Inode Path */
	if (sscanf(line, "%*s %*s %*s %x %*s %*s %*s %n", &flags, &path) != 1 || path == 0 || !(flags & UNIX_LISTENS))
		return NULL;
	return line + path;
}

unsigned agent_process_listeners(const char *path) {
	char line[PROC_FILE_MAX_BYTES];
	FILE *file = fopen("/proc/net/unix", "re");
	unsigned count = 0;

	while (file && fgets(line, sizeof(line), file)) {
		const char *found = listening_path(line);
		line[strcspn(line, "\n")] = '\0';
		count += found && strcmp(found, path) == 0;
	}
	if (file)
		(void)fclose(file);
	return count;
}

/* Whether it is known to run another program than this: only who may look into it can tell. */
static bool runs_another(pid_t pid, const char *program) {
	char link[64], running[PATH_MAX], real[PATH_MAX];
	ssize_t n;
	size_t len;

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	n = readlink(link, running, sizeof(running) - 1);
	if (n <= 0 || !realpath(program, real))
		return false;
	running[n] = '\0';
	len = strlen(real);
	return strncmp(running, real, len) != 0 || (running[len] != '\0' && strcmp(running + len, " (deleted)") != 0);
}

bool agent_process_is_outdated(pid_t pid) {
	char program[PATH_MAX];
	time_t started = agent_process_started(pid);
	struct stat st;

	return started && agent_process_program(program) && !runs_another(pid, program) && stat(program, &st) == 0 &&
		st.st_ctime > started + 1;
}

bool agent_process_program(char path[PATH_MAX]) {
	static const char *const places[] = { "smime-agent", "../../agent/core/smime-agent" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		int len = snprintf(path, PATH_MAX, "%.*s/%s", (int)(slash - self), self, places[i]);
		if (len > 0 && len < PATH_MAX && access(path, X_OK) == 0)
			return true;
	}
	return false;
}
