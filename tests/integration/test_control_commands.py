"""Each command of tollgatectl against real daemons, on both stores."""
import pty
import re
import subprocess

from harness.attributes import Anvil, Policy
from harness.authority import Authority
from harness.cert_site import NAME, Acme, CertSite
from harness.control import TOLLGATECTL, Control, asked, tollgatectl
from harness.control_pair import LIMITS, Pair, pair
from harness.milter_client import MilterClient
from harness.policy_load import Load
from harness.policyd import Policyd
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.smtpd import FakeSmtpd
from harness.wait import wait_until

BIG = 2147483647


def test_status(pair):
    done = pair.ctl("status")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^daemon +tollgate-policyd .* on here$", done.stdout,
                     re.MULTILINE)
    assert re.search(r"^daemon +tollgate-milter ", done.stdout, re.MULTILINE)
    assert all(len(line) <= 80 for line in done.stdout.splitlines()
               if "configuration" not in line and "MEMORY" not in line)
    policyd, milter = (line["result"] for line in pair.lines("status"))
    assert policyd["phase"] == milter["phase"] == "serving"
    assert policyd["pid"] == pair.policyd.process.pid
    assert set(policyd["faces"]) == {"anvil", "policy"}
    assert set(milter["faces"]) == {"milter"}
    assert policyd["store"]["shared"] == bool(pair.redis)
    assert policyd["store"]["available"]


def test_config_show(pair):
    done = tollgatectl("config", "show", "-n", sockets=[pair.policyd])
    assert 'limit "sasl-day" {' in done.stdout
    assert "drain_timeout" in done.stdout and "lease_ttl" not in done.stdout
    everything = tollgatectl("config", "show", sockets=[pair.policyd])
    assert 'lease_ttl = "30s"' in everything.stdout
    defaults = tollgatectl("config", "show", "-d", sockets=[pair.policyd])
    assert 'store = "memory:"' in defaults.stdout
    assert tollgatectl("config", "show", "-x",
                       sockets=[pair.policyd]).returncode == 2
    # What it shows is a configuration, and means the same.
    file = pair.place / "shown.conf"
    file.write_text(everything.stdout)
    pair.policyd.config.rename(pair.place / "kept.conf")
    try:
        pair.policyd.config.write_text(everything.stdout)
        checked = asked(pair.policyd, "config", "check")
        assert checked["before"] == checked["after"]
        assert checked["at_start"] == []
    finally:
        (pair.place / "kept.conf").rename(pair.policyd.config)


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


def test_reload(pair):
    done = pair.ctl("reload")
    assert done.returncode == 0
    assert done.stdout.count("nothing has changed") == 2
    pair.policyd.write_config(log_level="debug", store_prefix="other",
                               lease_ttl="31s")
    try:
        checked = asked(pair.policyd, "config", "check")
        assert checked["at_start"] == ["store_prefix", "lease_ttl"]
        assert checked["before"] != checked["after"]
        result = asked(pair.policyd, "reload")
        assert result == checked
        # It is still so, although nothing has changed since.
        again = asked(pair.policyd, "reload")
        assert again["at_start"] == ["store_prefix", "lease_ttl"]
        done = tollgatectl("reload", sockets=[pair.policyd])
        assert "only a restart changes: store_prefix" in done.stdout
    finally:
        for name in ("log_level", "store_prefix", "lease_ttl"):
            del pair.policyd.options[name]
        pair.policyd.write_config()
        assert asked(pair.policyd, "reload")["at_start"] == []


def test_a_reload_that_fails_changes_nothing(pair):
    before = asked(pair.policyd, "status")["config"]["hash"]
    pair.policyd.write_config(lease_ttl="never")
    try:
        for command in (["config", "check"], ["reload"]):
            done = tollgatectl(*command, sockets=[pair.policyd])
            assert done.returncode == 1
            assert re.search(r"tollgate.conf:\d+: lease_ttl: ", done.stderr)
        # One that cannot is the command's status, whatever the other says.
        done = pair.ctl("reload")
        assert done.returncode == 1
        assert "tollgate-milter: reloaded" in done.stdout
    finally:
        del pair.policyd.options["lease_ttl"]
        pair.policyd.write_config()
    assert asked(pair.policyd, "status")["config"]["hash"] == before


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


def test_show_and_reset_of_a_client(pair, client):
    with Anvil(pair.place / "anvil") as smtpd, \
            Anvil(pair.place / "anvil") as other:
        for session in (smtpd, other):
            assert session.event("connect", client)["count"] >= 1
        for _ in range(3):
            smtpd.event("message", client)
        smtpd.event("recipient", client)
        assert smtpd.event("message", client)["rate"] == BIG
        found = counters(pair.policyd, client)
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
        done = pair.ctl("show", client)
        assert done.returncode == 0
        assert re.search(r"^client_message_rate_limit +smtp +2 +2 +1m +\d",
                         done.stdout, re.MULTILINE)
        assert "2 open at " in done.stdout
        assert all(len(line) <= 80 for line in done.stdout.splitlines())

        done = pair.ctl("reset", client)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("begin anew") == 1
        assert smtpd.event("message", client)["rate"] == 1
        found = counters(pair.policyd, client)
        assert set(found) == {"client_message_rate_limit",
                              "client_connection_count_limit"}
    wait_until(lambda: "client_connection_count_limit" not in
               counters(pair.policyd, client), 5, "the places are free")


