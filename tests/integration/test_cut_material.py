"""Certificates, keys and what TLS to the store is made of, found half-written
at each of many places: what was in use stays, and nothing is forgotten."""
import json

import pytest

from harness.attributes import Anvil
from harness.authority import Authority, acme_json
from harness.control import Control
from harness.policyd import Policyd
from harness.redis_tls import TlsFiles, TlsRedisServer
from harness.redis_watch import wait_available
from harness.wait import wait_until

PLACES = 200


@pytest.fixture
def authority(place):
    return Authority(place / "authority")


def cuts(whole, places=PLACES):
    """Each shorter than the whole, the first empty."""
    return [whole[:len(whole) * step // places] for step in range(places)]


def test_tls_to_the_store(start, place, keep, client, authority):
    server = TlsFiles(place / "server", authority,
                      authority.issue("redis.example", "IP:127.0.0.1"))
    redis = keep(TlsRedisServer(place / "redis", server, clients="yes"))
    files = TlsFiles(place / "client", authority, authority.issue("one"))
    policyd = start(store=redis.tls_url, store_timeout="3s",
                    **files.as_client())
    wait_available(policyd)
    control = keep(Control(policyd))
    rates, refused = [], 0
    with Anvil(place / "anvil") as smtpd:
        for path in (files.ca, files.cert, files.key):
            whole = path.read_text()
            for cut in cuts(whole.rstrip(), PLACES // 3):
                path.write_text(cut)
                # Some are whole to OpenSSL, that of a leaf without the next
                # certificate: then the new link has to prove itself.
                refused += not control.ask("reload")["ok"]
                rates.append(smtpd.event("message", client)["rate"])
            path.write_text(whole)
            assert control.ask("reload")["ok"]
    assert rates == list(range(1, len(rates) + 1))
    assert refused > len(rates) * 3 / 4
    assert policyd.metric("tollgate_store_unavailable_decisions_total") == 0


def missing(policyd, names):
    """Of whose source nothing was said yet."""
    text = policyd.process.text()
    return [name for name in names if f'warn: certificate "{name}"' not in text]


def test_certificates(place, keep, authority):
    """One certificate for all, a source of its own for each place."""
    issued = authority.issue("*.example.com")
    acme = json.dumps(acme_json(("*.example.com", [], issued)))
    wholes = [("traefik", acme), ("combined", issued.combined)]
    sources, sections = [], []
    for kind, whole in wholes:
        for number, cut in enumerate(cuts(whole.rstrip(), PLACES // 2)):
            name = f"{kind}{number}.example.com"
            path = place / name
            path.write_text(whole)
            sources.append((path, cut, place / "tls" / name))
            sections.append(("certificate", name, {
                "source": f"{kind}:{path}", "default_chain": sources[-1][2]}))
    place.chmod(0o777)
    policyd = keep(Policyd(place / "policyd", [f"sni:unix:{place}/sni"],
                           sections=sections, wait=False))
    policyd.wait_ready(120)  # 200 chains to write and sync before it serves
    before = [chain.read_bytes() for _, _, chain in sources]
    for path, cut, _ in sources:
        path.write_text(cut)
    names = [path.name for path, _, _ in sources]
    wait_until(lambda: not missing(policyd, names), 120,
               lambda: missing(policyd, names))
    # Between two certificates a leaf is whole: it is served with a warning.
    for (_, _, chain), old in zip(sources, before):
        assert chain.read_text().startswith(
            issued.key + issued.certificates[0]), chain
        assert old.startswith(chain.read_bytes())
    kept = policyd.process.text().count("the one in use stays")
    assert kept >= len(names) - 2
