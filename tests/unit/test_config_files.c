/*
 * test_config_files.c - every tests/data/config/NAME.conf against NAME.ref.
 *
 * A .conf may begin with lines "#environment NAME=VALUE" and "#-o NAME=VALUE".
 * The .ref holds the error, or what config_show writes as changed
 * and the warnings. A new case
 * needs no C; UPDATE_REF=1 in the environment writes the .ref files anew, to
 * be read before they are committed.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/config/config.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OVERRIDES_MAX 8

extern char **environ;

struct test_case {
    const char *path;
    char *overrides[OVERRIDES_MAX];
    size_t override_count;
};

static void clear_environment(void)
{
    for (char **variable = environ; *variable != NULL;) {
        char *name = strndup(*variable, strcspn(*variable, "="));
        bool is_ours = strncmp(name, "TOLLGATE_", 9) == 0;
        if (is_ours)
            unsetenv(name);
        variable = is_ours ? environ : variable + 1;
        free(name);
    }
}

static const char *after(const char *line, const char *start)
{
    size_t len = strlen(start);
    return strncmp(line, start, len) == 0 ? line + len : NULL;
}

static void read_directives(struct test_case *test)
{
    char line[256];
    const char *rest;
    FILE *in = fopen(test->path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in) != NULL && line[0] == '#') {
        line[strcspn(line, "\n")] = '\0';
        if ((rest = after(line, "#environment ")) != NULL) {
            char *variable = xstrdup(rest);
            char *equals = strchr(variable, '=');
            assert_non_null(equals);
            *equals = '\0';
            setenv(variable, equals + 1, 1);
            free(variable);
        } else if ((rest = after(line, "#-o ")) != NULL) {
            assert_true(test->override_count < OVERRIDES_MAX);
            test->overrides[test->override_count++] = xstrdup(rest);
        }
    }
    fclose(in);
}

/* The error, or the changed values; the caller frees. */
static char *load(const struct test_case *test)
{
    char *text = NULL;
    size_t len;
    struct error err = {""};
    struct config_source source = {
        .path = test->path,
        .overrides = (const char *const *)test->overrides,
        .override_count = test->override_count,
    };
    FILE *out = open_memstream(&text, &len);
    struct config *config = config_load(&source, &err);
    if (config == NULL)
        fprintf(out, "%s\n", err.text);
    else
        config_show(config, CONFIG_SHOW_CHANGED, out);
    for (size_t i = 0; config != NULL && i < config->warning_count; i++)
        fprintf(out, "warning: %s\n", config->warnings[i]);
    config_unref(&config);
    fclose(out);
    return text;
}

static char *read_file(const char *path)
{
    char *text = xcalloc(1, 65536);
    FILE *in = fopen(path, "r");
    if (in != NULL) {
        size_t len = fread(text, 1, 65535, in);
        text[len] = '\0';
        fclose(in);
    }
    return text;
}

static bool run_case(const char *path)
{
    struct test_case test = {.path = path};
    clear_environment();
    read_directives(&test);
    char *got = load(&test);
    char *ref = xprintf("%.*s.ref", (int)(strlen(path) - 5), path);
    if (getenv("UPDATE_REF") != NULL) {
        FILE *out = fopen(ref, "w");
        assert_non_null(out);
        fputs(got, out);
        fclose(out);
    }
    char *expected = read_file(ref);
    bool is_same = strcmp(got, expected) == 0;
    if (!is_same)
        print_error("%s: expected\n%sgot\n%s", path, expected, got);
    for (size_t i = 0; i < test.override_count; i++)
        free(test.overrides[i]);
    free(expected);
    free(ref);
    free(got);
    return is_same;
}

TEST(files)
{
    glob_t found;
    size_t failed = 0;
    assert_int_equal(chdir(TEST_DATA "/config"), 0);
    assert_int_equal(glob("*.conf", 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 50);
    for (size_t i = 0; i < found.gl_pathc; i++)
        failed += run_case(found.gl_pathv[i]) ? 0 : 1;
    globfree(&found);
    clear_environment();
    assert_int_equal(failed, 0);
}

RUN_TESTS(NULL, NULL)
