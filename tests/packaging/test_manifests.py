"""Compose files and Kubernetes manifests: what they say, held together.

Neither compose nor kubectl is here, so this checks what they would trip over:
the shape of each object, that every name it refers to is there, and that what
runs has the rights that the proof needs and no more."""
import pathlib
import re

import pytest
import yaml
from jsonschema import Draft7Validator

from harness.policyd import TOP

COMPOSE = sorted((TOP / "docker/compose").glob("*/compose.yaml"))
KUBERNETES = TOP / "docker/kubernetes"
# Of the compose specification, the part that these files use.
SERVICE = {
    "type": "object", "additionalProperties": False,
    "properties": {
        "image": {"type": "string"},
        "build": {
            "type": "object", "additionalProperties": False,
            "required": ["context", "dockerfile", "target"],
            "properties": {name: {"type": "string"} for name in (
                "context", "dockerfile", "target")}},
        "command": {"type": "array", "items": {"type": "string"}},
        "restart": {"enum": ["unless-stopped", "no"]},
        "read_only": {"type": "boolean"},
        "network_mode": {"enum": ["none"]},
        "pid": {"type": "string", "pattern": "^service:"},
        "environment": {"type": "object",
                        "additionalProperties": {"type": "string"}},
        "labels": {"type": "object",
                   "additionalProperties": {"type": "string"}},
        "depends_on": {"oneOf": [
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": {
                "type": "object", "required": ["condition"]}}]},
        "healthcheck": {"type": "object"},
        **{name: {"type": "array", "items": {"type": "string"}} for name in (
            "ports", "volumes", "cap_add", "cap_drop", "security_opt")}},
}
PROJECT = {
    "type": "object", "required": ["services", "volumes"],
    "additionalProperties": False, "patternProperties": {"^x-": {}},
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]*$"},
        "services": {"type": "object", "additionalProperties": SERVICE},
        "volumes": {"type": "object",
                    "additionalProperties": {"type": "null"}}},
}
IS_SMALLER = {"traefik": {"CHOWN", "SETGID", "SETUID", "DAC_READ_SEARCH",
                          "SYS_PTRACE"},
              "docker-mailserver": {"CHOWN", "SETGID", "SETUID",
                                    "DAC_READ_SEARCH", "SYS_PTRACE"},
              "two-pods": {"CHOWN", "SETGID", "SETUID", "SYS_PTRACE"}}
# Made by its user: docker-mailserver's own compose file has the service.
BROUGHT = {"docker-mailserver": {"mailserver"}}


@pytest.fixture(params=COMPOSE, ids=lambda path: path.parent.name)
def compose(request):
    return request.param, yaml.safe_load(request.param.read_text())


def test_there_are_three_compose_files():
    assert [path.parent.name for path in COMPOSE] == [
        "docker-mailserver", "traefik", "two-pods"]


def test_a_compose_file_has_the_right_shape(compose):
    _, project = compose
    Draft7Validator.check_schema(PROJECT)
    assert [error.message for error in
            Draft7Validator(PROJECT).iter_errors(project)] == []


def test_a_compose_file_s_names_are_there(compose):
    path, project = compose
    brought = BROUGHT.get(path.parent.name, set())
    services = project["services"]
    targets = set(re.findall(r" AS (\w+)$",
                             (TOP / "docker/Dockerfile").read_text(), re.M))
    for name, service in services.items():
        assert "image" in service or "build" in service or name in brought
        others = set(service.get("depends_on", []))
        if "pid" in service:
            others.add(service["pid"].split(":")[1])
        assert others <= set(services), name
        for volume in service.get("volumes", []):
            outside = volume.split(":")[0]
            if outside.startswith("./") and "docker-data" not in outside:
                assert (path.parent / outside).is_file(), volume
            elif outside[0] not in "./":
                assert outside in project["volumes"], volume
        if "build" in service:
            build = service["build"]
            context = (path.parent / build["context"]).resolve()
            assert (context / build["dockerfile"]).is_file()
            assert build["target"] in targets


