/*
 * test_redis_orphans.c - requests that are given up, whatever the servers say
 * and whenever: what the request borrowed is freed at once, and given to a
 * stranger.
 *
 * The servers are scripted, so that each state is reached, and not only with
 * luck. A sanitizer sees reading after the free; without one the stranger's
 * name in a command shows it.
 */
#include "tests/unit/fake_redis.h"
#include "tests/unit/unit.h"

#include "common/base/clock.h"
#include "common/config/config.h"
#include "common/redis/slot.h"
#include "common/store/store.h"

#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So long as a server does not answer, where it never does; elsewhere what a
 * busy machine does not take. */
#define NEVER_MS    150
#define TIMEOUT_MS  10000
#define TRIES_MAX   20
#define WAITING_MAX 8
#define TEXT_SIZE   64

enum answer {
    ANSWER_PASSES,
    ANSWER_REFUSES,
    ANSWER_MOVED,      /* to the other node */
    ANSWER_MOVED_AWAY, /* to one that is not connected yet */
    ANSWER_ASK,
    ANSWER_ASK_AWAY,
    ANSWER_DIVIDED,
    ANSWER_NO_SCRIPT,
    ANSWER_FULL, /* of memory */
    ANSWER_NEVER,
    ANSWER_END, /* of the connection */
    ANSWERS,
};

enum when {
    WHEN_SENT,
    WHEN_FIRST_ANSWERED, /* sent again, parked, or ended */
    WHENS,
};

enum place {
    PLACE_ONE,   /* a server, a Cluster's or not; all charges in one call */
    PLACE_ALONE, /* plain Redis */
    PLACE_TWO,   /* two subjects, on two masters */
    PLACES,
};

struct stage;

struct node {
    struct fake_redis fake;
    struct stage *stage;
    size_t waiting; /* charges that have no answer yet */
    char modes[WAITING_MAX][8];
    bool is_deaf; /* keeps its greeting back */
    bool is_mute;
};

struct stage {
    struct event_base *base;
    struct fake_redis map;
    struct node nodes[2], away;
    char tags[2][TEXT_SIZE], notes[2][TEXT_SIZE];
    char prefix[4], empty[1], name[8], url[64];
    unsigned charges_seen, refunds_seen;
    char refunded[2 * TEXT_SIZE]; /* the last key */
};

/* What a session and a snapshot of the configuration lend. */
struct lent {
    struct store_request request;
    struct charge charges[3];
    struct subject *subjects[2];
    char *names[3];
    unsigned answers;
};

#define UNTIL(s, condition) \
    do { \
        uint64_t give_up_ms = clock_monotonic_ms() + 20000; \
        while (!(condition)) { \
            assert_true(clock_monotonic_ms() < give_up_ms); \
            turn(s); \
        } \
    } while (0)

static void turn(struct stage *s)
{
    static const struct timeval tick = {.tv_usec = 1000};
    (void)event_base_loopexit(s->base, &tick);
    (void)event_base_dispatch(s->base);
}

/* Commands are answered in order: after a charge that waits, all wait. */
static void say(struct node *node, const char *bytes)
{
    if (node->waiting > 0 || node->is_deaf || node->is_mute)
        fake_redis_hold(&node->fake, bytes, strlen(bytes));
    else
        fake_redis_send(&node->fake, bytes, strlen(bytes));
}

static const char *modes_of(const redisReply *command, size_t *count_r)
{
    if (command->elements < 4 ||
        strcmp(command->element[0]->str, "EVALSHA") != 0)
        return NULL;
    *count_r = strtoul(command->element[2]->str, NULL, 10);
    return command->element[3 + *count_r]->str;
}

