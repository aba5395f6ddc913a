"""The story that ./quickstart --demo plays, one function a chapter.

A chapter acts as a mail client, and says of each thing it saw what it should
have been: `seen(what, reply, expected)`, judged by SMTP replies; expected is
how the reply begins, or words that it holds. Chapters use clients of their
own, so none depends on what another has used up.
"""
import contextlib
import time

from harness.smtp import Smtp
from harness.wait import wait_until

from .client import send_to
from .stage import CONNECTION_LIMIT, INBOX_LIMIT, INBOX_TEXT, MESSAGE_LIMIT


@contextlib.contextmanager
def said_hello(server, client):
    with Smtp(server, client) as session:
        yield session.hello()


def mail_through_the_proxy(stage, seen):
    client = stage.network.client(1)
    with said_hello(stage.through_proxy, client) as session:
        seen("a message through HAProxy is accepted",
             send_to(session, "first@test.example"), "250")
    line = stage.postfix.log.wait_for(r": (client=unknown.*)$")
    seen("Postfix knows its true address", line[1], f"client=unknown[{client}]")


def one_connection_too_many(stage, seen):
    client = stage.network.client(2)
    with contextlib.ExitStack() as sessions:
        def connect(server, who=client):
            return sessions.enter_context(Smtp(server, who)).text

        for number in range(1, CONNECTION_LIMIT + 1):
            server = stage.direct if number == 1 else stage.through_proxy
            seen(f"connection {number} of a client", connect(server), "220")
        seen("one more, through HAProxy", connect(stage.through_proxy), "421")
        seen("one more, direct", connect(stage.direct), "421")
        seen("another client's first",
             connect(stage.direct, stage.network.client(3)), "220")


def one_message_too_many(stage, seen):
    with said_hello(stage.through_proxy, stage.network.client(4)) as session:
        for number in range(1, MESSAGE_LIMIT + 1):
            seen(f"message {number} in a minute",
                 send_to(session, f"user{number}@test.example"), "250")
        seen("one more", send_to(session, "last@test.example"), "450")


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
        with said_hello(stage.direct, stage.network.client(4)) as session:
            seen("Redis still knows who sent too much",
                 send_to(session, "more@test.example"), "450")


def is_served(stage):
    with Smtp(stage.direct, stage.network.client(11)) as session:
        return session.greeting == "220"


STORY = [
    ("Mail through the proxy", mail_through_the_proxy),
    (f"At most {CONNECTION_LIMIT} connections of a client at once",
     one_connection_too_many),
    (f"At most {MESSAGE_LIMIT} messages of a client a minute",
     one_message_too_many),
    ("A limit that Postfix does not have", a_limit_of_tollgates_own),
    ("policyd away, and back", policyd_away_and_back),
]
