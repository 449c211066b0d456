/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * p11-kit's configuration files, by the rules of pkcs11.conf(5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/token/modules.h"

struct places {
	char root[64], package[80], system[80], user[80];
	struct modules_places places;
};

static int setup(void **state) {
	struct places *p = calloc(1, sizeof(*p));

	strcpy(p->root, "/tmp/smime-modules-XXXXXX");
	if (!p || !mkdtemp(p->root))
		return -1;
	(void)snprintf(p->package, sizeof(p->package), "%s/package", p->root);
	(void)snprintf(p->system, sizeof(p->system), "%s/system", p->root);
	(void)snprintf(p->user, sizeof(p->user), "%s/user", p->root);
	p->places = (struct modules_places){ p->package, p->system, p->user, "/modules" };
	*state = p;
	return mkdir(p->package, 0700) | mkdir(p->system, 0700) | mkdir(p->user, 0700);
}

static int teardown(void **state) {
	struct places *p = *state;
	char command[100];

	(void)snprintf(command, sizeof(command), "rm -rf %s", p->root);
	free(*state);
	return system(command);
}

static void put(const char *directory, const char *name, const char *text) {
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

/* The paths in order, each followed by a blank. */
static void assert_lists(const struct places *p, const char *expected) {
	STACK_OF(wire_module) *modules = NULL;
	char text[2000] = "";

	assert_int_equal(modules_list(&p->places, &modules), 0);
	for (int i = 0; i < sk_wire_module_num(modules); i++) {
		strcat(text, wire_text(sk_wire_module_value(modules, i)->path));
		strcat(text, " ");
	}
	sk_wire_module_pop_free(modules, wire_module_free);
	assert_string_equal(text, expected);
}

static void relative_paths_lie_in_the_module_directory(void **state) {
	const struct places *p = *state;

	put(p->package, "a.module", "# comment\n\n  module :  a.so  \n");
	put(p->package, "b.module", "module: /opt/b.so\n");
	put(p->package, "notes.txt", "module: c.so\n");
	put(p->package, ".hidden.module", "module: d.so\n");
	put(p->package, "empty.module", "# module: e.so\n");
	assert_lists(p, "/modules/a.so /opt/b.so ");
}

static void the_name_is_that_of_the_file(void **state) {
	const struct places *p = *state;
	STACK_OF(wire_module) *modules = NULL;

	put(p->package, "opensc-pkcs11.module", "module: opensc-pkcs11.so\n");
	assert_int_equal(modules_list(&p->places, &modules), 0);
	assert_string_equal(wire_text(sk_wire_module_value(modules, 0)->name), "opensc-pkcs11");
	sk_wire_module_pop_free(modules, wire_module_free);
}

static void later_directories_override_setting_by_setting(void **state) {
	const struct places *p = *state;

	put(p->package, "a.module", "module: a.so\n");
	put(p->package, "b.module", "module: b.so\n");
	put(p->package, "c.module", "module: c.so\ndisable-in: smime-agent\n");
	put(p->system, "a.module", "module: better.so\n");
	put(p->system, "b.module", "priority: 5\n");
	put(p->user, "c.module", "disable-in:\n");
	assert_lists(p, "/modules/b.so /modules/better.so /modules/c.so ");
}

static void higher_priority_comes_first(void **state) {
	const struct places *p = *state;

	put(p->package, "a.module", "module: a.so\n");
	put(p->package, "b.module", "module: b.so\npriority: 10\n");
	put(p->package, "c.module", "module: c.so\npriority: -1\n");
	assert_lists(p, "/modules/b.so /modules/a.so /modules/c.so ");
}

static void modules_for_other_programs_are_left_out(void **state) {
	const struct places *p = *state;

	put(p->package, "a.module", "module: a.so\nenable-in: ssh, smime-agent\n");
	put(p->package, "b.module", "module: b.so\nenable-in: ssh smime-agents\n");
	put(p->package, "c.module", "module: c.so\ndisable-in: ssh,smime-agent\n");
	put(p->package, "d.module", "module: d.so\ndisable-in: ssh\n");
	assert_lists(p, "/modules/a.so /modules/d.so ");
}

static void trust_remote_and_own_modules_are_left_out(void **state) {
	const struct places *p = *state;

	put(p->package, "a.module", "module: a.so\ntrust-policy: yes\n");
	put(p->package, "b.module", "module: b.so\ntrust-policy: no\n");
	put(p->package, "c.module", "module: c.so\nremote: |ssh host p11-kit remote\n");
	put(p->package, "d.module", "remote: unix:path=/x\n");
	put(p->package, "e.module", "module: p11-kit-trust.so\n");
	put(p->package, "f.module", "module: /usr/lib/pkcs11/p11-kit-client.so\n");
	put(p->package, "g.module", "module: p11-kit-proxy.so\n");
	put(p->package, "h.module", "module: smime-pkcs11.so\n");
	assert_lists(p, "/modules/b.so ");
}

static void one_module_in_two_files_is_listed_once(void **state) {
	const struct places *p = *state;

	put(p->package, "a.module", "module: a.so\n");
	put(p->user, "z.module", "module: /modules/a.so\n");
	assert_lists(p, "/modules/a.so ");
}

/* The paths in order, each with its x-init-reserved behind it. */
static void assert_reserved(const struct places *p, const char *expected) {
	STACK_OF(wire_module) *modules = NULL;
	char text[2000] = "";

	assert_int_equal(modules_list(&p->places, &modules), 0);
	for (int i = 0; i < sk_wire_module_num(modules); i++) {
		const wire_module *module = sk_wire_module_value(modules, i);

		strcat(text, wire_text(module->path));
		strcat(text, module->init_reserved ? "=" : "");
		strcat(text, wire_text(module->init_reserved));
		strcat(text, " ");
	}
	sk_wire_module_pop_free(modules, wire_module_free);
	assert_string_equal(text, expected);
}

static void parameters_of_a_module_are_taken_over(void **state) {
	const struct places *p = *state;

	put(p->package, "a.module", "module: a.so\nx-init-reserved:  configdir='sql:/x: y' flags= \n");
	put(p->package, "b.module", "module: b.so\nx-init-reserved:\n");
	put(p->package, "c.module", "module: c.so\nx-init-reserved: package\n");
	put(p->user, "c.module", "x-init-reserved: user\n");
	assert_reserved(p, "/modules/a.so=configdir='sql:/x: y' flags= /modules/b.so /modules/c.so=user ");
}

static void one_module_with_two_sets_of_parameters_is_two(void **state) {
	const struct places *p = *state;

	put(p->package, "a.module", "module: a.so\nx-init-reserved: one\n");
	put(p->package, "b.module", "module: a.so\nx-init-reserved: two\n");
	put(p->package, "c.module", "module: a.so\nx-init-reserved: one\n");
	assert_reserved(p, "/modules/a.so=one /modules/a.so=two ");
}

/* The core refuses a list with such a text in it, as a whole. */
static void a_file_that_holds_no_text_does_not_hide_others(void **state) {
	const struct places *p = *state;

	put(p->package, "a.module", "module: a\x01.so\n");
	put(p->package, "b.module", "module: b.so\nx-init-reserved: \xff\n");
	put(p->package, "c\t.module", "module: c.so\n");
	put(p->package, "d.module", "module: d.so\n");
	assert_lists(p, "/modules/d.so ");
}

static void the_user_s_directory_can_be_left_out(void **state) {
	struct places *p = *state;

	put(p->package, "a.module", "module: a.so\n");
	put(p->user, "b.module", "module: b.so\n");
	p->places.user = NULL;
	assert_lists(p, "/modules/a.so ");
}

static void missing_directories_and_overlong_values_are_harmless(void **state) {
	struct places *p = *state;
	char line[3000] = "module: ";

	memset(line + 8, 'x', sizeof(line) - 9);
	put(p->package, "a.module", line);
	p->places.system = "/proc/nowhere";
	assert_lists(p, "");
}

static void user_config_is_read_from_pkcs11_conf(void **state) {
	const struct places *p = *state;
	char path[100];

	(void)snprintf(path, sizeof(path), "%s/pkcs11.conf", p->root);
	assert_int_equal(modules_user_config(path), MODULES_USER_MERGE);
	put(p->root, "pkcs11.conf", "# user-config: only\nuser-config: none\n");
	assert_int_equal(modules_user_config(path), MODULES_USER_NONE);
	put(p->root, "pkcs11.conf", "user-config: only\n");
	assert_int_equal(modules_user_config(path), MODULES_USER_ONLY);
	put(p->root, "pkcs11.conf", "user-config: merge\n");
	assert_int_equal(modules_user_config(path), MODULES_USER_MERGE);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(relative_paths_lie_in_the_module_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(the_name_is_that_of_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(later_directories_override_setting_by_setting, setup, teardown),
		cmocka_unit_test_setup_teardown(higher_priority_comes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(modules_for_other_programs_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(trust_remote_and_own_modules_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(one_module_in_two_files_is_listed_once, setup, teardown),
		cmocka_unit_test_setup_teardown(parameters_of_a_module_are_taken_over, setup, teardown),
		cmocka_unit_test_setup_teardown(one_module_with_two_sets_of_parameters_is_two, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_holds_no_text_does_not_hide_others, setup, teardown),
		cmocka_unit_test_setup_teardown(the_user_s_directory_can_be_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_directories_and_overlong_values_are_harmless, setup, teardown),
		cmocka_unit_test_setup_teardown(user_config_is_read_from_pkcs11_conf, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
