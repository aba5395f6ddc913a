/*
 * status_page.h - a page for people on the HTTP listener: "/" and what it
 * looks at every two seconds, "/status.json".
 *
 * Read-only and from memory alone. The page is one file; its own policy
 * (Content-Security-Policy) lets only its own style and script run, known by
 * their hashes, and lets it ask nobody but this daemon.
 */
#ifndef TOLLGATE_CONTROL_STATUS_PAGE_H
#define TOLLGATE_CONTROL_STATUS_PAGE_H

struct control_host;
struct status_page;

/* Shown (daemon_show_pages) until it is freed. The host is copied. */
struct status_page *status_page_new(const struct control_host *);
void status_page_free(struct status_page **);

#endif
