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

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* cmocka 2 has names of its own for assert_in_range, cmocka 1 has not. */
#define assert_between(value, least, most) \
    do { \
        uintmax_t is = (uintmax_t)(value); \
        if (is < (uintmax_t)(least) || is > (uintmax_t)(most)) \
            fail_msg("%ju is not from %ju to %ju", is, (uintmax_t)(least), \
                (uintmax_t)(most)); \
    } while (0)

#endif
