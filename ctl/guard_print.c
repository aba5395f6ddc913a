/*
 * guard_print.c - the rules, as nft and Kubernetes read them.
 *
 * Everything that comes from tollgate.conf is printed as a number, an address
 * or a checked label; titles stand in comments only, escaped.
 */
#include "ctl/guard.h"

#include "common/base/log.h"

#include <ctype.h>
#include <string.h>

/* What is in lists elsewhere is only true now. */
static void print_sources(const struct guard_port *port, FILE *out)
{
    char title[256], source[256];
    const struct config_service *service = port->service;

    fprintf(out, "# port %u: service \"%s\"", (unsigned)service->port,
        log_escape(
            title, sizeof title, service->title, strlen(service->title)));
    for (char **text = service->trusted_sources; *text != NULL; text++)
        fprintf(out, ", %s as it is now",
            log_escape(source, sizeof source, *text, strlen(*text)));
    fputc('\n', out);
}

static void print_set(
    const struct guard_port *port, enum address_family family, FILE *out)
{
    char text[CIDR_TEXT_SIZE];
    bool is_first = true;

    fprintf(out,
        "    set trusted_%u_ipv%d {\n        type ipv%d_addr\n"
        "        flags interval\n",
        (unsigned)port->service->port, (int)family, (int)family);
    for (size_t i = 0; i < port->nets.count; i++) {
        const struct cidr *net = &port->nets.items[i];
        if (net->net.family != family)
            continue;
        fprintf(out, "%s%s",
            is_first ? "        elements = { " : ",\n            ",
            cidr_format(net, text));
        is_first = false;
    }
    fprintf(out, "%s    }\n", is_first ? "" : " }\n");
}

static void print_rules(const struct guard_port *port, FILE *out)
{
    unsigned number = port->service->port;

    fprintf(out,
        "        tcp dport %u ip saddr @trusted_%u_ipv4 accept\n"
        "        tcp dport %u ip6 saddr @trusted_%u_ipv6 accept\n"
        "        tcp dport %u reject with tcp reset\n",
        number, number, number, number, number);
}

void guard_print_nft(const struct guard *guard, FILE *out)
{
    fputs("# Of \"tollgatectl guard nft\", for nft -f in Postfix's network "
          "namespace.\n"
          "# Only trusted proxies may connect to proxied ports; nothing else "
          "changes.\n",
        out);
    for (size_t i = 0; i < guard->count; i++)
        print_sources(&guard->ports[i], out);
    fputs("table inet tollgate\n"
          "delete table inet tollgate\n"
          "table inet tollgate {\n",
        out);
    for (size_t i = 0; i < guard->count; i++) {
        print_set(&guard->ports[i], ADDRESS_IPV4, out);
        print_set(&guard->ports[i], ADDRESS_IPV6, out);
    }
    fputs("    chain input {\n"
          "        type filter hook input priority -10; policy accept;\n",
        out);
    for (size_t i = 0; i < guard->count; i++)
        print_rules(&guard->ports[i], out);
    fputs("    }\n}\n", out);
}

static void print_from(const struct guard_port *port, FILE *out)
{
    char text[CIDR_TEXT_SIZE];

    fputs("    - from:\n", out);
    for (size_t i = 0; i < port->nets.count; i++) {
        fprintf(out, "        - ipBlock:\n            cidr: \"%s\"\n",
            cidr_format(&port->nets.items[i], text));
    }
    fprintf(out, "      ports:\n        - protocol: TCP\n          port: %u\n",
        (unsigned)port->service->port);
}

static void print_range(unsigned first, unsigned last, FILE *out)
{
    if (first > last)
        return;
    fprintf(out, "        - protocol: TCP\n          port: %u\n", first);
    if (last > first)
        fprintf(out, "          endPort: %u\n", last);
}

/* A policy closes all that it does not name. */
static void print_others(const struct guard *guard, FILE *out)
{
    unsigned first = 1;

    fputs("    # All other ports, as before; leave out what need not be open.\n"
          "    - ports:\n",
        out);
    for (size_t i = 0; i < guard->count; i++) {
        unsigned port = guard->ports[i].service->port;
        print_range(first, port - 1, out);
        first = port + 1;
    }
    print_range(first, 65535, out);
    fputs("        - protocol: UDP\n        - protocol: SCTP\n", out);
}

void guard_print_policy(const struct guard *guard, const char *const *labels,
    size_t count, FILE *out)
{
    fputs("# Of \"tollgatectl guard networkpolicy\"; the labels must be those "
          "of the Postfix\n"
          "# pods, in their namespace. Needs a network plugin that enforces "
          "policies, and\n"
          "# Kubernetes 1.25 for endPort.\n",
        out);
    for (size_t i = 0; i < guard->count; i++)
        print_sources(&guard->ports[i], out);
    fputs("apiVersion: networking.k8s.io/v1\n"
          "kind: NetworkPolicy\n"
          "metadata:\n"
          "  name: tollgate-proxied-ports\n"
          "spec:\n"
          "  podSelector:\n"
          "    matchLabels:\n",
        out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "      \"%.*s\": \"%s\"\n", (int)strcspn(labels[i], "="),
            labels[i], strchr(labels[i], '=') + 1);
    fputs("  policyTypes:\n    - Ingress\n  ingress:\n", out);
    for (size_t i = 0; i < guard->count; i++)
        print_from(&guard->ports[i], out);
    print_others(guard, out);
}

/* At most 63 of letters, digits, "-", "_" and ".", the ends alphanumeric. */
static bool is_label_part(const char *text, size_t len)
{
    if (len == 0 || len > 63 || !isalnum((unsigned char)text[0]) ||
        !isalnum((unsigned char)text[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && strchr("-_.", text[i]) == NULL)
            return false;
    return true;
}

/* A DNS name in lower case. */
static bool is_label_prefix(const char *text, size_t len)
{
    size_t from = 0;

    if (len == 0 || len > 253)
        return false;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '.') {
            if (strchr("_.", text[i]) != NULL ||
                isupper((unsigned char)text[i]))
                return false;
            continue;
        }
        if (!is_label_part(text + from, i - from))
            return false;
        from = i + 1;
    }
    return true;
}

bool guard_label_check(const char *label, struct error *err)
{
    const char *equals = strchr(label, '=');
    const char *slash = strchr(label, '/');
    const char *name = label;

    if (equals == NULL)
        return error_set(
            err, "\"%s\" is no label of Kubernetes: key=value", label);
    if (slash != NULL && slash < equals) {
        if (!is_label_prefix(label, (size_t)(slash - label)))
            return error_set(
                err, "\"%s\": before the slash belongs a DNS name", label);
        name = slash + 1;
    }
    if (!is_label_part(name, (size_t)(equals - name)) ||
        (equals[1] != '\0' && !is_label_part(equals + 1, strlen(equals + 1))))
        return error_set(err,
            "\"%s\": at most 63 letters, digits, \"-\", \"_\" and \".\", "
            "between alphanumeric ends",
            label);
    return true;
}
