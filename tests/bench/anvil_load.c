/*
 * anvil_load.c - a closed loop of anvil clients, for comparing round trips.
 *
 * Plays N smtpd processes over one unix socket, policyd's or the real
 * private/anvil: each sends connect, message, R recipients and disconnect for
 * one of K clients after the other, the next request when the last has been
 * answered. Prints one JSON object. Exits 1 when an answer is not status=0 or
 * a connection is lost: a benchmark of errors is worthless.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BATCH   64
#define SERVICE "12525"

struct options {
    const char *path;
    unsigned connections, clients, recipients;
    unsigned long requests; /* to be answered in all */
    bool is_greeted;
};

enum step { STEP_CONNECT, STEP_MESSAGE, STEP_RECIPIENT, STEP_DISCONNECT };

struct smtpd {
    int fd;
    bool is_waiting_for_greeting;
    enum step step;
    unsigned recipients; /* sent of this message */
    unsigned client;
    uint64_t sent_ns;
    char answer[256];
    size_t len;
};

struct load {
    struct options options;
    struct smtpd *smtpds;
    int epoll;
    unsigned next_client;
    unsigned long sent, answered;
    uint32_t *round_trips_ns; /* one per answer */
};

static void die(const char *what)
{
    fprintf(stderr, "anvil_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void smtpd_open(struct load *load, struct smtpd *smtpd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = smtpd};
    size_t len = strlen(load->options.path);

    if (len >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        die(load->options.path);
    }
    memcpy(address.sun_path, load->options.path, len);
    smtpd->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (smtpd->fd == -1 ||
        connect(smtpd->fd, (struct sockaddr *)&address, sizeof address) == -1)
        die(load->options.path);
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, smtpd->fd, &event) == -1)
        die("epoll_ctl");
    smtpd->is_waiting_for_greeting = load->options.is_greeted;
}

static void smtpd_send(struct load *load, struct smtpd *smtpd)
{
    static const char *const names[] = {
        [STEP_CONNECT] = "connect",
        [STEP_MESSAGE] = "message",
        [STEP_RECIPIENT] = "recipient",
        [STEP_DISCONNECT] = "disconnect",
    };
    char text[128];
    int len;

    if (smtpd->step == STEP_CONNECT)
        smtpd->client = load->next_client++ % load->options.clients;
    len = snprintf(text, sizeof text,
        "request=%s\nident=" SERVICE ":10.%u.%u.%u\n\n", names[smtpd->step],
        smtpd->client >> 16 & 255, smtpd->client >> 8 & 255,
        smtpd->client & 255);
    if (len < 0 || (size_t)len >= sizeof text)
        die("request");
    smtpd->sent_ns = now_ns();
    if (send(smtpd->fd, text, (size_t)len, MSG_NOSIGNAL) != len)
        die("send");
    load->sent++;
}

static void smtpd_step(struct load *load, struct smtpd *smtpd)
{
    switch (smtpd->step) {
    case STEP_CONNECT:
        smtpd->step = STEP_MESSAGE;
        break;
    case STEP_MESSAGE:
        smtpd->recipients = 0;
        smtpd->step =
            load->options.recipients > 0 ? STEP_RECIPIENT : STEP_DISCONNECT;
        break;
    case STEP_RECIPIENT:
        if (++smtpd->recipients >= load->options.recipients)
            smtpd->step = STEP_DISCONNECT;
        break;
    case STEP_DISCONNECT:
        smtpd->step = STEP_CONNECT;
        break;
    }
}

static void smtpd_answered(struct load *load, struct smtpd *smtpd)
{
    if (smtpd->is_waiting_for_greeting) {
        smtpd->is_waiting_for_greeting = false;
    } else {
        uint64_t took = now_ns() - smtpd->sent_ns;
        if (strncmp(smtpd->answer, "status=0\n", 9) != 0) {
            fprintf(stderr, "anvil_load: bad answer: %s", smtpd->answer);
            exit(1);
        }
        if (load->answered < load->options.requests)
            load->round_trips_ns[load->answered++] =
                took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
        smtpd_step(load, smtpd);
    }
    if (load->sent < load->options.requests)
        smtpd_send(load, smtpd);
}

