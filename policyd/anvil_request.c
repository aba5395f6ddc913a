/*
 * anvil_request.c - read one request of anvil's protocol, write its answer.
 *
 * Does no I/O, allocates nothing, and knows neither limits nor who the client
 * is, so that the helper, the unit tests and the fuzzer use it alike. On bad
 * input it says why in a constant text; the framing logs it and closes.
 */
#include "policyd/anvil_request.h"

#include "common/base/decimal.h"

#include <assert.h>
#include <string.h>

/* In the order of a full answer; every shorter one is a slice of it. */
enum field { FIELD_COUNT, FIELD_RATE, FIELD_END = 7 };

static const struct {
    const char *name;
    size_t offset; /* of a uint32_t in struct anvil_numbers */
} fields[FIELD_END] = {
    {"count", offsetof(struct anvil_numbers, count)},
    {"rate", offsetof(struct anvil_numbers, rate)},
    {"mail", offsetof(struct anvil_numbers, mail)},
    {"rcpt", offsetof(struct anvil_numbers, rcpt)},
    {"newtls", offsetof(struct anvil_numbers, newtls)},
    {"auth", offsetof(struct anvil_numbers, auth)},
    {"tlstr", offsetof(struct anvil_numbers, tlstr)},
};

static const struct {
    const char *name;
    enum anvil_request_kind kind;
} names[] = {
    {"connect", ANVIL_REQUEST_CONNECT},
    {"disconnect", ANVIL_REQUEST_DISCONNECT},
    {"message", ANVIL_REQUEST_MESSAGE},
    {"recipient", ANVIL_REQUEST_RECIPIENT},
    {"newtls", ANVIL_REQUEST_NEWTLS},
    {"newtls_status", ANVIL_REQUEST_NEWTLS_STATUS},
    {"newtls_report", ANVIL_REQUEST_NEWTLS_STATUS},
    {"auth", ANVIL_REQUEST_AUTH},
    {"lookup", ANVIL_REQUEST_LOOKUP},
    {"tlstr", ANVIL_REQUEST_TLSTR},
};

/* Which fields answer a request: from first up to, not including, end. */
static const struct {
    unsigned first, end;
} shapes[ANVIL_REQUEST_KINDS] = {
    [ANVIL_REQUEST_CONNECT] = {FIELD_COUNT, FIELD_RATE + 1},
    [ANVIL_REQUEST_MESSAGE] = {FIELD_RATE, FIELD_RATE + 1},
    [ANVIL_REQUEST_RECIPIENT] = {FIELD_RATE, FIELD_RATE + 1},
    [ANVIL_REQUEST_NEWTLS] = {FIELD_RATE, FIELD_RATE + 1},
    [ANVIL_REQUEST_NEWTLS_STATUS] = {FIELD_RATE, FIELD_RATE + 1},
    [ANVIL_REQUEST_AUTH] = {FIELD_RATE, FIELD_RATE + 1},
    [ANVIL_REQUEST_LOOKUP] = {FIELD_COUNT, FIELD_END},
    [ANVIL_REQUEST_TLSTR] = {FIELD_RATE, FIELD_RATE + 1},
    [ANVIL_REQUEST_ANY] = {FIELD_COUNT, FIELD_END},
};

const struct anvil_numbers anvil_numbers_refused = {
    .count = ANVIL_NUMBER_MAX,
    .rate = ANVIL_NUMBER_MAX,
    .mail = ANVIL_NUMBER_MAX,
    .rcpt = ANVIL_NUMBER_MAX,
    .newtls = ANVIL_NUMBER_MAX,
    .auth = ANVIL_NUMBER_MAX,
    .tlstr = ANVIL_NUMBER_MAX,
};

static bool is_text(const char *slice, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(slice, text, len) == 0;
}

static const char *set_kind(
    struct anvil_request *request, const char *value, size_t len)
{
    if (request->has_kind)
        return "two request attributes";
    request->has_kind = true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (is_text(value, len, names[i].name))
            request->kind = names[i].kind;
    return NULL;
}

static const char *set_ident(
    struct anvil_request *request, const char *value, size_t len)
{
    if (request->ident[0] != '\0')
        return "two ident attributes";
    if (len == 0)
        return "an empty ident";
    if (len >= sizeof request->ident)
        return "an ident of more than 255 bytes";
    for (size_t i = 0; i < len; i++)
        if (value[i] < ' ' || value[i] > '~')
            return "an ident that is not printable ASCII";
    memcpy(request->ident, value, len);
    request->ident[len] = '\0';
    return NULL;
}

const char *anvil_request_set(struct anvil_request *request, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    if (is_text(name, name_len, "request"))
        return set_kind(request, value, value_len);
    if (is_text(name, name_len, "ident"))
        return set_ident(request, value, value_len);
    return NULL;
}

const char *anvil_request_check(const struct anvil_request *request)
{
    if (!request->has_kind)
        return "no request attribute";
    if (request->ident[0] == '\0')
        return "no ident attribute";
    return NULL;
}

static size_t append_text(char *text, size_t len, const char *part)
{
    size_t part_len = strlen(part);

    assert(len + part_len <= ANVIL_ANSWER_SIZE - DECIMAL_MAX - 2);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): more comes */
    memcpy(text + len, part, part_len);
    return len + part_len;
}

static size_t append(char *text, size_t len, const char *name, uint32_t number)
{
    len = append_text(text, len, name);
    text[len++] = '=';
    len += decimal_write(text + len, number);
    text[len++] = '\n';
    return len;
}

size_t anvil_answer_format(enum anvil_request_kind kind,
    const struct anvil_numbers *numbers, char text[ANVIL_ANSWER_SIZE])
{
    size_t len = append_text(
        text, 0, kind == ANVIL_REQUEST_UNKNOWN ? "status=-1\n" : "status=0\n");

    for (unsigned i = shapes[kind].first; i < shapes[kind].end; i++) {
        uint32_t number;

        memcpy(
            &number, (const char *)numbers + fields[i].offset, sizeof number);
        if (number > ANVIL_NUMBER_MAX)
            number = ANVIL_NUMBER_MAX;
        len = append(text, len, fields[i].name, number);
    }
    text[len++] = '\n';
    text[len] = '\0';
    return len;
}
