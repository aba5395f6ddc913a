/*
 * test_choice.c - which of several certificates are served.
 */
#include "tests/unit/unit.h"

#include "common/certs/choice.h"
#include "tests/unit/issue.h"

#include <stdlib.h>
#include <string.h>

static char mail[] = "mail.example.com", host[] = "host.example.net";
static char *const names[] = {mail, NULL};
static char *const both_names[] = {mail, host, NULL};

/* A letter is a certificate: its key, its names, when it begins and ends. The
 * one that was issued last is the best, whenever it ends. */
static const struct {
    char letter;
    const char *key, *names;
    long starts, ends;
    const char *authority; /* NULL: any */
} stock[] = {
    {'a', "EC:P-256", "DNS:mail.example.com", -60, 130, NULL},
    {'b', "EC:P-256", "DNS:mail.example.com", -30, 60, NULL},
    {'c', "EC:P-256", "DNS:*.example.com", -10, 30, NULL},
    {'d', "EC:P-256", "DNS:mail.example.com", -10, 40, NULL},
    {'r', "RSA:2048", "DNS:mail.example.com", -50, 120, NULL},
    {'s', "RSA:2048", "DNS:mail.example.com", -20, 20, NULL},
    {'e', "ED25519", "DNS:mail.example.com", 0, 50, NULL},
    {'x', "EC:P-256", "DNS:mail.example.com", -90, -1, NULL}, /* expired */
    {'f', "EC:P-256", "DNS:mail.example.com", 2, 120, NULL},  /* to come */
    {'p', "EC:P-521", "DNS:mail.example.com", -1, 60, NULL},
    {'o', "EC:P-256", "DNS:other.example", -1, 200, NULL},
    {'h', "EC:P-256", "DNS:host.example.net", -20, 80, NULL},
    {'t', "EC:P-256", "DNS:mail.example.com", -2, 88, "(STAGING) Fig E5"},
    {'u', "EC:P-256", "DNS:mail.example.com", -1, 89, "(STAGING) Fig E5"},
};

static struct issued issued[COUNT(stock)];

static int fill_stock(void **state)
{
    for (size_t i = 0; i < COUNT(stock); i++)
        issued[i] = issue(&(struct issue){.key = stock[i].key,
            .authority = stock[i].authority,
            .names = stock[i].names,
            .starts_in_days = stock[i].starts,
            .ends_in_days = stock[i].ends});
    return 0;
}

static int clear_stock(void **state)
{
    for (size_t i = 0; i < COUNT(stock); i++)
        issued_clear(&issued[i]);
    return 0;
}

static size_t find(char letter)
{
    for (size_t i = 0; i < COUNT(stock); i++)
        if (stock[i].letter == letter)
            return i;
    fail_msg("no %c", letter);
    return 0;
}

/* An upper-case letter has a key that does not fit, '!' cannot be read at
 * all, '?' is a failure of the source as a whole, '_' one that is not there,
 * and '|' ends a source. */
static void look_at(struct look *look, const char *letters, char *const *wanted)
{
    static struct config_certificate_source sources[4];
    static const struct config_certificate config = {
        .sources = sources, .source_count = COUNT(sources)};

    *look =
        (struct look){.now_s = ISSUE_NOW, .config = &config, .source = sources};
    for (; *letters != '\0'; letters++) {
        char where[] = {*letters, '\0'};
        bool is_bad = *letters >= 'A' && *letters <= 'Z';
        if (*letters == '!') {
            look_add_problem(look, "!");
        } else if (*letters == '|') {
            look->source++;
        } else if (*letters == '_') {
            look_miss(look, "_", 0);
        } else if (*letters == '?') {
            look_fail(look, "?");
        } else {
            size_t i = find((char)(*letters | 0x20));
            look_add(look, wanted, where, &issued[i].chain,
                &issued[is_bad ? (i + 1) % COUNT(stock) : i].key, true);
        }
    }
}

static char letter_of(const struct chain *chain)
{
    struct error err;
    for (size_t i = 0; i < COUNT(stock); i++) {
        struct chain *one = issued_chain(&issued[i], &err);
        bool is =
            one != NULL && strcmp(one->fingerprint, chain->fingerprint) == 0;
        chain_free(&one);
        if (is)
            return stock[i].letter;
    }
    return '?';
}

