"""The story that ./quickstart --demo plays, one function a chapter.

A chapter acts as a mail client, and says of each thing it saw what it should
have been: `seen(what, reply, expected)`, judged by SMTP replies and by
tollgatectl; expected is how the reply begins, or words that it holds. Chapters
use clients of their own, so none depends on what another has used up.
"""
import contextlib
import time

from harness.cert_site import NAME
from harness.smtp import Smtp
from harness.wait import wait_until

from .client import forged_greeting, send_to
from .stage import (CONNECTION_LIMIT, GUESS_LIMIT, INBOX_LIMIT, INBOX_TEXT,
                    MESSAGE_LIMIT)


@contextlib.contextmanager
def said_hello(server, client):
    with Smtp(server, client) as session:
        yield session.hello()


def shown(stage, key, event):
    """The counter of that event, as `tollgatectl show` has it, in words."""
    [counter] = [it for it in stage.ctl("show", key)["counters"]
                 if it["event"] == event]
    verb = "refuses" if counter["refuses"] else "passes"
    return f"used {counter['used']}, {verb}"


def addresses(peers):
    return " ".join(peer["address"] for peer in peers)


def mail_through_the_proxy(stage, seen):
    client = stage.network.client(1)
    with said_hello(stage.through_proxy, client) as session:
        seen("a message through HAProxy is accepted",
             send_to(session, "first@test.example"), "250")
    line = stage.postfix.log.wait_for(r": (client=unknown.*)$")
    seen("Postfix knows its true address", line[1], f"client=unknown[{client}]")
    seen("tollgatectl peers: the proxy is proven",
         addresses(stage.ctl("peers")["proxies"]), stage.network.proxy)


def a_header_that_lies(stage, seen):
    forger, victim = stage.network.client(20), stage.network.client(21)
    for claimed in victim, stage.network.proxy:
        seen(f"past the proxy, as {claimed}",
             forged_greeting(stage.proxied, forger, claimed), "421")
    untrusted = stage.ctl("peers")["untrusted"]
    seen("tollgatectl peers: untrusted", addresses(untrusted), forger)


def one_connection_too_many(stage, seen):
    client = stage.network.client(2)
    with contextlib.ExitStack() as sessions:
        def connect(server, who=client):
            return sessions.enter_context(Smtp(server, who)).text

        for number in range(1, CONNECTION_LIMIT + 1):
            seen(f"connection {number} of a client",
                 connect(stage.through_proxy), "220")
        seen("one more", connect(stage.through_proxy), "421")
        seen("another client's first",
             connect(stage.through_proxy, stage.network.client(3)), "220")
        wanted = f"used {CONNECTION_LIMIT},"
        wait_until(lambda: wanted in shown(stage, client, "connection_count"),
                   5, "the refused one has gone")
        seen("tollgatectl show: open now",
             shown(stage, client, "connection_count"), wanted)


def one_message_too_many(stage, seen):
    client = stage.network.client(4)
    with said_hello(stage.through_proxy, client) as session:
        for number in range(1, MESSAGE_LIMIT + 1):
            seen(f"message {number} in a minute",
                 send_to(session, f"user{number}@test.example"), "250")
        seen("one more", send_to(session, "last@test.example"), "450")
    seen("tollgatectl show: what Postfix was told",
         shown(stage, client, "message"), f"used {MESSAGE_LIMIT + 1},")


def a_limit_of_tollgates_own(stage, seen):
    inbox = "busy@test.example"
    for number in range(1, INBOX_LIMIT + 1):
        client = stage.network.client(4 + number)
        with said_hello(stage.direct, client) as session:
            seen(f"client {number} writes to one inbox",
                 send_to(session, inbox), "250")
    with said_hello(stage.direct, stage.network.client(9)) as session:
        refusal = send_to(session, inbox)
        seen("the next one, whoever it is", refusal, "450")
        seen("... in tollgate's own words", refusal, INBOX_TEXT)
        seen("the same client to another inbox",
             send_to(session, "quiet@test.example"), "250")
        seen("tollgatectl show", shown(stage, f"recipient:{inbox}",
                                       "recipient"),
             f"used {INBOX_LIMIT}, refuses")
        stage.ctl("reset", f"recipient:{inbox}")
        seen("tollgatectl reset: let him through", send_to(session, inbox),
             "250")


def a_guesser(stage, seen):
    """Postfix rejects what is not here; the milter counts it."""
    client = stage.network.client(22)
    with said_hello(stage.through_proxy, client) as session:
        session.mail()
        for number in range(GUESS_LIMIT):
            seen(f"recipient {number + 1} that is not here",
                 answer_to(session, f"{number}@elsewhere.example"), "554")
        session.command("RSET")
        seen("one that is, from the same client",
             send_to(session, "right@test.example"), "450")


def answer_to(session, recipient):
    session.rcpt(recipient)
    return session.text


def a_renewed_certificate(stage, seen):
    renewed = stage.authority.issue(NAME)
    with said_hello(stage.through_proxy, stage.network.client(23)) as session:
        stage.acme.write(renewed)
        [section] = stage.ctl("certs", "reload")["certificates"]
        seen("tollgatectl certs: acme.json was renewed",
             section["chains"][0]["sha256"], renewed.fingerprint)
        seen("STARTTLS at an smtpd from before that",
             session.start_tls(NAME), renewed.fingerprint)
        seen("... whose session goes on",
             send_to(session, "tls@test.example"), "250")


def policyd_away_and_back(stage, seen):
    stage.policyd.kill()
    with Smtp(stage.direct, stage.network.client(10)) as session:
        seen("policyd killed: the helper answers", session.text, "421")
    stage.policyd.start()
    started = time.monotonic()
    wait_until(lambda: is_served(stage), 15, "Postfix serves again")
    seen("policyd back, Postfix never restarted",
         f"220 after {time.monotonic() - started:.1f} s", "220")
    client = stage.network.client(12)
    with contextlib.ExitStack() as sessions:
        texts = [sessions.enter_context(Smtp(stage.direct, client)).text
                 for _ in range(CONNECTION_LIMIT + 1)]
    seen(f"connection {CONNECTION_LIMIT} of a client", texts[-2], "220")
    seen("one more", texts[-1], "421")
    if stage.with_redis:
        client = stage.network.client(4)
        with said_hello(stage.through_proxy, client) as session:
            seen("Redis still knows who sent too much",
                 send_to(session, "more@test.example"), "450")
    seen("tollgatectl status", stage.ctl("status")["phase"], "serving")


def is_served(stage):
    with Smtp(stage.direct, stage.network.client(11)) as session:
        return session.greeting == "220"


STORY = [
    ("Mail through the proxy", mail_through_the_proxy),
    ("A PROXY header that lies", a_header_that_lies),
    (f"At most {CONNECTION_LIMIT} connections of a client at once",
     one_connection_too_many),
    (f"At most {MESSAGE_LIMIT} messages of a client a minute",
     one_message_too_many),
    ("A limit that Postfix does not have", a_limit_of_tollgates_own),
    ("Who guesses addresses", a_guesser),
    ("A renewed certificate", a_renewed_certificate),
    ("policyd away, and back", policyd_away_and_back),
]
