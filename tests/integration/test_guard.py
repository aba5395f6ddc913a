"""tollgatectl guard: rules that nft and Kubernetes take as printed, and that
keep everybody but the trusted proxies off the proxied ports, and nobody off
the others."""
import contextlib
import ipaddress
import json
import re
import socket
import subprocess

import pytest
import yaml

from harness.clinic import tollgatectl
from harness.policyd import render
from proxy_lab.network import Network, ipv4, ipv6

PROXIED, OTHER_PROXIED, OPEN = 12525, 10465, 587


@pytest.fixture(scope="module")
def network(keeps):
    return keeps(Network())


@pytest.fixture
def guard(place):
    """guard(kind, *trusted): what is printed."""
    def one(kind, *trusted, arguments=(), sections=None, options=()):
        config = place / "tollgate.conf"
        config.write_text(render({}, sections if sections is not None else [
            ("service", "12525", {"port": PROXIED, "proxied": True,
                                  "trusted_proxies": list(trusted)}),
            ("service", "submissions", {
                "port": OTHER_PROXIED, "proxied": True,
                "trusted_proxies": ["10.42.0.0/16"]}),
            ("service", "submission", {"port": OPEN})]))
        return tollgatectl("-c", config, *options, "guard", kind, *arguments)
    return one


def sound(done):
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def nft(network, rules, *options):
    return subprocess.run(
        [*network.command("mail"), "nft", *options, "-f", "-"], input=rules,
        check=False, timeout=10, capture_output=True, text=True)


def load(network, rules):
    for options in (("-c",), ()):
        done = nft(network, rules, *options)
        assert (done.returncode, done.stderr) == (0, ""), rules


@contextlib.contextmanager
def listening(network, *ports):
    with contextlib.ExitStack() as stack, network.inside("mail"):
        for port in ports:
            stack.enter_context(socket.create_server(
                ("::", port), family=socket.AF_INET6, dualstack_ipv6=True))
        yield


def reaches(network, host, port, address=ipv4):
    with network.inside(host):
        try:
            socket.create_connection((address("mail"), port), 2).close()
            return True
        except ConnectionRefusedError:
            return False  # at once, not after a time


def test_nft_in_force(network, guard, place):
    listed = place / "proxies"
    listed.write_text(f"# ours\n{ipv6('haproxy')}\n{ipv4('nginx')}/32\n")
    rules = sound(guard("nft", ipv4("haproxy"), f"file:{listed}",
                        "dns:localhost"))
    assert f"file:{listed} as it is now, dns:localhost as it is now" in rules
    assert "127.0.0.1" in rules
    with listening(network, PROXIED, OPEN):
        for address in (ipv4, ipv6):
            assert reaches(network, "attacker", PROXIED, address)
        load(network, rules)
        assert reaches(network, "haproxy", PROXIED)
        assert reaches(network, "haproxy", PROXIED, ipv6)
        assert reaches(network, "nginx", PROXIED)
        assert not reaches(network, "nginx", PROXIED, ipv6)
        for address in (ipv4, ipv6):
            for host in ("attacker", "client"):
                assert not reaches(network, host, PROXIED, address)
                assert reaches(network, host, OPEN, address)
        # Again with less: the old rules are gone.
        load(network, sound(guard("nft", ipv4("nginx"))))
        assert not reaches(network, "haproxy", PROXIED)
        assert reaches(network, "nginx", PROXIED)


def test_nft_cuts_what_is_open(network, guard):
    """A connection from before the rules is not left alone."""
    load(network, sound(guard("nft", ipv4("attacker"))))
    with network.inside("mail"):
        server = socket.create_server((ipv4("mail"), PROXIED))
    with network.inside("attacker"):
        client = socket.create_connection((ipv4("mail"), PROXIED), 2)
    load(network, sound(guard("nft", ipv4("haproxy"))))
    client.sendall(b"PROXY")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    client.close()
    server.close()


