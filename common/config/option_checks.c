/*
 * option_checks.c - the formats of single options.
 *
 * Each looks at one text alone; what two options say against each other is
 * found where the configuration is built. Nothing is looked up: that a user
 * or a folder exists is the business of whoever needs it.
 */
#include "common/config/option_checks.h"

#include "common/base/address.h"
#include "common/base/alloc.h"
#include "common/base/cidr.h"
#include "common/base/decimal.h"
#include "common/base/log.h"
#include "common/config/listen.h"
#include "common/config/redis_url.h"
#include "common/core/verdict.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ACTION_MAX 400 /* room for what %{...} expands to, see verdict.h */
#define PREFIX_MAX 64
#define HEADER_MAX 64

static bool is_printable(const char *text, const char *except)
{
    for (; *text != '\0'; text++)
        if (*text < 0x20 || *text >= 0x7f || strchr(except, *text) != NULL)
            return false;
    return true;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

bool option_check_word(const char *text, struct error *err)
{
    if (*text != '\0' && is_printable(text, " "))
        return true;
    return error_set(err, "malformed; allowed: one word without spaces");
}

bool option_check_word_or_empty(const char *text, struct error *err)
{
    return *text == '\0' || option_check_word(text, err);
}

/* NULL: nothing is wrong. */
static const char *name_fault(const char *text)
{
    const char *at = strrchr(text, '@');

    if (text[0] == '\0' || strpbrk(text, "<>*?") != NULL || text[0] == '/')
        return "malformed";
    if (starts_with(text, "file:"))
        return text[strlen("file:")] == '/' ? NULL
                                            : "a file needs its whole path";
    if (at != NULL && at[1] == '\0')
        return "nothing follows the @";
    if (at != NULL && at[1] == '.')
        return "a domain does not stand for those below it";
    return NULL;
}

bool option_check_login(const char *text, struct error *err)
{
    const char *fault = name_fault(text);

    return fault == NULL ||
           error_set(err,
               "\"%s\": %s; allowed: a login as Postfix names it, or @ and a "
               "domain for all of its logins, or file:/PATH; no patterns",
               text, fault);
}

bool option_check_mailbox(const char *text, struct error *err)
{
    const char *fault = name_fault(text);

    if (fault == NULL && strchr(text, '@') == NULL &&
        !starts_with(text, "file:"))
        fault = "no address";
    return fault == NULL ||
           error_set(err,
               "\"%s\": %s; allowed: an address, or @ and a domain for all of "
               "its addresses, or file:/PATH; no patterns",
               text, fault);
}

bool option_check_prefix(const char *text, struct error *err)
{
    if (*text != '\0' && strlen(text) <= PREFIX_MAX &&
        is_printable(text, " {}*?[]\\"))
        return true;
    return error_set(err, "malformed; allowed: 1 to 64 printable characters "
                          "but space and { } * ? [ ] \\");
}

bool option_check_store(const char *text, struct error *err)
{
    struct redis_url url;

    if (strcmp(text, "memory:") == 0)
        return true;
    if (!redis_url_parse(text, &url, err))
        return false;
    redis_url_clear(&url);
    return true;
}

bool option_check_log(const char *text, struct error *err)
{
    int ignored;

    if (strcmp(text, "stderr") == 0 || starts_with(text, "file:/") ||
        (starts_with(text, "syslog:") &&
            log_facility_parse(text + strlen("syslog:"), &ignored)))
        return true;
    return error_set(err,
        "\"%s\" is no place to log; allowed: stderr, "
        "syslog:FACILITY as in syslog:mail, file:/PATH",
        text);
}

bool option_parse_port(const char *text, uint16_t *port_r)
{
    uint64_t port;
    if (text[0] == '0' || !decimal_read(&text, UINT16_MAX, &port) ||
        *text != '\0')
        return false;
    *port_r = (uint16_t)port;
    return true;
}

bool option_split_address(
    const char *text, char **host_r, uint16_t *port_r, struct error *err)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    bool is_bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    struct address address;
    if (colon == NULL || !option_parse_port(colon + 1, port_r) ||
        (!is_bracketed && memchr(text, ':', len) != NULL) ||
        !address_parse(text, len, &address))
        return error_set(err,
            "\"%s\" is not an address and port; allowed: "
            "192.0.2.1:80 or [2001:db8::1]:80, no names",
            text);
    char host[ADDRESS_TEXT_SIZE];
    *host_r = xstrdup(address_format(&address, host));
    return true;
}

bool option_check_frontend(const char *text, struct error *err)
{
    char *host;
    uint16_t port;
    if (!option_split_address(text, &host, &port, err))
        return false;
    free(host);
    return true;
}

