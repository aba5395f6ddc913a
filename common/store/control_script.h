/*
 * control_script.h - calls of control.lua.
 *
 * The script goes along with each call but those that are made often: they
 * name it, and take it along when the server does not know it. So nobody has
 * to load it, and any server of a cluster learns it by itself.
 */
#ifndef TOLLGATE_STORE_CONTROL_SCRIPT_H
#define TOLLGATE_STORE_CONTROL_SCRIPT_H

#include "common/redis/connection.h"
#include "common/store/script_call.h"

#define CONTROL_KEYS      7
#define CONTROL_WORDS_MAX 82 /* of a call, its verb included */

struct control_script {
    char keys[CONTROL_KEYS][SCRIPT_KEY_SIZE];
    size_t key_lens[CONTROL_KEYS];
    char sha[41];
};

struct control_word {
    const char *text;
    size_t len;
};

/* The holder is borrowed. */
void control_script_init(struct control_script *, const struct script_holder *);

/* by_name: NOSCRIPT may be the answer. False: not sent, and no on_reply. */
bool control_script_call(const struct control_script *,
    struct redis_connection *, struct redis_call *, bool by_name,
    const struct control_word *words, size_t count);

static inline struct control_word control_word(const char *text, size_t len)
{
    return (struct control_word){text, len};
}

#endif
