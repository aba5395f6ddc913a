"""Certificates of ACME clients as they are: each issues, policyd starts and
serves, the client renews. The two that need least time; the others are behind
./check --acme."""
import pytest

from harness.acme import AcmeTiny, Lego, Pebble
from harness.acme_life import issued_and_renewed


@pytest.fixture(scope="module")
def pebble(places, keeps):
    return keeps(Pebble(places / "pebble"))


@pytest.mark.parametrize("tool", [Lego, AcmeTiny])
def test_issued_and_renewed(pebble, place, keep, tool):
    issued_and_renewed(keep(tool(place, pebble)), place, keep)
