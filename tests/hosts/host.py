"""A kind of mail host: what its main.cf and master.cf have that matters, and
the table of its paths. The texts are ours, and no host's own.

Left out is what needs name servers or tables of users. Everything is delivered
to nowhere.
"""
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness.clinic import age, examine, run_commands
from harness.policyd import ANVIL_PASS, Policyd, render
from harness.postfix import MASTER_CF, Postfix
from harness.ports import is_taken
from harness.process import Process, has_ended
from harness.sasl_server import SaslServer
from harness.wait import PATIENT, wait_until
from network import HOST, LOCALHOST, PROXY
from proxy_lab.in_network import make_certificate

# What makes the instance a private and a quick one; the words between @ are
# filled in.
LAB = """
queue_directory = @queue@
data_directory = @data@
maillog_file = @log@
maillog_file_prefixes = /tmp, /var
myhostname = mail.test.example
mydestination = test.example
inet_interfaces = all
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
local_transport = discard:
default_transport = discard:
smtpd_peername_lookup = no
postscreen_greet_wait = 1s
postscreen_cache_map =
service_throttle_time = 1s
smtpd_tls_chain_files = @certificate@
smtpd_sasl_type = dovecot
smtpd_sasl_path = login/auth
"""
# An option of those for the proxy, and a main.cf of several.
HEADER = "-o smtpd_upstream_proxy_protocol=haproxy"
MAIN = """
compatibility_level = 3.6
mynetworks = 127.0.0.0/8
smtpd_tls_security_level = may
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated
  defer_unauth_destination
"""

# A policy service: to all that it is asked it gives its one answer.
ANSWERING = """#!/bin/sh
while read -r line; do
    [ -n "$line" ] || printf 'action=ANSWER\\n\\n'
done
"""


@dataclass(frozen=True)
class Kind:
    name: str
    main: str
    master: str
    paths: list
    # Ports that have a section in tollgate.conf.
    proxied: tuple = ()
    direct: tuple = ()
    words: frozenset = frozenset()  # findings that no command mends
    # Of the host's own: command lines, and the port that each listens at.
    programs: tuple = ()

    def __str__(self):
        return self.name


class HostPostfix(Postfix):
    def __init__(self, directory, kind, certificate):
        self.kind, self.certificate = kind, certificate
        super().__init__(directory, port=25, address=HOST)

    def _fill(self, text):
        for word, value in {
                "queue": self.queue, "data": self.data, "log": self.log.path,
                "certificate": self.certificate,
                "place": self.directory}.items():
            text = text.replace(f"@{word}@", str(value))
        return text

    def _write_main_cf(self, *_):
        (self.etc / "main.cf").write_text(self._fill(LAB + self.kind.main))

    def _write_master_cf(self, *_):
        (self.etc / "master.cf").write_text(
            MASTER_CF + "anvil unix - - n - 1 anvil\n"
            + self._fill(self.kind.master))
        age(self.etc)
        for answer in ("OK", "DUNNO"):
            script = self.directory / f"says-{answer}"
            script.write_text(ANSWERING.replace("ANSWER", answer))
            script.chmod(0o755)

    def _own_children(self):
        master = self.master_pid()
        with open(f"/proc/{master}/task/{master}/children",
                  encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def reload(self):
        """And nobody is left who knows the old configuration."""
        old = self._own_children()
        super().reload()
        names = ("smtpd", "postscreen", "anvil")
        old = [pid for pid in old if self._program(pid) in names]
        wait_until(lambda: all(map(has_ended, old)), 20,
                   lambda: f"the old ones end: {old}\n{self.log.text()}")

    @staticmethod
    def _program(pid):
        try:
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                return file.read().strip()
        except OSError:
            return ""


class Host:
    """Postfix runs; doctor's advice and policyd come with treat."""

    def __init__(self, kind, directory, keep):
        self.kind, self.directory, self._keep = kind, directory, keep
        self.postfix = keep(HostPostfix(
            directory / "postfix", kind, make_certificate(directory)))
        login = self.postfix.queue / "login"
        login.mkdir()
        login.chmod(0o755)
        keep(SaslServer(login / "auth"))
        for argv, port in kind.programs:
            keep(Process(argv, directory / f"{port}.log"))
            wait_until(lambda: is_taken((LOCALHOST, port)), 10, argv[0])
        self.helper = shutil.copy(ANVIL_PASS, directory)
        self.listen = [f"anvil-pass:unix:{directory}/anvil",
                       f"policy:unix:{self.postfix.queue}/tollgate/policy"]
        self.sections = [
            *(("service", str(port), {
                "port": port, "proxied": True, "trusted_proxies": [PROXY]})
              for port in kind.proxied),
            *(("service", str(port), {"port": port}) for port in kind.direct),
            ("limit", "sender-day", {
                "at": "policy", "event": "recipient",
                "key": ["client", "sender"], "rate": "1/1d"})]
        self.config = directory / "tollgate.conf"
        self.config.write_text(render(
            {"user": "nobody", "group": "nogroup"},
            [*self.sections, ("policyd", None, {"listen": self.listen}),
             ("milter", None, {"listen": ""})]))
        self.postfix.start()

    def play(self, column):
        """The paths whose reply is another than the table's, and the reply."""
        with ThreadPoolExecutor(len(self.kind.paths)) as pool:
            replies = pool.map(lambda path: path.play(self), self.kind.paths)
        return [f"{path.name}: {said!r}, not {path.wanted(column)!r}"
                for path, said in zip(self.kind.paths, replies)
                if not re.match(path.wanted(column), said)]

    def must_play(self, column):
        wrong = self.play(column)
        assert not wrong, f"{wrong}\n{self.postfix.log.text()[-6000:]}"

    def treat(self):
        """What doctor prints, run until it prints no more; what it finds
        then."""
        for _ in range(3):
            findings = examine(self.config, self.postfix.etc)[1]
            commands = [line for it in findings for line in it["mend"]]
            if not commands:
                break
            run_commands(commands, self.postfix.etc, self.helper)
        assert not commands, f"doctor never ends: {commands}"
        self.serve()
        return {it["name"] for it in findings}

    def serve(self):
        """With policyd, and what is in main.cf and master.cf now."""
        self._keep(Policyd(
            self.directory / "policyd", self.listen, options=PATIENT,
            sections=self.sections))
        self.postfix.reload()


def check(kind, place, keep):
    """The table of one host. What worked works, and what is forged does not:
    the table may say nothing else."""
    for path in kind.paths:
        assert path.is_forged == (path.wanted("after") == "421"), path
    host = Host(kind, place, keep)
    host.must_play("before")
    assert host.treat() == kind.words
    host.must_play("after")
