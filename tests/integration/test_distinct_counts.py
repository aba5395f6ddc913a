"""Limits of different values: the networks that a login comes from, the
recipients and the recipients' domains that it writes to."""
import re
import time

import pytest

from harness.attributes import Policy
from harness.control import asked, tollgatectl
from harness.edict_site import EdictSite, fixtures_of
from harness.milter_client import MilterClient
from harness.policyd import Milter
from harness.redis_client import RedisClient
from harness.wait import PATIENT


def limit(name, event, rate, **more):
    return ("limit", name, {"at": "policy", "event": event,
                            "key": ["sasl_username"], "rate": rate, **more})


class Site(EdictSite):
    options = {"exempt_clients": ["198.51.100.250"], **PATIENT}
    sections = [limit("places", "networks/24/48", "5/1h"),
                limit("people", "distinct_recipients", "4/1h"),
                limit("crowd", "distinct_recipients", "500/1h"),
                limit("domains", "distinct_recipient_domains", "3/1h",
                      window="fixed"),
                limit("all", "recipient", "700/1h")]


site, shared = fixtures_of(Site)


def sends(daemon, user, client="198.51.100.7", to="one@test.example"):
    with Policy(daemon.policy) as smtpd:
        return smtpd.rcpt(client, sasl_username=user, recipient=to) == "DUNNO"


def used(daemon, key):
    return {counter["limit"]: (counter["used"], counter["allowed"])
            for counter in asked(daemon, "show", key)["counters"]}


def network(n, host=1):
    return f"198.51.{n}.{host}"


def test_networks(site):
    one = site.policyd("one")
    assert [sends(one, "bob", network(n)) for n in range(6)] == [
        True, True, True, True, True, False]
    # Another address of a network that is known, of any of them; and again.
    assert all(sends(one, "bob", network(n, 99)) for n in (0, 4, 2))
    assert not sends(one, "bob", network(7))
    assert sends(one, "bob", "198.51.100.250")  # exempt: no network of his
    assert used(one, "sasl:bob")["places"] == (5, 5)
    assert used(one, "sasl:bob")["all"][0] == 9  # the refused ones are not
    assert sends(one, "ann", network(7))
    assert used(one, "sasl:ann")["places"] == (1, 5)
    assert re.search(r"event=networks client=198\.51\.5\.1 sasl=bob .*"
                     r"key=sasl:bob used=5 allowed=5", one.process.text())
    shown = tollgatectl("top", "networks", sockets=[one]).stdout
    assert re.search(r"sasl:bob .* places", shown)
    for client, outcome in ((network(3), "passed"), (network(8), "refused")):
        answer = asked(one, "explain", f"client={client}", "sasl=bob",
                       "event=networks")
        assert [(line["limit"], line["outcome"])
                for line in answer["decisions"][0]["limits"]] == [
            ("places", outcome)]


def test_recipients_and_their_domains(site):
    one = site.policyd("one")
    people = [f"u{n}@test.example" for n in range(5)]
    assert [sends(one, "bob", to=to) for to in people] == [
        True, True, True, True, False]
    # The same in another spelling.
    assert sends(one, "bob", to='"U1"@Test.Example')
    assert used(one, "sasl:bob")["people"] == (4, 4)
    assert [sends(one, "ann", to=f"u@{n}.example") for n in range(4)] == [
        True, True, True, False]
    assert sends(one, "ann", to="other@1.example")
    # Refused by the domain, so it is no recipient either.
    assert used(one, "sasl:ann") == {
        "places": (1, 5), "people": (4, 4), "crowd": (4, 500),
        "domains": (3, 3), "all": (4, 700)}


def test_an_override_and_a_reset(site):
    one = site.policyd("one")
    assert all(sends(one, "bob", network(n)) for n in range(5))
    assert tollgatectl("override", "set", "places", "sasl:bob", "6",
                       sockets=[one]).returncode == 0
    assert [sends(one, "bob", network(n)) for n in (5, 6)] == [True, False]
    too_many = tollgatectl("override", "set", "places", "sasl:bob", "1001",
                           sockets=[one])
    assert too_many.returncode > 0 and "1 to 1000" in too_many.stderr
    assert tollgatectl("reset", "sasl:bob", sockets=[one]).returncode == 0
    assert sends(one, "bob", network(8))
    assert used(one, "sasl:bob")["places"] == (1, 6)


