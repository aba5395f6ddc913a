"""The milter's messages: one that does not come to its end gets back what it
was counted; never is more accepted than the limit."""
import random

import pytest

from harness.milter_client import MilterClient, packet
from harness.policyd import Milter
from harness.ports import free_port
from harness.postfix import Postfix
from harness.redis_server import RedisServer
from harness.smtp import Smtp
from harness.wait import PATIENT, wait_until

LIMIT = 10
CLIENT = "198.51.100.1"
LIMITS = [("limit", event, {"at": "milter", "event": event, "key": ["sender"],
                            "rate": f"{LIMIT}/1d"})
          for event in ("message", "recipient")]
SMALL = ("limit", "size", {"at": "milter", "event": "bytes",
                           "key": ["client"], "rate": "1/1d"})


class Session(MilterClient):
    sender = None

    def begin(self, sender):
        self.sender, self.recipients = sender, 0
        self.passes = self.mail(sender) == "c"
        return self

    def named(self):
        passes = self.passes and self.rcpt() == "c"
        self.recipients += passes
        return passes

    def sent(self):
        passes = self.end() == "c"
        self.sender = None
        return passes

    def send(self, sender, recipients=1):
        self.begin(sender)
        return all(self.named() for _ in range(recipients)) and self.sent()


@pytest.fixture(params=["memory", "redis"])
def start(request, place, keep):
    place.chmod(0o777)
    store = "memory:" if request.param == "memory" else \
        keep(RedisServer(place / "redis")).url

    def one(*more, **options):
        milter = keep(Milter(
            place / "milter", sections=[*LIMITS, *more],
            options={**PATIENT, "store": store, **options}))

        def connect():
            session = Session(milter.socket)
            assert session.connect(CLIENT) == "c"
            return session
        connect.milter = milter
        return connect
    return one


def fill(session, sender):
    session.begin(sender)
    return [session.named() for _ in range(LIMIT + 1)]


def test_each_way_to_be_over(start, keep):
    connect = start()
    one, other = keep(connect()), keep(connect())
    all_of_it = [True] * LIMIT + [False]
    assert fill(one, "bob@client.example") == all_of_it
    assert not other.send("bob@client.example"), "it is open still"
    one.abort()
    wait_until(lambda: fill(other, "bob@client.example") == all_of_it, 5,
               "RSET gives back")
    # The next MAIL, in the same session at once.
    assert other.send("bob@client.example", 2)
    other.begin("bob@client.example")
    assert [other.named() for _ in range(LIMIT - 1)] \
        == [True] * (LIMIT - 2) + [False]
    one.begin("bob@client.example")
    assert not one.named()
    other.quit()
    wait_until(lambda: one.send("bob@client.example", 3), 5, "QUIT gives back")
    with_a_loss = connect()
    with_a_loss.begin("bob@client.example")
    assert with_a_loss.named()
    with_a_loss.close()
    wait_until(lambda: one.send("bob@client.example", 5), 5,
               "a lost connection gives back")
    assert not one.send("bob@client.example")


def test_kept_where_told_to(start, keep):
    session = keep(start(unsent_messages="keep")())
    fill(session, "bob@client.example")
    session.abort()
    assert not session.send("bob@client.example")
    assert session.send("eve@client.example")


def test_refused_at_its_end(start, keep):
    session = keep(start(SMALL)())
    for _ in range(3):
        session.begin("bob@client.example")
        assert all(session.named() for _ in range(LIMIT))
        assert session.end(packet(b"B", b"some text"))[:4] == "y450"


def test_never_more_than_the_limit(start):
    connect = start()
    dice = random.Random(2)
    accepted = dict.fromkeys((f"s{n}@client.example" for n in range(3)), 0)
    sessions = [connect() for _ in range(8)]
    given_up = ended = 0
    try:
        for _ in range(1500):
            session = dice.choice(sessions)
            step = dice.random()
            if session.sender is None or step < 0.1:
                given_up += session.sender is not None
                session.begin(dice.choice(list(accepted)))
            elif step < 0.2:
                session.abort()
                session.sender = None
                given_up += 1
            elif step < 0.85:
                session.named()
            elif session.recipients:
                sender = session.sender
                assert session.sent(), "the end counts nothing"
                accepted[sender] += session.recipients
                ended += 1
            if dice.random() < 0.05:
                sessions.remove(session)
                session.close()
                sessions.append(connect())
        assert max(accepted.values()) <= LIMIT, accepted
        assert given_up > 50 and ended > 3, (given_up, ended)
        # Nor was anything lost: what is free can be used.
        for session in sessions[1:]:
            session.quit()
        last = sessions[0]
        for sender, count in accepted.items():
            if count < LIMIT:
                wait_until(lambda: last.send(sender, LIMIT - count), 5,
                           "what others gave up is free")
            assert not last.send(sender)
    finally:
        for session in sessions:
            session.close()


def test_a_message_given_up_in_postfix(start, place, keep):
    milter = start().milter
    server = keep(Postfix(
        place / "postfix", port=free_port(), name="unsent",
        main=milter.main_cf(smtpd_recipient_restrictions="permit_mynetworks, "
                            "reject_unauth_destination")))
    server.start()
    sender = "bob@client.example"
    with Smtp(server.server) as session:
        session.hello()
        for _ in range(3):
            assert session.mail(sender) == "250", session.text
            codes = [session.rcpt() for _ in range(LIMIT + 1)]
            assert codes == ["250"] * LIMIT + ["450"], session.text
            assert session.command("RSET") == "250"
        assert session.send_message(LIMIT, sender=sender) == "250"
        assert session.send_message(sender=sender) == "450"
