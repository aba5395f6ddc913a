"""tollgatectl doctor: every check finds what it is there for, and nothing
else, and what it advises mends it. Postfix itself is asked through postconf;
test_doctor_lab.py runs it."""
import os

import pytest

from harness.clinic import Clinic, tollgatectl

AT = "12525/inet"
ANVIL = "anvil/unix=anvil unix - n n - 0 spawn -n anvil user={user} argv={argv}"


@pytest.fixture(scope="module")
def mended(places, keeps):
    """Debian's configuration after doctor's advice; and how it was then."""
    places.chmod(0o755)
    clinic = Clinic(places, keeps)
    clinic.stock = clinic.names()
    advice = clinic.treat()
    assert advice == []
    return clinic, clinic.save()


@pytest.fixture
def clinic(mended):
    clinic, saved = mended
    clinic.restore(saved)
    return clinic


def test_stock_configuration(mended):
    """One round of advice is enough, and another changes nothing."""
    clinic, _ = mended
    assert set(clinic.stock) >= {
        "anvil", "event-exceptions", "limit-twin", "policy-missing",
        "milter-missing", "default-chain", "refresh-map", "sni-map"}
    status, findings, _ = clinic.examine()
    assert (status, findings) == (0, [])
    before = clinic.save()
    clinic.treat()
    assert clinic.save() == before
    text = tollgatectl("-c", clinic.config, "doctor", "--postfix-config",
                       clinic.etc)
    assert text.returncode == 0
    assert text.stdout.startswith("note: smtp/inet has no service section")
    assert text.stdout.endswith(" in tollgate.conf\nnothing found\n")


def anvil(clinic, rest="", user="nobody", argv=None, socket=None):
    line = ANVIL.format(user=user, argv=argv or clinic.helper)
    return ["-M", f"{line} {socket or clinic.anvil}{rest}"]


def policy(value):
    return ["-e", f"tollgate_policy=check_policy_service {value}"]


SOUND = ("{ unix:tollgate/policy, timeout=10s, "
         "{ default_action=451 4.3.5 Server configuration problem } }")


def listed(name, value):
    return ["-P", f"{AT}/smtpd_{name}_restrictions={value}"]


