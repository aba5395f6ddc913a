"""notify with a URL: a POST of JSON to a real nginx, over http and https; and
what goes wrong is said, without what is secret of the URL."""
import json
import pwd
import time

import pytest

from harness.attributes import Policy
from harness.authority import Authority
from harness.control import tollgatectl
from harness.policyd import Policyd
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.wait import wait_until
from harness.webhook import Webhook

SECRET = "s3cret"


@pytest.fixture(scope="module")
def authority(places):
    return Authority(places / "authority")


@pytest.fixture
def webhook(place, keep, authority):
    return keep(Webhook(place / "nginx", authority.issue("localhost")))


@pytest.fixture
def tell(place, keep, authority):
    """tell(url): a policyd that trusts the authority, with a login that is
    refused."""
    place.chmod(0o777)

    def one(url, login="bob@example.com", ca=authority.root):
        (place / "ca.pem").write_text(ca)
        (place / "ca.pem").chmod(0o644)
        policyd = keep(Policyd(
            place / "policyd", [f"policy:unix:{place}/policy"],
            before=["env", f"SSL_CERT_FILE={place}/ca.pem"],
            sections=[("limit", "user", {
                "event": "recipient", "key": ["sasl_username"],
                "rate": "1/1h", "notify": url})]))
        refuse(place, login)
        return policyd
    return one


def refuse(place, login):
    with Policy(place / "policy") as smtpd:
        said = [smtpd.rcpt("198.51.100.7", sasl_username=login)
                for _ in range(2)]
    assert said[1].startswith("450"), said


def wait_told(policyd, how):
    line = f'tollgate_notifications_total{{result="{how}"}} 1\n'
    wait_until(lambda: line in policyd.get("/metrics")[1], 25,
               lambda: f"{how}:\n" + policyd.process.text())


def test_a_notice_is_posted(tell, webhook):
    before = time.time()
    policyd = tell(webhook.url("/hook?x=1"), "bob`<!channel>\"$(id)")
    hook = webhook.hook()
    assert (hook["method"], hook["uri"], hook["type"], hook["host"],
            hook["authorization"]) == (
        "POST", "/hook?x=1", "application/json", f"127.0.0.1:{webhook.port}",
        "")
    body = json.loads(hook["body"])
    until = body.pop("until")
    assert isinstance(until, int) and until > before
    assert body == {
        "notice": "refused", "limit": "user",
        "key": "sasl:bob`<!channel>\"$(id)", "client": "198.51.100.7",
        "sasl_username": "bob`<!channel>\"$(id)", "used": 1, "allowed": 1,
        "window": "1h", "count": 1,
        "text": "tollgate: limit `user` refused "
                "`sasl:bob__!channel_\"$(id)`: 1 of 1, last client "
                "`198.51.100.7`, 1 times"}
    wait_told(policyd, "sent")


def test_over_tls_with_a_password(tell, webhook):
    policyd = tell(webhook.tls_url(f"?token={SECRET}",
                                   f"bob:{SECRET}%21@localhost"))
    hook = webhook.hook()
    assert hook["uri"] == f"/?token={SECRET}"
    assert hook["host"] == f"localhost:{webhook.tls_port}"
    assert hook["authorization"] == "Basic Ym9iOnMzY3JldCE="
    assert json.loads(hook["body"])["key"] == "sasl:bob@example.com"
    wait_told(policyd, "sent")
    shown = tollgatectl("config", "show", sockets=[policyd]).stdout
    assert f'notify = {{ "https://localhost:{webhook.tls_port}/(hidden)" }}' \
        in shown
    assert SECRET not in shown + policyd.process.text()


@pytest.mark.parametrize("path, said", [
    ("/broken", "HTTP status 500"), ("/moved", "HTTP status 301")])
def test_what_the_server_does_not_take(tell, place, webhook, path, said):
    policyd = tell(webhook.url(f"{path}/{SECRET}?{SECRET}"))
    wait_told(policyd, "failed")
    # One request: a redirect is not followed.
    assert webhook.hook()["uri"] == f"{path}/{SECRET}?{SECRET}"
    text = policyd.process.text()
    assert f"notify: {webhook.url()}: {said}\n" in text
    refuse(place, "another@example.com")
    wait_until(lambda: policyd.metric("tollgate_notifications_total") == 2, 10,
               "that failed too")
    text = policyd.process.text()
    assert text.count("notify: ") == 1 and SECRET not in text


