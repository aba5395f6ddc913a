/*
 * open_message.c - see open_message.h.
 *
 * Where the message memory is in the store too, what it says there is asked for
 * first (struct farewell), after which the session may be long gone. If nobody
 * answers, what was charged stays. Such connections may have ended on their way
 * to us alone, so smtpd is given a minute to come back on another.
 */
#include "policyd/open_message.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/engine/daemon.h"
#include "policyd/message_ends.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRED_AT_ONCE 100
#define TICK_MS         10000

TAILQ_HEAD(farewell_list, farewell);

struct farewell {
    TAILQ_ENTRY(farewell) link;
    struct farewell_list *list; /* that it is on */
    struct open_messages *owner;
    uint64_t due_ms; /* not asked for before */
    struct receipts receipts;
    struct message_seen seen;
    struct store_recall recall;
    char instance[MESSAGE_INSTANCE_SIZE];
};

struct open_messages {
    struct daemon *daemon;
    struct message_memory *memory;
    bool is_shared;
    size_t receipts; /* of all */
    TAILQ_HEAD(, open_message) all;
    struct farewell_list waiting; /* the oldest first */
    struct farewell_list asked;
    struct event *timer;
    struct message_ends ends;
};

static struct engine *engine_of(const struct open_messages *open)
{
    return daemon_engine(open->daemon);
}

static void open_messages_on_timer(
    evutil_socket_t fd, short events, void *context)
{
    struct open_messages *open = context;

    bool has_more = open_messages_expire(open, clock_coarse_ms());
    if (TAILQ_EMPTY(&open->all) && TAILQ_EMPTY(&open->waiting))
        return;
    struct timeval pause = clock_span(has_more ? 0 : TICK_MS);
    (void)evtimer_add(open->timer, &pause);
}

static void open_messages_tick(struct open_messages *open)
{
    static const struct timeval pause = {.tv_sec = TICK_MS / 1000};

    if (!evtimer_pending(open->timer, NULL))
        (void)evtimer_add(open->timer, &pause);
}

struct open_messages *open_messages_new(
    struct daemon *daemon, struct message_memory *memory)
{
    struct open_messages *open = xcalloc(1, sizeof *open);

    open->daemon = daemon;
    open->memory = memory;
    TAILQ_INIT(&open->all);
    TAILQ_INIT(&open->waiting);
    TAILQ_INIT(&open->asked);
    open->timer =
        evtimer_new(daemon_base(daemon), open_messages_on_timer, open);
    if (open->timer == NULL)
        abort();
    return open;
}

static void farewell_free(struct farewell *farewell)
{
    TAILQ_REMOVE(farewell->list, farewell, link);
    receipts_clear(&farewell->receipts);
    free(farewell);
}

void open_messages_free(struct open_messages **open)
{
    struct farewell *farewell;

    if (*open == NULL)
        return;
    while ((farewell = TAILQ_FIRST(&(*open)->waiting)) != NULL)
        farewell_free(farewell);
    while ((farewell = TAILQ_FIRST(&(*open)->asked)) != NULL) {
        store_recall_cancel(engine_store(engine_of(*open)), &farewell->recall);
        farewell_free(farewell);
    }
    event_free((*open)->timer);
    free(*open);
    *open = NULL;
}

void open_messages_share(struct open_messages *open, bool is_shared)
{
    open->is_shared = is_shared;
}

/* No longer open; its receipts are the caller's. */
static void open_message_close(struct open_messages *open,
    struct open_message *message, struct receipts *receipts_r)
{
    TAILQ_REMOVE(&open->all, message, link);
    open->receipts -= message->receipts.count;
    receipts_move(&message->receipts, receipts_r);
    message->instance[0] = '\0';
}

void open_message_drop(struct open_messages *open, struct open_message *message)
{
    struct receipts receipts;

    if (message->instance[0] == '\0')
        return;
    open_message_close(open, message, &receipts);
    receipts_clear(&receipts);
}

static void forget_message(struct open_messages *open, const char *instance)
{
    const struct message_seen none = {.is_counted = false};
    char text[MESSAGE_SEEN_TEXT_SIZE];

    message_memory_note(open->memory,
        message_memory_hash(open->memory, instance), instance, none,
        clock_coarse_ms());
    if (open->is_shared)
        store_note_write(engine_store(engine_of(open)), instance,
            message_seen_format(none, text));
}

static void farewell_on_recall(
    struct store_recall *recall, enum store_status status)
{
    struct farewell *farewell = recall->context;
    struct open_messages *open = farewell->owner;

    if (status == STORE_OK &&
        message_seen_is_same(
            message_seen_parse(recall->value), farewell->seen)) {
        forget_message(open, farewell->instance);
        receipts_give_back(&farewell->receipts, engine_of(open));
    }
    farewell_free(farewell);
}

static void farewell_put(struct farewell *farewell, struct farewell_list *list)
{
    farewell->list = list;
    TAILQ_INSERT_TAIL(list, farewell, link);
}

