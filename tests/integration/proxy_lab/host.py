"""The lab's daemons and proxies, configured as a deployment would be."""
import contextlib
import signal
import socket
import threading

from harness.policyd import Milter, Policyd
from harness.process import Process
from harness.wait import PATIENT, wait_until

from .attack import Session
from .mail_host import (ALL, ANVIL, DIRECT, LIMITED, LIMITED_XCLIENT, PROXIED,
                        UNPROXIED, MailHost)
from .network import ipv4, ipv6

IPV6 = 27  # HAProxy's port for IPv6 on its way to Postfix

HAPROXY = """\
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
""" + "".join(f"""\
listen {port}
    bind {ipv4("haproxy")}:{port}
    bind [{ipv6("haproxy")}]:{port}
    server postfix {ipv4("mail")}:{port} send-proxy-v2
""" for port in PROXIED) + f"""\
listen ipv6
    bind {ipv4("haproxy")}:{IPV6}
    server postfix [{ipv6("mail")}]:{ALL} send-proxy-v2
""" + "".join(f"""\
backend check-{port}
    option smtpchk EHLO haproxy.example
    server postfix {ipv4("mail")}:{port} send-proxy-v2 check check-send-proxy \
inter 1s
""" for port in (ALL, ANVIL))

NGINX = """\
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
stream {{
    proxy_protocol on;
""" + "".join(f"""\
    server {{{{
        listen {ipv4("nginx")}:{port};
        proxy_pass {ipv4("mail")}:{port};
    }}}}
""" for port in PROXIED) + "}}\n"


def start_haproxy(network, directory):
    directory.mkdir()
    config = directory / "haproxy.cfg"
    config.write_text(HAPROXY)
    return Process([*network.command("haproxy"), "/usr/sbin/haproxy", "-db",
                    "-f", config], directory / "haproxy.log")


def start_nginx(network, directory):
    directory.mkdir()
    config = directory / "nginx.conf"
    config.write_text(NGINX.format(directory=directory))
    return Process([*network.command("nginx"), "/usr/sbin/nginx", "-c", config,
                    "-e", "stderr"], directory / "nginx.log")


# The checks would be over this one if they counted.
LIMITS = [
    ("limit", "checks", {
        "at": "anvil", "event": "connection", "key": ["client_address"],
        "rate": "5/1h", "clients": [ipv4("haproxy"), ipv4("nginx")]}),
    ("limit", "two", {
        "at": "policy", "event": "message", "key": ["client"], "rate": "2/1h",
        "services": [str(LIMITED), str(LIMITED_XCLIENT)]}),
]


class Lab:
    """takes_anvils_place: policyd itself does, and not the helper."""

    mail_host = MailHost

    def __init__(self, network, directory, keep, takes_anvils_place=False):
        self.network = network
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)
        pass_socket = directory / "anvil"
        self.postfix = keep(self.mail_host(
            network, directory / "mail",
            None if takes_anvils_place else pass_socket))
        self.postfix.start()
        queue = self.postfix.queue
        anvil = f"anvil:unix:{self.postfix.anvil_socket}" \
            if takes_anvils_place else f"anvil-pass:unix:{pass_socket}"
        self.trusted = [ipv4("haproxy"), ipv4("nginx"), ipv6("haproxy"),
                        ipv6("nginx")]
        self.policyd = keep(self._make_policyd(
            directory / "policyd",
            [anvil, f"policy:unix:{queue}/tollgate/policy"]))
        self.milter = keep(Milter(
            directory / "milter", f"unix:{queue}/tollgate-milter/milter",
            options=PATIENT, sections=self._milter_sections()))
        self.haproxy = keep(start_haproxy(network, directory / "haproxy"))
        self.nginx = keep(start_nginx(network, directory / "nginx"))
        for host in ("haproxy", "nginx"):
            wait_until(lambda: self.is_open((ipv4(host), ALL)), 10,
                       f"{host} listens")

    def _make_policyd(self, directory, listen):
        return Policyd(directory, listen, options=PATIENT,
                       sections=self._sections())

    def _sections(self):
        proxied = [("service", str(port),
                    {"port": port, "proxied": True,
                     "trusted_proxies": self.trusted})
                   for port in PROXIED + UNPROXIED]
        return [*proxied, ("service", str(DIRECT), {"port": DIRECT}), *LIMITS]

    def _milter_sections(self):
        return self._sections()

    def trust(self, *proxies):
        """By reload; returns when it is in force."""
        self.trusted = list(proxies)
        for daemon, sections in ((self.policyd, self._sections()),
                                 (self.milter, self._milter_sections())):
            daemon.sections = sections
            reloads = daemon.metric("tollgate_reloads_total")
            daemon.write_config()
            daemon.process.signal(signal.SIGHUP)
            wait_until(lambda: daemon.metric("tollgate_reloads_total")
                       > reloads, 5, "the reload has happened")

    @contextlib.contextmanager
    def daemons_under(self, before):
        """Both, started by that command, which ends in executing the rest."""
        daemons = [self.policyd, self.milter]
        plain = [daemon.process.argv for daemon in daemons]
        try:
            for daemon, argv in zip(daemons, plain):
                daemon.kill()
                daemon.process.argv = [*before, *argv]
                daemon.process.start()
                # Not ready: the first refused proof says so.
                wait_until(lambda one=daemon: one.get("/healthz")[0] == 200,
                           10, daemon.process.text)
            yield
        finally:
            for daemon, argv in zip(daemons, plain):
                daemon.kill()
                daemon.process.argv = argv
                daemon.start()

    def log(self):
        return self.policyd.process.text() + self.milter.process.text()

    def is_open(self, server):
        with self.network.inside("client"), contextlib.suppress(OSError):
            socket.create_connection(server, 1).close()
            return True
        return False

    def send(self, server, host="client", sender="sender@client.example"):
        """A message as an honest client sends it: the last reply's code."""
        with self.network.inside(host):
            session = Session(server, timeout=20)
        try:
            code = session.reply()[:3]
            for command in ("EHLO client.example", f"MAIL FROM:<{sender}>",
                            "RCPT TO:<user@test.example>", "DATA",
                            "Subject: x\r\n\r\nx\r\n."):
                if code[:1] not in (b"2", b"3"):
                    return code.decode()
                session.send(command.encode() + b"\r\n")
                code = session.reply()[:3]
            session.send(b"QUIT\r\n")
            return code.decode()
        finally:
            session.close()


class HonestMail:
    """Mail to a port through both proxies, and bare health checks each
    second, from now until close; codes is what came of it."""

    def __init__(self, lab, port):
        self.lab = lab
        self.port = port
        self.codes = []
        self.checks = 0
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=arguments)
                         for arguments in (("haproxy",), ("nginx",), (None,))]
        for thread in self._threads:
            thread.start()

    def _run(self, proxy):
        while not self._ended.wait(0.2 if proxy else 1):
            if proxy:
                self.codes.append(self.lab.send((ipv4(proxy), self.port)))
                continue
            with self.lab.network.inside("nginx"), \
                    contextlib.suppress(OSError):
                socket.create_connection(
                    (ipv4("mail"), self.port), 1).close()
                self.checks += 1

    def close(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()
