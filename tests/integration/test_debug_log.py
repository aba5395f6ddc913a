"""log_level = "debug": what a postmaster reads to find a fault. It names what
was decided and why, and no secret."""
import re

import pytest

from harness.attributes import Anvil, Policy
from harness.authority import Authority
from harness.cert_site import NAME, Acme, CertSite
from harness.redis_server import RedisServer
from harness.socketmap import asked
from harness.wait import wait_until

LIMIT = ("limit", "few", {"event": "message", "at": "policy",
                          "key": ["sasl_username"], "rate": "1/1h"})


def lines(daemon, word):
    """The records of that name, as dictionaries."""
    return [dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line))
            for line in daemon.process.text().splitlines()
            if f" debug: {word} " in line]


@pytest.mark.parametrize("store", ["memory", "redis"])
def test_each_decision_with_its_counters(start, place, keep, store):
    options = {"log_level": "debug"}
    if store == "redis":
        options["store"] = keep(RedisServer(place / "redis")).url
    policyd = start(LIMIT, **options)
    with Policy(place / "policy") as smtpd:
        for instance in "12.34", "12.35":
            smtpd.rcpt("198.51.100.1", sasl_username="bob", instance=instance)
    with Anvil(place / "anvil") as smtpd:
        smtpd.event("message", "198.51.100.2")
    first, second, third = wait_until(
        lambda: len(lines(policyd, "trace")) == 3 and lines(policyd, "trace"),
        10, "three decisions")
    assert (first["face"], first["client"], first["sasl"], first["verdict"],
            first["instance"]) == (
        "policy", "198.51.100.1", "bob", "pass", "12.34")
    assert (second["verdict"], second["reason"]) == ("refuse", "limit")
    assert (third["face"], third["event"]) == ("anvil", "message")
    assert ("store_us" in first) == (store == "redis")
    charges = [(it["limit"], it["used"], it.get("allowed"), it["outcome"])
               for it in lines(policyd, "charge")]
    assert charges == [("few", "1", "1", "pass"), ("few", "1", "1", "refuse"),
                       ("report", "1", None, "pass")]


def test_nothing_of_it_at_any_other_level(start, place):
    policyd = start(LIMIT)
    with Policy(place / "policy") as smtpd:
        for instance in "12.34", "12.35":
            smtpd.rcpt("198.51.100.1", sasl_username="bob", instance=instance)
    policyd.process.wait_output("verdict=refuse")
    assert " debug: " not in policyd.process.text()


def test_the_choice_of_a_certificate_without_its_key(place, keep):
    authority = Authority(place / "ca")
    acme = Acme(place / "acme")
    old, new = authority.issue(NAME), authority.issue(NAME)
    acme.write(old)
    site = CertSite(place, keep, acme.source, postfix=False,
                    options={"log_level": "debug"})
    wait_until(lambda: asked(site.sni, NAME) == [old.fingerprint], 10,
               site.log)
    acme.write(new)
    wait_until(lambda: asked(site.sni, NAME) == [new.fingerprint], 10,
               site.log)
    assert asked(site.sni, "other.example") == []
    text = site.log()
    for issued in old, new:
        assert f"SHA-256 {issued.fingerprint}" in text.lower().replace(
            "sha-256", "SHA-256")
        for line in issued.key.splitlines()[1:-1]:
            assert line not in text
    assert re.search(rf'certificate "{NAME}": candidate: .* at {acme.path}',
                     text)
    assert re.search(rf'certificate "{NAME}": chosen: ', text)
    assert re.search(rf'sni: pid \d+, name "{NAME}": found', text)
    assert re.search(r'sni: pid \d+, name "other.example": NOTFOUND', text)
