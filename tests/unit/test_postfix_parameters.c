/*
 * test_postfix_parameters.c - values of main.cf, taken apart as Postfix does.
 */
#include "ctl/postfix_parameters.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

TEST(lines)
{
    struct postfix_parameters parameters;

    postfix_parameters_parse(
        "a = 1\nb =\nnoise\nc = x = y  \n a2=2", &parameters);
    assert_int_equal(parameters.count, 4);
    assert_string_equal(postfix_parameters_find(&parameters, "a"), "1");
    assert_string_equal(postfix_parameters_find(&parameters, "b"), "");
    assert_string_equal(postfix_parameters_find(&parameters, "c"), "x = y");
    assert_string_equal(postfix_parameters_find(&parameters, "a2"), "2");
    assert_null(postfix_parameters_find(&parameters, "noise"));
    postfix_parameters_set(&parameters, "a", "3");
    postfix_parameters_set(&parameters, "d", "4");
    assert_string_equal(postfix_parameters_find(&parameters, "a"), "3");
    assert_int_equal(parameters.count, 5);
    postfix_parameters_clear(&parameters);
    assert_int_equal(parameters.count, 0);
}

TEST(lists)
{
    static const struct {
        const char *text, *joined;
    } cases[] = {
        {"", ""},
        {" , ,\t", ""},
        {"a", "a"},
        {"a,b c\td", "a|b|c|d"},
        {"check_policy_service { unix:x, timeout=1s }, permit",
            "check_policy_service|{ unix:x, timeout=1s }|permit"},
        {"{ a, { b = c d } } e", "{ a, { b = c d } }|e"},
        {"{ a, b", "{ a, b"}, /* never closed */
        {"a} b", "a}|b"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct postfix_list list;
        postfix_list_parse(cases[i].text, &list);
        char *joined = postfix_list_join(&list, "|");
        assert_string_equal(joined, cases[i].joined);
        free(joined);
        postfix_list_clear(&list);
    }
}

TEST(list_edits)
{
    struct postfix_list list;

    postfix_list_parse("b d", &list);
    postfix_list_insert(&list, 0, strdup("a"));
    postfix_list_insert(&list, 2, strdup("c"));
    postfix_list_insert(&list, 4, strdup("e"));
    postfix_list_remove(&list, 1);
    char *joined = postfix_list_join(&list, ",");
    assert_string_equal(joined, "a,c,d,e");
    assert_null(list.words[list.count]);
    assert_true(postfix_list_has(&list, "C"));
    assert_false(postfix_list_has(&list, "b"));
    free(joined);
    postfix_list_clear(&list);
}

TEST(entries)
{
    static const struct {
        const char *word, *endpoint, *action;
        bool is_malformed;
    } cases[] = {
        {"unix:x", "unix:x", NULL, false},
        {"{ unix:x }", "unix:x", NULL, false},
        {"{unix:x,default_action=DUNNO}", "unix:x", "DUNNO", false},
        {"{ unix:x, { default_action = 451 4.3.5 a, b } }", "unix:x",
            "451 4.3.5 a, b", false},
        {"{ unix:x, default_action=451 4.3.5 a }", "unix:x", "451", true},
        {"{ unix:x, { default_action = 451", "", NULL, true},
        {"{}", "", NULL, true},
        {"{ unix:x, {timeout} }", "unix:x", NULL, true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct postfix_entry entry;
        postfix_entry_parse(cases[i].word, &entry);
        const char *action =
            postfix_parameters_find(&entry.attributes, "default_action");
        assert_string_equal(entry.endpoint, cases[i].endpoint);
        assert_int_equal(entry.is_malformed, cases[i].is_malformed);
        assert_int_equal(action == NULL, cases[i].action == NULL);
        if (action != NULL)
            assert_string_equal(action, cases[i].action);
        postfix_entry_clear(&entry);
    }
}

TEST(times)
{
    static const struct {
        const char *text;
        uint64_t ms; /* 0: none */
    } cases[] = {
        {"10", 10000},
        {"10s", 10000},
        {"2m", 120000},
        {"1h", 3600000},
        {"1d", 86400000},
        {"1w", 604800000},
        {"", 0},
        {"s", 0},
        {"10x", 0},
        {"10ss", 0},
        {"-1s", 0},
        {"999999999999999999999s", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t ms = 0;
        assert_int_equal(
            postfix_time_parse(cases[i].text, &ms), cases[i].ms != 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

RUN_TESTS(NULL, NULL)
