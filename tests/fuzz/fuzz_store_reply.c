/*
 * fuzz_store_reply.c - whatever a Redis answers to all that a store asks of it,
 * each request ends once and in good shape.
 *
 * The server greets well. The first byte of the input says what it is asked
 * then, and the rest is its answer to all of that, sent at once; it hangs up.
 * With ANSWERS_HEARTBEAT that too is answered by the input, before the rest is
 * asked.
 */
#include "common/base/log.h"
#include "common/config/config.h"
#include "common/core/limit.h"
#include "common/store/store_inspect.h"
#include "policyd/message_memory.h"
#include "tests/fuzz/fuzz.h"

#include <event2/event.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURNS_MAX         200
#define ANSWERS_HEARTBEAT 0x80
#define GREETING          "+OK\r\n$40\r\n0123456789012345678901234567890123456789\r\n"
/* The answers to TIME and to the heartbeat itself. */
#define HEARTBEAT \
    "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n" \
    "*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n"

_Static_assert(FACES == 3, "HEARTBEAT has one number and FACES more");

static char path[] = "/tmp/tg-fuzz.XXXXXX/s";
static int listener = -1;
static struct event_base *base;
static struct store *store;
static unsigned waiting; /* requests without an answer */

static void remove_place(void)
{
    (void)unlink(path);
    *strrchr(path, '/') = '\0';
    (void)rmdir(path);
}

static void listen_once(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct error err;

    if (listener != -1)
        return;
    *strrchr(path, '/') = '\0';
    FUZZ_REQUIRE(mkdtemp(path) != NULL);
    path[strlen(path)] = '/';
    (void)atexit(remove_place);
    memcpy(address.sun_path, path, sizeof path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FUZZ_REQUIRE(
        bind(listener, (const struct sockaddr *)&address, sizeof address) == 0);
    FUZZ_REQUIRE(listen(listener, 8) == 0);
    FUZZ_REQUIRE(log_open(
        "file:/dev/null", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR, "fuzz", &err));
}

static void turn(void)
{
    (void)event_base_loop(base, EVLOOP_NONBLOCK);
}

static bool is_available(void)
{
    struct store_state state;

    store_state(store, &state);
    return state.is_available;
}

static void turn_until_available(void)
{
    for (int i = 0; i < TURNS_MAX && !is_available(); i++)
        turn();
}

/* Our end of a connection, while the store works at its own. */
static void wait_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

    for (int i = 0; i < TURNS_MAX && poll(&poll_fd, 1, 0) == 0; i++)
        (void)event_base_loop(base, EVLOOP_ONCE);
    FUZZ_REQUIRE(poll_fd.revents != 0);
}

