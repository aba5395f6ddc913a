"""A webmail: its address is free of every limit by client, at all three
faces, and each of its users has a limit of his own."""
import re
import shutil

import pytest

from harness.control import asked, tollgatectl
from harness.haproxy import Haproxy
from harness.policyd import ANVIL_PASS, Milter, Policyd
from harness.ports import free_port
from harness.postfix import Postfix, pass_through
from harness.sasl_server import SaslServer, log_in
from harness.smtp import Smtp

WEBMAIL, PROXY = "127.0.3.1", "127.0.0.2"
LOGIN_LIMIT = 3
BY_LOGIN = ("limit", "login", {
    "at": "policy", "event": "recipient", "key": ["sasl_username"],
    "rate": f"{LOGIN_LIMIT}/1d"})
BY_CLIENT = [("limit", f"by-{face}", {
    "at": face, "event": "message", "key": ["client"], "rate": "1/1d"})
    for face in ("policy", "milter", "anvil")]


class Site:
    """Postfix with a listener behind HAProxy and one that is not."""

    def __init__(self, place, keep):
        direct, proxied = free_port(), free_port()
        self.direct = ("127.0.0.1", direct)
        self.through_proxy = (PROXY, free_port(PROXY))
        sections = [
            ("service", "direct", {"port": direct}),
            ("service", "proxied", {"port": proxied, "proxied": True,
                                    "trusted_proxies": [PROXY]})]
        options = {"exempt_clients": [WEBMAIL], "impossible_clients": []}
        self.policyd = keep(Policyd(
            place / "policyd", [f"policy:unix:{place}/policyd/policy",
                                f"anvil-pass:unix:{place}/policyd/anvil"],
            options=options,
            sections=[*sections, BY_LOGIN, BY_CLIENT[0], BY_CLIENT[2]]))
        milter = keep(Milter(place / "milter", options=options,
                             sections=[*sections, BY_CLIENT[1]]))
        sasl = keep(SaslServer(place / "sasl"))
        policy = f"check_policy_service unix:{place}/policyd/policy"
        postfix = keep(Postfix(
            place / "postfix", port=direct,
            anvil=pass_through(shutil.copy(ANVIL_PASS, place),
                               f"{place}/policyd/anvil"),
            services={f"127.0.0.1:{direct}": "", f"127.0.0.1:{proxied}":
                      "-o smtpd_upstream_proxy_protocol=haproxy"},
            main={**sasl.main_cf(), **milter.main_cf(),
                  "smtpd_client_message_rate_limit": 1,
                  "smtpd_recipient_restrictions": policy,
                  "smtpd_end_of_data_restrictions": policy}))
        postfix.start()
        keep(Haproxy(place / "haproxy", self.through_proxy,
                     ("127.0.0.1", proxied)))


@pytest.fixture(scope="module")
def site(places, keeps):
    return Site(places, keeps)


def send(server, source, user, count):
    """The reply to each of so many messages in one session."""
    with Smtp(server, source) as session:
        session.hello()
        assert log_in(session, user) == "235", session.text
        return [session.send_message() for _ in range(count)]


@pytest.mark.parametrize("way", ["direct", "through_proxy"])
def test_a_webmail_sends_for_many(site, way):
    server = getattr(site, way)
    for user in f"bob.{way}", f"alice.{way}":
        assert send(server, WEBMAIL, user, LOGIN_LIMIT + 1) == \
            LOGIN_LIMIT * ["250"] + ["450"], user
    # A stolen password sends no more from elsewhere.
    assert send(server, "127.0.3.9", f"bob.{way}", 1) == ["450"]
    peer = {"direct": WEBMAIL, "through_proxy": PROXY}[way]
    line = re.search(rf"decision face=policy service=\w+ event=recipient "
                     rf"client={WEBMAIL} .*sasl=bob.{way} .*",
                     site.policyd.process.text())[0]
    assert f" peer={peer} " in line
    assert f"limit=login used={LOGIN_LIMIT} allowed={LOGIN_LIMIT} " in line


@pytest.mark.parametrize("way", ["direct", "through_proxy"])
def test_others_are_held_by_their_address(site, way):
    client = {"direct": "127.0.3.2", "through_proxy": "127.0.3.3"}[way]
    assert send(getattr(site, way), client, f"eve.{way}", 2) == ["250", "450"]


def test_what_is_told_of_it(site):
    done = tollgatectl("ban", WEBMAIL, sockets=[site.policyd])
    assert done.returncode == 1 and "exempt_clients" in done.stderr
    send(site.direct, WEBMAIL, "carol", 1)
    top = asked(site.policyd, "top", "recipient")["events"]
    assert "sasl:carol" in [row["key"] for it in top for row in it["keys"]]
    [counter] = asked(site.policyd, "show", "sasl:carol")["counters"]
    assert counter["used"] == 1
    assert "nothing is counted" in tollgatectl(
        "show", WEBMAIL, sockets=[site.policyd]).stderr
