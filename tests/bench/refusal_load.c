/*
 * refusal_load.c - connections that are refused, one after the other.
 *
 * Each sends a PROXY header of version 1, reads to the end and closes. The
 * clients that the headers name take turns. Fails if a reply is no refusal.
 * Prints {"connections": N, "seconds": S}.
 *
 * Usage: refusal_load CONNECTIONS CLIENTS PORT (on 127.0.0.1)
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The first three bytes of the reply, and all of it read. */
static void read_reply(int fd, char code_r[4])
{
    char bytes[1024];
    size_t have = 0;
    ssize_t got;

    memset(code_r, 0, 4);
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        for (ssize_t i = 0; i < got && have < 3; i++)
            code_r[have++] = bytes[i];
}

static void come(const struct sockaddr_in *to, unsigned long client)
{
    char header[128], code[4];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int len = snprintf(header, sizeof header,
        "PROXY TCP4 10.%lu.%lu.%lu 192.0.2.25 40000 25\r\n", client >> 16 & 255,
        client >> 8 & 255, client & 255);

    if (connect(fd, (const struct sockaddr *)to, sizeof *to) == -1)
        die("connect");
    if (write(fd, header, (size_t)len) != len)
        die("write");
    read_reply(fd, code);
    if (code[0] != '4' && code[0] != '5') {
        fprintf(stderr, "not refused: \"%s\"\n", code);
        exit(3);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned long connections, clients;
    double began = now_s();

    if (argc != 4)
        return 2;
    connections = strtoul(argv[1], NULL, 10);
    clients = strtoul(argv[2], NULL, 10);
    to.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
    if (connections == 0 || clients == 0)
        return 2;
    for (unsigned long i = 0; i < connections; i++)
        come(&to, 1 + i % clients);
    printf("{\"connections\": %lu, \"seconds\": %.6f}\n", connections,
        now_s() - began);
    return 0;
}
