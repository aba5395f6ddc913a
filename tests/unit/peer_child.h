/*
 * peer_child.h - processes that have their descriptors as some smtpd might,
 * and connect to a unix socket of the test.
 *
 * A has_* function runs in the child, before it connects, and returns the
 * local port that a proof is to find; 0: none.
 */
#ifndef TOLLGATE_TESTS_PEER_CHILD_H
#define TOLLGATE_TESTS_PEER_CHILD_H

#include <stdint.h>
#include <sys/types.h>

struct child {
    pid_t pid;
    int fd; /* our end of its connection */
    uint16_t port;
    char path[64];
};

/* Returns once it has connected. */
void child_start(struct child *, uint16_t (*arrange)(void));
/* Returns once it has done what it was to do later. */
void child_go_on(const struct child *);
/* It ends when our end is closed. */
void child_end(struct child *);

/* On loopback; end the process if they fail. */
int listen_at(int family);
int connect_to(int listener, int family);

uint16_t has_client(void);
uint16_t has_client_and_soon_another(void);
uint16_t has_client_only(void);
uint16_t has_nothing(void);
uint16_t has_path_descriptor(void);
/* Its end of our connection is out of a proof's sight. */
uint16_t has_no_unix_socket(void);
uint16_t has_listener_only(void);
uint16_t has_reset_client(void);
uint16_t has_reset_client_only(void);
uint16_t has_two_clients(void);
uint16_t has_unbound_socket_too(void);
uint16_t has_many_others(void);
uint16_t has_table_over_inet(void);
uint16_t has_ipv6_client(void);
uint16_t has_ipv6_client_only(void);
uint16_t has_ipv6_client_too(void); /* beside one of IPv4 */
uint16_t has_mapped_client(void);
uint16_t has_high_client(void);
uint16_t has_far_client(void);

#endif
