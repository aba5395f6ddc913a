/*
 * socket.c - see socket.h.
 *
 * As root we make the socket Postfix's group's. A successor has given up root
 * and belongs to no group, so a directory of our own ("tollgate...") is made
 * set-group-ID: sockets in it get the group by themselves. Where nothing
 * gives it, the socket is open to all and the log says so: a mail server
 * whose filter cannot be reached refuses mail.
 */
#include "milter/socket.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/base/root_path.h"
#include "common/config/listen.h"
#include "common/engine/privileges.h"
#include "common/net/inherit.h"
#include "common/net/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <libmilter/mfapi.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY_MODE 02750

struct milter_socket {
    struct config_listener listener;
    struct sockaddr_un beside;
    struct listener_options options;
    bool is_published;
    struct unix_place place;
};

static bool open_by_libmilter(
    char *connection, const char *name, struct error *err)
{
    errno = 0;
    if (smfi_setbacklog(LISTENER_BACKLOG) == MI_SUCCESS &&
        smfi_setconn(connection) == MI_SUCCESS &&
        smfi_opensocket(true) == MI_SUCCESS)
        return true;
    return error_set(err, "%s: libmilter cannot listen there: %s", name,
        errno != 0 ? strerror(errno) : "see syslog");
}

/* Inet */

static enum listener_wait open_inet(
    const struct config_listener *listener, struct error *err)
{
    bool is_ipv6 = strchr(listener->host, ':') != NULL;
    char *connection = xprintf("%s:%u@[%s]", is_ipv6 ? "inet6" : "inet",
        listener->port, listener->host);
    bool is_open = open_by_libmilter(connection, listener->text, err);

    free(connection);
    return is_open ? LISTENER_READY : LISTENER_FAILED;
}

/* Unix */

/* Root that could not write there afterwards leaves it as it is. */
static void prepare_directory(
    const char *directory, const struct milter_socket_owner *owner)
{
    if (geteuid() != 0 || !privileges_has_override() ||
        !unix_socket_is_our_directory(directory))
        return;
    int fd = root_path_open(directory, O_RDONLY | O_DIRECTORY, 0);
    if (fd == -1 || fchown(fd, owner->owner, owner->group) == -1 ||
        fchmod(fd, DIRECTORY_MODE) == -1)
        log_warn("%s: cannot give it to us and Postfix's group: %s", directory,
            strerror(errno));
    if (fd != -1)
        close(fd);
}

static bool can_give_group(gid_t group)
{
    return geteuid() == 0 || getegid() == group || group_member(group);
}

/* Is what is made in this directory the group's? */
static bool gives_group(const char *directory, gid_t group)
{
    struct stat st;

    return stat(directory, &st) == 0 && (st.st_mode & S_ISGID) != 0 &&
           st.st_gid == group;
}

static void choose_options(
    struct milter_socket *socket, const struct milter_socket_owner *owner)
{
    char directory[PATH_MAX];

    snprintf(directory, sizeof directory, "%s", socket->listener.path);
    (void)dirname(directory);
    prepare_directory(directory, owner);
    socket->options = (struct listener_options){.mode = 0660,
        .owner = geteuid() == 0 ? owner->owner : (uid_t)-1,
        .group = (gid_t)-1};
    if (can_give_group(owner->group)) {
        socket->options.group = owner->group;
    } else if (!gives_group(directory, owner->group)) {
        socket->options.mode = 0666;
        log_warn("%s: open to all, because we can neither start as root nor "
                 "give it to Postfix's group",
            socket->listener.path);
    }
}

static enum listener_wait open_unix(struct milter_socket *socket,
    const struct milter_socket_owner *owner, struct error *err)
{
    const char *path = socket->listener.path;

    enum listener_wait wait = unix_socket_prepare(
        path, owner->owner, &socket->beside, &socket->place, err);
    if (wait != LISTENER_READY)
        return wait;
    choose_options(socket, owner);
    char *connection = xprintf("unix:%s", socket->beside.sun_path);
    mode_t old = umask(~(mode_t)socket->options.mode & 0777);
    bool is_open = open_by_libmilter(connection, path, err);
    (void)umask(old);
    free(connection);
    if (is_open && geteuid() == 0 && owner->owner != 0)
        is_open = milter_socket_publish(socket, err);
    return is_open ? LISTENER_READY : LISTENER_FAILED;
}

bool milter_socket_publish(struct milter_socket *socket, struct error *err)
{
    if (socket->listener.is_inet || socket->is_published)
        return true;
    socket->is_published = true;
    return unix_socket_install(&socket->beside, socket->listener.path,
        &socket->options, &socket->place, err);
}

enum listener_wait milter_socket_open(const struct config *config,
    const struct milter_socket_owner *owner, struct inherit *inherited,
    struct milter_socket **socket_r, struct error *err)
{
    struct milter_socket *socket = xcalloc(1, sizeof *socket);
    enum listener_wait wait = LISTENER_FAILED;

    socket->place = (struct unix_place){.fd = -1, .lock = {.fd = -1}};
    if (listen_parse_milter(config->milter.listen, &socket->listener, err)) {
        if (socket->listener.is_inet) {
            wait = open_inet(&socket->listener, err);
        } else {
            unix_place_init(&socket->place, socket->listener.path);
            socket->place.lock.fd =
                inherit_claim_lock(inherited, socket->listener.path);
            wait = open_unix(socket, owner, err);
        }
    }
    if (wait == LISTENER_READY)
        *socket_r = socket;
    else
        milter_socket_free(&socket);
    return wait;
}

static int connect_unix(const struct milter_socket *socket_of_ours)
{
    struct sockaddr_un name = socket_of_ours->beside;

    if (socket_of_ours->is_published)
        snprintf(name.sun_path, sizeof name.sun_path, "%s",
            socket_of_ours->listener.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1 || connect(fd, (struct sockaddr *)&name, sizeof name) == 0)
        return fd;
    close(fd);
    return -1;
}

int milter_socket_connect(
    const struct milter_socket *socket_of_ours, struct error *err)
{
    int fd = connect_unix(socket_of_ours);

    if (fd == -1)
        error_set(err, "%s: cannot connect to ourselves: %s",
            socket_of_ours->listener.text, strerror(errno));
    return fd;
}

bool milter_socket_is_inet(const struct milter_socket *socket)
{
    return socket->listener.is_inet;
}

const char *milter_socket_text(const struct milter_socket *socket)
{
    return socket->listener.text;
}

bool milter_socket_is_held(const struct milter_socket *socket)
{
    return socket->listener.is_inet || unix_place_is_held(&socket->place);
}

int milter_socket_lock_fd(const struct milter_socket *socket)
{
    return socket->place.lock.fd;
}

void milter_socket_withdraw(struct milter_socket *socket)
{
    if (!socket->is_published && socket->beside.sun_path[0] != '\0')
        (void)unlink(socket->beside.sun_path);
    if (!socket->listener.is_inet && unix_place_is_held(&socket->place)) {
        (void)unlink(socket->listener.path);
        unix_lock_remove(&socket->place.lock, socket->listener.path);
    }
}

void milter_socket_free(struct milter_socket **socket)
{
    if (*socket == NULL)
        return;
    unix_place_clear(&(*socket)->place);
    listen_clear(&(*socket)->listener);
    free(*socket);
    *socket = NULL;
}
