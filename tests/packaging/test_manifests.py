"""Compose files and Kubernetes manifests: what they say, held together.

kubectl builds each kustomization. Compose is not here, so for its files this
checks what it would trip over: their shape, and that every name is there. What
runs has the rights that the proof needs and no more."""
import pathlib
import re
import shutil

import pytest
import yaml
from jsonschema import Draft7Validator

from harness.policyd import TOP
from packlab.kubectl import kustomize

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
              # No proxy: nothing is proven.
              "simplelogin": {"CHOWN", "SETGID", "SETUID", "DAC_READ_SEARCH"},
              "two-pods": {"CHOWN", "SETGID", "SETUID", "SYS_PTRACE"}}
# Made by its user: docker-mailserver's and simplelogin's own compose files have
# the service.
BROUGHT_VOLUMES = {"traefik-acme"}
BROUGHT = {"docker-mailserver": {"mailserver"}, "simplelogin": {"postfix"}}


@pytest.fixture(params=COMPOSE, ids=lambda path: path.parent.name)
def compose(request):
    return request.param, yaml.safe_load(request.param.read_text())


def test_there_are_four_compose_files():
    assert [path.parent.name for path in COMPOSE] == [
        "docker-mailserver", "simplelogin", "traefik", "two-pods"]


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
                assert outside in project["volumes"] or \
                    outside in BROUGHT_VOLUMES, volume
        if "build" in service:
            build = service["build"]
            # compose counts from the first file's folder, which is the user's
            # where this file is added to another.
            assert name not in brought and (
                not brought or build["context"].startswith(
                    "${TOLLGATE_SOURCE:?"))
            context = TOP if brought else \
                (path.parent / build["context"]).resolve()
            assert (context / build["dockerfile"]).is_file()
            assert build["target"] in targets


def test_tollgate_has_the_fewest_rights_in_compose(compose):
    path, project = compose
    own = [service for name, service in project["services"].items()
           if service.get("build", {}).get("target") == "tollgate"
           and name != "tollgate-helper"]
    assert own
    for service in own:
        assert service["cap_drop"] == ["ALL"] and service["read_only"]
        assert set(service["cap_add"]) == IS_SMALLER[path.parent.name]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert ("pid" in service) == ("SYS_PTRACE" in service["cap_add"])
        assert "ports" not in service  # /metrics is for inside


# Kubernetes

def objects(path):
    return [it for it in yaml.safe_load_all(path.read_text()) if it]


def kustomizations():
    return sorted(KUBERNETES.rglob("kustomization.yaml"))


def built(folder, text=None):
    """The objects of a kustomization; text: it is written there first."""
    if text is not None:
        (folder / "kustomization.yaml").write_text(text)
    return [it for it in yaml.safe_load_all(kustomize(folder)) if it]


@pytest.mark.parametrize("variant", ["base", "baseline", "redis"])
def test_a_kustomization_can_be_built(variant):
    kinds = [it["kind"] for it in built(KUBERNETES / variant)]
    assert "Deployment" in kinds and "NetworkPolicy" in kinds
    assert ("PodMonitor" in kinds) == (variant != "redis")


def manifests():
    return [(path, it) for path in sorted(KUBERNETES.rglob("*.yaml"))
            if path.name not in ("kustomization.yaml", "sidecar.yaml")
            for it in objects(path)]


def test_objects_have_the_right_shape():
    versions = {
        "Deployment": "apps/v1", "Service": "v1", "Namespace": "v1",
        "NetworkPolicy": "networking.k8s.io/v1",
        "PodMonitor": "monitoring.coreos.com/v1",
        "MiddlewareTCP": "traefik.io/v1alpha1",
        "IngressRouteTCP": "traefik.io/v1alpha1"}
    for path, it in manifests():
        assert it["apiVersion"] == versions[it["kind"]], path
        assert re.fullmatch("[a-z0-9-]+", it["metadata"]["name"]), path
        assert set(it) == {"apiVersion", "kind", "metadata", "spec"} or \
            it["kind"] == "Namespace", path


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
            # podman asks by curl where a probe is httpGet, and the image has
            # none.
            assert "httpGet" not in container.get(probe, {})
    # podman makes a tmpfs for each container of what is in memory.
    assert not any("medium" in (it.get("emptyDir") or {})
                   for it in spec.get("volumes", []))


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