/* used, retry of each, and the moment; or what is shorter for "it passes". */
static void say_numbers(struct node *node, const char *modes, bool passes)
{
    char bytes[256];
    size_t count = strlen(modes) - 1;
    bool is_receipt = modes[0] == 'r';
    bool is_short = passes && !is_receipt;
    int len = 0;
    if (!is_short || count > 1)
        len = snprintf(bytes, sizeof bytes, "*%zu\r\n",
            (is_short ? count : 2 * count) + is_receipt);
    for (size_t i = 0; i < count; i++) {
        bool refuses = !passes && i == 0;
        len += snprintf(bytes + len, sizeof bytes - (size_t)len, ":1\r\n%s",
            is_short  ? ""
            : refuses ? ":1000\r\n"
                      : ":0\r\n");
    }
    if (is_receipt)
        (void)snprintf(
            bytes + len, sizeof bytes - (size_t)len, ":1700000000000\r\n");
    say(node, bytes);
}

static void note_keys(
    struct stage *s, const redisReply *command, size_t count, bool is_refund)
{
    for (size_t i = 0; i < count; i++) {
        const char *key = command->element[3 + i]->str;
        assert_null(strstr(key, "stranger"));
        if (!is_refund)
            continue;
        s->refunds_seen++;
        (void)snprintf(s->refunded, sizeof s->refunded, "%s", key);
    }
}

static bool on_command(struct fake_redis *fake, const redisReply *command)
{
    struct node *node = fake->context;
    size_t count;
    const char *name = command->element[0]->str;
    const char *modes = modes_of(command, &count);
    if (modes == NULL) {
        say(node, strcmp(name, "SCRIPT") == 0 ? "$40\r\n" FAKE_SHA "\r\n"
                  : strcmp(name, "EVAL") == 0 ? "$1\r\n0\r\n"
                                              : "+OK\r\n");
        return true;
    }
    note_keys(node->stage, command, count, modes[0] == 'u');
    if (strchr(modes, 's') == NULL || modes[0] == 'u') {
        say_numbers(node, modes, true);
        return true;
    }
    assert_true(node->waiting < WAITING_MAX && strlen(modes) < 8);
    memcpy(node->modes[node->waiting++], modes, strlen(modes) + 1);
    node->stage->charges_seen++;
    return true;
}

static bool on_map_command(struct fake_redis *fake, const redisReply *command)
{
    const struct stage *s = fake->context;
    char bytes[256];
    if (strcmp(command->element[0]->str, "CLUSTER") != 0)
        return false;
    int len = snprintf(bytes, sizeof bytes,
        "*2\r\n*3\r\n:0\r\n:8191\r\n*2\r\n$9\r\n127.0.0.1\r\n:%u\r\n"
        "*3\r\n:8192\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%u\r\n",
        (unsigned)s->nodes[0].fake.port, (unsigned)s->nodes[1].fake.port);
    fake_redis_send(fake, bytes, (size_t)len);
    return true;
}

/* The oldest charge that waits there has its answer, and what waits behind it
 * too. */
static void answer(struct node *node, enum answer how)
{
    struct stage *s = node->stage;
    const struct node *other = &s->nodes[node == &s->nodes[0]];
    char modes[8], bytes[80], held[sizeof node->fake.held];
    size_t held_len = node->fake.held_len;
    assert_true(node->waiting > 0);
    memcpy(modes, node->modes[0], sizeof modes);
    memcpy(held, node->fake.held, held_len);
    if (how == ANSWER_NEVER) {
        node->is_mute = true;
        return;
    }
    memmove(node->modes[0], node->modes[1],
        --node->waiting * sizeof node->modes[0]);
    if (how == ANSWER_END) {
        node->waiting = 0;
        fake_redis_hang_up(&node->fake);
        return;
    }
    size_t still_waiting = node->waiting;
    node->waiting = 0;
    node->fake.held_len = 0;
    bool is_away = how == ANSWER_MOVED_AWAY || how == ANSWER_ASK_AWAY;
    switch (how) {
    case ANSWER_PASSES:
    case ANSWER_REFUSES:
        say_numbers(node, modes, how == ANSWER_PASSES);
        break;
    case ANSWER_DIVIDED:
        say(node, "-TRYAGAIN two masters\r\n");
        break;
    case ANSWER_NO_SCRIPT:
        say(node, "-NOSCRIPT none\r\n");
        break;
    case ANSWER_FULL:
        say(node, "-OOM full\r\n");
        break;
    default:
        (void)snprintf(bytes, sizeof bytes, "-%s %u 127.0.0.1:%u\r\n",
            how == ANSWER_MOVED || how == ANSWER_MOVED_AWAY ? "MOVED" : "ASK",
            redis_slot_of_tag(s->tags[0], strlen(s->tags[0])),
            (unsigned)(is_away ? s->away.fake.port : other->fake.port));
        say(node, bytes);
    }
    if (still_waiting == 0)
        fake_redis_send(&node->fake, held, held_len);
    else
        fake_redis_hold(&node->fake, held, held_len);
    node->waiting = still_waiting;
}

