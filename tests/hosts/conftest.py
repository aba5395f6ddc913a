"""Each file has a network of its own: real port numbers are free in it, and
strangers have addresses that are not of loopback."""
import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent),
                str(pathlib.Path(__file__).parents[1] / "integration")]

from harness.fixtures import keeper, missing  # noqa: E402
from harness.workdir import workdir  # noqa: E402
from network import own_network  # noqa: E402


def pytest_collection_modifyitems(items):
    reason = missing()
    if reason:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def network():
    with own_network():
        yield


@pytest.fixture
def place():
    with workdir() as path:
        yield path


@pytest.fixture
def keep(place):
    with keeper() as keep_one:
        yield keep_one
