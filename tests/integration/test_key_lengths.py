"""Limits by networks of lengths of their own: a client that hops from address
to address is caught at the /64, the /56 and the /48 of one configuration."""
import re

import pytest

from harness.attributes import Policy
from harness.control import asked, tollgatectl
from harness.edict_site import EdictSite
from harness.wait import PATIENT


def limit(title, rate, *key):
    return ("limit", title, {"at": "policy", "event": "recipient",
                             "key": list(key), "rate": rate})


class Site(EdictSite):
    options = {"instance_name": "here", **PATIENT}
    sections = [limit("host", "2/1d", "client"),
                limit("site", "3/1d", "client/24/56"),
                limit("provider", "5/1d", "client/48", "service")]


@pytest.fixture
def one(place, keep, either_store):
    return Site(place, keep, either_store).policyd("one")


def refusals(daemon):
    return re.findall(r" limit=(\S+) key=(\S+) ", daemon.process.text())


def is_let_in(daemon, client):
    with Policy(daemon.policy) as smtpd:
        return smtpd.rcpt(client, policy_context="25") == "DUNNO"


def used(daemon, key):
    return {counter["limit"]: (counter["key"], counter["used"])
            for counter in asked(daemon, "show", key)["counters"]
            if counter["limit"]}


def test_a_hopping_client_is_caught(one):
    # Two of each /64, three of the /56, five of the /48.
    assert [is_let_in(one, client) for client in (
        "2001:db8:0:100::1", "2001:db8:0:100::2", "2001:db8:0:100::3",
        "2001:db8:0:101::1", "2001:db8:0:102::1",
        "2001:db8:0:200::1", "2001:db8:0:300::1", "2001:db8:0:400::1",
        "2001:db8:1::1")] == [
            True, True, False, True, False, True, True, False, True]
    assert refusals(one) == [
        ("host", "client:2001:db8:0:100::/64"),
        ("site", "client:2001:db8:0:100::/56"),
        ("provider", "client:2001:db8::/48,service:25")]
    assert used(one, "2001:db8:0:100::9") == {
        "host": ("c=2001:db8:0:100::/64", 2),
        "site": ("c=2001:db8:0:100::/56", 3),
        "provider": ("s=25|c=2001:db8::/48", 5)}


def test_ipv4_beside_it(one):
    assert [is_let_in(one, f"198.51.100.{host}") for host in range(1, 5)] == [
        True, True, True, False]
    assert is_let_in(one, "198.51.101.1")
    assert refusals(one) == [("site", "client:198.51.100.0/24")]
    assert used(one, "198.51.100.77")["site"] == ("c=198.51.100.0/24", 3)


def test_commands_know_the_network(one):
    for host in range(1, 5):
        is_let_in(one, f"198.51.100.{host}")
    [row] = [row for event in asked(one, "top", "recipient")["events"]
             for row in event["keys"] if row["refused"] > 0]
    assert row["key"] == "198.51.100.0/24"
    explained = tollgatectl("explain", "client=198.51.100.9",
                            "event=recipient", sockets=[one]).stdout
    assert re.search(r"^limit site +refused +3 of 3 in 1d", explained,
                     re.MULTILINE), explained
    # A neighbour's override is the network's.
    done = tollgatectl("override", "set", "site", "198.51.100.9", "10",
                       sockets=[one])
    assert done.returncode == 0, done.stderr
    assert is_let_in(one, "198.51.100.5")
    done = tollgatectl("override", "set", "site", "198.51.100.0/23", "10",
                       sockets=[one])
    assert "smaller networks" in done.stderr


def test_a_reload_says_what_is_counted_otherwise(one):
    [before] = [line for line in one.config.read_text().splitlines()
                if "client/24/56" in line]
    one.config.write_text(one.config.read_text().replace(
        before, before.replace("client/24/56", "client/24/60")))
    checked = asked(one, "config", "check")
    assert checked["gained"] == ['limit "site": key client/24/60']
    assert checked["lost"] == ['limit "site": key client/24/56']
    assert tollgatectl("reload", sockets=[one]).returncode == 0
    assert is_let_in(one, "2001:db8:0:100::1")
    assert used(one, "2001:db8:0:100::1")["site"] == \
        ("c=2001:db8:0:100::/60", 1)
