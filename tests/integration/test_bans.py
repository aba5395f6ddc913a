"""Bans and overrides: set with tollgatectl at one daemon, obeyed by all, on
memory: and on Redis, over reloads, restarts and outages."""
import json
import re
import signal

import pytest

from harness.attributes import Anvil, Policy
from harness.control import Control, asked, tollgatectl
from harness.edict_site import EdictSite, fixtures_of
from harness.milter_client import MilterClient
from harness.policyd import Milter
from harness.redis_server import RedisServer
from harness.wait import PATIENT, wait_until, within_a_second

BIG = 2147483647
BANNED = "421 4.7.1 Error: client host rejected: access denied"
PROXY, EXEMPT = "172.16.42.2", "203.0.113.0/24"
OPTIONS = {"client_limits_at": "anvil", "client_message_rate_limit": 2,
           "client_connection_count_limit": 2, "instance_name": "here",
           "exempt_clients": [EXEMPT], **PATIENT}
SECTIONS = [
    ("service", "12525", {"port": 12525, "proxied": True, "proof": "optional",
                          "trusted_proxies": [PROXY]}),
    ("limit", "sasl-day", {
        "at": "policy", "event": "recipient", "key": ["sasl_username"],
        "rate": "2/1d"}),
    ("limit", "fixed", {
        "at": "policy", "event": "recipient", "key": ["sender"],
        "rate": "2/1d", "window": "fixed", "clients": ["192.0.2.0/24"]}),
]


class Site(EdictSite):
    options, sections = OPTIONS, SECTIONS


def action(daemon, client, **attributes):
    with Policy(daemon.policy) as smtpd:
        return smtpd.rcpt(client, **attributes)


def is_banned(daemon, client):
    return action(daemon, client) == BANNED


def ctl(daemon, *words):
    return tollgatectl(*words, sockets=[daemon])


def refused(daemon, *words):
    done = ctl(daemon, *words)
    assert done.returncode == 1, done
    return done.stderr


site, shared = fixtures_of(Site)


def test_a_ban_from_its_beginning_to_its_end(site):
    one = site.policyd("one")
    assert action(one, "198.51.100.7") == "DUNNO"
    done = ctl(one, "ban", "198.51.100.0/24", "20m", "sends", "spam")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("198.51.100.0/24 is banned for 20m, until ")
    assert is_banned(one, "198.51.100.7")
    assert not is_banned(one, "198.51.101.7")
    with Anvil(one.anvil) as smtpd:
        reply = smtpd.event("connect", "198.51.100.7")
        assert (reply["count"], reply["rate"]) == (BIG, BIG)
        assert smtpd.event("connect", "198.51.101.7")["count"] == 1
    line = re.findall(r"decision .*reason=banned.*", one.process.text())[-1]
    assert "face=anvil service=smtp event=connection client=198.51.100.7 " \
        in line
    assert 1190 <= int(re.search(r"retry_after=(\d+) verdict=refuse", line)[1]) \
        <= 1200

    [ban] = asked(one, "bans")["bans"]
    assert (ban["key"], ban["reason"]) == ("198.51.100.0/24", "sends spam")
    assert ban["who"] == "uid 0 at here"
    assert 1190 <= ban["seconds"] <= 1200 and ban["void"] is False
    assert "198.51.100.0/24" in ctl(one, "bans").stdout

    # It outlives a reload; and another word replaces it.
    one.write_config(log_level="debug")
    assert ctl(one, "reload").returncode == 0
    assert is_banned(one, "198.51.100.7")
    assert ctl(one, "ban", "198.51.100.0/24", "1s").returncode == 0
    within_a_second(lambda: not is_banned(one, "198.51.100.7"), "it ends")
    assert asked(one, "bans")["bans"] == []
    assert ctl(one, "bans").stdout.startswith("nobody is banned\n")

    # A default, a reason without a duration, and its end by hand.
    assert asked(one, "ban", "2001:db8::/64", "because")["seconds"] == 3600
    assert is_banned(one, "2001:db8::9")
    assert ctl(one, "unban", "2001:db8::/64").returncode == 0
    assert not is_banned(one, "2001:db8::9")
    assert "no such ban" in refused(one, "unban", "2001:db8::/64")
    assert re.search(r"control command=unban .*uid=0.*result=done",
                     one.process.text())


