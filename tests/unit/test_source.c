/*
 * test_source.c - what is found in each kind of place.
 */
#include "tests/unit/unit.h"

#include "common/base/alloc.h"
#include "common/certs/source.h"
#include "tests/unit/certs_stage.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* a and b are for mail.example.com, w for its wildcard, o for another. */
static const struct {
    char letter;
    const char *names;
} stock[] = {
    {'a', "DNS:mail.example.com"},
    {'b', "DNS:b.example.com,DNS:mail.example.com"},
    {'w', "DNS:*.example.com"},
    {'o', "DNS:other.example"},
};

static struct issued issued[COUNT(stock)];

static int fill_stock(void **state)
{
    for (size_t i = 0; i < COUNT(stock); i++)
        issued[i] =
            issue(&(struct issue){.key = "EC:P-256", .names = stock[i].names});
    return 0;
}

static int clear_stock(void **state)
{
    for (size_t i = 0; i < COUNT(stock); i++)
        issued_clear(&issued[i]);
    return 0;
}

/* What each % stands for: the chain of a letter, its key if it is upper case;
 * in base64 if the text is JSON. */
static char *piece_of(char letter, bool is_json)
{
    size_t i = 0;

    while (stock[i].letter != (letter | 0x20))
        i++;
    const struct file_text *text =
        letter & 0x20 ? &issued[i].chain : &issued[i].key;
    if (!is_json)
        return xstrdup(text->bytes);
    char *encoded = xcalloc(1, text->len * 2);
    EVP_EncodeBlock((unsigned char *)encoded,
        (const unsigned char *)text->bytes, (int)text->len);
    return encoded;
}

static void put(struct certs_stage *stage, const char *path, const char *text)
{
    bool is_json = strchr("{[\"", text[0]) != NULL;
    char *out = xstrdup("");

    for (const char *at = text; *at != '\0'; at++) {
        char *piece =
            *at == '%' ? piece_of(*++at, is_json) : xprintf("%c", *at);
        char *longer = xprintf("%s%s", out, piece);
        free(out);
        free(piece);
        out = longer;
    }
    stage_write(stage, path, out, strlen(out));
    free(out);
}

struct file {
    const char *path, *text;
};

#define ENTRY(main, letter, upper) \
    "{\"domain\":{\"main\":\"" main "\"},\"certificate\":\"%" letter \
    "\",\"key\":\"%" upper "\",\"Store\":\"default\"}"

/* found: a letter for each candidate, ! for one that is not sound. says: of
 * the place as a whole, or of the first that is not sound. */
