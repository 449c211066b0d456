/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of this room share; private to it. A program is a row of the table in setup.c: it finds its configuration file, and
 * makes of the file's text the text with its settings, or the one without them. Reading, writing, the diff and the record are the
 * same for all.
 */
#ifndef SETUP_WORK_H
#define SETUP_WORK_H

#include <signal.h>
#include <sys/types.h>

#include "setup.h"

enum { SETUP_FILE_MAX_BYTES = 4 * 1024 * 1024 };

struct setup_text { /* of a configuration file; NUL-terminated */
	char *text; /* NULL: there is no such file */
	size_t len;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};
void setup_text_clear(struct setup_text *text); /* usable as a cleanup attribute */

struct setup_record {
	char *file;     /* NULL: nothing is recorded */
	char *before;   /* its text before the change; NULL: it was not there */
	char *after;    /* and as it was written; NULL: it had been changed between two changes, so `before` is no way back */
	char *settings; /* as struct setup has it; NULL: none */
};
void setup_record_clear(struct setup_record *record); /* usable as a cleanup attribute */

struct setup {
	struct smime *smime;
	const struct setup_options *options;
	const struct setup_program *program;
	struct setup_result *result;
	struct setup_record earlier; /* what an earlier run has recorded */
	struct setup_text now;       /* of result->file */
	char *new_text;              /* what the file is to hold; NULL: it is not to be there */
	bool made_before;            /* the text has what an earlier run has made, recorded or not */
	char *settings;              /* the program's own note of what it has set, kept in the record; NULL: none */
};

struct setup_program {
	const char *name;
	/* Sets result->file: the file that the program reads, or would read if it were there. */
	int (*find)(struct setup *setup);
	/* Makes new_text of `now`, and settings. The same text: nothing is to be done. */
	int (*add)(struct setup *setup);
	/* Makes new_text of `now` without what add() has set. */
	int (*take_out)(struct setup *setup);
};

extern const struct setup_program setup_git, setup_mutt, setup_neomutt;

/* Sets the message and returns -code. A message that is there already stays. */
int setup_fail(struct setup *setup, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
int setup_no_memory(struct setup *setup);

/* ---- file.c ---- */

/* The file of a path, symbolic links followed; its last part need not be there. *ret_file is the caller's. */
int setup_resolve(struct setup *setup, const char *path, char **ret_file);

/* Reads a text file; one that is not there is no failure. -SMIME_E_IO, -SMIME_E_TOO_LARGE, -SMIME_E_UNSUPPORTED: no text. */
int setup_read(struct setup *setup, const char *file, struct setup_text *ret_text);

/* Replaces the file, whole or not at all, with mode and owner as `like` has them (text NULL: as for a new file). */
int setup_write(struct setup *setup, const char *file, const char *text, const struct setup_text *like);

/* What is left behind by whoever interrupts the program must not be there while it may be: SIGHUP, SIGINT and SIGTERM wait. */
void setup_hold_signals(sigset_t *ret_before);

/* ---- diff.c ---- */

/* A unified diff of both texts (NULL: no file) under the file's name. *ret_diff: NULL when they are the same. */
int setup_diff(struct setup *setup, const char *file, const char *before, const char *after, char **ret_diff);

/* ---- record.c: ~/.local/state/smime-agent/setup/PROGRAM/ ---- */

/* Reads setup->earlier. Nothing recorded is no failure. */
int setup_record_read(struct setup *setup);

/* Keeps what is needed to take the change back, and sets result->backup. To be called before the file is changed. */
int setup_record_write(struct setup *setup);
int setup_record_remove(struct setup *setup);

/* ---- key.c ---- */

struct setup_key {
	char *name;       /* as a person would write it: what was given, else an address that names this key alone, else its fingerprint */
	char *signing;    /* its fingerprint, or what was given when no agent answers */
	char *encryption; /* of the key that mail for the same address is encrypted to */
};
void setup_key_clear(struct setup_key *key); /* usable as a cleanup attribute */

/* The key of the options, else the one suitable key for the address (may be NULL), else the one suitable key. */
int setup_key_choose(struct setup *setup, const char *address, struct setup_key *ret_key);

/* ---- block.c: marked lines in a file of another program ---- */

enum block_state { BLOCK_NONE, BLOCK_INTACT, BLOCK_CHANGED };

struct block {
	enum block_state state;
	size_t begin, end;           /* of all that was added, in the text */
	size_t body_begin, body_end; /* of the lines between the marks */
};

/* Finds the block of this name. Its first mark has a checksum of the lines, by which lines that were changed by hand are known. */
struct block block_find(const char *text, const char *name);

/* The text with a block at its end, or in place of the one that is there. body: NULL takes it out. *ret_text is the caller's. -SMIME_E_NO_MEMORY. */
int block_put(const char *text, const struct block *block, const char *name, const char *body, char **ret_text);

#endif