def test_who_cannot_be_banned(site):
    one = site.policyd("one")
    for net in PROXY, "172.16.0.0/12", "0.0.0.0/0":
        assert "has addresses in common with" in refused(one, "ban", net)
    assert "172.16.42.2/32, which is in trusted_proxies of service 12525" \
        in refused(one, "ban", PROXY)
    for net in "203.0.113.9", "203.0.0.0/16":
        assert f"{EXEMPT}, which is in exempt_clients" \
            in refused(one, "ban", net)
    # What becomes infrastructure later is not banned any more, either.
    assert ctl(one, "ban", "192.0.2.1").returncode == 0
    assert is_banned(one, "192.0.2.1")
    one.write_config(exempt_clients=["192.0.2.0/24"])
    assert ctl(one, "reload").returncode == 0
    assert action(one, "192.0.2.1") == "DUNNO"
    assert asked(one, "bans")["bans"][0]["void"] is True
    assert "not obeyed" in ctl(one, "bans").stdout


@pytest.mark.parametrize("words, status, text", [
    (["ban"], 2, "a network"),
    (["ban", "no-net"], 2, "not a network"),
    (["ban", "10.0.0.1/8"], 2, "did you mean 10.0.0.0/8"),
    (["ban", "192.0.2.9", "5 parsecs"], 2, "5 parsecs"),
    (["ban", "192.0.2.9", "999ms"], 2, "too short"),
    (["ban", "192.0.2.9", "400d"], 2, "400d"),
    (["unban"], 2, "one network"),
    (["unban", "192.0.2.9"], 1, "no such ban"),
    (["override", "set", "sasl-day", "sasl:bob"], 2, "a rate"),
    (["override", "set", "no-limit", "sasl:bob", "5"], 1, "sasl-day"),
    (["override", "set", "client_auth_rate_limit", "192.0.2.1", "5"], 1,
     "main.cf"),
    (["override", "set", "sasl-day", "192.0.2.1", "5"], 2, "sasl_username"),
    (["override", "set", "sasl-day", "sasl:bob", "x"], 2, "x"),
    (["override", "set", "client_connection_count_limit", "192.0.2.1",
      "5/1h"], 2, "no window"),
    (["override", "del", "sasl-day", "sasl:bob"], 1, "no such override"),
])
def test_what_is_wrong_is_said(odd_one, words, status, text):
    done = tollgatectl(*words, sockets=[odd_one])
    assert (done.returncode, text in done.stderr) == (status, True), done


@pytest.fixture(scope="module")
def odd_one(places, keeps):
    return Site(places, keeps).policyd("one")


def test_every_daemon_obeys(shared):
    one, two = shared.policyd("one"), shared.policyd("two")
    milter = shared.keep(Milter(shared.place / "milter", options={
        "store": shared.redis.url, **PATIENT}))
    assert ctl(one, "ban", "198.51.100.7").returncode == 0
    within_a_second(lambda: is_banned(two, "198.51.100.7"), "two obeys")
    wait_until(lambda: len(asked(milter, "bans")["bans"]) == 1, 5,
               "the milter has heard of it")
    smtpd = shared.keep(MilterClient(milter.socket))
    assert BANNED in str(smtpd.connect("198.51.100.7"))
    # Shown and lifted anywhere.
    assert asked(two, "bans")["bans"][0]["who"] == "uid 0 at here"
    assert tollgatectl("unban", "198.51.100.7",
                       sockets=[one, two, milter]).returncode == 0
    within_a_second(lambda: not is_banned(two, "198.51.100.7"), "lifted")


