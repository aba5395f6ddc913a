/*
 * listener.c - one listening socket: opened or inherited, started, watched.
 *
 * Accepting is acceptor.c, the dance at a unix path unix_socket.c. Looks once
 * a second whether the file at its path is still its own, not by inotify:
 * Postfix may remove and remake the whole directory.
 */
#include "common/net/listener.h"

#include "common/base/alloc.h"
#include "common/base/log.h"
#include "common/net/acceptor.h"
#include "common/net/inet_socket.h"
#include "common/net/unix_socket.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCH_S 1

struct listener {
    struct config_listener config; /* our own copy: a reload frees the other */
    const struct cidr_list *allowed_peers;
    int fd;
    struct unix_place place;
    bool is_lent; /* by systemd: the file at the path is not ours to remove */
    bool is_displaced;
    struct listener_events events;
    struct acceptor *acceptor;
    struct event *watch;
};

/* Of a listener that is open or, with fd -1, about to be. */
static struct listener *listener_new(const struct config_listener *config,
    const struct listener_options *options, int fd)
{
    struct listener *listener = xcalloc(1, sizeof *listener);
    listener->config = (struct config_listener){
        .text = xstrdup(config->text),
        .face = xstrdup(config->face),
        .is_inet = config->is_inet,
        .path = config->path != NULL ? xstrdup(config->path) : NULL,
        .host = config->host != NULL ? xstrdup(config->host) : NULL,
        .port = config->port,
    };
    listener->allowed_peers = options->allowed_peers;
    listener->fd = fd;
    if (config->is_inet)
        listener->place = (struct unix_place){.fd = -1, .lock = {.fd = -1}};
    else
        unix_place_init(&listener->place, config->path);
    return listener;
}

static void listener_free(struct listener **listener)
{
    struct listener *old = *listener;
    unix_place_clear(&old->place);
    free(old->config.text);
    free(old->config.face);
    free(old->config.path);
    free(old->config.host);
    free(old);
    *listener = NULL;
}

enum listener_wait listener_open(const struct config_listener *config,
    const struct listener_options *options, struct listener **listener_r,
    struct error *err)
{
    struct listener *listener = listener_new(config, options, -1);
    enum listener_wait wait = LISTENER_READY;
    if (!config->is_inet) {
        wait = unix_socket_listen(
            config->path, options, &listener->fd, &listener->place, err);
    } else {
        listener->fd = inet_socket_listen(config->host, config->port, err);
        if (listener->fd == -1)
            wait = LISTENER_FAILED;
    }
    if (wait == LISTENER_READY) {
        *listener_r = listener;
    } else {
        error_prefix(err, "%s: ", config->text);
        listener_free(&listener);
    }
    return wait;
}

static bool is_listening_stream(int fd)
{
    int type = 0, is_listening = 0;
    socklen_t len = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0)
        return false;
    len = sizeof is_listening;
    return type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) ==
               0 &&
           is_listening != 0;
}

bool listener_fits(const struct config_listener *config, int fd)
{
    struct sockaddr_storage name = {0};
    socklen_t len = sizeof name;
    if (!is_listening_stream(fd) ||
        getsockname(fd, (struct sockaddr *)&name, &len) != 0)
        return false;
    const struct sockaddr *bound = (const struct sockaddr *)&name;
    return config->is_inet
               ? inet_socket_is_named(bound, config->host, config->port)
               : unix_socket_is_named(bound, len, config->path);
}

