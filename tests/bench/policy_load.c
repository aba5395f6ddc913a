/*
 * policy_load.c - asks a policy server as fast as it answers.
 *
 * A closed loop: each connection has one request under way, as smtpd does,
 * with the attributes of Debian 13's Postfix. Prints one JSON object. Its own
 * CPU stands beside the server's, since the slower of the two sets the pace.
 * Exits 1 if an answer is not one or a connection breaks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A request is these pieces with what differs between them. */
static const char before_state[] =
    "request=smtpd_access_policy\nprotocol_state=";
static const char before_client[] = "\nprotocol_name=ESMTP\nclient_address=";
static const char before_sender[] =
    "\nclient_name=mail.client.example\nclient_port=51234\n"
    "reverse_client_name=mail.client.example\nserver_address=192.0.2.25\n"
    "server_port=25\nhelo_name=mail.client.example\n"
    "sender=newsletter@client.example\nrecipient=someone@local.example\n"
    "recipient_count=";
static const char before_instance[] = "\nqueue_id=4fX1yz2Hq3z9\ninstance=";
static const char after_instance[] =
    "\nsize=24510\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\n"
    "sasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
    "ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n"
    "encryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\n"
    "policy_context=smtp\ncompatibility_level=3.6\nmail_version=3.10.13\n\n";

#define BUCKETS 200000 /* of 1 µs */

static struct {
    const char *target;
    long connections, requests, clients, recipients, pid;
    bool ends_messages;
} options = {
    .connections = 50, .requests = 500000, .clients = 10000, .recipients = 1};

struct connection {
    int fd;
    long recipients; /* asked about of the message under way */
    uint64_t message;
    uint64_t sent_ns;
    uint32_t client;
};

static struct {
    long sent, answered, passed;
    uint64_t messages, random;
    uint32_t latency_us[BUCKETS];
} load = {.random = 88172645463325252u};

static void die(const char *what)
{
    fprintf(stderr, "policy_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* xorshift64: the same clients in the same order in every run. */
static uint32_t random_client(void)
{
    load.random ^= load.random << 13;
    load.random ^= load.random >> 7;
    load.random ^= load.random << 17;
    return (uint32_t)(load.random % (uint64_t)options.clients);
}

static int connect_target(void)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in inet = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *rest = strchr(options.target, ':') + 1;
    bool is_unix = strncmp(options.target, "unix:", 5) == 0;
    struct sockaddr *address =
        is_unix ? (struct sockaddr *)&local : (struct sockaddr *)&inet;
    socklen_t len = is_unix ? sizeof local : sizeof inet;

    (void)snprintf(local.sun_path, sizeof local.sun_path, "%s", rest);
    inet.sin_port = htons((uint16_t)strtoul(rest, NULL, 10));
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1 || connect(fd, address, len) == -1)
        die(options.target);
    return fd;
}

static char *add(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

#define ADD(at, text) add(at, text, sizeof text - 1)

/* Which message, and how far it has come. */
static const char *next_state(struct connection *c)
{
    long steps = options.recipients + (options.ends_messages ? 1 : 0);

    if (c->recipients == steps || c->message == 0) {
        c->recipients = 0;
        c->message = ++load.messages;
        c->client = random_client();
    }
    c->recipients++;
    return c->recipients > options.recipients ? "END-OF-MESSAGE" : "RCPT";
}

static void ask(struct connection *c)
{
    char request[2048], part[64], *at = request;
    const char *state = next_state(c);
    bool is_rcpt = state[0] == 'R';

    at = ADD(at, before_state);
    at = add(at, state, strlen(state));
    at = ADD(at, before_client);
    int len = snprintf(part, sizeof part, "10.%u.%u.%u", c->client >> 16 & 255,
        c->client >> 8 & 255, c->client & 255);
    at = add(at, part, (size_t)len);
    at = ADD(at, before_sender);
    len = snprintf(part, sizeof part, "%ld", is_rcpt ? 0 : options.recipients);
    at = add(at, part, (size_t)len);
    at = ADD(at, before_instance);
    len =
        snprintf(part, sizeof part, "4ead.6b00defb.%" PRIx64 ".0", c->message);
    at = add(at, part, (size_t)len);
    at = ADD(at, after_instance);

    size_t size = (size_t)(at - request);
    c->sent_ns = now_ns();
    if (write(c->fd, request, size) != (ssize_t)size)
        die("write");
    load.sent++;
}

static void on_answer(struct connection *c)
{
    char answer[1024];
    ssize_t got = read(c->fd, answer, sizeof answer);

    if (got < 9 || memcmp(answer, "action=", 7) != 0 ||
        memcmp(answer + got - 2, "\n\n", 2) != 0) {
        errno = EPROTO;
        die("answer");
    }
    uint64_t us = (now_ns() - c->sent_ns) / 1000;
    load.latency_us[us < BUCKETS ? us : BUCKETS - 1]++;
    load.answered++;
    if (memcmp(answer + 7, "DUNNO", 5) == 0)
        load.passed++;
    if (load.sent < options.requests)
        ask(c);
}

static void run(struct connection *connections)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    for (long i = 0; i < options.connections; i++) {
        struct connection *c = &connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        c->fd = connect_target();
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) == -1)
            die("epoll_ctl");
    }
    for (long i = 0; i < options.connections && i < options.requests; i++)
        ask(&connections[i]);
    while (load.answered < load.sent) {
        int count = epoll_wait(epoll, events, 64, 10000);
        if (count == 0) {
            errno = ETIMEDOUT;
            die("answer");
        }
        for (int i = 0; i < count; i++)
            on_answer(events[i].data.ptr);
    }
}

