/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-mutt: what mutt and neomutt run in place of openssl for classic S/MIME, one command for each of their ten settings.
 *
 * The commands' streams and exit codes are what mutt expects of openssl, not what `smime` has; docs/mutt.rc has the settings.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mutt.h"

struct command {
	const char *name, *usage, *summary;
	const char *options; /* the letters of those that it takes, each with a value */
	int operands;
	int (*run)(struct mutt *mutt);
};

static const struct command commands[] = {
	{ "sign", "[-k KEY] [-c CERTIFICATE] [-d DIGEST] FILE", "sign a MIME entity; the signature alone comes out", "kcds", 1, mutt_sign },
	{ "encrypt", "[-a CIPHER] -r CERTIFICATES FILE", "encrypt a MIME entity", "ars", 1, mutt_encrypt },
	{ "decrypt", "FILE", "decrypt CMS; a MIME entity comes out", "s", 1, mutt_decrypt },
	{ "verify", "SIGNATURE CONTENT", "verify the signature of a multipart/signed", "s", 2, mutt_verify },
	{ "verify-opaque", "FILE", "verify signed CMS; its content comes out", "s", 1, mutt_verify_opaque },
	{ "pk7out", "MAIL", "the certificates of a good mail's signers to encrypt to, as PKCS #7", "s", 1, mutt_pk7out },
	{ "get-cert", "FILE", "the certificates of a PKCS #7 file", "s", 1, mutt_get_cert },
	{ "get-signer-cert", "MAIL FILE", "write the signers' certificates of a good mail to FILE", "s", 2, mutt_get_signer_cert },
	{ "get-cert-email", "FILE", "the addresses in certificates", "s", 1, mutt_get_cert_email },
	{ "import", "[--certificates FOLDER] FILE", "keep certificates as those of recipients", "Cs", 1, mutt_import },
	{ "keys", "[--keys FOLDER] [--certificates FOLDER]", "tell mutt of the agent's keys and of known certificates", "KCs", 0,
		mutt_keys },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const struct option long_options[] = {
	{ "key", required_argument, NULL, 'k' },
	{ "certificate", required_argument, NULL, 'c' },
	{ "digest", required_argument, NULL, 'd' },
	{ "cipher", required_argument, NULL, 'a' },
	{ "recipients", required_argument, NULL, 'r' },
	{ "keys", required_argument, NULL, 'K' },
	{ "certificates", required_argument, NULL, 'C' },
	{ "socket", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static const char help_text[] =
	"  -k, --key KEY              the key to sign with: the name that smime-mutt keys has given it, an address,\n"
	"                             a fingerprint, or default, the only one\n"
	"  -c, --certificate FILE     its certificate, where mutt has a name of its own for the key\n"
	"  -d, --digest NAME          sha256, sha384 or sha512\n"
	"  -a, --cipher NAME          aes256, aes192 or aes128\n"
	"  -r, --recipients FILES     the recipients' certificates, as mutt writes %c\n"
	"      --keys FOLDER          $smime_keys; default: ~/.smime/keys\n"
	"      --certificates FOLDER  $smime_certificates; default: ~/.smime/certificates\n"
	"      --socket PATH          the agent's socket\n"
	"  -h, --help                 this text\n";

/* The exit code of what has only been printed. */
static int end_of_output(struct mutt *mutt) {
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return mutt_fail(mutt, SMIME_E_IO, "standard output: %s", strerror(errno));
}

static int print_help(struct mutt *mutt) {
	(void)printf(
		"usage: smime-mutt COMMAND [OPTIONS] [FILE]\n\nWhat mutt and neomutt run for S/MIME, with keys that stay in a token.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		(void)printf("  %-16s %s\n  %-16s   %s\n", commands[i].name, commands[i].usage, "", commands[i].summary);
	(void)printf("\n%s", help_text);
	return end_of_output(mutt);
}

static const struct command *find_command(const char *name) {
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void store(struct mutt_args *args, int letter, const char *value) {
	const char **const places[] = {
		['k'] = &args->key,
		['c'] = &args->certificate,
		['d'] = &args->digest,
		['a'] = &args->cipher,
		['r'] = &args->recipients,
		['K'] = &args->keys_folder,
		['C'] = &args->certificates_folder,
		['s'] = &args->socket,
	};

	*places[letter] = value;
}

/* Returns 0, -1 when help is wanted, or the exit code of wrong usage, which was told. */
static int parse(struct mutt *mutt, const struct command *command, int argc, char **argv) {
	int letter;

	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":k:c:d:a:r:h", long_options, NULL)) != -1) {
		if (letter == 'h')
			return -1;
		if (letter == ':')
			return mutt_fail(mutt, SMIME_E_USAGE, "%s wants a value; usage: smime-mutt %s %s", argv[optind - 1], command->name,
				command->usage);
		if (letter == '?' || !strchr(command->options, letter))
			return mutt_fail(mutt, SMIME_E_USAGE, "%s does not go with it; usage: smime-mutt %s %s", argv[optind - 1],
				command->name, command->usage);
		store(&mutt->args, letter, optarg);
	}
	if (argc - optind != command->operands)
		return mutt_fail(mutt, SMIME_E_USAGE, "usage: smime-mutt %s %s", command->name, command->usage);
	for (int i = 0; i < command->operands; i++)
		mutt->args.operands[i] = argv[optind + i];
	return 0;
}

/*
 * A file that is opened must not become a standard stream that the caller had closed: what is decrypted would go into it, and what is
 * signed would be lost without a word.
 */
static void fill_standard_descriptors(void) {
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) < 0)
			_exit(smime_exit_code(SMIME_E_IO));
}

static off_t output_size(void) {
	struct stat st;

	return fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size : 0;
}

static int run(struct mutt *mutt, const struct command *command) {
	int r = smime_new(&mutt->smime), code;

	if (r == 0 && mutt->args.socket)
		r = smime_set_socket(mutt->smime, mutt->args.socket);
	if (r < 0)
		return mutt_fail(mutt, r, "%s", smime_strerror(r));
	smime_set_autostart(mutt->smime, true);
	mutt->output_begin = output_size();
	code = command->run(mutt);
	if (code == 0 && mutt->output_error != 0)
		code = mutt_fail(mutt, SMIME_E_IO, "standard output: %s", strerror(mutt->output_error));
	mutt->smime = smime_free(mutt->smime);
	return code;
}

int main(int argc, char **argv) {
	struct mutt mutt = { 0 };
	const struct command *command;
	int code;

	fill_standard_descriptors();
	/* Plaintext passes through. */
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (argc < 2)
		return mutt_fail(&mutt, SMIME_E_USAGE, "no command given; smime-mutt --help lists them");
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("smime-mutt %s\n", SMIME_VERSION);
		return end_of_output(&mutt);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return print_help(&mutt);
	command = find_command(argv[1]);
	if (!command)
		return mutt_fail(&mutt, SMIME_E_USAGE, "there is no command '%s'; smime-mutt --help lists them", argv[1]);
	mutt.command = command->name;
	code = parse(&mutt, command, argc - 1, argv + 1);
	return code < 0 ? print_help(&mutt) : code > 0 ? code : run(&mutt, command);
}
