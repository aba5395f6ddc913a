/*
 * test_stamp.c - sources that are the same are not read again, and any change
 * to one is seen, though nothing but stat(2) is asked.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/certs/stamp.h"
#include "tests/unit/certs_stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define POLL_S 60

static struct issued issued[2]; /* the second one issued later */

static int make_issued(void **state)
{
    for (int i = 0; i < 2; i++)
        issued[i] = issue(&(struct issue){.key = "EC:P-256",
            .names = "DNS:a.example",
            .starts_in_days = -20 + i,
            .ends_in_days = 50});
    return 0;
}

static int clear_issued(void **state)
{
    for (int i = 0; i < 2; i++)
        issued_clear(&issued[i]);
    return 0;
}

static const char *path_of(struct certs_stage *stage, const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", stage->dir.path, name);
    return path;
}

/* What was written before has been for long. */
static void settle(struct certs_stage *stage)
{
    stage->ahead_s += STAMP_SETTLED_S + 2;
}

static void note(
    struct certs_stage *stage, struct stamps *stamps, const char *name)
{
    const char *path = path_of(stage, name);
    struct stat status;

    stamps_note(stamps, path, stat(path, &status) == 0 ? &status : NULL);
}

static enum stamps_result ask(const struct stamps *stamps)
{
    enum stamps_result result;
    size_t at = 0;

    do
        result = stamps_step(stamps, &at);
    while (result == STAMPS_MORE);
    return result;
}

static void write_again(struct certs_stage *stage)
{
    stage_write(stage, "file", "new", 3);
}

static void append(struct certs_stage *stage)
{
    stage_write(stage, "file", "older", 5);
}