static void node_start(struct stage *s, struct node *node)
{
    fake_redis_start(&node->fake, s->base, true);
    node->stage = s;
    node->fake.on_command = on_command;
    node->fake.context = node;
}

/* A text whose slot is the node's. */
static void choose_tag(char text[TEXT_SIZE], const char *begin, size_t node)
{
    for (unsigned i = 0;; i++) {
        int len = snprintf(text, TEXT_SIZE, "%s%u", begin, i);
        if (redis_slot_of_tag(text, (size_t)len) / 8192 == node)
            return;
    }
}

static int setup(void **state)
{
    struct stage *s = calloc(1, sizeof *s);
    *state = s;
    s->base = event_base_new();
    fake_redis_start(&s->map, s->base, true);
    s->map.on_command = on_map_command;
    s->map.context = s;
    for (size_t i = 0; i < COUNT(s->nodes); i++) {
        node_start(s, &s->nodes[i]);
        choose_tag(s->tags[i], "a=198.51.100.", i);
        choose_tag(s->notes[i], "n|", i);
    }
    node_start(s, &s->away);
    memcpy(s->prefix, "t", 2);
    memcpy(s->name, "a test", sizeof "a test");
    return 0;
}

static int teardown(void **state)
{
    struct stage *s = *state;
    for (size_t i = 0; i < COUNT(s->nodes); i++)
        fake_redis_stop(&s->nodes[i].fake);
    fake_redis_stop(&s->away.fake);
    fake_redis_stop(&s->map);
    event_base_free(s->base);
    free(s);
    return 0;
}

static bool is_available(const struct store *store)
{
    struct store_state state;
    store_state(store, &state);
    return state.is_available;
}

static struct store *open_store(
    struct stage *s, enum place place, uint32_t timeout_ms)
{
    struct error err;
    struct config config = {
        .store = s->url,
        .store_prefix = s->prefix,
        .store_timeout_ms = timeout_ms,
        .store_username = s->empty,
        .store_password = s->empty,
        .instance_name = s->name,
        .lease_ttl_ms = 3600000,
    };
    bool is_plain = place == PLACE_ALONE;
    (void)snprintf(s->url, sizeof s->url, "%s://127.0.0.1:%u",
        is_plain ? "redis" : "redis+cluster",
        (unsigned)(is_plain ? s->nodes[0].fake.port : s->map.port));
    struct store *store = store_open(s->base, NULL, &config, &err);
    assert_non_null(store);
    UNTIL(s, is_available(store));
    return store;
}

static void on_done(struct store_request *request, enum store_status status)
{
    struct lent *lent = request->context;
    lent->answers++;
}

static char *heap_text(const char *text)
{
    return memcpy(malloc(strlen(text) + 1), text, strlen(text) + 1);
}

