/*
 * bare_refuser.c - the least that refusing a connection can cost.
 *
 * One connection after the other is accepted, its first bytes are read, one
 * line is written, and it is closed. Ends at the first signal.
 *
 * Usage: bare_refuser PORT (on 127.0.0.1)
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static void refuse(int fd)
{
    static const char line[] = "421 4.7.0 Error: too many connections\r\n";
    char header[512];

    if (read(fd, header, sizeof header) > 0 &&
        write(fd, line, sizeof line - 1) == -1)
        die("write");
    close(fd);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    if (argc != 2)
        return 2;
    address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1 ||
        listen(fd, 4096) == -1)
        die(argv[1]);
    for (;;) {
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (client == -1)
            die("accept4");
        refuse(client);
    }
}
