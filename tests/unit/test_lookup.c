/*
 * test_lookup.c - a query of the status page becomes a line of the control
 * socket, and nothing but what may be asked that way.
 */
#include "tests/unit/unit.h"

#include "common/control/lookup.h"

#include <stdlib.h>
#include <string.h>

static void expect(const char *query, const char *line)
{
    struct error err;
    json_t *request = lookup_request(query, &err);

    assert_non_null(request);
    char *text = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, line);
    free(text);
    json_decref(request);
}

TEST(what_is_asked)
{
    expect("command=show&key=198.51.100.7",
        "{\"arguments\":{\"key\":\"198.51.100.7\"},\"command\":\"show\"}");
    expect("key=sasl%3Abob%40example.com&command=show",
        "{\"arguments\":{\"key\":\"sasl:bob@example.com\"},"
        "\"command\":\"show\"}");
    expect("command=explain&client=192.0.2.1&sasl=a+b%22%26&helo=",
        "{\"arguments\":{\"request\":{\"client\":\"192.0.2.1\","
        "\"sasl\":\"a b\\\"&\"}},\"command\":\"explain\"}");
}

TEST(what_is_refused)
{
    static const char *const queries[] = {"", "command", "command=reset&key=a",
        "command=ban&net=192.0.2.1", "key=a", "command=show&key=%",
        "command=show&key=%4", "command=show&key=%4g", "command=show&key=%00",
        "command=show&key=%ff", "command=show&%ff=a", "command=show&&key",
        "command=show%00&key=a"};
    struct error err;

    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        err.text[0] = '\0';
        assert_null(lookup_request(queries[i], &err));
        assert_true(err.text[0] != '\0');
    }
}

RUN_TESTS(NULL, NULL)