static void lend(struct stage *s, struct lent *lent, enum place place)
{
    static const char *const names[] = {"rate", "conn", "other"};
    *lent = (struct lent){0};
    lent->request = (struct store_request){.charges = lent->charges,
        .count = place == PLACE_TWO ? 3 : 2,
        .on_done = on_done,
        .context = lent};
    for (size_t i = 0; i < COUNT(lent->subjects); i++) {
        lent->subjects[i] = calloc(1, sizeof *lent->subjects[i]);
        lent->subjects[i]->len = (uint8_t)strlen(s->tags[i]);
        memcpy(lent->subjects[i]->text, s->tags[i], TEXT_SIZE);
    }
    for (size_t i = 0; i < COUNT(lent->charges); i++) {
        lent->names[i] = heap_text(names[i]);
        lent->charges[i] = (struct charge){
            .kind = i == 1 ? CHARGE_LEASE : CHARGE_SLIDING,
            .subject = lent->subjects[i / 2],
            .name = lent->names[i],
            .limit = 5,
            .amount = 1,
            .window_ms = i == 1 ? 0 : 60000,
        };
    }
}

static void take_back(struct lent *lent)
{
    for (size_t i = 0; i < COUNT(lent->subjects); i++)
        free(lent->subjects[i]);
    for (size_t i = 0; i < COUNT(lent->names); i++)
        free(lent->names[i]);
}

/* The session ends, and the snapshot after a reload; somebody else has the
 * memory now. */
static void give_up(struct store *store, struct lent *lent)
{
    store_cancel(store, &lent->request);
    for (size_t i = 0; i < COUNT(lent->subjects); i++) {
        lent->subjects[i]->len = sizeof "a=stranger" - 1;
        memcpy(lent->subjects[i]->text, "a=stranger", sizeof "a=stranger");
    }
    for (size_t i = 0; i < COUNT(lent->names); i++)
        lent->names[i][0] = '?';
    memset(lent->charges, 0xff, sizeof lent->charges);
#ifdef __SANITIZE_ADDRESS__
    take_back(lent);
    memset(lent->subjects, 0, sizeof lent->subjects);
    memset(lent->names, 0, sizeof lent->names);
#endif
}

static void on_recalled(struct store_recall *recall, enum store_status status)
{
    bool *is_done = recall->context;
    *is_done = true;
}

/* What was said before has arrived, or the server is given up. */
static void settle(struct stage *s, struct store *store, size_t node)
{
    bool is_done = false;
    struct store_recall recall = {.on_done = on_recalled, .context = &is_done};
    store_note_read(store, s->notes[node] + 2, &recall);
    UNTIL(s, is_done);
}

static bool is_sent_again(enum answer how)
{
    return how == ANSWER_MOVED || how == ANSWER_ASK || how == ANSWER_DIVIDED ||
           how == ANSWER_NO_SCRIPT;
}

/* The request is where the answer leads it, or its time is over. */
static void follow(struct stage *s, struct store *store,
    const struct lent *lent, enum place place, enum answer how)
{
    unsigned charges = place == PLACE_TWO ? 2 : 1;
    bool is_away = how == ANSWER_MOVED_AWAY || how == ANSWER_ASK_AWAY;
    bool is_plain = place == PLACE_ALONE;
    if (is_away && !is_plain)
        UNTIL(s, s->away.fake.held_len > 0 || lent->answers > 0);
    else if (is_sent_again(how) && (!is_plain || how >= ANSWER_DIVIDED))
        UNTIL(s, s->charges_seen > charges || lent->answers > 0);
    else if (how <= ANSWER_REFUSES)
        settle(s, store, 0);
    else
        UNTIL(s, !is_available(store));
}

static void answer_all(struct node *node)
{
    while (node->waiting > 0 && !node->is_mute)
        answer(node, ANSWER_PASSES);
}

static void clear(struct node *node)
{
    fake_redis_hang_up(&node->fake);
    node->waiting = 0;
    node->is_mute = false;
}

