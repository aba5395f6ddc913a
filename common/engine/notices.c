/*
 * notices.c - see notices.h.
 *
 * One thing at a time: the entry that is due first is asked about at the
 * store, or told to the helper, and the next one has its turn when the answer
 * is there.
 */
#include "common/engine/notices.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/base/hash.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/certs/command.h"
#include "common/engine/notice_helper.h"
#include "common/engine/notice_table.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACE_MS  1000  /* from one message to the next */
#define RETRY_MS 60000 /* after one that failed */
#define SAID_MS  60000 /* the same trouble is logged once in this time */
/* For the helper's reply: another daemon's command may come first. */
#define PATIENCE_MS (2 * NOTICE_TIMEOUT_MS + 10000)
#define LOOK_MS     100  /* until another daemon has taken its reply */
#define ORPHANED_MS 2000 /* whose reply lies for so long is gone */

/* Troubles that are logged. */
enum { SAID_FAILURE, SAID_FULL, SAIDS };

struct notices {
    struct store *store;
    struct metrics *metrics;
    int fd; /* -1: there is no helper */
    struct hash_key hash_key;
    struct notice_table *table;
    struct event *timer, *readable;
    struct store_tell tell;
    struct notice_entry *asking;  /* the store; NULL: no question is open */
    struct notice_entry *telling; /* the helper */
    uint32_t telling_count;
    uint32_t serial;           /* of the last request */
    uint64_t patience_ms;      /* until then its reply is awaited */
    struct notice_reply other; /* another daemon's, that is the next to read */
    uint64_t other_ms;         /* since when it is seen */
    uint64_t paced_ms;         /* no message before */
    uint64_t said_ms[SAIDS];   /* when it was logged last; 0: never */
};

static void complain(struct notices *notices, unsigned which, const char *text)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t *said_ms = &notices->said_ms[which];

    if (*said_ms != 0 && now_ms < *said_ms + SAID_MS)
        return;
    *said_ms = now_ms;
    log_error("notify: %s", text);
}

static bool is_shared(const struct notices *notices)
{
    return store_is_shared(notices->store);
}

static void set_timer(struct notices *notices, uint64_t ms)
{
    const struct timeval after = clock_span(ms);

    evtimer_add(notices->timer, &after);
}

/* Goes on with what is due next, later and from the loop. */
static void go_on(struct notices *notices)
{
    const struct notice_entry *next = notice_table_next(notices->table);
    uint64_t now_ms = clock_monotonic_ms();

    if (next == NULL || notices->asking != NULL || notices->telling != NULL)
        return;
    uint64_t due_ms = next->due_ms;
    if (next->told > 0 && due_ms < notices->paced_ms)
        due_ms = notices->paced_ms;
    set_timer(notices, due_ms > now_ms ? due_ms - now_ms : 0);
}

/* The store does not answer: who has not heard that it was told, tells. */
static void tell_alone(struct notice_entry *entry, uint64_t now_ms)
{
    if (now_ms < entry->until_ms || entry->count == 0)
        return;
    entry->told += entry->count;
    entry->count = 0;
    entry->until_ms = now_ms + entry->notice.every_ms;
}

static void on_tell(struct store_tell *tell, enum store_status status)
{
    struct notices *notices = tell->context;
    struct notice_entry *entry = notices->asking;
    uint64_t now_ms = clock_monotonic_ms();

    notices->asking = NULL;
    if (status == STORE_OK) {
        entry->count -= tell->count;
        entry->told += tell->told;
        entry->until_ms = now_ms + tell->wait_ms;
        entry->is_left = tell->is_left;
    } else {
        tell_alone(entry, now_ms);
    }
    notice_entry_schedule(entry, is_shared(notices), now_ms);
    go_on(notices);
}

static void ask_store(struct notices *notices, struct notice_entry *entry)
{
    notices->asking = entry;
    notices->tell = (struct store_tell){.count = entry->count,
        .every_ms = entry->notice.every_ms,
        .on_done = on_tell,
        .context = notices};
    store_tell(notices->store, entry->note, &notices->tell);
}

static void fail(
    struct notices *notices, struct notice_entry *entry, const char *problem)
{
    notices->metrics->notices[NOTICES_FAILED]++;
    entry->due_ms = clock_monotonic_ms() + RETRY_MS;
    complain(notices, SAID_FAILURE, problem);
    go_on(notices);
}