/* With the modification time and the size of the old one. */
static void replace(struct certs_stage *stage)
{
    struct stat old;
    char path[256];

    snprintf(path, sizeof path, "%s", path_of(stage, "file"));
    assert_int_equal(stat(path, &old), 0);
    const struct timespec times[2] = {old.st_atim, old.st_mtim};
    stage_write(stage, "file", "new", 3);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void forbid(struct certs_stage *stage)
{
    assert_int_equal(chmod(path_of(stage, "file"), 0), 0);
}

static void remove_file(struct certs_stage *stage)
{
    assert_int_equal(unlink(path_of(stage, "file")), 0);
}

static void create(struct certs_stage *stage)
{
    stage_write(stage, "nothing", "new", 3);
}

static void turn_link(struct certs_stage *stage)
{
    char link[256];

    snprintf(link, sizeof link, "%s", path_of(stage, "link"));
    assert_int_equal(unlink(link), 0);
    assert_int_equal(symlink("two", link), 0);
}

static void add_to_folder(struct certs_stage *stage)
{
    stage_write(stage, "one/more", "", 0);
}

static void (*const changes[])(struct certs_stage *) = {write_again, append,
    replace, forbid, remove_file, create, turn_link, add_to_folder};

TEST_WITH(certs_stage_setup, certs_stage_teardown, each_change_is_seen)
{
    struct certs_stage *stage = *state;

    for (size_t i = 0; i < COUNT(changes); i++) {
        struct stamps stamps = {.count = 0};
        stage_write(stage, "file", "old", 3);
        stage_write(stage, "one/file", "old", 3);
        stage_write(stage, "two/file", "old", 3);
        (void)unlink(path_of(stage, "nothing"));
        (void)unlink(path_of(stage, "one/more"));
        (void)unlink(path_of(stage, "link"));
        assert_int_equal(symlink("one", path_of(stage, "link")), 0);
        settle(stage);
        note(stage, &stamps, "file");
        note(stage, &stamps, "nothing");
        note(stage, &stamps, "link/file");
        note(stage, &stamps, "one");
        assert_int_equal(ask(&stamps), STAMPS_SAME);
        usleep(20000); /* a tick of the kernel's clock, so far as it has one */
        changes[i](stage);
        if (ask(&stamps) != STAMPS_CHANGED)
            fail_msg("%zu", i);
        stamps_clear(&stamps);
        assert_int_equal(ask(&stamps), STAMPS_SAME);
    }
}

/* One that was written within the clock's tick might be another by now. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, what_is_new_is_not_the_same)
{
    struct certs_stage *stage = *state;
    struct stamps stamps = {.count = 0};

    stage_write(stage, "file", "old", 3);
    note(stage, &stamps, "file");
    assert_int_equal(ask(&stamps), STAMPS_CHANGED);
    stamps_clear(&stamps);
    settle(stage);
    note(stage, &stamps, "file");
    assert_int_equal(ask(&stamps), STAMPS_SAME);
    stamps_note_unread(&stamps);
    assert_int_equal(ask(&stamps), STAMPS_CHANGED);
    stamps_clear(&stamps);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, a_bound)
{
    struct certs_stage *stage = *state;
    struct stamps stamps = {.count = 0};
    size_t at = 0;

    for (size_t i = 0; i < STAMPS_MAX; i++)
        note(stage, &stamps, "nothing");
    assert_int_equal(ask(&stamps), STAMPS_SAME);
    assert_int_equal(stamps_step(&stamps, &at), STAMPS_MORE);
    note(stage, &stamps, "nothing");
    assert_int_equal(ask(&stamps), STAMPS_CHANGED);
    stamps_clear(&stamps);
}

/* Counts how often a file is opened. */
struct openings {
    int fd;
};

static struct openings openings_of(struct certs_stage *stage, const char *name)
{
    struct openings openings = {inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};

    assert_int_not_equal(openings.fd, -1);
    assert_int_not_equal(
        inotify_add_watch(openings.fd, path_of(stage, name), IN_OPEN), -1);
    return openings;
}

static bool was_opened(const struct openings *openings)
{
    char events[4096];
    bool was = false;

    while (read(openings->fd, events, sizeof events) > 0)
        was = true;
    return was;
}

static bool was_looked_now(struct certs_stage *stage)
{
    return stage_report(stage, 0).looked_s == stage->now_s;
}

static void poll_once(struct certs_stage *stage)
{
    stage->now_s++;
    stage_advance(stage, POLL_S);
    stage_await(stage, was_looked_now, "it is polled");
}

static const char pair[] = "certificate \"a.example\" {\n"
                           "  source = \"combined:%s/a.pem\"\n"
                           "  default_chain = \"%s/chain.pem\"\n"
                           "}\n";

static void start_settled(struct certs_stage *stage, const char *text)
{
    stage_configure(stage, text);
    settle(stage);
    poll_once(stage); /* the first look met what had just been written */
}

static bool has_second(struct certs_stage *stage)
{
    struct certs_report report = stage_report(stage, 0);
    return report.chain_count == 1 &&
           report.chains[0].issued_at == ISSUE_NOW - 19 * (int64_t)ISSUE_DAY;
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, polls_read_nothing)
{
    struct certs_stage *stage = *state;

    stage_write_combined(stage, "a.pem", &issued[0]);
    struct openings openings = openings_of(stage, "a.pem");
    start_settled(stage, pair);
    assert_true(was_opened(&openings));
    for (unsigned i = 0; i < 3; i++)
        poll_once(stage);
    assert_false(was_opened(&openings));
    /* Once an hour all the same, and where somebody asks. */
    stage->now_s += 3600;
    poll_once(stage);
    assert_true(was_opened(&openings));
    poll_once(stage);
    assert_false(was_opened(&openings));
    stage_look(stage);
    assert_true(was_opened(&openings));
    /* The clock was put back. */
    stage->now_s -= 7200;
    poll_once(stage);
    assert_true(was_opened(&openings));
    close(openings.fd);
}

static bool has_chain_file(struct certs_stage *stage)
{
    return stage_inode(stage, "chain.pem") != 0;
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, what_else_a_poll_does)
{
    struct certs_stage *stage = *state;

    stage_write_combined(stage, "a.pem", &issued[0]);
    start_settled(stage, pair);
    struct openings openings = openings_of(stage, "a.pem");
    assert_int_equal(unlink(path_of(stage, "chain.pem")), 0);
    poll_once(stage);
    stage_await(stage, has_chain_file, "the file is there again");
    assert_false(was_opened(&openings));
    /* A date passes. */
    stage->now_s += 50 * ISSUE_DAY;
    poll_once(stage);
    assert_true(was_opened(&openings));
    assert_non_null(strstr(stage_report(stage, 0).problem, "expired on"));
    close(openings.fd);
}

static void put(struct certs_stage *stage, const char *certificates,
    const char *key, const struct issued *one)
{
    stage_write(stage, key, one->key.bytes, one->key.len);
    stage_write(stage, certificates, one->chain.bytes, one->chain.len);
}

/* Sources of a folder or two files; the first as it is, then in place, or
 * beside it. */
static const struct {
    const char *source, *first[2], *second[2];
} layouts[] = {
    {"pem:%s/d/c.pem,%s/d/k.pem", {"d/c.pem", "d/k.pem"},
        {"d/c.pem", "d/k.pem"}},
    {"k8s:%s/d", {"d/tls.crt", "d/tls.key"}, {"d/tls.crt", "d/tls.key"}},
    {"certbot:%s/d", {"d/fullchain.pem", "d/privkey.pem"},
        {"d/fullchain.pem", "d/privkey.pem"}},
    {"certbot:%s/d", {"d/live/a/fullchain.pem", "d/live/a/privkey.pem"},
        {"d/live/b/fullchain.pem", "d/live/b/privkey.pem"}},
    {"certbot:%s/d", {"d/a/fullchain.pem", "d/a/privkey.pem"},
        {"d/live/b/fullchain.pem", "d/live/b/privkey.pem"}},
    {"caddy:%s/d",
        {"d/certificates/one/a.example/a.example.crt",
            "d/certificates/one/a.example/a.example.key"},
        {"d/certificates/two/a.example/a.example.crt",
            "d/certificates/two/a.example/a.example.key"}},
    {"acme-companion:%s/d", {"d/a.example.crt", "d/a.example.key"},
        {"d/b/fullchain.pem", "d/b/key.pem"}},
};

/* Whether a poll or the watch has begun the round: the stamps decide. */
TEST_WITH(
    certs_stage_setup, certs_stage_teardown, each_source_is_looked_at_again)
{
    struct certs_stage *stage = *state;

    for (size_t i = 0; i < COUNT(layouts); i++) {
        char *text = xprintf(
            "certificate \"a.example\" { source = \"%s\" }", layouts[i].source);
        put(stage, layouts[i].first[0], layouts[i].first[1], &issued[0]);
        start_settled(stage, text);
        poll_once(stage);
        assert_false(has_second(stage));
        put(stage, layouts[i].second[0], layouts[i].second[1], &issued[1]);
        poll_once(stage);
        if (!has_second(stage))
            fail_msg("%s", layouts[i].source);
        stage_configure(stage, "# none\n");
        char *remove = xprintf("rm -r '%s/d'", stage->dir.path);
        assert_int_equal(system(remove), 0);
        free(remove);
        free(text);
    }
}

RUN_TESTS(make_issued, clear_issued)
