/*
 * event_log.h - libevent's own lines go where ours go.
 */
#ifndef TOLLGATE_NET_EVENT_LOG_H
#define TOLLGATE_NET_EVENT_LOG_H

/* From now on, with "libevent: " before each, at its level. Call once. */
void event_log_take(void);

#endif
