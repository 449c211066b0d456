/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A main for targets in builds without a fuzzer: gives each file of a folder to the target once, and prints TAP. What goes
 * wrong ends the process, as under a fuzzer.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv) {
	return 0;
}

static void replay(const char *path) {
	FILE *file = fopen(path, "rb");
	struct stat status;
	uint8_t *data;

	REQUIRE(file && fstat(fileno(file), &status) == 0);
	/* As large as the input, so that a sanitizer sees what reads beyond it. */
	data = malloc((size_t)status.st_size + (status.st_size == 0));
	REQUIRE(data && fread(data, 1, (size_t)status.st_size, file) == (size_t)status.st_size);
	(void)fclose(file);
	(void)LLVMFuzzerTestOneInput(data, (size_t)status.st_size);
	free(data);
}

static int is_visible(const struct dirent *entry) {
	return entry->d_name[0] != '.';
}

/* What was a finding once bears the name of what was found, and is a test point of its own. */
static unsigned replay_folder(const char *folder, unsigned points) {
	struct dirent **entries = NULL;
	int i, count = scandir(folder, &entries, is_visible, alphasort), seeds = 0;
	char path[4096];

	REQUIRE(count > 0);
	for (i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		printf("# %s\n", path);
		(void)fflush(stdout);
		replay(path);
		if (strncmp(entries[i]->d_name, "found-", 6) == 0)
			printf("ok %u - %s\n", ++points, entries[i]->d_name);
		else
			seeds++;
		free(entries[i]);
	}
	free(entries);
	printf("ok %u - %d seeds are replayed\n", ++points, seeds);
	return points;
}

int main(int argc, char **argv) {
	struct stat status;
	unsigned points = 0;

	(void)LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode)) {
			points = replay_folder(argv[i], points);
			continue;
		}
		replay(argv[i]);
		printf("ok %u - %s\n", ++points, argv[i]);
	}
	printf("1..%u\n", points);
	return 0;
}
