/*
 * test_sni_session.c - connections of the SNI face: what they are answered,
 * when they are closed.
 *
 * Who may connect is up to the kernel's word: tests/integration sees to that.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "policyd/sni_session.h"
#include "tests/unit/certs_stage.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STALL_S 10
/* More answers than fit into a socket, fewer questions. */
#define QUESTIONS 200

static const char question[] = "13:sni a.example,";
static const char nothing[] = "9:NOTFOUND ,";

struct scene {
    struct certs_stage *stage;
    struct sni_sessions *all;
    unsigned rests;
    const char *answer; /* to the question */
    size_t answer_len;
};

static void on_rest(void *context)
{
    struct scene *scene = context;
    scene->rests++;
}

static void begin(struct scene *scene, struct certs_stage *stage)
{
    struct issued one = issue(&(struct issue){
        .key = "RSA:2048", .names = "DNS:a.example", .ends_in_days = 50});

    stage_write_combined(stage, "a.pem", &one);
    issued_clear(&one);
    stage_configure(
        stage, "certificate \"a.example\" { source = \"combined:%s/a.pem\" }");
    *scene = (struct scene){.stage = stage};
    scene->all = sni_sessions_new(stage->base, stage->certs, on_rest, scene);
    sni_sessions_allow(scene->all, geteuid());
    scene->answer = certs_find(stage->certs, "a.example", &scene->answer_len);
}

static void end(struct scene *scene)
{
    sni_sessions_free(&scene->all);
    assert_null(scene->all);
    sni_sessions_free(&scene->all);
}

/* Postfix's end. */
static int connect_to(struct scene *scene)
{
    int pair[2];

    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    sni_sessions_add(scene->all, pair[0]);
    return pair[1];
}

