/*
 * test_policy_request.c - dialogues as text: tests/data/policy/NAME.in is what
 * Postfix sends, NAME.ref what each request counts, one line a request.
 *
 * In a .in file: '#' begins a comment line; {C*N} is N times the character
 * C; \0 is a NUL byte. The attribute test_verdict=refuse (unknown to the
 * parser) says that the engine refused that request; else it passed.
 */
#include "policyd/attr_scan.h"
#include "policyd/policy_count.h"
#include "policyd/policy_request.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dialogue {
    struct policy_request request;
    struct message_memory *memory;
    bool is_refused;
    FILE *out;
};

static char *read_file(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        print_error("%s: cannot open\n", path);
        fail();
    }
    if (getdelim(&text, &size, '\0', file) == -1) {
        free(text);
        text = strdup("");
    }
    fclose(file);
    assert_non_null(text);
    return text;
}

/* Writes what the .in file stands for. */
static void expand_line(const char *line, FILE *out)
{
    for (const char *at = line; *at != '\0'; at++) {
        unsigned count;
        char byte;
        int used = 0;
        if (sscanf(at, "{%c*%u}%n", &byte, &count, &used) == 2 && used > 0) {
            for (unsigned i = 0; i < count; i++)
                fputc(byte, out);
            at += used - 1;
        } else if (at[0] == '\\' && at[1] == '0') {
            fputc('\0', out);
            at++;
        } else {
            fputc(*at, out);
        }
    }
}

static void expand(const char *path, char **bytes_r, size_t *len_r)
{
    char *text = read_file(path), *save = NULL;
    FILE *out = open_memstream(bytes_r, len_r);

    assert_non_null(out);
    /* Empty lines count, so no strtok_r. */
    for (char *line = text; line != NULL; line = save) {
        save = strchr(line, '\n');
        if (save != NULL)
            *save++ = '\0';
        if (line[0] == '#' || (save == NULL && line[0] == '\0'))
            continue;
        expand_line(line, out);
        if (save != NULL)
            fputc('\n', out);
    }
    fclose(out);
    free(text);
}

static const char *on_attribute(void *context, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    struct dialogue *d = context;

    if (name_len == 12 && memcmp(name, "test_verdict", 12) == 0)
        d->is_refused = value_len == 6 && memcmp(value, "refuse", 6) == 0;
    return policy_request_set(&d->request, name, name_len, value, value_len);
}

static void show_text(FILE *out, const char *name, const char *value)
{
    size_t len = strlen(value);

    if (len > 60)
        fprintf(out, " %s=%.8s..%s(%zu)", name, value, value + len - 20, len);
    else if (len > 0)
        fprintf(out, " %s=%s", name, value);
}

static void show_request(struct dialogue *d)
{
    static const char *const states[] = {
        "other", POLICY_STATES(POLICY_STATE_WORD)};
    const struct policy_request *r = &d->request;

    fprintf(d->out, "%s", states[r->state]);
    show_text(d->out, "client", r->client_address);
    show_text(d->out, "helo", r->helo_name);
    show_text(d->out, "sasl", r->sasl_username);
    show_text(d->out, "sender", r->sender);
    show_text(d->out, "recipient", r->recipient);
    show_text(d->out, "instance", r->instance);
    show_text(d->out, "service", r->policy_context);
    fprintf(d->out, ":");
}

static void answer_request(struct dialogue *d)
{
    const struct policy_request *r = &d->request;
    uint32_t hash = message_memory_hash(d->memory, r->instance);
    struct message_seen seen =
        message_memory_find(d->memory, hash, r->instance, 1);
    struct event event = {.face = FACE_POLICY};

    if (!policy_count_fill(r, seen, &event)) {
        fprintf(d->out, " nothing\n");
        return;
    }
    for (enum event_kind kind = 0; kind < EVENT_KINDS; kind++)
        if (event.amount[kind] > 0)
            fprintf(d->out, " %s %" PRIu32, event_kind_name(kind),
                event.amount[kind]);
    if (event.message_recipients > 0)
        fprintf(d->out, " of %" PRIu32, event.message_recipients);
    fprintf(d->out, "%s\n", d->is_refused ? " refused" : "");
    if (!d->is_refused)
        message_memory_note(
            d->memory, hash, r->instance, policy_count_passed(seen, &event), 1);
}

