/*
 * policy_request.c - one request of Postfix's SMTP access policy protocol.
 *
 * A table says which attributes we use and what becomes of each value. Does
 * no I/O and allocates nothing, so the fuzzer can call it directly. Two thirds
 * of what Postfix sends is of no use here, so the table is a perfect hash:
 * most names are passed over after one look.
 */
#include "policyd/policy_request.h"

#include <string.h>

struct policy_attr {
    const char *name;
    size_t name_len;
    /* NULL, or why the value is malformed. */
    const char *(*set)(struct policy_request *, const struct policy_attr *,
        const char *value, size_t len);
    size_t offset; /* of a member of struct policy_request */
    size_t size;   /* of a text, with its NUL */
};

static void keep_text(struct policy_request *request,
    const struct policy_attr *attr, const char *value, size_t len)
{
    char *text = (char *)request + attr->offset;

    memcpy(text, value, len);
    text[len] = '\0';
}

static const char *set_exact(struct policy_request *request,
    const struct policy_attr *attr, const char *value, size_t len)
{
    if (len >= attr->size)
        return "value too long";
    keep_text(request, attr, value, len);
    return NULL;
}

static const char *set_end(struct policy_request *request,
    const struct policy_attr *attr, const char *value, size_t len)
{
    size_t excess = len >= attr->size ? len - (attr->size - 1) : 0;

    keep_text(request, attr, value + excess, len - excess);
    return NULL;
}

static const char *set_number(struct policy_request *request,
    const struct policy_attr *attr, const char *value, size_t len)
{
    uint64_t number = 0;

    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9')
            return "not a number";
        number = number * 10 + (uint64_t)(value[i] - '0');
        if (number > UINT32_MAX)
            number = UINT32_MAX;
    }
    uint32_t kept = (uint32_t)number;
    memcpy((char *)request + attr->offset, &kept, sizeof kept);
    return NULL;
}

static bool is_text(const char *value, size_t len, const char *text)
{
    return strlen(text) == len && memcmp(value, text, len) == 0;
}

static const char *set_request(struct policy_request *request,
    const struct policy_attr *attr, const char *value, size_t len)
{
    request->is_policy = is_text(value, len, "smtpd_access_policy");
    return request->is_policy ? NULL : "not a policy request";
}

static const char *set_state(struct policy_request *request,
    const struct policy_attr *attr, const char *value, size_t len)
{
    static const char *const words[] = {"", POLICY_STATES(POLICY_STATE_WORD)};

    request->state = POLICY_OTHER;
    for (unsigned i = 1; i < sizeof words / sizeof words[0]; i++)
        if (is_text(value, len, words[i]))
            request->state = (enum policy_state)i;
    return NULL;
}

/* Two names on one slot do not compile: -Woverride-init is in -Wextra. */
#define SLOTS 64
#define SLOT(len, first, last) \
    ((4 * (len) + (size_t)(unsigned char)(first) + \
         (size_t)(unsigned char)(last)) % \
        SLOTS)
#define ATTR(member, first, last, how) \
    [SLOT(sizeof #member - 1, first, last)] = {#member, sizeof #member - 1, \
        how, offsetof(struct policy_request, member), \
        sizeof((struct policy_request *)0)->member}

static const struct policy_attr attrs[SLOTS] = {
    [SLOT(7, 'r', 't')] = {"request", 7, set_request, 0, 0},
    [SLOT(14, 'p', 'e')] = {"protocol_state", 14, set_state, 0, 0},
    ATTR(client_address, 'c', 's', set_exact),
    ATTR(helo_name, 'h', 'e', set_end),
    ATTR(instance, 'i', 'e', set_exact),
    ATTR(policy_context, 'p', 't', set_end),
    ATTR(recipient, 'r', 't', set_end),
    ATTR(recipient_count, 'r', 't', set_number),
    ATTR(sasl_username, 's', 'e', set_end),
    ATTR(sender, 's', 'r', set_end),
    ATTR(server_address, 's', 's', set_exact),
    ATTR(server_port, 's', 't', set_end),
    ATTR(size, 's', 'e', set_number),
};

/* Of 4 to 16 bytes, as all our names are, by their first and last words. */
static inline bool is_same_name(const char *a, const char *b, size_t len)
{
    if (len >= 8)
        return memcmp(a, b, 8) == 0 && memcmp(a + len - 8, b + len - 8, 8) == 0;
    return memcmp(a, b, 4) == 0 && memcmp(a + len - 4, b + len - 4, 4) == 0;
}

const char *policy_request_set(void *request, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
    if (name_len == 0)
        return NULL;
    const struct policy_attr *attr =
        &attrs[SLOT(name_len, name[0], name[name_len - 1])];
    if (attr->name_len != name_len || !is_same_name(attr->name, name, name_len))
        return NULL;
    return attr->set(request, attr, value, value_len);
}

void policy_request_reset(struct policy_request *request)
{
    request->is_policy = false;
    request->state = POLICY_OTHER;
    request->recipient_count = 0;
    request->size = 0;
    request->client_address[0] = '\0';
    request->server_address[0] = '\0';
    request->server_port[0] = '\0';
    request->instance[0] = '\0';
    request->policy_context[0] = '\0';
    request->sasl_username[0] = '\0';
    request->helo_name[0] = '\0';
    request->sender[0] = '\0';
    request->recipient[0] = '\0';
}

const char *policy_request_check(const struct policy_request *request)
{
    return request->is_policy ? NULL : "no request=smtpd_access_policy";
}