static const struct {
    const char *source;
    struct file files[6];
    const char *found, *says;
} cases[] = {
    {"certbot:%s/l", {{"l/fullchain.pem", "%a"}, {"l/privkey.pem", "%A"}}, "a",
        NULL},
    {"certbot:%s/l", {{"l/fullchain.pem", "%a"}, {"l/privkey.pem", "%B"}}, "!",
        "the key does not fit"},
    {"certbot:%s/l", {{"l/fullchain.pem", "%a"}}, "!",
        "l/privkey.pem: No such file"},
    {"certbot:%s/l", {{"l/privkey.pem", "%A"}}, "!",
        "l/fullchain.pem: No such file"},
    {"certbot:%s/l", {{"l/fullchain.pem", "%o"}, {"l/privkey.pem", "%O"}}, "",
        NULL},
    /* Several lineages: their names decide. */
    {"certbot:%s/live",
        {{"live/mail.example.com/fullchain.pem", "%a"},
            {"live/mail.example.com/privkey.pem", "%A"},
            {"live/mail.example.com-0001/fullchain.pem", "%b"},
            {"live/mail.example.com-0001/privkey.pem", "%B"},
            {"live/other.example/fullchain.pem", "%o"}, {"live/README", "x"}},
        "ab", NULL},
    {"certbot:%s/le",
        {{"le/live/any/fullchain.pem", "%w"}, {"le/live/any/privkey.pem", "%W"},
            {"le/renewal/x", "x"}},
        "w", NULL},
    {"certbot:%s/_archive",
        {{"_archive/G2MOnW/fullchain.pem", "%a"},
            {"_archive/G2MOnW/privkey.pem", "%A"}, {"_archive/DEFAULT", "x"}},
        "a", NULL},
    {"certbot:%s/live", {{"live/mail.example.com/privkey.pem", "%A"}}, "!",
        "fullchain.pem: No such file"},
    {"certbot:%s/none", {{NULL, NULL}}, "", "none: No such file"},
    {"pem:%s/c,%s/k", {{"c", "%w"}, {"k", "%W"}}, "w", NULL},
    {"pem:%s/c,%s/k,%s/x", {{"c", "%w"}, {"k", "%W"}, {"x", "%o"}}, "w", NULL},
    {"pem:%s/c,%s/k,%s/x", {{"c", "%w"}, {"k", "%W"}}, "!", "x: No such file"},
    {"pem:%s/c,%s/k", {{"c", ""}, {"k", "%W"}}, "!", "c: empty"},
    {"combined:%s/c", {{"c", "%A%a"}}, "a", NULL},
    {"combined:%s/c", {{"c", "%a%A"}}, "a", NULL},
    {"combined:%s/c", {{"c", "%A%a%B%b"}}, "ab", NULL},
    {"combined:%s/c", {{"c", "%a%b%B%A"}}, "ab", NULL},
    {"combined:%s/c", {{"c", "%a"}}, "!", "no private key"},
    {"combined:%s", {{NULL, NULL}}, "!", "not a file"},
    {"k8s:%s/s", {{"s/tls.crt", "%a"}, {"s/tls.key", "%A"}}, "a", NULL},
    {"k8s:%s/s", {{"s/tls.crt", "%a"}}, "!", "s/tls.key: No such file"},

    {"caddy:%s/d",
        {{"d/certificates/le/mail.example.com/mail.example.com.crt", "%a"},
            {"d/certificates/le/mail.example.com/mail.example.com.key", "%A"},
            {"d/certificates/ca/wildcard_.example.com/"
             "wildcard_.example.com.crt",
                "%w"},
            {"d/certificates/ca/wildcard_.example.com/"
             "wildcard_.example.com.key",
                "%W"},
            {"d/certificates/ca/other.example/other.example.crt", "%a"}},
        "aw", NULL},
    {"caddy:%s/d",
        {{"d/certificates/le/mail.example.com/mail.example.com.key", "%A"}},
        "!", "mail.example.com.crt: No such file"},
    {"caddy:%s/d", {{"d/x", ""}}, "", "d/certificates: No such file"},

    {"acme-companion:%s/d",
        {{"d/mail.example.com/fullchain.pem", "%a"},
            {"d/mail.example.com/key.pem", "%A"}, {"d/any/fullchain.pem", "%w"},
            {"d/any/key.pem", "%W"}, {"d/half/fullchain.pem", "%b"},
            {"d/.hidden", "%b"}},
        "aw", NULL},
    {"acme-companion:%s/d",
        {{"d/mail.example.com.crt", "%b"}, {"d/mail.example.com.key", "%B"},
            {"d/dhparam.pem", "x"}},
        "b", NULL},
    {"acme-companion:%s/d",
        {{"d/mail.example.com.crt", "x"}, {"d/mail.example.com.key", "%B"},
            {"d/other.example.crt", "x"}, {"d/other.example.key", "%O"}},
        "!", "no certificate in it"},
    {"acme-companion:%s/d",
        {{"d/_test_mail.example.com/fullchain.pem", "%a"},
            {"d/_test_mail.example.com/key.pem", "%A"}},
        "", NULL},
    {"acme-companion:%s/none", {{NULL, NULL}}, "", "none: No such file"},

    {"traefik:%s/a",
        {{"a",
            "{\"le\":{\"Account\":{\"Email\":\"a@b\"},"
            "\"Certificates\":[" ENTRY("x", "a", "A") "," ENTRY(
                "y", "o", "O") "," ENTRY("z", "b",
                "B") "]},\"zero\":{\"Account\":null,"
                     "\"Certificates\":null},\"ssl\":{\"certificates\":[" ENTRY(
                         "w", "w", "W") "]}}"}},
        "abw", NULL},
    {"traefik:%s/a",
        {{"a",
            "{\"Account\":{},\"Certificates\":["
            "{\"Domain\":{\"Main\":\"mail.example.com\",\"SANs\":null},"
            "\"Certificate\":\"%a\",\"Key\":\"%A\"}],\"HTTPChallenges\":{}}"}},
        "a", NULL},
    {"traefik:%s/a#ssl",
        {{"a", "{\"le\":{\"Certificates\":[" ENTRY(
                   "x", "a", "A") "]},\"ssl\":{\"Certificates\":[" ENTRY("w",
                   "w", "W") "]}}"}},
        "w", NULL},
    {"traefik:%s/a#no",
        {{"a", "{\"le\":{\"Certificates\":[" ENTRY("x", "a", "A") "]}}"}}, "",
        "no resolver \"no\" in it"},
    {"traefik:%s/a", {{"a", "{}"}}, "", NULL},
    {"traefik:%s/a", {{"a", "[]"}}, "", "not an acme.json"},
    {"traefik:%s/a", {{"a", "[{}]"}}, "", "not an acme.json"},
    {"traefik:%s/a", {{"a", "x"}}, "", "malformed or cut off JSON"},
    {"traefik:%s/a", {{"a", "{} {}"}}, "", "malformed or cut off JSON"},
    {"traefik:%s/a",
        {{"a", "{\"le\":{\"Certificates\":[" ENTRY("x", "a", "A")}}, "",
        "malformed or cut off JSON"},
    {"traefik:%s/a", {{"a", ""}}, "", "a: empty"},
    {"traefik:%s/none", {{NULL, NULL}}, "", "none: No such file"},
    {"traefik:%s/a", {{"a", "{\"DomainsCertificate\":{\"Certs\":[{}]}}"}}, "",
        "key-value store"},
    {"traefik:%s/a", {{"a", "{\"le\":{\"Certificates\":7}}"}}, "", "no list"},
    {"traefik:%s/a",
        {{"a", "{\"le\":{\"Certificates\":[1,null,\"x\",[{}],{},"
               "{\"domain\":[]}," ENTRY("x", "a", "A") "]}}"}},
        "a", NULL},
    /* One that cannot be parsed is no reason to give up the others. */
    {"traefik:%s/a",
        {{"a", "{\"le\":{\"Certificates\":[{\"domain\"]," ENTRY(
                   "x", "a", "A") "]}}"}},
        "a", "malformed JSON"},
    {"traefik:%s/a",
        {{"a", "{\"le\":{\"Certificates\":[{\"domain\"}," ENTRY(
                   "x", "a", "A") "]}}"}},
        "a", "le: certificate 1 (): malformed JSON"},
    {"traefik:%s/a",
        {{"a", "{\"le\":{\"Certificates\":[{\"domain\":{\"main\":"
               "\"MAIL.example.com\"},\"certificate\":\"****\",\"key\":\"%A\"}]"
               "}}"}},
        "!", "certificate 1 (MAIL.example.com): certificate is not base64"},
    {"traefik:%s/a",
        {{"a", "{\"le\":{\"Certificates\":[{\"domain\":{\"main\":"
               "\"o\",\"sans\":[1,\"*.example.com\"]},\"certificate\":\"aaa\"}]"
               "}}"}},
        "!", "not base64"},
    {"traefik:%s/a",
        {{"a", "{\"le\":{\"Certificates\":[{\"domain\":{\"main\":"
               "\"o\"},\"certificate\":\"aaa\"}]}}"}},
        "", NULL},
    {"traefik:%s/a",
        {{"a", "{\"le\":{\"Certificates\":[{\"certificate\":"
               "\"%a\",\"key\":\"=\"}]}}"}},
        "!", "no private key"},
};

