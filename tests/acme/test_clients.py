"""Real ACME clients beside a policyd that is not root: what each issues and
renews is served, in the modes that it gives its files."""
import pytest

from clients import (Acmetool, Caddy, Certbot, CertbotTwice, Dehydrated, ModMd,
                     ModMdTwice, Uacme)
from harness.acme_life import changes, issued_and_renewed


@pytest.mark.parametrize("tool", [
    Acmetool, Caddy, Certbot, CertbotTwice, Dehydrated, ModMd, ModMdTwice,
    Uacme])
def test_issued_and_renewed(pebble, place, keep, tool):
    issued_and_renewed(keep(tool(place, pebble)), place, keep)


def test_a_key_of_another_type(pebble, place, keep):
    tool = keep(Certbot(place, pebble))
    site = issued_and_renewed(tool, place, keep)
    assert "BEGIN PRIVATE KEY" in tool.key.read_text()
    changes(site, tool, tool.turn_to_rsa)
