/* test_table.c - tables, spans, commands: what tollgatectl shows and takes. */
#include "tests/unit/unit.h"

#include "ctl/print.h"
#include "ctl/reply.h"
#include "ctl/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct table_column columns[] = {{"name", false, true},
    {"n", true, false}, {"why", false, true}, {NULL, false, false}};

static char *print(const struct table *table, int width, bool color)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    table_print(table, width, color, out);
    fclose(out);
    return text;
}

TEST(plain)
{
    struct table *table = table_new(columns);

    assert_true(table_is_empty(table));
    table_add(table, "a");
    table_add_format(table, "%d", 7);
    table_add(table, "");
    table_add(table, "longer");
    table_add_format(table, "%d", 1234);
    table_add(table, "x");
    char *text = print(table, 80, false);
    assert_string_equal(text, "name       n  why\n"
                              "a          7  \n"
                              "longer  1234  x\n");
    free(text);
    table_free(&table);
    assert_null(table);
}

/* No line is wider than the terminal, and what strangers chose is harmless. */
TEST(cut)
{
    struct table *table = table_new(columns);
    char name[301];

    memset(name, 'x', 300);
    name[300] = '\0';
    table_add(table, name);
    table_add(table, "1");
    table_add(table, "because \x1b[2J of\nthis, and that, and so on");
    char *text = print(table, 60, false);
    for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 60);
    assert_non_null(strstr(text, "xxx...  1  "));
    assert_null(strchr(text, '\x1b'));
    free(text);
    table_free(&table);
}

TEST(color)
{
    struct table *table = table_new(columns);

    table_add_colored(table, TABLE_BAD, "a");
    table_add(table, "1");
    table_add(table, "b");
    char *text = print(table, 80, true);
    assert_non_null(strstr(text, "\x1b[31ma\x1b[0m   "));
    free(text);
    text = print(table, 80, false);
    assert_null(strchr(text, '\x1b'));
    free(text);
    table_free(&table);
}

TEST(spans)
{
    static const struct {
        long long seconds;
        const char *text;
    } cases[] = {{0, "0s"}, {59, "59s"}, {60, "1m"}, {61, "1m 1s"},
        {3600, "1h"}, {3661, "1h 1m"}, {86400, "1d"}, {90000, "1d 1h"},
        {86400 * 400LL + 59, "400d"}};
    char text[PRINT_TIME_SIZE];

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(print_span(cases[i].seconds, text), cases[i].text);
}

TEST(members)
{
    json_t *object = json_pack(
        "{s:{s:{s:s}}, s:i, s:b}", "a", "b", "c", "x", "n", 7, "is", true);

    assert_string_equal(print_text(object, "a.b.c"), "x");
    assert_string_equal(print_text(object, "a.b"), "");
    assert_string_equal(print_text(object, "a.x.c"), "");
    assert_string_equal(print_text(NULL, "a"), "");
    assert_int_equal(print_number(object, "n"), 7);
    assert_int_equal(print_number(object, "a"), 0);
    assert_true(print_flag(object, "is"));
    assert_false(print_flag(object, "n"));
    json_decref(object);
}

TEST(replies)
{
    static const struct {
        const char *line;
        bool is_ok;
        const char *error, *code;
    } cases[] = {
        {"{\"ok\":true,\"daemon\":\"d\",\"result\":{}}", true, NULL, NULL},
        {"{\"ok\":false,\"error\":\"e\",\"code\":\"c\"}", false, "e", "c"},
        {"{\"ok\":true}", false, "the answer is not understood", "failed"},
        {"{\"ok\":1,\"result\":{}}", false, "the answer is not understood",
            "failed"},
        {"[]", false, "the answer is not understood", "failed"},
        {"", false, "the answer is not understood", "failed"},
    };
    struct reply reply;

    for (size_t i = 0; i < COUNT(cases); i++) {
        reply_parse(strdup(cases[i].line), &reply);
        assert_int_equal(reply.is_ok, cases[i].is_ok);
        if (!reply.is_ok) {
            assert_string_equal(reply.error, cases[i].error);
            assert_true(reply_has_code(&reply, cases[i].code));
        }
        reply_clear(&reply);
    }
}

TEST(find)
{
    static const struct {
        const char *words[4];
        int argc;
        const char *name; /* NULL: there is none */
        int used;
    } cases[] = {
        {{"status"}, 1, "status", 1},
        {{"status", "x"}, 2, "status", 1},
        {{"statu"}, 1, NULL, 0},
        {{"config"}, 1, NULL, 0},
        {{"config", "show", "-n"}, 3, "config show", 2},
        {{"certs"}, 1, "certs", 1},
        {{"certs", "check"}, 2, "certs check", 2},
        {{"certs", "chec"}, 2, "certs", 1},
        {{"certs check"}, 1, NULL, 0},
        {{""}, 1, NULL, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char *words[4];
        int used;
        memcpy(words, cases[i].words, sizeof words);
        const struct ctl_command *command =
            ctl_command_find(cases[i].argc, words, &used);
        assert_int_equal(used, cases[i].used);
        if (cases[i].name == NULL)
            assert_null(command);
        else
            assert_string_equal(command->name, cases[i].name);
    }
}

/* Every row is complete, and no name is there twice. */
TEST(rows)
{
    const struct ctl_command *row, *other;

    for (size_t i = 0; (row = ctl_command_at(i)) != NULL; i++) {
        assert_non_null(row->usage);
        assert_between(strlen(row->help), 1, 50); /* 80 columns */
        assert_true((row->run == NULL) != (row->print == NULL));
        for (size_t j = 0; j < i; j++) {
            other = ctl_command_at(j);
            assert_string_not_equal(row->name, other->name);
        }
    }
}

RUN_TESTS(NULL, NULL)