static const struct {
    const char *found;   /* at the source */
    const char *in_use;  /* before */
    const char *chosen;  /* RSA, ECDSA, Ed25519; "" none */
    const char *problem; /* in it; NULL: none */
    bool is_settled, is_new_source, has_two_names, has_waited, is_waiting;
} cases[] = {
    {.found = "a", .in_use = "", .chosen = "a"},
    {.found = "ab", .in_use = "", .chosen = "b"},
    {.found = "ba", .in_use = "a", .chosen = "b"},
    {.found = "abco", .in_use = "", .chosen = "c"},
    {.found = "cd", .in_use = "", .chosen = "d"}, /* issued at once */
    {.found = "abrse", .in_use = "", .chosen = "sbe"},
    {.found = "xa", .in_use = "", .chosen = "a"},
    {.found = "o", .in_use = "", .chosen = "", .problem = "covers mail"},
    {.found = "", .in_use = "a", .chosen = "a", .problem = "covers mail"},
    {.found = "x", .in_use = "", .chosen = "", .problem = "expired"},
    {.found = "f", .in_use = "a", .chosen = "a", .problem = "not valid"},
    {.found = "fa", .in_use = "", .chosen = "a", .problem = "not valid"},
    {.found = "aB", .in_use = "", .chosen = "a", .problem = "does not fit"},
    {.found = "Ab", .in_use = "", .chosen = "b"}, /* older: no matter */
    {.found = "B", .in_use = "a", .chosen = "a", .problem = "does not fit"},
    {.found = "!", .in_use = "ra", .chosen = "ra", .problem = "!"},
    {.found = "?", .in_use = "ra", .chosen = "ra", .problem = "?"},
    {.found = "b?", .in_use = "ra", .chosen = "rb", .problem = "?"},
    /* What has gone from the source is not kept against it. */
    {.found = "b", .in_use = "a", .chosen = "b"},
    {.found = "a", .in_use = "b", .chosen = "a"},
    {.found = "a!", .in_use = "b", .chosen = "b", .problem = "!"},
    {.found = "a!",
        .in_use = "b",
        .chosen = "a",
        .problem = "!",
        .is_settled = true},
    {.found = "a!",
        .in_use = "b",
        .chosen = "a",
        .problem = "!",
        .is_new_source = true},
    /* An authority for tests is better than none. */
    {.found = "ta", .in_use = "", .chosen = "a"},
    {.found = "at", .in_use = "t", .chosen = "a"},
    {.found = "t", .in_use = "", .chosen = "t"},
    {.found = "u", .in_use = "t", .chosen = "u"},
    {.found = "t", .in_use = "a", .chosen = "a", .problem = "for tests"},
    {.found = "t", .in_use = "a", .chosen = "t", .is_new_source = true},
    {.found = "t", .in_use = "x", .chosen = "t"},
    {.found = "a", .in_use = "x", .chosen = "a"},
    {.found = "a", .in_use = "a", .chosen = "a"},
    {.found = "b", .in_use = "rb", .chosen = "b"}, /* RSA was given up */
    /* Sources are one pool. */
    {.found = "s|b", .in_use = "", .chosen = "sb"},
    {.found = "a|b", .in_use = "", .chosen = "b"},
    {.found = "b|a", .in_use = "", .chosen = "b"},
    {.found = "t|a", .in_use = "", .chosen = "a"},
    /* What is broken in one is said, whatever another has. */
    {.found = "Rb", .in_use = "ra", .chosen = "b"},
    {.found = "R|b", .in_use = "ra", .chosen = "rb", .problem = "does not fit"},
    {.found = "x|r", .in_use = "", .chosen = "r", .problem = "expired"},
    {.found = "x|a", .in_use = "", .chosen = "a"}, /* a store left behind */
    {.found = "x|r", .in_use = "xr", .chosen = "r", .problem = "expired"},
    {.found = "x", .in_use = "x", .chosen = "x", .problem = "expired"},
    {.found = "a|?", .in_use = "ra", .chosen = "ra", .problem = "?"},
    /* Rare curves come last. */
    {.found = "pa", .in_use = "", .chosen = "a"},
    {.found = "p", .in_use = "a", .chosen = "p"},
    {.found = "x|p|r", .in_use = "", .chosen = "rp"},
    {.found = "e", .in_use = "", .chosen = "e"},
    {.found = "e", .in_use = "a", .chosen = "e"},
    {.found = "e|r", .in_use = "", .chosen = "re"},
    /* What is not there is no matter, and is waited for. */
    {.found = "_|a", .in_use = "a", .chosen = "a"},
    {.found = "_|a", .in_use = "", .chosen = "a"},
    {.found = "_|a", .in_use = "ra", .chosen = "ra", .is_waiting = true},
    {.found = "_|a", .in_use = "ra", .chosen = "a", .has_waited = true},
    {.found = "_|", .in_use = "a", .chosen = "a", .problem = "_"},
    {.found = "_|o", .in_use = "", .chosen = "", .problem = "_"},
    {.found = "ah", .in_use = "", .chosen = "a", .has_two_names = true},
    {.found = "h", .in_use = "", .chosen = "h", .has_two_names = true},
    {.found = "xh", .in_use = "", .chosen = "h", .has_two_names = true},
};