def test_tollgate_has_the_fewest_rights_in_compose(compose):
    path, project = compose
    own = [service for name, service in project["services"].items()
           if name.startswith("tollgate") and name != "tollgate-helper"]
    assert own
    for service in own:
        assert service["cap_drop"] == ["ALL"] and service["read_only"]
        assert set(service["cap_add"]) == IS_SMALLER[path.parent.name]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["pid"].startswith("service:")
        assert "ports" not in service  # /metrics is for inside


# Kubernetes

def objects(path):
    return [it for it in yaml.safe_load_all(path.read_text()) if it]


def kustomizations():
    return sorted(KUBERNETES.rglob("kustomization.yaml"))


def test_all_variants_are_there():
    assert [path.parent.relative_to(KUBERNETES).as_posix()
            for path in kustomizations()] == [
        "base", "baseline", "mailu/common", "mailu/large", "mailu/medium",
        "mailu/small"]


@pytest.mark.parametrize("path", kustomizations(),
                         ids=lambda path: path.parent.name)
def test_a_kustomization_s_files_are_there(path):
    [it] = objects(path)
    assert (it["apiVersion"], it["kind"]) in [
        ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
        ("kustomize.config.k8s.io/v1alpha1", "Component")]
    named = it.get("resources", []) + it.get("components", []) + [
        patch["path"] for patch in it.get("patches", []) if "path" in patch]
    for generator in it.get("configMapGenerator", []):
        # kustomize takes files from below its own folder only.
        assert all("/" not in name for name in generator["files"])
        named += generator["files"]
    assert named
    for name in named:
        target = path.parent / name
        assert target.is_file() or \
            (target / "kustomization.yaml").is_file(), name


def manifests():
    return [(path, it) for path in sorted(KUBERNETES.rglob("*.yaml"))
            if path.name not in ("kustomization.yaml", "sidecar.yaml")
            for it in objects(path)]


def test_objects_have_the_right_shape():
    versions = {
        "Deployment": "apps/v1", "Service": "v1",
        "NetworkPolicy": "networking.k8s.io/v1",
        "PodMonitor": "monitoring.coreos.com/v1",
        "MiddlewareTCP": "traefik.io/v1alpha1",
        "IngressRouteTCP": "traefik.io/v1alpha1"}
    for path, it in manifests():
        assert it["apiVersion"] == versions[it["kind"]], path
        assert re.fullmatch("[a-z0-9-]+", it["metadata"]["name"]), path
        assert set(it) == {"apiVersion", "kind", "metadata", "spec"}, path


def whole_deployments():
    found = [(path, it) for path, it in manifests()
             if it["kind"] == "Deployment" and "selector" in it["spec"]]
    assert len(found) == 2
    return found


def test_deployments_hold_together():
    for path, it in whole_deployments():
        pod = it["spec"]["template"]
        assert it["spec"]["selector"]["matchLabels"].items() <= \
            pod["metadata"]["labels"].items()
        check_pod(pod["spec"])


def check_pod(spec):
    volumes = {volume["name"] for volume in spec.get("volumes", [])}
    ports = [port["name"] for container in spec["containers"]
             for port in container.get("ports", [])]
    assert len(ports) == len(set(ports))
    for container in spec["containers"]:
        mounted = {it["name"] for it in container.get("volumeMounts", [])}
        assert mounted <= volumes, container["name"]
        named = {port["name"] for port in container.get("ports", [])}
        assert all(len(name) <= 15 for name in named)
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            http = container.get(probe, {}).get("httpGet")
            assert http is None or http["port"] in named


def tollgate_of(spec):
    [own] = [it for it in spec["containers"] if it["name"] == "tollgate"]
    return own


def check_rights(spec, expected):
    own = tollgate_of(spec)
    context = own["securityContext"]
    # A container that is not root gets no added capability into effect.
    assert context["runAsUser"] == 0
    assert not context["allowPrivilegeEscalation"]
    assert context["readOnlyRootFilesystem"]
    assert context["capabilities"]["drop"] == ["ALL"]
    assert set(context["capabilities"]["add"]) == expected


