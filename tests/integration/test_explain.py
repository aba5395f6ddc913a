"""explain, top and watch, on memory: and on Redis: what they say is what
happens, and they change nothing."""
import json
import re
import subprocess
import time

import pytest

from harness.attributes import Anvil, Policy
from harness.clinic import age, copy_debian, postconf
from harness.control import TOLLGATECTL, Control, asked, tollgatectl
from harness.policyd import Policyd
from harness.redis_server import RedisServer
from harness.wait import PATIENT, slowness, wait_until

PROXY = "172.16.42.2"
OPTIONS = {"client_limits_at": "anvil", "client_connection_rate_limit": 3,
           "exempt_clients": ["203.0.113.0/24"], "instance_name": "here",
           **PATIENT}
SECTIONS = [
    ("service", "12525", {"port": 12525, "proxied": True,
                          "trusted_proxies": [PROXY]}),
    ("limit", "sasl-day", {
        "at": "policy", "event": "recipient", "key": ["sasl_username"],
        "rate": "2/1d"}),
    ("limit", "tried", {
        "at": "policy", "event": "recipient", "key": ["client"],
        "rate": "1/1d", "shadow": True}),
    ("limit", "cap", {"at": "policy", "event": "recipient",
                      "max_per_message": 3}),
]


class Site:
    def __init__(self, place, keep, redis):
        place.chmod(0o777)
        self.place, self.keep = place, keep
        self.options = {**OPTIONS, "store": redis.url if redis else "memory:"}
        self.policyd = self.start("one")

    def start(self, name):
        daemon = self.keep(Policyd(
            self.place / name, [f"policy:unix:{self.place}/{name}.policy",
                                f"anvil:unix:{self.place}/{name}.anvil"],
            options=self.options, sections=SECTIONS))
        daemon.policy = f"{self.place}/{name}.policy"
        daemon.anvil = f"{self.place}/{name}.anvil"
        return daemon

    def explain(self, *words):
        return asked(self.policyd, "explain", *words)["decisions"]


@pytest.fixture(scope="module", params=["memory", "redis"])
def site(request, places, keeps):
    place = places / request.param
    place.mkdir()
    place.chmod(0o777)
    redis = keeps(RedisServer(place / "redis")) if request.param == "redis" \
        else None
    return Site(place, keeps, redis)


def rcpt(daemon, client, user):
    with Policy(daemon.policy) as smtpd:
        return smtpd.rcpt(client, sasl_username=user)


def checks(decision):
    return {it["check"]: it["outcome"] for it in decision["checks"]}


def limits(decision):
    return {it["limit"]: it["outcome"] for it in decision["limits"]}


def test_explain_says_what_happens(site):
    one = site.policyd
    question = ("client=198.51.100.7", "sasl=bob", "event=recipient",
                "face=policy")
    for used in 0, 1, 2:
        [decision] = site.explain(*question)
        assert checks(decision) == {
            "proof": "skipped", "claim": "skipped", "ban": "passed",
            "exemption": "passed"}
        by_name = {it["limit"]: it for it in decision["limits"]}
        assert by_name["sasl-day"]["used"] == used
        assert by_name["sasl-day"]["allowed"] == 2
        assert by_name["cap"]["outcome"] == "passed"
        assert by_name["tried"]["outcome"] == \
            ("would-refuse" if used > 0 else "passed")
        told = decision["reply"]
        assert told == site.explain(*question)[0]["reply"]
        assert rcpt(one, "198.51.100.7", "bob") == told
    assert (decision["verdict"], decision["reason"]) == ("refuse", "limit")
    assert by_name["sasl-day"]["outcome"] == "refused"
    assert by_name["sasl-day"]["retry_after_ms"] > 86300000

    done = tollgatectl("explain", *question, sockets=[one])
    assert done.returncode == 0
    assert re.search(r"^ban +passed +not banned$", done.stdout, re.M)
    assert re.search(r"^limit sasl-day +refused +2 of 2 in 1d, again in (1d|23h)",
                     done.stdout, re.M), done.stdout
    assert "verdict: refuse (limit): 450 4.7.1 Error: too many recipients " \
        "from login bob" in done.stdout
    assert all(len(line) <= 80 or line.startswith("verdict")
               for line in done.stdout.splitlines())


def test_explain_leaves_no_trace(site):
    one = site.policyd
    before = one.metric("tollgate_decisions_total")
    for _ in range(5):
        site.explain("client=192.0.2.77", "sasl=nobody", "service=trace",
                     "recipients=9")
    assert one.metric("tollgate_decisions_total") == before
    text = one.process.text()
    assert not any(word in text for word in ("192.0.2.77", "nobody", "trace"))
    done = tollgatectl("show", "192.0.2.77", sockets=[one])
    assert done.returncode == 1, done.stdout


