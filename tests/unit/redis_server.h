/*
 * redis_server.h - a real redis-server (or $REDIS_SERVER, say valkey-server)
 * of the test's own, on a unix socket in a directory of its own.
 */
#ifndef TOLLGATE_TESTS_REDIS_SERVER_H
#define TOLLGATE_TESTS_REDIS_SERVER_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
    pid_t pid; /* 0: not running */
    char directory[64];
    char path[100];
    char url[128];
    char password[32];    /* "" = none; as at the next start */
    redisContext *client; /* for the test's own commands */
};

/* False: there is no such program here. */
bool redis_server_exists(void);
void redis_server_init(struct redis_server *);
void redis_server_run(struct redis_server *);
/* SIGKILL; its data are lost. */
void redis_server_kill(struct redis_server *);
void redis_server_clear(struct redis_server *);

/* Fails the test on an error reply. Valid until the next one. */
long long redis_server_number(struct redis_server *, const char *command, ...);
void redis_server_do(struct redis_server *, const char *command, ...);

#endif
