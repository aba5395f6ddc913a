"""One line for every refusal, as the contract has it: log readers and people
rely on its keys and their order."""
import json
import re
import signal
import time

import pytest

from harness.attributes import Anvil, Policy
from harness.wait import wait_until

ORDER = ("face service event client peer port sasl sender recipient limit key "
         "used allowed window retry_after verdict reason instance "
         "repeated").split()
LIMIT = ("limit", "few", {"event": "message", "at": "policy",
                          "key": ["client"], "rate": "1/1h"})
SHADOW = ("limit", "seen", {**LIMIT[2], "shadow": True})


def decisions(policyd):
    """The text lines, as lists of (key, value)."""
    return [re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line)
            for line in policyd.process.text().splitlines()
            if " decision " in line]


def is_in_order(keys):
    return keys == [key for key in ORDER if key in keys]


def ask_twice(place, **attributes):
    with Policy(place / "policy") as smtpd:
        return [smtpd.rcpt("198.51.100.1", policy_context="25",
                           sasl_username='b o"b\\', **attributes)[:4]
                for _ in range(2)]


def test_keys_in_the_contracts_order(start, place):
    policyd = start(LIMIT)
    assert ask_twice(place, instance="12.34") == ["DUNN", "DUNN"]
    assert ask_twice(place) == ["450 ", "450 "]
    assert len(decisions(policyd)) == 2
    line = decisions(policyd)[0]
    assert is_in_order([key for key, _ in line])
    found = dict(line)
    assert {**found, "instance": "", "retry_after": "", "sasl": ""} == {
        "face": "policy", "service": "25", "event": "message",
        "client": "198.51.100.1", "sasl": "",
        "sender": "sender@client.example", "recipient": "user@test.example",
        "limit": "few",
        "key": "client:198.51.100.1", "used": "1", "allowed": "1", "window": "1h",
        "retry_after": "", "verdict": "refuse", "reason": "limit",
        "instance": ""}
    assert 3590 < int(found["retry_after"]) <= 3601


def test_json_says_the_same(start, place):
    policyd = start(LIMIT, log_format="json")
    ask_twice(place)
    lines = [json.loads(line) for line in policyd.process.text().splitlines()]
    [line] = [line for line in lines if line["message"] == "decision"]
    assert is_in_order([key for key in line if key in ORDER])
    assert line["sasl"] == 'b o"b\\'
    assert (line["used"], line["allowed"]) == (1, 1)


def test_a_shadow_is_told_apart(start, place):
    policyd = start(SHADOW)
    assert ask_twice(place) == ["DUNN", "DUNN"]
    [line] = decisions(policyd)
    assert dict(line)["verdict"] == "would-refuse"
    assert dict(line)["reason"] == "limit"
    assert policyd.metric("tollgate_shadow_refusals_total") == 1


def test_refusals_are_counted_by_limit(start, place):
    policyd = start(LIMIT, SHADOW)
    assert ask_twice(place) == ["DUNN", "450 "]
    for name, result in ("few", "refuse"), ("seen", "would-refuse"):
        assert 'tollgate_refusals_total{face="policy",event="message",' \
            f'limit="{name}",result="{result}"}} 1\n' \
            in policyd.get("/metrics")[1]
    policyd.write_config(log_level="warn")
    policyd.process.signal(signal.SIGHUP)
    wait_until(lambda: policyd.metric("tollgate_reloads_total"), 5, "reloaded")
    assert ask_twice(place) == ["450 ", "450 "]
    assert policyd.metric("tollgate_refusals_total") == 6


def test_a_refused_starttls_is_seen(start, place, keep):
    """smtpd asks newtls_status and refuses by it; newtls never comes then.
    Nobody acts on lookup."""
    policyd = start(client_limits_at="anvil",
                    client_new_tls_session_rate_limit=1)
    smtpd = keep(Anvil(place / "anvil"))
    client = "198.51.100.2"
    assert smtpd.event("newtls_status", client)["rate"] == 0
    assert smtpd.event("newtls", client)["rate"] == 1
    assert smtpd.event("lookup", client)["newtls"] == 1
    assert decisions(policyd) == []
    assert smtpd.event("newtls_status", client)["rate"] == 2147483647
    [line] = decisions(policyd)
    assert dict(line)["event"] == "tls"
    assert dict(line)["client"] == client


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_line_says_whose_counter_refused(start, place, form):
    """And so does the reply: the login has gone over its limit, not the
    client's address."""
    policyd = start(("limit", "login", {"event": "message", "at": "policy",
                                        "key": ["sasl_username"],
                                        "rate": "1/1h"}), log_format=form)
    with Policy(place / "policy") as smtpd:
        assert smtpd.rcpt("198.51.100.1", sasl_username="bob") == "DUNNO"
        assert smtpd.rcpt("198.51.100.2", sasl_username="BOB") == (
            "450 4.7.1 Error: too much mail from login BOB")
    text = policyd.process.text()
    assert ('"key":"sasl:BOB"' if form == "json" else " key=sasl:BOB ") in text


def stands_for(policyd):
    """How many refusals each line is for."""
    return [int(dict(line).get("repeated", 1)) for line in decisions(policyd)]


def refuse(place, times, **attributes):
    with Policy(place / "policy") as smtpd:
        assert [smtpd.rcpt("198.51.100.1", **attributes)[:4]
                for _ in range(times)] == ["450 "] * times


def gathers(place, times=100, **attributes):
    began = time.monotonic()
    refuse(place, times, **attributes)
    return 2 + int(time.monotonic() - began)  # lines, until all is written


def test_alike_at_speed_are_gathered(start, place):
    policyd = start(LIMIT, log_refusals="gathered")
    ask_twice(place)
    assert stands_for(policyd) == [1], "the first at once"
    lines = gathers(place)
    wait_until(lambda: sum(stands_for(policyd)) == 101, 5, "all are told")
    assert len(stands_for(policyd)) <= 1 + lines
    assert all(is_in_order([key for key, _ in line])
               for line in decisions(policyd))
    assert policyd.metric("tollgate_refusals_total") == 101
    # Another client does not wait for this one's.
    with Policy(place / "policy") as smtpd:
        for _ in range(2):
            smtpd.rcpt("198.51.100.2")
    assert dict(decisions(policyd)[-1])["client"] == "198.51.100.2"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_what_is_held_is_written_before_the_log_changes(start, place, number):
    policyd = start(LIMIT, log_refusals="gathered", log_format="text")
    ask_twice(place)
    refuse(place, 50)
    policyd.write_config(log_format="json")
    policyd.process.signal(number)
    wait_until(lambda: sum(stands_for(policyd)) == 51, 5, "all are told")
    assert '"message":"decision"' not in policyd.process.text()


@pytest.mark.parametrize("level", ["info", "infoo"])
def test_a_reload_does_not_end_the_telling(start, place, level):
    """Nor does one that is refused."""
    policyd = start(LIMIT, log_refusals="gathered")
    ask_twice(place)
    refuse(place, 10)
    policyd.write_config(log_level=level)
    policyd.process.signal(signal.SIGHUP)
    policyd.process.wait_output("reload: ")
    refuse(place, 10)
    wait_until(lambda: sum(stands_for(policyd)) == 21, 5, "all are told")


def test_all_where_that_is_wanted(start, place):
    policyd = start(LIMIT, log_refusals="all")
    ask_twice(place)
    refuse(place, 20)
    assert stands_for(policyd) == [1] * 21
