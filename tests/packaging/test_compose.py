"""The compose files, read by Debian's own docker-compose; those that are added
to another's beside one of ours that has what theirs changes."""
import os
import shutil
import subprocess

import pytest
import yaml

from harness.policyd import TOP

COMPOSE = TOP / "docker/compose"
# Debian 13 has it as a plugin of docker's, which runs by itself as well.
PROGRAM = shutil.which("docker-compose") or \
    "/usr/libexec/docker/cli-plugins/docker-compose"
SIMPLELOGIN = {
    "services": {
        "app": {"image": "app"},
        "postfix": {
            "image": "postfix", "volumes": ["certs:/certs:ro"],
            "depends_on": {"traefik-certificate-exporter": {
                "condition": "service_healthy"}}},
        "traefik-certificate-exporter": {
            "image": "exporter", "environment": ["FLAT=true"],
            "depends_on": ["app"],
            "healthcheck": {"test": ["CMD", "false"], "retries": 3},
            "volumes": ["/var/run/docker.sock:/var/run/docker.sock:ro",
                        "traefik-acme:/data:ro", "certs:/certs"]}},
    "volumes": {"certs": None, "traefik-acme": {"name": "traefik-acme"}}}
MAILSERVER = {"services": {"mailserver": {
    "image": "mailserver", "volumes": ["./docker-data/dms:/tmp/dms"]}}}


def config(folder, *files):
    """What compose makes of the files, from that folder."""
    done = subprocess.run(
        [PROGRAM, *(word for it in files for word in ("-f", str(it))),
         "config"], cwd=folder, check=False, timeout=60, text=True,
        capture_output=True, env={
            "PATH": os.environ["PATH"], "HOME": str(folder),
            "MAIL_NAME": "mail.example.com", "DOMAIN": "alias.example",
            "TOLLGATE_SOURCE": str(TOP)})
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


def added(folder, base, name):
    (folder / "docker-compose.yaml").write_text(yaml.safe_dump(base))
    return config(folder, "docker-compose.yaml", COMPOSE / name /
                  "compose.yaml")


@pytest.mark.parametrize("name", ["traefik", "two-pods"])
def test_a_file_that_stands_alone(tmp_path, name):
    """docker-compose 1.29 does not know "name", which every later one does."""
    text = (COMPOSE / name / "compose.yaml").read_text()
    line = f"name: tollgate-{name}\n"
    assert line in text
    path = tmp_path / "compose.yaml"
    path.write_text(text.replace(line, ""))
    services = config(tmp_path, path)
    assert all("image" in it or "build" in it for it in services.values())


def test_docker_mailserver(tmp_path):
    services = added(tmp_path, MAILSERVER, "docker-mailserver")
    assert services["mailserver"]["image"] == "mailserver"
    assert len(services["mailserver"]["volumes"]) == 4
    assert services["tollgate"]["pid"] == "service:mailserver"


def mounts(service):
    """{target: source}, in either form."""
    return {it["target"]: it["source"] for it in service["volumes"]} \
        if isinstance(service["volumes"][0], dict) else \
        {it.split(":")[1]: it.split(":")[0] for it in service["volumes"]}


def test_simplelogin(tmp_path):
    """Nothing of the exporter is left but its name and its dependencies."""
    services = added(tmp_path, SIMPLELOGIN, "simplelogin")
    ours = services["traefik-certificate-exporter"]
    assert ours["image"] == "tollgate:latest"
    assert mounts(ours)["/var/run/docker.sock"] == "/dev/null"
    assert mounts(ours)["/acme"] == "traefik-acme"
    assert "tollgatectl health" in ours["healthcheck"]["test"][1]
    assert ours["environment"]["SSL_DOMAIN"] == "app.alias.example"
    assert {"app"} == set(ours["depends_on"])
    assert "/var/lib/tollgate" in mounts(services["postfix"])
