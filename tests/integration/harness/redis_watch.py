"""A policyd on Redis, as tests of the connection look at it."""
from .attributes import Anvil
from .wait import wait_until


def is_available(policyd):
    return policyd.metric("tollgate_store_available") == 1


def wait_available(policyd, timeout=10):
    wait_until(lambda: is_available(policyd), timeout,
               lambda: f"Redis is there:\n{policyd.process.text()}")


def count(place, client, times=1):
    """What anvil's face, at that place, has told for each message."""
    with Anvil(place / "anvil") as smtpd:
        return [smtpd.event("message", client)["rate"] for _ in range(times)]
