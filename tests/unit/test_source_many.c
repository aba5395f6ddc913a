/*
 * test_source_many.c - places with very many certificates, and very large
 * files.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/certs/source.h"
#include "tests/unit/certs_stage.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct issued ours, other;

static int make_issued(void **state)
{
    ours = issue(&(struct issue){
        .key = "EC:P-256", .names = "DNS:mail.example.com,DNS:*.example.com"});
    other =
        issue(&(struct issue){.key = "EC:P-256", .names = "DNS:other.example"});
    return 0;
}

static int clear_issued(void **state)
{
    issued_clear(&ours);
    issued_clear(&other);
    return 0;
}

static char *encode(const struct file_text *text)
{
    char *encoded = xcalloc(1, text->len * 2);

    EVP_EncodeBlock((unsigned char *)encoded,
        (const unsigned char *)text->bytes, (int)text->len);
    return encoded;
}

/* The last one is ours. */
static char *acme_of(size_t count)
{
    char *chain = encode(&other.chain), *key = encode(&other.key);
    char *wanted = encode(&ours.chain), *wanted_key = encode(&ours.key);
    size_t size = (count + 1) * (strlen(chain) + strlen(key) + 100), at = 0;
    char *text = xcalloc(1, size);

    at += (size_t)snprintf(text, size, "{\"le\":{\"Certificates\":[");
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, size - at,
            "%s{\"domain\":{\"main\":\"d%zu.example\"},\"certificate\":\"%s\","
            "\"key\":\"%s\"}",
            i > 0 ? "," : "", i, i + 1 < count ? chain : wanted,
            i + 1 < count ? key : wanted_key);
    (void)snprintf(text + at, size - at, "]}}");
    free(chain);
    free(key);
    free(wanted);
    free(wanted_key);
    return text;
}

/* One certificate a step at most, so that others have their turn. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, many_entries_are_many_steps)
{
    struct certs_stage *stage = *state;
    struct look look;
    char *text = acme_of(500);
    size_t steps = 0;

    stage_write(stage, "a", text, strlen(text));
    struct config *config = stage_load(stage,
        "certificate \"mail.example.com\" { source = \"traefik:%s/a\" }");
    look_begin(&look, &config->certificates[0]);
    while (look_step(&look))
        steps++;
    assert_true(steps > 500);
    assert_int_equal(look.count, 1);
    assert_non_null(strstr(look.items[0].where, "certificate 500 (d499"));
    look_clear(&look);
    config_unref(&config);
    free(text);
}

/* Ours is watched, however many others there are. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, watched_among_many)
{
    struct certs_stage *stage = *state;
    struct look look;
    char path[256];
    bool is_watched = false;

    for (int i = 0; i < FILE_PATHS_MAX; i++) {
        snprintf(path, sizeof path, "d/%d/x", i);
        stage_write(stage, path, "x", 1);
    }
    stage_write(stage, "d/mail.example.com/fullchain.pem", ours.chain.bytes,
        ours.chain.len);
    stage_write(
        stage, "d/mail.example.com/key.pem", ours.key.bytes, ours.key.len);
    struct config *config =
        stage_load(stage, "certificate \"mail.example.com\" { source = "
                          "\"acme-companion:%s/d\" }");
    look_begin(&look, &config->certificates[0]);
    while (look_step(&look))
        continue;
    assert_int_equal(look.count, 1);
    assert_true(look.paths.count < FILE_PATHS_MAX);
    snprintf(path, sizeof path, "%s/d/mail.example.com", stage->dir.path);
    for (size_t i = 0; i < look.paths.count; i++)
        is_watched = is_watched || strcmp(look.paths.items[i], path) == 0;
    assert_true(is_watched);
    look_clear(&look);
    config_unref(&config);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, bounds)
{
    struct certs_stage *stage = *state;
    struct look look;
    char path[256];
    struct config *config = stage_load(stage,
        "certificate \"mail.example.com\" { source = \"combined:%s/c\" }"
        "certificate \"*.example.com\" { source = \"acme-companion:%s/d\" }");

    stage_write(stage, "c", "x", 1);
    snprintf(path, sizeof path, "%s/c", stage->dir.path);
    assert_int_equal(truncate(path, SOURCE_PEM_MAX + 1), 0);
    look_begin(&look, &config->certificates[0]);
    while (look_step(&look))
        continue;
    assert_int_equal(look.count, 1);
    assert_non_null(strstr(look.items[0].problem, "at most 1048576 are read"));
    look_clear(&look);

    for (int i = 0; i < CANDIDATES_MAX + 1; i++) {
        snprintf(path, sizeof path, "d/%d/fullchain.pem", i);
        stage_write(stage, path, ours.chain.bytes, ours.chain.len);
        snprintf(path, sizeof path, "d/%d/key.pem", i);
        stage_write(stage, path, ours.key.bytes, ours.key.len);
    }
    look_begin(&look, &config->certificates[1]);
    while (look_step(&look))
        continue;
    assert_int_equal(look.count, CANDIDATES_MAX);
    assert_non_null(strstr(look.failure, "more than 64 entries"));
    look_clear(&look);
    config_unref(&config);
}

RUN_TESTS(make_issued, clear_issued)
