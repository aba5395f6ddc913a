/*
 * test_log.c - lines and records as they arrive in a file.
 *
 * Nothing that a stranger sends may end a line, forge a member or push the
 * members after it out of the line.
 */
#include "tests/unit/unit.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char directory[64];
    char path[80];
    char target[96];
};

static int place_set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (place == NULL)
        return -1;
    snprintf(place->directory, sizeof place->directory, "%s",
        "/tmp/tollgate-test-log-XXXXXX");
    if (mkdtemp(place->directory) == NULL)
        return -1;
    snprintf(place->path, sizeof place->path, "%s/log", place->directory);
    snprintf(place->target, sizeof place->target, "file:%s", place->path);
    *state = place;
    return 0;
}

static int place_tear_down(void **state)
{
    struct place *place = *state;
    struct error err;
    log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "test", &err);
    unlink(place->path);
    rmdir(place->directory);
    free(place);
    return 0;
}

static void open_log(
    const struct place *place, enum log_format format, enum log_level level)
{
    struct error err;
    unlink(place->path);
    if (!log_open(place->target, format, level, "prog", &err))
        fail_msg("%s", err.text);
}

/* What the log file holds, without the time in front of a text line. */
static char *read_log(const struct place *place, char *text, size_t size)
{
    int fd = open(place->path, O_RDONLY);
    assert_int_not_equal(fd, -1);
    ssize_t len = read(fd, text, size - 1);
    close(fd);
    assert_true(len >= 0);
    text[len] = '\0';
    return text;
}

/* "2026-08-21T12:34:56.789Z prog: info: hello" -> "prog: info: hello" */
static const char *after_time(const char *line)
{
    unsigned year, month, day, hour, minute, second, ms;
    int end = 0;
    assert_int_equal(sscanf(line, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ%n", &year,
                         &month, &day, &hour, &minute, &second, &ms, &end),
        7);
    assert_int_equal(end, 24);
    return line + end;
}

/* Of a JSON line: the members after time, program and level. */
static const char *after_level(const char *line, const char *level)
{
    char head[64];
    assert_memory_equal(line, "{\"time\":\"", 9);
    snprintf(
        head, sizeof head, "\",\"program\":\"prog\",\"level\":\"%s\",", level);
    line = after_time(line + 9);
    assert_memory_equal(line, head, strlen(head));
    return line + strlen(head);
}

