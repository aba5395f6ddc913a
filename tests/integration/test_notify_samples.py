"""The samples of conf/notify, run by policyd: webhooks at a real nginx, mail at
a real Postfix."""
import json
import re
import shutil

import pytest

from harness.attributes import Policy
from harness.notice_mail import notice_mail
from harness.policyd import TOP, Policyd
from harness.wait import wait_until
from harness.webhook import Webhook

SAMPLES = TOP / "conf" / "notify"


@pytest.fixture
def nginx(place, keep):
    return keep(Webhook(place / "nginx"))


@pytest.fixture
def refuse(place, keep):
    """refuse(login, SAMPLE, words...): that login is refused."""
    place.chmod(0o777)

    def one(login, sample, *words):
        copy = place / sample
        shutil.copy(SAMPLES / sample, copy)
        policyd = keep(Policyd(
            place / "policyd", [f"policy:unix:{place}/policy"],
            sections=[("limit", "user", {
                "event": "recipient", "key": ["sasl_username"],
                "rate": "1/1h", "notify": [copy, *words]})]))
        with Policy(place / "policy") as smtpd:
            said = [smtpd.rcpt("198.51.100.7", sasl_username=login)
                    for _ in range(2)]
        assert said[1].startswith("450"), said
        return policyd
    return one


def wait_sent(policyd):
    sent = 'tollgate_notifications_total{result="sent"} 1\n'
    wait_until(lambda: sent in policyd.get("/metrics")[1], 15,
               lambda: "it was told:\n" + policyd.process.text())


def test_slack(refuse, nginx):
    policyd = refuse("bob`<!channel>\"$(id)", "slack", nginx.url("/hook?x=1"))
    hook = nginx.hook()
    assert (hook["method"], hook["uri"]) == ("POST", "/hook?x=1")
    assert hook["type"] == "application/json"
    text = json.loads(hook["body"])["text"]
    assert text == (
        "tollgate: limit `user` refused `sasl:bob_&lt;!channel&gt;\"$(id)`: "
        "1 of 1, last client `198.51.100.7`, 1 times")
    wait_sent(policyd)


def test_a_url_with_a_secret_is_read_from_a_file(place, refuse, nginx):
    secret = place / "hook"
    secret.write_text(nginx.url("/T0/secret") + "\n")
    secret.chmod(0o644)
    policyd = refuse("bob", "slack", f"file:{secret}")
    assert nginx.hook()["uri"] == "/T0/secret"
    wait_sent(policyd)
    assert "T0/secret" not in policyd.process.text()


def test_ntfy(refuse, nginx):
    policyd = refuse("@/etc/passwd", "ntfy", nginx.url("/topic"))
    hook = nginx.hook()
    assert (hook["method"], hook["uri"]) == ("POST", "/topic")
    assert hook["title"] == "tollgate: user refused"
    assert hook["body"] == "sasl:@/etc/passwd: 1 of 1, 1 times"
    wait_sent(policyd)


def test_alertmanager(refuse, nginx):
    policyd = refuse("bob@example.com", "alertmanager", nginx.url("/"))
    hook = nginx.hook()
    assert hook["uri"] == "/api/v2/alerts"
    alert, = json.loads(hook["body"])
    assert alert["labels"] == {
        "alertname": "TollgateLimit", "severity": "warning", "limit": "user",
        "key": "sasl:bob@example.com", "notice": "refused"}
    assert "1 of 1" in alert["annotations"]["summary"]
    wait_sent(policyd)


def test_a_webhook_that_fails_is_said(refuse, nginx):
    policyd = refuse("bob", "slack", nginx.url("/broken"))
    policyd.process.wait_output("/slack: exit status 22", 15)
    assert policyd.process.text().count("notify: ") == 1


def test_mail_by_smtp(place, keep, refuse):
    """Where no program may gain rights, as under the units."""
    postfix = notice_mail(place, keep)
    address, port = postfix.server
    policyd = refuse("bob@test.example", "mail", f"smtp://{address}:{port}",
                     "postmaster@test.example", "%{sasl_username}")
    wait_sent(policyd)
    queue_id, = postfix.held()
    text = postfix.command("postcat", "-q", queue_id)
    assert re.findall(r"^sender: (.*)$", text, re.M) == [""]
    assert re.findall(r"^recipient: (.*)$", text, re.M) == [
        "postmaster@test.example", "bob@test.example"]
    assert "\nkey:      sasl:bob@test.example\n" in text
