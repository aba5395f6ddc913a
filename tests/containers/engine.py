"""docker and compose: the projects of docker/compose, each as its guide says,
with clients in its network. Whatever a registry or a user brings is a stand-in
(play, standins)."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import yaml

from harness.authority import acme_json
from harness.wait import wait_until
from say import NAME, TOP, say_from

STAND_INS = pathlib.Path(__file__).parent / "standins"
COMPOSE = TOP / "docker/compose"
CLIENTS = 6  # each below conf/profiles/small.conf
ENVIRONMENT = {"MAIL_NAME": NAME, "TOLLGATE_SOURCE": str(TOP),
               "DOCKER_BUILDKIT": "0"}


def run(*command, check=True, **more):
    done = subprocess.run(
        list(map(str, command)), check=False, capture_output=True, text=True,
        **{"timeout": 300, "env": {**os.environ, **ENVIRONMENT}, **more})
    assert done.returncode == 0 or not check, \
        f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def docker(*words, **more):
    return run("docker", *words, **more)


def inspect(container):
    return json.loads(docker("inspect", container))[0]


class Project:
    """pairs: each daemon and its Postfix; front: the service and port that
    clients come to; forged_at: ports at which headers are proven; acme: the
    service that has Traefik's files, and which of them tollgate reads; publishes:
    a port at which docker's userland proxy listens."""

    name = folder = network = None
    pairs = {}
    front = ()
    acme = None
    forged_at = (12525, 10587)
    redis = None
    publishes = False

    def __init__(self, place):
        self.place = place
        self.services = []
        self.clients = []

    def start(self, issued):
        """Up, and not yet healthy."""
        self.prepare()
        if self.acme:
            self.compose("up", "-d", "--no-build", self.acme[0])
            self.renew(issued)
        self.up()
        self.services = self.compose("ps", "-a", "--format",
                                     "{{.Service}}").split()
        self.clients = [docker(
            "run", "-d", "--rm", "--init", "--network",
            f"{self.name}_{self.network or 'default'}", "debian:trixie-slim",
            "sleep", "infinity") for _ in range(CLIENTS)]

    def prepare(self):
        """What a user does before the first command."""

    def up(self):
        self.compose("up", "-d", "--no-build", "--quiet-pull")

    def files(self):
        return [COMPOSE / self.folder / "compose.yaml"]

    def compose(self, *words):
        return docker("compose", *(word for it in self.files()
                                   for word in ("-f", it)), *words,
                      cwd=self.place)

    def container(self, service):
        return f"{self.name}-{service}-1"

    def state(self, service):
        return inspect(self.container(service))["State"]

    def wait_healthy(self, service, seconds=60):
        return wait_until(
            lambda: self.state(service)["Health"]["Status"] == "healthy",
            seconds, lambda: f"{service}: {self.state(service)}")

    def serves(self, daemon):
        """Whatever the engine's own interval of health checks is."""
        return self.state(daemon)["Running"] and subprocess.run(
            ["docker", "exec", self.container(daemon), "tollgatectl",
             "health"], capture_output=True, check=False,
            timeout=60).returncode == 0

    def wait_serving(self):
        for daemon in self.pairs:
            wait_until(lambda it=daemon: self.serves(it), 60,
                       lambda it=daemon: f"{it} serves: {self.log(it)}")

    def kill(self, service):
        """Its first process, as the kernel may; docker starts it again, as
        the compose file's restart says."""
        before = self.state(service)
        os.kill(before["Pid"], signal.SIGKILL)
        wait_until(lambda: self.state(service)["Pid"] not in (
            0, before["Pid"]), 60, lambda: f"{service}: {self.state(service)}")

    def address(self, service):
        networks = inspect(self.container(service))["NetworkSettings"][
            "Networks"]
        return networks[f"{self.name}_{self.network or 'default'}"]["IPAddress"]

    def ctl(self, service, *words):
        return docker("exec", self.container(service), "tollgatectl", *words)

    def log(self, service):
        done = subprocess.run(["docker", "logs", "--tail", "50",
                               self.container(service)],
                              capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def client_pid(self, client=0):
        return inspect(self.clients[client])["State"]["Pid"]

    def say(self, server, port, *lines, client=0):
        """The codes that a client among the containers is told."""
        return say_from(self.client_pid(client), self.address(server), port,
                        lines)

    def renew(self, issued):
        """In place and private, as Traefik does."""
        service, file = self.acme
        docker("exec", "-i", self.container(service), "sh", "-c",
               f"umask 077; cat >/acme/{file}",
               input=json.dumps(acme_json((NAME, [], issued))))

    def serves_certificate(self, issued):
        server, port = self.front
        done = subprocess.run(
            ["nsenter", "-t", str(self.client_pid()), "--net", "openssl",
             "s_client", "-starttls", "smtp", "-servername", NAME, "-connect",
             f"{self.address(server)}:{port}"], input="QUIT\n",
            capture_output=True, text=True, timeout=60, check=False)
        return issued.certificates[0].strip() in done.stdout

    def down(self):
        if self.clients:
            docker("rm", "-f", *self.clients, check=False)
        self.compose("down", "-v", "-t", "10")


class TwoPods(Project):
    folder = "two-pods"
    name = "tollgate-two-pods"
    pairs = {"tollgate1": "postfix1", "tollgate2": "postfix2"}
    front = ("haproxy", 2525)
    redis = "redis"
    publishes = True


class Traefik(Project):
    folder = "traefik"
    name = "tollgate-traefik"
    pairs = {"tollgate": "postfix"}
    front = ("traefik", 25)
    acme = ("traefik", "acme.json")
    redis = "redis"


class DockerMailserver(Project):
    """By the guide's own commands, in a folder of the user's."""

    folder = "docker-mailserver"
    name = "dms"
    network = "mail"
    pairs = {"tollgate": "mailserver"}
    front = ("traefik", 25)
    acme = ("traefik", "acme.json")

    def prepare(self):
        project = yaml.safe_load(
            (STAND_INS / "docker-mailserver.yaml").read_text())
        network = yaml.safe_load(self.guide(1, "yaml")[0])
        project["services"]["traefik"].update(network["services"]["traefik"])
        project["networks"] = network["networks"]
        (self.place / "compose.yaml").write_text(yaml.safe_dump(project))
        (self.place / "docker-data/dms/config").mkdir(parents=True)
        (self.place / "docker-data/traefik").mkdir()
        run("docker", "compose", "up", "-d", cwd=self.place)
        self._copy, self._up = self.guide(2, "sh")
        postfix = run("sh", "-ec", self._copy, cwd=self.place)
        config = self.place / "tollgate.conf"
        text = config.read_text()
        assert "172.16.42.2" in text and f'certificate "{NAME}"' in text
        config.write_text(re.sub("POSTFIX_UID:-[0-9]+",
                                 f"POSTFIX_UID:-{postfix}", text))

    @staticmethod
    def guide(step, kind):
        """What it says there is to be run, or to be in a file."""
        text = (TOP / "doc/guide-docker-mailserver.md").read_text()
        section = re.search(rf"^## {step}\..*?(?=^## )", text, re.M | re.S)
        return [it.replace("/path/to/tollgate", str(TOP)) for it in re.findall(
            rf"^```{kind}\n(.*?)^```", section.group(), re.M | re.S)]

    def files(self):
        return [self.place / "compose.yaml", *super().files()]

    def up(self):
        """Built it is already."""
        assert " --build" in self._up
        run("sh", "-ec", self._up.replace("--build", "--no-build"),
            cwd=self.place)


class SimpleLogin(Project):
    """No proxy: clients come to Postfix, which has certificates from us."""

    folder = "simplelogin"
    name = "simplelogin"
    pairs = {"traefik-certificate-exporter": "postfix"}
    front = ("postfix", 25)
    acme = ("traefik", "acme-tls.json")
    forged_at = ()

    def prepare(self):
        shutil.copy(STAND_INS / "simplelogin.yaml",
                    self.place / "docker-compose.yaml")
        shutil.copy(STAND_INS / "simplelogin-postfix.yaml",
                    self.place / "postfix-compose.yaml")
        ours = COMPOSE / self.folder
        shutil.copy(ours / "compose.yaml", self.place / "tollgate-compose.yaml")
        shutil.copy(ours / "tollgate.conf", self.place)
        (self.place / "postfix/templates").mkdir(parents=True)
        shutil.copy(ours / "98-icf-tollgate.tpl",
                    self.place / "postfix/templates")
        subdomain, domain = NAME.split(".", 1)
        number = docker("run", "--rm", "mailserver:stand-in", "id", "-u",
                        "postfix")
        (self.place / ".env").write_text(
            f"SUBDOMAIN={subdomain}\nDOMAIN={domain}\nPOSTFIX_UID={number}\n")

    def files(self):
        return [self.place / "docker-compose.yaml"]
