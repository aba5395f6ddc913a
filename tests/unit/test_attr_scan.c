/*
 * test_attr_scan.c - the scanner against the plainest reading of the same
 * bytes, and both ways of marking them against a loop.
 */
#include "policyd/attr_marks.h"
#include "policyd/attr_scan.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

static struct attr_marks marks_by_loop(const char block[ATTR_BLOCK])
{
    struct attr_marks marks = {.newlines = 0};

    for (unsigned i = 0; i < ATTR_BLOCK; i++) {
        marks.newlines |= (uint64_t)(block[i] == '\n') << i;
        marks.equals |= (uint64_t)(block[i] == '=') << i;
        marks.has_nul |= block[i] == '\0';
    }
    return marks;
}

static void assert_marks(struct attr_marks a, struct attr_marks b)
{
    assert_int_equal(a.newlines, b.newlines);
    assert_int_equal(a.equals, b.equals);
    assert_int_equal(a.has_nul, b.has_nul);
}

/* Bytes that a sloppy comparison takes for what they are not. */
TEST(marks_are_where_they_should)
{
    static const char bytes[] = {'\n', '=', '\0', '\n' + 1, '=' - 1, '\x01',
        '\x80', '\xff', '\x8a', '\xbd', 'a', '\t'};

    srand(1);
    for (int round = 0; round < 20000; round++) {
        char block[ATTR_BLOCK];
        size_t kinds = round % 2 == 0 ? sizeof bytes : 2;
        for (size_t i = 0; i < sizeof block; i++)
            block[i] = bytes[(size_t)rand() % kinds];
        assert_marks(attr_marks_of(block), marks_by_loop(block));
        assert_marks(attr_marks_of_words(block), marks_by_loop(block));
    }
}

struct record {
    char text[8192];
    size_t len;
};

static void record_add(
    struct record *record, const char *bytes, size_t len, char end)
{
    assert_true(record->len + len + 1 < sizeof record->text);
    memcpy(record->text + record->len, bytes, len);
    record->len += len;
    record->text[record->len++] = end;
}

static const char *on_attribute(void *context, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    record_add(context, name, name_len, ':');
    record_add(context, value, value_len, ';');
    return NULL;
}

/* What the scanner should say of text that ends in a newline or nowhere. */
static enum attr_result read_plainly(
    const char *text, size_t len, size_t *used_r, struct record *record)
{
    size_t begin = 0;

    *used_r = 0;
    for (size_t at = 0; at < len; at++) {
        if (text[at] != '\n')
            continue;
        const char *line = text + begin, *equals;
        size_t line_len = at - begin;
        begin = at + 1;
        *used_r = begin;
        if (line_len == 0)
            return ATTR_DONE;
        equals = memchr(line, '=', line_len);
        if (equals == NULL || equals == line)
            return ATTR_BAD;
        on_attribute(record, line, (size_t)(equals - line), equals + 1,
            (size_t)(line + line_len - equals - 1));
    }
    return ATTR_MORE;
}

TEST(reads_what_is_there)
{
    static struct record record, expected;

    srand(2);
    for (int round = 0; round < 20000; round++) {
        char text[300];
        size_t len = (size_t)rand() % sizeof text, used, expected_used;
        int rare = 2 + rand() % 40;
        for (size_t i = 0; i < len; i++)
            text[i] = rand() % rare == 0 ? '\n' : "ab=cdefghi"[rand() % 10];
        struct attr_scan scan = {.request_len = 0};
        record.len = expected.len = 0;
        enum attr_result result =
            attr_scan(&scan, text, len, &used, on_attribute, &record);
        assert_int_equal(
            result, read_plainly(text, len, &expected_used, &expected));
        assert_int_equal(record.len, expected.len);
        assert_memory_equal(record.text, expected.text, record.len);
        if (result == ATTR_BAD)
            assert_non_null(scan.reason);
        else
            assert_int_equal(used, expected_used);
    }
}

static const char *ignore(void *context, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
    (void)context, (void)name, (void)name_len, (void)value, (void)value_len;
    return NULL;
}

/* before bytes of whole lines, then one line of line_len, ended or not. */
static const char *problem_of(size_t before, size_t line_len, bool is_ended)
{
    size_t len = before + line_len + 1, used;
    char *text = malloc(len);

    assert_non_null(text);
    memset(text, 'x', len);
    for (size_t i = 0; i + 8 <= before; i += 8)
        memcpy(text + i, "a=12345\n", 8);
    if (line_len > 1)
        text[before + 1] = '=';
    text[len - 1] = '\n';
    struct attr_scan scan = {.request_len = 0};
    enum attr_result result =
        attr_scan(&scan, text, is_ended ? len : len - 1, &used, ignore, NULL);
    free(text);
    return result == ATTR_BAD ? scan.reason : NULL;
}

/* At every place within a block, since lengths are judged a block at once. */
TEST(bounds_are_exact)
{
    for (size_t before = 0; before < 256; before += 8) {
        assert_null(problem_of(before, ATTR_LINE_MAX, true));
        assert_null(problem_of(before, ATTR_LINE_MAX, false));
        assert_string_equal(
            problem_of(before, ATTR_LINE_MAX + 1, true), "line too long");
        assert_string_equal(
            problem_of(before, ATTR_LINE_MAX + 1, false), "line too long");
    }
    assert_null(problem_of(ATTR_REQUEST_MAX - 8, 7, true));
    assert_string_equal(
        problem_of(ATTR_REQUEST_MAX - 8, 8, true), "request too long");
    assert_null(problem_of(ATTR_REQUEST_MAX - 8, 8, false));
    assert_string_equal(
        problem_of(ATTR_REQUEST_MAX - 8, 9, false), "request too long");
    assert_null(problem_of(ATTR_REQUEST_MAX - 8, 0, true));
    assert_string_equal(
        problem_of(ATTR_REQUEST_MAX, 0, true), "request too long");
}

/* A request in two calls is bounded as one. */
TEST(counts_over_all_calls)
{
    static char text[ATTR_REQUEST_MAX];
    struct attr_scan scan = {.request_len = 0};
    size_t used;

    for (size_t i = 0; i < sizeof text; i += 8)
        memcpy(text + i, "a=12345\n", 8);
    assert_int_equal(
        attr_scan(&scan, text, sizeof text - 8, &used, ignore, NULL),
        ATTR_MORE);
    assert_int_equal(used, sizeof text - 8);
    assert_int_equal(attr_scan(&scan, text, 8, &used, ignore, NULL), ATTR_MORE);
    assert_int_equal(attr_scan(&scan, "\n", 1, &used, ignore, NULL), ATTR_BAD);
    assert_string_equal(scan.reason, "request too long");

    scan = (struct attr_scan){.request_len = ATTR_REQUEST_MAX - 1};
    assert_int_equal(attr_scan(&scan, "\n", 1, &used, ignore, NULL), ATTR_DONE);
    assert_int_equal(scan.request_len, 0);
}

RUN_TESTS(NULL, NULL)
