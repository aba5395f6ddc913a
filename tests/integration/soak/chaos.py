"""What befalls the mail host, at random."""
import collections
import time

from .ledger import Certificate
from .site import LEASE_TTL

# Shorter than lease_ttl less its third: nothing is forgotten.
FREEZE_MAX = LEASE_TTL / 2


class DaemonChaos:
    """Restarts and reloads of both daemons, rotations of the certificate: one
    at a time."""

    def __init__(self, site, ledger, services, dice):
        self._site, self._ledger = site, ledger
        self._services, self._dice = services, dice
        self.acts = collections.Counter()
        self._rates = 0
        ledger.certificates.append(
            Certificate(0, fingerprint=site.first_fingerprint))

    def act(self, restarts=True):
        acts = {self._rotate: 4, self._reload: 4, self._refuse_reload: 1}
        if restarts:
            acts.update({self._kill: 3, self._stop_and_start: 3,
                         self._hand_over: 4})
        act = self._dice.choices([*acts], [*acts.values()])[0]
        name = act.__name__.strip("_")
        if act != self._rotate:
            service = self._dice.choice(self._services)
            act(service)
            name += f" {service.daemon.section}"
        else:
            act()
        self.acts[name] += 1

    def _rotate(self):
        certificate = Certificate(time.monotonic())
        certificate.fingerprint = self._site.write_certificate()
        self._ledger.certificates.append(certificate)
        self._site.wait_certificate(certificate.fingerprint)
        for before in self._ledger.certificates[-2:-1]:
            before.ended = time.monotonic()

    def _reload(self, service):
        self._rates += 1
        service.reload(self._dice.random() < 0.5,
                       client_auth_rate_limit=1000 + self._rates)

    def _refuse_reload(self, service):
        service.refuse_reload()

    def _kill(self, service):
        service.kill()

    def _stop_and_start(self, service):
        service.stop_and_start()

    def _hand_over(self, service):
        service.hand_over(self._dice.random() < 0.5)


class RedisChaos:
    """A turn for a Worker."""

    def __init__(self, redis):
        self._redis = redis
        self.acts = collections.Counter()

    def outages(self):
        return self.acts["kill redis"] + self.acts["restart redis"]

    def __call__(self, dice, over):
        if over.wait(dice.uniform(1, 8)):
            return
        act = dice.choices([self._kill, self._restart, self._freeze,
                            self._forget_scripts], [3, 2, 3, 1])[0]
        act(dice, over)
        self.acts[f"{act.__name__.strip('_')} redis"] += 1

    def _kill(self, dice, over):
        self._redis.process.kill()
        over.wait(dice.uniform(0, 2))
        self._redis.start()

    def _restart(self, _dice, _over):
        self._redis.process.terminate()
        self._redis.start()

    def _freeze(self, dice, over):
        self._redis.process.freeze()
        over.wait(dice.uniform(0, FREEZE_MAX))
        self._redis.process.thaw()

    def _forget_scripts(self, _dice, _over):
        self._redis.cli("script", "flush")