def proxied_ports():
    """Those at which the Postfix image takes PROXY headers."""
    return set(re.findall(r"^proxied (\d+) ",
                          (TOP / "docker/postfix-start").read_text(), re.M))


@pytest.mark.parametrize("path", [
    TOP / "docker/compose/two-pods", TOP / "docker/compose/traefik",
    KUBERNETES / "base", KUBERNETES / "baseline"], ids=lambda path: path.name)
def test_each_listener_that_takes_headers_has_a_service(path):
    text = (path / "tollgate.conf").read_text()
    assert proxied_ports() == {"12525", "10465", "10587"}
    for section in re.findall(r'^service "\w+" {\n(.*?)^}', text, re.M | re.S):
        assert "proxied = true" in section and "trusted_proxies" in section
    assert set(re.findall(r"^  port = (\d+)$", text, re.M)) == proxied_ports()


def test_mail_that_waits_is_in_a_volume(compose):
    _, project = compose
    postfix = [service for name, service in project["services"].items()
               if name.startswith("postfix") and "build" in service]
    queues = [next(it.split(":")[0] for it in service["volumes"]
                   if it.endswith(":/var/spool/postfix"))
              for service in postfix]
    assert len(set(queues)) == len(postfix)


NEEDED = {"CHOWN", "SETGID", "SETUID"}
# What Pod Security's level "baseline" lets a container add: of the standard, as
# of Kubernetes 1.31.
ADMITTED = NEEDED | {
    "AUDIT_WRITE", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
    "NET_BIND_SERVICE", "SETFCAP", "SETPCAP", "SYS_CHROOT"}
NEVER = {"hostNetwork", "hostPID", "hostIPC", "hostUsers"}


def test_the_base_can_prove():
    [spec] = [it["spec"]["template"]["spec"] for _, it in whole_deployments()
              if it["metadata"]["name"] == "postfix"]
    assert spec["shareProcessNamespace"] is True
    check_rights(spec, NEEDED | {"SYS_PTRACE"})


def test_baseline_is_admitted_where_its_namespace_says():
    built_objects = built(KUBERNETES / "baseline")
    [namespace] = [it for it in built_objects if it["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"][
        "pod-security.kubernetes.io/enforce"] == "baseline"
    specs = [it["spec"]["template"]["spec"] for it in built_objects
             if it["kind"] == "Deployment"]
    for spec in specs:
        check_baseline(spec)
    [own] = [it for spec in specs for it in spec["containers"]
             if it["name"] == "tollgate"]
    check_restricted(own["securityContext"])


def check_baseline(spec):
    assert not NEVER & set(spec)
    assert not any("hostPath" in it for it in spec.get("volumes", []))
    for container in spec["containers"]:
        context = container.get("securityContext", {})
        assert not context.get("privileged")
        assert set(context.get("capabilities", {}).get("add", [])) <= ADMITTED
        assert not any("hostPort" in it for it in container.get("ports", []))


def check_restricted(context):
    assert context["runAsNonRoot"] and context["runAsUser"] != 0
    assert context["allowPrivilegeEscalation"] is False
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert context["capabilities"] == {"drop": ["ALL"]}


def test_baseline_has_a_gate_for_each_listener():
    text = (KUBERNETES / "baseline/tollgate.conf").read_text()
    services = dict(re.findall(r"^proxied (\d+) ([\w-]+)", (
        TOP / "docker/postfix-start").read_text(), re.M))
    gated = dict(re.findall(
        r'^  port = (\d+)\n(?:.*\n){2}  pass_to = ".*/public/(.*)"$', text,
        re.M))
    assert gated == services and len(gated) == 3
    for port in gated:
        assert f'"gate:inet:0.0.0.0:{port}"' in text


# How the Helm chart calls Postfix's Deployment, by the name of the release, and
# how cdk8s does.
NAMES = ["mailu-postfix", "prod-mailu-postfix",
         "simple-deployment-postfix-deployment-c8dcc735"]


def mailu(name):
    """The part of Mailu that the overlay changes, and one that it must not."""
    def deployment(called, component, image):
        labels = {"app.kubernetes.io/component": component}
        return {"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": called, "labels": labels},
                "spec": {"selector": {"matchLabels": labels}, "template": {
                    "metadata": {"labels": labels}, "spec": {
                        "shareProcessNamespace": False,
                        "containers": [{
                            "name": component, "image": image,
                            "volumeMounts": [{"name": "data",
                                              "mountPath": "/queue"}],
                            "ports": [{"name": "smtp", "containerPort": 25}]}],
                        "volumes": [{"name": "data", "emptyDir": {}}]}}}}
    return yaml.safe_dump_all([
        deployment(name, "postfix", "mailu/postfix"),
        deployment("mailu-front", "front", "mailu/nginx")])