def test_two_daemons_count_together(shared):
    one, two = shared.policyd("one"), shared.policyd("two")
    daemons = [one, two] * 3
    assert [sends(daemon, "bob", network(n))
            for n, daemon in enumerate(daemons)] == [
        True, True, True, True, True, False]
    # What one has seen the other knows.
    assert sends(two, "bob", network(0)) and sends(one, "bob", network(1))
    assert used(two, "sasl:bob") == used(one, "sasl:bob")


def test_by_the_calendar(site):
    site.sections = [limit("places", "networks", "2/month")]
    one = site.policyd("one")
    assert [sends(one, "bob", network(n)) for n in (1, 2, 3, 1)] == [
        True, True, False, True]
    [shown] = asked(one, "show", "sasl:bob")["counters"]
    assert (shown["per"], shown["used"], shown["left"]) == ("month", 2, 0)


def test_an_outage_goes_on_from_what_was_let_in(shared):
    one, two = shared.policyd("one"), shared.policyd("two")
    assert all(sends(one, "bob", network(n)) for n in range(3))
    assert sends(two, "bob", network(0))
    shared.redis.process.kill()
    # Alone, with the whole limit: two daemons see the same networks.
    assert [sends(one, "bob", network(n)) for n in (0, 3, 4, 5)] == [
        True, True, True, False]


def decisions(redis):
    """Calls of scripts so far."""
    return int(re.search(rb"cmdstat_evalsha:calls=(\d+)",
                         redis.call("INFO", "commandstats"))[1])


def test_one_call_and_300_bytes(shared):
    """A counter takes no more, however many values; a decision one call."""
    shared.sections = [limit("crowd", "distinct_recipients", "500/1h"),
                       limit("places", "networks", "100/1h"),
                       limit("domains", "distinct_recipient_domains", "900/1d",
                             window="fixed")]
    one = shared.policyd("one")
    user = "a.long.login.name@mail.example.com"
    with RedisClient(shared.redis) as redis, Policy(one.policy) as smtpd:
        assert smtpd.rcpt("198.51.100.1", sasl_username=user) == "DUNNO"
        before, since = decisions(redis), time.monotonic()
        sizes, passed = [], 0
        for n in range(1000):
            passed += smtpd.rcpt(
                network(n % 60), sasl_username=user,
                recipient=f"u{n}@d{n}.example") == "DUNNO"
        beats = 2 + 2 * (time.monotonic() - since)  # of a daemon, a second
        assert decisions(redis) - before <= 1000 + beats
        keys = [key for key in redis.keys() if user.encode() in key]
        assert len(keys) == 3
        sizes = [redis.call("MEMORY", "USAGE", key) for key in keys]
        assert max(sizes) <= 300, sizes
        assert all(redis.call("PTTL", key) > 0 for key in keys)
    # 500 by an estimate with a standard error of 6 %.
    assert 375 <= passed <= 650


def test_at_the_milter(place, keep):
    milter = keep(Milter(place / "milter", options=PATIENT, sections=[
        ("limit", "places", {"at": "milter", "event": "networks",
                             "key": ["sasl_username"], "rate": "2/1h"}),
        ("limit", "people", {"at": "milter", "event": "distinct_recipients",
                             "key": ["sender"], "rate": "3/1h"})]))

    def passes(client, user, *recipients):
        session = keep(MilterClient(milter.socket))
        session.connect(client)
        begun = session.mail(auth_authen=user) == "c"
        return [begun and session.rcpt(to) == "c" for to in recipients]

    everybody = [f"{name}@test.example" for name in "abacd"]
    assert passes("198.51.100.1", "", *everybody) == [
        True, True, True, True, False]
    assert [passes(f"198.51.100.{n}", "bob", everybody[0])
            for n in (1, 2, 3, 2)] == [[True], [True], [False], [True]]
