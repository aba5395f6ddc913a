"""A configuration of Postfix for tollgatectl doctor to look at.

As Debian installs it, with two listeners behind a proxy; no Postfix and no
daemon runs, but listening sockets stand where those of the daemons would."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

from .policyd import ANVIL_PASS, BUILD, render

TOLLGATECTL = BUILD / "tollgatectl"
DEBIAN = pathlib.Path("/usr/share/postfix")
PROXY = "-o smtpd_upstream_proxy_protocol=haproxy"
PROXIED = {"proxied": True, "trusted_proxies": ["10.90.0.3", "fd90::3"]}


def copy_debian(etc, queue, **parameters):
    """main.cf and master.cf as the package brings them, chroot and all."""
    etc.mkdir(exist_ok=True)
    shutil.copy(DEBIAN / "main.cf.debian", etc / "main.cf")
    shutil.copy(DEBIAN / "master.cf.dist", etc / "master.cf")
    (etc / "main.cf").chmod(0o644)
    (etc / "master.cf").chmod(0o644)
    postconf(etc, "-e", f"queue_directory={queue}",
             *(f"{name}={value}" for name, value in parameters.items()))


def postconf(etc, *arguments):
    done = subprocess.run(
        ["postconf", "-c", str(etc), *arguments], check=True, timeout=30,
        capture_output=True, text=True).stdout
    age(etc)
    return done


def age(etc):
    """Whoever reads a file of Postfix's that is younger than a second or two
    waits until it is not."""
    for path in (etc / "main.cf", etc / "master.cf"):
        os.utime(path, (1, 1))


def tollgatectl(*arguments):
    return subprocess.run(
        [str(TOLLGATECTL), *map(str, arguments)], check=False, timeout=60,
        capture_output=True, text=True)


def examine(config, etc):
    """(exit status, findings, notes)"""
    done = tollgatectl("-c", config, "-j", "doctor", "--postfix-config", etc)
    assert done.stderr == "", done.stderr
    result = json.loads(done.stdout)["result"]
    return done.returncode, result["findings"], result["notes"]


def printed_commands(config, etc):
    """What a person would copy from the screen."""
    done = tollgatectl("-c", config, "doctor", "--postfix-config", etc)
    return re.findall(r"^ +(postconf .*)$", done.stdout, re.M)


def run_commands(commands, etc, helper):
    """As they stand, but that the helper is not installed here."""
    for command in commands:
        command = re.sub(r"argv=/\S*/tollgate-anvil-pass", f"argv={helper}",
                         command)
        done = subprocess.run(["sh", "-ec", command], timeout=30, check=False,
                              capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stderr)
        age(etc)


class Clinic:
    def __init__(self, directory, keep):
        self.directory = directory
        self.queue = directory / "queue"
        self.etc = directory / "etc"
        self.config = directory / "tollgate.conf"
        self.anvil = directory / "anvil"
        self.policy = self.queue / "tollgate/policy"
        self.milter = self.queue / "tollgate-milter/milter"
        self.helper = shutil.copy(ANVIL_PASS, directory)
        self._keep = keep
        for made in (self.queue, self.policy.parent, self.milter.parent):
            made.mkdir()
            made.chmod(0o755)
        for path in (self.anvil, self.policy, self.milter,
                     self.queue / "tollgate/sni"):
            self.listen(path)
        copy_debian(self.etc, self.queue)
        for port in (12525, 10465):
            self.postconf(
                "-M", f"{port}/inet={port} inet n - y - - smtpd {PROXY}")
        self.write_config()

    def listen(self, path):
        listener = self._keep(socket.socket(socket.AF_UNIX))
        listener.bind(str(path))
        listener.listen()
        path.chmod(0o666)

    def postconf(self, *arguments):
        return postconf(self.etc, *arguments)

    def write_config(self, *, listen=None, services=None, options=None,
                     milter=None):
        if listen is None:
            listen = [f"policy:unix:{self.policy}",
                      f"sni:unix:{self.queue}/tollgate/sni",
                      f"anvil-pass:unix:{self.anvil}"]
        if services is None:
            services = {"12525": {}, "10465": {}}
        limits = [
            ("limit", "sasl-day", {
                "at": "policy", "event": "recipient",
                "key": ["sasl_username"], "rate": "500/1d"}),
        ] if any(item.startswith("policy:") for item in listen) else []
        self.config.write_text(render(
            {"user": "nobody", "group": "nogroup", **(options or {
                "client_limits_at": "anvil",
                "client_message_rate_limit": 100})},
            [*(("service", title, {"port": int(title), **PROXIED, **more})
               for title, more in services.items()),
             *limits,
             ("limit", "guesses", {
                 "event": "rejected_recipient", "key": ["client"],
                 "rate": "10/1h"}),
             ("certificate", "mail.example", {
                 "source": "certbot:/etc/letsencrypt/live/mail.example",
                 "default_chain": f"{self.directory}/default.pem",
                 "refresh_map": f"{self.directory}/refresh.cdb"}),
             ("policyd", None, {"listen": listen}),
             ("milter", None, {"listen": milter or f"unix:{self.milter}"})]))

    def examine(self):
        return examine(self.config, self.etc)

    def names(self):
        return [finding["name"] for finding in self.examine()[1]]

    def treat(self):
        """Runs what doctor advises now; its advice that is no command."""
        findings = self.examine()[1]
        for finding in findings:
            run_commands(finding["mend"], self.etc, self.helper)
        return [it["advice"] for it in findings if it["advice"]]

    def save(self):
        return {path: path.read_bytes()
                for path in (self.config, *self.etc.iterdir())}

    def restore(self, saved):
        for path, content in saved.items():
            path.write_bytes(content)
        age(self.etc)
        os.chmod(self.policy.parent, 0o755)
