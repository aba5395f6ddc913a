/*
 * test_http_url.c - the URL of a webhook, good and bad; what is secret of it is
 * in no text that may be logged.
 */
#include "tests/unit/unit.h"

#include "common/base/http_url.h"

#include <string.h>

static const struct {
    const char *text, *host, *port, *origin, *authority, *credentials, *path;
    bool is_tls;
} good[] = {
    {"http://hooks", "hooks", "80", "http://hooks", "hooks", "", "", false},
    {"https://hooks.example.com/T0/B1?x=1", "hooks.example.com", "443",
        "https://hooks.example.com", "hooks.example.com", "", "/T0/B1?x=1",
        true},
    {"HTTPS://h:8443?a/b", "h", "8443", "https://h:8443", "h:8443", "", "?a/b",
        true},
    {"http://[2001:db8::1]:8080/", "2001:db8::1", "8080",
        "http://[2001:db8::1]:8080", "[2001:db8::1]:8080", "", "/", false},
    {"https://[::1]", "::1", "443", "https://[::1]", "[::1]", "", "", true},
    {"https://bob:pa%3Ass@h/p", "h", "443", "https://h", "h", "bob:pa:ss", "/p",
        true},
    {"https://token@h", "h", "443", "https://h", "h", "token:", "", true},
    {"http://a@b:c@192.0.2.1:1/", "192.0.2.1", "1", "http://192.0.2.1:1",
        "192.0.2.1:1", "a@b:c", "/", false},
};

static const char *const bad[] = {"", "http:/h", "ftp://secret", "https://",
    "https:///secret", "https://secret:x@", "https://h:0/secret",
    "https://h:65536", "https://h:", "https://h:8x", "https://[::1",
    "https://[::1]8", "https://[secret]", "https://[]", "https://h secret",
    "https://h/secret\r\nX: y", "https://h/#secret", "https://se%00cret@h",
    "https://se%zz:secret@h", "https://secret,x/", "https://\x7f/secret",
    "https://user:se/cret@h"};

TEST(good)
{
    struct http_url url;
    struct error err;

    for (size_t i = 0; i < COUNT(good); i++) {
        if (!http_url_parse(good[i].text, &url, &err))
            fail_msg("%s: %s", good[i].text, err.text);
        assert_true(http_url_is(good[i].text));
        assert_string_equal(url.host, good[i].host);
        assert_string_equal(url.port, good[i].port);
        assert_string_equal(url.origin, good[i].origin);
        assert_int_equal(url.authority_len, strlen(good[i].authority));
        assert_memory_equal(
            url.authority, good[i].authority, strlen(good[i].authority));
        assert_string_equal(url.credentials, good[i].credentials);
        assert_string_equal(url.path, good[i].path);
        assert_int_equal(url.is_tls, good[i].is_tls);
    }
}

TEST(bad)
{
    struct http_url url;
    struct error err;

    for (size_t i = 0; i < COUNT(bad); i++) {
        if (http_url_parse(bad[i], &url, &err))
            fail_msg("%s is taken", bad[i]);
        assert_null(strstr(err.text, "secret"));
    }
    assert_false(http_url_is("/usr/bin/http://"));
}

TEST(lengths)
{
    char text[HTTP_URL_MAX + 2] = "https://h/";
    struct http_url url;
    struct error err;

    memset(text + strlen(text), 'p', sizeof text - 1 - strlen(text));
    assert_false(http_url_parse(text, &url, &err));
    text[HTTP_URL_MAX] = '\0';
    assert_true(http_url_parse(text, &url, &err));
    for (size_t len = 250; len < 300; len++) {
        memset(text + 8, 'h', len);
        memcpy(text + 8 + len, ":65535", sizeof ":65535");
        assert_int_equal(http_url_parse(text, &url, &err), len <= 253);
        memset(text + 8, 'u', len);
        memcpy(text + 8 + len, "@h", sizeof "@h");
        assert_int_equal(http_url_parse(text, &url, &err), len <= 254);
    }
}

RUN_TESTS(NULL, NULL)