def test_a_restart_and_an_outage_keep_it(shared):
    one, two = shared.policyd("one"), shared.policyd("two")
    assert ctl(one, "ban", "198.51.100.7", "1h").returncode == 0
    one.stop()
    one.start()
    within_a_second(lambda: is_banned(one, "198.51.100.7"), "after a restart")
    within_a_second(lambda: is_banned(two, "198.51.100.7"), "two obeys")

    shared.redis.process.signal(signal.SIGSTOP)
    assert is_banned(one, "198.51.100.7") and is_banned(two, "198.51.100.7")
    assert "the store does not answer" in refused(one, "ban", "192.0.2.9")
    is_banned(one, "192.0.2.8")  # one charge, and it knows
    assert "as it was known last" in ctl(one, "bans").stdout
    shared.redis.process.signal(signal.SIGCONT)
    wait_until(lambda: ctl(one, "ban", "192.0.2.9").returncode == 0, 10,
               "the store is back")
    within_a_second(lambda: is_banned(two, "192.0.2.9"), "two hears of it")


def test_a_successor_is_told(site, end_pid):
    """Also on memory:, and while Redis is away."""
    one = site.policyd("one")
    for words in (("ban", "198.51.100.0/24", "1h", "spam"),
                  ("ban", "2001:db8::/64", "1m"),
                  ("override", "set", "sasl-day", "sasl:bob", "4", "1h")):
        assert ctl(one, *words).returncode == 0
    before = asked(one, "bans")["bans"]
    if site.redis:
        site.redis.process.freeze()
    end_pid(one.hand_over())
    assert is_banned(one, "198.51.100.7") and is_banned(one, "2001:db8::9")
    after = asked(one, "bans")["bans"]
    for was, now in zip(before, after, strict=True):
        for name in "key", "who", "reason", "set":
            assert now[name] == was[name]
        assert abs(now["until"] - was["until"]) <= 1
        assert now["seconds"] <= was["seconds"]
    [override] = asked(one, "overrides")["overrides"]
    assert (override["subject"], override["allowed"]) == ("u=bob", 4)
    if site.redis:
        site.redis.process.thaw()
        wait_until(lambda: ctl(one, "unban", "198.51.100.0/24").returncode
                   == 0, 10, "the store is back")
        within_a_second(lambda: not is_banned(one, "198.51.100.7"), "lifted")
    else:
        assert ctl(one, "unban", "198.51.100.0/24").returncode == 0
        assert not is_banned(one, "198.51.100.7")
        assert rcpts(one, "bob", 5) == 4


def test_nothing_is_ordered_too_late_for_a_successor(place, keep, end_pid):
    """On memory: it would not hear of it; it waits for a directory here."""
    place.chmod(0o777)
    one = Site(place, keep, None).policyd("one")
    assert ctl(one, "ban", "192.0.2.1").returncode == 0
    one.own["listen"] = [*one.listen, f"policy:unix:{place}/later/policy"]
    one.write_config()
    one.process.signal(signal.SIGUSR2)
    one.process.wait_output(f"{place}/later: waiting for Postfix to make it")
    for words in (["ban", "192.0.2.2"], ["unban", "192.0.2.1"],
                  ["override", "set", "sasl-day", "sasl:bob", "5"]):
        assert "takes this daemon's place; ask again" in refused(one, *words)
    assert is_banned(one, "192.0.2.1")
    made = place / "made"
    made.mkdir()
    made.chmod(0o777)  # nobody has no more rights than that
    made.rename(place / "later")
    one.process.wait_output("finishing open sessions")
    end_pid(int(re.search(r"successor (\d+) serves", one.process.text())[1]))
    assert is_banned(one, "192.0.2.1")
    assert ctl(one, "unban", "192.0.2.1").returncode == 0


def rcpts(daemon, user, count):
    """How many of so many recipients are taken."""
    return sum(action(daemon, "198.51.100.7", sasl_username=user) == "DUNNO"
               for _ in range(count))


