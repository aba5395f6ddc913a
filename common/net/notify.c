/*
 * notify.c - sd_notify(3) without libsystemd: one datagram a message.
 *
 * Reads NOTIFY_SOCKET at each call and leaves it set: a successor that we
 * start reports to the same place.
 */
#include "common/net/notify.h"

#include "common/base/decimal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_SIZE 64

/* The length of the address, 0 if there is none that we can use. */
static socklen_t notify_address(struct sockaddr_un *at_r)
{
    const char *path = getenv("NOTIFY_SOCKET");
    *at_r = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@'))
        return 0;
    size_t len = strlen(path);
    if (len < 2 || len >= sizeof at_r->sun_path)
        return 0;
    memcpy(at_r->sun_path, path, len);
    if (path[0] == '@')
        at_r->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static void notify_send(const char *message)
{
    struct sockaddr_un at;
    socklen_t len = notify_address(&at);
    if (len == 0)
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return;
    (void)sendto(fd, message, strlen(message), MSG_NOSIGNAL,
        (const struct sockaddr *)&at, len);
    close(fd);
}

static void notify_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static void notify_format(const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (len > 0 && (size_t)len < sizeof message)
        notify_send(message);
}

void notify_ready(void)
{
    notify_send("READY=1");
}

void notify_reloading(void)
{
    /* Type=notify-reload orders its messages by this time. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    notify_format("RELOADING=1\nMONOTONIC_USEC=%" PRId64,
        (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void notify_stopping(void)
{
    notify_send("STOPPING=1");
}

void notify_main_pid(pid_t pid)
{
    notify_format("MAINPID=%d", (int)pid);
}

void notify_watchdog(void)
{
    notify_send("WATCHDOG=1");
}

static uint64_t environment_number(const char *name)
{
    const char *text = getenv(name);
    uint64_t number;
    return text != NULL && decimal_read(&text, UINT64_MAX, &number) &&
                   *text == '\0'
               ? number
               : 0;
}

uint64_t notify_watchdog_ms(void)
{
    uint64_t pid = environment_number("WATCHDOG_PID");
    if (pid != 0 && pid != (uint64_t)getpid())
        return 0;
    return environment_number("WATCHDOG_USEC") / 1000;
}
