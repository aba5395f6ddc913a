/*
 * test_program.c - programs that print, fail, stall and never stop talking.
 */
#include "common/base/program.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#define AMPLE_MS 20000

static bool run(
    const char *script, unsigned time_ms, char **output_r, struct error *err)
{
    const char *argv[] = {"sh", "-c", script, NULL};

    return program_read(argv, time_ms, output_r, err);
}

TEST(output)
{
    struct error err;
    char *output;

    assert_true(run("echo loud >&2; printf 'a\\nb'", AMPLE_MS, &output, &err));
    assert_string_equal(output, "a\nb");
    free(output);
    assert_true(run(":", AMPLE_MS, &output, &err));
    assert_string_equal(output, "");
    free(output);
}

/* More than fits into either pipe, so that reading one alone would stall. */
TEST(both_at_once)
{
    struct error err;
    char *output;

    assert_true(run("head -c 300000 /dev/zero | tr '\\0' e >&2;"
                    "head -c 300000 /dev/zero | tr '\\0' o",
        AMPLE_MS, &output, &err));
    assert_int_equal(strlen(output), 300000);
    free(output);
}

/* A caller's environment and descriptors are no business of the program's. */
TEST(surroundings)
{
    struct error err;
    char *output;

    setenv("LC_ALL", "tlh_KX", 1);
    setenv("PATH", "/nowhere", 1);
    assert_true(run("read line; echo \"$LC_ALL:$line:$(id -u >/dev/null; "
                    "echo $?)\"",
        AMPLE_MS, &output, &err));
    assert_string_equal(output, "C::0\n");
    free(output);
}

TEST(failures)
{
    static const struct {
        const char *script;
        unsigned time_ms;
        const char *text;
    } cases[] = {
        {"echo first >&2; echo last words >&2; exit 3", AMPLE_MS,
            "sh: exit status 3: last words"},
        {"exit 4", AMPLE_MS, "sh: exit status 4: "},
        {"kill -9 $$", AMPLE_MS, "sh: ended by signal 9"},
        {"exec sleep 1000", 50, "sh: not done in time"},
        {"exec cat /dev/zero", AMPLE_MS,
            "sh: more than 4194304 bytes of output"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err;
        char *output = (char *)&err;
        assert_false(run(cases[i].script, cases[i].time_ms, &output, &err));
        assert_string_equal(err.text, cases[i].text);
        assert_null(output);
    }
}

TEST(missing)
{
    const char *argv[] = {"no-such-program-here", NULL};
    struct error err;
    char *output;

    assert_false(program_read(argv, AMPLE_MS, &output, &err));
    assert_string_equal(
        err.text, "no-such-program-here: cannot be started; is it installed?");
}

RUN_TESTS(NULL, NULL)