# What is done to the sound configuration: arguments of postconf, or a function
# of the clinic; and what doctor is to find then, once for each time named, or
# with "..." among other things.
BROKEN = {
    "postscreen": ("postscreen ...", ["-M", (
        "12525/inet=12525 inet n - y - 1 postscreen"
        " -o postscreen_upstream_proxy_protocol=haproxy")]),
    "nobody at a port": ("service-unheard", lambda it: it.postconf(
        "-MX", "10465/inet") and None),
    "no section": ("service", lambda it: it.postconf("-M", (
        "2525/inet=2525 inet n - y - - smtpd -o { smtpd_milters = "
        "{unix:tollgate-milter/milter,default_action=tempfail} }"
        " -o smtpd_upstream_proxy_protocol=haproxy"
        " -o smtpd_client_event_limit_exceptions="
        " -o smtpd_client_message_rate_limit=100"
        " -o smtpd_forbid_unauth_pipelining=yes"
        " -o smtpd_recipient_restrictions=$tollgate_policy"
        " -o smtpd_end_of_data_restrictions=$tollgate_policy")) and None),
    "unproxied section": ("service", lambda it: it.config.write_text(
        it.config.read_text().replace(
            'service "12525" {\n  port = 12525\n  proxied = true\n'
            '  trusted_proxies = { "10.90.0.3", "fd90::3" }',
            'service "12525" {\n  port = 12525'))),
    "section without port": ("service-port", lambda it: it.config.write_text(
        it.config.read_text().replace('  port = 12525\n', ''))),
    "no header": ("proxy-header", [
        "-P", f"{AT}/smtpd_upstream_proxy_protocol="]),
    "pipelining": ("pipelining", [
        "-P", f"{AT}/smtpd_forbid_unauth_pipelining=no"]),
    "stock anvil": ("anvil", [
        "-M", "anvil/unix=anvil unix - - y - 1 anvil"]),
    "no anvil": ("anvil", ["-MX", "anvil/unix"]),
    "anvil disabled": ("anvil", ["-e", "master_service_disable=anvil/unix"]),
    "another socket": ("anvil-socket",
                       lambda it: anvil(it, socket="/run/nowhere")),
    "helper in a jail": ("anvil-line", ["-F", "anvil/unix/chroot=y"]),
    "unprivileged spawn": ("anvil-line", ["-F", "anvil/unix/unprivileged=y"]),
    "undone by an upgrade": ("anvil-line", lambda it: [
        "-M", "anvil/unix=anvil unix - n n - 0 spawn user=nobody "
        f"argv={it.helper} {it.anvil}"]),
    "one helper": ("anvil-line", ["-F", "anvil/unix/process_limit=1"]),
    "helper as postfix": ("anvil-line", lambda it: anvil(it, user="postfix")),
    "no helper": ("anvil-helper", lambda it: anvil(
        it, argv="/nowhere/tollgate-anvil-pass")),
    "unknown user": ("anvil-helper", lambda it: anvil(it, user="nobodies")),
    "much like another": ("anvil-helper",
                          lambda it: anvil(it, user="postfix-helper:mail")),
    "helper as root": ("anvil-line", lambda it: anvil(it, user="root:mail")),
    "accept when down": ("anvil-when-down",
                         lambda it: anvil(it, " --when-down=accept")),
    "hasty smtpd": ("anvil-timeout", ["-P", f"{AT}/ipc_timeout=19s"]),
    "hasty everywhere": ("anvil-timeout anvil-timeout", [
        "-e", "ipc_timeout=5"]),
    "exceptions": ("event-exceptions", [
        "-P", f"{AT}/smtpd_client_event_limit_exceptions=192.0.2.0/24"]),
    "default exceptions": ("event-exceptions", [
        "-PX", f"{AT}/smtpd_client_event_limit_exceptions"]),
    "XCLIENT": ("xclient", [
        "-P", f"{AT}/smtpd_authorized_xclient_hosts=192.0.2.1"]),
    "main.cf's XCLIENT": ("xclient xclient", [
        "-e", "smtpd_authorized_xclient_hosts=$mynetworks"]),
    "no connect limit": ("connect-limit", [
        "-P", f"{AT}/smtpd_client_connection_count_limit=0"]),
    "no twin": ("limit-twin", [
        "-P", f"{AT}/smtpd_client_message_rate_limit=0"]),
    "no policy at RCPT": ("policy-missing",
                          listed("recipient", "permit_mynetworks,reject")),
    "no policy at the end": ("policy-missing", ["-PX", (
        f"{AT}/smtpd_end_of_data_restrictions")]),
    "no policy at ETRN": ("policy-missing policy-missing", lambda it:
                          it.config.write_text(it.config.read_text() + (
                              'limit "etrn" {\n  event = "etrn"\n'
                              '  key = { "client" }\n  rate = "9/1h"\n}\n'))
                          and None),
    "somebody else's": ("policy-missing", lambda it: it.postconf(
        "-e", "other=check_policy_service { unix:private/greylist, "
        "timeout=1s }, reject_unauth_destination") and None or listed(
            "recipient", "$other")),
    "another list": ("policy-twice", listed("client", "$tollgate_policy")),
    "twice in one": ("policy-twice", listed(
        "recipient", "$tollgate_policy,reject_unlisted_recipient,"
        "$tollgate_policy")),
    "after mynetworks": ("policy-order", listed(
        "recipient", "permit_mynetworks,$tollgate_policy")),
    "after another service": ("policy-order", listed(
        "recipient", "check_policy_service,inet:[::1]:7,$tollgate_policy")),
    "after the end": ("policy-order", listed(
        "recipient", "reject_unauth_destination,reject,$tollgate_policy")),
    "after a table": ("policy-order", listed(
        "end_of_data", "check_client_access,cidr:/etc/ok,$tollgate_policy")),
    "after a class": ("policy-order", lambda it: it.postconf(
        "-e", "smtpd_restriction_classes=friends",
        "friends=permit_sasl_authenticated") and None or listed(
            "recipient", "friends,$tollgate_policy")),
    "in main.cf": ("policy-order", lambda it: it.postconf(
        "-PX", f"{AT}/smtpd_recipient_restrictions") and None or [
            "-e", "smtpd_recipient_restrictions=permit_mynetworks, "
            "reject_unknown_recipient_domain, $tollgate_policy"]),
    "only warned": ("policy-weak", listed(
        "recipient", "warn_if_reject,$tollgate_policy")),
    "open without policyd": ("policy-default-action " * 4, policy(
        "{ unix:tollgate/policy, timeout=10s, default_action=DUNNO }")),
    "no braces": ("policy-default-action " * 4, policy(
        "{ unix:tollgate/policy, timeout=10s, default_action=451 4.3.5 x }")),
    "default timeout": ("policy-timeout " * 4, policy(
        "unix:tollgate/policy")),
    "hasty": ("policy-timeout " * 4, policy(
        SOUND.replace("timeout=10s", "timeout=0"))),
    "inet": ("policy-inet " * 4, lambda it: it.write_config(listen=[
        f"policy:unix:{it.policy}", "policy:inet:127.0.0.1:10040",
        f"sni:unix:{it.queue}/tollgate/sni", f"anvil-pass:unix:{it.anvil}",
    ]) or policy(SOUND.replace("unix:tollgate/policy",
                               "inet:127.0.0.1:10040"))),
    "absolute in a jail": ("policy-path " * 4, lambda it: policy(
        SOUND.replace("tollgate/policy", str(it.policy)))),
    "outside of the jail": ("jail jail " + "policy-missing " * 4,
                            lambda it: outside(it)),
    "no milter": ("milter-missing", ["-P", f"{AT}/smtpd_milters="]),
    "milter accepts": ("milter-default-action", [
        "-P", f"{AT}/smtpd_milters={{unix:tollgate-milter/milter,"
        "default_action=accept}"]),
    "milters accept": ("milter-default-action", lambda it: it.postconf(
        "-e", "milter_default_action=accept") and None or [
            "-P", f"{AT}/smtpd_milters=unix:tollgate-milter/milter"]),
    "milter over inet": ("milter-inet milter-inet", lambda it: it.write_config(
        milter="inet:127.0.0.1:10050") or it.treat() and None or [
            "-e", "milter_default_action=tempfail"]),
    "milter in a jail": ("milter-path", lambda it: [
        "-P", f"{AT}/smtpd_milters={{unix:{it.milter},"
        "default_action=tempfail}"]),
    "milter for all": ("milter-local", [
        "-e", "non_smtpd_milters=unix:tollgate-milter/milter, inet:[::1]:9"]),
    "who is Postfix": ("postfix-user", lambda it: it.config.write_text(
        'postfix_user = "daemon"\n' + it.config.read_text())),
    "folder of its own": ("socket-access socket-access", lambda it: os.chmod(
        it.policy.parent, 0o700)),
    "chain files": ("default-chain", [
        "-e", "smtpd_tls_chain_files=/etc/ssl/mail.pem"]),
    "chain files there": ("default-chain", [
        "-P", f"{AT}/smtpd_tls_chain_files=/etc/ssl/mail.pem"]),
    "no map": ("refresh-map", ["-e", "smtpd_milter_maps=static:x"]),
    "no SNI": ("sni-map", ["-e", "tls_server_sni_maps=hash:/etc/sni"]),
    "SNI below the jail": ("sni-map", lambda it: [
        "-e", "tls_server_sni_maps=socketmap:unix:tollgate/sni:sni, "
        f"socketmap:unix:{it.queue}/tollgate/sni:sni"]),
    "SNI outside of the jail": ("sni-map", lambda it: it.write_config(listen=[
        f"policy:unix:{it.policy}", f"sni:unix:{it.directory}/sni",
        f"anvil-pass:unix:{it.anvil}"])),
    "postscreen's TLS": ("tlsproxy", lambda it: it.postconf(
        "-e", "smtpd_tls_security_level=may") and None or [
            "-M", "smtp/inet=smtp inet n - y - 1 postscreen"]),
}
# What no line for postconf can mend.
ADVICE = {"nobody at a port", "no section", "section without port", "unproxied section",
          "unknown user", "much like another", "milter over inet",
          "who is Postfix", "folder of its own", "SNI outside of the jail",
          "postscreen's TLS"}