static void check_refunds(const struct stage *s, enum place place,
    enum answer first, enum answer second)
{
    char expected[2 * TEXT_SIZE];
    size_t charged = first == ANSWER_PASSES ? 0 : 1;
    bool is_due = place == PLACE_TWO && first != second &&
                  first <= ANSWER_REFUSES && second <= ANSWER_REFUSES;
    if (!is_due)
        return;
    (void)snprintf(expected, sizeof expected, "t:{%s}s%s", s->tags[charged],
        charged == 0 ? "rate" : "other");
    assert_int_equal(s->refunds_seen, 1);
    assert_string_equal(s->refunded, expected);
}

static void leave(struct stage *s, struct store *store, struct lent *lent)
{
    for (size_t i = 0; i < COUNT(s->nodes); i++)
        clear(&s->nodes[i]);
    clear(&s->away);
    /* That none of them waits for the farewell. */
    for (size_t i = 0; i < COUNT(s->nodes); i++)
        settle(s, store, i);
    store_close(&store);
    take_back(lent);
}

/* A charge that has come to its servers. On a busy machine NEVER_MS may be
 * over before: then it is tried again. */
static struct store *send_charge(
    struct stage *s, struct lent *lent, enum place place, uint32_t timeout_ms)
{
    size_t parts = place == PLACE_TWO ? 2 : 1;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        struct store *store = open_store(s, place, timeout_ms);
        s->charges_seen = s->refunds_seen = 0;
        lend(s, lent, place);
        store_charge(store, &lent->request);
        UNTIL(s, s->charges_seen == parts || lent->answers > 0);
        if (lent->answers == 0)
            return store;
        leave(s, store, lent);
    }
    fail_msg("the charge did not come to its servers");
    return NULL;
}

static void play(struct stage *s, enum place place, enum when when,
    enum answer first, enum answer second)
{
    struct lent lent;
    struct store_state state;
    bool is_mute =
        first == ANSWER_NEVER || (place == PLACE_TWO && second == ANSWER_NEVER);
    struct store *store =
        send_charge(s, &lent, place, is_mute ? NEVER_MS : TIMEOUT_MS);
    unsigned parts = s->charges_seen;
    s->away.is_deaf = true;
    if (when == WHEN_SENT)
        give_up(store, &lent);
    answer(&s->nodes[0], first);
    if (when == WHEN_FIRST_ANSWERED) {
        follow(s, store, &lent, place, first);
        /* Alone it has its answer. */
        bool is_over = lent.request.pending == NULL;
        give_up(store, &lent);
        assert_true(is_over == (lent.answers == 1));
    }
    unsigned answers = lent.answers, sent = s->charges_seen;
    if (parts == 2)
        answer(&s->nodes[1], second);
    s->away.is_deaf = false;
    if (s->away.fake.peer != NULL)
        fake_redis_release(&s->away.fake);
    for (size_t i = 0; i < (place == PLACE_ALONE ? 1 : 2); i++) {
        answer_all(&s->nodes[i]);
        settle(s, store, i);
    }
    assert_int_equal(lent.answers, answers);
    assert_int_equal(s->charges_seen, sent);
    check_refunds(s, place, first, second);
    store_state(store, &state);
    assert_int_equal(state.leases, lent.answers == 1 && first == 0 ? 1 : 0);
    leave(s, store, &lent);
}

static void play_all(struct stage *s, enum place place, enum when when)
{
    enum answer seconds = place == PLACE_TWO ? ANSWERS : 1;
    for (enum answer first = 0; first < ANSWERS; first++)
        for (enum answer second = 0; second < seconds; second++)
            play(s, place, when, first, second);
}

TEST_WITH(setup, teardown, given_up_when_sent)
{
    for (enum place place = 0; place < PLACES; place++)
        play_all(*state, place, WHEN_SENT);
}

TEST_WITH(setup, teardown, given_up_at_the_first_answer)
{
    for (enum place place = 0; place < PLACES; place++)
        play_all(*state, place, WHEN_FIRST_ANSWERED);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    return run_all_tests(NULL, NULL);
}
