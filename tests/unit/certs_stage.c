/*
 * certs_stage.c - see certs_stage.h.
 */
#include "tests/unit/unit.h"

#include "tests/unit/certs_stage.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <event2/event.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S 10

static struct certs_stage *current;

/* Libevent's timers go by it too. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (current != NULL && clock == CLOCK_REALTIME) {
        *now = (struct timespec){.tv_sec = (time_t)current->now_s};
        return 0;
    }
    int got = (int)syscall(SYS_clock_gettime, clock, now);
    if (current != NULL && clock != CLOCK_REALTIME)
        now->tv_sec += (time_t)current->ahead_s;
    return got;
}

int certs_stage_setup(void **state)
{
    void *dir;
    char target[96];
    struct error err;
    struct certs_stage *stage = xcalloc(1, sizeof *stage);

    assert_int_equal(test_dir_setup(&dir), 0);
    stage->dir = *(struct test_dir *)dir;
    free(dir);
    stage->now_s = ISSUE_NOW;
    stage->command_fd = -1;
    snprintf(target, sizeof target, "file:%s/log", stage->dir.path);
    assert_true(
        log_open(target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "certs", &err));
    stage->base = event_base_new();
    current = stage;
    *state = stage;
    return 0;
}

static int remove_one(
    const char *path, const struct stat *status, int kind, struct FTW *at)
{
    return remove(path);
}

int certs_stage_teardown(void **state)
{
    struct certs_stage *stage = *state;
    struct error err;

    log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "certs", &err);
    certs_free(&stage->certs);
    config_unref(&stage->config);
    event_base_free(stage->base);
    current = NULL;
    nftw(stage->dir.path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mkdir(stage->dir.path, 0700);
    return test_dir_teardown(state);
}

void stage_write(
    struct certs_stage *stage, const char *name, const char *bytes, size_t len)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", stage->dir.path, name);
    for (char *slash = path + strlen(stage->dir.path) + 1;
         (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_not_equal(fd, -1);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

void stage_write_combined(
    struct certs_stage *stage, const char *name, const struct issued *issued)
{
    char *text = xprintf("%s%s", issued->key.bytes, issued->chain.bytes);

    stage_write(stage, name, text, strlen(text));
    free(text);
}

static char *with_folder(const struct certs_stage *stage, const char *text)
{
    char *out = xstrdup("");

    for (const char *at = text; *at != '\0';) {
        const char *mark = strstr(at, "%s");
        size_t len = mark != NULL ? (size_t)(mark - at) : strlen(at);
        char *longer = xprintf(
            "%s%.*s%s", out, (int)len, at, mark != NULL ? stage->dir.path : "");
        free(out);
        out = longer;
        at += len + (mark != NULL ? 2 : 0);
    }
    return out;
}

struct config *stage_load(struct certs_stage *stage, const char *text)
{
    char path[256];
    struct error err;
    char *own = with_folder(stage, text);

    stage_write(stage, "tollgate.conf", own, strlen(own));
    free(own);
    snprintf(path, sizeof path, "%s/tollgate.conf", stage->dir.path);
    struct config *config =
        config_load(&(struct config_source){.path = path}, &err);
    if (config == NULL)
        fail_msg("%s", err.text);
    return config;
}

void stage_configure(struct certs_stage *stage, const char *text)
{
    const struct certs_start start = {.command_fd = stage->command_fd};
    struct config *config = stage_load(stage, text);

    if (stage->certs == NULL)
        stage->certs = certs_new(stage->base, config, &start);
    else
        certs_reload(stage->certs, config);
    config_unref(&stage->config);
    stage->config = config;
}

void stage_await(struct certs_stage *stage, bool (*is_so)(struct certs_stage *),
    const char *what)
{
    uint64_t until = clock_monotonic_ms() + PATIENCE_S * 1000;

    while (!is_so(stage)) {
        if (clock_monotonic_ms() > until)
            fail_msg("not in %d s: %s", PATIENCE_S, what);
        stage_run(stage, 10);
    }
}

void stage_advance(struct certs_stage *stage, unsigned s)
{
    stage->ahead_s += s;
    stage_run(stage, 10);
}

void stage_run(struct certs_stage *stage, unsigned ms)
{
    const struct timeval after = {
        .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

    event_base_loopexit(stage->base, &after);
    event_base_dispatch(stage->base);
}

static void on_looked(void *context)
{
    bool *is_done = context;
    *is_done = true;
}

void stage_look(struct certs_stage *stage)
{
    uint64_t until = clock_monotonic_ms() + PATIENCE_S * 1000;
    bool is_done = false;

    certs_look_now(stage->certs, on_looked, &is_done);
    assert_false(is_done);
    while (!is_done) {
        assert_true(clock_monotonic_ms() < until);
        event_base_loop(stage->base, EVLOOP_ONCE);
    }
}

struct certs_report stage_report(struct certs_stage *stage, size_t index)
{
    struct certs_report report;

    assert_true(certs_report(stage->certs, index, &report));
    return report;
}

/* The whole of a file; NULL: there is none. */
static char *read_file(
    const struct certs_stage *stage, const char *name, size_t *len_r)
{
    char path[256];
    struct stat status;

    snprintf(path, sizeof path, "%s/%s", stage->dir.path, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return NULL;
    assert_int_equal(fstat(fd, &status), 0);
    *len_r = (size_t)status.st_size;
    char *text = xcalloc(1, *len_r + 1);
    assert_int_equal(read(fd, text, *len_r), *len_r);
    close(fd);
    return text;
}

size_t stage_count_log(struct certs_stage *stage, const char *text)
{
    size_t count = 0, len;
    char *log = read_file(stage, "log", &len);

    assert_non_null(log);
    for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
        count++;
    free(log);
    return count;
}

unsigned long stage_inode(struct certs_stage *stage, const char *name)
{
    char path[256];
    struct stat status;

    snprintf(path, sizeof path, "%s/%s", stage->dir.path, name);
    return stat(path, &status) == 0 ? (unsigned long)status.st_ino : 0;
}

bool stage_holds(
    struct certs_stage *stage, const char *name, const struct issued *issued)
{
    size_t len;
    char *text = read_file(stage, name, &len);
    bool is = text != NULL && len == issued->key.len + issued->chain.len &&
              memcmp(text, issued->key.bytes, issued->key.len) == 0 &&
              memcmp(text + issued->key.len, issued->chain.bytes,
                  issued->chain.len) == 0;
    free(text);
    return is;
}
