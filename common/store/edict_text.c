/*
 * edict_text.c - see edict_text.h.
 */
#include "common/store/edict_text.h"

#include "common/base/decimal.h"
#include "common/config/option_checks.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char letters[EDICT_KINDS] = {
    [EDICT_BAN] = 'b',
    [EDICT_OVERRIDE] = 'o',
};

static const char blocked[] = "x";
static const char total = 't'; /* before the number: of all logins together */

size_t edict_write_id(const struct edict *edict, char id[EDICT_ID_SIZE])
{
    int len =
        snprintf(id, EDICT_ID_SIZE, "%c%s", letters[edict->kind], edict->key);
    assert(len > 0 && len < EDICT_ID_SIZE);
    return (size_t)len;
}

size_t edict_write_text(const struct edict *edict, char text[EDICT_TEXT_SIZE])
{
    char n[16];
    (void)snprintf(n, sizeof n, edict->is_total ? "t%" PRIu32 : "%" PRIu32,
        edict->is_automatic ? 1 : edict->n);
    int len = snprintf(text, EDICT_TEXT_SIZE, "%s\t%" PRIu64 "\t%s\t%s%s%s",
        edict->is_blocked ? blocked : n, edict->window_ms, edict->who,
        edict->reason, edict->action[0] != '\0' ? "\t" : "", edict->action);
    assert(len > 0 && len < EDICT_TEXT_SIZE);
    return (size_t)len;
}

bool edict_read_id(struct edict *edict, const char *id, size_t len)
{
    char key[EDICT_KEY_SIZE];
    struct error err;
    if (len < 2 || len > sizeof key || memchr(id, '\0', len) != NULL)
        return false;
    memcpy(key, id + 1, len - 1);
    key[len - 1] = '\0';
    if (id[0] == letters[EDICT_BAN])
        return edict_set_ban(edict, key, &err);
    char *space = strchr(key, ' ');
    if (id[0] != letters[EDICT_OVERRIDE] || space == NULL)
        return false;
    *space = '\0';
    return edict_set_override(edict, key, space + 1);
}

/* Digits up to a tab; false: too many, or none. */
static bool read_number(const char **text, uint64_t max, uint64_t *number_r)
{
    return decimal_read(text, max, number_r) && *(*text)++ == '\t';
}

/* What stands behind the reason; *text is cut before it. */
static void read_action(struct edict *edict, char *text)
{
    char *tab = text + strcspn(text, "\t");
    struct error ignored;

    edict->action[0] = '\0';
    if (*tab == '\0')
        return;
    *tab = '\0';
    if (edict->kind == EDICT_BAN && edict->part != KEY_CLIENT &&
        strlen(tab + 1) < sizeof edict->action &&
        option_check_ban_action(tab + 1, &ignored))
        edict_set_text(edict->action, sizeof edict->action, tab + 1);
}

bool edict_read_text(struct edict *edict, const char *text, size_t len)
{
    char copy[EDICT_TEXT_SIZE];
    const char *at = copy;
    uint64_t n, window_ms;
    if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    bool is_blocked =
        edict->kind == EDICT_OVERRIDE && at[0] == blocked[0] && at[1] == '\t';
    bool is_total = edict->kind == EDICT_OVERRIDE && at[0] == total;
    at += is_total;
    if (is_blocked) {
        n = 0;
        at += strlen("x\t");
    } else if (!read_number(&at, UINT32_MAX, &n) || (is_total && n == 0)) {
        return false;
    }
    if (!read_number(&at, UINT64_C(366) * 86400 * 1000, &window_ms))
        return false;
    char *tab = copy + (at - copy) + strcspn(at, "\t");
    if (*tab == '\0')
        return false;
    *tab = '\0';
    edict->is_automatic = edict->kind == EDICT_BAN && n == 1;
    edict->is_blocked = is_blocked;
    edict->is_total = is_total;
    edict->n = (uint32_t)n;
    edict->window_ms = window_ms;
    edict_set_text(edict->who, sizeof edict->who, at);
    read_action(edict, tab + 1);
    edict_set_text(edict->reason, sizeof edict->reason, tab + 1);
    return true;
}
