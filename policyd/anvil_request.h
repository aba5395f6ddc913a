/*
 * anvil_request.h - one request of anvil's protocol, and its answer.
 *
 * Pure: attributes go in as the framing hands them on, numbers come out as
 * text in the order that Postfix insists on. Unknown attributes are ignored,
 * since Postfix adds some with each release; a request without its two
 * attributes, or with one of them twice, is malformed. A request name that we
 * do not know is answered status=-1, as anvil does. No request is a reason to
 * close: smtpd tries once more, waits for two seconds and goes on unlimited.
 *
 * Source: Postfix anvil(8), anvil_clnt(3), 3.7 to 3.12-20260821. The manual
 * says newtls_report where the code says newtls_status; both are known here.
 */
#ifndef TOLLGATE_POLICYD_ANVIL_REQUEST_H
#define TOLLGATE_POLICYD_ANVIL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum anvil_request_kind {
    ANVIL_REQUEST_UNKNOWN,
    ANVIL_REQUEST_CONNECT,
    ANVIL_REQUEST_DISCONNECT,
    ANVIL_REQUEST_MESSAGE,
    ANVIL_REQUEST_RECIPIENT,
    ANVIL_REQUEST_NEWTLS,
    ANVIL_REQUEST_NEWTLS_STATUS, /* how many: counts nothing */
    ANVIL_REQUEST_AUTH,
    ANVIL_REQUEST_LOOKUP, /* all of them: counts nothing */
    ANVIL_REQUEST_TLSTR,  /* Postfix 3.12: may a TLS trace be written? */
    ANVIL_REQUEST_ANY,    /* refused, whichever it was: all numbers. Postfix
                             skips those that it does not wait for */
    ANVIL_REQUEST_KINDS,
};

#define ANVIL_IDENT_SIZE   256 /* "SERVICE:ADDRESS/prefix" and its NUL */
#define ANVIL_ANSWER_SIZE  160
#define ANVIL_NUMBER_MAX   2147483647 /* one more: Postfix lets it pass */
#define ANVIL_GREETING     "protocol=anvil_protocol\n\n"
#define ANVIL_GREETING_LEN (sizeof(ANVIL_GREETING) - 1)

/* All zero: nothing has been read yet. */
struct anvil_request {
    enum anvil_request_kind kind;
    bool has_kind;
    char ident[ANVIL_IDENT_SIZE]; /* printable ASCII; "": not read yet */
};

/* Slices need no NUL. NULL, or why the request is malformed. */
const char *anvil_request_set(struct anvil_request *, const char *name,
    size_t name_len, const char *value, size_t value_len);
/* At the empty line. NULL, or why the request is malformed. */
const char *anvil_request_check(const struct anvil_request *);

/* Larger ones are answered as ANVIL_NUMBER_MAX. */
struct anvil_numbers {
    uint32_t count, rate, mail, rcpt, newtls, auth, tlstr;
};

/* What no limit of main.cf lets pass: all of them ANVIL_NUMBER_MAX. */
extern const struct anvil_numbers anvil_numbers_refused;

/* Writes the whole answer with its empty line; returns its length. */
size_t anvil_answer_format(enum anvil_request_kind,
    const struct anvil_numbers *, char text[ANVIL_ANSWER_SIZE]);

#endif
