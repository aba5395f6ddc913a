/*
 * client.c - see client.h.
 */
#include "ctl/client.h"

#include "common/base/alloc.h"
#include "common/base/clock.h"
#include "common/net/unix_connect.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CHUNK      65536
#define ANSWER_MAX (64u << 20) /* bytes; more is no daemon of ours */

struct client {
    int fd;
    const char *path; /* borrowed */
    char *bytes;      /* received and not taken */
    size_t len, size;
};

/* A daemon that hangs leaves us in a full queue: then at once, not for ever. */
static bool connect_at_once(int fd, const struct sockaddr_un *name)
{
    const struct timeval patience = {.tv_sec = CLIENT_WAIT_MS / 1000};

    return unix_connect(fd, name) && fcntl(fd, F_SETFL, 0) == 0 &&
           setsockopt(
               fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0;
}

struct client *client_open(
    const char *path, bool *is_missing, struct error *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t len = strlen(path);

    *is_missing = false;
    if (len >= sizeof name.sun_path) {
        error_set(err, "%s: too long for a socket", path);
        return NULL;
    }
    memcpy(name.sun_path, path, len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1 || !connect_at_once(fd, &name)) {
        *is_missing = errno == ENOENT;
        error_set(err, "%s: %s", path,
            errno == EAGAIN ? "does not answer" : strerror(errno));
        if (fd != -1)
            close(fd);
        return NULL;
    }
    struct client *client = xcalloc(1, sizeof *client);
    client->fd = fd;
    client->path = path;
    return client;
}

void client_close(struct client **client)
{
    if (*client == NULL)
        return;
    close((*client)->fd);
    free((*client)->bytes);
    free(*client);
    *client = NULL;
}

static bool send_all(struct client *client, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

bool client_send(struct client *client, const char *line, struct error *err)
{
    return (send_all(client, line, strlen(line)) &&
               send_all(client, "\n", 1)) ||
           error_set(err, "%s: %s", client->path, strerror(errno));
}

static char *take_line(struct client *client)
{
    const char *end =
        client->len > 0 ? memchr(client->bytes, '\n', client->len) : NULL;
    if (end == NULL)
        return NULL;
    size_t len = (size_t)(end - client->bytes);
    char *line = xcalloc(1, len + 1);
    memcpy(line, client->bytes, len);
    client->len -= len + 1;
    memmove(client->bytes, end + 1, client->len);
    return line;
}

bool client_has_line(const struct client *client)
{
    return client->len > 0 && memchr(client->bytes, '\n', client->len) != NULL;
}

static bool read_more(struct client *client, struct error *err)
{
    if (client->size - client->len < CHUNK) {
        client->size += CHUNK;
        client->bytes = xrealloc(client->bytes, client->size);
    }
    ssize_t n = read(client->fd, client->bytes + client->len, CHUNK);
    if (n == -1 && errno == EINTR)
        return true;
    if (n == -1)
        return error_set(err, "%s: %s", client->path, strerror(errno));
    if (n == 0)
        return error_set(err, "%s: closed the connection", client->path);
    client->len += (size_t)n;
    return client->len <= ANSWER_MAX ||
           error_set(err, "%s: the answer is too long", client->path);
}

/* Until there is something to read; false: not in that time. */
static bool await(struct client *client, int wait_ms, struct error *err)
{
    struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
    int ready = poll(&poll_fd, 1, wait_ms);

    if (ready > 0)
        return true;
    if (ready == 0)
        return error_set(err, "%s: does not answer", client->path);
    return error_set(err, "%s: %s", client->path, strerror(errno));
}

char *client_receive(struct client *client, int wait_ms, struct error *err)
{
    uint64_t end_ms = clock_monotonic_ms() + (uint64_t)(wait_ms + 1);
    char *line;

    while ((line = take_line(client)) == NULL) {
        uint64_t now_ms = clock_monotonic_ms();
        int left_ms = now_ms < end_ms ? (int)(end_ms - now_ms) : 0;
        if (!await(client, wait_ms == -1 ? -1 : left_ms, err) ||
            !read_more(client, err))
            return NULL;
    }
    return line;
}

int client_fd(const struct client *client)
{
    return client->fd;
}
