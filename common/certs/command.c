/*
 * command.c - brings up the helper of command.h, or finds the predecessor's.
 */
#include "common/certs/command.h"

#include "common/base/hex.h"
#include "common/base/kept_socket.h"
#include "common/base/log.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
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
    return kept_socket_find(COMMAND_FD_VARIABLE);
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
    int helpers;

    *fd_r = command_left_open();
    if (*fd_r != -1 || !has_command(config))
        return true;
    if (!kept_socket_pair(COMMAND_FD_VARIABLE, fd_r, &helpers, err))
        return false;
    pid_t pid = fork();
    if (pid == -1) {
        close(*fd_r);
        close(helpers);
        return error_set(err, "fork: %s", strerror(errno));
    }
    if (pid == 0)
        command_serve(config, helpers);
    close(helpers);
    log_debug("on_change: helper %d", (int)pid);
    return true;
}