/* CPU that a process has used, in seconds; fields 14 and 15 of its stat. */
static double cpu_of(long pid)
{
    char path[64], line[1024] = "";
    unsigned long user = 0, system = 0;

    if (pid == 0)
        return 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL || fgets(line, sizeof line, file) == NULL)
        die(path);
    fclose(file);
    const char *rest = strrchr(line, ')');
    if (rest == NULL ||
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
            &user, &system) != 2)
        die(path);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double own_cpu(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static unsigned percentile(double share)
{
    double wanted = share * (double)load.answered, seen = 0;
    unsigned us = 0;

    while (us < BUCKETS - 1 && (seen += load.latency_us[us]) < wanted)
        us++;
    return us;
}

static void usage(void)
{
    fprintf(stderr,
        "usage: policy_load [--connections N] [--requests N] [--clients N]\n"
        "  [--recipients N] [--end-of-message] [--pid SERVER]\n"
        "  unix:PATH | inet:PORT\n");
    exit(2);
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"connections", required_argument, NULL, 'c'},
        {"requests", required_argument, NULL, 'n'},
        {"clients", required_argument, NULL, 'k'},
        {"recipients", required_argument, NULL, 'r'},
        {"pid", required_argument, NULL, 'p'},
        {"end-of-message", no_argument, NULL, 'e'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        long number = optarg != NULL ? strtol(optarg, NULL, 10) : 1;
        if (number < 1)
            usage();
        switch (option) {
        case 'c':
            options.connections = number;
            break;
        case 'n':
            options.requests = number;
            break;
        case 'k':
            options.clients = number;
            break;
        case 'r':
            options.recipients = number;
            break;
        case 'p':
            options.pid = number;
            break;
        case 'e':
            options.ends_messages = true;
            break;
        default:
            usage();
        }
    }
    if (optind != argc - 1 || strchr(argv[optind], ':') == NULL)
        usage();
    options.target = argv[optind];
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    struct connection *connections =
        calloc((size_t)options.connections, sizeof *connections);
    if (connections == NULL)
        die("connections");

    double cpu = cpu_of(options.pid), own = own_cpu();
    uint64_t began_ns = now_ns();
    run(connections);
    double seconds = (double)(now_ns() - began_ns) / 1e9;
    double requests = (double)load.answered;
    cpu = cpu_of(options.pid) - cpu;
    own = own_cpu() - own;

    printf("{\"requests\": %ld, \"passed\": %ld, \"seconds\": %.3f, "
           "\"requests_per_second\": %.0f, \"p50_us\": %u, \"p99_us\": %u, "
           "\"max_us\": %u, "
           "\"load_cpu_us\": %.2f, \"server_cpu_us\": %.2f}\n",
        load.answered, load.passed, seconds, requests / seconds,
        percentile(0.50), percentile(0.99), percentile(1), own / requests * 1e6,
        cpu / requests * 1e6);
    free(connections);
    return 0;
}
