/*
 * notice_post.h - tells by a POST of JSON to a webhook.
 *
 * It blocks, and reads what a stranger's server says: for a process of its own
 * that has no rights, and is ended if it takes too long. No redirect is
 * followed. The certificate must lead to a CA of the system
 * (SSL_CERT_FILE and SSL_CERT_DIR, as OpenSSL has them) and bear the URL's
 * host.
 */
#ifndef TOLLGATE_ENGINE_NOTICE_POST_H
#define TOLLGATE_ENGINE_NOTICE_POST_H

#include "common/base/http_url.h"

#define NOTICE_POST_WAIT_S    10 /* for each answer, */
#define NOTICE_POST_CONNECT_S 5  /* and of each of the host's addresses */

/* body: NUL-terminated. False: it was not taken; err says why, and has nothing
 * of the URL or of what the server said but its status. */
bool notice_post(const struct http_url *, const char *body, struct error *err);

#endif
