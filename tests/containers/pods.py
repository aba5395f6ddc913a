"""podman kube play of the manifests in docker/kubernetes. Of what a cluster has,
names of services are aliases in podman's network, and HAProxy stands where
Traefik's pods would. NetworkPolicies are not obeyed."""
import json
import os
import signal
import subprocess

import yaml

from harness.wait import wait_until
from say import TOP, say_from

NETWORK = "tollgate-mail"
CLIENTS = 4  # each below conf/profiles/small.conf
# As the chart of Traefik labels its pods.
PROXY = {"app.kubernetes.io/name": "traefik"}
HAPROXY = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    default-server init-addr last,libc,none
resolvers engine
    parse-resolv-conf
    hold valid 1s
    hold nx 1s
listen smtp
    bind :2525
    server pod {server}:12525 send-proxy-v2 resolvers engine
"""


def podman(*words, stdin=None, check=True, timeout=300):
    done = subprocess.run(["podman", *map(str, words)], check=False,
                          capture_output=True, text=True, timeout=timeout,
                          input=stdin)
    assert done.returncode == 0 or not check, \
        f"podman {words}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def inspect(container):
    return json.loads(podman("inspect", "--type", "container", container))[0]


def kustomized(variant):
    text = subprocess.run(
        ["kubectl", "kustomize", TOP / "docker/kubernetes" / variant],
        capture_output=True, text=True, check=True).stdout
    return [it for it in yaml.safe_load_all(text) if it]


class Cluster:
    """The objects of a kustomization, played."""

    def __init__(self, variant):
        self._objects = kustomized(variant)
        self._played = []
        self._deployments = {
            it["metadata"]["name"]: it["spec"]["template"]
            for it in self._objects if it["kind"] == "Deployment"}

    def start(self, folder):
        podman("network", "create", NETWORK)
        for name, template in self._deployments.items():
            self._tag_images(template["spec"])
            self._play(name, template["metadata"]["labels"])
        config = folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(server="postfix"))
        self._run("proxy", self._aliases(PROXY), "-v",
                  f"{config}:/usr/local/etc/haproxy/haproxy.cfg:ro",
                  "haproxy:2.6-alpine")
        for number in range(CLIENTS):
            self._run(f"client{number}", (), "--init", "debian:trixie-slim",
                      "sleep", "infinity")

    @staticmethod
    def _tag_images(spec):
        for container in spec["containers"]:
            name = container["image"].split(":")[0]
            if name.startswith("tollgate"):
                podman("tag", f"localhost/{name}",
                       f"localhost/{container['image']}")

    def _aliases(self, labels):
        """The names that a cluster resolves to what has those labels."""
        names = [it["metadata"]["name"] for it in self._objects
                 if it["kind"] == "Service" and
                 it["spec"]["selector"].items() <= labels.items()]
        return [*names, *(f"{name}.mail.svc.cluster.local" for name in names)]

    def _run(self, name, aliases, *words):
        podman("run", "-d", "--name", name, *self._network(aliases), *words)

    @staticmethod
    def _network(aliases):
        return ["--network", ":".join([NETWORK, ",".join(
            f"alias={name}" for name in aliases)]).rstrip(":")]

    def _play(self, name, labels):
        """Whatever is for this Deployment, in a cluster's order."""
        text = yaml.safe_dump_all(
            it for it in self._objects
            if it["kind"] == "ConfigMap" or
            (it["kind"], it["metadata"]["name"]) == ("Deployment", name))
        self._played.append(text)
        podman("kube", "play", *self._network(self._aliases(labels)), "-",
               stdin=text)

    def container(self, name, pod="postfix"):
        return f"{pod}-pod-{name}"

    def state(self, name):
        return inspect(self.container(name))["State"]

    def try_exec(self, name, *words, pod="postfix"):
        return subprocess.run(
            ["podman", "exec", self.container(name, pod), *words],
            capture_output=True, text=True, check=False, timeout=60)

    def probes(self):
        """(Deployment, container, kind, command) of each in the manifests."""
        return [(pod, container["name"], kind, probe["exec"]["command"])
                for pod, template in self._deployments.items()
                for container in template["spec"]["containers"]
                for kind, probe in container.items() if kind.endswith("Probe")]

    def is_ready(self):
        return all(self.try_exec(name, *command, pod=pod).returncode == 0
                   for pod, name, _, command in self.probes())

    def wait_ready(self):
        wait_until(self.is_ready, 60, lambda: f"all are ready: {self.log()}")

    def ctl(self, *words):
        return self.try_exec("tollgate", "tollgatectl", *words).stdout

    def log(self):
        return podman("logs", "--tail", "50", self.container("tollgate"))

    def kill(self, name):
        """The container's process; nobody tells podman. It is started again,
        as the manifest's restartPolicy says."""
        pid = self.state(name)["Pid"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.state(name)["Pid"] not in (0, pid), 60,
                   lambda: f"{name} is started again: {self.state(name)}")

    def say(self, server, port, *lines, client=0):
        """The codes that a client within the network is told."""
        return say_from(inspect(f"client{client}")["State"]["Pid"],
                        self.address(server), port, lines)

    def address(self, container):
        """A pod's is that of its infra container."""
        found = inspect(container)
        if found.get("Pod") and not found["NetworkSettings"]["Networks"]:
            found = inspect(json.loads(podman("pod", "inspect", found["Pod"]))[
                0]["InfraContainerID"])
        return found["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]

    def down(self):
        for text in self._played:
            podman("kube", "down", "--force", "-", stdin=text)
        self._played = []

    def close(self):
        self.down()
        podman("rm", "-f", "-i", "-t", "1", "proxy",
               *(f"client{number}" for number in range(CLIENTS)))
        podman("network", "rm", "-f", NETWORK)
