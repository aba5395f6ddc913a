"""One counter for all logins of a domain: override set ... --total."""
import re

import pytest

from harness.attributes import Policy
from harness.control import asked, tollgatectl
from harness.edict_site import EdictSite
from harness.redis_server import RedisServer
from harness.wait import PATIENT, wait_until, within_a_second


def penal(service, **more):
    """A limit of what comes in by one service."""
    return ("limit", service, {
        "at": "policy", "event": "recipient", "key": ["sasl_username"],
        "rate": "100/1d", "services": [service], **more})


class Site(EdictSite):
    options = {"instance_name": "here", **PATIENT}
    sections = [("limit", "day", {"at": "policy", "event": "recipient",
                                  "key": ["sasl_username"], "rate": "2/1d"}),
                ("limit", "client-day", {
                    "at": "policy", "event": "recipient", "key": ["client"],
                    "rate": "1000/1d"}),
                penal("ban", on_refusal={"ban": "1h"}),
                penal("hold", on_refusal=["hold", "ban=1h"]),
                penal("again", event="bytes", rate="10/500ms",
                      escalate={"after": 2, "within": "1h", "ban": "1d"})]


@pytest.fixture
def site(place, keep, either_store):
    return Site(place, keep, either_store)


def answer(daemon, user, service="smtp"):
    with Policy(daemon.policy) as smtpd:
        return smtpd.rcpt("198.51.100.7", sasl_username=user,
                          policy_context=service)


def answer_end(daemon, user):
    """To a message of more bytes than the limit `again` has."""
    with Policy(daemon.policy) as smtpd:
        return smtpd.ask(
            request="smtpd_access_policy", protocol_state="END-OF-MESSAGE",
            protocol_name="ESMTP", client_address="198.51.100.7", size=1000,
            sasl_username=user, policy_context="again")["action"]


def sends(daemon, user):
    return answer(daemon, user) == "DUNNO"


def set_(daemon, *words):
    return tollgatectl("override", "set", *words, sockets=[daemon])


def counters(daemon, key):
    return [(counter["limit"], counter["key"], counter["used"],
             counter["allowed"])
            for counter in asked(daemon, "show", key)["counters"]
            if counter["limit"] == "day"]


def test_one_counter_for_all(site):
    one = site.policyd("one")
    done = set_(one, "day", "sasl:@Example.com", "4", "1h", "--total")
    assert done.returncode == 0, done.stderr
    assert [sends(one, f"{name}@example.com") for name in "aaabc"] == [
        True, True, True, True, False]
    assert answer(one, "b@example.com").endswith(
        " from login domain example.com")
    # The login's own goes before it, the limit's own is for all others.
    assert set_(one, "day", "sasl:own@example.com", "1").returncode == 0
    assert [sends(one, "own@example.com") for _ in range(2)] == [True, False]
    assert [sends(one, "a@example.org") for _ in range(3)] == [
        True, True, False]
    assert sends(one, "a@sub.example.com")
    assert re.findall(r" key=(\S+) used=(\d+) allowed=(\d+)",
                      one.process.text()) == [
        *2 * [("sasl_domain:example.com", "4", "4")],
        ("sasl:own@example.com", "1", "1"), ("sasl:a@example.org", "2", "2")]
    for key in "sasl:a@example.com", "sasl:@example.com":
        assert counters(one, key) == [("day", "U=example.com", 4, 4)]
    listed = asked(one, "overrides")["overrides"]
    assert {row["subject"]: row["total"] for row in listed} == {
        "U=example.com": True, "u=own@example.com": False}
    assert "4/1d total" in tollgatectl("overrides", sockets=[one]).stdout
    # Without it the domain's is the default of each, counted from now on.
    assert set_(one, "day", "sasl:@example.com", "1").returncode == 0
    assert [sends(one, "a@example.com") for _ in range(2)] == [True, False]
    assert tollgatectl("override", "del", "day", "sasl:@example.com",
                       sockets=[one]).returncode == 0
    assert [sends(one, "a@example.com") for _ in range(2)] == [True, False]


def test_in_all_daemons(place, keep):
    site = Site(place, keep, keep(RedisServer(place / "redis")))
    one, two = site.policyd("one"), site.policyd("two")
    assert set_(one, "day", "sasl:@example.com", "3/1d", "1h",
                "--total").returncode == 0
    within_a_second(lambda: asked(two, "overrides")["overrides"], "two knows")
    assert sends(one, "a@example.com") and sends(two, "b@example.com")
    assert sends(two, "b@example.com") and not sends(one, "c@example.com")
    assert counters(two, "sasl:c@example.com") == [
        ("day", "U=example.com", 3, 3)]


@pytest.mark.parametrize("words, why", [
    (("day", "sasl:bob@example.com", "5"), "logins of a domain"),
    (("client-day", "198.51.100.7", "5"), "logins of a domain"),
    (("day", "sasl:@example.com", "none"), "needs a number"),
    (("day", "sasl:@example.com", "0"), "needs a number"),
])
def test_what_cannot_be(one_for_all, words, why):
    for order in (words + ("--total",), ("--total",) + words):
        done = set_(one_for_all, *order)
        assert done.returncode > 0 and why in done.stderr
    assert not asked(one_for_all, "overrides")["overrides"]


@pytest.fixture(scope="module")
def one_for_all(places, keeps):
    return Site(places, keeps).policyd("one")


def test_a_successor_has_it(place, keep, end_pid):
    one = Site(place, keep).policyd("one")
    assert set_(one, "day", "sasl:@example.com", "1", "1h",
                "--total").returncode == 0
    end_pid(one.hand_over())
    assert sends(one, "a@example.com") and not sends(one, "b@example.com")


def bans(daemon):
    return [ban["key"] for ban in asked(daemon, "bans")["bans"]]


@pytest.mark.parametrize("service, what", [
    ("ban", "450 4.7.1 Error: too many recipients from login domain "
            "example.com"),
    ("hold", "HOLD limit hold, 1/1d, login domain example.com")])
def test_it_bans_nobody(site, service, what):
    """What is full is the domain's: the first message of an innocent login
    would ban it. Who has an override of his own is refused by himself."""
    one = site.policyd("one")
    assert set_(one, service, "sasl:@example.com", "1", "1h",
                "--total").returncode == 0
    assert set_(one, service, "sasl:own@example.com", "1").returncode == 0
    assert answer(one, "spam@example.com", service) == "DUNNO"
    assert answer(one, "innocent@example.com", service) == what
    assert answer(one, "own@example.com", service) == "DUNNO"
    assert answer(one, "own@example.com", service).endswith(
        "login own@example.com")
    wait_until(lambda: bans(one), 10, "banned")
    assert bans(one) == ["sasl:own@example.com"]
    assert answer(one, "innocent@example.com", service) == what


def test_it_does_not_escalate(site):
    one = site.policyd("one")
    assert set_(one, "again", "sasl:@example.com", "10", "1h",
                "--total").returncode == 0
    assert set_(one, "again", "sasl:own@example.com", "10").returncode == 0

    def is_banned():
        assert answer_end(one, "innocent@example.com").endswith(
            "from login domain example.com")
        answer_end(one, "own@example.com")
        return bans(one)
    wait_until(is_banned, 10, "banned")
    assert bans(one) == ["sasl:own@example.com"]