def outside(clinic):
    path = clinic.directory / "policy"
    if not path.exists():
        clinic.listen(path)
    clinic.write_config(listen=[
        f"policy:unix:{path}", f"sni:unix:{clinic.queue}/tollgate/sni",
        f"anvil-pass:unix:{clinic.anvil}"])


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken(clinic, case):
    expected, breaking = BROKEN[case]
    if callable(breaking):
        breaking = breaking(clinic)
    if isinstance(breaking, list):
        clinic.postconf(*breaking)
    status, findings, _ = clinic.examine()
    names = [it["name"] for it in findings]
    if expected.endswith(" ..."):
        assert expected.split()[0] in names
    else:
        assert sorted(names) == sorted(expected.split())
    assert status == (4 if case in ADVICE else 1)
    for finding in findings:
        assert finding["why"] and finding["what"] and finding["where"]
        assert bool(finding["advice"]) == (case in ADVICE), finding
        assert bool(finding["mend"]) == (case not in ADVICE), finding
    if case not in ADVICE:
        clinic.treat()
        assert clinic.examine()[:2] == (0, [])


def test_only_milter(clinic):
    """Nothing but the milter proves: a table must not switch it off."""
    clinic.write_config(listen=[], options={"store_prefix": "x"})
    assert clinic.names() == []
    for name, value in (("", "cidr:/etc/x"), ("_", "")):
        clinic.postconf("-P", f"{AT}/smtpd_milter{'s' if name else '_maps'}="
                        f"{value}")
    assert set(clinic.names()) == {"milter-maps", "milter-missing",
                                   "refresh-map"}
    clinic.treat()
    assert clinic.names() == []


