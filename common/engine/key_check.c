/*
 * key_check.c - see key_check.h.
 *
 * Keys are compared whole, so a pattern would match nothing but itself. What
 * an address may hold is left to those who send: only what no MAIL, RCPT, AUTH
 * or HELO brings is refused.
 */
#include "common/engine/key_check.h"

#include <string.h>

#define PATTERNS "*?"
#define BLANKS   " \t\r\n\v\f"

static bool refuse(
    enum key_part part, const char *text, const char *why, struct error *err)
{
    return error_set(err, "%s:%s: no request has this key: %s",
        key_part_word(part), text, why);
}

/* "/.../" and "^...$", as in Postfix's tables, "%" as in SQL. */
static bool is_pattern(const char *text)
{
    size_t len = strlen(text);
    return strpbrk(text, PATTERNS) != NULL || strncmp(text, "%@", 2) == 0 ||
           strcmp(text, "%") == 0 ||
           (len > 1 && text[0] == '/' && text[len - 1] == '/') ||
           (len > 1 && text[0] == '^' && text[len - 1] == '$');
}

static bool is_quoted(const char *text)
{
    return text[0] == '"';
}

/* Of a domain or a HELO name; NULL: nothing is wrong. */
static const char *domain_fault(const char *text)
{
    size_t len = strlen(text);
    if (text[0] == '.')
        return "a domain does not stand for those below it; name each";
    if (strstr(text, "..") != NULL || text[0] == '\0')
        return "a part of the domain is empty";
    if (strpbrk(text, BLANKS) != NULL)
        return "there is no blank in a domain";
    if (strpbrk(text, "<>,;") != NULL ||
        (strchr(text, '/') != NULL && len > 0 && text[0] != '['))
        return "that is no domain";
    return NULL;
}

static const char *address_fault(const char *text)
{
    const char *at = strrchr(text, '@');
    if (strpbrk(text, "<>") != NULL)
        return "write the address without < and >; the null sender is not "
               "counted";
    if (at == text)
        return "a key is one address; all of a domain are sender_domain: or "
               "recipient_domain:, which a limit may have in its key";
    if (!is_quoted(text) && strpbrk(text, BLANKS) != NULL)
        return "there is no blank in an address";
    return at == NULL ? NULL : domain_fault(at + 1);
}

static const char *login_fault(const char *text)
{
    size_t len = strlen(text);
    const char *at = strrchr(text, '@');
    if (at == text)
        return "a key is one login; all of a domain are sasl_domain:";
    if (at != NULL && at[1] == '\0')
        return "nothing follows the @";
    if (strchr(BLANKS, text[0]) != NULL ||
        strchr(BLANKS, text[len - 1]) != NULL)
        return "a blank begins or ends it";
    return NULL;
}

/* counter_key_parse has put an @ before a domain. */
static const char *text_fault(enum key_part part, const char *text)
{
    if (is_pattern(text))
        return "there are no patterns; a key is compared as a whole";
    switch (part) {
    case KEY_SENDER:
    case KEY_RECIPIENT:
        return address_fault(text);
    case KEY_SASL_DOMAIN:
    case KEY_SENDER_DOMAIN:
    case KEY_RECIPIENT_DOMAIN:
        if (strchr(text, '@') != NULL)
            return "a domain alone is wanted";
        return domain_fault(text);
    case KEY_SASL_USERNAME:
        return login_fault(text);
    case KEY_HELO:
        return strpbrk(text, BLANKS) != NULL ? "there is no blank in a name"
                                             : NULL;
    default:
        return NULL;
    }
}

/* From anvil a client may be a net; elsewhere it is an address, and a limit by
 * client widens it. */
static bool is_too_wide(
    const struct counter_key *key, const struct limit *limit)
{
    struct limit_prefixes whole = {.ipv4 = 32, .ipv6 = 128};
    struct cidr first = cidr_of(
        &key->client.net, key->client.net.family == ADDRESS_IPV4 ? 32 : 128);
    struct cidr counted = limit_client_net(
        &first, key->part == KEY_CLIENT ? limit->prefixes : whole);
    return limit->at != FACE_ANVIL &&
           key->client.prefix_length < counted.prefix_length;
}