static char letter_of(const struct candidate *candidate)
{
    if (candidate->chain == NULL)
        return '!';
    for (size_t i = 0; i < COUNT(stock); i++)
        if (strstr(candidate->chain->pem, issued[i].chain.bytes) != NULL)
            return stock[i].letter;
    return '?';
}

static int by_letter(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

static void check_look(const struct look *look, size_t number)
{
    char found[CANDIDATES_MAX + 1] = "";
    const char *says = look->failure != NULL ? look->failure : look->absence;

    for (size_t i = 0; i < look->count; i++) {
        found[i] = letter_of(&look->items[i]);
        assert_non_null(look->items[i].where);
        if (says == NULL && look->items[i].problem != NULL)
            says = look->items[i].problem;
    }
    /* The order in a folder is the file system's. */
    qsort(found, strlen(found), 1, by_letter);
    if (strcmp(found, cases[number].found) != 0 ||
        (says == NULL) != (cases[number].says == NULL) ||
        (says != NULL && strstr(says, cases[number].says) == NULL))
        fail_msg("case %zu, %s: found \"%s\", says \"%s\"", number,
            cases[number].source, found, says != NULL ? says : "");
    assert_true(look->paths.count > 0);
}

static void check_case(struct certs_stage *stage, size_t number)
{
    const struct file *files = cases[number].files;
    struct look look;
    char *text = xprintf("certificate \"Mail.Example.com\" { source = \"%s\" }",
        cases[number].source);

    for (size_t i = 0; i < 6 && files[i].path != NULL; i++)
        put(stage, files[i].path, files[i].text);
    struct config *config = stage_load(stage, text);
    look_begin(&look, &config->certificates[0]);
    while (look_step(&look))
        continue;
    check_look(&look, number);
    look_clear(&look);
    config_unref(&config);
    free(text);
}

TEST(places)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        void *stage;
        certs_stage_setup(&stage);
        check_case(stage, i);
        certs_stage_teardown(&stage);
    }
}

/* Ended anywhere, nothing is left behind: the sanitizer sees to that. */
TEST_WITH(certs_stage_setup, certs_stage_teardown, given_up_in_between)
{
    struct certs_stage *stage = *state;
    static const char *const sources[] = {
        "certificate \"mail.example.com\" { source = \"traefik:%s/a\" }",
        "certificate \"mail.example.com\" { source = \"acme-companion:%s\" }",
    };

    put(stage, "a", "{\"le\":{\"Certificates\":[" ENTRY("x", "a", "A") "]}}");
    for (size_t i = 0; i < COUNT(sources); i++)
        for (size_t steps = 0; steps < 5; steps++) {
            struct look look;
            struct config *config = stage_load(stage, sources[i]);
            look_begin(&look, &config->certificates[0]);
            for (size_t s = 0; s < steps && look_step(&look); s++)
                continue;
            look_clear(&look);
            config_unref(&config);
        }
}

RUN_TESTS(fill_stock, clear_stock)
