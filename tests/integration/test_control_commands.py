"""Each command of tollgatectl against real daemons, on both stores; and what
it says when it cannot be done."""
import json
import pty
import re
import subprocess

import pytest

from harness.attributes import Anvil, Policy
from harness.authority import Authority
from harness.cert_site import NAME, Acme, CertSite
from harness.control import TOLLGATECTL, Control, asked, tollgatectl
from harness.milter_client import MilterClient
from harness.policy_load import Load
from harness.policyd import Milter, Policyd
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.smtpd import FakeSmtpd
from harness.wait import wait_until

BIG = 2147483647
LIMITS = {"client_limits_at": "anvil", "client_message_rate_limit": 2,
          "client_connection_count_limit": 3, "instance_name": "here"}
SASL_DAY = ("limit", "sasl-day", {
    "at": "policy", "event": "recipient", "key": ["sasl_username"],
    "rate": "2/1d"})
SENDER_HOUR = ("limit", "sender-hour", {
    "at": "milter", "event": "message", "key": ["sender"], "rate": "1/1h"})


class Fleet:
    """A policyd and a milter on one store, memory: or Redis."""

    def __init__(self, place, keep, redis):
        place.chmod(0o777)
        self.redis = redis
        self.place, self.keep = place, keep
        options = {**LIMITS, "store": redis.url if redis else "memory:"}
        self.policyd = keep(Policyd(
            place / "policyd", [f"policy:unix:{place}/policy",
                                f"anvil:unix:{place}/anvil"],
            options=options, sections=[SASL_DAY]))
        self.milter = keep(Milter(
            place / "milter", options={**options, "client_limits_at": ""} | {
                "client_message_rate_limit": 0,
                "client_connection_count_limit": 0},
            sections=[SENDER_HOUR]))
        self.both = [self.policyd, self.milter]

    def ctl(self, *words):
        return tollgatectl(*words, sockets=self.both)

    def lines(self, *words):
        """The answers of both, as JSON."""
        done = self.ctl("-j", *words)
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", params=["memory", "redis"])
def fleet(request, places, keeps):
    place = places / request.param
    place.mkdir()
    redis = keeps(RedisServer(place / "redis")) \
        if request.param == "redis" else None
    return Fleet(place, keeps, redis)


def test_status(fleet):
    done = fleet.ctl("status")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^daemon +tollgate-policyd .* on here$", done.stdout,
                     re.MULTILINE)
    assert re.search(r"^daemon +tollgate-milter ", done.stdout, re.MULTILINE)
    assert all(len(line) <= 80 for line in done.stdout.splitlines()
               if "configuration" not in line)
    policyd, milter = (line["result"] for line in fleet.lines("status"))
    assert policyd["phase"] == milter["phase"] == "serving"
    assert policyd["pid"] == fleet.policyd.process.pid
    assert set(policyd["faces"]) == {"anvil", "policy"}
    assert set(milter["faces"]) == {"milter"}
    assert policyd["store"]["shared"] == bool(fleet.redis)
    assert policyd["store"]["available"]


def test_config_show(fleet):
    done = tollgatectl("config", "show", "-n", sockets=[fleet.policyd])
    assert 'limit "sasl-day" {' in done.stdout
    assert "drain_timeout" in done.stdout and "lease_ttl" not in done.stdout
    everything = tollgatectl("config", "show", sockets=[fleet.policyd])
    assert 'lease_ttl = "30s"' in everything.stdout
    defaults = tollgatectl("config", "show", "-d", sockets=[fleet.policyd])
    assert 'store = "memory:"' in defaults.stdout
    assert tollgatectl("config", "show", "-x",
                       sockets=[fleet.policyd]).returncode == 2
    # What it shows is a configuration, and means the same.
    file = fleet.place / "shown.conf"
    file.write_text(everything.stdout)
    fleet.policyd.config.rename(fleet.place / "kept.conf")
    try:
        fleet.policyd.config.write_text(everything.stdout)
        checked = asked(fleet.policyd, "config", "check")
        assert checked["before"] == checked["after"]
        assert checked["at_start"] == []
    finally:
        (fleet.place / "kept.conf").rename(fleet.policyd.config)