def test_direct_anvil(clinic):
    """policyd at private/anvil itself; and at a place where nobody asks."""
    private = clinic.queue / "private/anvil"
    policy_and_sni = [f"policy:unix:{clinic.policy}",
                      f"sni:unix:{clinic.queue}/tollgate/sni"]
    clinic.write_config(listen=[*policy_and_sni, f"anvil:unix:{private}"])
    assert clinic.names() == ["anvil"]
    clinic.treat()
    assert clinic.names() == []
    assert clinic.postconf("-h", "master_service_disable") == "anvil/unix\n"
    clinic.write_config(listen=[*policy_and_sni, f"anvil:unix:{clinic.anvil}"])
    assert clinic.names() == ["anvil-socket"]


def test_prefix_lengths(clinic):
    """Postfix 3.8 and later tell anvil a net, by default /84."""
    name = "smtpd_client_ipv6_prefix_length"
    if name not in clinic.postconf("-d"):
        assert "prefix-length" not in clinic.stock
        clinic.postconf("-e", f"{name}=84")  # a user's own parameter
        assert clinic.names() == []
        return
    assert clinic.stock.count("prefix-length") == 2
    clinic.postconf("-P", f"{AT}/{name}=64")
    assert clinic.names() == ["prefix-length"]
    clinic.treat()
    assert clinic.names() == []


def test_services_that_nobody_guards(clinic):
    """An smtpd of another kind is none of our business; without any service
    section all are that strangers can reach."""
    clinic.postconf("-M", "127.0.0.1:10026/inet=127.0.0.1:10026 inet n - n - "
                    "- smtpd")
    assert clinic.names() == []
    clinic.postconf("-MX", "12525/inet", "10465/inet")
    clinic.write_config(services={})
    wheres = {it["where"] for it in clinic.examine()[1]}
    assert wheres == {"smtp/inet"}
    clinic.treat()
    assert clinic.names() == []


def test_mail_that_comes_back(clinic):
    """From a content filter: what main.cf asks is asked there as well, and
    each message would count twice."""
    back = "127.0.0.1:10026/inet"
    clinic.postconf(
        "-M", f"{back}=127.0.0.1:10026 inet n - n - - smtpd -o content_filter=",
        "10027/inet=10027 inet n - n - - smtpd -o content_filter=",
        "127.0.0.1:10028/inet=127.0.0.1:10028 inet n - n - - smtpd"
        " -o smtpd_recipient_restrictions=permit_mynetworks,$tollgate_policy"
        " -o smtpd_end_of_data_restrictions= -o smtpd_milters=",
        "127.0.0.1:587/inet=127.0.0.1:587 inet n - n - - smtpd"
        " -o smtpd_sasl_auth_enable=yes")
    clinic.postconf(
        "-e", "content_filter=smtp:[127.0.0.1]:10024",
        "smtpd_recipient_restrictions=$tollgate_policy, permit_mynetworks, "
        "reject_unauth_destination",
        "smtpd_end_of_data_restrictions=check_client_access cidr:/etc/x, "
        "$tollgate_policy",
        "smtpd_milters=inet:[::1]:9, "
        "{unix:tollgate-milter/milter, default_action=tempfail}")
    findings = clinic.examine()[1]
    assert [(it["name"], it["where"]) for it in findings] == [
        ("reinjection", where)
        for where in (back, "10027/inet") for _ in range(3)]
    # As they stand; the other milter, the table and the rest stay.
    clinic.treat()
    assert clinic.examine()[:2] == (0, [])
    assert "tollgate" not in clinic.postconf("-M", back)
    assert "reject_unauth_destination" in clinic.postconf("-M", back)
    assert "[::1]:9" in clinic.postconf("-M", back)
    # Where the milters are off anyway, they are.
    clinic.postconf("-PX", f"{back}/smtpd_milters", "10027/inet/smtpd_milters")
    clinic.postconf("-P", f"{back}/receive_override_options=no_milters",
                    "10027/inet/receive_override_options="
                    "no_unknown_recipient_checks,no_milters")
    assert clinic.names() == []


