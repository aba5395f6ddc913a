/*
 * test_watch.c - what of a file and its folder is noticed.
 */
#include "tests/unit/unit.h"

#include "common/certs/watch.h"
#include "tests/unit/certs_stage.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of the stage. */
struct scene {
    struct certs_stage *stage;
    size_t number;
    struct watch *watch;
    unsigned calls;
};

static void on_change(void *context)
{
    struct scene *scene = context;
    scene->calls++;
}

static const char *path_of(const struct scene *scene, const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%zu/%s", scene->stage->dir.path,
        scene->number, name);
    return path;
}

static void put(struct scene *scene, const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "%zu/%s", scene->number, name);
    stage_write(scene->stage, path, "x", 1);
}

static void watch_these(struct scene *scene, const char *const *names)
{
    struct file_paths paths = {.count = 0};

    for (; *names != NULL; names++)
        file_paths_add(&paths, path_of(scene, *names));
    watch_set(scene->watch, &paths);
    file_paths_clear(&paths);
}

/* What has come after all events were gathered. */
static unsigned calls_since(struct scene *scene)
{
    stage_run(scene->stage, 2 * WATCH_GATHER_MS);
    unsigned calls = scene->calls;
    scene->calls = 0;
    return calls;
}

static void write_in_place(struct scene *scene)
{
    put(scene, "folder/file");
}

static void rename_over(struct scene *scene)
{
    put(scene, "new");
    rename(path_of(scene, "new"), path_of(scene, "folder/file"));
}

static void make_link(struct scene *scene)
{
    assert_int_equal(symlink("file", path_of(scene, "folder/link")), 0);
}

static void make_readable(struct scene *scene)
{
    chmod(path_of(scene, "folder/file"), 0640);
}

static void write_another(struct scene *scene)
{
    put(scene, "folder/other");
}

static void remove_folder(struct scene *scene)
{
    remove(path_of(scene, "folder/file"));
    remove(path_of(scene, "folder"));
}

static void write_elsewhere(struct scene *scene)
{
    put(scene, "elsewhere/file");
}

static const struct {
    void (*change)(struct scene *);
    const char *watched[3];
    bool is_seen;
} cases[] = {
    {write_in_place, {"folder"}, true},
    {write_in_place, {"folder/file"}, true},
    {rename_over, {"folder"}, true},
    {rename_over, {"folder/file"}, true},
    {make_link, {"folder"}, true},
    {make_link, {"folder/file"}, false},
    {make_readable, {"folder"}, true},
    {make_readable, {"folder/file"}, true},
    {write_another, {"folder"}, true},
    {write_another, {"folder/file"}, false},
    {remove_folder, {"folder"}, true},
    {write_elsewhere, {"folder", "folder/file"}, false},
    {write_elsewhere, {"folder", "elsewhere"}, true},
    {write_in_place, {"nowhere", "folder"}, true},
};

static void begin(struct scene *scene, struct certs_stage *stage, size_t number)
{
    *scene = (struct scene){.stage = stage, .number = number};
    put(scene, "folder/file");
    put(scene, "elsewhere/file");
    scene->watch = watch_new(stage->base, on_change, scene);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, changes)
{
    struct scene scenes[COUNT(cases)];

    for (size_t i = 0; i < COUNT(cases); i++) {
        begin(&scenes[i], *state, i);
        watch_these(&scenes[i], cases[i].watched);
    }
    (void)calls_since(&scenes[0]); /* because they are new */
    for (size_t i = 0; i < COUNT(cases); i++) {
        scenes[i].calls = 0;
        cases[i].change(&scenes[i]);
    }
    stage_run(*state, 2 * WATCH_GATHER_MS);
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (scenes[i].calls != (cases[i].is_seen ? 1 : 0))
            fail_msg("case %zu: %u calls", i, scenes[i].calls);
        watch_free(&scenes[i].watch);
        assert_null(scenes[i].watch);
    }
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, only_what_was_set_last)
{
    struct scene scene;

    begin(&scene, *state, 0);
    watch_these(&scene, (const char *[]){"folder", "elsewhere", NULL});
    assert_int_equal(calls_since(&scene), 1);
    /* The same again is nothing new. */
    watch_these(&scene, (const char *[]){"elsewhere", "folder", NULL});
    assert_int_equal(calls_since(&scene), 0);
    watch_these(&scene, (const char *[]){"folder", NULL});
    assert_int_equal(calls_since(&scene), 0);
    write_elsewhere(&scene);
    assert_int_equal(calls_since(&scene), 0);
    write_in_place(&scene);
    assert_int_equal(calls_since(&scene), 1);
    watch_free(&scene.watch);
    watch_free(&scene.watch);
}