def test_no_password_is_shown(place, keep):
    redis = keep(RedisServer(place / "redis", "--requirepass", "hunter2"))
    url = redis.url.replace("://", "://:hunter2@")
    policyd = keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"],
                           options={"store": url}))
    for words in (["status"], ["config", "show"], ["config", "check"],
                  ["show", "198.51.100.1"], ["peers"]):
        for format_ in ([], ["-j"]):
            done = tollgatectl(*format_, *words, sockets=[policyd])
            assert "hunter2" not in done.stdout + done.stderr
    assert "(hidden)" in tollgatectl("config", "show",
                                     sockets=[policyd]).stdout


def test_reload(fleet):
    done = fleet.ctl("reload")
    assert done.returncode == 0
    assert done.stdout.count("nothing has changed") == 2
    fleet.policyd.write_config(log_level="debug", store_prefix="other",
                               lease_ttl="31s")
    try:
        checked = asked(fleet.policyd, "config", "check")
        assert checked["at_start"] == ["store_prefix", "lease_ttl"]
        assert checked["before"] != checked["after"]
        result = asked(fleet.policyd, "reload")
        assert result == checked
        # It is still so, although nothing has changed since.
        again = asked(fleet.policyd, "reload")
        assert again["at_start"] == ["store_prefix", "lease_ttl"]
        done = tollgatectl("reload", sockets=[fleet.policyd])
        assert "only a restart changes: store_prefix" in done.stdout
    finally:
        for name in ("log_level", "store_prefix", "lease_ttl"):
            del fleet.policyd.options[name]
        fleet.policyd.write_config()
        assert asked(fleet.policyd, "reload")["at_start"] == []


def test_a_reload_that_fails_changes_nothing(fleet):
    before = asked(fleet.policyd, "status")["config"]["hash"]
    fleet.policyd.write_config(lease_ttl="never")
    try:
        for command in (["config", "check"], ["reload"]):
            done = tollgatectl(*command, sockets=[fleet.policyd])
            assert done.returncode == 1
            assert re.search(r"tollgate.conf:\d+: lease_ttl: ", done.stderr)
        # One that cannot is the command's status, whatever the other says.
        done = fleet.ctl("reload")
        assert done.returncode == 1
        assert "tollgate-milter: reloaded" in done.stdout
    finally:
        del fleet.policyd.options["lease_ttl"]
        fleet.policyd.write_config()
    assert asked(fleet.policyd, "status")["config"]["hash"] == before


def test_a_hundred_reloads_under_load(place, keep):
    """No request fails, no connection is lost, and nothing that was counted
    is forgotten."""
    place.chmod(0o777)
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"], options={
            "client_limits_at": "policy",
            "client_message_rate_limit": 1000000}))
    load = Load(place / "policy")
    with Control(policyd) as peer:
        for number in range(100):
            policyd.write_config(client_recipient_rate_limit=1000000 + number)
            result = peer.ask("reload")["result"]
            assert (result["before"] != result["after"], result["at_start"]) \
                == (True, [])
    load.wait_for(100)
    load.end()
    for client, asks in load.asked_of.items():
        assert counters(policyd, client)["client_message_rate_limit"]["used"] \
            == asks


def counters(daemon, key):
    return {(item["limit"] or item["event"]): item
            for item in asked(daemon, "show", key)["counters"]}


def test_show_and_reset_of_a_client(fleet, client):
    with Anvil(fleet.place / "anvil") as smtpd, \
            Anvil(fleet.place / "anvil") as other:
        for session in (smtpd, other):
            assert session.event("connect", client)["count"] >= 1
        for _ in range(3):
            smtpd.event("message", client)
        smtpd.event("recipient", client)
        assert smtpd.event("message", client)["rate"] == BIG
        found = counters(fleet.policyd, client)
        rate = found["client_message_rate_limit"]
        assert (rate["used"], rate["allowed"], rate["refuses"]) == (2, 2, True)
        assert 0 < rate["retry_after_ms"] <= rate["window_ms"] + 1
        assert (rate["service"], rate["at"]) == ("smtp", "anvil")
        places = found["client_connection_count_limit"]
        assert (places["used"], places["allowed"]) == (2, 3)
        [holder] = places["holders"]
        assert (holder["count"], holder["self"]) == (2, True)
        assert found["recipient"]["limit"] is None
        assert found["recipient"]["used"] == 1
        done = fleet.ctl("show", client)
        assert done.returncode == 0
        assert re.search(r"^client_message_rate_limit +smtp +2 +2 +1m +\d",
                         done.stdout, re.MULTILINE)
        assert "2 open at " in done.stdout
        assert all(len(line) <= 80 for line in done.stdout.splitlines())

        done = fleet.ctl("reset", client)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("begin anew") == 1
        assert smtpd.event("message", client)["rate"] == 1
        found = counters(fleet.policyd, client)
        assert set(found) == {"client_message_rate_limit",
                              "client_connection_count_limit"}
    wait_until(lambda: "client_connection_count_limit" not in
               counters(fleet.policyd, client), 5, "the places are free")


