"""Fixtures of several folders of tests, and what others are made of. What tests
start is ended in reverse order, whatever happened; the names in plural are one
for a whole module."""
import contextlib
import os
import shutil

import pytest

from .policyd import ANVIL_PASS, MILTER, POLICYD
from .workdir import workdir


def missing():
    """What keeps Postfix and our daemons from being run here; None: nothing."""
    if os.geteuid() != 0:
        return "needs root: Postfix's master does"
    if shutil.which("postfix") is None:
        return "needs the package postfix"
    if not all(it.exists() for it in (ANVIL_PASS, MILTER, POLICYD)):
        return f"needs {POLICYD}: build first, or set TOLLGATE_BUILDDIR"
    return None


def skip_what_cannot_run(items):
    """For pytest_collection_modifyitems, with the reason."""
    reason = missing()
    if reason:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@contextlib.contextmanager
def keeper():
    """keep(thing) closes it in the end, the last one first."""
    with contextlib.ExitStack() as stack:
        def keep(thing):
            stack.callback(thing.close)
            return thing
        yield keep


@pytest.fixture
def place():
    """The test's directory."""
    with workdir() as path:
        yield path


@pytest.fixture
def keep(place):
    """keep(thing) closes it when the test is over, the last one first."""
    with keeper() as keep_one:
        yield keep_one


@pytest.fixture(scope="module")
def places():
    with workdir() as path:
        yield path


@pytest.fixture(scope="module")
def keeps(places):
    with keeper() as keep_one:
        yield keep_one
