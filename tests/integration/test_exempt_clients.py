"""A webmail: its address is free of every limit by client, at all three
faces, and each of its users has a limit of his own."""
import re

import pytest

from harness.control import asked, tollgatectl
from harness.front import PROXY, Front
from harness.sasl_server import SaslServer, log_in
from harness.smtp import Smtp

WEBMAIL = "127.0.3.1"
LOGIN_LIMIT = 3
BY_LOGIN = ("limit", "login", {
    "at": "policy", "event": "recipient", "key": ["sasl_username"],
    "rate": f"{LOGIN_LIMIT}/1d"})
BY_CLIENT = {face: ("limit", f"by-{face}", {
    "at": face, "event": "message", "key": ["client"], "rate": "1/1d"})
    for face in ("policy", "milter", "anvil")}


@pytest.fixture(scope="module")
def front(places, keeps):
    sasl = keeps(SaslServer(places / "sasl"))
    return Front(
        places, keeps, {"proxied": ""}, options={"exempt_clients": [WEBMAIL]},
        limits={"policyd": [BY_LOGIN, BY_CLIENT["policy"], BY_CLIENT["anvil"]],
                "milter": [BY_CLIENT["milter"]]},
        main={**sasl.main_cf(), "smtpd_client_message_rate_limit": 1})


def send(server, source, user, count):
    """The reply to each of so many messages in one session."""
    with Smtp(server, source) as session:
        session.hello()
        assert log_in(session, user) == "235", session.text
        return [session.send_message() for _ in range(count)]


@pytest.mark.parametrize("way", ["direct", "proxied"])
def test_a_webmail_sends_for_many(front, way):
    server = front.server[way]
    for user in f"bob.{way}", f"alice.{way}":
        assert send(server, WEBMAIL, user, LOGIN_LIMIT + 1) == \
            LOGIN_LIMIT * ["250"] + ["450"], user
    # A stolen password sends no more from elsewhere.
    assert send(server, "127.0.3.9", f"bob.{way}", 1) == ["450"]
    peer = {"direct": WEBMAIL, "proxied": PROXY}[way]
    line = re.search(rf"decision face=policy service=\w+ event=recipient "
                     rf"client={WEBMAIL} .*sasl=bob.{way} .*",
                     front.policyd.process.text())[0]
    assert f" peer={peer} " in line
    assert f"limit=login key=sasl:bob.{way} used={LOGIN_LIMIT} " \
        f"allowed={LOGIN_LIMIT} " in line


@pytest.mark.parametrize("way", ["direct", "proxied"])
def test_others_are_held_by_their_address(front, way):
    client = {"direct": "127.0.3.2", "proxied": "127.0.3.3"}[way]
    assert send(front.server[way], client, f"eve.{way}", 2) == ["250", "450"]


def test_what_is_told_of_it(front):
    done = tollgatectl("ban", WEBMAIL, sockets=[front.policyd])
    assert done.returncode == 1 and "exempt_clients" in done.stderr
    send(front.server["direct"], WEBMAIL, "carol", 1)
    top = asked(front.policyd, "top", "recipient")["events"]
    assert "sasl:carol" in [row["key"] for it in top for row in it["keys"]]
    [counter] = asked(front.policyd, "show", "sasl:carol")["counters"]
    assert counter["used"] == 1
    assert "nothing is counted" in tollgatectl(
        "show", WEBMAIL, sockets=[front.policyd]).stderr
