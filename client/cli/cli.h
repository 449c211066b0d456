/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands of `smime` share: how a command is declared, the common options, input and output files, messages, JSON.
 *
 * A command is a row of the table in main.c: its options are data, its run() does the work with the public API of libsmime
 * and nothing else. Content goes to standard output or a file, messages to standard error, and the two never mix.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include <smime/smime.h>

/* ---- Declaring a command ---- */

struct cli_list { /* zeroed: empty */
	const char **items;
	size_t count;
};

enum cli_kind {
	CLI_FLAG, /* bool */
	CLI_TEXT, /* const char *: the last one given */
	CLI_LIST, /* struct cli_list: each one given */
};

/* An option of a command. Its value is stored in the command's own structure of arguments, at `offset`. */
struct cli_option {
	const char *name; /* long name */
	char letter;      /* short name, or 0 */
	enum cli_kind kind;
	size_t offset;
	const char *value; /* what stands for the value in the help; NULL for a flag */
	const char *help;
};

enum cli_operand { CLI_OPERAND_NONE, CLI_OPERAND_INPUT, CLI_OPERAND_TOKEN, CLI_OPERAND_WORD, CLI_OPERAND_FILES };

struct cli;

struct cli_command {
	const char *name;
	const char *summary; /* a line of `smime help` */
	const char *usage;   /* what follows the name in the usage line */
	const struct cli_option *options;
	size_t option_count;
	size_t args_size;         /* of the structure that the options are stored in, zeroed before */
	const char *const *verbs; /* what the first argument may be, NULL-terminated; NULL: there is no such argument */
	enum cli_operand operand;
	bool json_lines; /* with --json it prints many documents, one a line */
	/* Runs the command and returns the exit code; failures have been told with cli_fail() or cli_failed(). */
	int (*run)(struct cli *cli, void *args);
};

extern const struct cli_command cmd_status, cmd_keys, cmd_sign, cmd_encrypt, cmd_decrypt, cmd_verify, cmd_lock, cmd_unlock, cmd_watch,
	cmd_pin, cmd_doctor, cmd_setup, cmd_policy, cmd_audit;

/* ---- A run of a command ---- */

struct cli {
	const struct cli_command *command;
	struct smime *smime;                 /* made with the common options applied */
	const char *socket, *input, *output; /* NULL: not given; input also from the argument FILE */
	const char *verb;                    /* one of the command's verbs; NULL when it has none */
	const char *token;                   /* the argument TOKEN, or NULL */
	const char *word;                    /* any other argument, or NULL */
	const char *const *files;            /* the arguments FILE.. */
	size_t file_count;
	bool json, quiet, verbose, no_autostart, help;
	bool json_printed;
	bool failed;         /* a failure was told */
	int standard_output; /* while -o has what is printed go into a file, where standard output leads otherwise; else -1 */
	json_t *warnings;    /* array of what was told with cli_warn(), or NULL */
};

/* ---- Messages: "smime COMMAND: text" on standard error ---- */

/* Tells a failure and returns the exit code of `code` (enum smime_error, either sign). */
int cli_fail(struct cli *cli, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Tells a failure of libsmime with its own message, and returns its exit code. */
int cli_failed(struct cli *cli, int r);

/* Tells wrong usage, with the usage line behind it. Returns 2. */
int cli_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells something that is no failure; not with -q. */
void cli_note(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* cli_note() that the JSON document has too, as smime_sign_options and others want it; userdata: the struct cli. */
void cli_warn(void *userdata, const char *text);

/* Writes one line for people, to standard output or to any stream. What is formatted passes smime_printable(). */
void cli_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_vprint(FILE *out, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Flushes standard output. Returns 0, or tells the failure and returns 7. */
int cli_flush(struct cli *cli);

/* Tells of errno that it kept what is printed from being written. Returns 7. */
int cli_output_failed(struct cli *cli);

/* A time as "2026-11-24 00:16:33 UTC" (in a buffer of CLI_TIME_BYTES) and as RFC 3339 for JSON. */
enum { CLI_TIME_BYTES = 40 };
const char *cli_time(time_t t, char buffer[CLI_TIME_BYTES]);

/* A day, or a second of it, in UTC: "2026-11-24", "2026-11-24T00:16:33Z". */
bool cli_parse_time(const char *text, time_t *ret_time);

/* ---- Files ---- */

/* Opens the input (-i, FILE, or standard input). Returns 0 or the exit code of a failure that was told. *ret_fd: cli_input_close(). */
int cli_input_open(struct cli *cli, int *ret_fd);
/* Any other file to read, e.g. the value of --detached-content. "-" is standard input. */
int cli_file_open(struct cli *cli, const char *path, int *ret_fd);
void cli_input_close(int *fd); /* usable as a cleanup attribute; leaves standard input open */

/*
 * Opens the output (-o, or standard output). A regular file appears whole with cli_output_commit() or not at all. Returns 0 or
 * the exit code of a failure that was told.
 */
struct cli_output;
int cli_output_open(struct cli *cli, struct cli_output **ret_output);
int cli_output_fd(const struct cli_output *output);
int cli_output_commit(struct cli *cli, struct cli_output *output); /* 0 or the exit code of a failure that was told */
struct cli_output *cli_output_free(struct cli_output *output);     /* discards what was not committed; accepts NULL, returns NULL */
static inline void cli_output_freep(struct cli_output **output) {
	(void)cli_output_free(*output);
}

/* Content would go to standard output, where --json goes as well: tells so and returns 2; else 0. To be called before work begins. */
int cli_output_check_json(struct cli *cli);

/* Shows progress on standard error from here on, when that is a terminal and the work takes over a second; until it ends. */
void cli_progress_begin(struct cli *cli);
void cli_progress_end(void);
void cli_progress_clear(void); /* takes the line away before something else is written there */

/* ---- JSON ---- */

/* A text that may be NULL (null) or hold bytes that are not UTF-8 (replaced). */
json_t *cli_json_text(const char *text);
json_t *cli_json_texts(const char *const *texts); /* NULL-terminated */

/* Appends a value, which it owns. When that or the value is for want of memory missing, *array becomes NULL, and so does what is made of it. */
void cli_json_append(json_t **array, json_t *value);
json_t *cli_json_time(time_t t); /* "2026-11-24T00:16:33Z" */

/* Prints {"command": .., "result": .., "exit_code": 0, "warnings": [..]}. Returns as cli_json_print(). */
int cli_json_done(struct cli *cli, const char *result);

/* Prints a document, the only one unless the command has json_lines, which it takes over (NULL: memory ran out). Returns 0 or the exit code of a failure that was told. */
int cli_json_print(struct cli *cli, json_t *document);

#endif