static void smtpd_read(struct load *load, struct smtpd *smtpd)
{
    ssize_t got = recv(smtpd->fd, smtpd->answer + smtpd->len,
        sizeof smtpd->answer - 1 - smtpd->len, MSG_DONTWAIT);

    if (got == -1 && errno == EAGAIN)
        return;
    if (got <= 0)
        die("connection lost");
    smtpd->len += (size_t)got;
    smtpd->answer[smtpd->len] = '\0';
    if (smtpd->len < 2 ||
        memcmp(smtpd->answer + smtpd->len - 2, "\n\n", 2) != 0)
        return;
    smtpd->len = 0;
    smtpd_answered(load, smtpd);
}

static void load_run(struct load *load)
{
    struct epoll_event events[BATCH];

    for (unsigned i = 0; i < load->options.connections; i++)
        smtpd_open(load, &load->smtpds[i]);
    if (!load->options.is_greeted)
        for (unsigned i = 0; i < load->options.connections; i++)
            smtpd_send(load, &load->smtpds[i]);
    while (load->answered < load->options.requests) {
        int ready = epoll_wait(load->epoll, events, BATCH, 10000);
        if (ready == 0)
            errno = ETIMEDOUT;
        if (ready <= 0)
            die("waiting");
        for (int i = 0; i < ready; i++)
            smtpd_read(load, events[i].data.ptr);
    }
}

static int compare(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static double microseconds(const struct load *load, double quantile)
{
    size_t at = (size_t)(quantile * (double)(load->answered - 1));

    return (double)load->round_trips_ns[at] / 1000;
}

static void load_print(struct load *load, uint64_t took_ns)
{
    qsort(load->round_trips_ns, load->answered, sizeof(uint32_t), compare);
    printf("{\"connections\": %u, \"clients\": %u, \"recipients\": %u, "
           "\"requests\": %lu, \"seconds\": %.3f, \"requests_per_second\": "
           "%.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n",
        load->options.connections, load->options.clients,
        load->options.recipients, load->answered, (double)took_ns / 1e9,
        (double)load->answered * 1e9 / (double)took_ns, microseconds(load, 0.5),
        microseconds(load, 0.99), microseconds(load, 1));
}

static _Noreturn void usage(void)
{
    fputs("usage: anvil_load [-c CONNECTIONS] [-k CLIENTS] [-r RECIPIENTS]\n"
          "                  [-n REQUESTS] [-g] SOCKET\n"
          "-g: the server sends no greeting\n",
        stderr);
    exit(2);
}

static unsigned number(const char *text, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || value > most)
        usage();
    return (unsigned)value;
}

static struct options read_options(int argc, char **argv)
{
    struct options options = {.connections = 20,
        .clients = 10000,
        .recipients = 1,
        .requests = 100000,
        .is_greeted = true};
    int option;

    while ((option = getopt(argc, argv, "c:k:r:n:g")) != -1) {
        if (option == 'c')
            options.connections = number(optarg, 10000);
        else if (option == 'k')
            options.clients = number(optarg, 1u << 24);
        else if (option == 'r')
            options.recipients = number(optarg, 1000);
        else if (option == 'n')
            options.requests = number(optarg, 100000000);
        else if (option == 'g')
            options.is_greeted = false;
        else
            usage();
    }
    if (optind != argc - 1 || options.connections == 0 ||
        options.clients == 0 || options.requests < options.connections)
        usage();
    options.path = argv[optind];
    return options;
}

int main(int argc, char **argv)
{
    struct load load = {.options = read_options(argc, argv)};
    const struct rlimit descriptors = {65536, 65536};
    uint64_t start;

    setrlimit(RLIMIT_NOFILE, &descriptors); /* else the limit will tell */
    load.smtpds = calloc(load.options.connections, sizeof *load.smtpds);
    load.round_trips_ns = calloc(load.options.requests, sizeof(uint32_t));
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.smtpds == NULL || load.round_trips_ns == NULL || load.epoll == -1)
        die("start");
    start = now_ns();
    load_run(&load);
    load_print(&load, now_ns() - start);
    for (unsigned i = 0; i < load.options.connections; i++)
        close(load.smtpds[i].fd);
    close(load.epoll);
    free(load.round_trips_ns);
    free(load.smtpds);
    return 0;
}