KEY = re.compile(r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?"
                 r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$")
VALUE = re.compile(r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")


def check_schema(policy):
    """The rules of networking.k8s.io/v1 for what is used here."""
    assert set(policy) == {"apiVersion", "kind", "metadata", "spec"}
    assert policy["apiVersion"] == "networking.k8s.io/v1"
    assert policy["kind"] == "NetworkPolicy"
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
                        policy["metadata"]["name"])
    spec = policy["spec"]
    assert set(spec) == {"podSelector", "policyTypes", "ingress"}
    assert spec["policyTypes"] == ["Ingress"]
    labels = spec["podSelector"]["matchLabels"]
    assert labels
    for key, value in labels.items():
        assert KEY.match(key) and isinstance(value, str) and VALUE.match(value)
    for rule in spec["ingress"]:
        assert set(rule) <= {"from", "ports"}
        # An empty list would be everybody.
        assert all(rule[name] for name in rule)
        for peer in rule.get("from", ()):
            assert set(peer) == {"ipBlock"} and set(peer["ipBlock"]) == {"cidr"}
            assert "/" in peer["ipBlock"]["cidr"]
            ipaddress.ip_network(peer["ipBlock"]["cidr"])
        for port in rule["ports"]:
            check_port(port)


def check_port(port):
    assert port["protocol"] in ("TCP", "UDP", "SCTP")
    assert set(port) <= {"protocol", "port", "endPort"}
    if "port" in port:
        assert type(port["port"]) is int and 1 <= port["port"] <= 65535
    if "endPort" in port:
        assert port["port"] <= port["endPort"] <= 65535


def admits(policy, address, port, protocol="TCP"):
    """As a network plugin would judge."""
    address = ipaddress.ip_address(address)
    for rule in policy["spec"]["ingress"]:
        if "from" in rule and not any(
                address in ipaddress.ip_network(peer["ipBlock"]["cidr"])
                for peer in rule["from"]):
            continue
        for it in rule["ports"]:
            first = it.get("port", 1)
            last = it.get("endPort", it.get("port", 65535))
            if it["protocol"] == protocol and first <= port <= last:
                return True
    return False


def test_networkpolicy(guard):
    policy = yaml.safe_load(sound(guard(
        "networkpolicy", "172.16.42.2", "fd00::/64",
        arguments=["app=mail", "example.com/part-of=m_1"])))
    check_schema(policy)
    assert policy["spec"]["podSelector"]["matchLabels"] == {
        "app": "mail", "example.com/part-of": "m_1"}
    assert admits(policy, "172.16.42.2", PROXIED)
    assert admits(policy, "fd00::7", PROXIED)
    assert not admits(policy, "172.16.42.3", PROXIED)
    assert not admits(policy, "10.42.0.1", PROXIED)
    assert admits(policy, "10.42.0.1", OTHER_PROXIED)
    assert not admits(policy, "172.16.42.2", OTHER_PROXIED)
    closed = [port for port in range(1, 65536)
              if not admits(policy, "203.0.113.9", port)]
    assert closed == [OTHER_PROXIED, PROXIED]
    assert admits(policy, "203.0.113.9", PROXIED, "UDP")


@pytest.mark.parametrize("port", [1, 65535])
def test_networkpolicy_at_the_ends(guard, port):
    policy = yaml.safe_load(sound(guard("networkpolicy", sections=[
        ("service", "x", {"port": port, "proxied": True,
                          "trusted_proxies": ["10.0.0.1"]})])))
    check_schema(policy)
    assert [one for one in (1, 2, 65534, 65535)
            if not admits(policy, "10.0.0.2", one)] == [port]


def test_json(guard):
    done = guard("nft", "10.0.0.1", options=["-j"])
    answer = json.loads(sound(done))
    assert answer["ok"] and \
        answer["result"]["text"] == guard("nft", "10.0.0.1").stdout


SERVICE = {"proxied": True, "trusted_proxies": ["10.0.0.1"]}


@pytest.mark.parametrize("section, said", [
    (None, "the file is empty"),
    ({"port": 25, "proxied": False}, "no service of tollgate.conf is proxied"),
    ({"names": ["smtp"], **SERVICE}, 'service "x" has no port'),
    ({"port": 25, "proxied": True, "trusted_proxies": ["file:/nowhere"]},
     "/nowhere: No such file"),
    ({"port": 25, "proxied": True, "trusted_proxies": ["file:/dev/null"]},
     'service "x" trusts nobody now'),
])
def test_no_rules_rather_than_wrong_ones(guard, section, said):
    done = guard("nft", sections=[("service", "x", section)] if section else [])
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


@pytest.mark.parametrize("label", [
    "app", "=x", "app=-x", "a b=c", 'app=x"', "/app=x", "Example.com/app=x",
    "app=" + "x" * 64, "a/b/c=d"])
def test_labels(guard, label):
    done = guard("networkpolicy", "10.0.0.1", arguments=[label])
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: tollgatectl guard networkpolicy" in done.stderr