static void say(int server, const void *bytes, size_t size)
{
    FUZZ_REQUIRE(send(server, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
}

static bool was_asked(int server, const char *command)
{
    char bytes[16384];
    ssize_t len = recv(server, bytes, sizeof bytes, MSG_DONTWAIT);

    FUZZ_REQUIRE(len != 0);
    return len > 0 &&
           memmem(bytes, (size_t)len, command, strlen(command)) != NULL;
}

/* A store that was hung up on may have come again before it was closed. */
static void forget_callers(void)
{
    int caller;

    while ((caller = accept(listener, NULL, NULL)) != -1)
        close(caller);
}

/* The server's end; the store awaits an answer to its heartbeat. */
static int open_store(void)
{
    static char url[64], name[] = "fuzz", prefix[] = "f", empty[] = "";
    struct config config = {.store = url,
        .store_prefix = prefix,
        .store_timeout_ms = 60000,
        .store_username = empty,
        .store_password = empty,
        .instance_name = name,
        .lease_ttl_ms = 3600000};
    struct error err;

    (void)snprintf(url, sizeof url, "redis+unix://%s", path);
    forget_callers();
    base = event_base_new();
    FUZZ_REQUIRE(base != NULL);
    store = store_open(base, NULL, &config, &err);
    FUZZ_REQUIRE(store != NULL);
    wait_readable(listener);
    int server = accept(listener, NULL, NULL);
    FUZZ_REQUIRE(server != -1);
    say(server, GREETING, sizeof GREETING - 1);
    while (!was_asked(server, "EVALSHA"))
        wait_readable(server);
    return server;
}

/* What is asked; one of each kind at most. */
static struct subject subjects[] = {
    {.len = 3, .text = "c=1"}, {.len = 3, .text = "u=b"}};
static struct charge charges[6];
static struct charge looked_into = {
    .kind = CHARGE_LEASE, .subject = &subjects[0], .name = "l"};
static struct store_request request;
static struct store_recall recall;
static struct store_inspection inspection;
static struct store_edict_request edict;
static struct store_board_request board;

static void on_charged(struct store_request *of, enum store_status status)
{
    waiting--;
    if (status != STORE_OK)
        return;
    for (size_t i = 0; i < of->count; i++) {
        FUZZ_REQUIRE(of->charges[i].retry_ms >= CHARGE_NEVER);
        FUZZ_REQUIRE(of->charges[i].refused == (of->charges[i].retry_ms != 0));
    }
}

static void charge_some(size_t count, bool peek)
{
    static const enum charge_kind kinds[] = {
        CHARGE_SLIDING, CHARGE_FIXED, CHARGE_LEASE};

    for (size_t i = 0; i < count; i++)
        charges[i] = (struct charge){.kind = kinds[i % 3],
            .subject = &subjects[i / 3],
            .name = "n",
            .limit = 3,
            .amount = 1,
            .window_ms = i % 3 == 2 ? 0 : 60000};
    request = (struct store_request){.charges = charges,
        .count = count,
        .peek = peek,
        .on_done = on_charged};
    store_charge(store, &request);
}

static void charge_one(void)
{
    charge_some(1, false);
}

static void charge_all(void)
{
    charge_some(sizeof charges / sizeof charges[0], false);
}

static void peek(void)
{
    charge_some(3, true);
}

static void on_recalled(struct store_recall *of, enum store_status status)
{
    waiting--;
    FUZZ_REQUIRE(memchr(of->value, '\0', sizeof of->value) != NULL);
    struct message_seen seen = message_seen_parse(of->value);
    char text[MESSAGE_SEEN_TEXT_SIZE];
    struct message_seen again =
        message_seen_parse(message_seen_format(seen, text));
    FUZZ_REQUIRE(again.is_counted == seen.is_counted);
    FUZZ_REQUIRE(again.recipients == seen.recipients);
}

static void recall_note(void)
{
    recall = (struct store_recall){.on_done = on_recalled};
    store_note_read(store, "1a2.b", &recall);
}

static void on_inspected(struct store_inspection *of, enum store_status status)
{
    waiting--;
    FUZZ_REQUIRE(of->holder_count <= STORE_HOLDERS_MAX);
    for (size_t i = 0; i < of->holder_count; i++) {
        FUZZ_REQUIRE(strlen(of->holders[i].id) == STORE_ID_SIZE - 1);
        FUZZ_REQUIRE(
            i == 0 || of->holders[i - 1].expiry_ms >= of->holders[i].expiry_ms);
    }
}

static void inspect(void)
{
    inspection = (struct store_inspection){
        .charge = &looked_into, .on_done = on_inspected};
    store_read_holders(store, &inspection);
}

static void on_edict(
    struct store_edict_request *of, enum store_edict_result result)
{
    waiting--;
}

static void write_edict(void)
{
    struct error err;

    edict = (struct store_edict_request){.life_ms = 60000, .on_done = on_edict};
    FUZZ_REQUIRE(edict_set_ban(&edict.edict, "192.0.2.0/24", &err));
    store_edict_write(store, &edict);
}

static void on_board(
    struct store_board_request *of, const char *text, size_t len)
{
    FUZZ_REQUIRE(text != NULL && text[len] == '\0');
}

static void on_boards(struct store_board_request *of, enum store_status status)
{
    waiting--;
}

static void read_boards(void)
{
    board = (struct store_board_request){
        .on_board = on_board, .on_done = on_boards};
    store_board_read(store, &board);
}

/* That of polls too: what was heard of bans and overrides. */
static void require_edicts(void)
{
    const struct edict_table *table = store_edicts(store);

    for (unsigned kind = 0; kind < EDICT_KINDS; kind++) {
        size_t count = edict_table_count(table, (enum edict_kind)kind);
        FUZZ_REQUIRE(count <= EDICTS_MAX);
        for (size_t i = 0; i < count; i++) {
            const struct edict *at =
                edict_table_at(table, (enum edict_kind)kind, i);
            FUZZ_REQUIRE(at->kind == (enum edict_kind)kind);
            FUZZ_REQUIRE(edict_table_find(table, at->kind, at->key) == at);
        }
    }
}

static void ask(unsigned what)
{
    static void (*const asks[])(void) = {charge_one, charge_all, peek,
        recall_note, inspect, write_edict, read_boards};
    bool is_charging = false;

    for (unsigned i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        if ((what >> i & 1) == 0 || (i < 3 && is_charging))
            continue;
        is_charging = is_charging || i < 3;
        waiting++;
        asks[i]();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    listen_once();
    int server = open_store();
    if ((data[0] & ANSWERS_HEARTBEAT) == 0) {
        say(server, HEARTBEAT, sizeof HEARTBEAT - 1);
        turn_until_available();
        FUZZ_REQUIRE(is_available());
        ask(data[0]);
        say(server, data + 1, size - 1);
    } else {
        say(server, data + 1, size - 1);
        turn_until_available();
        ask(data[0]);
    }
    (void)shutdown(server, SHUT_WR);
    for (int i = 0; i < TURNS_MAX && (waiting > 0 || is_available()); i++)
        turn();
    FUZZ_REQUIRE(waiting == 0);
    require_edicts();
    store_close(&store);
    close(server);
    event_base_free(base);
    return 0;
}
