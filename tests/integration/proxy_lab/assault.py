"""Many attackers at once, and what came of it."""
import concurrent.futures
import itertools

from .attack import HEADERS, SENDER, WAYS, attack
from .mail_host import ALL
from .network import ipv4, ipv6

PLANS = list(itertools.product(("mail", "mail6"), WAYS, HEADERS))
# Of attackers whom nobody keeps out, so that they are not taken for others.
ADMITTED = "admitted@evil.example"


def greeted(said):
    """Was there a greeting of smtpd's? postscreen's teaser is "220-"."""
    return any(line.startswith(b"220 ") for line in said.split(b"\r\n"))


def assault(network, port, plans, sender=SENDER):
    """All of them, several at a time: [((port, *plan), what he was told)]."""
    def one(plan):
        host, way, header = plan
        address = ipv4("mail") if host == "mail" else ipv6("mail")
        return (port, *plan), attack(
            network, (address, port), header, way, sender=sender)
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        return list(pool.map(one, plans))


def assaults(network, ports, plans):
    """The same at several ports at once: what all were told."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        told = pool.map(lambda port: assault(network, port, plans), ports)
        return [one for several in told for one in several]


def accepted(told):
    return [plan for plan, said in told if b"queued as" in said]


def queued(lab):
    """Of the attacker, once Postfix has worked off what it had read."""
    mark = lab.postfix.log.mark()
    assert lab.send((ipv4("haproxy"), ALL)) == "250"
    lab.postfix.log.wait_for("disconnect", since=mark)
    return lab.postfix.queued_from(SENDER)
