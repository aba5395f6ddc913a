/*
 * test_file_writer.c - a file is replaced as a whole, and by somebody else.
 */
#include "tests/unit/unit.h"

#include "common/certs/atomic_file.h"
#include "common/certs/file_writer.h"
#include "tests/unit/certs_stage.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct outcome {
    unsigned count;
    char problem[256];
};

static void on_done(void *context, const char *problem)
{
    struct outcome *outcome = context;

    outcome->count++;
    snprintf(outcome->problem, sizeof outcome->problem, "%s", problem);
}

static const char *path_of(struct certs_stage *stage, const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", stage->dir.path, name);
    return path;
}

static struct task *start(struct certs_stage *stage, const char *name,
    const char *text, struct outcome *outcome)
{
    struct error err;
    struct task *writer = file_writer_start(stage->base, path_of(stage, name),
        text, strlen(text), 0640, on_done, outcome, &err);
    if (writer == NULL)
        fail_msg("%s", err.text);
    return writer;
}

static void await_outcome(
    struct certs_stage *stage, const struct outcome *outcome)
{
    while (outcome->count == 0)
        event_base_loop(stage->base, EVLOOP_ONCE);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, it_is_written)
{
    struct certs_stage *stage = *state;
    struct outcome outcome = {.count = 0};
    struct stat status;

    stage_write(stage, "file", "old", 3);
    unsigned long old = stage_inode(stage, "file");
    (void)start(stage, "file", "new", &outcome);
    assert_int_equal(outcome.count, 0);
    await_outcome(stage, &outcome);
    assert_string_equal(outcome.problem, "");
    assert_true(atomic_file_is(path_of(stage, "file"), "new", 3));
    assert_int_not_equal(stage_inode(stage, "file"), old);
    assert_int_equal(stat(path_of(stage, "file"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    /* Nothing is left beside it: the file and the log. */
    assert_int_equal(test_dir_entries(&stage->dir), 2);
}

static const struct {
    const char *name, *problem;
} bad[] = {
    {"nowhere/file", "No such file or directory"},
    {"folder", "Is a directory"},
    {"log/file", "Not a directory"},
};

TEST_WITH(certs_stage_setup, certs_stage_teardown, it_cannot_be_written)
{
    struct certs_stage *stage = *state;

    mkdir(path_of(stage, "folder"), 0700);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct outcome outcome = {.count = 0};
        (void)start(stage, bad[i].name, "new", &outcome);
        await_outcome(stage, &outcome);
        assert_non_null(strstr(outcome.problem, bad[i].problem));
        assert_ptr_equal(
            strstr(outcome.problem, stage->dir.path), outcome.problem);
    }
    assert_int_equal(test_dir_entries(&stage->dir), 2);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, another_is_told)
{
    struct certs_stage *stage = *state;
    struct outcome first = {.count = 0}, second = {.count = 0};
    struct task *writer = start(stage, "file", "new", &first);

    task_hand_on(writer, &second);
    await_outcome(stage, &second);
    assert_int_equal(first.count, 0);
}

static bool is_new(struct certs_stage *stage)
{
    return atomic_file_is(path_of(stage, "file"), "new", 3);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, nobody_is_told)
{
    struct certs_stage *stage = *state;
    struct outcome outcome = {.count = 0};
    struct task *writer = start(stage, "file", "new", &outcome);

    task_leave(&writer);
    assert_null(writer);
    task_leave(&writer);
    stage_await(stage, is_new, "it is written all the same");
    assert_int_equal(outcome.count, 0);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, what_a_file_is)
{
    struct certs_stage *stage = *state;

    stage_write(stage, "file", "abc", 3);
    assert_true(atomic_file_is(path_of(stage, "file"), "abc", 3));
    assert_false(atomic_file_is(path_of(stage, "file"), "abd", 3));
    assert_false(atomic_file_is(path_of(stage, "file"), "ab", 2));
    assert_false(atomic_file_is(path_of(stage, "none"), "", 0));
    mkdir(path_of(stage, "folder"), 0700);
    assert_false(atomic_file_is(path_of(stage, "folder"), "abc", 3));
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, folders_are_made)
{
    struct certs_stage *stage = *state;
    struct error err;
    struct stat status;

    assert_true(atomic_file_make_folder(
        path_of(stage, "a/b/file"), geteuid(), getegid(), &err));
    assert_true(atomic_file_make_folder(
        path_of(stage, "a/b/file"), geteuid(), getegid(), &err));
    assert_int_equal(stat(path_of(stage, "a/b"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0750);
    assert_int_equal(stage_inode(stage, "a/b/file"), 0);
    assert_false(atomic_file_make_folder(
        path_of(stage, "log/b/file"), geteuid(), getegid(), &err));
    assert_non_null(strstr(err.text, "Not a directory"));
}

RUN_TESTS(NULL, NULL)