def test_explain_shows_where_it_ends(site):
    one = site.policyd
    [exempt] = site.explain("client=203.0.113.5", "event=message",
                            "face=anvil")
    assert checks(exempt)["exemption"] == "exempt"
    assert (exempt["verdict"], exempt["reason"]) == ("pass", "exempt")

    def proxied(*words):
        [decision] = site.explain("port=12525", "event=recipient", "face=policy",
                                  "client=198.51.100.1", *words)
        return decision
    assert checks(proxied()) == {"proof": "assumed", "claim": "passed",
                                 "ban": "passed", "exemption": "passed"}
    forged = proxied("peer=192.0.2.9")
    assert checks(forged) == {
        "proof": "refused", "claim": "not-reached", "ban": "not-reached",
        "exemption": "not-reached"}
    assert forged["reply"] == "421 4.7.1 Error: not through a trusted proxy"
    assert set(limits(forged).values()) == {"not-reached"}
    assert checks(proxied("peer=unproven"))["proof"] == "refused"
    assert checks(proxied(f"peer={PROXY}"))["proof"] == "passed"
    [impossible] = site.explain("port=12525", "client=127.0.0.1",
                                "event=recipient", "face=policy")
    assert checks(impossible)["claim"] == "refused"

    assert tollgatectl("ban", "198.51.100.0/24", "2h", "spam",
                       sockets=[one]).returncode == 0
    banned = proxied()
    assert checks(banned)["ban"] == "refused"
    assert "198.51.100.0/24" in banned["checks"][2]["text"]
    assert "spam" in banned["checks"][2]["text"]
    assert tollgatectl("unban", "198.51.100.0/24",
                       sockets=[one]).returncode == 0

    # All that has limits, if no event is named; and what has none.
    assert {(it["face"], it["event"]) for it in
            site.explain("client=198.51.100.1")} == \
        {("anvil", "connection"), ("policy", "recipient")}
    [report] = site.explain("client=198.51.100.1", "event=tls")
    assert report["limits"][0]["limit"] == ""
    [capped] = site.explain("event=recipient", "face=policy",
                            "recipients=4")
    assert limits(capped)["cap"] == "refused"
    assert limits(capped)["sasl-day"] == "skipped"


def test_explain_shows_what_an_exempt_client_is_held_to(site):
    question = ("client=203.0.113.5", "sasl=mallory", "event=recipient",
                "face=policy", "recipients=4")
    for service in (), ("port=12525",):
        [decision] = site.explain(*question, *service)
        assert checks(decision)["exemption"] == "exempt"
        assert limits(decision) == {"sasl-day": "passed", "tried": "skipped",
                                    "cap": "skipped"}
    shown = tollgatectl("explain", *question, sockets=[site.policyd]).stdout
    assert re.search(r"^exemption +exempt +in exempt_clients: limits by client "
                     r"do not apply$", shown, re.M), shown
    assert re.search(r"^limit tried +skipped +does not apply to exempt clients$",
                     shown, re.M), shown
    assert re.search(r"^limit sasl-day +passed +0 of 2 in 1d$", shown, re.M)
    assert [rcpt(site.policyd, "203.0.113.5", "mallory") for _ in range(3)] == [
        "DUNNO", "DUNNO",
        "450 4.7.1 Error: too many recipients from login mallory"]
    [decision] = site.explain(*question)
    assert (decision["verdict"], decision["reason"]) == ("refuse", "limit")


@pytest.mark.parametrize("words, status, text", [
    ([], 2, "client="),
    (["client"], 2, "NAME=VALUE"),
    (["sasl=a", "sasl=b"], 2, "once"),
    (["colour=red"], 2, "colour: unknown"),
    (["client=nobody"], 2, "not a network"),
    (["port=70000"], 2, "1 to 65535"),
    (["peer=who"], 2, "unproven"),
    (["event=dance"], 2, "rejected_recipient"),
    (["face=milter"], 1, "no face of this daemon"),
    (["sasl=" + "x" * 400], 2, "too long"),
])
def test_explain_refuses(site, words, status, text):
    done = tollgatectl("explain", *words, sockets=[site.policyd])
    assert (done.returncode, text in done.stderr) == (status, True), done


def keys(result, event):
    return {row["key"]: row for it in result["events"]
            if it["event"] == event for row in it["keys"]}


def test_top_of_one_daemon(site):
    one = site.policyd
    with Anvil(one.anvil) as smtpd:
        for i in range(12):
            smtpd.event("message", "198.51.100.9")
            smtpd.event("message", f"198.51.100.{100 + i % 3}")
    top = asked(one, "top", "message", "-n", "2")
    [event] = top["events"]
    assert (event["event"], event["face"], len(event["keys"])) == \
        ("message", "anvil", 2)
    assert event["keys"][0]["key"] == "198.51.100.9"
    assert event["keys"][0]["least"] == event["keys"][0]["most"] == 12
    assert event["unlisted"] >= 4
    for _ in range(5):
        rcpt(one, "198.51.100.9", "heavy")
    row = keys(asked(one, "top"), "recipient")["sasl:heavy"]
    assert (row["most"], row["refused"]) == (5, 3)
    shown = tollgatectl("top", sockets=[one]).stdout
    assert re.search(r"^sasl:heavy +5 +3 +sasl-day$", shown, re.M), shown
    for words, text in ((["dance"], "no such event"), (["-n"], "number"),
                        (["-n", "0"], "1 to"), (["-n", "x"], "number")):
        done = tollgatectl("top", *words, sockets=[one])
        assert done.returncode == 2 and text in done.stderr, done