TEST_WITH(place_set_up, place_tear_down, plain_lines)
{
    const struct place *place = *state;
    char text[4096];
    open_log(place, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    log_info("a %d\nforged\r\t\x1b[1m\xff \\x", 7);
    assert_string_equal(after_time(read_log(place, text, sizeof text)),
        " prog: info: a 7\\x0aforged\\x0d\\x09\\x1b[1m\\xff \\x\n");

    open_log(place, LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    log_error("a \"%s\"\n", "\\");
    assert_string_equal(
        after_level(read_log(place, text, sizeof text), "error"),
        "\"message\":\"a \\\"\\\\\\\"\\u000a\"}\n");
}

TEST_WITH(place_set_up, place_tear_down, levels)
{
    const struct place *place = *state;
    struct log_record record;
    char text[4096];
    open_log(place, LOG_FORMAT_TEXT, LOG_LEVEL_WARN);
    log_debug("no");
    log_info("no");
    log_record_begin(&record, LOG_LEVEL_INFO, "no");
    log_record_end(&record);
    assert_string_equal(read_log(place, text, sizeof text), "");
    log_warn("yes");
    assert_non_null(strstr(read_log(place, text, sizeof text), "warn: yes\n"));
}

static void write_record(void)
{
    struct log_record record;
    log_record_begin(&record, LOG_LEVEL_INFO, "refused");
    log_record_text(&record, "face", "policy");
    log_record_text(&record, "sasl", "");
    log_record_text(&record, "sender", "a b\"\\\n\xc3\xa4\xff=@x");
    log_record_text(&record, "recipient", "a=b\\");
    log_record_text(&record, "limit", "a b");
    log_record_number(&record, "used", 0);
    log_record_number(&record, "retry_after", -1);
    log_record_number(&record, "allowed", INT64_MAX);
    log_record_end(&record);
}

TEST_WITH(place_set_up, place_tear_down, records)
{
    const struct place *place = *state;
    char text[4096];
    open_log(place, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    write_record();
    assert_string_equal(after_time(read_log(place, text, sizeof text)),
        " prog: info: refused face=policy "
        "sender=\"a b\\\"\\\\\\x0a\\xc3\\xa4\\xff=@x\" recipient=a=b\\\\ "
        "limit=\"a b\" "
        "used=0 allowed=9223372036854775807\n");

    open_log(place, LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    write_record();
    assert_string_equal(after_level(read_log(place, text, sizeof text), "info"),
        "\"message\":\"refused\",\"face\":\"policy\","
        "\"sender\":\"a b\\\"\\\\\\u000a\xc3\xa4\\\\xff=@x\","
        "\"recipient\":\"a=b\\\\\",\"limit\":\"a b\",\"used\":0,"
        "\"allowed\":9223372036854775807}\n");
}

TEST_WITH(place_set_up, place_tear_down, long_values_keep_the_rest)
{
    const struct place *place = *state;
    enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};
    char text[8192], value[5000];
    memset(value, '\n', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct log_record record;
        open_log(place, formats[i], LOG_LEVEL_INFO);
        log_record_begin(&record, LOG_LEVEL_INFO, "refused");
        for (int j = 0; j < 5; j++)
            log_record_text(&record, "sender", value);
        log_record_text(&record, "verdict", "refuse");
        for (int j = 0; j < 40; j++)
            log_record_text(&record, "more", value);
        log_record_end(&record);
        read_log(place, text, sizeof text);
        size_t senders = 0;
        for (const char *at = text; (at = strstr(at, "sender")) != NULL; at++)
            senders++;
        assert_int_equal(senders, 5);
        assert_non_null(strstr(text, "verdict"));
        assert_non_null(strstr(text, "..."));
        assert_true(strlen(text) < sizeof record.text + 200);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    }
}

TEST_WITH(place_set_up, place_tear_down, targets)
{
    const struct place *place = *state;
    static const char *const bad[] = {
        "",
        "stdout",
        "file:",
        "file:/nonexistent/log",
        "syslog",
        "syslog:",
        "syslog:nonsense",
        "/var/log/x",
    };
    char text[1024];
    open_log(place, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct error err = {0};
        if (log_open(bad[i], LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "p", &err))
            fail_msg("\"%s\" was taken for a place to log", bad[i]);
        assert_true(err.text[0] != '\0');
    }
    errno = EXDEV;
    log_info("the old target stays");
    assert_int_equal(errno, EXDEV);
    assert_non_null(
        strstr(read_log(place, text, sizeof text), "the old target stays"));

    struct error err;
    assert_true(
        log_open("syslog:mail", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, "p", &err));
}

TEST_WITH(place_set_up, place_tear_down, file_is_appended_and_reopened)
{
    const struct place *place = *state;
    struct error err;
    struct stat st;
    char text[1024];
    mode_t old = umask(0);
    open_log(place, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    umask(old);
    assert_int_equal(stat(place->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    log_info("one");
    assert_true(
        log_open(place->target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "p", &err));
    log_info("two");
    read_log(place, text, sizeof text);
    assert_non_null(strstr(text, "one\n"));
    assert_non_null(strstr(text, "two\n"));

    /* A rotation, and the reload that follows it. */
    assert_int_equal(unlink(place->path), 0);
    log_info("lost");
    assert_true(
        log_open(place->target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "p", &err));
    log_info("three");
    read_log(place, text, sizeof text);
    assert_null(strstr(text, "lost"));
    assert_non_null(strstr(text, "three\n"));
}

/* A pipe that nobody reads any more, or not yet, must not stop the mail. */
TEST_WITH(place_set_up, place_tear_down, a_pipe_is_not_waited_for)
{
    const struct place *place = *state;
    struct error err;
    char text[1024];

    assert_int_equal(mkfifo(place->path, 0600), 0);
    alarm(10);
    assert_false(
        log_open(place->target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "p", &err));
    int reader = open(place->path, O_RDONLY | O_NONBLOCK);
    assert_int_not_equal(reader, -1);
    assert_true(
        log_open(place->target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "p", &err));
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 2000; i++)
        log_info("%s", text);
    alarm(0);
    assert_true(read(reader, text, sizeof text) > 0);
    close(reader);
}

static uid_t owner_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_uid;
}

/* Somebody else's file, by a link that stands where the log should be. */
TEST_WITH(place_set_up, place_tear_down, a_link_is_not_given_away)
{
    const struct place *place = *state;
    int (*const links[])(const char *, const char *) = {symlink, link};
    char other[96];
    struct error err;

    snprintf(other, sizeof other, "%s.other", place->path);
    int fd = open(other, O_WRONLY | O_CREAT, 0600);
    assert_int_not_equal(fd, -1);
    close(fd);
    for (size_t i = 0; i < COUNT(links); i++) {
        assert_int_equal(links[i](other, place->path), 0);
        assert_true(log_open(
            place->target, LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "p", &err));
        assert_false(log_give_to(geteuid() + 1, getegid(), &err));
        unlink(place->path); /* and it is as if there had been none */
        assert_false(log_give_to(geteuid() + 1, getegid(), &err));
        assert_int_equal(owner_of(other), geteuid());
        assert_true(log_give_to(geteuid(), getegid(), &err));
    }
    unlink(other);
    open_log(place, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    if (geteuid() != 0)
        return;
    assert_true(log_give_to(1, 1, &err));
    assert_int_equal(owner_of(place->path), 1);
}

/* stderr becomes a file here; its time depends on whose it is said to be. */
TEST_WITH(place_set_up, place_tear_down, stderr_and_the_journal)
{
    const struct place *place = *state;
    struct error err;
    struct stat st;
    char stream[64], text[1024];
    int saved = dup(STDERR_FILENO);
    int fd = open(place->path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_not_equal(fd, -1);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);

    setenv("JOURNAL_STREAM", "1:2", 1);
    log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "prog", &err);
    log_info("elsewhere");
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev,
        (uintmax_t)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("stderr", LOG_FORMAT_TEXT, LOG_LEVEL_INFO, "prog", &err);
    log_info("journal");
    unsetenv("JOURNAL_STREAM");

    dup2(saved, STDERR_FILENO);
    close(saved);
    close(fd);
    assert_string_equal(after_time(read_log(place, text, sizeof text)),
        " prog: info: elsewhere\nprog: info: journal\n");
}

RUN_TESTS(NULL, NULL)