static bool set_flags(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags != -1 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

bool listener_adopt(const struct config_listener *config, int fd, int place_fd,
    const struct listener_options *options, struct listener **listener_r,
    struct error *err)
{
    if (!listener_fits(config, fd))
        return error_set(err,
            "%s: inherited descriptor %d is not a socket of this listener",
            config->text, fd);
    if (!set_flags(fd))
        return error_set(err, "%s: inherited descriptor %d: %s", config->text,
            fd, strerror(errno));

    struct listener *listener = listener_new(config, options, fd);
    listener->is_lent = place_fd == -1;
    if (place_fd != -1 && !unix_place_adopt(&listener->place, place_fd))
        close(place_fd);
    if (!config->is_inet &&
        !unix_socket_inherit(fd, config->path, &listener->place, err)) {
        listener_free(&listener);
        return error_prefix(err, "%s: ", config->text);
    }
    *listener_r = listener;
    return true;
}

bool listener_fits_place(const struct config_listener *config, int fd)
{
    if (config->is_inet)
        return false;
    struct unix_place place;
    unix_place_init(&place, config->path);
    place.fd = fd;
    bool fits = unix_place_is_held(&place);
    place.fd = -1;
    unix_place_clear(&place);
    return fits;
}

void listener_take_lock(struct listener *listener, int lock_fd)
{
    struct unix_place *place = &listener->place;
    struct error err;

    unix_lock_clear(&place->lock);
    if (lock_fd != -1)
        place->lock.fd = lock_fd;
    else if (unix_lock_take(&place->lock, place->path, (uid_t)-1, &err) !=
             UNIX_LOCK_OURS)
        log_debug("%s: %s", listener->config.text, err.text);
}

bool listener_is_held(const struct listener *listener)
{
    return listener->config.is_inet || unix_place_is_held(&listener->place);
}

void listener_allow_peers(
    struct listener *listener, const struct cidr_list *allowed_peers)
{
    listener->allowed_peers = allowed_peers;
    if (listener->acceptor != NULL)
        acceptor_allow_peers(listener->acceptor, allowed_peers);
}

/* Displacement */

static void listener_look(struct listener *listener)
{
    bool is_displaced = !unix_place_is_held(&listener->place);
    if (is_displaced == listener->is_displaced)
        return;

    listener->is_displaced = is_displaced;
    if (is_displaced)
        log_error("%s: our socket is no longer there: it was removed or "
                  "replaced; new connections do not reach us",
            listener->config.text);
    else
        log_info("%s: our socket is there again", listener->config.text);
    if (listener->events.on_displaced != NULL)
        listener->events.on_displaced(is_displaced, listener->events.context);
}

static void listener_on_watch(evutil_socket_t fd, short what, void *context)
{
    listener_look(context);
}

/* Life */

static bool listener_watch(struct listener *listener, struct event_base *base)
{
    struct timeval interval = {.tv_sec = WATCH_S};
    if (listener->config.is_inet)
        return true;
    listener->watch =
        event_new(base, -1, EV_PERSIST, listener_on_watch, listener);
    return listener->watch != NULL &&
           event_add(listener->watch, &interval) == 0;
}

bool listener_start(struct listener *listener, struct event_base *base,
    const struct listener_events *events, struct error *err)
{
    struct acceptor_options options = {
        .name = listener->config.text,
        .is_inet = listener->config.is_inet,
        .allowed_peers = listener->allowed_peers,
        .on_accept = events->on_accept,
        .context = events->context,
    };
    listener->events = *events;
    listener->acceptor = acceptor_new(base, listener->fd, &options);
    if (listener->acceptor == NULL || !listener_watch(listener, base)) {
        listener_stop(listener);
        return error_set(
            err, "%s: the event loop takes no more", listener->config.text);
    }
    if (!listener->config.is_inet)
        listener_look(listener);
    return true;
}

void listener_stop(struct listener *listener)
{
    acceptor_free(&listener->acceptor);
    if (listener->watch != NULL)
        event_free(listener->watch);
    listener->watch = NULL;
}

void listener_close(struct listener **listener, bool unlink_socket)
{
    struct listener *old = *listener;
    if (old == NULL)
        return;
    listener_stop(old);
    if (unlink_socket && !old->config.is_inet && !old->is_lent &&
        unix_place_is_held(&old->place)) {
        (void)unlink(old->config.path);
        unix_lock_remove(&old->place.lock, old->config.path);
    }
    close(old->fd);
    listener_free(listener);
}

int listener_fd(const struct listener *listener)
{
    return listener->fd;
}

int listener_place_fd(const struct listener *listener)
{
    return listener->is_lent ? -1 : listener->place.fd;
}

int listener_lock_fd(const struct listener *listener)
{
    return listener->place.lock.fd;
}

const struct config_listener *listener_config(const struct listener *listener)
{
    return &listener->config;
}