/* Only the form: the file may come later, and the name too. */
bool option_check_proxy(const char *text, struct error *err)
{
    struct cidr cidr;
    if (starts_with(text, "file:"))
        return text[strlen("file:")] == '/' ||
               error_set(err, "\"%s\": the path is not absolute", text);
    if (starts_with(text, "dns:")) {
        const char *name = text + strlen("dns:");
        return (*name != '\0' && strlen(name) < 256 &&
                   is_printable(name, " :/")) ||
               error_set(err,
                   "\"%s\": no such name; allowed: dns:proxy.example", text);
    }
    return cidr_parse(text, &cidr, err) ||
           error_prefix(
               err, "neither file:/PATH nor dns:NAME, and no network: ");
}

bool option_check_http(const char *text, struct error *err)
{
    return *text == '\0' || option_check_frontend(text, err);
}

bool option_check_milter_listen(const char *text, struct error *err)
{
    struct config_listener listener;
    if (*text == '\0')
        return true;
    if (!listen_parse_milter(text, &listener, err))
        return false;
    listen_clear(&listener);
    return true;
}

bool option_check_header(const char *text, struct error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    size_t len = strlen(text);
    if (len <= HEADER_MAX && strspn(text, allowed) == len && text[0] != '-')
        return true;
    return error_set(err,
        "no name of a header; allowed: at most %d letters, digits and -, as in "
        "X-Tollgate",
        HEADER_MAX);
}

/* What access(5) calls a refusal, or HOLD. Everything else would let pass. */
static bool is_refusal(const char *text)
{
    static const char *const words[] = {
        "REJECT", "DEFER", "DEFER_IF_PERMIT", "DEFER_IF_REJECT", "HOLD"};
    size_t len = strcspn(text, " ");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == len && strncasecmp(text, words[i], len) == 0)
            return true;
    return len == 3 && (text[0] == '4' || text[0] == '5') &&
           strspn(text, "0123456789") == 3 &&
           text[3 + strspn(text + 3, " ")] != '\0';
}

static bool refuses(const char *text, struct error *err)
{
    if (!is_printable(text, "") || strlen(text) > ACTION_MAX)
        return error_set(err,
            "malformed; allowed: one line of at most %d "
            "printable ASCII characters",
            ACTION_MAX);
    if (!is_refusal(text))
        return error_set(err, "does not refuse; allowed: 4NN TEXT, 5NN TEXT, "
                              "REJECT, DEFER, DEFER_IF_PERMIT, "
                              "DEFER_IF_REJECT, HOLD, each with a text");
    return true;
}

bool option_check_action(const char *text, struct error *err)
{
    if (*text == '\0')
        return true;
    if (!refuses(text, err))
        return false;
    const char *unknown = verdict_action_unknown(text);
    if (unknown != NULL)
        return error_set(err,
            "unknown %%{} in it: %.40s; allowed: %%{client} "
            "%%{key} %%{limit} %%{rate} %%{retry_after}",
            unknown);
    return true;
}

bool option_check_ban_action(const char *text, struct error *err)
{
    if (*text == '\0')
        return true;
    if (!refuses(text, err))
        return false;
    const char *unknown = verdict_ban_action_unknown(text);
    if (unknown != NULL)
        return error_set(err,
            "unknown %%{} in it: %.40s; allowed: %%{client} %%{key} "
            "%%{retry_after}",
            unknown);
    return true;
}

const char *option_find_password(const char *url, size_t *len_r)
{
    const char *start = strstr(url, "://");
    if (start == NULL || start[strlen("://")] == '/')
        return NULL;
    start += strlen("://");
    const char *at = strrchr(start, '@');
    const char *colon =
        at == NULL ? NULL : memchr(start, ':', (size_t)(at - start));
    if (colon == NULL)
        return NULL;
    *len_r = (size_t)(at - colon) - 1;
    return colon + 1;
}

bool option_check_path_or_empty(const char *text, struct error *err)
{
    size_t len = strlen(text);
    if (len == 0 || (text[0] == '/' && len > 1 && text[len - 1] != '/'))
        return true;
    return error_set(err, "\"%s\" is no absolute path of a file", text);
}

bool option_check_socket_or_empty(const char *text, struct error *err)
{
    if (strlen(text) > LISTEN_PATH_MAX)
        return error_set(
            err, "\"%s\" is longer than %d bytes", text, LISTEN_PATH_MAX);
    return option_check_path_or_empty(text, err);
}

/* Postfix puts the suffix behind the name that main.cf gives. */
bool option_check_map_or_empty(const char *text, struct error *err)
{
    size_t len = strlen(text);
    if (!option_check_path_or_empty(text, err))
        return false;
    if (len == 0 || (len > 5 && strcmp(text + len - 4, ".cdb") == 0))
        return true;
    return error_set(err, "\"%s\" does not end in .cdb", text);
}

bool option_check_delimiter(const char *text, struct error *err)
{
    for (const char *c = text; *c != '\0'; c++)
        if (*c <= 0x20 || *c >= 0x7f || *c == '@' || *c == '"' ||
            (*c >= '0' && *c <= '9') ||
            ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z'))
            return error_set(err,
                "not a delimiter; allowed: printable ASCII characters but "
                "letters, digits, space, @ and the double quote, as \"+\" or "
                "\"+-\"");
    return true;
}
