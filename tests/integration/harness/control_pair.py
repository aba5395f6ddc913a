"""A policyd and a milter on one store, memory: or Redis, and what tollgatectl
says of both."""
import json

import pytest

from .control import tollgatectl
from .policyd import Milter, Policyd
from .redis_server import RedisServer
from .wait import PATIENT

LIMITS = {"client_limits_at": "anvil", "client_message_rate_limit": 2,
          "client_connection_count_limit": 3, "instance_name": "here",
          **PATIENT}
SASL_DAY = ("limit", "sasl-day", {
    "at": "policy", "event": "recipient", "key": ["sasl_username"],
    "rate": "2/1d"})
SENDER_HOUR = ("limit", "sender-hour", {
    "at": "milter", "event": "message", "key": ["sender"], "rate": "1/1h"})


class Pair:
    """redis: None for memory:."""

    def __init__(self, place, keep, redis):
        place.chmod(0o777)
        self.redis = redis
        self.place, self.keep = place, keep
        options = {**LIMITS, "store": redis.url if redis else "memory:"}
        self.policyd = keep(Policyd(
            place / "policyd", [f"policy:unix:{place}/policy",
                                f"anvil:unix:{place}/anvil"],
            options=options, sections=[SASL_DAY]))
        self.milter = keep(Milter(
            place / "milter", options={**options, "client_limits_at": ""} | {
                "client_message_rate_limit": 0,
                "client_connection_count_limit": 0},
            sections=[SENDER_HOUR]))
        self.both = [self.policyd, self.milter]

    def ctl(self, *words):
        return tollgatectl(*words, sockets=self.both)

    def lines(self, *words):
        """The answers of both, as JSON."""
        done = self.ctl("-j", *words)
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", params=["memory", "redis"])
def pair(request, places, keeps):
    place = places / request.param
    place.mkdir()
    redis = keeps(RedisServer(place / "redis")) \
        if request.param == "redis" else None
    return Pair(place, keeps, redis)