def test_show_tells_of_a_ban_and_of_overrides(pair):
    client = "198.51.100.44"
    with Policy(pair.place / "policy") as smtpd:
        assert smtpd.rcpt(client, sasl_username="eve") == "DUNNO"
    pair.ctl("override", "set", "sasl-day", "sasl:eve", "7/1d")
    [item] = asked(pair.policyd, "show", "sasl:eve")["counters"]
    assert (item["used"], item["allowed"], item["overridden"]) == (1, 7, True)
    assert re.search(r"^sasl-day +all +1 +7\* .*\n\* by an override$",
                     pair.ctl("show", "sasl:eve").stdout, re.MULTILINE)
    pair.ctl("override", "del", "sasl-day", "sasl:eve")
    [item] = asked(pair.policyd, "show", "sasl:eve")["counters"]
    assert (item["allowed"], item["overridden"]) == (2, False)

    assert pair.ctl("show", client).returncode == 1
    pair.ctl("ban", "198.51.100.32/27", "10m", "too", "noisy")
    wait_until(lambda: pair.ctl("show", client).returncode == 0, 5,
               "the ban is known")
    done = pair.ctl("show", client)
    assert re.search(r"^BANNED as 198.51.100.32/27 for (9m \d+s|10m) more: "
                     "too noisy$", done.stdout, re.MULTILINE)
    pair.ctl("unban", "198.51.100.32/27")
    wait_until(lambda: pair.ctl("show", client).returncode == 1, 5,
               "the ban is lifted")


def test_show_and_reset_of_a_user(pair):
    with Policy(pair.place / "policy") as smtpd:
        asks = [smtpd.rcpt("198.51.100.9", sasl_username="Bob")
                for _ in range(3)]
        assert [it[:5] for it in asks] == ["DUNNO", "DUNNO", "450 4"]
        [item] = asked(pair.policyd, "show", "sasl:bob")["counters"]
        assert (item["limit"], item["used"], item["service"]) == \
            ("sasl-day", 2, None)
        assert pair.ctl("reset", "sasl:BOB").returncode == 0
        assert smtpd.rcpt("198.51.100.9", sasl_username="bob") == "DUNNO"
    assert pair.ctl("reset", "sasl:bob").returncode == 0


def test_what_the_milter_alone_counts(pair):
    """On a shared store each daemon answers by its own configuration."""
    session = pair.keep(MilterClient(pair.milter.socket))
    session.connect("198.51.100.10")
    assert session.open_message(sender="news@client.example") == "c"
    key = "sender:news@client.example"
    done = pair.ctl("show", key)
    assert done.returncode == 0, done.stderr
    assert "sender-hour" in done.stdout
    assert [line["ok"] for line in pair.lines("show", key)] == [True]
    assert pair.ctl("reset", key).returncode == 0
    done = pair.ctl("show", key)
    assert done.returncode == 1
    assert "nothing is counted for it now" in done.stderr


def on_terminal(daemon, **environment):
    """What `status` writes to a terminal."""
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal:
        with open(theirs, "wb", buffering=0) as out:
            subprocess.run([TOLLGATECTL, "-s", daemon.control, "status"],
                           stdout=out, check=True, timeout=60,
                           env={"TERM": "xterm", **environment})
        return terminal.read(65536).decode()


def test_color_is_for_terminals(pair):
    assert "\x1b[1m" in on_terminal(pair.policyd)
    assert "\x1b" not in on_terminal(pair.policyd, TERM="dumb")
    assert "\x1b" not in on_terminal(pair.policyd, NO_COLOR="1")
    assert "\x1b" not in pair.ctl("status").stdout


def test_peers_that_are_not_known(place, keep):
    """Mail that came past a proof is no sign that nobody came."""
    place.chmod(0o777)
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        sections=[("service", "proxied", {
            "port": free_port(), "proxied": True, "proof": "off",
            "trusted_proxies": ["127.0.61.1"]})]))
    assert asked(policyd, "peers")["known"] is False
    assert tollgatectl("peers", sockets=[policyd]).stdout.endswith(
        "not known: no service wants a proof, and none has a gate\n")


def test_peers(place, keep):
    place.chmod(0o777)
    port, proxy, stranger = free_port(), "127.0.61.1", "127.0.67.1"
    policyd = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        sections=[("service", "proxied", {
            "port": port, "proxied": True, "trusted_proxies": [proxy]})]))
    assert asked(policyd, "peers") == {
        "known": True, "proxies": [], "untrusted": [], "forgotten": 0}
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


def test_restart_of_both(place, keep, end_pid):
    pair = Pair(place, keep, None)
    done = pair.ctl("restart")
    assert done.returncode == 0, done.stderr
    pids = [int(pid) for pid in re.findall(r"process (\d+) has", done.stdout)]
    assert len(pids) == 2
    for pid in pids:
        end_pid(pid)
    assert [line["result"]["pid"] for line in pair.lines("status")] == pids
