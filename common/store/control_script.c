/*
 * control_script.c - see control_script.h.
 */
#include "common/store/control_script.h"

#include "common/base/hex.h"
#include "common/store/control_lua.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

/* In the order of KEYS. */
static const char key_letters[CONTROL_KEYS] = {
    'v', 'e', 't', 's', 'b', 'l', 'r'};

void control_script_init(
    struct control_script *script, const struct script_holder *holder)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    int done = EVP_Digest(
        control_lua, sizeof control_lua - 1, digest, NULL, EVP_sha1(), NULL);
    assert(done == 1);
    (void)hex_write(script->sha, digest, (sizeof script->sha - 1) / 2);
    for (size_t i = 0; i < CONTROL_KEYS; i++)
        script->key_lens[i] =
            script_control_key(holder, key_letters[i], script->keys[i]);
}

bool control_script_call(const struct control_script *script,
    struct redis_connection *connection, struct redis_call *call, bool by_name,
    const struct control_word *words, size_t count)
{
    const char *argv[3 + CONTROL_KEYS + CONTROL_WORDS_MAX];
    size_t lens[3 + CONTROL_KEYS + CONTROL_WORDS_MAX];
    int argc = 0;
    assert(count <= CONTROL_WORDS_MAX);
    argv[argc] = by_name ? "EVALSHA" : "EVAL";
    lens[argc++] = by_name ? 7 : 4;
    argv[argc] = by_name ? script->sha : control_lua;
    lens[argc++] = by_name ? 40 : sizeof control_lua - 1;
    argv[argc] = "7";
    lens[argc++] = 1;
    for (size_t i = 0; i < CONTROL_KEYS; i++) {
        argv[argc] = script->keys[i];
        lens[argc++] = script->key_lens[i];
    }
    for (size_t i = 0; i < count; i++) {
        argv[argc] = words[i].text;
        lens[argc++] = words[i].len;
    }
    return redis_connection_call(connection, call, argc, argv, lens);
}
