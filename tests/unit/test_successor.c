/*
 * test_successor.c - what a successor takes for the file of its predecessor,
 * and what it leaves alone.
 */
#include "tests/unit/unit.h"

#include "common/engine/successor.h"
#include "common/store/edict_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define VARIABLE "TOLLGATE_LEGACY_FD"

static void name_descriptor(int fd)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%d", fd);
    setenv(VARIABLE, text, 1);
}

TEST(the_file_is_taken_once)
{
    struct edict_table *table = edict_table_new();
    struct error err;
    int fd = edict_file_write(table, &err);

    assert_int_not_equal(fd, -1);
    assert_int_equal(fcntl(fd, F_SETFD, 0), 0); /* as after exec */
    name_descriptor(fd);
    assert_int_equal(successor_take_legacy(), fd);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_null(getenv(VARIABLE));
    assert_int_equal(successor_take_legacy(), -1);
    assert_true(edict_file_read(table, fd));
    edict_table_free(&table);
}

/* The variable came through a version that does not know it, and its number is
 * another descriptor's now. */
TEST(others_are_left_alone)
{
    int pair[2], fds[3];

    assert_int_equal(pipe(pair), 0);
    fds[0] = pair[0];
    fds[1] = memfd_create("not-sealed", MFD_ALLOW_SEALING);
    fds[2] = open("/dev/null", O_WRONLY);
    for (size_t i = 0; i < COUNT(fds); i++) {
        name_descriptor(fds[i]);
        assert_int_equal(successor_take_legacy(), -1);
        assert_int_equal(fcntl(fds[i], F_GETFD), 0); /* open, as it was */
        assert_null(getenv(VARIABLE));
        close(fds[i]);
        name_descriptor(fds[i]);
        assert_int_equal(successor_take_legacy(), -1);
    }
    close(pair[1]);
}

TEST(a_number_is_read_as_a_whole)
{
    static const char *const texts[] = {
        "", "x", "-1", " 3", "3x", "99999999999999999999"};

    for (size_t i = 0; i < COUNT(texts); i++) {
        setenv(VARIABLE, texts[i], 1);
        assert_int_equal(successor_take_legacy(), -1);
        assert_null(getenv(VARIABLE));
    }
}

RUN_TESTS(NULL, NULL)
