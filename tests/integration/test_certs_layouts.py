"""Every kind of source, changed the way its own tool changes it."""
import time

import pytest

from harness.authority import Authority
from harness.cert_layouts import (BindMount, Caddy, Certbot, Combined,
                                  Companion, Installed, NewFolder, Pair,
                                  Secret, Synology)
from harness.cert_site import NAME, CertSite
from harness.socketmap import asked
from harness.wait import wait_until


LIVE_S = 2
BUSY_S = 10  # a busy machine's, now and then; a poll would take a minute


@pytest.fixture(scope="module")
def authority(places):
    return Authority(places / "ca")


LAYOUTS = [Certbot, Synology, Pair, Installed, Combined, NewFolder, Secret,
           Caddy, Companion, BindMount]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_changes_are_live_within_two_seconds(authority, place, keep, layout):
    tool = layout(place)
    if hasattr(tool, "close"):
        keep(tool)
    issued = [authority.issue(NAME, days=90 + n) for n in range(4)]
    tool.write(issued[0])
    site = CertSite(place, keep, tool.source, postfix=False)
    took = []
    for one in issued:
        tool.write(one)
        began = time.monotonic()
        wait_until(lambda: asked(site.sni, NAME) == [one.fingerprint], BUSY_S,
                   site.log)
        wait_until(lambda: (site.tls / "default.pem").read_text().count(
            one.certificates[0]) == 1, BUSY_S, site.log)
        took.append(time.monotonic() - began)
    assert sorted(took)[len(took) // 2] <= LIVE_S, took
    # A tool in the middle of its work is no news.
    assert "warn: certificate" not in site.log(), site.log()


@pytest.mark.parametrize("layout", [Certbot, Caddy, Companion, Secret])
def test_the_source_may_come_later(authority, place, keep, layout):
    """Started before the tool has run for the first time."""
    tool = layout(place)
    site = CertSite(place, keep, tool.source, postfix=False)
    site.policyd.process.wait_output("there is none to serve")
    assert asked(site.sni, NAME) == []
    issued = authority.issue(NAME)
    tool.write(issued)
    wait_until(lambda: asked(site.sni, NAME) == [issued.fingerprint], BUSY_S,
               site.log)
