"""A message that does not come to its end gets back what it was counted, on
memory: and in Redis; never is more accepted than the limit."""
import itertools
import random

import pytest

from harness.attributes import Policy
from harness.policyd import Policyd
from harness.ports import free_port
from harness.postfix import Postfix
from harness.redis_server import RedisServer
from harness.smtp import Smtp
from harness.wait import PATIENT, wait_until

LIMIT = 10
LIMITS = [("limit", "rcpt", {"at": "policy", "event": "recipient",
                             "key": ["sender"], "rate": f"{LIMIT}/1d"})]
_numbers = itertools.count(1)


class Smtpd(Policy):
    """A connection of one smtpd, which asks about one message at a time."""

    instance = None

    def begin(self, sender):
        self.instance, self.sender = f"{next(_numbers):x}.1.2.0", sender
        self.recipients = 0
        return self

    def named(self):
        passes = self.rcpt(
            "198.51.100.1", self.instance, self.sender) == "DUNNO"
        self.recipients += passes
        return passes

    def end(self, state="END-OF-MESSAGE"):
        return self.ask(
            request="smtpd_access_policy", protocol_state=state,
            client_address="198.51.100.1", instance=self.instance,
            sender=self.sender, recipient_count=self.recipients, size=100,
        )["action"] == "DUNNO"

    def send(self, sender, recipients=1):
        self.begin(sender)
        is_sent = all(self.named() for _ in range(recipients)) and self.end()
        self.instance = None
        return is_sent


class Daemon:
    def __init__(self, place, keep, store, **options):
        self.redis = keep(RedisServer(place / "redis")) \
            if store == "redis" else None
        self.socket = place / "policy"
        url = self.redis.url if self.redis else "memory:"
        self.policyd = keep(Policyd(
            place / "policyd", [f"policy:unix:{self.socket}"],
            options={**PATIENT, "store": url, **options}, sections=LIMITS))

    def connect(self):
        return Smtpd(self.socket)


@pytest.fixture(params=["memory", "redis"])
def store(request):
    return request.param


@pytest.fixture
def daemon(place, keep, store):
    place.chmod(0o777)
    return Daemon(place, keep, store)


def fill(smtpd, sender):
    """A message that is given up at the first refusal."""
    smtpd.begin(sender)
    return [smtpd.named() for _ in range(LIMIT + 1)]


def test_the_next_message_and_a_disconnect_give_back(daemon):
    with daemon.connect() as smtpd, daemon.connect() as other:
        assert smtpd.send("first@client.example")
        for _ in range(5):
            assert fill(smtpd, "bob@client.example") == [True] * LIMIT + [False]
        assert not other.send("bob@client.example"), "it is open still"
        # Another sender's next message frees bob's counter, and that alone.
        assert smtpd.send("eve@client.example", LIMIT - 1)
        assert other.send("bob@client.example", 3)
        assert smtpd.send("eve@client.example")
        assert not smtpd.send("eve@client.example")
        with daemon.connect() as third:
            third.begin("bob@client.example")
            assert [third.named() for _ in range(LIMIT - 2)] \
                == [True] * (LIMIT - 3) + [False]
        wait_until(lambda: other.send("bob@client.example"), 5,
                   "a lost connection gives back")


def test_without_the_end_the_count_stays(daemon):
    with daemon.connect() as smtpd:
        passed = [smtpd.begin("bob@client.example").named()
                  for _ in range(LIMIT + 3)]
    assert passed == [True] * LIMIT + [False] * 3


@pytest.mark.parametrize("word", ["refund", "keep"])
def test_told_what_to_do(place, keep, word):
    place.chmod(0o777)
    daemon = Daemon(place, keep, "memory", unsent_messages=word)
    with daemon.connect() as smtpd:
        fill(smtpd, "bob@client.example")
        assert smtpd.send("bob@client.example") == (word == "refund")
        assert smtpd.send("eve@client.example")
        fill(smtpd, "joe@client.example")
        assert smtpd.send("joe@client.example") == (word == "refund")


def test_never_more_than_the_limit(daemon):
    """Many connections with messages open, given up and ended in any order."""
    dice = random.Random(1)
    accepted = dict.fromkeys((f"s{n}@client.example" for n in range(3)), 0)
    smtpds = [daemon.connect() for _ in range(8)]
    given_up = ended = 0
    try:
        assert smtpds[0].send("first@client.example")
        for _ in range(1200):
            smtpd = dice.choice(smtpds)
            step = dice.random()
            if smtpd.instance is None or step < 0.2:
                given_up += smtpd.instance is not None
                smtpd.begin(dice.choice(list(accepted)))
            elif step < 0.85:
                smtpd.named()
            elif smtpd.recipients and smtpd.end():
                accepted[smtpd.sender] += smtpd.recipients
                smtpd.instance = None
                ended += 1
            if dice.random() < 0.05:
                smtpds.remove(smtpd)
                smtpd.close()
                smtpds.append(daemon.connect())
        assert max(accepted.values()) <= LIMIT, accepted
        assert given_up > 50 and ended > 5, (given_up, ended)
        # Nor was anything lost: what is free can be used.
        for smtpd in smtpds:
            smtpd.send("last@client.example")
        for sender, count in accepted.items():
            assert count == LIMIT or smtpds[0].send(sender, LIMIT - count)
            assert not smtpds[0].send(sender)
    finally:
        for smtpd in smtpds:
            smtpd.close()


@pytest.fixture
def postfix(daemon, place, keep):
    ask = f"check_policy_service unix:{daemon.socket}"
    server = keep(Postfix(
        place / "postfix", port=free_port(), name="unsent", main={
            "smtpd_recipient_restrictions":
                f"{ask}, permit_mynetworks, reject_unauth_destination",
            "smtpd_end_of_data_restrictions": ask}))
    server.start()
    return server


def test_a_message_given_up_in_postfix(postfix):
    sender = "bob@client.example"
    with Smtp(postfix.server) as session:
        session.hello()
        assert session.send_message(sender="first@client.example") == "250"
        for _ in range(3):
            assert session.mail(sender) == "250"
            codes = [session.rcpt() for _ in range(LIMIT + 1)]
            assert codes == ["250"] * LIMIT + ["450"], session.text
            assert session.command("RSET") == "250"
        # And refused at the first recipient that has no room.
        assert session.send_message(LIMIT, sender=sender) == "250"
        assert session.send_message(sender=sender) == "450"