@pytest.fixture
def user(tmp_path):
    """user(name, *components): what a user's kustomization becomes."""
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")

    def one(name, *components):
        (tmp_path / "mailu.yaml").write_text(mailu(name))
        return built(tmp_path, yaml.safe_dump({
            "namespace": "mail", "resources": ["mailu.yaml"],
            "components": [f"kubernetes/mailu/{it}" for it in components]}))
    return one


def named(objects_, kind, name):
    [it] = [it for it in objects_ if it["kind"] == kind and
            it["metadata"]["name"] == name]
    return it


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("profile", ["small", "medium", "large"])
def test_the_mailu_overlay_puts_tollgate_beside_postfix(user, profile, name):
    result = user(name, profile)
    spec = named(result, "Deployment", name)["spec"]["template"]["spec"]
    check_pod(spec)
    check_rights(spec, NEEDED | {"SYS_PTRACE"})
    assert spec["shareProcessNamespace"] is True
    assert {"name": "PROFILE", "value": profile} in tollgate_of(spec)["env"]
    front = named(result, "Deployment", "mailu-front")["spec"]["template"]
    assert len(front["spec"]["containers"]) == 1


@pytest.mark.parametrize("profile, in_flight", [
    ("small", 15), ("medium", 25), ("large", 50)])
def test_the_route_comes_when_it_is_asked_for(user, profile, in_flight):
    """Without it nobody is led to a port, or kept from one, that a sidecar
    does not serve yet."""
    def routes(result):
        return {(it["kind"], it["metadata"]["name"]) for it in result if
                it["kind"] in ("IngressRouteTCP", "MiddlewareTCP") or
                "mailu-postfix-proxied" == it["metadata"]["name"]}

    assert routes(user(NAMES[1], profile)) == set()
    result = user(NAMES[1], profile, f"{profile}/route")
    assert routes(result) == {
        ("IngressRouteTCP", "smtp"), ("MiddlewareTCP", "smtp-in-flight"),
        ("Service", "mailu-postfix-proxied"),
        ("NetworkPolicy", "mailu-postfix-proxied")}
    middleware = named(result, "MiddlewareTCP", "smtp-in-flight")
    assert middleware["spec"]["inFlightConn"]["amount"] == in_flight
    route = named(result, "IngressRouteTCP", "smtp")
    [service] = route["spec"]["routes"][0]["services"]
    proxied = named(result, "Service", service["name"])
    assert service["port"] in [it["port"] for it in proxied["spec"]["ports"]]


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
    files = {path for path in pathlib.Path(KUBERNETES).rglob("*")
             if path.is_file() and path.parent.name != "cdk8s"}
    assert files <= used, sorted(files - used)