def test_show_tells_of_a_ban_and_of_overrides(fleet):
    client = "198.51.100.44"
    with Policy(fleet.place / "policy") as smtpd:
        assert smtpd.rcpt(client, sasl_username="eve") == "DUNNO"
    fleet.ctl("override", "set", "sasl-day", "sasl:eve", "7/1d")
    [item] = asked(fleet.policyd, "show", "sasl:eve")["counters"]
    assert (item["used"], item["allowed"], item["overridden"]) == (1, 7, True)
    assert re.search(r"^sasl-day +all +1 +7\* .*\n\* by an override$",
                     fleet.ctl("show", "sasl:eve").stdout, re.MULTILINE)
    fleet.ctl("override", "del", "sasl-day", "sasl:eve")
    [item] = asked(fleet.policyd, "show", "sasl:eve")["counters"]
    assert (item["allowed"], item["overridden"]) == (2, False)

    assert fleet.ctl("show", client).returncode == 1
    fleet.ctl("ban", "198.51.100.32/27", "10m", "too", "noisy")
    wait_until(lambda: fleet.ctl("show", client).returncode == 0, 5,
               "the ban is known")
    done = fleet.ctl("show", client)
    assert re.search(r"^BANNED as 198.51.100.32/27 for (9m \d+s|10m) more: "
                     "too noisy$", done.stdout, re.MULTILINE)
    fleet.ctl("unban", "198.51.100.32/27")
    wait_until(lambda: fleet.ctl("show", client).returncode == 1, 5,
               "the ban is lifted")


def test_show_and_reset_of_a_user(fleet):
    with Policy(fleet.place / "policy") as smtpd:
        asks = [smtpd.rcpt("198.51.100.9", sasl_username="Bob")
                for _ in range(3)]
        assert [it[:5] for it in asks] == ["DUNNO", "DUNNO", "450 4"]
        [item] = asked(fleet.policyd, "show", "sasl:bob")["counters"]
        assert (item["limit"], item["used"], item["service"]) == \
            ("sasl-day", 2, None)
        assert fleet.ctl("reset", "sasl:BOB").returncode == 0
        assert smtpd.rcpt("198.51.100.9", sasl_username="bob") == "DUNNO"
    assert fleet.ctl("reset", "sasl:bob").returncode == 0


def test_what_the_milter_alone_counts(fleet):
    """On a shared store each daemon answers by its own configuration."""
    session = fleet.keep(MilterClient(fleet.milter.socket))
    session.connect("198.51.100.10")
    session.mail("news@client.example")
    key = "sender:news@client.example"
    done = fleet.ctl("show", key)
    assert done.returncode == 0, done.stderr
    assert "sender-hour" in done.stdout
    assert [line["ok"] for line in fleet.lines("show", key)] == [True]
    assert fleet.ctl("reset", key).returncode == 0
    done = fleet.ctl("show", key)
    assert done.returncode == 1
    assert "nothing is counted for it now" in done.stderr