def test_an_override_of_a_sliding_limit(site):
    one = site.policyd("one")
    assert rcpts(one, "bob", 4) == 2
    done = ctl(one, "override", "set", "sasl-day", "sasl:bob", "5/1h", "30m")
    assert done.returncode == 0, done.stderr
    # At once, although he was known to be refused; what he had counts.
    assert rcpts(one, "bob", 4) == 3
    assert rcpts(one, "eve", 4) == 2
    line = re.findall(r"decision .*sasl=bob.*", one.process.text())[-1]
    assert "limit=sasl-day key=sasl:bob used=5 allowed=5 window=1h " in line
    [override] = asked(one, "overrides")["overrides"]
    assert (override["limit"], override["subject"], override["allowed"]) == \
        ("sasl-day", "u=bob", 5)
    shown = ctl(one, "overrides").stdout
    assert re.search(r"sasl-day +u=bob +5/1h +(30m|29m 5\ds)", shown), shown
    [counter] = asked(one, "show", "sasl:bob")["counters"]
    assert (counter["used"], counter["allowed"]) == (5, 5)

    assert ctl(one, "override", "set", "sasl-day", "sasl=bob",
               "none").returncode == 0
    assert rcpts(one, "bob", 5) == 5
    assert ctl(one, "override", "del", "sasl-day",
               "sasl:bob").returncode == 0
    assert rcpts(one, "bob", 1) == 0
    assert ctl(one, "overrides").stdout.startswith("no limit is overridden\n")


def test_an_override_that_lets_nothing_through(site):
    one = site.policyd("one")
    assert rcpts(one, "bob", 1) == 1
    assert ctl(one, "override", "set", "sasl-day", "sasl:bob", "0",
               "1h").returncode == 0
    assert rcpts(one, "bob", 1) == 0
    assert rcpts(one, "eve", 1) == 1
    line = re.findall(r"decision .*sasl=bob.*", one.process.text())[-1]
    assert "limit=sasl-day key=sasl:bob used=0 allowed=0 window=1d " in line
    [override] = asked(one, "overrides")["overrides"]
    assert override["allowed"] == 0
    assert re.search(r"sasl-day +u=bob +nothing ", ctl(one, "overrides").stdout)
    [counter] = asked(one, "show", "sasl:bob")["counters"]
    assert (counter["used"], counter["allowed"], counter["refuses"]) == \
        (1, 0, True)
    [decision] = asked(one, "explain", "face=policy", "event=recipient",
                       "client=198.51.100.7", "sasl=bob")["decisions"]
    [limit] = [it for it in decision["limits"] if it["limit"] == "sasl-day"]
    assert (limit["outcome"], limit["allowed"], decision["verdict"]) == \
        ("refused", 0, "refuse")
    if site.redis:
        one.stop()
        one.start()
        within_a_second(lambda: rcpts(one, "bob", 1) == 0 and
                        asked(one, "overrides")["overrides"], "known again")
    assert ctl(one, "override", "set", "sasl-day", "sasl:bob",
               "none").returncode == 0
    assert rcpts(one, "bob", 3) == 3


def test_an_override_of_a_domain(site):
    """The default of each of its logins; his own goes before it."""
    one = site.policyd("one")
    for words in ["sasl:@example.com", "4"], ["sasl:carol@example.com", "3"]:
        assert ctl(one, "override", "set", "sasl-day", *words).returncode == 0
    for user, taken in {"bob@example.com": 4, "eve@Example.com": 4,
                        "carol@example.com": 3, "bob@other.example": 2,
                        "bob": 2}.items():
        assert rcpts(one, user, 5) == taken, user
    [counter] = asked(one, "show", "sasl:bob@example.com")["counters"]
    assert (counter["used"], counter["allowed"], counter["overridden"]) == \
        (4, 4, True)
    assert [it["subject"] for it in asked(one, "overrides")["overrides"]] == \
        ["U=example.com", "u=carol@example.com"]
    assert ctl(one, "override", "del", "sasl-day",
               "sasl:@example.com").returncode == 0
    assert rcpts(one, "bob@example.com", 1) == 0


