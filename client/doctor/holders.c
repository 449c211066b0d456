/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other programs that use the cards: who is connected to pcscd, as far as this user may look into processes, and whether one of
 * them keeps a card for itself. Ends none of them.
 *
 * The agent and what it has started are no others.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peers.h"
#include "probe.h"
#include "processes.h"

#define AREA "holders"
#define SCDAEMON "scdaemon"

enum { HOLDERS_MAX = 32, LIST_MAX_BYTES = 512 };

struct holder {
	unsigned pid;
	char name[PROCESS_NAME_MAX_BYTES];
};

struct holders {
	struct holder items[HOLDERS_MAX];
	size_t count;
};

/* ---- Processes ---- */

enum connection { NOT_CONNECTED, CONNECTED, HIDDEN }; /* hidden: this user may not look */

static enum connection connection_of_fd(int folder, const char *fd, const struct peers *peers) {
	char target[64];
	ssize_t n = readlinkat(folder, fd, target, sizeof(target) - 1);
	unsigned inode;

	if (n < 0)
		return errno == EACCES ? HIDDEN : NOT_CONNECTED;
	target[n] = '\0';
	return sscanf(target, "socket:[%u]", &inode) == 1 && peers_have(peers, inode) ? CONNECTED : NOT_CONNECTED;
}

static enum connection connection_of(unsigned pid, const struct peers *peers) {
	enum connection connection = NOT_CONNECTED;
	const struct dirent *entry;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%u/fd", pid);
	DIR *stream = opendir(path);
	if (!stream)
		return HIDDEN;
	while (connection == NOT_CONNECTED && (entry = readdir(stream)))
		connection = connection_of_fd(dirfd(stream), entry->d_name, peers);
	(void)closedir(stream);
	return connection;
}

static void add(struct holders *holders, unsigned pid) {
	struct holder *holder = &holders->items[holders->count++];

	holder->pid = pid;
	process_name(pid, holder->name);
}

struct search {
	const struct smime_status *agent; /* NULL: there is none */
	const struct peers *peers;
	struct holders *holders;
};

/* Processes of other users are hidden, and scdaemon hides from its own user, as programs with secrets do. */
static bool is_holder(const struct search *search, unsigned pid) {
	char name[PROCESS_NAME_MAX_BYTES];

	switch (connection_of(pid, search->peers)) {
	case CONNECTED:
		return !(search->agent && process_descends_from(pid, search->agent->pid));
	case HIDDEN:
		process_name(pid, name);
		return strcmp(name, SCDAEMON) == 0 && process_is_own(pid);
	default:
		return false;
	}
}

static bool visit(void *userdata, unsigned pid) {
	struct search *search = userdata;

	if (is_holder(search, pid))
		add(search->holders, pid);
	return search->holders->count < HOLDERS_MAX;
}

/* ---- What they do to the cards ---- */

static const struct holder *find_name(const struct holders *holders, const char *name) {
	for (size_t i = 0; i < holders->count; i++)
		if (strcmp(holders->items[i].name, name) == 0)
			return &holders->items[i];
	return NULL;
}

/* An agent's reader process, also that of another agent, only watches. */
static bool is_suspect(const struct holder *holder) {
	return strcmp(holder->name, "smime-reader") != 0;
}

/* Those of which each may have the card: how many, and their names. */
static size_t list(const struct holders *holders, char *text, size_t size) {
	size_t len = 0, count = 0;

	text[0] = '\0';
	for (size_t i = 0; i < holders->count && len < size; i++)
		if (is_suspect(&holders->items[i]))
			len += (size_t)snprintf(text + len, size - len, "%s%s (process %u)", count++ ? ", " : "", holders->items[i].name,
				holders->items[i].pid);
	return count;
}

static void say_held(struct doctor *doctor, const struct pcsc_reader *reader, const struct holders *holders) {
	const struct holder *scdaemon = find_name(holders, SCDAEMON);
	char all[LIST_MAX_BYTES];
	size_t count = list(holders, all, sizeof(all));

	if (scdaemon)
		doctor_fault(doctor, SMIME_E_TOKEN_FAULT, AREA,
			"`gpgconf --kill scdaemon` ends it until gpg next wants the card; for good, `pcsc-shared` and `disable-ccid` in "
			"~/.gnupg/scdaemon.conf",
			"GnuPG's scdaemon (process %u) keeps the card in %s for itself%s", scdaemon->pid, reader->name,
			count > 1 ? ", most likely" : "");
	else if (count > 0)
		doctor_fault(doctor, SMIME_E_TOKEN_FAULT, AREA, "end it, or have it share the card", "%s%s keeps the card in %s for itself",
			count > 1 ? "one of " : "", all, reader->name);
	else
		doctor_fault(doctor, SMIME_E_TOKEN_FAULT, AREA,
			"run `smime doctor` as root too, which sees all; it may be a login manager or another user's scdaemon",
			"a program that this user may not look into keeps the card in %s for itself", reader->name);
}

static void say_blocked(struct doctor *doctor, const struct pcsc_reader *reader, const struct holders *holders) {
	char all[LIST_MAX_BYTES];
	size_t count = list(holders, all, sizeof(all));

	doctor_warning(doctor, AREA,
		"wait for what uses it, or end that; `exclusive: yes` in agent.yaml does this while the PIN is known; if nobody uses it, "
		"take the card out and put it in again",
		"the card in %s lets nobody else in: it hangs, or somebody works with it%s%s", reader->name,
		count > 0 ? "; beside the agent there is " : "", all);
}

static void say_reader(struct doctor *doctor, const struct pcsc_reader *reader, const struct holders *holders) {
	if (pcsc_is_kept(reader))
		say_held(doctor, reader, holders);
	else if (reader->connection == PCSC_BLOCKED)
		say_blocked(doctor, reader, holders);
}

static void say_user(struct doctor *doctor, const struct holder *holder) {
	if (strcmp(holder->name, SCDAEMON) == 0)
		doctor_note(doctor, AREA,
			"with `pcsc-shared` in ~/.gnupg/scdaemon.conf it leaves cards to others; `gpgconf --kill scdaemon` ends it",
			"GnuPG's scdaemon (process %u) runs, and takes cards for itself when gpg wants them", holder->pid);
	else if (strncmp(holder->name, "smime-", 6) == 0)
		doctor_note(doctor, AREA, "one agent is enough: `smime lock` and the memory of PIN tries reach only their own",
			"%s (process %u) of another agent uses pcscd too", holder->name, holder->pid);
	else
		doctor_note(doctor, AREA, NULL, "%s (process %u) uses pcscd too", holder->name, holder->pid);
}

void doctor_holders(struct doctor *doctor) {
	const struct pcsc *pcsc = pcsc_ask(doctor);
	struct holders holders = { 0 };
	struct peers peers;
	bool known = peers_find(pcsc_socket(), &peers);

	processes_visit(visit, &(struct search){ doctor->status, &peers, &holders });
	for (size_t i = 0; i < pcsc->reader_count; i++)
		say_reader(doctor, &pcsc->readers[i], &holders);
	for (size_t i = 0; i < holders.count; i++)
		say_user(doctor, &holders.items[i]);
	if (!known)
		doctor_note(doctor, AREA, NULL, "this kernel does not tell who is connected to pcscd (no unix_diag)");
	else if (holders.count == 0)
		doctor_good(doctor, AREA, "no other program of this user's uses pcscd");
}