def test_the_option_that_exempts(clinic):
    """As a person reads it: mailcow's listener, and a list of policyd alone."""
    back = "127.0.0.1:10026/inet"
    clinic.postconf(
        "-M", f"{back}=127.0.0.1:10026 inet n - n - - smtpd -o content_filter=")
    clinic.postconf("-e", "smtpd_end_of_data_restrictions=$tollgate_policy",
                    "smtpd_sasl_auth_enable=yes")
    finding, = clinic.examine()[1]
    assert finding["mend"] == [
        f"postconf -c {clinic.etc} -P "
        f"{back}/smtpd_end_of_data_restrictions="]


def test_where_addresses_are_true(clinic):
    """Without a proxy, mynetworks and tables may exempt; who has logged in
    may not, or no limit of his is ever reached."""
    clinic.write_config(services={})
    clinic.postconf("-MX", "12525/inet", "10465/inet")
    clinic.treat()
    at = "smtp/inet/smtpd_recipient_restrictions"
    clinic.postconf("-P", f"{at}=permit_mynetworks,check_client_access,"
                    "cidr:/etc/ok,reject_unauth_destination,$tollgate_policy")
    assert clinic.names() == []
    clinic.postconf("-P", f"{at}=permit_mynetworks,permit_sasl_authenticated,"
                    "reject_unauth_destination,$tollgate_policy")
    assert clinic.names() == ["policy-order"]
    clinic.treat()
    assert clinic.names() == []
    assert "=permit_mynetworks,$tollgate_policy,permit_sasl" in \
        clinic.postconf("-M", "smtp/inet")


def test_limits_of_one_service(clinic):
    """A twin is asked for where the limit applies, out of reach where it is
    not for everybody."""
    text = clinic.config.read_text()
    clinic.config.write_text(text + """
        limit "tls" { at = "anvil" event = "tls" key = { "client" }
            rate = "7/1d" services = { "10465" } }""")
    (finding,) = clinic.examine()[1]
    assert (finding["name"], finding["where"]) == ("limit-twin", "10465/inet")
    assert finding["mend"][0].endswith(
        "10465/inet/smtpd_client_new_tls_session_rate_limit=1000000")


def test_xclient_without_a_proxy_header(clinic):
    """Since Postfix 3.8 all of one front count as one at anvil. A note where
    tollgate.conf names other services only, and for an older Postfix."""
    is_told = "smtpd_client_ipv4_prefix_length" in clinic.postconf("-d")
    clinic.postconf("-P", "smtp/inet/smtpd_authorized_xclient_hosts=192.0.2.3")

    def examine():
        status, findings, notes = clinic.examine()
        return (status, [(it["name"], it["where"]) for it in findings],
                len([it for it in notes if "who says XCLIENT" in it]))

    assert examine() == (0, [], 1)
    clinic.write_config(services={})
    clinic.postconf("-MX", "12525/inet", "10465/inet")
    clinic.treat()
    assert examine() == (
        (4, [("xclient-counted", "smtp/inet")], 0) if is_told else (0, [], 1))
    clinic.write_config(services={}, options={
        "client_limits_at": "policy", "client_message_rate_limit": 100})
    assert examine() == (0, [], 0)


def test_socket_that_is_not_there(clinic):
    """May be there later: a note, and no finding."""
    clinic.write_config(listen=[
        f"policy:unix:{clinic.queue}/tollgate/later",
        f"sni:unix:{clinic.queue}/tollgate/sni",
        f"anvil-pass:unix:{clinic.anvil}"])
    clinic.treat()
    status, findings, notes = clinic.examine()
    assert (status, findings) == (0, [])
    assert len([it for it in notes if "later" in it]) == 1


