"""A ban through a real Postfix, of a client that only a PROXY header names:
each face by itself refuses his next session, and lets him in again when the
ban is lifted or over."""
import time

import pytest

from harness.control import asked, tollgatectl
from harness.front import Front
from harness.redis_server import RedisServer
from harness.smtp import Smtp
from harness.wait import wait_until, within_a_second

NO_POLICY = "-o smtpd_recipient_restrictions= -o smtpd_end_of_data_restrictions="
NO_MILTER = "-o smtpd_milters="
NO_ANVIL = "-o smtpd_client_event_limit_exceptions=127.0.0.0/8"
ALONE = {"anvil": f"{NO_POLICY} {NO_MILTER}",
         "policy": f"{NO_ANVIL} {NO_MILTER}",
         "milter": f"{NO_ANVIL} {NO_POLICY}"}
CLIENTS = {face: f"127.0.5.{number}" for number, face in enumerate(ALONE, 1)}
# What is refused first, and how.
REFUSALS = {"anvil": ("greeting", "421 4.7.0 "),
            "policy": ("rcpt", "421 4.7.1 <user@test.example>: Recipient "
                       "address rejected: Error: client host rejected"),
            "milter": ("greeting", "421 ")}  # Postfix's own words


@pytest.fixture(scope="module")
def front(places, keeps):
    redis = keeps(RedisServer(places / "redis"))
    return Front(places, keeps, ALONE, options={"store": redis.url})


def refusal(server, client):
    """Where a session of the client is refused, and the reply; (None, that of
    its last command) if nowhere."""
    with Smtp(server, client) as session:
        for step, code in (("greeting", "220"), ("hello", "250"),
                           ("mail", "250"), ("rcpt", "250")):
            said = {"greeting": lambda: session.greeting,
                    "hello": lambda: session.command("EHLO client.example"),
                    "mail": session.mail, "rcpt": session.rcpt}[step]()
            if said != code:
                return step, session.text
        return None, session.text


@pytest.mark.parametrize("face", ALONE)
def test_the_next_session_is_refused_until_the_ban_ends(front, face):
    server, client = front.server[face], CLIENTS[face]

    def is_refused():
        return refusal(server, client)[0] is not None

    def ctl(*words):
        done = tollgatectl(*words, sockets=[front.policyd])
        assert done.returncode == 0, done.stderr

    assert not is_refused()
    ctl("ban", client, "1h", "spam")
    within_a_second(is_refused, "banned")
    # That session may have been open already; the next one was not.
    step, text = refusal(server, client)
    wanted, words = REFUSALS[face]
    assert step == wanted and text.startswith(words), (step, text)
    daemon = front.milter if face == "milter" else front.policyd
    line = next(line for line in daemon.process.text().splitlines()
                if f" decision face={face} " in line)
    assert f" service={face} " in line and " reason=banned" in line
    assert f" client={client} " in line and " peer=127.0.0.2 " in line
    assert refusal(server, "127.0.5.200")[0] is None
    ctl("unban", client)
    within_a_second(lambda: not is_refused(), "lifted")

    banned = time.monotonic()
    ctl("ban", client, "2s")
    within_a_second(is_refused, "banned again")
    wait_until(lambda: not is_refused(), 10, "it has ended by itself")
    assert time.monotonic() - banned >= 1.9
    assert asked(front.policyd, "bans")["bans"] == []
