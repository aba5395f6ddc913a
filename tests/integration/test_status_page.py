"""The page for people, in a real browser, with a client who chose his name."""
import http.client
import json
import os
import re
import signal

import pytest

from harness.attributes import Policy
from harness.browser import Browser
from harness.control import asked
from harness.policyd import Policyd
from harness.ports import free_port
from harness.redis_server import RedisServer
from harness.wait import wait_until

HOSTILE = "<img src=x onerror=document.title='owned'>@evil.example"
LONG_NET = "2001:db8:1234:5678:9abc:def0:1234:5678/128"


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
    asked(daemon, "ban", LONG_NET, "2h", "<b>noisy</b>")
    asked(daemon, "ban", "203.0.113.0/24", "1d", "noisy")
    asked(daemon, "override", "set", "login", "sasl:bob", "20/1h")
    return daemon


def test_what_it_tells(policyd):
    status, headers, body = get(policyd, "/status.json")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert told["status"]["program"] == "tollgate-policyd"
    assert told["status"]["faces"]["policy"]["refused"] == 3
    assert told["peers"]["untrusted"] == []
    [refused] = told["top"]
    assert (refused["refused"], refused["by"]) == (3, "login")
    assert refused["event"] == "recipient"
    assert [it["key"] for it in told["bans"]["items"]] == [
        "203.0.113.0/24", LONG_NET]
    assert told["bans"]["items"][0]["reason"] == "noisy"
    [override] = told["overrides"]["items"]
    assert (override["limit"], override["allowed"]) == ("login", 20)
    assert sum(told["history"]["decisions"]) == 5
    assert sum(told["history"]["refused"]) == 3
    if not told["status"]["store"]["shared"]:
        assert told["daemons"] is None
    assert told["status"]["store"]["serving"]["policy"] == 1


def test_a_key_has_one_row(place, keep):
    """With the limit that refused it, though messages and recipients were
    refused by that, and more bans than are shown."""
    daemon = keep(Policyd(
        place / "policyd", [f"policy:unix:{place}/policy"],
        options={"http_status": True, "client_limits_at": "policy",
                 "client_message_rate_limit": 2,
                 "client_recipient_rate_limit": 1000}))
    for n in range(15):
        asked(daemon, "ban", f"203.0.113.{n}")
    with Policy(place / "policy") as smtpd:
        for n in range(6):
            smtpd.rcpt("198.51.100.7", instance=f"message-{n}")
        smtpd.rcpt("203.0.113.3", instance="banned")
    told = json.loads(get(daemon, "/status.json")[2])
    assert [(it["key"], it["by"], it["refused"], it["event"])
            for it in told["top"] if it["key"] == "198.51.100.7"] == [
        ("198.51.100.7", "client_message_rate_limit", 4, "message")]
    assert {it["key"]: it["by"] for it in told["top"]}["203.0.113.3"] == \
        "banned"
    assert len(told["bans"]["items"]) == 12 and told["bans"]["more"] == 3


def test_the_daemons_of_the_store_have_names(place, keep):
    """One that ends is gone from the page; a store of one's own has none."""
    redis = keep(RedisServer(place / "redis"))
    mine, other = [keep(Policyd(
        place / name, [f"policy:unix:{place}/{name}.policy"],
        options={"store": redis.url, "instance_name": name}))
        for name in ("mx1", "mx2")]

    def names(daemon):
        told = json.loads(get(daemon, "/status.json")[2])["daemons"]
        return told and sorted((it["name"], it["self"]) for it in told)
    wait_until(lambda: names(mine) == [("mx1/policyd", True),
                                       ("mx2/policyd", False)], 30,
               "both have announced themselves")
    assert names(other) in (None, [("mx1/policyd", False),
                                   ("mx2/policyd", True)])
    other.stop()
    wait_until(lambda: names(mine) == [("mx1/policyd", True)], 30,
               "the other has gone")


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
    asked(daemon, "ban", "203.0.113.9", "1h", "secret reason")
    asked(daemon, "override", "set", "login", "sasl:bob@example.com", "3/1h")
    status, _, body = get(daemon, "/status.json")
    assert status == 200
    told = json.loads(body)
    assert told["status"]["faces"]["policy"]["refused"] == 2
    assert [told[it] for it in ("top", "peers", "bans", "overrides")] == \
        [None] * 4 and told["names"] is False
    for name in "198.51.100.7", "bob", "203.0.113.9", "secret reason":
        assert name not in body
    status, _, body = get(daemon, "/lookup.json?command=show&"
                          "key=sasl%3Abob%40example.com")
    assert (status, "used" in body) == (403, False)


