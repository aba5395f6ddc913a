"""The page for people, in a real browser, with a client who chose his name."""
import http.client
import json
import os
import re
import signal

import pytest

from harness.attributes import Policy
from harness.browser import Browser
from harness.policyd import Policyd
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.wait import wait_until

HOSTILE = "<img src=x onerror=document.title='owned'>@evil.example"


def get(daemon, path, host=None, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.http_port,
                                            timeout=10)
    try:
        connection.putrequest(method, path, skip_host=host is not None)
        if host:
            connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), \
            answer.read().decode()
    finally:
        connection.close()


@pytest.fixture(scope="module", params=["memory", "redis"])
def policyd(places, keeps, request):
    place = places / request.param
    place.mkdir()
    place.chmod(0o777)
    store = {"http_status": True}
    if request.param == "redis":
        store["store"] = keeps(RedisServer(place / "redis")).url
    daemon = keeps(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        options=store, sections=[("limit", "login", {
            "event": "recipient", "key": ["sasl_username"],
            "rate": "2/1h"})]))
    with Policy(place / "policy") as smtpd:
        said = [smtpd.rcpt("198.51.100.7", sasl_username=HOSTILE)
                for _ in range(5)]
    assert [it[:5] for it in said] == ["DUNNO"] * 2 + ["450 4"] * 3
    return daemon


def test_what_it_tells(policyd):
    status, headers, body = get(policyd, "/status.json")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert told["status"]["program"] == "tollgate-policyd"
    assert told["status"]["faces"]["policy"]["refused"] == 3
    assert told["peers"]["untrusted"] == []
    refused = {it["key"]: it["refused"] for it in told["top"]}
    assert 3 in refused.values(), refused


def test_names_are_for_those_who_may_read_the_control_socket(place, keep):
    """Any local user reaches a port of loopback."""
    daemon = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        sections=[("limit", "login", {
            "event": "recipient", "key": ["sasl_username"],
            "rate": "1/1h"})]))
    with Policy(place / "policy") as smtpd:
        for _ in range(3):
            smtpd.rcpt("198.51.100.7", sasl_username="bob@example.com")
    status, _, body = get(daemon, "/status.json")
    assert status == 200
    told = json.loads(body)
    assert told["status"]["faces"]["policy"]["refused"] == 2
    assert (told["names"], told["top"], told["peers"]) == (False, None, None)
    assert "198.51.100.7" not in body and "bob" not in body


def test_nobody_elses_name_leads_to_it(policyd):
    for path in "/", "/status.json":
        assert get(policyd, path, "evil.example")[0] == 421
        assert get(policyd, path, "localhost:1")[0] == 200
        assert get(policyd, path, method="POST")[0] == 405
    # Who only counts may come by any name.
    assert get(policyd, "/metrics", "tollgate.mail.svc")[0] == 200


def test_its_policy_lets_nothing_else_run(policyd):
    status, headers, body = get(policyd, "/")
    assert status == 200
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "innerHTML" not in body
    assert not re.search(r"""\b(src|href|on\w+) *= *["']""", body)


@pytest.mark.parametrize("is_shown", [False, True])
def test_away_from_loopback(place, keep, is_shown):
    port = free_port("0.0.0.0")
    daemon = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        options={"http_status": is_shown}, wait=False,
        policyd={"http": f"0.0.0.0:{port}"}))
    daemon.http_port = port
    daemon.wait_ready()
    for path in "/", "/status.json":
        assert get(daemon, path)[0] == (200 if is_shown else 404)
    assert get(daemon, "/healthz")[0] == 200
    # A reload is enough.
    daemon.write_config(http_status=not is_shown)
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: get(daemon, "/")[0] == (404 if is_shown else 200), 10,
               "the reload")


@pytest.fixture(scope="module")
def browser(places, keeps):
    return keeps(Browser(places / "chromium"))


@pytest.fixture
def page(browser, policyd):
    """Loaded, and filled in."""
    browser.events.clear()
    browser.call("Page.navigate",
                 url=f"http://127.0.0.1:{policyd.http_port}/")
    wait_until(lambda: browser.value(
        "document.querySelectorAll('#top td').length") or None, 20,
        "somebody was refused")
    return browser


def test_a_hostile_name_is_text(page):
    assert page.value("document.title").endswith(" - tollgate")
    assert page.value("document.images.length") == 0
    assert HOSTILE in page.value("document.getElementById('top').innerText")
    assert page.complaints() == []


def test_it_shows_what_matters(page):
    def cells(name):
        return page.value(f"document.getElementById('{name}').innerText")
    assert "available" in cells("store")
    assert cells("peers") == "nobody yet"
    assert cells("certificates") == "no section"
    wait_until(lambda: page.value(
        "document.getElementById('refused').textContent") == "0.0", 20,
        "two looks make a rate")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_the_screen(page, width, scheme):
    page.screen(width, 900, scheme)
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.value(
        "[...document.querySelectorAll('section')].filter("
        "it => it.scrollWidth > it.clientWidth).length") == 0
    ground = page.value("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(246, 247, 248)",
                      "dark": "rgb(20, 23, 26)"}[scheme]
    folder = os.environ.get("TOLLGATE_PICTURES")
    if folder:
        with open(f"{folder}/page-{width}-{scheme}.png", "wb") as file:
            file.write(page.picture())
