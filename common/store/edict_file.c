/*
 * edict_file.c - see edict_file.h.
 *
 * Four texts for each, with a NUL after each of them: id, until, set, and the
 * rest. Until when is by the clock of the machine since its start, which both
 * processes share; and a text, because the other one may be of another version.
 * The bans come last, names behind networks: an older version reads up to them.
 */
#include "common/store/edict_file.h"

#include "common/store/edict_text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void write_edict(FILE *file, const struct edict *edict)
{
    char id[EDICT_ID_SIZE], text[EDICT_TEXT_SIZE];

    (void)edict_write_id(edict, id);
    (void)edict_write_text(edict, text);
    fprintf(file, "%s%c%" PRIu64 "%c%" PRIu64 "%c%s%c", id, '\0',
        edict->until_ms, '\0', edict->set_ms, '\0', text, '\0');
}

static bool write_all(int fd, const struct edict_table *table)
{
    int copy = dup(fd);
    FILE *file = copy == -1 ? NULL : fdopen(copy, "w");
    const struct edict *edict;

    if (file == NULL) {
        if (copy != -1)
            close(copy);
        return false;
    }
    for (unsigned kind = EDICT_KINDS; kind-- > 0;)
        for (size_t i = 0;
             (edict = edict_table_at(table, (enum edict_kind)kind, i)) != NULL;
             i++)
            write_edict(file, edict);
    return fclose(file) == 0;
}

/* The seal is also how the successor knows it from any other descriptor. */
static bool seal(int fd)
{
    return fcntl(fd, F_ADD_SEALS,
               F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0;
}

int edict_file_write(const struct edict_table *table, struct error *err)
{
    int fd = memfd_create("tollgate-edicts", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd != -1 && write_all(fd, table) && seal(fd))
        return fd;
    error_set(err, "bans and overrides: %s", strerror(errno));
    if (fd != -1)
        close(fd);
    return -1;
}

enum { FIELD_ID, FIELD_UNTIL, FIELD_SET, FIELD_TEXT, FIELDS };

struct record {
    char *fields[FIELDS];
    size_t sizes[FIELDS]; /* allocated */
    size_t lens[FIELDS];
};

/* False: the file has ended, or a field has no end. */
static bool read_record(FILE *file, struct record *record)
{
    for (size_t i = 0; i < FIELDS; i++) {
        ssize_t len =
            getdelim(&record->fields[i], &record->sizes[i], '\0', file);
        if (len <= 0 || record->fields[i][len - 1] != '\0' ||
            (record->lens[i] = (size_t)len - 1) != strlen(record->fields[i]))
            return false;
    }
    return true;
}

static bool read_time(const char *text, uint64_t *time_r)
{
    char *end;

    errno = 0;
    *time_r = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && text[0] != '-';
}

static bool put_record(struct edict_table *table, const struct record *record)
{
    struct edict edict = {.kind = EDICT_BAN};

    if (!edict_read_id(
            &edict, record->fields[FIELD_ID], record->lens[FIELD_ID]) ||
        !read_time(record->fields[FIELD_UNTIL], &edict.until_ms) ||
        !read_time(record->fields[FIELD_SET], &edict.set_ms) ||
        !edict_read_text(
            &edict, record->fields[FIELD_TEXT], record->lens[FIELD_TEXT]))
        return false;
    edict_table_put(table, &edict);
    return true;
}

static bool is_at_end(FILE *file)
{
    int next = getc(file);

    return next == EOF || ungetc(next, file) == EOF;
}

static bool read_all(FILE *file, struct edict_table *table)
{
    struct record record = {.lens = {0}};
    bool is_good = true;

    rewind(file);
    for (size_t i = 0; is_good && i < EDICTS_MAX && !is_at_end(file); i++)
        is_good = read_record(file, &record) && put_record(table, &record);
    for (size_t i = 0; i < FIELDS; i++)
        free(record.fields[i]);
    return is_good && !ferror(file);
}

bool edict_file_read(struct edict_table *table, int fd)
{
    FILE *file = fdopen(fd, "r");

    if (file == NULL) {
        close(fd);
        return false;
    }
    bool is_good = read_all(file, table);
    fclose(file);
    return is_good;
}