static void lose_helper(struct notices *notices)
{
    event_free(notices->readable);
    notices->readable = NULL;
    close(notices->fd);
    notices->fd = -1;
}

static void end_telling(struct notices *notices, const char *problem)
{
    struct notice_entry *entry = notices->telling;
    uint64_t now_ms = clock_monotonic_ms();

    notices->telling = NULL;
    notices->paced_ms = now_ms + PACE_MS;
    if (problem[0] != '\0') {
        fail(notices, entry, problem);
        return;
    }
    notices->metrics->notices[NOTICES_SENT]++;
    entry->told -= notices->telling_count;
    notice_entry_schedule(entry, is_shared(notices), now_ms);
    go_on(notices);
}

/* For one event of the helper's socket. */
static void await_reply(struct notices *notices)
{
    uint64_t now_ms = clock_monotonic_ms();
    const struct timeval left = clock_span(
        notices->patience_ms > now_ms ? notices->patience_ms - now_ms : 1);

    event_add(notices->readable, &left);
}

static bool is_of(
    const struct notice_reply *reply, pid_t owner, uint32_t serial)
{
    return reply->owner == owner && reply->serial == serial;
}

/* Has it lain there for so long that nobody will take it? */
static bool is_orphaned(
    struct notices *notices, const struct notice_reply *reply)
{
    uint64_t now_ms = clock_monotonic_ms();

    if (reply->owner == getpid())
        return true;
    if (is_of(reply, notices->other.owner, notices->other.serial))
        return now_ms >= notices->other_ms + ORPHANED_MS;
    notices->other = *reply;
    notices->other_ms = now_ms;
    return false;
}

/* What was looked at; the other daemon may have taken it meanwhile. */
static void take_reply(struct notices *notices)
{
    struct notice_reply reply;

    if (recv(notices->fd, &reply, sizeof reply, MSG_DONTWAIT) !=
            (ssize_t)sizeof reply ||
        !is_of(&reply, getpid(), notices->serial)) {
        await_reply(notices);
        return;
    }
    reply.problem[sizeof reply.problem - 1] = '\0';
    end_telling(notices, reply.problem);
}

/* Read only while a reply is awaited: during a hand-over another daemon has
 * the same socket, and its replies are left for it. */
static void on_readable(evutil_socket_t fd, short what, void *context)
{
    struct notices *notices = context;
    struct notice_reply reply;

    if ((what & EV_TIMEOUT) != 0) {
        end_telling(notices, "the helper does not answer");
        return;
    }
    ssize_t got = recv(fd, &reply, sizeof reply, MSG_DONTWAIT | MSG_PEEK);
    if (got == -1 && (errno == EAGAIN || errno == EINTR)) {
        await_reply(notices);
    } else if (got != (ssize_t)sizeof reply) {
        lose_helper(notices);
        end_telling(notices, "the helper has ended; stop the daemon and "
                             "start it");
    } else if (is_of(&reply, getpid(), notices->serial) ||
               is_orphaned(notices, &reply)) {
        take_reply(notices);
    } else {
        set_timer(notices, LOOK_MS);
    }
}

static void ask_helper(struct notices *notices, struct notice_entry *entry)
{
    struct notice_request request = {.owner = getpid(),
        .serial = ++notices->serial,
        .notice = entry->notice};

    if (notices->fd == -1) {
        fail(
            notices, entry, "there is no helper; stop the daemon and start it");
        return;
    }
    memcpy(request.argv_digest, entry->argv_digest, sizeof request.argv_digest);
    request.notice.count = entry->told;
    if (send(notices->fd, &request, sizeof request,
            MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)sizeof request) {
        fail(notices, entry, strerror(errno));
        return;
    }
    notices->telling = entry;
    notices->telling_count = entry->told;
    notices->patience_ms = clock_monotonic_ms() + PATIENCE_MS;
    await_reply(notices);
}

/* The other daemon has had time to take its reply. */
static void look_again(struct notices *notices)
{
    if (clock_monotonic_ms() < notices->patience_ms)
        await_reply(notices);
    else
        end_telling(notices, "the helper does not answer");
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct notices *notices = context;
    struct notice_entry *next = notice_table_next(notices->table);
    uint64_t now_ms = clock_monotonic_ms();

    if (notices->telling != NULL) {
        look_again(notices);
        return;
    }
    if (next == NULL || notices->asking != NULL)
        return;
    if (next->due_ms > now_ms || (next->told > 0 && now_ms < notices->paced_ms))
        go_on(notices);
    else if (next->told > 0)
        ask_helper(notices, next);
    else
        ask_store(notices, next);
}

