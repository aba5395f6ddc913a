"""The mail host: Postfix behind HAProxy, and all that tollgate has, joined as
the manuals say; mail for test.example ends in one file."""
import itertools
import os
import pwd
import re
import shutil

from harness.authority import Authority
from harness.cert_site import NAME, Acme
from harness.haproxy import Haproxy
from harness.policyd import ANVIL_PASS, Milter, Policyd
from harness.ports import free_port
from harness.postfix import Postfix, pass_through
from harness.redis_server import RedisServer
from harness.socketmap import asked
from harness.wait import wait_until

PROXY = "127.0.40.1"
# The limits' own: modest clients are elsewhere.
GREEDY_NETWORK, BULK_SENDER, BULK_DOMAIN = \
    "127.0.52.0/24", "bulk@client.example", "bulk.example"
LEASE_TTL, UNIT = 6, 5

OPTIONS = {
    "store_timeout": "1s", "lease_ttl": f"{LEASE_TTL}s",
    "client_limits_at": "anvil", "rate_time_unit": f"{UNIT}s",
    "client_connection_count_limit": 40, "client_message_rate_limit": 1000,
    "client_recipient_rate_limit": 3000,
    # All of loopback is, otherwise.
    "impossible_clients": ["224.0.0.0/3"], "drain_timeout": "20s"}
LIMITS = [
    ("limit", "crowd", {"at": "anvil", "event": "connection_count",
                        "key": ["client"], "count": 2,
                        "clients": [GREEDY_NETWORK]}),
    ("limit", "greedy", {"at": "anvil", "event": "message", "key": ["client"],
                         "rate": f"6/{UNIT}s", "clients": [GREEDY_NETWORK]}),
    ("limit", "bulk", {"at": "policy", "event": "recipient", "key": ["sender"],
                       "rate": f"6/{UNIT}s", "clients": [GREEDY_NETWORK]}),
    ("limit", "domain", {"at": "milter", "event": "message",
                         "key": ["sender_domain"], "rate": f"4/{UNIT}s",
                         "clients": [GREEDY_NETWORK]})]

POLICY = ("check_policy_service { unix:tollgate/policy, timeout=10s, "
          "{ default_action=451 4.3.5 Server configuration problem } }")
MILTER = "{ unix:%s, command_timeout=10s, default_action=tempfail }"
SMTPD = ("-o smtpd_upstream_proxy_protocol=haproxy "
         "-o smtpd_upstream_proxy_timeout=2s "
         "-o smtpd_forbid_unauth_pipelining=no "  # leave bursts to us
         "-o smtpd_recipient_restrictions=$soak_policy "
         "-o smtpd_end_of_data_restrictions=$soak_policy ")
VIRTUAL = "virtual unix - n n - 1 virtual\n"


class MailHost(Postfix):
    def __init__(self, directory, port, helper, anvil, tls, milter):
        owner = pwd.getpwnam("nobody")
        self.box = directory / "boxes" / "all"
        super().__init__(
            directory, port=port, anvil=pass_through(helper, anvil),
            services={f"127.0.0.1:{port}": SMTPD}, main={
                "soak_policy": POLICY,
                "smtpd_milters": MILTER % milter,
                # What a forger would gain if he were believed.
                "mynetworks": "127.0.0.0/8, 198.18.5.5",
                "inet_protocols": "all",  # forged headers name IPv6 too
                "local_transport": "virtual:",
                "virtual_mailbox_domains": "",
                "virtual_mailbox_base": self.box.parent,
                "virtual_mailbox_maps": "static:all",
                "virtual_uid_maps": f"static:{owner.pw_uid}",
                "virtual_gid_maps": f"static:{owner.pw_gid}",
                "smtpd_tls_security_level": "may",
                "smtpd_tls_chain_files": tls / "default.pem",
                "tls_server_sni_maps": "socketmap:unix:tollgate/sni:sni",
                "smtpd_milter_maps": f"cdb:{tls}/refresh",
                # Above 0, so that Postfix looks at anvil's answer.
                "smtpd_client_connection_count_limit": 1000,
                "smtpd_client_message_rate_limit": 100000,
                "smtpd_client_recipient_rate_limit": 100000,
                # smtpd 3.7 ends with "fatal" at a LOCAL header and a RST.
                "service_throttle_time": "1s",
                "virtual_mailbox_limit": 0,
                "default_process_limit": 100})
        self.box.parent.mkdir()
        os.chown(self.box.parent, owner.pw_uid, owner.pw_gid)
        with open(self.etc / "master.cf", "a", encoding="ascii") as file:
            file.write(VIRTUAL)

    def queued(self):
        """Messages that are still on their way."""
        return [path for name in ("maildrop", "incoming", "active", "deferred")
                for path in (self.queue / name).rglob("*") if path.is_file()]


