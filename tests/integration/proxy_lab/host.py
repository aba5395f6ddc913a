"""The lab's mail host and proxies, configured as a deployment would be."""
import contextlib
import re
import shutil
import socket
import subprocess
import threading

from harness.policyd import ANVIL_PASS, Policyd
from harness.postfix import STOCK_ANVIL, Postfix, pass_through
from harness.process import Process
from harness.wait import wait_until

from .attack import Session
from .network import ipv4, ipv6

PLAIN, WRAPPED, SCREENED, XCLIENT, DIRECT = 12525, 10465, 12526, 10025, 25

PROXY = ("-o smtpd_upstream_proxy_protocol=haproxy "
         "-o smtpd_upstream_proxy_timeout=2s")
SERVICES = {
    str(PLAIN): PROXY,
    str(WRAPPED): PROXY + " -o smtpd_tls_wrappermode=yes",
    str(XCLIENT): f"-o smtpd_authorized_xclient_hosts={ipv4('nginx')}",
    str(DIRECT): "",
}
POSTSCREEN = f"""
smtpd pass - - n - - smtpd
{SCREENED} inet n - n - 1 postscreen
  -o postscreen_upstream_proxy_protocol=haproxy
  -o postscreen_upstream_proxy_timeout=2s
"""
MAIN = {
    "inet_protocols": "all",
    "inet_interfaces": "all",
    "mynetworks": "127.0.0.0/8, [::1]/128, 198.18.5.0/24",
    # Both limits above 0, so that Postfix looks at anvil's answer.
    "smtpd_client_connection_count_limit": 1000,
    "smtpd_client_connection_rate_limit": 100000,
    "smtpd_tls_security_level": "may",
    # From 3.8 on Postfix would name a whole network to anvil, "::/84", of
    # which nobody can say whether its claim is impossible.
    "smtpd_client_ipv6_prefix_length": 128,
    "postscreen_greet_wait": "1s",
    "postscreen_greet_action": "ignore",
    "postscreen_cache_map": "btree:$data_directory/postscreen_cache",
    "smtpd_timeout": "20s",
    "default_process_limit": 200,
    # smtpd 3.7 ends with "fatal" at a LOCAL header and a RST, and master then
    # waits that long with the next one.
    "service_throttle_time": "1s",
}


class LabPostfix(Postfix):
    def __init__(self, network, directory, **more):
        self.network = network
        super().__init__(directory, address=ipv4("mail"), port=PLAIN,
                         services=SERVICES, **more)

    def _write_main_cf(self, *arguments):
        """What is set twice is set as it came last."""
        super()._write_main_cf(*arguments)
        path = self.etc / "main.cf"
        values = dict(line.split(" =", 1)
                      for line in path.read_text().splitlines() if line)
        path.write_text("".join(f"{name} ={value}\n"
                                for name, value in values.items()))

    def _write_master_cf(self, services, chroot, anvil):
        super()._write_master_cf(services, chroot, anvil)
        with open(self.etc / "master.cf", "a", encoding="ascii") as file:
            file.write(POSTSCREEN)

    def run(self, *arguments, check=True):
        done = subprocess.run(
            [*self.network.command("mail"), "postfix", "-c", str(self.etc),
             *arguments], timeout=60, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def _accepts(self):
        with self.network.inside("mail"):
            return super()._accepts()

    def queued_from(self, sender):
        """How many messages of that sender are in the queue or were."""
        return len(re.findall(rf"qmgr.*: from=<{re.escape(sender)}>",
                              self.log.text()))


def make_certificate(directory):
    path = directory / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-subj", "/CN=mail.example", "-keyout", str(path), "-out",
         str(directory / "crt.pem"), "-days", "2"],
        check=True, capture_output=True, timeout=60)
    with open(path, "a", encoding="ascii") as file:
        file.write((directory / "crt.pem").read_text())
    return path


HAPROXY = """\
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen plain
    option smtpchk EHLO haproxy.example
    bind {me}:25
    bind [{me6}]:25
    server postfix {mail}:{plain} send-proxy-v2 check check-send-proxy inter 1s
listen wrapped
    bind {me}:465
    server postfix {mail}:{wrapped} send-proxy-v2
listen screened
    bind {me}:26
    server postfix {mail}:{screened} send-proxy-v2
listen ipv6
    bind {me}:27
    server postfix [{mail6}]:{plain} send-proxy-v2
"""