WRONG = [
    (["show"], 2, "usage: tollgatectl show KEY"),
    (["show", "a", "b"], 2, "usage: tollgatectl show KEY"),
    (["show", "no-address"], 2, "no-address"),
    (["show", "shoe:size"], 2, "no such kind of key"),
    (["show", "198.51.100.0/16"], 2, "198.51.0.0/16"),
    (["show", "203.0.113.99"], 1, "nothing is counted"),
    (["reset", "203.0.113.99"], 1, "nothing is counted"),
    (["reset"], 2, "usage: tollgatectl reset KEY"),
    (["status", "now"], 2, "usage: tollgatectl status"),
    (["reload", "now"], 2, "usage: tollgatectl reload"),
    (["restart", "now"], 2, "usage: tollgatectl restart"),
    (["peers", "now"], 2, "usage: tollgatectl peers"),
    (["config"], 2, "no such command"),
    (["config", "check", "-n"], 2, "usage: tollgatectl config check"),
    (["certs", "check", "--within"], 2, "usage: tollgatectl certs check"),
    (["certs", "check", "--within", "soon"], 2, "--within: "),
    (["certs", "reload", "now"], 2, "usage: tollgatectl certs reload"),
    (["no", "such"], 2, "no such command"),
    ([], 2, "which command?"),
]


@pytest.mark.parametrize("words, status, text", WRONG,
                         ids=["_".join(words) for words, _, _ in WRONG])
def test_wrong_arguments(fleet, words, status, text):
    done = fleet.ctl(*words)
    assert done.returncode == status, done.stdout + done.stderr
    assert text in done.stderr
    assert done.stdout == ""


def test_options():
    assert tollgatectl("-h").returncode == 0
    assert tollgatectl("-V").stdout.startswith("tollgatectl ")
    assert tollgatectl("-x").returncode == 2
    done = tollgatectl("status", sockets=["/nonexistent"])
    assert done.returncode == 3
    assert "/nonexistent: No such file" in done.stderr


def on_terminal(daemon, **environment):
    """What `status` writes to a terminal."""
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal:
        with open(theirs, "wb", buffering=0) as out:
            subprocess.run([TOLLGATECTL, "-s", daemon.control, "status"],
                           stdout=out, check=True, timeout=60,
                           env={"TERM": "xterm", **environment})
        return terminal.read(65536).decode()


def test_color_is_for_terminals(fleet):
    assert "\x1b[1m" in on_terminal(fleet.policyd)
    assert "\x1b" not in on_terminal(fleet.policyd, TERM="dumb")
    assert "\x1b" not in on_terminal(fleet.policyd, NO_COLOR="1")
    assert "\x1b" not in fleet.ctl("status").stdout


def test_peers(place, keep):
    place.chmod(0o777)
    port, proxy, stranger = free_port(), "127.0.61.1", "127.0.67.1"
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        sections=[("service", "proxied", {
            "port": port, "proxied": True, "trusted_proxies": [proxy]})]))
    assert asked(policyd, "peers") == {
        "proxies": [], "untrusted": [], "forgotten": 0}
    smtpd = keep(FakeSmtpd(place / "policy", port, stranger))
    assert smtpd.ask().startswith("421 ")
    smtpd.close()
    smtpd = keep(FakeSmtpd(place / "policy", port, proxy))
    assert [smtpd.ask() for _ in range(2)] == ["DUNNO", "DUNNO"]
    peers = asked(policyd, "peers")
    assert [(it["address"], it["service"], it["requests"])
            for it in peers["proxies"]] == [(proxy, "proxied", 2)]
    assert [(it["address"], it["requests"])
            for it in peers["untrusted"]] == [(stranger, 1)]
    done = tollgatectl("peers", sockets=[policyd])
    assert re.search(rf"^UNTRUSTED +{stranger} +proxied +1 ", done.stdout,
                     re.MULTILINE)


def test_certs(place, keep):
    authority, acme = Authority(place / "ca"), Acme(place / "acme")
    acme.write(authority.issue(NAME))
    site = CertSite(place, keep, acme.source, postfix=False)
    [section] = asked(site.policyd, "certs", "list")["certificates"]
    assert (section["title"], section["problem"]) == (NAME, None)
    [chain] = section["chains"]
    assert NAME in chain["names"]
    assert section["default_chain"]["target"] == str(
        site.tls / "default.pem")
    done = tollgatectl("certs", sockets=[site.policyd])
    assert chain["sha256"] in done.stdout
    assert "PRIVATE" not in done.stdout

    assert tollgatectl("certs", "check", sockets=[site.policyd]) \
        .returncode == 0
    done = tollgatectl("certs", "check", "--within", "366d",
                       sockets=[site.policyd])
    assert done.returncode == 1, done.stdout
    assert NAME in done.stdout

    acme.write(authority.issue(NAME))
    [section] = asked(site.policyd, "certs", "reload")["certificates"]
    assert section["chains"][0]["sha256"] != chain["sha256"]
    assert asked(site.policyd, "status")["certificates"]["sections"] == 1


