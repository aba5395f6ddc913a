/*
 * notify.h - tells systemd (or whoever set NOTIFY_SOCKET) how we are.
 *
 * Without NOTIFY_SOCKET every call does nothing. A message that cannot be
 * sent is lost without a word: the service manager has its own timeouts.
 *
 * Source: sd_notify(3), sd_watchdog_enabled(3).
 */
#ifndef TOLLGATE_NET_NOTIFY_H
#define TOLLGATE_NET_NOTIFY_H

#include <stdint.h>
#include <sys/types.h>

/* READY=1: started, or done with a reload. */
void notify_ready(void);
void notify_reloading(void); /* followed by notify_ready when done */
/* STOPPING=1: it drains. */
void notify_stopping(void);
/* MAINPID: the successor is the service from now on. */
void notify_main_pid(pid_t);
/* WATCHDOG=1: the loop turns. */
void notify_watchdog(void);

/* How often notify_watchdog is expected at the latest; 0: not at all. */
uint64_t notify_watchdog_ms(void);

#endif
