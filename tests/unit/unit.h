/*
 * unit.h - what every unit test includes first: cmocka and its prerequisites.
 */
#ifndef TOLLGATE_TESTS_UNIT_H
#define TOLLGATE_TESTS_UNIT_H

/* The order is cmocka's. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/*
 * TEST(what_it_does) { ... } is a test, and is run: RUN_TESTS(NULL, NULL) at
 * the end of the file runs all of them in their order there, as
 * test_what_it_does. TEST_WITH is one with a setup and a teardown of its own
 * (NULL: none); those of RUN_TESTS are for all together. The parameter is
 * state, as cmocka has it.
 */
#define TEST(name) TEST_WITH(NULL, NULL, name)
#define TEST_WITH(setup, teardown, name) \
    static void test_##name(void **state); \
    __attribute__((constructor)) static void add_##name(void) \
    { \
        add_test((struct CMUnitTest){ \
            "test_" #name, test_##name, setup, teardown, NULL}); \
    } \
    static void test_##name(void **state)

#define RUN_TESTS(setup, teardown) \
    int main(void) \
    { \
        return run_all_tests(setup, teardown); \
    }

static struct CMUnitTest all_tests[64];
static size_t all_tests_count;

static inline void add_test(struct CMUnitTest test)
{
    if (all_tests_count == COUNT(all_tests))
        abort();
    all_tests[all_tests_count++] = test;
}

/* For a main that does more. The exit status: how many failed. */
static inline int run_all_tests(
    CMFixtureFunction setup, CMFixtureFunction teardown)
{
    return _cmocka_run_group_tests(
        "tests", all_tests, all_tests_count, setup, teardown);
}

/* cmocka 2 has names of its own for assert_in_range, cmocka 1 has not. */
#define assert_between(value, least, most) \
    do { \
        uintmax_t is = (uintmax_t)(value); \
        if (is < (uintmax_t)(least) || is > (uintmax_t)(most)) \
            fail_msg("%ju is not from %ju to %ju", is, (uintmax_t)(least), \
                (uintmax_t)(most)); \
    } while (0)

#endif
