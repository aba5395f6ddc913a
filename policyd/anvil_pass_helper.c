/*
 * anvil_pass_helper.c - tollgate-anvil-pass: stands in anvil's place under
 * Postfix's spawn(8), with smtpd's connection as descriptor 0.
 *
 * Hands the connection to policyd and exits. While policyd is away it answers
 * by itself, refusing or accepting everybody, and offers the connection again
 * before each request. Counts nothing and knows no configuration: one of these
 * is started per smtpd process, so it is small, and it is what decides when
 * nothing else of tollgate runs. Writes to syslog only, because spawn(8) has
 * made stdout and stderr smtpd's connection too.
 */
#include "config.h"

#include "policyd/anvil_offer.h"
#include "policyd/anvil_request.h"
#include "policyd/attr_scan.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define SMTPD_FD   0
#define REQUEST_MS (10 * 1000) /* from its first byte to its last */
/* After an offer that hung, each offer of the next ten seconds waits for the
 * shorter time: enough for a policyd that has recovered, and smtpd's clients
 * are answered meanwhile. */
#define HOLD_OFF_MS (10 * 1000)
#define PROBE_MS    200

enum exit_code { EXIT_DONE = 0, EXIT_BROKEN = 1, EXIT_USAGE = 2 };

struct helper {
    const char *path;              /* of policyd's socket */
    bool is_refusing;              /* while policyd is away */
    enum anvil_offer_result state; /* the last one that was logged */
    int64_t hold_off_ms;           /* the time at which it ends */

    struct attr_scan scan;
    struct anvil_request request;
    char data[2 * ATTR_LINE_MAX];
    size_t len;             /* of an unfinished line in data */
    bool has_begun;         /* some of a request has been read */
    int64_t request_end_ms; /* its last byte is to be there */
};

static void helper_log_state(
    struct helper *helper, enum anvil_offer_result result, int error)
{
    const char *doing = helper->is_refusing ? "refusing" : "accepting";

    if (result == helper->state)
        return;
    helper->state = result;
    if (result == ANVIL_OFFER_TAKEN)
        syslog(LOG_INFO, "policyd at %s is back: handed over", helper->path);
    else if (result == ANVIL_OFFER_HUNG)
        syslog(LOG_WARNING, "policyd at %s does not answer: %s by myself",
            helper->path, doing);
    else
        syslog(LOG_WARNING, "policyd at %s is away (%s): %s by myself",
            helper->path, strerror(error), doing);
}

static bool helper_hand_over(struct helper *helper, char state)
{
    bool is_probe = anvil_offer_clock_ms() < helper->hold_off_ms;
    int error = 0;
    enum anvil_offer_result result;

    result = anvil_offer(helper->path, state, SMTPD_FD,
        is_probe ? PROBE_MS : ANVIL_PASS_TIMEOUT_MS, &error);
    if (result == ANVIL_OFFER_HUNG && !is_probe)
        helper->hold_off_ms = anvil_offer_clock_ms() + HOLD_OFF_MS;
    helper_log_state(helper, result, error);
    return result == ANVIL_OFFER_TAKEN;
}

/* What passes every limit of main.cf, and what passes none. */
static struct anvil_numbers helper_numbers(const struct helper *helper)
{
    /* A trace is no mail: nobody counts it while policyd is away. */
    if (helper->is_refusing || helper->request.kind == ANVIL_REQUEST_TLSTR)
        return anvil_numbers_refused;
    switch (helper->request.kind) {
    case ANVIL_REQUEST_NEWTLS_STATUS:
    case ANVIL_REQUEST_LOOKUP:
        return (struct anvil_numbers){0};
    default:
        return (struct anvil_numbers){.count = 1, .rate = 1};
    }
}

