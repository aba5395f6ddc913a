/*
 * test_anvil_ident.c - where the service ends and the client begins.
 */
#include "tests/unit/unit.h"

#include "policyd/anvil_ident.h"

#include <string.h>

static const struct {
    const char *ident;
    const char *service; /* NULL: no ident */
    const char *client;  /* as CIDR; "" for unknown */
} cases[] = {
    /* plain services: a name or a port */
    {"smtp:198.51.100.7", "smtp", "198.51.100.7/32"},
    {"24027:10.92.0.9", "24027", "10.92.0.9/32"},
    {"24027:10.92.0.0/24", "24027", "10.92.0.0/24"},
    {"smtp:unknown", "smtp", ""},
    {"smtp:", "smtp", ""}, /* Postfix 3.11: the client has gone */
    {"smtp:2001:db8::1", "smtp", "2001:db8::1/128"},
    {"24027:fd92::/84", "24027", "fd92::/84"},
    {"25:2001:db8::1", "25", "2001:db8::1/128"},
    {"smtp:::1", "smtp", "::1/128"},
    {"smtp:::ffff:192.0.2.1", "smtp", "192.0.2.1/32"},
    {"smtp:1:2:3:4:5:6:7:8", "smtp", "1:2:3:4:5:6:7:8/128"},
    {"submission:fe80::1", "submission", "fe80::1/128"},
    /* HOST:PORT with an IPv4 address */
    {"10.77.0.1:2502:198.51.100.7", "10.77.0.1:2502", "198.51.100.7/32"},
    {"10.77.0.1:2502:2001:db8::1", "10.77.0.1:2502", "2001:db8::1/128"},
    {"10.77.0.1:25:2001:db8::/64", "10.77.0.1:25", "2001:db8::/64"},
    {"10.77.0.1:smtp:2001:db8::1", "10.77.0.1:smtp", "2001:db8::1/128"},
    {"10.77.0.1:12525:2001:db8::1", "10.77.0.1:12525", "2001:db8::1/128"},
    {"10.77.0.1:2502:::1", "10.77.0.1:2502", "::1/128"},
    {"10.77.0.1:2502:unknown", "10.77.0.1:2502", ""},
    {"any:any", "any", ""}, /* Postfix 3.12: no client in it */
    {"10.77.0.1:2502:", "10.77.0.1:2502", ""},
    /* HOST:PORT with an IPv6 address */
    {"[::1]:25:198.51.100.7", "[::1]:25", "198.51.100.7/32"},
    {"[::1]:25:2001:db8::7", "[::1]:25", "2001:db8::7/128"},
    {"[2001:db8::2]:465:2001:db8::7", "[2001:db8::2]:465", "2001:db8::7/128"},
    {"[::1]:smtps:::1", "[::1]:smtps", "::1/128"},
    {"[::1]:25:unknown", "[::1]:25", ""},
    {"[::1]:25:", "[::1]:25", ""},
    {"[::]:2525:fd92::/84", "[::]:2525", "fd92::/84"},
    /* HOST:PORT with a name */
    {"localhost:2525:2001:db8::1", "localhost:2525", "2001:db8::1/128"},
    {"localhost:10025:::1", "localhost:10025", "::1/128"},
    {"mx.example.com:587:2001:db8::1", "mx.example.com:587", "2001:db8::1/128"},
    {"mx.example.com:587:192.0.2.1", "mx.example.com:587", "192.0.2.1/32"},
    {"mx:12525:2001:db8::1", "mx:12525", "2001:db8::1/128"},
    /* a dotted name without a port (a pass service) */
    {"smtpd.b:192.0.2.1", "smtpd.b", "192.0.2.1/32"},
    {"smtpd.b:fd92::1", "smtpd.b", "fd92::1/128"},
    {"smtpd.b:2001:db8::", "smtpd.b:2001", "db8::/128"},
    {"smtpd.b:1:2:3:4:5:6:7:8", "smtpd.b", "1:2:3:4:5:6:7:8/128"},
    /* no ident */
    {"", NULL, NULL},
    {":", NULL, NULL},
    {"smtp", NULL, NULL},
    {":192.0.2.1", NULL, NULL},
    {"192.0.2.1", NULL, NULL},
    {"unknown", NULL, NULL},
    {"smtp:192.0.2.256", NULL, NULL},
    {"smtp:192.0.2.1 ", NULL, NULL},
    {"smtp:192.0.2.1/33", NULL, NULL},
    {"smtp:192.0.2.1/24", NULL, NULL},
    {"smtp:Unknown", NULL, NULL},
    {"[::1:25:1.2.3.4x", NULL, NULL},
    {"[::1]", NULL, NULL},
    {"[::1]:25", NULL, NULL},
    {"smtp:client.example.com", NULL, NULL},
};

TEST(split)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct anvil_ident ident;
        char client[CIDR_TEXT_SIZE] = "";
        bool is_split = anvil_ident_split(cases[i].ident, &ident);

        if (is_split != (cases[i].service != NULL))
            fail_msg("%s is %s", cases[i].ident, is_split ? "split" : "not");
        if (!is_split)
            continue;
        if (ident.client.net.family != ADDRESS_NONE)
            cidr_format(&ident.client, client);
        if (strcmp(ident.service, cases[i].service) != 0 ||
            strcmp(client, cases[i].client) != 0)
            fail_msg("%s gives service %s and client %s", cases[i].ident,
                ident.service, client);
        assert_string_equal(
            ident.client_text, cases[i].ident + strlen(ident.service) + 1);
    }
}

RUN_TESTS(NULL, NULL)