def test_a_certificate_that_is_missing(place, keep):
    acme = Acme(place / "acme")
    acme.write_text("{}")
    site = CertSite(place, keep, acme.source, postfix=False)
    done = tollgatectl("certs", "check", sockets=[site.policyd])
    assert done.returncode == 1
    assert "MISSING" in done.stdout
    assert "MISSING" in tollgatectl("status", sockets=[site.policyd]).stdout


def test_the_milter_has_no_certificates(fleet):
    done = tollgatectl("certs", sockets=[fleet.milter])
    assert done.returncode == 1
    assert "no such command here" in done.stderr
    # Of both, the one that knows is meant.
    assert fleet.ctl("certs").returncode == 0
    # Both may have TLS to Redis.
    done = fleet.ctl("certs", "reload")
    assert done.returncode == 0
    assert done.stdout.count("no certificate section") == 2


def test_the_store_is_away(place, keep, client):
    place.chmod(0o777)
    redis = keep(RedisServer(place / "redis"))
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy",
                            f"anvil:unix:{place}/anvil"],
        options={**LIMITS, "store": redis.url}, sections=[SASL_DAY]))
    smtpd = keep(Anvil(place / "anvil"))
    smtpd.event("connect", client)
    redis.process.kill()
    wait_until(lambda: not asked(policyd, "status")["store"]["available"],
               10, "it is noticed")
    for command in ("show", "reset"):
        done = tollgatectl(command, client, sockets=[policyd])
        assert done.returncode == 1
        assert "the store is away" in done.stderr
    done = tollgatectl("status", sockets=[policyd])
    assert done.returncode == 0 and "AWAY" in done.stdout
    assert tollgatectl("reload", sockets=[policyd]).returncode == 0


def test_the_holders_of_connections_have_names(place, keep, client):
    place.chmod(0o777)
    redis = keep(RedisServer(place / "redis"))
    pods = []
    for name in ("pod-a", "pod-b"):
        directory = place / name
        directory.mkdir()
        directory.chmod(0o777)
        pods.append(keep(Policyd(
            directory, [f"anvil:unix:{directory}/anvil"], options={
                **LIMITS, "instance_name": name, "store": redis.url})))
    sessions = [keep(Anvil(place / name / "anvil"))
                for name in ("pod-a", "pod-b", "pod-b")]
    assert [it.event("connect", client)["count"] for it in sessions] == \
        [1, 2, 3]

    def names():
        [item] = [item for item in asked(pods[0], "show", client)["counters"]
                  if item["window"] == "open"]
        return {it["name"]: (it["count"], it["self"])
                for it in item["holders"]}
    wait_until(lambda: names() == {"pod-a/policyd": (1, True),
                                   "pod-b/policyd": (2, False)}, 10,
               "each has told its name")
    # One that crashed is not shown for ever, and not by its last word.
    pods[1].kill()
    sessions[1].close()
    done = tollgatectl("show", client, sockets=pods[:1])
    assert "1 open at pod-a/policyd" in done.stdout


def test_restart_that_fails(place, keep):
    policyd = keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"]))
    policyd.write_config(lease_ttl="never")
    done = tollgatectl("restart", sockets=[policyd])
    assert done.returncode == 1
    assert "the old process goes on" in done.stderr
    assert asked(policyd, "status")["phase"] == "serving"


def test_restart_of_both(place, keep, end_pid):
    fleet = Fleet(place, keep, None)
    done = fleet.ctl("restart")
    assert done.returncode == 0, done.stderr
    pids = [int(pid) for pid in re.findall(r"process (\d+) has", done.stdout)]
    assert len(pids) == 2
    for pid in pids:
        end_pid(pid)
    assert [line["result"]["pid"] for line in fleet.lines("status")] == pids