def test_looking_up(policyd):
    """What show and explain say, and no command that changes anything."""
    def ask(query):
        status, headers, body = get(policyd, f"/lookup.json?{query}")
        assert headers["Content-Type"] == "application/json"
        return status, json.loads(body)
    status, told = ask("command=show&key=203.0.113.9")
    assert (status, told["ok"]) == (200, True)
    assert told["result"]["ban"]["reason"] == "noisy"
    status, told = ask("command=explain&client=198.51.100.7&sasl=bob")
    assert (status, told["ok"]) == (200, True)
    limits = [it for one in told["result"]["decisions"]
              for it in one["limits"]]
    assert [it["allowed"] for it in limits if it["limit"] == "login"] == [20]
    assert ask("command=show&key=192.0.2.77")[1]["code"] == "not-found"
    assert ask("command=show&key=nonsense")[1]["code"] == "usage"
    assert ask("command=show&nokey=1")[1]["code"] == "usage"
    for query in ("", "command=reset&key=sasl:bob", "command=status",
                  "command=show&key=%zz"):
        assert ask(query)[0] == 400, query
    # Nothing was counted by it.
    told = json.loads(get(policyd, "/status.json")[2])
    assert sum(told["history"]["decisions"]) == 5


def test_nobody_elses_name_leads_to_it(policyd):
    for path in "/", "/status.json", "/lookup.json?command=show&key=::1":
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
    assert "<b>noisy</b>" in page.value(
        "document.getElementById('bans').innerText")
    assert page.value("document.querySelectorAll('#bans b').length") == 0
    assert page.complaints() == []


def test_it_shows_what_matters(page):
    def cells(name):
        return page.value(f"document.getElementById('{name}').innerText")
    assert "available" in cells("store")
    assert cells("peers") == "not known: no proof, and no gate"
    assert cells("certificates") == "no section"
    assert "login" in cells("top")
    assert "noisy" in cells("bans") and "203.0.113.0/24" in cells("bans")
    assert "20/60 min" in cells("overrides")
    assert "5 decisions" in cells("graph") and "3 refused" in cells("graph")
    assert page.value("document.querySelectorAll('#graph rect').length") >= 2
    assert page.value("document.querySelectorAll('footer a').length") == 3
    wait_until(lambda: re.fullmatch(r"updated \d+ s ago", cells("updated")),
               20, "the page says how old it is")
    wait_until(lambda: page.value(
        "document.getElementById('refused').textContent") == "0.0", 20,
        "two looks make a rate")


def type_in(page, text):
    page.value(f"document.getElementById('question').value = {text!r};"
               "document.querySelector('#ask button').click()")


def test_the_look_up_box(page):
    found = "document.getElementById('found').innerText"
    type_in(page, "203.0.113.9")
    wait_until(lambda: "banned as 203.0.113.0/24" in page.value(found), 20,
               "the ban")
    assert "noisy" in page.value(found)
    type_in(page, "client=198.51.100.7 sasl=bob")
    wait_until(lambda: "of 20 in 1h" in page.value(found), 20, "the override")
    type_in(page, "<b>nonsense</b>")
    wait_until(lambda: "nonsense" in page.value(found), 20, "a refusal")
    assert page.value("document.querySelectorAll('#found b').length") == 0
    assert page.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_the_screen(page, width, scheme):
    type_in(page, "sasl=bob client=198.51.100.7")
    wait_until(lambda: "of 20 in 1h" in page.value(
        "document.getElementById('found').innerText"), 20, "an answer")
    page.screen(width, 900, scheme)
    assert page.value("document.documentElement.scrollWidth") <= width
    assert page.value(
        "[...document.querySelectorAll('section')].filter("
        "it => it.scrollWidth > it.clientWidth).length") == 0
    # Addresses and names are whole: each on one line.
    assert page.value(
        "[...document.querySelectorAll('td.name span')].filter("
        "it => it.getClientRects().length !== 1).map(it => it.textContent)"
        ) in ([], [f"sasl:{HOSTILE}"[:63]])
    ground = page.value("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(246, 247, 248)",
                      "dark": "rgb(20, 23, 26)"}[scheme]
    folder = os.environ.get("TOLLGATE_PICTURES")
    if folder:
        with open(f"{folder}/page-{width}-{scheme}.png", "wb") as file:
            file.write(page.picture())
