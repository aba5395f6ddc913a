"""Each file has a network of its own: real port numbers are free in it, and
strangers have addresses that are not of loopback."""
import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent),
                str(pathlib.Path(__file__).parents[1] / "integration")]

from harness.fixtures import keep, place  # noqa: E402, F401
from harness.fixtures import skip_what_cannot_run  # noqa: E402
from network import own_network  # noqa: E402


def pytest_collection_modifyitems(items):
    skip_what_cannot_run(items)


@pytest.fixture(scope="module")
def network():
    with own_network():
        yield
