/*
 * command.c - brings up the helper of command.h, or finds the predecessor's.
 */
#include "common/certs/command.h"

#include "common/base/hex.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void command_digest(char *const *argv, char digest_r[33])
{
    unsigned char digest[32] = {0};
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        abort();
    for (; *argv != NULL; argv++)
        EVP_DigestUpdate(context, *argv, strlen(*argv) + 1);
    EVP_DigestFinal_ex(context, digest, NULL);
    EVP_MD_CTX_free(context);
    (void)hex_write(digest_r, digest, 16);
}

int command_left_open(void)
{
    const char *text = getenv(COMMAND_FD_VARIABLE);
    int fd = text != NULL ? (int)strtol(text, NULL, 10) : -1;
    int type = 0;
    socklen_t len = sizeof type;

    if (fd < COMMAND_FD_MIN ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
        type != SOCK_SEQPACKET)
        return -1;
    return fd;
}

/* Open over exec, and high enough not to be in the way of LISTEN_FDS: the only
 * program that a daemon executes is its successor. */
static bool leave_open(int *fd, struct error *err)
{
    char number[16];
    int high = fcntl(*fd, F_DUPFD, COMMAND_FD_MIN);

    if (high == -1)
        return error_set(err, "on_change: %s", strerror(errno));
    close(*fd);
    *fd = high;
    snprintf(number, sizeof number, "%d", high);
    setenv(COMMAND_FD_VARIABLE, number, 1);
    return true;
}

static bool has_command(const struct config *config)
{
    for (size_t i = 0; i < config->certificate_count; i++)
        if (config->certificates[i].on_change[0] != NULL)
            return true;
    return false;
}

bool command_start(const struct config *config, int *fd_r, struct error *err)
{
    int pair[2];

    *fd_r = command_left_open();
    if (*fd_r != -1 || !has_command(config))
        return true;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
            pair) == -1)
        return error_set(err, "socketpair: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == -1) {
        close(pair[0]);
        close(pair[1]);
        return error_set(err, "fork: %s", strerror(errno));
    }
    if (pid == 0)
        command_serve(config, pair[1]);
    close(pair[1]);
    *fd_r = pair[0];
    log_debug("on_change: helper %d", (int)pid);
    return leave_open(fd_r, err);
}
