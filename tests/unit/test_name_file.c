/*
 * test_name_file.c - what a file of names may hold, and when it is read again.
 */
#include "tests/unit/unit.h"

#include "common/config/name_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/test_name_file.XXXXXX";

/* In the place of the file, as editors do it. */
static void put(const char *text)
{
    char next[sizeof path + 4];

    (void)snprintf(next, sizeof next, "%s.new", path);
    FILE *file = fopen(next, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(next, path), 0);
}

static bool holds(const struct name_file *file, const char *name)
{
    struct name_list list = {0};

    name_list_add_file(&list, name_file_list(file));
    bool is = name_list_holds(&list, name);
    assert_false(name_list_is_unset(&list));
    name_list_clear(&list);
    return is;
}

TEST(lines)
{
    static const struct {
        const char *text, *why; /* NULL: good */
    } cases[] = {
        {"", NULL},
        {"\n # nothing\n", NULL},
        {"a@example.com", NULL},
        {"a@example.com\nno address\n", ":2: \"no address\": no address"},
        {"\n\nfile:/etc/passwd\n", ":3: \"file:/etc/passwd\": a file names no"},
        {"*@example.com\n", ":1: \"*@example.com\": malformed"},
    };
    const struct name_form form = {.delimiters = "+"};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error err = {.text = ""};
        put(cases[i].text);
        struct name_file *file = name_file_new(path, &form, &err);
        assert_true((file != NULL) == (cases[i].why == NULL));
        if (cases[i].why != NULL && strstr(err.text, cases[i].why) == NULL)
            fail_msg("%s", err.text);
        name_file_free(&file);
    }
    struct error err;
    assert_null(name_file_new("/", &form, &err));
    assert_non_null(strstr(err.text, "not a file"));
}

TEST(changes)
{
    const struct name_form form = {.delimiters = "+"};
    struct error err;

    put("Bob+x@Example.com\n@example.org\n");
    struct name_file *file = name_file_new(path, &form, &err);
    assert_non_null(file);
    assert_true(holds(file, "bob@example.com"));
    assert_true(holds(file, "any@example.org"));
    assert_false(holds(file, "eve@example.com"));
    assert_false(holds(file, ""));
    put("eve@example.com\nx@\n");
    name_file_look(file, 1000);
    assert_true(holds(file, "bob@example.com"));
    put("eve@example.com\n");
    name_file_look(file, 2000);
    assert_true(holds(file, "eve@example.com"));
    assert_false(holds(file, "bob@example.com"));
    /* What may be half of it waits for a second look that finds the same. */
    put("bob@example.co");
    name_file_look(file, 3000);
    assert_false(holds(file, "bob@example.co"));
    put("bob@example.com");
    name_file_look(file, 4000);
    assert_true(holds(file, "eve@example.com"));
    name_file_look(file, 5000);
    assert_true(holds(file, "bob@example.com"));
    assert_int_equal(unlink(path), 0);
    name_file_look(file, 6000);
    assert_true(holds(file, "bob@example.com"));
    put("");
    name_file_look(file, 7000);
    assert_true(holds(file, "bob@example.com"));
    name_file_look(file, 8000);
    assert_false(holds(file, "bob@example.com"));
    name_file_free(&file);
}

static int begin(void **state)
{
    int fd = mkstemp(path);

    return fd == -1 ? -1 : close(fd);
}

static int end(void **state)
{
    return unlink(path);
}

RUN_TESTS(begin, end)