struct notices *notices_new(struct event_base *base, struct store *store,
    struct metrics *metrics, int fd)
{
    struct notices *notices = xcalloc(1, sizeof *notices);

    notices->store = store;
    notices->metrics = metrics;
    notices->fd = fd;
    notices->table = notice_table_new();
    hash_key_init(&notices->hash_key);
    notices->timer = evtimer_new(base, on_timer, notices);
    if (fd != -1)
        notices->readable = event_new(base, fd, EV_READ, on_readable, notices);
    return notices;
}

void notices_free(struct notices **notices)
{
    if (*notices == NULL)
        return;
    if ((*notices)->asking != NULL)
        store_tell_cancel((*notices)->store, &(*notices)->tell);
    if ((*notices)->fd != -1)
        lose_helper(*notices);
    event_free((*notices)->timer);
    notice_table_free(&(*notices)->table);
    free(*notices);
    *notices = NULL;
}

/* What tells two keys apart, here and in the store: a text. */
#define NAME_SIZE (SUBJECT_SIZE + 64)

static size_t write_name(const struct decision *decision,
    const struct refusal *refusal, enum notice_kind kind, char name[NAME_SIZE])
{
    struct subject own;
    const struct subject *subject = refusal->subject;

    if (subject == NULL) {
        limit_subject(refusal->limit->key, &decision->event,
            decision->service_title, refusal->limit->prefixes, &own);
        subject = &own;
    }
    int len = snprintf(name, NAME_SIZE, "%s|%s|%s", notice_kind_name(kind),
        refusal->limit->store_name, subject->text);
    assert(len > 0 && len < NAME_SIZE);
    return (size_t)len;
}

static void write_note(struct notice_entry *entry, const char *name, size_t len)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[33];

    if (EVP_Digest(name, len, digest, NULL, EVP_sha256(), NULL) != 1)
        abort();
    (void)hex_write(hex, digest, 16);
    (void)snprintf(entry->note, sizeof entry->note, "tell:%s", hex);
}

static void write_text(char *out, size_t size, const char *text)
{
    (void)log_escape(out, size, text, strlen(text));
}

static int64_t until_of(const struct refusal *refusal, int64_t now_s)
{
    if (refusal->retry_ms == CHARGE_NEVER)
        return -1;
    return refusal->retry_ms == 0 ? 0
                                  : now_s + (refusal->retry_ms + 999) / 1000;
}

static void fill(struct notice_entry *entry, const struct decision *decision,
    const struct refusal *refusal, enum notice_kind kind)
{
    const struct limit *limit = refusal->limit;
    struct notice *notice = &entry->notice;
    char key[LIMIT_KEY_TEXT_SIZE];

    *notice = (struct notice){.kind = kind,
        .used = refusal->used,
        .allowed = refusal->allowed,
        .window_ms = limit->kind == LIMIT_RATE ? refusal->window_ms : 0,
        .every_ms = limit->notify_every_ms,
        .at_s = clock_wall_s()};
    notice->until_s = until_of(refusal, notice->at_s);
    write_text(notice->limit, sizeof notice->limit, limit->name);
    write_text(notice->key, sizeof notice->key,
        decision_key_text(decision, limit, key));
    write_text(
        notice->client, sizeof notice->client, decision->event.client_text);
    write_text(
        notice->login, sizeof notice->login, decision->event.sasl_username);
    command_digest(limit->notify, entry->argv_digest);
}

void notices_note(struct notices *notices, const struct decision *decision,
    const struct refusal *refusal, enum notice_kind kind)
{
    char name[NAME_SIZE];
    uint64_t now_ms = clock_monotonic_ms();
    size_t len = write_name(decision, refusal, kind, name);
    struct notice_entry *entry = notice_table_get(
        notices->table, hash_bytes(&notices->hash_key, name, len), now_ms);

    if (entry == NULL) {
        notices->metrics->notices[NOTICES_DROPPED]++;
        complain(notices, SAID_FULL,
            "more keys are refused than can be told "
            "of; some are left out");
        return;
    }
    if (entry->note[0] == '\0')
        write_note(entry, name, len);
    uint64_t due_ms = entry->due_ms;
    if (entry->count == 0)
        fill(entry, decision, refusal, kind);
    notice_entry_see(entry, is_shared(notices), now_ms);
    if (entry->due_ms != due_ms)
        go_on(notices);
}
