"""What Postfix itself refuses, by limits of its own with which it compares
what anvil reports: top, watch, explain and the status page name it."""
import http.client
import json
import signal

import pytest

from harness.attributes import Anvil
from harness.clinic import age
from harness.control import Control, asked, tollgatectl
from harness.policyd import Policyd
from harness.ports import free_port
from harness.postfix import STOCK_ANVIL, Postfix
from harness.smtp import Smtp
from harness.wait import wait_until

MAIL = "smtpd_client_message_rate_limit"
RATE = "smtpd_client_connection_rate_limit"


def known(daemon, event, service):
    """The limit that explain names, or None."""
    [decision] = [it for it in asked(
        daemon, "explain", "client=192.0.2.1", f"event={event}",
        f"service={service}")["decisions"] if it["face"] == "anvil"]
    return [it.get("postfix_limit") for it in decision["limits"]
            if it["limit"] == ""]


@pytest.fixture
def site(place, keep, monkeypatch):
    """One listener with main.cf's limits, and one with its own."""
    place.chmod(0o777)
    ports = free_port(), free_port()
    names = [f"127.0.0.1:{port}" for port in ports]
    postfix = keep(Postfix(
        place / "postfix", port=ports[0], anvil=STOCK_ANVIL,
        services={names[0]: "", names[1]: f"-o {RATE}=2"},
        main={"master_service_disable": "anvil/unix", MAIL: 2}))
    postfix.start()
    age(postfix.etc)
    monkeypatch.setenv("MAIL_CONFIG", str(postfix.etc))
    daemon = keep(Policyd(
        place / "policyd", [f"anvil:unix:{postfix.anvil_socket}"],
        options={"http_status": True}))
    wait_until(lambda: known(daemon, "message", names[0]) == [2], 60,
               "main.cf is read")
    return postfix, daemon, names


def refused_most(daemon):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.http_port,
                                            timeout=10)
    connection.request("GET", "/status.json")
    told = json.loads(connection.getresponse().read())
    connection.close()
    return [(it["key"], it["by"], it["refused"]) for it in told["top"]]


def test_what_postfix_refuses_is_seen(site, client):
    postfix, daemon, names = site
    assert known(daemon, "connection", names[1]) == [2]
    assert known(daemon, "connection", names[0]) == [None]
    with Control(daemon) as watching:
        assert watching.ask("watch", refused=True)["ok"] is True
        session = Smtp(postfix.server, client).hello()
        for code in "250", "250", "450":
            assert session.mail() == code
            assert session.command("RSET") == "250"
        session.close()
        line = watching.read()
    assert (line["verdict"], line["limit"], line["used"], line["allowed"],
            line["client"]) == ("postfix-refuses", "main.cf", 3, 2, client)
    assert refused_most(daemon) == [(client, "main.cf", 1)]
    shown = tollgatectl("top", "message", sockets=[daemon]).stdout
    assert [it.split() for it in shown.splitlines() if client in it] == [
        [client, "3", "1", "main.cf"]]


def test_a_listener_has_limits_of_its_own(site, client):
    postfix, daemon, names = site
    server = "127.0.0.1", int(names[1].rpartition(":")[2])
    for code in "220", "220", "421":
        session = Smtp(server, client)
        assert session.greeting == code
        session.close()
    assert refused_most(daemon) == [(client, "main.cf", 1)]
    for _ in range(3):
        session = Smtp(postfix.server, client)
        assert session.greeting == "220"
        session.close()


def test_a_reload_asks_again(site):
    postfix, daemon, names = site
    main = postfix.etc / "main.cf"
    main.write_text(main.read_text().replace(f"{MAIL} = 2", f"{MAIL} = 7"))
    age(postfix.etc)
    daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: known(daemon, "message", names[0]) == [7], 60,
               "main.cf is read again")


def test_where_no_postfix_is_nothing_is_known(place, keep, monkeypatch):
    """And what is counted is only reported, as ever."""
    monkeypatch.setenv("MAIL_CONFIG", str(place / "nothing"))
    daemon = keep(Policyd(
        place / "policyd", [f"anvil:unix:{place}/anvil"],
        options={"http_status": True}))
    with Anvil(place / "anvil") as smtpd:
        for _ in range(60):
            smtpd.event("message", "198.51.100.7")
    assert known(daemon, "message", "smtp") == [None]
    assert refused_most(daemon) == []
