/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See options.h. What gpgsm would ignore silently, or do in another way than is done here, is wrong usage.
 */
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tell.h"

enum { OPTION_STATUS = 256, OPTION_VERIFY, OPTION_IGNORED, OPTION_TRUST, OPTION_CRL, OPTION_VERSION };

static const struct option longs[] = {
	{ "sign", no_argument, NULL, 's' },
	{ "detach-sign", no_argument, NULL, 'b' },
	{ "armor", no_argument, NULL, 'a' },
	{ "armour", no_argument, NULL, 'a' },
	{ "local-user", required_argument, NULL, 'u' },
	{ "verify", no_argument, NULL, OPTION_VERIFY },
	{ "status-fd", required_argument, NULL, OPTION_STATUS },
	{ "keyid-format", required_argument, NULL, OPTION_IGNORED },
	{ "trust", required_argument, NULL, OPTION_TRUST },
	{ "crl", required_argument, NULL, OPTION_CRL },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ NULL, 0, NULL, 0 },
};

static int usage(const char *argument, const char *text) {
	return tell_failure(SMIME_E_USAGE, "%s%s (smime-git --help tells what there is)", argument, text);
}

static int read_status(const char *text, struct options *options) {
	char *end;
	long fd;

	errno = 0;
	fd = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end || fd < 0 || fd > INT_MAX)
		return usage("--status-fd is to be the number of a descriptor, not ", text);
	if (fcntl((int)fd, F_GETFD) < 0)
		return usage("--status-fd: there is no open descriptor ", text);
	options->status_fd = (int)fd;
	return 0;
}

static int add_file(struct files *files, const char *path) {
	if (files->count == OPTIONS_FILES_MAX)
		return usage(path, ": more files than there may be");
	files->items[files->count++] = path;
	return 0;
}

static int take(int c, char **argv, struct options *options) {
	switch (c) {
	case 's':
		return options->sign = true, 0;
	case 'b':
		return options->detached = true, 0;
	case 'a':
		return options->armor = true, 0;
	case 'u':
		return options->key = optarg, 0;
	case 'h':
		return options->help = true, 0;
	case OPTION_VERSION:
		return options->version = true, 0;
	case OPTION_VERIFY:
		return options->verify = true, 0;
	case OPTION_STATUS:
		return read_status(optarg, options);
	case OPTION_TRUST:
		return add_file(&options->trust, optarg);
	case OPTION_CRL:
		return add_file(&options->crls, optarg);
	case OPTION_IGNORED:
		return 0;
	default:
		return usage(argv[optind - 1], c == ':' ? ": the value is missing" : ": there is no such option");
	}
}

static int take_operands(int argc, char **argv, struct options *options) {
	int count = argc - optind;

	if (options->verify && count == 2) {
		options->signature = argv[optind];
		options->content = argv[optind + 1];
		return strcmp(options->signature, "-") != 0 ? 0 : usage("", "the signature is to be a file");
	}
	if (options->verify)
		return usage("", "--verify takes the file of a signature, and what was signed: - is standard input");
	if (count > 0 && strcmp(argv[optind], "-") != 0)
		return usage(argv[optind], ": what is to be signed comes from standard input");
	return 0;
}

/* One thing to do, and only such a signature as git can store. */
static int check(const struct options *options) {
	bool signs = options->sign || options->detached;

	if (signs == options->verify)
		return usage("", signs ? "--sign and --verify exclude each other" : "say what to do: --sign or --verify");
	if (signs && !(options->detached && options->armor))
		return usage("", "signatures are detached and armored here: -bsau KEY");
	if (signs && !options->key)
		return usage("", "name the key to sign with: -u KEY");
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret_options) {
	struct options options = { .status_fd = -1 };
	int c, code = 0;

	opterr = 0;
	while (code == 0 && (c = getopt_long(argc, argv, ":sbau:h", longs, NULL)) != -1)
		code = take(c, argv, &options);
	if (code == 0 && !options.help && !options.version)
		code = check(&options);
	if (code == 0 && !options.help && !options.version)
		code = take_operands(argc, argv, &options);
	*ret_options = options;
	return code;
}

void options_help(void) {
	(void)printf("usage: smime-git [--status-fd FD] -bsau KEY <CONTENT >SIGNATURE\n"
		     "       smime-git [--status-fd FD] [--trust FILE]... [--crl FILE]... --verify SIGNATURE CONTENT\n\n"
		     "Signs and verifies for git, with keys that smime-agent holds: git config gpg.format x509;\n"
		     "git config gpg.x509.program smime-git.\n\n"
		     "  -s, --sign                   sign what standard input holds\n"
		     "  -b, --detach-sign            without the content in the signature\n"
		     "  -a, --armor                  in PEM\n"
		     "  -u, --local-user KEY         address, \"Name <address>\", fingerprint, key ID or pkcs11: URI\n"
		     "      --verify                 verify the signature in a file; CONTENT - is standard input\n"
		     "      --status-fd FD           write GnuPG's status lines to this descriptor\n"
		     "      --trust FILE             certificates to trust, beside those of the agent and the system\n"
		     "      --crl FILE               certificate revocation lists\n"
		     "      --keyid-format FORMAT    accepted and ignored\n"
		     "      --version                the version\n"
		     "  -h, --help                   this text\n\n"
		     "Exit codes: 0 signed, or a good signature of somebody trusted; 1 the signature is not good; 2 wrong usage;\n"
		     "3 no agent; 4 token, key, certificate or PIN; 5 denied; 6 malformed input; 7 file or stream; 8 internal error.\n");
}
