/*
 * test_postfix_config.c - lines of master.cf, as postconf -F and -P have them.
 */
#include "ctl/postfix_config.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static struct postfix_config *config;

static const char fields[] = "smtp/inet/service = smtp\n"
                             "smtp/inet/chroot = -\n"
                             "smtp/inet/command = smtpd -o a=b\n"
                             "[::1]:12525/inet/chroot = y\n"
                             "[::1]:12525/inet/command = postscreen\n"
                             "x/y/unix/command = smtpd\n"
                             "smtpd/pass/chroot = n\n"
                             "smtpd/pass/command = smtpd\n"
                             "submission/inet/command = smtpd\n"
                             "relay/inet/command = nullmailer\n"
                             "broken = x\n"
                             "/inet/command = smtpd\n";

static int setup(void **state)
{
    config = calloc(1, sizeof *config);
    assert_non_null(config);
    postfix_parameters_set(&config->main, "known_tcp_ports",
        "lmtp=24, smtp=25, smtps=submissions=465, submission=587");
    return 0;
}

static int teardown(void **state)
{
    postfix_config_free(&config);
    return 0;
}

static const struct postfix_service *find(const char *name, const char *type)
{
    return postfix_config_service(config, name, type);
}

TEST_WITH(setup, teardown, services)
{
    postfix_parameters_set(&config->main, "compatibility_level", "3.6");
    postfix_config_read_services(
        config, fields, "smtp/inet/a = b\nsmtp/inet/c =\nno/inet/d = e\n");
    assert_int_equal(config->count, 6);
    const struct postfix_service *smtp = find("smtp", "inet");
    assert_string_equal(smtp->program, "smtpd");
    assert_string_equal(postfix_parameters_find(&smtp->overrides, "a"), "b");
    assert_string_equal(postfix_parameters_find(&smtp->overrides, "c"), "");
    assert_true(smtp->is_listener);
    assert_false(smtp->is_chrooted);
    assert_int_equal(smtp->port, 25);
    assert_true(find("[::1]:12525", "inet")->is_listener);
    assert_true(find("[::1]:12525", "inet")->is_chrooted);
    assert_int_equal(find("[::1]:12525", "inet")->port, 12525);
    assert_true(find("smtpd", "pass")->is_server);
    assert_false(find("smtpd", "pass")->is_listener);
    assert_string_equal(find("x/y", "unix")->program, "smtpd");
    assert_false(find("relay", "inet")->is_server);
    assert_null(find("no", "inet"));
}

/* Before Postfix 3.0's level "-" is "y". */
TEST_WITH(setup, teardown, old_level)
{
    postfix_parameters_set(&config->main, "compatibility_level", "0");
    postfix_config_read_services(config, fields, "");
    assert_true(find("smtp", "inet")->is_chrooted);
    assert_false(find("smtpd", "pass")->is_chrooted);
}

TEST_WITH(setup, teardown, disabled)
{
    postfix_parameters_set(
        &config->main, "master_service_disable", "!smtp/inet, inet smtpd/pass");
    postfix_config_read_services(config, fields, "");
    assert_true(find("smtp", "inet")->is_listener);
    assert_false(find("submission", "inet")->is_listener);
    assert_true(find("submission", "inet")->is_disabled);
    assert_false(find("smtpd", "pass")->is_server);
    assert_false(find("x/y", "unix")->is_disabled);
}

TEST_WITH(setup, teardown, ports)
{
    static const struct {
        const char *name;
        uint16_t port;
    } cases[] = {
        {"25", 25},
        {"smtp", 25},
        {"smtps", 465},
        {"submissions", 465},
        {"127.0.0.1:submission", 587},
        {"127.0.0.1:2525", 2525},
        {"[::1]:2525", 2525},
        {"99999", 0},
        {"no-such-service", 0},
        {"", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(
            postfix_config_port(config, cases[i].name), cases[i].port);
}

RUN_TESTS(NULL, NULL)