def test_a_certificate_of_nobody_known(tell, webhook, tmp_path):
    other = Authority(tmp_path / "other")
    policyd = tell(webhook.tls_url(f"/{SECRET}"), ca=other.root)
    policyd.process.wait_output(
        f"notify: {webhook.tls_url()}: TLS: the server's certificate: ", 15)
    assert "issuer" in policyd.process.text()
    assert SECRET not in policyd.process.text()


def test_a_certificate_of_another_name(tell, webhook):
    policyd = tell(webhook.tls_url(f"/{SECRET}", "127.0.0.1"))
    policyd.process.wait_output("TLS: the server's certificate: ", 15)
    assert "mismatch" in policyd.process.text()
    assert not (webhook.place / "hooks.log").read_text()


@pytest.mark.parametrize("scheme, said", [
    ("http", "no reply"), ("https", "TLS: ")])
def test_who_is_no_webhook(tell, place, keep, scheme, said):
    redis = keep(RedisServer(place / "redis"))
    url = f"{scheme}://127.0.0.1:{redis.port}"
    policyd = tell(url)
    policyd.process.wait_output(f"notify: {url}: {said}", 15)


def test_nobody_is_there(tell):
    url = f"http://localhost:{free_port()}"
    policyd = tell(url + f"/{SECRET}")
    policyd.process.wait_output(
        f"notify: {url}: connect: Connection refused\n", 15)


def owners_of(port):
    """Users of connections to that port of 127.0.0.1."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        lines = [line.split() for line in file]
    return {int(words[7]) for words in lines
            if words[2] == f"0100007F:{port:04X}" and words[3] == "01"}


def test_who_does_not_answer_delays_nothing(tell, place, webhook):
    """And is talked to without rights."""
    policyd = tell(webhook.url("/hang"))
    wait_until(lambda: owners_of(webhook.port), 10, "it asks")
    assert owners_of(webhook.port) == {pwd.getpwnam("nobody").pw_uid}
    for number in range(50):
        refuse(place, f"user{number}")
    assert policyd.metric("tollgate_notifications_total") == 0
    policyd.process.wait_output(
        f"notify: {webhook.url()}: no reply within 10 seconds\n", 30)


def test_a_reload_tells_no_secret(tell, webhook):
    """But that there is another one, although the hash is the same."""
    policyd = tell(webhook.url(f"/{SECRET}1"))
    webhook.hook()
    policyd.sections[0][2]["notify"] = webhook.url(f"/{SECRET}2")
    policyd.write_config()
    for words in ["config", "check"], ["reload"]:
        said = tollgatectl(*words, sockets=[policyd]).stdout
        assert f'gained: limit "user": notify {webhook.url()}/(hidden)\n' in said
        assert f'lost: limit "user": notify {webhook.url()}/(hidden)\n' in said
        assert "what is hidden has changed" in said and SECRET not in said
    assert "nothing has changed" in tollgatectl(
        "reload", sockets=[policyd]).stdout
    assert SECRET not in policyd.process.text()


@pytest.mark.parametrize("notify, said", [
    (["https://h/", "x"], "a URL stands alone"),
    ("https://h/%{key}", "nothing expands in a URL"),
    (f"https://h:x/{SECRET}", "no port in the URL"),
    (f"https:///{SECRET}", "no host in the URL"),
    (f"https://{SECRET}%zz@h", "malformed user or password"),
    (f"https://h/{SECRET} x", "malformed URL"),
    (f"ftp://bob:{SECRET}@h", "no URL that can be told"),
    (f"https:/hooks.example/{SECRET}", "neither an absolute path nor a URL"),
    (f"hooks.example/{SECRET}", "neither an absolute path nor a URL"),
    (f"bob:{SECRET}@hooks.example", "neither an absolute path nor a URL"),
    (["/bin/curl", f"https://h/%{{x}}/{SECRET}"], 'unknown "%{x}"; allowed:'),
    (["/bin/curl", f"https://h/%{{/{SECRET}"], 'unknown "%{"; allowed:'),
])
def test_what_cannot_be_meant_is_an_error(place, keep, notify, said):
    with pytest.raises(AssertionError) as error:
        keep(Policyd(place / "policyd", [f"policy:unix:{place}/policy"],
                     sections=[("limit", "user", {
                         "event": "recipient", "key": ["sasl_username"],
                         "rate": "1/1h", "notify": notify})]))
    assert said in str(error.value)
    log = (place / "policyd" / "policyd.log").read_text()
    assert said in log and SECRET not in log
