/* redis_server.c - see redis_server.h. */
#include "tests/unit/redis_server.h"
#include "tests/unit/unit.h"

#include "common/base/clock.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *server_program(void)
{
    const char *program = getenv("REDIS_SERVER");
    return program == NULL ? "redis-server" : program;
}

bool redis_server_exists(void)
{
    char command[256];
    (void)snprintf(
        command, sizeof command, "command -v %s >/dev/null", server_program());
    return system(command) == 0;
}

void redis_server_init(struct redis_server *server)
{
    *server = (struct redis_server){.directory = "/tmp/tollgate-redis.XXXXXX"};
    assert_non_null(mkdtemp(server->directory));
    (void)snprintf(
        server->path, sizeof server->path, "%s/sock", server->directory);
    (void)snprintf(
        server->url, sizeof server->url, "redis+unix://%s", server->path);
}

static void server_exec(const struct redis_server *server)
{
    const char *program = server_program();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left behind */
    (void)execlp(program, program, "--port", "0", "--unixsocket", server->path,
        "--save", "", "--appendonly", "no", "--dir", server->directory,
        "--logfile", "log", "--requirepass", server->password, "--databases",
        "4", (char *)NULL);
    _exit(127);
}

static bool server_connect(struct redis_server *server)
{
    server->client = redisConnectUnix(server->path);
    assert_non_null(server->client);
    if (server->client->err == 0) {
        if (server->password[0] != '\0')
            redis_server_do(server, "AUTH %s", server->password);
        return true;
    }
    redisFree(server->client);
    server->client = NULL;
    return false;
}

void redis_server_run(struct redis_server *server)
{
    uint64_t until_ms = clock_monotonic_ms() + 10000;
    server->pid = fork();
    assert_int_not_equal(server->pid, -1);
    if (server->pid == 0)
        server_exec(server);
    while (!server_connect(server)) {
        assert_true(clock_monotonic_ms() < until_ms);
        (void)poll(NULL, 0, 5);
    }
}

void redis_server_kill(struct redis_server *server)
{
    if (server->pid == 0)
        return;
    (void)kill(server->pid, SIGKILL);
    (void)waitpid(server->pid, NULL, 0);
    server->pid = 0;
    redisFree(server->client);
    server->client = NULL;
    (void)unlink(server->path);
}

void redis_server_clear(struct redis_server *server)
{
    char path[128];
    redis_server_kill(server);
    (void)snprintf(path, sizeof path, "%s/log", server->directory);
    (void)unlink(path);
    (void)rmdir(server->directory);
}

static redisReply *server_command(
    struct redis_server *server, const char *command, va_list args)
{
    redisReply *reply = redisvCommand(server->client, command, args);
    if (reply == NULL)
        fail_msg("%s: %s", command, server->client->errstr);
    else if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", command, reply->str);
    return reply;
}

long long redis_server_number(
    struct redis_server *server, const char *command, ...)
{
    va_list args;
    va_start(args, command);
    redisReply *reply = server_command(server, command, args);
    va_end(args);
    assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
    long long number = reply->integer;
    freeReplyObject(reply);
    return number;
}

void redis_server_do(struct redis_server *server, const char *command, ...)
{
    va_list args;
    va_start(args, command);
    freeReplyObject(server_command(server, command, args));
    va_end(args);
}