class Site:
    def __init__(self, place, keep):
        self.place, self.keep = place, keep
        self._authority = Authority(place / "ca")
        self._days = itertools.count(90)  # a renewal ends later
        self.acme = Acme(place / "acme")
        self.first_fingerprint = self.write_certificate()
        self.redis = keep(RedisServer(place / "redis"))
        port = free_port()
        self.direct = ("127.0.0.1", port)  # where only HAProxy may come
        helper = shutil.copy(ANVIL_PASS, place)
        milter = place / "milter" / "tollgate-milter" / "socket"
        self.postfix = keep(MailHost(
            place / "postfix", port, helper, place / "anvil", place / "tls",
            milter))
        self.sni = self.postfix.queue / "tollgate" / "sni"
        self.policyd = self._start_policyd(port)
        self.milter = keep(Milter(
            place / "milter", options=self._options(),
            sections=self._sections(port)))
        self.postfix.start()
        self.front = (PROXY, free_port(PROXY))
        self.haproxy = keep(Haproxy(place / "haproxy", self.front, self.direct))

    def _start_policyd(self, port):
        queue = self.postfix.queue
        certificate = ("certificate", NAME, {
            "source": self.acme.source,
            "default_chain": self.place / "tls" / "default.pem",
            "refresh_map": self.place / "tls" / "refresh.cdb"})
        return self.keep(Policyd(
            self.place / "policyd",
            [f"anvil-pass:unix:{self.place}/anvil",
             f"policy:unix:{queue}/tollgate/policy", f"sni:unix:{self.sni}"],
            options=self._options(),
            sections=[*self._sections(port), certificate]))

    def _options(self):
        return {**OPTIONS, "store": self.redis.unix_url}

    @staticmethod
    def _sections(port):
        return [("service", "mail", {"port": port, "proxied": True,
                                     "trusted_proxies": [PROXY]}), *LIMITS]

    def write_certificate(self):
        """As Traefik does; the fingerprint of the new one."""
        issued = self._authority.issue(NAME, days=next(self._days))
        self.acme.write_text("")
        self.acme.write(issued)
        return issued.fingerprint

    def wait_certificate(self, fingerprint):
        wait_until(lambda: asked(self.sni, NAME) == [fingerprint], 20,
                   lambda: f"served by name: {fingerprint}")

    def delivered(self):
        """How often each (name, recipient) is in the box; and how many
        messages there are that are none of the senders'."""
        return count_box(self.postfix.box)


def count_box(path):
    counts, messages, recipient = {}, 0, None
    if not path.exists():
        return counts, 0
    with open(path, encoding="ascii", errors="replace") as box:
        for line in box:
            if line.startswith("From "):
                messages += 1
            elif line.startswith("Delivered-To: "):
                recipient = line.split()[1]
            elif named := re.match(r"X-Soak: (\S+)$", line):
                key = (named[1], recipient)
                counts[key] = counts.get(key, 0) + 1
    return counts, messages - sum(counts.values())
