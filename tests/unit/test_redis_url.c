/* test_redis_url.c - the store option, good and bad. */
#include "tests/unit/unit.h"

#include "common/config/redis_url.h"

#include <stdio.h>
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
        "redis+unix:///run/redis.sock", 0, 0},
    {"redis+unix:///a%20b%3f%25?db=4", "/a b?%", NULL, NULL, NULL,
        "redis+unix:///a%20b%3F%25?db=4", 0, 4},
    {"rediss://bob:secret@h/1", NULL, "h", "bob", "secret", "rediss://h/1",
        6379, 1},
};

/* hosts: as redis_url_describe writes them. */
static const struct {
    const char *text, *hosts, *master, *described;
    enum redis_kind kind;
    bool is_tls;
    unsigned db;
} several[] = {
    {"redis+sentinel://a,b:1/mine", "a:26379 b:1 ", "mine",
        "redis+sentinel://a,b:1/mine", REDIS_SENTINEL, false, 0},
    {"redis+sentinel://:secret@[::1]:26379,10.0.0.2/a%20b/3",
        "::1:26379 10.0.0.2:26379 ", "a b",
        "redis+sentinel://[::1],10.0.0.2/a%20b/3", REDIS_SENTINEL, false, 3},
    {"rediss+sentinel://a/n/", "a:26379 ", "n", "rediss+sentinel://a/n",
        REDIS_SENTINEL, true, 0},
    {"redis+cluster://a,b,c:7000", "a:6379 b:6379 c:7000 ", NULL,
        "redis+cluster://a,b,c:7000", REDIS_CLUSTER, false, 0},
    {"rediss+cluster://bob:secret@a/0", "a:6379 ", NULL, "rediss+cluster://a",
        REDIS_CLUSTER, true, 0},
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
    {"rediss+unix:///p", "no TLS on a unix socket"},
    {"redis+sentinel://a,b", "master"},
    {"redis+sentinel://a,b/", "master"},
    {"redis+sentinel://a,b//1", "master"},
    {"redis+sentinel://a,b/%0/1", "master"},
    {"redis+sentinel://a,b/n/x", "database"},
    {"redis+sentinel:///n", "host"},
    {"redis+sentinel://a,,b/n", "host"},
    {"redis+sentinel://a,/n", "host"},
    {"redis+cluster://", "host"},
    {"redis+cluster://a,b:0", "port"},
    {"redis+cluster://a/1", "database but 0"},
    {"redis+cluster://a/x", "database"},
    {"redis+cluster://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
     "a,a,a,a,a",
        "more than 32"},
    {"redis://a,b", "host"},
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

TEST(good)
{
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

TEST(several)
{
    for (size_t i = 0; i < COUNT(several); i++) {
        struct redis_url url;
        struct error err = {.text = ""};
        char hosts[256] = "";
        if (!redis_url_parse(several[i].text, &url, &err))
            fail_msg("%s: %s", several[i].text, err.text);
        for (size_t at = 0, j = 0; j < url.host_count; j++)
            at += (size_t)snprintf(hosts + at, sizeof hosts - at, "%s:%u ",
                url.hosts[j].name, (unsigned)url.hosts[j].port);
        assert_string_equal(hosts, several[i].hosts);
        assert_text(url.master_name, several[i].master);
        assert_int_equal(url.kind, several[i].kind);
        assert_int_equal(url.is_tls, several[i].is_tls);
        assert_int_equal(url.db, several[i].db);
        char *described = redis_url_describe(&url);
        assert_string_equal(described, several[i].described);
        free(described);
        redis_url_clear(&url);
    }
}

TEST(bad)
{
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

RUN_TESTS(NULL, NULL)
