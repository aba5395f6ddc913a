"""ACME clients of Debian 12, in a network of their own: what they ask and
listen at is theirs, and nothing of theirs leaves it."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))

from harness.acme import Pebble  # noqa: E402
from harness.fixtures import (keep, keeps, place,  # noqa: E402, F401
                              places, skip_what_cannot_run)
from harness.own_network import enter_own_network  # noqa: E402


def pytest_configure():
    if os.geteuid() == 0:
        enter_own_network()


def pytest_collection_modifyitems(items):
    skip_what_cannot_run(items)


@pytest.fixture(scope="module")
def pebble(places, keeps):
    return keeps(Pebble(places / "pebble"))
