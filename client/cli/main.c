/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime: finds the command, has its options read, and runs it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "options.h"
#include "start.h"

static const struct cli_command *const commands[] = {
	&cmd_status,
	&cmd_keys,
	&cmd_sign,
	&cmd_encrypt,
	&cmd_decrypt,
	&cmd_verify,
	&cmd_unlock,
	&cmd_lock,
	&cmd_pin,
	&cmd_watch,
	&cmd_doctor,
	&cmd_setup,
	&cmd_policy,
	&cmd_audit,
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void print_options(const struct cli_option *options, size_t count) {
	for (size_t i = 0; i < count; i++) {
		char left[64];
		char letter[] = { '-', options[i].letter, ',', ' ', '\0' };
		(void)snprintf(left, sizeof(left), "%s--%s %s", options[i].letter ? letter : "    ", options[i].name,
			options[i].value ? options[i].value : "");
		(void)printf("  %-30s %s\n", left, options[i].help);
	}
}

static void print_command_help(const struct cli_command *command) {
	(void)printf("usage: smime %s %s\n\n%s\n\n", command->name, command->usage, command->summary);
	print_options(command->options, command->option_count);
	if (command->option_count > 0)
		(void)printf("\n");
	print_options(options_common, options_common_count);
}

static void print_help(void) {
	(void)printf("usage: smime COMMAND [OPTIONS] [FILE]\n\n"
		     "Signs, encrypts, decrypts and verifies mail with keys that stay in a token.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		(void)printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	(void)printf("\nsmime help COMMAND tells about one of them.\n\n"
		     "Exit codes: 0 done; 1 the answer is no; 2 wrong usage; 3 no agent; 4 token, key, certificate or PIN;\n"
		     "5 denied; 6 malformed input; 7 file or stream; 8 internal error.\n");
}

static const struct cli_command *find_command(const char *name) {
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int help(struct cli *cli, const char *name) {
	const struct cli_command *command = name ? find_command(name) : NULL;

	if (name && !command)
		return cli_usage(cli, "there is no command '%s'", name);
	if (command)
		print_command_help(command);
	else
		print_help();
	return cli_flush(cli);
}

static int make_context(struct cli *cli) {
	int r = smime_new(&cli->smime);

	if (r == 0 && cli->socket)
		r = smime_set_socket(cli->smime, cli->socket);
	if (r < 0)
		return cli_fail(cli, r, "%s", smime_strerror(r));
	smime_set_autostart(cli->smime, !cli->no_autostart);
	return 0;
}

/*
 * A command whose result is what it prints: -o has it printed into a file. A report that something is bad is a result as well; a failure
 * leaves no file, and is told where it would be without -o.
 */
static int run_into_file(struct cli *cli, void *args) {
	__attribute__((cleanup(cli_output_freep))) struct cli_output *output = NULL;
	int code = cli_output_open(cli, &output);

	if (code != 0)
		return code;
	cli->standard_output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (cli->standard_output < 0 || dup2(cli_output_fd(output), STDOUT_FILENO) < 0)
		return cli_fail(cli, SMIME_E_IO, "%s: %s", cli->output, strerror(errno));
	code = cli->command->run(cli, args);
	int r = cli->failed ? 0 : cli_output_commit(cli, output);
	return r != 0 ? r : code;
}

static int run_command(struct cli *cli, void *args) {
	int code = make_context(cli);

	if (code != 0)
		return code;
	cli->warnings = json_array();
	code = cli->command->operand != CLI_OPERAND_INPUT && cli->output ? run_into_file(cli, args) : cli->command->run(cli, args);
	json_decref(cli->warnings);
	return code;
}

static int run(struct cli *cli, int argc, char **argv) {
	void *args = calloc(1, cli->command->args_size + 1);
	int code = args ? options_parse(cli, argc, argv, args) : cli_fail(cli, SMIME_E_NO_MEMORY, "out of memory");

	if (code == 0 && cli->help)
		code = help(cli, cli->command->name);
	else if (code == 0)
		code = run_command(cli, args);
	cli->smime = smime_free(cli->smime);
	options_clear(cli->command, args);
	free(args);
	return code;
}

/*
 * A file that is opened must not become a standard stream that the caller had closed. What stands in can't be used in the
 * stream's direction, so that the stream's use is an error still.
 */
static void fill_standard_descriptors(void) {
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) < 0)
			_exit(smime_exit_code(SMIME_E_IO));
}

/* Wrong usage is told as JSON as well, although no option has been understood then. */
static bool wants_json(int argc, char **argv) {
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

int main(int argc, char **argv) {
	struct cli cli = { .json = wants_json(argc, argv), .standard_output = -1 };

	fill_standard_descriptors();
	/* Content-encryption keys and plaintext pass through. */
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	start_openssl();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error of writing */
	(void)signal(SIGCHLD, SIG_DFL); /* who started this may ignore it: then nothing would tell how a program ended */
	if (argc < 2)
		return cli_usage(&cli, "no command given");
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("smime %s\n", SMIME_VERSION);
		return cli_flush(&cli);
	}
	if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(&cli, argc > 2 ? argv[2] : NULL);
	cli.command = find_command(argv[1]);
	if (!cli.command && argv[1][0] == '-')
		return cli_usage(&cli, "%s: the command comes first, options behind it", argv[1]);
	if (!cli.command)
		return cli_usage(&cli, "there is no command '%s'", argv[1]);
	return run(&cli, argc - 1, argv + 1);
}