NGINX = """\
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid {directory}/nginx.pid;
error_log stderr;
events {{}}
stream {{
    server {{
        listen {me}:25;
        proxy_pass {mail}:{plain};
        proxy_protocol on;
    }}
}}
"""


def start_haproxy(network, directory):
    directory.mkdir()
    config = directory / "haproxy.cfg"
    config.write_text(HAPROXY.format(
        me=ipv4("haproxy"), me6=ipv6("haproxy"), mail=ipv4("mail"),
        mail6=ipv6("mail"), plain=PLAIN, wrapped=WRAPPED, screened=SCREENED))
    return Process([*network.command("haproxy"), "/usr/sbin/haproxy", "-db",
                    "-f", config], directory / "haproxy.log")


def start_nginx(network, directory):
    directory.mkdir()
    config = directory / "nginx.conf"
    config.write_text(NGINX.format(
        directory=directory, me=ipv4("nginx"), mail=ipv4("mail"), plain=PLAIN))
    return Process([*network.command("nginx"), "/usr/sbin/nginx", "-c", config,
                    "-e", "stderr"], directory / "nginx.log")


def policy_service(path):
    return (f"check_policy_service {{ unix:{path}, timeout=10s, "
            "{ default_action = 451 4.3.5 Error: no policy service } }")


class Lab:
    """faces: "anvil", "policy" or both; each alone must hold."""

    def __init__(self, network, directory, keep, faces=("anvil", "policy"), *,
                 main=None, chroot=False, service=None, options=None):
        self.network = network
        self.directory = directory
        directory.mkdir(exist_ok=True)
        directory.chmod(0o755)
        self.policy_socket = directory / "postfix/queue/tollgate/policy"
        self.anvil_socket = directory / "anvil"
        self.postfix = keep(self._make_postfix(faces, main or {}, chroot))
        self.postfix.start()
        self.trusted = [ipv4("haproxy"), ipv4("nginx"), ipv6("haproxy"),
                        ipv6("nginx")]
        self.policyd = keep(Policyd(
            directory / "policyd",
            [f"anvil-pass:unix:{self.anvil_socket}",
             f"policy:unix:{self.policy_socket}"],
            options=options or {}, sections=self.sections(service or {})))
        self.haproxy = keep(start_haproxy(network, directory / "haproxy"))
        self.nginx = keep(start_nginx(network, directory / "nginx"))
        for host in ("haproxy", "nginx"):
            wait_until(lambda: self.is_open((ipv4(host), 25)), 10,
                       f"{host} listens")

    def _make_postfix(self, faces, main, chroot):
        anvil = STOCK_ANVIL
        if "anvil" in faces:
            helper = shutil.copy(ANVIL_PASS, self.directory)
            anvil = pass_through(helper, self.anvil_socket)
        restrictions = {}
        if "policy" in faces:
            path = "tollgate/policy" if chroot else self.policy_socket
            restrictions = {
                "smtpd_recipient_restrictions": policy_service(path),
                "smtpd_end_of_data_restrictions": policy_service(path)}
        return LabPostfix(
            self.network, self.directory / "postfix", anvil=anvil,
            chroot=chroot, main={
                **MAIN, **restrictions,
                "smtpd_tls_chain_files": make_certificate(self.directory),
                **main})

    def sections(self, more):
        proxied = [("service", str(port),
                    {"port": port, "proxied": True,
                     "trusted_proxies": self.trusted, **more})
                   for port in (PLAIN, WRAPPED, SCREENED, XCLIENT)]
        return [*proxied, ("service", str(DIRECT), {"port": DIRECT})]

    def trust(self, *proxies):
        """By reload; returns when it is in force."""
        self.trusted = list(proxies)
        self.policyd.sections = self.sections({})
        reloads = self.policyd.metric("tollgate_reloads_total")
        self.policyd.write_config()
        self.policyd.process.signal(1)
        wait_until(lambda: self.policyd.metric("tollgate_reloads_total")
                   > reloads, 5, "the reload has happened")

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
    """Mail through both proxies, and bare health checks each second, from
    now until close; codes is what came of it."""

    def __init__(self, lab):
        self.lab = lab
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
                self.codes.append(self.lab.send((ipv4(proxy), 25)))
                continue
            with self.lab.network.inside("nginx"), \
                    contextlib.suppress(OSError):
                socket.create_connection((ipv4("mail"), PLAIN), 1).close()
                self.checks += 1

    def close(self):
        self._ended.set()
        for thread in self._threads:
            thread.join()
