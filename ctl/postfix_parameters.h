/*
 * postfix_parameters.h - parameters of Postfix by name, and the lists that
 * stand in their values.
 *
 * Pure. Reads what postconf prints and what Postfix itself would understand;
 * never what nobody wrote.
 */
#ifndef TOLLGATE_CTL_POSTFIX_PARAMETERS_H
#define TOLLGATE_CTL_POSTFIX_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct postfix_parameter {
    char *name;
    char *value; /* "" is a value too */
};

struct postfix_parameters {
    struct postfix_parameter *items; /* in the order they were set */
    size_t count;
};

/* Lines "name = value", as postconf prints them; others are skipped. */
void postfix_parameters_parse(
    const char *text, struct postfix_parameters *parameters_r);
/* For a name that is not there yet. */
void postfix_parameters_add(
    struct postfix_parameters *, const char *name, const char *value);
void postfix_parameters_set(
    struct postfix_parameters *, const char *name, const char *value);
/* NULL: this Postfix does not know it. */
const char *postfix_parameters_find(
    const struct postfix_parameters *, const char *name);
void postfix_parameters_clear(struct postfix_parameters *);

/* The words of a list: between commas and blanks, {...} being one word. */
struct postfix_list {
    char **words; /* NULL-terminated */
    size_t count;
};

/* The words are copies. */
void postfix_list_parse(const char *text, struct postfix_list *list_r);
/* Takes the word over; index at most count. */
void postfix_list_insert(struct postfix_list *, size_t index, char *word);
void postfix_list_remove(struct postfix_list *, size_t index);
/* Letters in either case. */
bool postfix_list_has(const struct postfix_list *, const char *word);
/* The caller frees. */
char *postfix_list_join(const struct postfix_list *, const char *separator);
void postfix_list_clear(struct postfix_list *);

/*
 * One service that smtpd is to ask: "unix:path", or
 * "{ unix:path, timeout=10s, { default_action = 451 4.3.5 text } }".
 */
struct postfix_entry {
    char *endpoint;
    struct postfix_parameters attributes;
    bool is_malformed; /* Postfix would give up on it */
};

/* postfix_entry_clear frees what it finds. */
void postfix_entry_parse(const char *word, struct postfix_entry *entry_r);
/* Frees the texts. */
void postfix_entry_clear(struct postfix_entry *);

/* "10s" "2m" "1h" "1d" "1w", or in seconds; false: none of these. */
bool postfix_time_parse(const char *text, uint64_t *ms_r);
bool postfix_is_yes(const char *value);

#endif
