/* test_redis_url.c - the store option, good and bad. */
#include "tests/unit/unit.h"

#include "common/config/redis_url.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text, *unix_path, *host, *username, *password, *described;
    unsigned port, db;
} good[] = {
    {"redis://localhost", NULL, "localhost", NULL, NULL, "redis://localhost",
        6379, 0},
    {"redis://r_1.example-x.net:6380/15", NULL, "r_1.example-x.net", NULL, NULL,
        "redis://r_1.example-x.net:6380/15", 6380, 15},
    {"redis://127.0.0.1/", NULL, "127.0.0.1", NULL, NULL, "redis://127.0.0.1",
        6379, 0},
    {"redis://[2001:db8::1]:7000/2", NULL, "2001:db8::1", NULL, NULL,
        "redis://[2001:db8::1]:7000/2", 7000, 2},
    {"redis://[::1]", NULL, "::1", NULL, NULL, "redis://[::1]", 6379, 0},
    {"redis://:secret@h", NULL, "h", NULL, "secret", "redis://h", 6379, 0},
    {"redis://bob@h", NULL, "h", "bob", NULL, "redis://h", 6379, 0},
    {"redis://b%6Fb:a%3Ab%2f%40c@h:1/3", NULL, "h", "bob", "a:b/@c",
        "redis://h:1/3", 1, 3},
    {"redis://bob:se:cr@et@h", NULL, "h", "bob", "se:cr@et", "redis://h", 6379,
        0},
    {"redis+unix:///run/redis.sock", "/run/redis.sock", NULL, NULL, NULL,
        "redis+unix:///run/redis.sock", 6379, 0},
    {"redis+unix:///a%20b%3f%25?db=4", "/a b?%", NULL, NULL, NULL,
        "redis+unix:///a%20b%3F%25?db=4", 6379, 4},
};

static const struct {
    const char *text, *says;
} bad[] = {
    {"", "unknown"},
    {"redis", "unknown"},
    {"memory:", "unknown"},
    {"redis:/h", "unknown"},
    {"http://h", "unknown"},
    {"Redis://h", "unknown"},
    {"rediss://h", "rediss:// is not in this version"},
    {"redis+sentinel://a,b/n", "not in this version"},
    {"rediss+sentinel://a,b/n", "not in this version"},
    {"redis+cluster://a", "not in this version"},
    {"rediss+cluster://a", "not in this version"},
    {"redis://", "host"},
    {"redis:///0", "host"},
    {"redis://u:secret@", "host"},
    {"redis://h ost", "host"},
    {"redis://h\n", "host"},
    {"redis://h?db=1", "host"},
    {"redis://u:secret/x@h", "port"},
    {"redis://h:0", "port"},
    {"redis://h:65536", "port"},
    {"redis://h:", "port"},
    {"redis://h:1x", "port"},
    {"redis://h:-1", "port"},
    {"redis://h:99999999999999999999", "port"},
    {"redis://2001:db8::1", "port"},
    {"redis://[::1", "']'"},
    {"redis://[::1]x", "port"},
    {"redis://[h]", "host"},
    {"redis://[]", "host"},
    {"redis://h/x", "database"},
    {"redis://h/1/", "database"},
    {"redis://h/-1", "database"},
    {"redis://h/65536", "database"},
    {"redis://a%:secret@h", "%XX"},
    {"redis://a:secret%4@h", "%XX"},
    {"redis://a:secret%00@h", "%XX"},
    {"redis+unix://host/path", "absolute"},
    {"redis+unix://:secret@/path", "absolute"},
    {"redis+unix://", "absolute"},
    {"redis+unix:///p?db=", "database"},
    {"redis+unix:///p?x=1", "db=N"},
    {"redis+unix:///p%0", "%XX"},
    {"redis+unix:///"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "too long"},
};

static void assert_text(const char *is, const char *wanted)
{
    if (wanted == NULL)
        assert_null(is);
    else
        assert_string_equal(is, wanted);
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct redis_url url;
        struct error err = {.text = ""};
        if (!redis_url_parse(good[i].text, &url, &err))
            fail_msg("%s: %s", good[i].text, err.text);
        assert_text(url.unix_path, good[i].unix_path);
        assert_text(url.host, good[i].host);
        assert_text(url.username, good[i].username);
        assert_text(url.password, good[i].password);
        assert_int_equal(url.port, good[i].port);
        assert_int_equal(url.db, good[i].db);
        char *described = redis_url_describe(&url);
        assert_string_equal(described, good[i].described);
        free(described);
        redis_url_clear(&url);
        assert_null(url.password);
    }
}

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct redis_url url;
        struct error err = {.text = ""};
        if (redis_url_parse(bad[i].text, &url, &err))
            fail_msg("accepted: %s", bad[i].text);
        if (strstr(err.text, bad[i].says) == NULL)
            fail_msg("%s: %s", bad[i].text, err.text);
        assert_null(strstr(err.text, "secret"));
        assert_null(url.host);
        assert_null(url.password);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
