"""All clients behind one gateway of our own networks: log, status and doctor
say so after the first ten."""
import json
import subprocess

import pytest

from harness.attributes import Anvil
from harness.control import TOLLGATECTL, asked, tollgatectl
from harness.policyd import Policyd

LINK, OWN, OWN6 = "gate0", "198.18.77.5/24", "fd00:77::5/64"
# The first of the network, as engines number their bridges; the others are
# routers, whatever their number.
BRIDGE, ROUTER, ROUTER6 = "198.18.77.1", "198.18.77.254", "fd00:77::fe"
SAID = "a gateway of a network of ours"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


@pytest.fixture(scope="module", autouse=True)
def networks():
    """In the tests' own namespace; a way to somewhere, and nothing there."""
    ip("link", "add", LINK, "type", "veth", "peer", "name", f"{LINK}p")
    for name in LINK, f"{LINK}p":
        ip("link", "set", name, "up")
    ip("address", "add", OWN, "dev", LINK)
    ip("address", "add", OWN6, "dev", LINK, "nodad")
    ip("route", "add", "198.18.78.0/24", "via", ROUTER)
    ip("route", "add", "fd00:78::/64", "via", ROUTER6)
    yield
    ip("link", "delete", LINK)


class Site:
    def __init__(self, place, keep):
        place.chmod(0o777)
        self.policyd = keep(Policyd(
            place / "policyd", [f"anvil:unix:{place}/anvil"],
            options={"exempt_clients": ["198.18.77.1/32"]}
            if place.name.startswith("exempt") else {}))
        self.anvil = keep(Anvil(f"{place}/anvil"))
        self.etc = place / "etc"
        self.etc.mkdir()
        (self.etc / "main.cf").write_text("compatibility_level = 3.6\n")
        (self.etc / "master.cf").write_text("smtp inet n - n - - smtpd\n")

    def come(self, *clients):
        for client in clients:
            assert self.anvil.event("connect", client)["status"] == 0

    def gateway(self):
        return asked(self.policyd, "status")["gateway"]

    def findings(self):
        done = subprocess.run(
            [TOLLGATECTL, "-c", self.policyd.config, "-j", "doctor",
             "--postfix-config", self.etc], capture_output=True, text=True,
            check=False)
        return {one["name"]: one
                for one in json.loads(done.stdout)["result"]["findings"]}


@pytest.fixture
def site(place, keep):
    return Site(place, keep)


@pytest.mark.parametrize("gateway", [BRIDGE, ROUTER, ROUTER6])
def test_it_is_said_at_the_tenth(site, gateway):
    site.come(*9 * [gateway])
    assert site.gateway() is None
    assert "hidden-clients" not in site.findings()
    site.come(gateway)
    seen = site.gateway()
    assert (seen["service"], seen["client"], seen["hits"], seen["of"]) == \
        ("smtp", gateway, 10, 10)
    finding = site.findings()["hidden-clients"]
    assert f"10 of the last 10 clients of service smtp were {gateway}" in \
        finding["what"]
    for text in (finding["advice"], site.policyd.process.text(),
                 tollgatectl("status", sockets=[site.policyd]).stdout):
        assert "userland-proxy" in text and "externalTrafficPolicy" in text
    assert site.policyd.process.text().count(SAID) == 1


def test_a_stranger_among_them_changes_nothing(site):
    site.come("203.0.113.1", *9 * [BRIDGE])
    assert site.gateway()["client"] == BRIDGE


@pytest.mark.parametrize("clients", [
    [f"203.0.113.{n}" for n in range(10)],
    10 * ["203.0.113.1"],  # a customer's relay
    10 * ["198.18.77.9"],  # a neighbour
    10 * ["198.18.77.5"],  # this host itself
    5 * [BRIDGE] + [f"203.0.113.{n}" for n in range(5)]])
def test_of_others_nothing_is_said(site, clients):
    site.come(*clients)
    assert site.gateway() is None
    assert SAID not in site.policyd.process.text()


def test_it_is_over_when_others_come(site):
    site.come(*10 * [BRIDGE])
    assert site.gateway() is not None
    site.come(*(f"203.0.{n // 250}.{n % 250}" for n in range(990)))
    assert site.gateway() is None


def test_an_exempt_gateway_has_no_limits(place, keep):
    exempt = place / "exempt"
    exempt.mkdir()
    site = Site(exempt, keep)
    site.come(*10 * [BRIDGE])
    assert site.gateway() is None
