"""What the demo plays on: both daemons before a private Postfix, with HAProxy.

In a network of its own (isolated) the addresses are those of a real set-up;
otherwise everything is on 127.0.0.0/8 and on free ports. Ends what it started
in the opposite order, whatever happens in between.
"""
import contextlib
import shutil
import subprocess

from harness.authority import Authority
from harness.cert_site import NAME, Acme
from harness.control import asked, tollgatectl
from harness.haproxy import Haproxy
from harness.policyd import ANVIL_PASS, Milter, Policyd
from harness.ports import free_port
from harness.postfix import Postfix, pass_through
from harness.redis_server import RedisServer
from harness.wait import PATIENT

CONNECTION_LIMIT = 3
MESSAGE_LIMIT = 5
INBOX_LIMIT = 2
GUESS_LIMIT = 2
INBOX_TEXT = "this inbox takes two recipients a minute"

POLICY_SERVICE = ("check_policy_service {{ unix:{}, timeout=10s, "
                  "{{ default_action=451 4.3.5 Server configuration problem }} }}")


class Network:
    """Who is where; `client(n)` is the address of the n-th client."""

    def __init__(self, is_isolated):
        self.is_isolated = is_isolated
        if is_isolated:
            self.server, self.proxy = "172.16.42.10", "172.16.42.2"
            self.direct_port, self.proxied_port = 2525, 12525
            self.proxy_port = 25
            self._clients = "198.51.100.{}"
        else:
            self.server, self.proxy = "127.0.0.1", "127.0.0.2"
            self.direct_port, self.proxied_port = free_port(), free_port()
            self.proxy_port = free_port()
            self._clients = "127.0.2.{}"

    def client(self, number):
        return self._clients.format(number)

    def set_up(self):
        if not self.is_isolated:
            return
        ip("link", "set", "lo", "up")
        for address in self.server, self.proxy, *map(self.client, range(1, 30)):
            ip("address", "add", f"{address}/32", "dev", "lo")


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Stage:
    """A context: everything runs within, nothing is left after it."""

    def __init__(self, directory, network, with_redis):
        self.directory = directory
        self.network = network
        self.direct = (network.server, network.direct_port)
        self.proxied = (network.server, network.proxied_port)
        self.through_proxy = (network.proxy, network.proxy_port)
        self.with_redis = with_redis
        self.redis = self.policyd = self.milter = None
        self.postfix = self.haproxy = None
        self.authority = self.acme = None
        self._ending = contextlib.ExitStack()

    def __enter__(self):
        with self._ending:
            self.network.set_up()
            if self.with_redis:
                self.redis = self._keep(RedisServer(self.directory / "redis"))
            self.authority = Authority(self.directory / "authority")
            self.acme = Acme(self.directory / "acme")
            self.acme.write(self.authority.issue(NAME))
            self.policyd = self._keep(
                self._make_policyd(self.directory / "tollgate"))
            self.milter = self._keep(
                self._make_milter(self.directory / "milter"))
            self.postfix = self._keep(
                self._make_postfix(self.directory / "postfix"))
            self.postfix.start()
            self.haproxy = self._keep(Haproxy(
                self.directory / "haproxy", self.through_proxy, self.proxied))
            self._ending = self._ending.pop_all()
        return self

    def __exit__(self, *_):
        self._ending.close()

    def _keep(self, service):
        self._ending.callback(service.close)
        return service

    @property
    def store(self):
        return self.redis.url if self.redis else "memory:"

    @property
    def options(self):
        """Of both daemons. Clients of loopback are possible where there are
        no others."""
        more = {} if self.network.is_isolated else {"impossible_clients": []}
        return {"store": self.store, "http_status": True, **PATIENT, **more}

    @property
    def sections(self):
        """The listeners; client_* stay 0: tollgate counts, Postfix's own
        limits decide."""
        return [
            ("service", "direct", {"port": self.direct[1],
                                   "names": ["{}:{}".format(*self.direct)]}),
            ("service", "proxied", {"port": self.proxied[1],
                                    "names": ["{}:{}".format(*self.proxied)],
                                    "proxied": True,
                                    "trusted_proxies": [self.network.proxy]})]

    def _make_policyd(self, directory):
        tls = self.directory / "tls"
        return Policyd(
            directory,
            [f"policy:unix:{directory}/policy", f"sni:unix:{directory}/sni",
             f"anvil-pass:unix:{directory}/anvil"],
            options=self.options,
            policyd={"socket_mode": "0660", "socket_group": "postfix"},
            sections=[
                *self.sections,
                ("certificate", NAME,
                 {"source": self.acme.source,
                  "default_chain": tls / "default.pem",
                  "refresh_map": tls / "refresh.cdb"}),
                ("limit", "inbox",
                 {"at": "policy", "event": "recipient", "key": ["recipient"],
                  "rate": f"{INBOX_LIMIT}/60s",
                  "action": f"450 4.7.1 Error: {INBOX_TEXT}"})])

    def _make_milter(self, directory):
        """It sees whom Postfix itself rejects."""
        return Milter(
            directory, options=self.options, sections=[
                *self.sections,
                ("limit", "guessing",
                 {"at": "milter", "event": "rejected_recipient",
                  "key": ["client"], "rate": f"{GUESS_LIMIT}/60s"})])

    def _services(self):
        """Names in master.cf, and by them in anvil's requests; options."""
        return {"{}:{}".format(*self.direct): "",
                "{}:{}".format(*self.proxied):
                    "-o smtpd_upstream_proxy_protocol=haproxy"}

    def _make_postfix(self, directory):
        place = self.directory / "tollgate"
        tls = self.directory / "tls"
        # Postfix's spawn(8) runs it as nobody, who may not be allowed to look
        # into the build directory.
        helper = shutil.copy(ANVIL_PASS, place / "tollgate-anvil-pass")
        policy = POLICY_SERVICE.format(place / "policy")
        return Postfix(
            directory, address=self.network.server,
            port=self.network.direct_port,
            anvil=pass_through(helper, place / "anvil"),
            services=self._services(),
            main={"smtpd_client_connection_count_limit": CONNECTION_LIMIT,
                  "smtpd_client_message_rate_limit": MESSAGE_LIMIT,
                  "smtpd_authorized_xclient_hosts": "",
                  "smtpd_recipient_restrictions": policy,
                  "smtpd_end_of_data_restrictions": policy,
                  "smtpd_tls_security_level": "may",
                  "smtpd_tls_chain_files": tls / "default.pem",
                  "tls_server_sni_maps": f"socketmap:unix:{place}/sni:sni",
                  "smtpd_milter_maps": f"cdb:{tls}/refresh",
                  "smtpd_milters": self.milter.listen},
            name="demo")

    def ctl(self, *words):
        """The result of a command of tollgatectl that policyd answers."""
        return asked(self.policyd, *words)

    def ctl_status(self, *words):
        """tollgatectl's own exit status; of both daemons."""
        return tollgatectl(
            *words, sockets=[self.policyd, self.milter]).returncode
