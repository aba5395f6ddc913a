/*
 * notice.h - what is told of a limit that refuses, and in which words.
 *
 * Pure: the caller has the clock and the host's name. Its texts come from
 * strangers in part; here they are printable ASCII, and what is written of
 * them can be neither a line of its own in a message nor an option of a
 * program.
 */
#ifndef TOLLGATE_CORE_NOTICE_H
#define TOLLGATE_CORE_NOTICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum notice_kind {
    NOTICE_REFUSED,
    NOTICE_WOULD_REFUSE, /* by a shadow: nothing was refused */
    NOTICE_WARNED,       /* before: from notify_at on */
    NOTICE_HELD,         /* taken, into Postfix's hold queue */
    NOTICE_KINDS,
};

#define NOTICE_KEY_SIZE  512
#define NOTICE_NAME_SIZE 64
#define NOTICE_TEXT_SIZE 256

#define NOTICE_ARGUMENTS_MAX 32 /* of the command, itself among them */

/* Fixed in size, and without pointers: it goes to another process. */
struct notice {
    enum notice_kind kind;
    uint32_t count; /* 1..; how often, in the whole fleet, since the last */
    uint32_t used, allowed;
    uint64_t window_ms; /* 0: the limit has none */
    uint64_t every_ms;  /* the next comes no earlier */
    int64_t at_s;       /* unix time of what is described */
    int64_t until_s;    /* when it would pass again; 0: not known; -1: never */
    /* NUL-terminated, printable ASCII (log_escape). */
    char limit[NOTICE_NAME_SIZE];
    char key[NOTICE_KEY_SIZE]; /* as limit_key_text says it */
    char client[NOTICE_TEXT_SIZE];
    char login[NOTICE_TEXT_SIZE]; /* as Postfix gave it; "": none */
};

/* "refused", "would-refuse", "warned", "held". */
const char *notice_kind_name(enum notice_kind);

/*
 * An argument of notify, with %{client} %{key} %{limit} %{sasl_username}
 * expanded. Of a value only letters, digits and @ . _ + - = : / ~ stay, any
 * other byte becomes "_"; an argument that would begin with a value and not
 * with a letter or digit gets "_" in front. An unknown %{...} cannot come here
 * (config refuses it). True: there was room for all of it.
 */
bool notice_expand(
    const char *argument, const struct notice *, char *out, size_t size);
/* For the configuration: NULL, or where the first "%{" begins that is none of
 * these four. */
const char *notice_unknown(const char *argument);
/* Does it name the login? */
bool notice_names_login(const char *argument);

/*
 * The environment of the command: "TOLLGATE_LIMIT=..." and so on, one text
 * after the other, each with its NUL. Returns how many.
 */
#define NOTICE_VARIABLES        11
#define NOTICE_ENVIRONMENT_SIZE 2048
size_t notice_environment(const struct notice *,
    char text[NOTICE_ENVIRONMENT_SIZE], char *variables_r[NOTICE_VARIABLES]);

/* The same as a JSON object on one line: the names in lower case, numbers as
 * numbers, "until" null where it is not known; and "text", a sentence of all of
 * it, in which nothing of a stranger's is markup. The caller frees. */
char *notice_json(const struct notice *);

/*
 * A message of RFC 5322, lines ending in \n as sendmail(1) takes them, none
 * over 998 bytes, none that begins with ".". From postmaster, with no To: the
 * command knows who is told. now_s: unix time; serial: makes the Message-ID
 * unique together with it. Returns its length, below the size.
 */
#define NOTICE_MESSAGE_SIZE 4096
struct notice_sender {
    const char *host; /* as uname(2) says */
    int64_t now_s;
    uint64_t serial;
};
size_t notice_message(const struct notice *, const struct notice_sender *,
    char text[NOTICE_MESSAGE_SIZE]);

#endif
