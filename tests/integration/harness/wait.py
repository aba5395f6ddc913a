"""Waiting for a condition, with a deadline; no test sleeps and hopes."""
import os
import time

INTERVAL = 0.01

# By how much each deadline is longer on a machine that is emulated, whose load
# says nothing of it.
PATIENCE = int(os.environ.get("TOLLGATE_PATIENCE", "1"))

# An option for daemons whose every answer must be right: what is later than
# store_timeout, from Redis or for the milter from its own loop, is decided
# without it, and a busy machine is not a slow server.
PATIENT = {"store_timeout": f"{min(2 * PATIENCE, 10)}s"}


def slowness():
    """How many times as long as on an idle machine things may take here, now:
    at least 1. A deadline says that something never comes, not that a busy
    machine has yet to come to it."""
    return PATIENCE * max(1, os.getloadavg()[0] / os.cpu_count())


def wait_until(condition, timeout, what):
    """The first true value of condition(); fails after timeout seconds, or
    slowness() times as many.

    what may be a function, called only if it failed, for a text that says how
    far things had come.
    """
    since = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - since
        if waited >= timeout and waited >= timeout * slowness():
            text = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {text}")
        time.sleep(INTERVAL)


def within_a_second(condition, what):
    """What is promised within a second; a busy machine has two more."""
    since = time.monotonic()
    wait_until(condition, 10, what)
    assert time.monotonic() - since < 3 * slowness(), what


def stays_true(condition, seconds, what):
    """condition() holds at every look for that long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), what
        time.sleep(INTERVAL)
