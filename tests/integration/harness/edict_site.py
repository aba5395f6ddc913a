"""Daemons that share a store, for orders that hold in all of them."""
import pytest

from .policyd import Policyd
from .redis_server import RedisServer


class EdictSite:
    """redis: the store of all; None: memory:, each its own. A subclass says
    what is in every daemon's configuration."""

    options, sections = {}, []

    def __init__(self, place, keep, redis=None):
        place.chmod(0o777)
        self.place, self.keep, self.redis = place, keep, redis
        self.options = {**self.options,
                        "store": redis.url if redis else "memory:"}

    def policyd(self, name, **options):
        daemon = self.keep(Policyd(
            self.place / name, [f"policy:unix:{self.place}/{name}.policy",
                                f"anvil:unix:{self.place}/{name}.anvil"],
            options={**self.options, **options}, sections=self.sections))
        daemon.policy = f"{self.place}/{name}.policy"
        daemon.anvil = f"{self.place}/{name}.anvil"
        return daemon


def fixtures_of(kind):
    """A module's fixtures: site, on each store, and shared, on Redis."""
    @pytest.fixture
    def site(place, keep, either_store):
        return kind(place, keep, either_store)

    @pytest.fixture
    def shared(place, keep):
        return kind(place, keep, keep(RedisServer(place / "redis")))

    return site, shared
