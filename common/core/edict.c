/*
 * edict.c - see edict.h.
 *
 * Every text that comes into an edict passes here, so that one key has one
 * form, and nothing that is kept can break a line or a field of the store.
 */
#include "common/core/edict.h"

#include <stdio.h>
#include <string.h>

bool edict_set_ban(struct edict *edict, const char *net, struct error *err)
{
    edict->kind = EDICT_BAN;
    if (!cidr_parse(net, &edict->net, err))
        return false;
    cidr_format(&edict->net, edict->key);
    return true;
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