static bool helper_send(const char *bytes, size_t len)
{
    return send(SMTPD_FD, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
           (ssize_t)len;
}

static bool helper_answer(struct helper *helper)
{
    const struct anvil_numbers numbers = helper_numbers(helper);
    enum anvil_request_kind kind = helper->request.kind;
    char text[ANVIL_ANSWER_SIZE];

    if (kind == ANVIL_REQUEST_UNKNOWN && helper->is_refusing)
        kind = ANVIL_REQUEST_ANY;
    size_t len = anvil_answer_format(kind, &numbers, text);

    memset(&helper->request, 0, sizeof helper->request);
    helper->has_begun = false;
    return helper_send(text, len);
}

/* smtpd would take a close for a reason to go on unlimited. */
static bool helper_answer_malformed(struct helper *helper, const char *reason)
{
    syslog(LOG_WARNING, "malformed request: %s", reason);
    helper->scan = (struct attr_scan){.request_len = 0};
    helper->request.kind = ANVIL_REQUEST_UNKNOWN;
    return helper_answer(helper);
}

/* Where the next request would begin is not known. */
static bool helper_fail(struct helper *helper, const char *reason)
{
    (void)helper_answer_malformed(helper, reason);
    return false;
}

static const char *helper_on_attribute(void *context, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    struct helper *helper = context;

    return anvil_request_set(
        &helper->request, name, name_len, value, value_len);
}

/* False: the connection is to be closed. */
static bool helper_feed(struct helper *helper)
{
    const char *reason;
    size_t used;

    if (!helper->has_begun)
        helper->request_end_ms = anvil_offer_clock_ms() + REQUEST_MS;
    helper->has_begun = true;
    switch (attr_scan(&helper->scan, helper->data, helper->len, &used,
        helper_on_attribute, helper)) {
    case ATTR_BAD:
        return helper_fail(helper, helper->scan.reason);
    case ATTR_MORE:
        helper->len -= used;
        memmove(helper->data, helper->data + used, helper->len);
        return true;
    case ATTR_DONE:
        break;
    }
    if (used < helper->len)
        return helper_fail(helper, "bytes before the answer");
    helper->len = 0;
    reason = helper->scan.is_faulty ? helper->scan.reason
                                    : anvil_request_check(&helper->request);
    return reason == NULL ? helper_answer(helper)
                          : helper_answer_malformed(helper, reason);
}

/* 1 as poll(2) for what smtpd sends; 0: its request has not come whole. */
static int helper_poll(const struct helper *helper)
{
    struct pollfd pollfd = {.fd = SMTPD_FD, .events = POLLIN};
    int ready;

    do {
        int64_t left = helper->request_end_ms - anvil_offer_clock_ms();
        int patience = left > 0 ? (int)left : 0;
        ready = poll(&pollfd, 1, helper->has_begun ? patience : -1);
    } while (ready == -1 && errno == EINTR);
    return ready;
}

/* False: smtpd has gone, or has been answered for the last time. */
static bool helper_wait(struct helper *helper)
{
    char next;
    ssize_t got;

    switch (helper_poll(helper)) {
    case 0:
        return helper_fail(helper, "request too slow");
    case -1:
        return false;
    default:
        break;
    }
    got = recv(SMTPD_FD, &next, 1, MSG_PEEK | MSG_DONTWAIT);
    return got > 0 || (got == -1 && (errno == EAGAIN || errno == EINTR));
}

static enum exit_code helper_serve(struct helper *helper)
{
    ssize_t got;

    if (!helper_send(ANVIL_GREETING, ANVIL_GREETING_LEN))
        return EXIT_DONE;
    while (helper_wait(helper)) {
        if (!helper->has_begun && helper_hand_over(helper, ANVIL_PASS_GREETED))
            return EXIT_DONE;
        got = recv(SMTPD_FD, helper->data + helper->len,
            sizeof helper->data - helper->len, MSG_DONTWAIT);
        if (got == 0)
            return EXIT_DONE;
        if (got == -1 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (got == -1)
            return EXIT_DONE;
        helper->len += (size_t)got;
        if (!helper_feed(helper))
            return EXIT_BROKEN;
    }
    return EXIT_DONE;
}

static void print_usage(FILE *out)
{
    fputs("usage: tollgate-anvil-pass SOCKET [--when-down=refuse|accept]\n"
          "Hands smtpd's connection to anvil over to tollgate-policyd; to be\n"
          "run by Postfix's spawn(8) in anvil's place. master.cf:\n"
          "  anvil unix - n n - 0 spawn -n anvil user=tollgate argv=PATH "
          "SOCKET\n",
        out);
}

static bool is_socket(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* Under spawn(8) a word on stderr would be an answer to smtpd. */
static enum exit_code refuse_usage(const char *what)
{
    syslog(LOG_ERR, "bad arguments in master.cf: %s", what);
    if (!is_socket(STDERR_FILENO)) {
        fprintf(stderr, "tollgate-anvil-pass: %s\n", what);
        print_usage(stderr);
    }
    return EXIT_USAGE;
}

/* NULL, or what is wrong with the words; *is_over_r: nothing left to do. */
static const char *parse_words(
    int argc, char **argv, struct helper *helper, bool *is_over_r)
{
    static const struct option options[] = {
        {"when-down", required_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
        *is_over_r = option == 'h' || option == 'V';
        if (option == 'h')
            print_usage(stdout);
        else if (option == 'V')
            puts("tollgate-anvil-pass " PACKAGE_VERSION);
        else if (option != 'w')
            return "unknown option";
        else if (strcmp(optarg, "accept") == 0)
            helper->is_refusing = false;
        else if (strcmp(optarg, "refuse") == 0)
            helper->is_refusing = true;
        else
            return "--when-down is refuse or accept";
        if (*is_over_r)
            return NULL;
    }
    if (optind != argc - 1)
        return "one SOCKET is needed";
    helper->path = argv[optind];
    return NULL;
}

int main(int argc, char **argv)
{
    struct helper helper = {.is_refusing = true, .state = ANVIL_OFFER_TAKEN};
    bool is_over = false;
    const char *wrong;

    openlog("tollgate-anvil-pass", LOG_PID, LOG_MAIL);
    wrong = parse_words(argc, argv, &helper, &is_over);
    if (wrong != NULL)
        return refuse_usage(wrong);
    if (is_over)
        return EXIT_DONE;
    if (!is_socket(SMTPD_FD))
        return refuse_usage("standard input is no connection of an smtpd");
    if (helper_hand_over(&helper, ANVIL_PASS_NEW))
        return EXIT_DONE;
    return helper_serve(&helper);
}
