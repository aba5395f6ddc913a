"""How large a daemon is, and what is left in Redis."""
import dataclasses
import os
import re

from harness.redis_client import RedisClient


@dataclasses.dataclass
class Size:
    kib: int  # of its own: resident, and no file's
    descriptors: int
    threads: int


def size_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        status = file.read()
    return Size(int(re.search(r"RssAnon:\s+(\d+)", status)[1]),
                len(os.listdir(f"/proc/{pid}/fd")),
                int(re.search(r"Threads:\s+(\d+)", status)[1]))


def redis_lives(redis):
    """{key: ms to live, -1 for ever}"""
    with RedisClient(redis) as look:
        keys = look.keys()
        lives = look.calls([("PTTL", key) for key in keys]) if keys else []
    return {key: life for key, life in zip(keys, lives) if life != -2}


def held(lives):
    """Leases of connections among them."""
    return [key for key in lives
            if b"}l" in key and b"{instances}" not in key]


def is_counter(key):
    """Not of the daemons themselves, nor a daemon's name."""
    return not any(part in key
                   for part in (b"{instances}", b"{control}", b"{n|i|"))
