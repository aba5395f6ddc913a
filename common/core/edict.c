/*
 * edict.c - see edict.h.
 *
 * Every text that comes into an edict passes here, so that one key has one
 * form, and nothing that is kept can break a line or a field of the store.
 */
#include "common/core/edict.h"

#include <stdio.h>
#include <string.h>

/* No address begins with the word of a part and a colon. */
static bool is_name(const char *key, enum key_part *part_r)
{
    size_t len = strcspn(key, ":");
    return key[len] == ':' && key[len + 1] != '\0' &&
           strlen(key) < EDICT_KEY_SIZE &&
           key_part_word_parse(key, len, part_r) && *part_r != KEY_CLIENT &&
           *part_r != KEY_CLIENT_ADDRESS && *part_r != KEY_SERVICE;
}

bool edict_set_ban(struct edict *edict, const char *key, struct error *err)
{
    edict->kind = EDICT_BAN;
    edict->net = (struct cidr){.prefix_length = 0};
    if (is_name(key, &edict->part)) {
        (void)snprintf(edict->key, sizeof edict->key, "%s:%s",
            key_part_word(edict->part), key + strcspn(key, ":") + 1);
        return true;
    }
    edict->part = KEY_CLIENT;
    if (!cidr_parse(key, &edict->net, err))
        return false;
    cidr_format(&edict->net, edict->key);
    return true;
}

void edict_set_name_ban(
    struct edict *edict, enum key_part part, const struct subject *subject)
{
    _Static_assert(
        EDICT_KEY_SIZE > SUBJECT_SIZE + 32, "a word and a subject fit");
    edict->kind = EDICT_BAN;
    edict->part = part;
    edict->net = (struct cidr){.prefix_length = 0};
    (void)snprintf(edict->key, sizeof edict->key, "%s:%s", key_part_word(part),
        subject->text + strlen("u="));
}

const char *edict_name(const struct edict *edict)
{
    return edict->key + strcspn(edict->key, ":") + 1;
}

bool edict_set_override(
    struct edict *edict, const char *limit, const char *subject)
{
    int len = snprintf(edict->key, sizeof edict->key, "%s %s", limit, subject);
    edict->kind = EDICT_OVERRIDE;
    return len > 0 && (size_t)len < sizeof edict->key;
}

const char *edict_subject(const struct edict *edict)
{
    const char *space = strchr(edict->key, ' ');
    return space == NULL ? "" : space + 1;
}

void edict_set_text(char *field, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        field[i] = byte < 0x20 || byte == 0x7f ? ' ' : text[i];
    }
    field[len] = '\0';
}
