/*
 * test_log_gather.c - of lines alike the first comes at once, then one a
 * second, and together they stand for all: whatever the machine does.
 */
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/engine/log_gather.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct scene {
    char path[64];
    struct event_base *base;
    struct log_gather *gather;
};

static int scene_set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    char target[80];
    struct error err;

    snprintf(scene->path, sizeof scene->path, "/tmp/tollgate-test-XXXXXX");
    close(mkstemp(scene->path));
    snprintf(target, sizeof target, "file:%s", scene->path);
    if (!log_open(target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "prog", &err))
        return -1;
    scene->base = event_base_new();
    scene->gather = log_gather_new(scene->base);
    *state = scene;
    return 0;
}

static int scene_tear_down(void **state)
{
    struct scene *scene = *state;
    struct error err;

    log_gather_free(&scene->gather);
    event_base_free(scene->base);
    log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "test", &err);
    unlink(scene->path);
    free(scene);
    return 0;
}

static bool refuse(struct scene *scene, const char *about, int number)
{
    struct log_record record;

    if (!log_gather_begin(scene->gather, about))
        return false;
    log_record_begin(&record, LOG_LEVEL_INFO, "decision");
    log_record_text(&record, "key", about);
    log_record_number(&record, "number", number);
    log_gather_end(scene->gather, &record);
    return true;
}

/* The lines about it, and how many refusals they stand for. */
static unsigned count_lines(
    const struct scene *scene, const char *about, unsigned *sum_r)
{
    char line[512], wanted[64];
    unsigned lines = 0;
    FILE *file = fopen(scene->path, "r");

    assert_non_null(file);
    snprintf(wanted, sizeof wanted, "decision key=%s ", about);
    *sum_r = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        const char *repeated = strstr(line, " repeated=");
        if (strstr(line, wanted) == NULL)
            continue;
        lines++;
        *sum_r += repeated == NULL
                      ? 1
                      : (unsigned)strtoul(
                            repeated + sizeof " repeated=" - 1, NULL, 10);
    }
    fclose(file);
    return lines;
}

TEST_WITH(scene_set_up, scene_tear_down, first_at_once_then_gathered)
{
    struct scene *scene = *state;
    uint64_t began_ms = clock_monotonic_ms();
    unsigned sum, lines;

    assert_true(refuse(scene, "bob", 0));
    assert_int_equal(count_lines(scene, "bob", &sum), 1);
    assert_int_equal(sum, 1);
    for (int i = 1; i < 1000; i++)
        refuse(scene, "bob", i);
    assert_true(refuse(scene, "eve", 0));
    /* Ends when nothing is held any more. */
    event_base_dispatch(scene->base);
    lines = count_lines(scene, "bob", &sum);
    assert_int_equal(sum, 1000);
    assert_between(lines, 2, 2 + (clock_monotonic_ms() - began_ms) / 1000);
    assert_int_equal(count_lines(scene, "eve", &sum), 1);
}

TEST_WITH(scene_set_up, scene_tear_down, a_flood_is_a_line_a_second)
{
    struct scene *scene = *state;
    uint64_t began_ms = clock_monotonic_ms(), took_ms;
    unsigned sum, lines, asked = 0;

    do {
        refuse(scene, "bob", 1);
        asked++;
        event_base_loop(scene->base, EVLOOP_NONBLOCK);
        took_ms = clock_monotonic_ms() - began_ms;
    } while (took_ms < 2500);
    log_gather_flush(scene->gather);
    lines = count_lines(scene, "bob", &sum);
    assert_int_equal(sum, asked);
    assert_between(lines, 2, 3 + took_ms / 1000);
}

TEST_WITH(scene_set_up, scene_tear_down, more_texts_than_places_lose_nothing)
{
    struct scene *scene = *state;
    unsigned total = 0, sum;
    char about[32];

    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 3000; i++) {
            snprintf(about, sizeof about, "key%d", i);
            refuse(scene, about, round);
        }
    log_gather_flush(scene->gather);
    for (int i = 0; i < 3000; i += 500) {
        snprintf(about, sizeof about, "key%d", i);
        count_lines(scene, about, &sum);
        total += sum;
    }
    assert_int_equal(total, 18);
}

TEST_WITH(scene_set_up, scene_tear_down, what_is_held_is_written_at_the_end)
{
    struct scene *scene = *state;
    unsigned sum;

    for (int i = 0; i < 5; i++)
        refuse(scene, "bob", i);
    log_gather_free(&scene->gather);
    count_lines(scene, "bob", &sum);
    assert_int_equal(sum, 5);
}

/* As at a reload: what comes after it is told as before. */
TEST_WITH(scene_set_up, scene_tear_down, a_flush_is_not_the_end)
{
    struct scene *scene = *state;
    unsigned sum;

    for (int i = 0; i < 5; i++)
        refuse(scene, "bob", i);
    log_gather_flush(scene->gather);
    count_lines(scene, "bob", &sum);
    assert_int_equal(sum, 5);
    for (int i = 0; i < 5; i++) {
        refuse(scene, "bob", i);
        refuse(scene, "eve", i);
    }
    event_base_dispatch(scene->base);
    count_lines(scene, "bob", &sum);
    assert_int_equal(sum, 10);
    count_lines(scene, "eve", &sum);
    assert_int_equal(sum, 5);
}

TEST_WITH(scene_set_up, scene_tear_down, nothing_is_gathered_without_one)
{
    struct scene *scene = *state;
    struct scene all = *scene;
    unsigned sum;

    all.gather = NULL;
    for (int i = 0; i < 5; i++)
        assert_true(refuse(&all, "bob", i));
    assert_int_equal(count_lines(scene, "bob", &sum), 5);
}

RUN_TESTS(NULL, NULL)
