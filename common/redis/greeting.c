/*
 * greeting.c - AUTH, SELECT, CLIENT SETNAME, ROLE, SCRIPT LOAD, all in one
 * write.
 *
 * Any refusal ends the link, but that of the name counts only if it says that
 * all else will be refused too. It is tried again after the usual pause,
 * because a password or a right may be mended on the server. The reason never
 * holds the password.
 */
#include "common/redis/connection_internal.h"

#include "common/base/clock.h"

#include <assert.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static const char *const step_names[] = {
    [REDIS_STEP_CALL] = "a call",
    [REDIS_STEP_AUTH] = "AUTH",
    [REDIS_STEP_SELECT] = "SELECT",
    [REDIS_STEP_NAME] = "CLIENT SETNAME",
    [REDIS_STEP_ROLE] = "ROLE",
    [REDIS_STEP_SCRIPT] = "SCRIPT LOAD",
};

static void connection_send_step(struct redis_connection *conn,
    enum redis_step step, int argc, const char *const *argv)
{
    size_t lens[3];
    assert(argc <= 3);
    for (int i = 0; i < argc; i++)
        lens[i] = strlen(argv[i]);
    if (!redis_outbox_add(conn->outbox, argc, argv, lens) ||
        redis_pipeline_push(&conn->pipeline, step, clock_monotonic_ms()) ==
            NULL)
        abort();
    if (conn->state == GREETING)
        conn->steps_left++;
}

void redis_connection_load_script(struct redis_connection *conn)
{
    if (conn->is_loading || conn->state < GREETING)
        return;
    conn->is_loading = true;
    const char *argv[] = {"SCRIPT", "LOAD", conn->settings.script};
    connection_send_step(conn, REDIS_STEP_SCRIPT, 3, argv);
}

static void connection_send_auth(struct redis_connection *conn)
{
    const struct redis_url *url = &conn->settings.url;
    if (url->password == NULL ||
        (conn->settings.auth_when_asked && !conn->is_asked_for_password))
        return;
    const char *argv[] = {"AUTH", url->username, url->password};
    if (url->username == NULL)
        argv[1] = url->password;
    connection_send_step(
        conn, REDIS_STEP_AUTH, url->username == NULL ? 2 : 3, argv);
}

void connection_greet(struct redis_connection *conn)
{
    int on = 1;
    if (conn->settings.url.unix_path == NULL)
        (void)setsockopt(bufferevent_getfd(conn->bev), IPPROTO_TCP, TCP_NODELAY,
            &on, sizeof on);
    conn->state = GREETING;
    conn->steps_left = 0;
    conn->reader = redis_reader_new(conn->settings.reply_max);
    (void)bufferevent_enable(conn->bev, EV_READ | EV_WRITE);

    connection_send_auth(conn);
    if (conn->settings.url.db != 0) {
        char db[16];
        (void)snprintf(db, sizeof db, "%u", conn->settings.url.db);
        const char *argv[] = {"SELECT", db};
        connection_send_step(conn, REDIS_STEP_SELECT, 2, argv);
    }
    const char *argv[] = {"CLIENT", "SETNAME", conn->settings.client_name};
    connection_send_step(conn, REDIS_STEP_NAME, 3, argv);
    if (conn->settings.wants_master) {
        const char *role[] = {"ROLE"};
        connection_send_step(conn, REDIS_STEP_ROLE, 1, role);
    }
    if (conn->settings.script != NULL)
        redis_connection_load_script(conn);
}

static bool reply_is_role(const redisReply *reply, const char *role)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 &&
           reply->element[0]->type == REDIS_REPLY_STRING &&
           strcmp(reply->element[0]->str, role) == 0;
}

/* AUTH's error may repeat the arguments, password included: first word only.*/
static void connection_refused(struct redis_connection *conn,
    enum redis_step step, const redisReply *reply)
{
    char reason[160];
    if (reply->type == REDIS_REPLY_ERROR &&
        strncmp(reply->str, "NOAUTH", 6) == 0)
        conn->is_asked_for_password = true;
    int len = reply->type == REDIS_REPLY_ERROR ? (int)reply->len : 0;
    if (step == REDIS_STEP_ROLE && reply_is_role(reply, "slave")) {
        connection_fail(conn, "the server is a replica, not the master");
        return;
    }
    if (step == REDIS_STEP_AUTH)
        len = (int)strcspn(reply->str == NULL ? "" : reply->str, " ");
    if (len > 100)
        len = 100;
    (void)snprintf(reason, sizeof reason, "%s refused: %.*s", step_names[step],
        len, len == 0 ? "" : reply->str);
    connection_fail(conn, reason);
}

static bool connection_take_sha(
    struct redis_connection *conn, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING || reply->len != REDIS_SHA_LEN)
        return false;
    memcpy(conn->sha, reply->str, REDIS_SHA_LEN);
    conn->is_loading = false;
    return true;
}

/*
 * CLIENT SETNAME is for people: a user who may not, or a proxy that knows no
 * CLIENT, in whatever words, is no obstacle. But it may be the first that the
 * server answers, and some errors are about the connection.
 */
static bool connection_name_is_good(const redisReply *reply)
{
    static const char *const fatal[] = {
        "NOAUTH", "DENIED", "LOADING", "ERR max number of clients"};
    if (reply->type != REDIS_REPLY_ERROR)
        return reply->type == REDIS_REPLY_STATUS;
    for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++)
        if (strncasecmp(reply->str, fatal[i], strlen(fatal[i])) == 0)
            return false;
    return true;
}

static bool connection_step_is_good(struct redis_connection *conn,
    enum redis_step step, const redisReply *reply)
{
    if (step == REDIS_STEP_NAME)
        return connection_name_is_good(reply);
    if (step == REDIS_STEP_SCRIPT)
        return connection_take_sha(conn, reply);
    if (step == REDIS_STEP_ROLE)
        return reply_is_role(reply, "master");
    return reply->type == REDIS_REPLY_STATUS;
}

bool connection_take_step(struct redis_connection *conn, enum redis_step step,
    const redisReply *reply)
{
    if (connection_step_is_good(conn, step, reply))
        return true;
    connection_refused(conn, step, reply);
    return false;
}
