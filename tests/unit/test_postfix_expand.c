/*
 * test_postfix_expand.c - what the -o of a service make of parameters. Whether
 * postconf says the same test_doctor_told.py shows.
 */
#include "ctl/postfix_expand.h"
#include "tests/unit/unit.h"

#include <string.h>

static const char raw_text[] = "networks = 10.0.0.0/8\n"
                               "list = $networks, x\n"
                               "twice = $(list) ${networks}\n"
                               "other = $name\n"
                               "name = mail\n"
                               "yes = ${networks?is $name}\n"
                               "no = ${networks:is none}\n"
                               "both = ${networks?{$name}:{none}} end\n"
                               "money = $$networks\n"
                               "open = ${networks\n"
                               "loop = $loop2\n"
                               "loop2 = $loop$networks\n"
                               "compare = ${{$networks} == {a} ? {b} : {c}}\n";
static const char expanded_text[] = "networks = 10.0.0.0/8\n"
                                    "list = 10.0.0.0/8, x\n"
                                    "twice = 10.0.0.0/8, x 10.0.0.0/8\n"
                                    "other = mail\n"
                                    "name = mail\n"
                                    "compare = c\n";

static const struct {
    const char *option, *value, *name, *expected;
} cases[] = {
    {NULL, NULL, "list", "10.0.0.0/8, x"}, {"networks", "a", "networks", "a"},
    {"networks", "a", "list", "a, x"}, {"networks", "a", "twice", "a, x a"},
    {"networks", "a", "other", "mail"}, {"networks", "a", "yes", "is mail"},
    {"networks", "", "yes", ""}, {"networks", "a", "no", ""},
    {"networks", "", "no", "is none"}, {"networks", "a", "both", "mail end"},
    {"networks", "", "both", "none end"},
    {"networks", "a", "money", "$networks"},
    {"networks", "$name", "list", "mail, x"},
    {"networks", "$nothing", "list", ", x"},
    {"networks", "a$", "list", "a$, x"}, {"own", "x", "own", "x"},
    {"networks", "a", "compare", "c"}, /* as it is without the option */
};

TEST(expansion)
{
    struct postfix_parameters raw, expanded, found;

    postfix_parameters_parse(raw_text, &raw);
    postfix_parameters_parse(expanded_text, &expanded);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct postfix_parameters options = {0};
        if (cases[i].option != NULL)
            postfix_parameters_set(&options, cases[i].option, cases[i].value);
        bool is_whole = postfix_expand(&raw, &expanded, &options, &found);
        assert_string_equal(
            postfix_parameters_find(&found, cases[i].name), cases[i].expected);
        /* What compares is touched by that one. */
        assert_true(is_whole == (cases[i].option == NULL ||
                                    strcmp(cases[i].option, "own") == 0));
        postfix_parameters_clear(&found);
        postfix_parameters_clear(&options);
    }
    postfix_parameters_clear(&expanded);
    postfix_parameters_clear(&raw);
}

RUN_TESTS(NULL, NULL)