/* A path that has become another folder. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, another_under_the_same_name)
{
    struct scene scene;

    begin(&scene, *state, 0);
    watch_these(&scene, (const char *[]){"folder", NULL});
    assert_int_equal(calls_since(&scene), 1);
    rename(path_of(&scene, "folder"), path_of(&scene, "was"));
    put(&scene, "folder/file");
    assert_int_equal(calls_since(&scene), 1);
    watch_these(&scene, (const char *[]){"folder", NULL});
    assert_int_equal(calls_since(&scene), 1);
    write_in_place(&scene);
    assert_int_equal(calls_since(&scene), 1);
    put(&scene, "was/file");
    assert_int_equal(calls_since(&scene), 0);
    watch_free(&scene.watch);
}

/* From the file's name to its folder; the last link changes its target. */
static const struct {
    const char *links[3][2];
    const char *file;
} ways[] = {
    {{{"live", "folder"}}, "live/file"},
    {{{"live", "%s/folder"}}, "live/file"},
    {{{"first", "at/live"}, {"at/live", "../folder"}}, "first/file"},
    {{{"name.pem", "./at/live/file"}, {"at/live", "../folder"}}, "name.pem"},
    {{{"one", "two"}, {"two", "at/three"}, {"at/three", "../folder"}},
        "one/file"},
};

/* "%s/" begins a path of the scene. */
static void put_link(struct scene *scene, const char *name, const char *target)
{
    char text[300];

    if (target[0] == '%')
        target = path_of(scene, target + 3);
    snprintf(text, sizeof text, "%s", target);
    assert_int_equal(symlink(text, path_of(scene, "link")), 0);
    assert_int_equal(rename(path_of(scene, "link"), path_of(scene, name)), 0);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, links_on_the_way)
{
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct scene scene;
        struct file_paths paths = {.count = 0};
        size_t last = 0;

        begin(&scene, *state, i);
        put(&scene, "at/file");
        for (size_t k = 0; k < 3 && ways[i].links[k][0] != NULL; k++) {
            put_link(&scene, ways[i].links[k][0], ways[i].links[k][1]);
            last = k;
        }
        file_note(&paths, path_of(&scene, ways[i].file));
        watch_set(scene.watch, &paths);
        assert_int_equal(calls_since(&scene), 1); /* because it is new */
        put_link(&scene, ways[i].links[last][0], "elsewhere");
        if (calls_since(&scene) != 1)
            fail_msg("way %zu was not seen", i);
        file_paths_clear(&paths);
        watch_free(&scene.watch);
    }
}

/* A link to itself is followed no further than the kernel does. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, a_circle_of_links)
{
    struct scene scene;
    struct file_paths paths = {.count = 0};

    begin(&scene, *state, 0);
    put_link(&scene, "one", "two");
    put_link(&scene, "two", "one");
    file_note(&paths, path_of(&scene, "one/file"));
    watch_set(scene.watch, &paths);
    assert_int_equal(calls_since(&scene), 1);
    put_link(&scene, "two", "folder");
    assert_int_equal(calls_since(&scene), 1);
    file_paths_clear(&paths);
    watch_free(&scene.watch);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, without_inotify)
{
    struct certs_stage *stage = *state;
    struct scene scene = {.stage = stage};
    struct rlimit before, none;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    scene.watch = watch_new(stage->base, on_change, &scene);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(stage_count_log(stage, "polling only: inotify"), 1);
    watch_these(&scene, (const char *[]){"folder", NULL});
    put(&scene, "folder/file");
    assert_int_equal(calls_since(&scene), 0);
    watch_free(&scene.watch);
}

RUN_TESTS(NULL, NULL)
