/*
 * fuzz_store_text.c - what other daemons have put into the store: ids and
 * texts of bans and overrides, and boards of the heaviest keys.
 */
#include "common/core/top_list.h"
#include "common/store/edict_text.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* What is taken can be written, and is the same when it is read again. */
static void try_id(const char *bytes, size_t size)
{
    struct edict edict = {.kind = EDICT_BAN, .part = KEY_SASL_USERNAME};
    struct edict again = edict;
    char id[EDICT_ID_SIZE];

    if (!edict_read_id(&edict, bytes, size))
        return;
    size_t len = edict_write_id(&edict, id);
    FUZZ_REQUIRE(edict_read_id(&again, id, len));
    FUZZ_REQUIRE(again.kind == edict.kind);
    FUZZ_REQUIRE(strcmp(again.key, edict.key) == 0);
}

static void try_text(const char *bytes, size_t size)
{
    struct edict edict = {.kind = EDICT_BAN, .part = KEY_SASL_USERNAME};
    struct edict again = edict;
    char text[EDICT_TEXT_SIZE];

    if (!edict_read_text(&edict, bytes, size))
        return;
    FUZZ_REQUIRE(strchr(edict.reason, '\t') == NULL);
    FUZZ_REQUIRE(strchr(edict.reason, '\n') == NULL);
    size_t len = edict_write_text(&edict, text);
    FUZZ_REQUIRE(edict_read_text(&again, text, len));
    FUZZ_REQUIRE(again.n == edict.n && again.window_ms == edict.window_ms);
    FUZZ_REQUIRE(strcmp(again.who, edict.who) == 0);
    FUZZ_REQUIRE(strcmp(again.reason, edict.reason) == 0);
    FUZZ_REQUIRE(strcmp(again.action, edict.action) == 0);
}

static void try_board(const char *bytes, size_t size)
{
    struct top_lists *lists = calloc(1, sizeof *lists);
    char text[6000];

    FUZZ_REQUIRE(lists != NULL);
    (void)top_lists_read(lists, bytes, size);
    for (unsigned face = 0; face < FACES; face++)
        for (unsigned kind = 0; kind < EVENT_KINDS; kind++) {
            struct top_list *list = &lists->of[face][kind];
            top_list_settle(list, 20);
            FUZZ_REQUIRE(list->count <= 20);
            for (size_t i = 0; i < list->count; i++) {
                FUZZ_REQUIRE(list->rows[i].least <= list->rows[i].most);
                FUZZ_REQUIRE(strpbrk(list->rows[i].key, "\n\033") == NULL);
            }
            FUZZ_REQUIRE(
                top_list_write(list, (enum face)face, (enum event_kind)kind,
                    text, sizeof text) <= sizeof text);
        }
    top_lists_clear(lists);
    free(lists);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;

    try_id(bytes, size);
    try_text(bytes, size);
    try_board(bytes, size);
    return 0;
}
