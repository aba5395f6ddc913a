"""What is watched: metrics and what names them (alerts, dashboard), decision
lines and the fail2ban filter that reads them. All on a real daemon's output."""
import json
import re
import subprocess

import pytest
import yaml

from harness.attributes import Policy
from harness.authority import Authority
from harness.cert_site import NAME, Acme
from harness.policyd import TOP, Milter, Policyd
from harness.wait import wait_until
from harness.workdir import workdir

RULES = TOP / "conf/prometheus/tollgate.rules.yml"
ALERTS = TOP / "tests/packaging/data/alerts.test.yml"
DASHBOARD = TOP / "conf/grafana/tollgate.json"
FILTER = TOP / "conf/fail2ban/filter.d/tollgate.conf"
METRIC = re.compile(r"\btollgate_[a-z_]+\b")
# Words of PromQL's functions over a histogram, and the exposition's own.
SUFFIX = re.compile(r"_(bucket|sum|count)$")
# What an attacker may choose, and would like to be taken for a client.
HOSTILE = dict(sender='a client=192.0.2.66 verdict=refuse reason=limit"\\',
               sasl_username='x","client":"192.0.2.67')


@pytest.fixture(scope="module")
def place():
    with workdir() as path:
        path.chmod(0o777)
        yield path


def policyd_with_everything(place, name, **options):
    """A certificate, a proxied service, a limit: every metric has a reason."""
    acme = Acme(place / f"acme-{name}")
    acme.write(Authority(place / f"ca-{name}").issue(NAME))
    return Policyd(place / name, [
        f"policy:unix:{place}/{name}.policy", f"sni:unix:{place}/{name}.sni"],
        options={"client_limits_at": "policy",
                 "client_message_rate_limit": 1, **options},
        sections=[("certificate", NAME, {"source": acme.source,
                                         "verify": "127.0.0.1:1"}),
                  ("service", "12525", {
                      "port": 12525, "proxied": True, "proof": "off",
                      "trusted_proxies": ["192.0.2.1"]})])


@pytest.fixture(scope="module")
def pages(place):
    """/metrics of both daemons after some decisions."""
    policyd = policyd_with_everything(place, "metrics")
    milter = Milter(place / "milter")
    try:
        exceed(place / "metrics.policy", "198.51.100.7")
        yield [policyd.get("/metrics")[1], milter.get("/metrics")[1]]
    finally:
        milter.close()
        policyd.close()


def exceed(path, *clients):
    """Each client once within its limit of 1, and once over it."""
    with Policy(path) as smtpd:
        for client in clients:
            assert smtpd.rcpt(client, **HOSTILE) == "DUNNO"
            assert smtpd.rcpt(client, **HOSTILE).startswith("450 ")


def known_names(pages):
    return {line.split()[2] for page in pages for line in page.splitlines()
            if line.startswith("# TYPE ")}