NEEDED = {"CHOWN", "SETGID", "SETUID"}


def test_the_base_can_prove_and_baseline_does_not_try():
    [spec] = [it["spec"]["template"]["spec"] for _, it in whole_deployments()
              if it["metadata"]["name"] == "postfix"]
    assert spec["shareProcessNamespace"] is True
    check_rights(spec, NEEDED | {"SYS_PTRACE"})
    [patch] = objects(KUBERNETES / "baseline/postfix.yaml")
    changed = patch["spec"]["template"]["spec"]
    assert changed["shareProcessNamespace"] is False
    # Pod Security "baseline" admits these, and not SYS_PTRACE.
    assert set(tollgate_of(changed)["securityContext"]["capabilities"]
               ["add"]) == NEEDED
    config = (KUBERNETES / "baseline/tollgate.conf").read_text()
    assert config.count('proof = "off"') == config.count("proxied = true") == 1


def chart():
    """Mailu's Deployment, as far as the patch refers to it."""
    return {"spec": {"template": {"spec": {
        "containers": [{"name": "postfix", "image": "mailu/postfix",
                        "volumeMounts": [{"name": "data",
                                          "mountPath": "/queue"}],
                        "ports": [{"name": "smtp", "containerPort": 25}]}],
        "volumes": [{"name": "data"}]}}}}


def apply(document, patch):
    """RFC 6902, of which the patches use nothing but "add"."""
    for step in patch:
        assert step["op"] == "add"
        *parents, last = step["path"].lstrip("/").split("/")
        at = document
        for name in parents:
            at = at[int(name)] if isinstance(at, list) else at[name]
        if isinstance(at, list):
            at.insert(len(at) if last == "-" else int(last), step["value"])
        else:
            at[last] = step["value"]


@pytest.mark.parametrize("profile, in_flight", [
    ("small", 15), ("medium", 25), ("large", 50)])
def test_the_mailu_overlay_puts_tollgate_beside_postfix(profile, in_flight):
    document = chart()
    common = KUBERNETES / "mailu/common"
    apply(document, yaml.safe_load((common / "sidecar.yaml").read_text()))
    [overlay] = objects(KUBERNETES / "mailu" / profile / "kustomization.yaml")
    for patch in overlay["patches"]:
        apply(document, yaml.safe_load(patch["patch"]))
    spec = document["spec"]["template"]["spec"]
    check_pod(spec)
    check_rights(spec, NEEDED | {"SYS_PTRACE"})
    assert spec["shareProcessNamespace"] is True
    assert {"name": "PROFILE", "value": profile} in tollgate_of(spec)["env"]
    middleware = objects(KUBERNETES / "mailu" / profile / "traefik.yaml")[0]
    assert middleware["spec"]["inFlightConn"]["amount"] == in_flight


@pytest.mark.parametrize("profile, connections, messages", [
    ("small", 60, 100), ("medium", 120, 200), ("large", 180, 300)])
def test_profiles_are_mailu_s_anvil_for_all_pods(
        profile, connections, messages):
    text = (TOP / f"conf/profiles/{profile}.conf").read_text()
    values = dict(re.findall(r"^(\w+) = (.*)$", text, re.M))
    assert values == {
        "client_limits_at": '"anvil"', "rate_time_unit": '"60s"',
        "client_connection_count_limit": "10",
        "client_connection_rate_limit": str(connections),
        "client_message_rate_limit": str(messages),
        "client_recipient_rate_limit": "300"}


def test_every_file_of_kubernetes_is_used():
    used = set()
    for path in kustomizations():
        text = path.read_text()
        used |= {file for file in path.parent.iterdir()
                 if file.name in text} | {path}
        used |= {(path.parent / name).resolve() for name in
                 re.findall(r"- (\.\./\S+\.yaml)", text)}
    files = {path for path in pathlib.Path(KUBERNETES).rglob("*")
             if path.is_file()}
    assert files <= used, sorted(files - used)
