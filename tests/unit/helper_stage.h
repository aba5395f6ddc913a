/*
 * helper_stage.h - the program tollgate-anvil-pass between a test that plays
 * smtpd, on its descriptor 0, and policyd, on its socket. One global `stage`.
 */
#ifndef TOLLGATE_TESTS_HELPER_STAGE_H
#define TOLLGATE_TESTS_HELPER_STAGE_H

#include "tests/unit/unit.h"

#include "policyd/anvil_pass.h"

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#define SOON_MS 500 /* far from ANVIL_PASS_TIMEOUT_MS on a busy machine */
#define LATE_MS (ANVIL_PASS_TIMEOUT_MS + 1000) /* it hangs */

struct helper_stage {
    char directory[64];
    struct sockaddr_un address; /* of policyd */
    int listener;               /* -1: policyd is away */
    int smtpd;                  /* smtpd's end of the connection */
    pid_t pid;                  /* of the helper; 0: it has ended */
    int status;
};

extern struct helper_stage stage;

int stage_set_up(void **state); /* policyd is away, no helper runs */
int stage_tear_down(void **state);
/* Runs the helper as spawn(8) does; option may be NULL. */
void stage_start(const char *option);
/* Its exit status, when it has ended by itself. */
int stage_wait(void);

void policyd_listen(void);
/* The next offer's descriptor; *link_r is the connection that it came on. */
int policyd_receive(char *byte_r, int *link_r);
bool policyd_take(int link); /* false: the offer has been taken back */

void smtpd_say(const char *text);
/* Exactly this text, within the time; "" is the end of the connection. */
void smtpd_expect(const char *text, int within_ms);

bool stage_is_readable(int fd, int timeout_ms);
int64_t stage_now_ms(void);

#endif
