"""Waiting for a condition, with a deadline; no test sleeps and hopes."""
import os
import time

INTERVAL = 0.01

# By how much each deadline is longer on a machine that is emulated.
PATIENCE = int(os.environ.get("TOLLGATE_PATIENCE", "1"))

# An option for daemons whose every answer must be right: what is later than
# store_timeout, from Redis or for the milter from its own loop, is decided
# without it, and a busy machine is not a slow server.
PATIENT = {"store_timeout": f"{min(2 * PATIENCE, 10)}s"}


def wait_until(condition, timeout, what):
    """The first true value of condition(); fails after timeout seconds, or
    PATIENCE times as many.

    what may be a function, called only if it failed, for a text that says how
    far things had come.
    """
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {timeout} s: {text}")
        time.sleep(INTERVAL)


def within_a_second(condition, what):
    """What is promised within a second; a busy machine has two more."""
    since = time.monotonic()
    wait_until(condition, 10, what)
    assert time.monotonic() - since < 3, what


def stays_true(condition, seconds, what):
    """condition() holds at every look for that long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), what
        time.sleep(INTERVAL)