static void ask(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* What has come until nothing comes any more. */
static size_t take(struct scene *scene, int fd, char *out, size_t size)
{
    size_t len = 0;
    ssize_t got;

    do {
        stage_run(scene->stage, 2);
        got = read(fd, out + len, size - len);
        len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    return len;
}

static bool is_closed(struct scene *scene, int fd)
{
    char byte;

    stage_run(scene->stage, 2);
    return read(fd, &byte, 1) != -1 || errno != EAGAIN;
}

static const struct {
    const char *parts[4]; /* of what is sent */
    const char *expected; /* y: the certificate, n: nothing */
} dialogues[] = {
    {{question}, "y"},
    {{"13:sni A.EXAMPLE,"}, "y"},
    {{"13:sni b.example,"}, "n"},
    {{"12:sni .example,"}, "n"},
    {{"5:sni ,"}, NULL},
    {{question, "13:sni b.example,", question}, "yny"},
    {{"1", "3:sni a.exam", "ple", ","}, "y"},
    {{"13:sni a.example,13:sni b.example,13:s", "ni a.example,"}, "yny"},
};

TEST_WITH(certs_stage_setup, certs_stage_teardown, answers)
{
    struct scene scene;
    char *got = xcalloc(1, 100000);

    begin(&scene, *state);
    for (size_t i = 0; i < COUNT(dialogues); i++) {
        int fd = connect_to(&scene);
        size_t len = 0, at = 0;
        for (size_t p = 0; p < 4 && dialogues[i].parts[p] != NULL; p++) {
            ask(fd, dialogues[i].parts[p]);
            len += take(&scene, fd, got + len, 100000 - len);
        }
        const char *expected = dialogues[i].expected;
        for (; expected != NULL && *expected != '\0'; expected++) {
            bool is = *expected == 'y';
            size_t want = is ? scene.answer_len : sizeof nothing - 1;
            assert_true(len >= at + want);
            assert_memory_equal(got + at, is ? scene.answer : nothing, want);
            at += want;
        }
        if (expected != NULL)
            assert_int_equal(len, at);
        close(fd);
    }
    stage_run(scene.stage, 5);
    assert_int_equal(sni_sessions_count(scene.all), 0);
    assert_true(scene.rests >= COUNT(dialogues));
    end(&scene);
    free(got);
}

TEST_WITH(
    certs_stage_setup, certs_stage_teardown, what_breaks_the_protocol_is_closed)
{
    struct scene scene;

    begin(&scene, *state);
    int fd = connect_to(&scene);
    ask(fd, "x");
    assert_true(is_closed(&scene, fd));
    close(fd);
    assert_int_equal(stage_count_log(scene.stage, "malformed face=sni"), 1);
    end(&scene);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, half_a_request)
{
    struct scene scene;

    begin(&scene, *state);
    int fd = connect_to(&scene);
    /* Idle is no offence. */
    stage_advance(scene.stage, 10 * STALL_S);
    assert_false(is_closed(&scene, fd));
    ask(fd, "13:sni");
    stage_run(scene.stage, 5);
    stage_advance(scene.stage, STALL_S - 1);
    assert_false(is_closed(&scene, fd));
    stage_advance(scene.stage, 1);
    assert_true(is_closed(&scene, fd));
    assert_int_equal(
        stage_count_log(scene.stage, "does not end its request"), 1);
    close(fd);
    end(&scene);
}

static void fill(struct scene *scene, int fd)
{
    for (int i = 0; i < QUESTIONS; i++)
        ask(fd, question);
    stage_run(scene->stage, 20);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, a_peer_that_does_not_read)
{
    struct scene scene;

    begin(&scene, *state);
    int fd = connect_to(&scene);
    fill(&scene, fd);
    stage_advance(scene.stage, STALL_S);
    assert_int_equal(sni_sessions_count(scene.all), 0);
    assert_int_equal(
        stage_count_log(scene.stage, "does not read its answers"), 1);
    close(fd);
    end(&scene);
}

/* Every answer as a whole, although the certificate changes meanwhile. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, a_peer_that_reads_late)
{
    struct scene scene;
    size_t size = QUESTIONS * 16000, len;
    char *got = xcalloc(1, size);

    begin(&scene, *state);
    int fd = connect_to(&scene);
    fill(&scene, fd);
    len = take(&scene, fd, got, size);
    assert_int_equal(len, QUESTIONS * scene.answer_len);
    for (size_t i = 0; i < QUESTIONS; i++)
        assert_memory_equal(
            got + i * scene.answer_len, scene.answer, scene.answer_len);
    close(fd);
    end(&scene);
    free(got);
}

TEST_WITH(
    certs_stage_setup, certs_stage_teardown, a_peer_that_leaves_in_between)
{
    struct scene scene;

    begin(&scene, *state);
    int fd = connect_to(&scene);
    fill(&scene, fd);
    close(fd);
    stage_run(scene.stage, 5);
    assert_int_equal(sni_sessions_count(scene.all), 0);
    end(&scene);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, draining_closes_what_is_idle)
{
    struct scene scene;

    begin(&scene, *state);
    int idle = connect_to(&scene), busy = connect_to(&scene);
    ask(busy, "13:sni a.exa");
    stage_run(scene.stage, 5);
    sni_sessions_drain(scene.all);
    assert_true(is_closed(&scene, idle));
    assert_int_equal(sni_sessions_count(scene.all), 1);
    unsigned rests = scene.rests;
    stage_run(scene.stage, 5);
    assert_int_equal(scene.rests, rests);
    ask(busy, "mple,");
    char got[16000];
    assert_int_equal(take(&scene, busy, got, sizeof got), scene.answer_len);
    /* Whoever drains is told, or he would wait until the peer goes. */
    assert_int_equal(scene.rests, rests + 1);
    sni_sessions_drain(scene.all);
    assert_true(is_closed(&scene, busy));
    close(idle);
    close(busy);
    end(&scene);
}

TEST_WITH(certs_stage_setup, certs_stage_teardown, nobody_else)
{
    struct scene scene;
    struct evbuffer *out = evbuffer_new();

    begin(&scene, *state);
    /* No socket: nobody can say who it is. */
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    sni_sessions_add(scene.all, pair[0]);
    assert_int_equal(fcntl(pair[0], F_GETFD), -1);
    close(pair[1]);
    int fd = connect_to(&scene);
    ask(fd, question);
    stage_run(scene.stage, 5);
    sni_sessions_write_metrics(scene.all, out);
    evbuffer_add(out, "", 1);
    const char *text = (const char *)evbuffer_pullup(out, -1);
    assert_non_null(strstr(text, "tollgate_sni_refused_peers_total 1\n"));
    assert_non_null(strstr(text, "_total{result=\"found\"} 1\n"));
    assert_non_null(strstr(text, "tollgate_sni_connections 1\n"));
    evbuffer_free(out);
    close(fd);
    end(&scene);
}

RUN_TESTS(NULL, NULL)