static void set_in_use(
    struct chain *in_use[CHAIN_ALGORITHMS], const char *letters)
{
    struct error err;
    for (; *letters != '\0'; letters++) {
        size_t i = find(*letters);
        struct chain *chain = issued_chain(&issued[i], &err);
        assert_non_null(chain);
        in_use[chain->algorithm] = chain;
    }
}

static void check_case(size_t number)
{
    char got[CHAIN_ALGORITHMS + 1] = "";
    struct chain *in_use[CHAIN_ALGORITHMS] = {NULL};
    struct look look;
    struct choice choice;
    char *const *wanted = cases[number].has_two_names ? both_names : names;

    look_at(&look, cases[number].found, wanted);
    set_in_use(in_use, cases[number].in_use);
    choice_make(&look,
        &(struct choice_terms){.names = wanted,
            .now_s = ISSUE_NOW,
            .is_settled = cases[number].is_settled,
            .is_new_source = cases[number].is_new_source,
            .has_waited = cases[number].has_waited},
        in_use, &choice);
    assert_true((choice.is_waiting && choice.problem == NULL) ==
                cases[number].is_waiting);
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++) {
        if (choice.chains[i] != NULL) {
            size_t len = strlen(got);
            got[len] = letter_of(choice.chains[i]);
            bool is_new = strchr(cases[number].in_use, got[len]) == NULL;
            assert_true(is_new == (choice.where[i] != NULL));
        }
        chain_free(&in_use[i]);
    }
    const char *problem = choice.problem != NULL ? choice.problem : "";
    if (strcmp(got, cases[number].chosen) != 0 ||
        (cases[number].problem == NULL) != (choice.problem == NULL) ||
        strstr(problem,
            cases[number].problem != NULL ? cases[number].problem : "") == NULL)
        fail_msg("case %zu, \"%s\" over \"%s\": chose \"%s\", problem \"%s\"",
            number, cases[number].found, cases[number].in_use, got, problem);
    choice_clear(&choice);
    look_clear(&look);
}

TEST(choice)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        check_case(i);
}

TEST(text_holds_all_in_turn)
{
    struct chain *chains[CHAIN_ALGORITHMS] = {NULL};
    size_t len;
    set_in_use(chains, "rae");
    char *pem = choice_pem(chains, &len);
    assert_int_equal(len, chains[CHAIN_RSA]->pem_len +
                              chains[CHAIN_ECDSA]->pem_len +
                              chains[CHAIN_ED25519]->pem_len);
    assert_int_equal(strlen(pem), len);
    assert_ptr_equal(strstr(pem, chains[CHAIN_RSA]->pem), pem);
    for (unsigned i = 0; i < CHAIN_ALGORITHMS; i++)
        chain_free(&chains[i]);
    free(pem);
}

RUN_TESTS(fill_stock, clear_stock)
