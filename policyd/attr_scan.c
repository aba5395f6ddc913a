/*
 * attr_scan.c - finds the attributes of one request in bytes from the wire.
 *
 * Does not know which attributes there are; does no I/O. A request is judged
 * line by line as it comes, so the handler may have seen the first part of
 * one that turns out to be malformed: nothing may be decided before
 * ATTR_DONE. Each byte is looked at once, 64 at a time (attr_marks.h), and
 * what can only go wrong over many bytes is judged once a block.
 */
#include "policyd/attr_scan.h"

#include "policyd/attr_marks.h"

#include <string.h>

/* One call of attr_scan. */
struct pass {
    struct attr_scan *scan;
    attr_handler *handler;
    void *context;
    const char *begin;  /* of the line that is being read */
    const char *equals; /* its first '=', if in an earlier block, else NULL */
};

static enum attr_result attr_scan_fail(
    struct attr_scan *scan, const char *reason, const char *near, size_t len)
{
    scan->reason = reason;
    scan->near = near;
    scan->near_len = len;
    return ATTR_BAD;
}

static void attr_scan_note_fault(
    struct attr_scan *scan, const char *reason, const char *near, size_t len)
{
    if (!scan->is_faulty)
        attr_scan_fail(scan, reason, near, len);
    scan->is_faulty = true;
}

/* A line that is no attribute; equals is its end where there is none. */
static enum attr_result pass_end_odd_line(
    struct pass *pass, const char *begin, const char *equals, const char *end)
{
    size_t len = (size_t)(end - begin);

    pass->begin = end + 1;
    if (len == 0)
        return ATTR_DONE;
    return attr_scan_fail(pass->scan,
        equals == end ? "line without '='" : "attribute without a name", begin,
        len);
}

/* The last block is filled up with bytes that mean nothing. */
static inline struct attr_marks marks_at(const char *data, size_t len)
{
    char block[ATTR_BLOCK];

    if (len >= sizeof block)
        return attr_marks_of(data);
    memset(block, ' ', sizeof block);
    memcpy(block, data, len);
    return attr_marks_of(block);
}

/* All lines that end in a block. */
static enum attr_result pass_read_block(
    struct pass *pass, const char *block, struct attr_marks marks)
{
    uint64_t newlines = marks.newlines, name_ends = newlines | marks.equals;
    const char *begin = pass->begin, *equals = pass->equals;

    while (newlines != 0) {
        const char *end = block + __builtin_ctzll(newlines);
        if (equals == NULL)
            equals = block + __builtin_ctzll(name_ends);
        if (equals == begin || equals == end)
            return pass_end_odd_line(pass, begin, equals, end);

        const char *reason = pass->handler(pass->context, begin,
            (size_t)(equals - begin), equals + 1, (size_t)(end - (equals + 1)));
        if (reason != NULL)
            attr_scan_note_fault(
                pass->scan, reason, begin, (size_t)(end - begin));

        begin = end + 1;
        equals = NULL;
        name_ends &= ~(newlines ^ (newlines - 1));
        newlines &= newlines - 1;
    }
    if (equals == NULL && name_ends != 0)
        equals = block + __builtin_ctzll(name_ends);
    pass->begin = begin;
    pass->equals = equals;
    return ATTR_MORE;
}

/* Only the line that the block begins in can be long. */
static bool is_line_too_long(
    const char *begin, const char *block, uint64_t newlines)
{
    unsigned more = newlines != 0 ? (unsigned)__builtin_ctzll(newlines) : 0;

    return block + more - begin > ATTR_LINE_MAX;
}

/* Nothing is wrong so far but, perhaps, how much there is. */
static enum attr_result attr_scan_end(struct attr_scan *scan, const char *data,
    size_t len, size_t used, enum attr_result result)
{
    size_t rest = result == ATTR_DONE ? 0 : len - used;

    if (rest > ATTR_LINE_MAX)
        return attr_scan_fail(scan, "line too long", data + used, rest);
    if (scan->request_len + used + rest > ATTR_REQUEST_MAX)
        return attr_scan_fail(scan, "request too long", data + used, rest);
    scan->request_len = result == ATTR_DONE ? 0 : scan->request_len + used;
    return result;
}

enum attr_result attr_scan(struct attr_scan *scan, const char *data, size_t len,
    size_t *used_r, attr_handler *handler, void *context)
{
    struct pass pass = {
        .scan = scan,
        .handler = handler,
        .context = context,
        .begin = data,
    };
    enum attr_result result = ATTR_MORE;

    *used_r = 0;
    for (size_t at = 0; at < len && result == ATTR_MORE; at += ATTR_BLOCK) {
        struct attr_marks marks = marks_at(data + at, len - at);
        if (marks.has_nul)
            return attr_scan_fail(scan, "NUL byte", data + at, len - at);
        if (is_line_too_long(pass.begin, data + at, marks.newlines))
            return attr_scan_fail(
                scan, "line too long", pass.begin, ATTR_LINE_MAX);
        result = pass_read_block(&pass, data + at, marks);
    }
    if (result == ATTR_BAD)
        return ATTR_BAD;
    *used_r = (size_t)(pass.begin - data);
    return attr_scan_end(scan, data, len, *used_r, result);
}