def test_an_override_of_a_fixed_window(site):
    one = site.policyd("one")
    def taken(count):
        with Policy(one.policy) as smtpd:
            return sum(smtpd.rcpt("192.0.2.7") == "DUNNO"
                       for _ in range(count))
    assert taken(3) == 2
    assert ctl(one, "override", "set", "fixed",
               "sender:Sender@client.example", "5").returncode == 0
    assert taken(4) == 2  # the refused one counts there


def test_an_override_of_a_connection_count(site):
    one = site.policyd("one")
    name = "client_connection_count_limit"
    sessions = [site.keep(Anvil(one.anvil)) for _ in range(5)]
    counts = [it.event("connect", "198.51.100.7")["count"]
              for it in sessions[:3]]
    assert counts == [1, 2, BIG]
    assert ctl(one, "override", "set", name, "198.51.100.7",
               "3").returncode == 0
    # No more than the limit, for main.cf's own to compare.
    assert sessions[3].event("connect", "198.51.100.7")["count"] == 2
    assert sessions[4].event("connect", "198.51.100.7")["count"] == BIG
    assert ctl(one, "override", "del", name, "198.51.100.7").returncode == 0


def test_an_override_reaches_every_daemon(shared):
    one, two = shared.policyd("one"), shared.policyd("two")
    assert rcpts(two, "bob", 3) == 2
    assert ctl(one, "override", "set", "sasl-day", "sasl:bob",
               "4").returncode == 0
    within_a_second(lambda: rcpts(two, "bob", 1) == 1, "two knows it")
    # It ends by itself, everywhere.
    assert ctl(one, "override", "set", "sasl-day", "sasl:bob", "none",
               "1s").returncode == 0
    within_a_second(lambda: rcpts(two, "bob", 1) == 1, "two knows it")
    wait_until(lambda: rcpts(two, "bob", 1) == 0, 10, "it has ended")


BASE = ("auth select client|setname script|load evalsha time get set mget "
        "psetex hincrby hget pttl pexpireat del").split()
MORE = ("eval zadd zcard zrem zscore zrevrange zrangebyscore hmget hset hdel "
        "pexpire info").split()


def test_the_rights_that_a_user_of_redis_needs(place, keep):
    """As tollgate.conf(5) lists them; with fewer, mail goes on."""
    redis = keep(RedisServer(place / "redis"))

    class User:
        url = f"redis://toll:secret@127.0.0.1:{redis.port}"

    def allow(commands):
        redis.cli("ACL", "SETUSER", "toll", "reset", "on", ">secret",
                  "~tollgate:*", *(f"+{it}" for it in commands))
    allow(BASE)
    one = Site(place, keep, User).policyd("one")
    assert rcpts(one, "bob", 3) == 2
    one.process.wait_output("bans and overrides: NOPERM")
    assert "the log says why" in refused(one, "ban", "192.0.2.1")
    allow(BASE + MORE)
    one.stop()
    one.start()
    before = one.process.text().count("NOPERM")
    assert ctl(one, "ban", "192.0.2.1", "1m").returncode == 0
    assert ctl(one, "ban", "192.0.2.2", "1s").returncode == 0
    assert ctl(one, "unban", "192.0.2.1").returncode == 0
    wait_until(lambda: asked(one, "bans")["bans"] == [], 10, "both are over")
    assert ctl(one, "ban", "192.0.2.3").returncode == 0
    assert asked(one, "top")["complete"] is True
    assert is_banned(one, "192.0.2.3")
    assert one.process.text().count("NOPERM") == before


def test_who_may_not_change_may_look(site):
    one = site.policyd("one")
    one.control.chmod(0o666)
    one.control.parent.chmod(0o755)
    before = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"]
    assert tollgatectl("bans", sockets=[one], before=before).returncode == 0
    for words in (["ban", "192.0.2.1"], ["unban", "192.0.2.1"],
                  ["override", "set", "sasl-day", "sasl:bob", "5"],
                  ["override", "del", "sasl-day", "sasl:bob"]):
        done = tollgatectl(*words, sockets=[one], before=before)
        assert done.returncode == 1 and "not permitted" in done.stderr
    with Control(one) as control:
        assert json.dumps(control.ask("bans")["result"]["bans"]) == "[]"