static bool client_may_occur(const struct counter_key *key,
    const struct config *config, const struct limit *limit, struct error *err)
{
    char net[CIDR_TEXT_SIZE];
    if (key->is_unproxied)
        return true;
    cidr_format(&key->client, net);
    if (is_too_wide(key, limit))
        return refuse(key->part, net,
            "the limit counts smaller networks, or addresses; name each", err);
    if (limit->clients.count > 0 &&
        cidr_list_overlap(&limit->clients, &key->client) == NULL)
        return refuse(
            key->part, net, "it is not among the limit's clients", err);
    if (limit_spares_exempt(limit->key) &&
        cidr_list_contains_net(&config->exempt_clients, &key->client))
        return refuse(key->part, net, "it is in exempt_clients", err);
    return true;
}

bool name_may_occur(const struct counter_key *key, struct error *err)
{
    const char *text = key->text + key_part_is_domain(key->part);
    const char *fault = text_fault(key->part, text);
    return fault == NULL || refuse(key->part, text, fault, err);
}

/* Of the domain of a login only a list of logins says nothing. */
static bool is_among_names(
    const struct counter_key *key, const struct limit *limit, struct error *err)
{
    const struct limit_names *names = limit->names;
    const struct name_list *list =
        names == NULL                    ? NULL
        : key->part == KEY_SENDER        ? &names->senders
        : key->part == KEY_SASL_USERNAME ? &names->logins
        : key->part == KEY_RECIPIENT     ? &names->recipients
                                         : NULL;
    const struct event event = counter_key_event(key);
    char name[MAILBOX_SIZE];

    return list == NULL || list->count == 0 ||
           name_list_holds(list,
               limit_part_text(&event, key->part, limit->prefixes, name)) ||
           refuse(key->part, key->text, "the limit is not for this name", err);
}

bool key_may_occur(const struct counter_key *key, const struct config *config,
    const struct limit *limit, struct error *err)
{
    bool is_login =
        key->part == KEY_SASL_USERNAME || key->part == KEY_SASL_DOMAIN;
    if (key->part == KEY_CLIENT || key->part == KEY_CLIENT_ADDRESS)
        return client_may_occur(key, config, limit, err);
    if (is_login && limit->authenticated == LIMIT_AUTH_NO)
        return refuse(key->part, key->text,
            "the limit counts those who have not authenticated", err);
    return is_among_names(key, limit, err) && name_may_occur(key, err);
}

/* names: NULL-terminated, or NULL. */
static bool is_among(char *const *names, const char *name)
{
    for (; names != NULL && *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* By its title, or by one of its names; NULL: none. */
static const struct config_service *find_service(
    const struct config *config, const char *name, bool by_name)
{
    for (size_t i = 0; i < config->service_count; i++) {
        const struct config_service *service = &config->services[i];
        if (by_name ? is_among(service->names, name)
                    : strcmp(service->title, name) == 0)
            return service;
    }
    return NULL;
}

static bool is_counted(const struct limit *limit,
    const struct config_service *service, const char *title)
{
    if (limit->services == NULL || limit->services[0] == NULL ||
        is_among(limit->services, title))
        return true;
    for (char **name = service == NULL ? NULL : service->names;
         name != NULL && *name != NULL; name++)
        if (is_among(limit->services, *name))
            return true;
    return false;
}

bool service_may_occur(const char *title, const struct config *config,
    const struct limit *limit, struct error *err)
{
    const struct config_service *service = find_service(config, title, false);
    const struct config_service *other =
        service == NULL ? find_service(config, title, true) : NULL;
    if (other != NULL)
        return error_set(err,
            "service:%s: it is counted by its section's title; write "
            "service:%s",
            title, other->title);
    if (service == NULL && is_pattern(title))
        return refuse(KEY_SERVICE, title,
            "there are no patterns; without a service all are meant", err);
    return is_counted(limit, service, title) ||
           refuse(
               KEY_SERVICE, title, "it is not among the limit's services", err);
}