@pytest.mark.parametrize("arguments, status, said", [
    (["doctor", "--postfix-config", "/nowhere"], 1, "/nowhere/main.cf"),
    (["doctor", "--postfix-config"], 2, "usage: tollgatectl doctor"),
    (["doctor", "surgeon"], 2, "usage: tollgatectl doctor"),
    (["-c", "/nowhere.conf", "doctor"], 1, "/nowhere.conf"),
])
def test_errors(arguments, status, said):
    done = tollgatectl(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


def test_what_people_read(clinic):
    """80 columns, but for the commands, which stand alone."""
    clinic.postconf("-P", f"{AT}/smtpd_client_event_limit_exceptions="
                    + ",".join(f"192.0.2.{i}" for i in range(90)))
    done = tollgatectl("-c", clinic.config, "doctor", "--postfix-config",
                       clinic.etc)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("event-exceptions: ")
    assert lines[-1].startswith("found 1;")
    assert any(line.startswith("    postconf -c ") for line in lines)
    for line in lines:
        assert len(line) <= 80 or line.startswith("    postconf ") \
            or " " not in line.strip(), line


def test_only_words_are_left(clinic):
    """A script that runs lines until there are none comes to its end."""
    clinic.config.write_text('postfix_user = "daemon"\n'
                             + clinic.config.read_text())
    for arguments in ([], ["-j"]):
        done = tollgatectl("-c", clinic.config, *arguments, "doctor",
                           "--postfix-config", clinic.etc)
        assert done.returncode == 4
        assert ('"has_lines":false' if arguments else
                "found 1; there is no line to run") in done.stdout
    clinic.postconf("-MX", "anvil/unix")
    done = tollgatectl("-c", clinic.config, "-j", "doctor",
                       "--postfix-config", clinic.etc)
    assert done.returncode == 1 and '"has_lines":true' in done.stdout


@pytest.mark.parametrize("limit, is_noted", [
    ('key = { "sender" }', True),
    ('key = { "recipient_domain", "service" }', True),
    ('key = { "helo" }', True),
    ('key = { "sender" }\n  authenticated = "yes"', False),
    ('key = { "client", "sender" }', False),
    ('key = { "sasl_username", "recipient" }', False),
])
def test_limits_that_strangers_can_fill(clinic, limit, is_noted):
    """Meant so, perhaps: a note, and no finding."""
    clinic.config.write_text(clinic.config.read_text() + (
        f'\nlimit "odd" {{\n  event = "recipient"\n  at = "policy"\n'
        f'  rate = "10/1d"\n  {limit}\n}}\n'))
    status, findings, notes = clinic.examine()
    assert (status, findings) == (0, [])
    assert [note for note in notes if "limit odd:" in note] == (
        [it for it in notes if "any stranger can name a " in it])
    assert bool([it for it in notes if "limit odd:" in it]) is is_noted


def test_listeners_that_no_section_names(clinic):
    """They are not looked at, and each is named with what counts there and
    what does not; none is where no section is."""
    def apart():
        return [it for it in clinic.examine()[2] if "no service section" in it]

    clinic.postconf("-M", "587/inet=587 inet n - y - - smtpd",
                    "127.0.0.1:588/inet=127.0.0.1:588 inet n - y - - smtpd")
    assert [it.split()[0] for it in apart()] == ["smtp/inet", "587/inet"]
    assert "Limits at policy, milter do not count there" in apart()[1]
    assert "it does ask anvil" in apart()[1]
    assert 'service "587" { port = 587 }' in apart()[1]
    # One that asks, and one that a section names.
    clinic.postconf(
        "-P", *(f"587/inet/smtpd_{name}_restrictions=$tollgate_policy"
                for name in ("recipient", "end_of_data")),
        "587/inet/smtpd_milters=unix:tollgate-milter/milter")
    assert [it.split()[0] for it in apart()] == ["smtp/inet"]
    clinic.config.write_text(clinic.config.read_text()
                             + '\nservice "25" { port = 25 }\n')
    assert apart() == []
    clinic.postconf("-MX", "12525/inet", "10465/inet")
    clinic.write_config(services={})
    assert apart() == []