/* Postfix sends no more than one request before it has the answer. */
static size_t request_len(const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\n\n", 2);

    return end != NULL ? (size_t)(end - bytes) + 2 : len;
}

/* Plays all requests of a file, as one connection that answers each. */
static void play(struct dialogue *d, const char *bytes, size_t len)
{
    struct attr_scan scan = {.request_len = 0};
    size_t at = 0, used;

    while (at < len) {
        size_t sent = request_len(bytes + at, len - at);
        enum attr_result result =
            attr_scan(&scan, bytes + at, sent, &used, on_attribute, d);
        const char *reason = scan.reason;
        at += used;
        if (result == ATTR_DONE && !scan.is_faulty)
            reason = policy_request_check(&d->request);
        if (reason != NULL) {
            fprintf(d->out, "malformed: %s\n", reason);
            return;
        }
        if (result == ATTR_MORE) {
            fprintf(d->out, "unfinished\n");
            return;
        }
        show_request(d);
        answer_request(d);
        policy_request_reset(&d->request);
        d->is_refused = false;
    }
}

static char *play_file(const char *path)
{
    struct dialogue *d = calloc(1, sizeof *d);
    char *bytes, *output;
    size_t len, output_len;

    assert_non_null(d);
    expand(path, &bytes, &len);
    d->memory = message_memory_new();
    d->out = open_memstream(&output, &output_len);
    play(d, bytes, len);
    fclose(d->out);
    message_memory_free(&d->memory);
    free(d);
    free(bytes);
    return output;
}

static char *data_path(const char *name, const char *suffix)
{
    const char *source = getenv("srcdir");
    char *path;

    if (asprintf(&path, "%s/tests/data/policy/%.*s%s",
            source != NULL ? source : ".", (int)strcspn(name, "."), name,
            suffix) == -1)
        abort();
    return path;
}

static int is_dialogue(const struct dirent *entry)
{
    const char *dot = strchr(entry->d_name, '.');

    return dot != NULL && dot != entry->d_name && strcmp(dot, ".in") == 0;
}

static void check_dialogue(const char *name)
{
    char *in = data_path(name, ".in"), *ref = data_path(name, ".ref");
    char *got = play_file(in), *expected = read_file(ref);

    if (strcmp(got, expected) != 0) {
        print_error("%s: expected\n%sgot\n%s", in, expected, got);
        fail();
    }
    free(in);
    free(ref);
    free(got);
    free(expected);
}

TEST(dialogues_count_what_they_should)
{
    char *folder = data_path("", "");
    struct dirent **entries;
    int count = scandir(folder, &entries, is_dialogue, alphasort);

    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        check_dialogue(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    free(folder);
}

/* Nothing of one request may be left for the next. */
TEST(reset_forgets_everything)
{
    static const char *const names[] = {"client_address", "helo_name",
        "instance", "policy_context", "recipient", "sasl_username", "sender",
        "recipient_count", "size"};
    struct policy_request request = {.state = POLICY_OTHER};

    for (size_t i = 0; i < COUNT(names); i++)
        assert_null(
            policy_request_set(&request, names[i], strlen(names[i]), "7", 1));
    assert_null(policy_request_set(&request, "protocol_state", 14, "RCPT", 4));
    assert_null(
        policy_request_set(&request, "request", 7, "smtpd_access_policy", 19));
    assert_string_equal(request.client_address, "7");
    assert_string_equal(request.helo_name, "7");
    assert_string_equal(request.instance, "7");
    assert_string_equal(request.policy_context, "7");
    assert_string_equal(request.recipient, "7");
    assert_string_equal(request.sasl_username, "7");
    assert_string_equal(request.sender, "7");
    assert_true(request.recipient_count == 7 && request.size == 7);
    assert_true(request.is_policy && request.state == POLICY_RCPT);

    policy_request_reset(&request);
    assert_string_equal(request.client_address, "");
    assert_string_equal(request.helo_name, "");
    assert_string_equal(request.instance, "");
    assert_string_equal(request.policy_context, "");
    assert_string_equal(request.recipient, "");
    assert_string_equal(request.sasl_username, "");
    assert_string_equal(request.sender, "");
    assert_true(request.recipient_count == 0 && request.size == 0);
    assert_true(!request.is_policy && request.state == POLICY_OTHER);
}

RUN_TESTS(NULL, NULL)