static void farewell_ask(struct farewell *farewell)
{
    struct open_messages *open = farewell->owner;

    farewell_put(farewell, &open->asked);
    store_note_read(
        engine_store(engine_of(open)), farewell->instance, &farewell->recall);
}

static struct farewell *farewell_new(
    struct open_messages *open, struct open_message *message)
{
    struct farewell *farewell = xcalloc(1, sizeof *farewell);

    farewell->owner = open;
    farewell->seen = message->seen;
    farewell->recall.on_done = farewell_on_recall;
    farewell->recall.context = farewell;
    memcpy(farewell->instance, message->instance, sizeof farewell->instance);
    open_message_close(open, message, &farewell->receipts);
    return farewell;
}

static bool is_known_as(
    const struct open_messages *open, const struct open_message *message)
{
    struct message_seen found = message_memory_find(open->memory,
        message_memory_hash(open->memory, message->instance), message->instance,
        clock_coarse_ms());

    return message_seen_is_same(found, message->seen);
}

void open_message_over(struct open_messages *open, struct open_message *message)
{
    struct receipts receipts;

    if (message->instance[0] == '\0')
        return;
    if (!is_known_as(open, message)) {
        open_message_drop(open, message);
    } else if (open->is_shared) {
        farewell_ask(farewell_new(open, message));
    } else {
        forget_message(open, message->instance);
        open_message_close(open, message, &receipts);
        receipts_give_back(&receipts, engine_of(open));
    }
}

void open_message_on_close(
    struct open_messages *open, struct open_message *message, uint64_t now_ms)
{
    if (!open->is_shared) {
        open_message_over(open, message);
    } else if (message->instance[0] != '\0') {
        struct farewell *farewell = farewell_new(open, message);
        farewell->due_ms = now_ms + OPEN_MESSAGE_PAUSE_MS;
        farewell_put(farewell, &open->waiting);
        open_messages_tick(open);
    }
}

void open_message_on_request(struct open_messages *open,
    struct open_message *message, const struct policy_request *request,
    uint64_t now_ms)
{
    message_ends_note(&open->ends, request, now_ms);
    if (message->instance[0] != '\0' &&
        strcmp(message->instance, request->instance) != 0)
        open_message_over(open, message);
}

static void open_message_begin(struct open_messages *open,
    struct open_message *message, const char *instance,
    struct message_seen seen, uint64_t now_ms)
{
    memcpy(message->instance, instance, strlen(instance) + 1);
    message->seen = seen;
    message->opened_ms = now_ms;
    TAILQ_INSERT_TAIL(&open->all, message, link);
    open_messages_tick(open);
}

/* As far as is known, or said. The decision has no configuration yet if this
 * connection has only asked about what counts nothing. */
static enum policy_state last_state(const struct open_messages *open,
    const struct policy_request *request, uint64_t now_ms)
{
    const struct config *config = engine_config(engine_of(open));

    if (config->unsent_messages == UNSENT_KEEP)
        return POLICY_OTHER;
    if (config->unsent_messages == UNSENT_REFUND)
        return POLICY_END_OF_MESSAGE;
    return message_ends_state(&open->ends, request, now_ms);
}

bool open_message_on_pass(struct open_messages *open,
    struct open_message *message, const struct policy_request *request,
    const struct decision *decision, struct message_seen seen,
    uint64_t asked_ms)
{
    bool is_open = message->instance[0] != '\0';

    if (request->state == POLICY_END_OF_MESSAGE ||
        (request->state == POLICY_DATA &&
            last_state(open, request, asked_ms) == POLICY_DATA)) {
        open_message_drop(open, message);
        return true;
    }
    if (is_open)
        message->seen = seen;
    const uint32_t *amount = decision->event.amount;
    if ((amount[EVENT_MESSAGE] | amount[EVENT_RECIPIENT]) == 0 ||
        decision->bill.count == 0 || request->instance[0] == '\0' ||
        open->receipts >= OPEN_RECEIPTS_MAX ||
        (!is_open && last_state(open, request, asked_ms) == POLICY_OTHER))
        return false;
    size_t before = message->receipts.count;
    receipts_add(&message->receipts, decision, asked_ms);
    if (!is_open && message->receipts.count > 0)
        open_message_begin(open, message, request->instance, seen, asked_ms);
    open->receipts += message->receipts.count - before;
    return false;
}

bool open_messages_expire(struct open_messages *open, uint64_t now_ms)
{
    struct open_message *oldest;
    struct farewell *farewell;
    unsigned left = EXPIRED_AT_ONCE;

    while (left > 0 && (oldest = TAILQ_FIRST(&open->all)) != NULL &&
           now_ms >= oldest->opened_ms + OPEN_MESSAGE_MS) {
        open_message_over(open, oldest);
        left--;
    }
    while (left > 0 && (farewell = TAILQ_FIRST(&open->waiting)) != NULL &&
           now_ms >= farewell->due_ms) {
        TAILQ_REMOVE(farewell->list, farewell, link);
        farewell_ask(farewell);
        left--;
    }
    return left == 0;
}
