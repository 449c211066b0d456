/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smime-git: for git's gpg.x509.program. Signs commits, tags and pushes, and verifies them.
 *
 * git reads what is said here: the signature on standard output, status lines where it wants them, and text for people on standard
 * error. Nothing else is written anywhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client/cli/start.h"
#include "git.h"
#include "tell.h"
#include "terminal.h"

/* A file that is opened must not become a standard stream that the caller had closed. */
static void fill_standard_descriptors(void) {
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) < 0)
			_exit(smime_exit_code(SMIME_E_IO));
}

static int run(const struct options *options) {
	struct smime *smime = NULL;
	int r = smime_new(&smime), code;

	if (r < 0)
		return tell_failure(r, "%s", smime_strerror(r));
	if (!options->verify)
		terminal_name();
	smime_set_autostart(smime, true);
	code = options->verify ? git_verify(smime, options) : git_sign(smime, options);
	(void)smime_free(smime);
	return code;
}

static int inform(const struct options *options) {
	if (options->help)
		options_help();
	else
		(void)printf("smime-git %s\n", SMIME_VERSION);
	return fflush(stdout) == 0 ? 0 : tell_failure(SMIME_E_IO, "standard output: %s", strerror(errno));
}

int main(int argc, char **argv) {
	struct options options;
	int code;

	fill_standard_descriptors();
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	start_openssl();
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	code = options_parse(argc, argv, &options);
	if (code == 0)
		code = options.help || options.version ? inform(&options) : run(&options);
	return code;
}