def test_promtool_likes_the_metrics(pages):
    for page in pages:
        done = subprocess.run(["promtool", "check", "metrics"], input=page,
                              capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr, done.stderr


def test_no_metric_names_an_address(pages):
    for page in pages:
        assert "198.51.100" not in page


def test_the_alerts_fire_when_they_should():
    done = subprocess.run(["promtool", "test", "rules", ALERTS],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_alert_has_a_test():
    tested = {case["alertname"]
              for test in yaml.safe_load(ALERTS.read_text())["tests"]
              for case in test["alert_rule_test"]}
    assert tested == {rule["alert"] for rule in alerts()}


def used_names(expressions):
    return {SUFFIX.sub("", name) if "_seconds_" in name else name
            for text in expressions for name in METRIC.findall(text)}


def test_alerts_and_dashboard_name_real_metrics(pages):
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = [target["expr"] for panel in panels
             for target in panel["targets"]]
    for expressions in (asked, [rule["expr"] for rule in alerts()]):
        names = used_names(expressions)
        assert len(names) > 5
        assert names <= known_names(pages)


def test_the_dashboard_shows_every_metric(pages):
    """But those that say nothing over time."""
    text = DASHBOARD.read_text()
    missing = {name for name in known_names(pages) if name not in text}
    assert missing <= {"tollgate_certificate_source_problem",
                       "tollgate_certificate_failures_total",
                       "tollgate_certificate_verify_failed",
                       "tollgate_certificate_not_before_seconds",
                       "tollgate_proof_refusals_total",
                       "tollgate_shared_name_decisions_total",
                       "tollgate_instances_serving", "tollgate_reloads_total",
                       "tollgate_sni_connections",
                       "tollgate_sni_refused_peers_total",
                       "tollgate_store_counters"}, missing


def test_the_dashboard_s_panels_do_not_overlap():
    taken = set()
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                 for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken and at["x"] + at["w"] <= 24
        taken |= cells


CLIENTS = ["198.51.100.7", "2001:db8::7"]


# Limits whose counter others can fill, and who is refused by each.
OTHERS = {"sender": "203.0.113.1", "recipient": "203.0.113.2",
          "sasl_username": "203.0.113.3", "helo": "203.0.113.4"}


@pytest.fixture(scope="module")
def innocent(place):
    """{format: the log of a daemon whose limits a stranger has filled, and
    then an innocent server comes}"""
    texts = {}
    for form in ("text", "json"):
        policyd = Policyd(place / f"o{form}", [
            f"policy:unix:{place}/o{form}.policy"],
            options={"log_format": form},
            sections=[("limit", key, {"event": "message", "key": [key],
                                      "rate": "1/1h"}) for key in OTHERS])
        try:
            with Policy(place / f"o{form}.policy") as smtpd:
                for key, client in OTHERS.items():
                    names = {it: f"{key} {it}" for it in ("sender", "recipient")}
                    names[{"helo": "helo_name"}.get(key, key)] = (
                        "news,client:192.0.2.66")
                    assert smtpd.rcpt("192.0.2.66", **names) == "DUNNO"
                    assert smtpd.rcpt(client, **names)[:4] == "450 "
            wait_until(lambda: policyd.process.text().count("decision") == 4,
                       5, "all refusals are in the log")
            texts[form] = policyd.process.text()
        finally:
            policyd.close()
    return texts


@pytest.mark.parametrize("form", ["text", "json"])
def test_fail2ban_counts_a_client_s_own_limits_alone(place, innocent, form):
    """Whoever names the bank's sender has nobody banned."""
    for client in OTHERS.values():
        assert client in innocent[form]
    assert found_by_fail2ban(place, innocent[form]) == []


@pytest.fixture(scope="module")
def lines(place):
    """{format: the text of a real log}"""
    texts = {}
    for form in ("text", "json"):
        policyd = policyd_with_everything(place, form, log_format=form)
        try:
            exceed(place / f"{form}.policy", *CLIENTS)
            wait_until(lambda: policyd.process.text().count("decision") == 2,
                       5, "both refusals are in the log")
            texts[form] = policyd.process.text()
        finally:
            policyd.close()
    return texts


def found_by_fail2ban(place, text):
    log = place / "fail2ban.log"
    log.write_text(text)
    done = subprocess.run(["fail2ban-regex", "-o", "ip", log, FILTER],
                          capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("form", ["text", "json"])
def test_fail2ban_takes_gathered_lines(place, form):
    """The line of the first, and one for those after it."""
    policyd = policyd_with_everything(
        place, f"gathered-{form}", log_format=form, log_refusals="gathered")
    try:
        exceed(place / f"gathered-{form}.policy", *CLIENTS[:1])
        with Policy(place / f"gathered-{form}.policy") as smtpd:
            for _ in range(5):
                smtpd.rcpt(CLIENTS[0], **HOSTILE)
        wait_until(lambda: "repeated" in policyd.process.text(), 5,
                   "those alike are told")
        text = policyd.process.text()
    finally:
        policyd.close()
    assert found_by_fail2ban(place, text) == \
        CLIENTS[:1] * text.count("decision")


def test_json_lines_are_json(lines):
    records = [json.loads(line) for line in lines["json"].splitlines()]
    refused = [it for it in records if it["message"] == "decision"]
    assert [it["client"] for it in refused] == CLIENTS
    assert all(it["sender"] == HOSTILE["sender"] for it in refused)


@pytest.mark.parametrize("form", ["text", "json"])
def test_fail2ban_finds_the_refused_and_nobody_else(place, lines, form):
    assert found_by_fail2ban(place, lines[form]) == CLIENTS


def test_fail2ban_reads_syslog_and_journal(place, lines):
    stripped = [line.split(" ", 1)[1] for line in lines["text"].splitlines()]
    journal = "".join(f"Nov 21 06:17:20 mx tollgate-policyd[77]: {line}\n"
                      for line in stripped)
    assert found_by_fail2ban(place, journal) == CLIENTS
    syslog = journal.replace("]: tollgate-policyd: ", "]: ")
    assert found_by_fail2ban(place, syslog) == CLIENTS


@pytest.mark.parametrize("change", [
    ("verdict=refuse", "verdict=would-refuse"),
    ("reason=limit", "reason=untrusted"),
    ("reason=limit", "reason=impossible"),
    ("client=198.51.100.7", "client=198.51.100.0/24"),
    ("face=policy", "client=192.0.2.66 face=policy"),
])
def test_fail2ban_bans_nobody_else(place, lines, change):
    """A shadow, a forged header's client, a whole network."""
    assert change[0] in lines["text"]
    one = [line for line in lines["text"].splitlines()
           if CLIENTS[0] in line]
    assert len(one) == 1
    before, _, after = one[0].rpartition(change[0])  # the sender says so too
    assert found_by_fail2ban(place, f"{before}{change[1]}{after}\n") == []


def test_fail2ban_takes_the_jail(place):
    """The whole configuration, as fail2ban itself reads it."""
    subprocess.run(["cp", "-r", "/etc/fail2ban", place / "etc"], check=True)
    subprocess.run(["cp", "-r", f"{TOP}/conf/fail2ban/.", place / "etc"],
                   check=True)
    (place / "etc/jail.d/zz.local").write_text(
        "[sshd]\nenabled = false\n[tollgate]\nenabled = true\n")
    told = subprocess.run(
        ["fail2ban-client", "-c", place / "etc", "-d"],
        capture_output=True, text=True, check=True).stdout
    assert "['add', 'tollgate', 'systemd']" in told, told
    assert "tollgatectl ban --automatic <ip> <bantime>s fail2ban" in told