def test_top_of_the_fleet(place, keep):
    place.chmod(0o777)
    redis = keep(RedisServer(place / "redis"))
    site = Site(place, keep, redis)
    two = site.start("two")
    for daemon, count in (site.policyd, 3), (two, 4):
        with Anvil(daemon.anvil) as smtpd:
            for _ in range(count):
                smtpd.event("message", "198.51.100.9")
    def both():
        row = keys(asked(two, "top"), "message").get("198.51.100.9")
        return row and row["most"] == 7
    wait_until(both, 15, "one has shown its list to two")
    top = asked(two, "top", "message")
    assert (top["daemons"], top["complete"], top["shared"]) == (2, True, True)
    assert "*" not in redis.cli("EVAL", "return ''", "0")
    ttl = int(redis.cli("PTTL", "tollgate:{control}b"))
    assert 0 < ttl <= 90000


class Watch:
    """tollgatectl watch, in the background."""

    def __init__(self, daemon, *words):
        self.process = subprocess.Popen(
            [TOLLGATECTL, "-j", "-s", daemon.control, "watch", *words],
            stdout=subprocess.PIPE, text=True)
        assert json.loads(self.process.stdout.readline())["ok"] is True

    def line(self):
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.wait()


def test_watch(site, keep):
    one = site.policyd
    everything = keep(Watch(one))
    refused = keep(Watch(one, "--refused"))
    assert rcpt(one, "198.51.100.30", "eve") == "DUNNO"
    line = everything.line()
    assert (line["face"], line["client"], line["sasl"], line["verdict"]) == \
        ("policy", "198.51.100.30", "eve", "pass")
    assert line["events"] == {"recipient": 1, "message": 1} or \
        line["events"] == {"recipient": 1}
    # What a shadow would have refused is a refusal to look at.
    assert rcpt(one, "198.51.100.30", "eve") == "DUNNO"
    assert everything.line()["verdict"] == "would-refuse"
    assert refused.line()["verdict"] == "would-refuse"
    assert rcpt(one, "198.51.100.31", "eve").startswith("450 4.7.1")
    for watch in everything, refused:
        line = watch.line()
        assert (line["verdict"], line["limit"], line["used"],
                line["allowed"]) == ("refuse", "sasl-day", 2, 2)
        assert line["retry_after_ms"] > 86000000
    done = subprocess.run(
        ["timeout", "1", TOLLGATECTL, "-s", one.control, "watch", "x"],
        capture_output=True, text=True, check=False)
    assert done.returncode == 2 and '"x" is too much' in done.stderr


def test_a_watcher_who_does_not_read_holds_up_nobody(site):
    one, flood = site.policyd, 6000
    with Control(one, timeout=0.3) as deaf, Anvil(one.anvil) as smtpd:
        assert deaf.ask("watch")["ok"] is True
        spans = []
        for i in range(flood):
            since = time.monotonic()
            smtpd.event("message", f"10.1.{i % 200}.{i % 250}", "x" * 200)
            spans.append(time.monotonic() - since)
        # The longest may be one that a busy machine has held up.
        assert sorted(spans)[-10] < 0.5 * slowness()
        # Each of them is told, or counted as lost before a later one.
        told = lost = 0
        while told + lost < flood:
            try:
                line = deaf.read()
            except TimeoutError:
                smtpd.event("message", "192.0.2.1")
                continue
            told += 1
            lost += line.get("missed", 0) + line.get("dropped", 0)
        assert lost > 0
    assert one.is_ready_now()


def test_explain_names_main_cfs_own_limit(place, keep, monkeypatch):
    """What anvil only reports is refused by Postfix: by main.cf, or by what
    master.cf says at that listener. The daemon may know none, or tollgatectl."""
    etc = place / "etc"
    copy_debian(etc, place, smtpd_client_message_rate_limit="5",
                smtpd_client_connection_rate_limit="0")
    postconf(etc, "-P", "smtp/inet/smtpd_client_message_rate_limit=7")
    monkeypatch.setenv("MAIL_CONFIG", str(place / "nothing"))
    daemon = keep(Policyd(place / "policyd", [f"anvil:unix:{place}/anvil"]))
    monkeypatch.setenv("MAIL_CONFIG", str(etc))
    with Anvil(place / "anvil") as smtpd:
        for _ in range(3):
            smtpd.event("message", "198.51.100.7", "other")

    def explain(event, service):
        age(etc)
        return tollgatectl(
            "explain", "client=198.51.100.7", f"event={event}",
            f"service={service}", sockets=[daemon]).stdout
    assert "3 in 1m; Postfix refuses above 5" in explain("message", "other")
    assert "0 in 1m; Postfix refuses above 7" in explain("message", "smtp")
    assert "main.cf has no limit" in explain("connection", "other")
    monkeypatch.setenv("MAIL_CONFIG", str(place / "nothing"))
    assert "3 of main.cf's limit in 1m" in explain("message", "other")
