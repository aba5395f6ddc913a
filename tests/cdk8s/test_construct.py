"""docker/kubernetes/cdk8s: what the construct adds to a Mailu of cdk8s is what
the overlay adds to the same manifests, by kustomize.

Installs the packages of package.json from the registry that npm is set to; a
skip with the reason where there is none."""
import pathlib
import shutil
import subprocess

import pytest
import yaml

from harness.policyd import TOP
from packlab.kubectl import kustomize

HERE = pathlib.Path(__file__).parent
PLAIN, SIDECAR, ROUTE = "plain", "sidecar", "route"


def run(folder, *command):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True,
                          timeout=300, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("cdk8s")
    for name in ("package.json", "mailu.ts"):
        shutil.copy(HERE / name, place)
    shutil.copytree(TOP / "docker/kubernetes", place / "kubernetes")
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    done = run(place, "npm", "install", "--no-audit", "--no-fund",
               "--no-package-lock")
    if done.returncode != 0:
        pytest.skip("npm cannot install the packages: " +
                    done.stderr.strip().splitlines()[-1])
    done = run(place, "npx", "tsc", "--strict", "--noUnusedLocals",
               "--noUnusedParameters", "--noImplicitReturns", "--target",
               "es2022", "--module", "commonjs", "--skipLibCheck", "mailu.ts")
    assert done.returncode == 0, done.stdout
    return place


@pytest.fixture(scope="module")
def synthesised(folder):
    """synthesised(WHAT, PROFILE): the text that a user would apply."""
    texts = {}

    def one(what, profile="medium"):
        if (what, profile) not in texts:
            done = run(folder, "node", "mailu.js", what, profile)
            assert done.returncode == 0, done.stderr
            texts[what, profile] = \
                (folder / "dist/simple.k8s.yaml").read_text()
        return texts[what, profile]
    return one


def overlaid(folder, text, *components):
    (folder / "mailu.yaml").write_text(text)
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "namespace": "mail", "resources": ["mailu.yaml"],
        "components": [f"kubernetes/mailu/{it}" for it in components]}))
    return kustomize(folder)


def without_hash(name):
    """kustomize's names of ConfigMaps end with one of what is in them."""
    for ours in ("tollgate-postfix-override", "tollgate"):
        if name.startswith(ours + "-") and len(name) == len(ours) + 11:
            return ours
    return name


def by_name(text):
    """{(kind, name): object}, in one spelling."""
    found = {}
    for it in yaml.safe_load_all(text):
        it["metadata"]["name"] = without_hash(it["metadata"]["name"])
        template = it.get("spec", {}).get("template", {})
        for volume in template.get("spec", {}).get("volumes", []):
            if "configMap" in volume:
                volume["configMap"]["name"] = without_hash(
                    volume["configMap"]["name"])
        template.get("metadata", {}).pop("annotations", None)
        found[it["kind"], it["metadata"]["name"]] = it
    return found


def containers(objects):
    [pod] = [it["spec"]["template"]["spec"] for (kind, name), it
             in objects.items() if kind == "Deployment" and "postfix" in name]
    return pod["containers"]


def take_own(objects):
    """What the construct sets and the overlay leaves to the user."""
    sidecar = containers(objects)[1]
    own = {it["name"]: it.pop("value") for it in sidecar["env"]
           if it["name"] in ("SUBNET", "TRAEFIK", "POSTFIX_UID")}
    sidecar["env"] = [it for it in sidecar["env"] if len(it) > 1]
    return own, sidecar.pop("image")


@pytest.mark.parametrize("profile", ["small", "medium", "large"])
@pytest.mark.parametrize("what", [SIDECAR, ROUTE])
def test_it_is_the_overlay(folder, synthesised, what, profile):
    components = [profile] + [f"{profile}/route"] * (what == ROUTE)
    made = by_name(synthesised(what, profile))
    wanted = by_name(overlaid(folder, synthesised(PLAIN), *components))
    if what == ROUTE:  # which kustomize leaves to the user
        del wanted["IngressRouteTCP", "mailu-smtp"]
    assert take_own(made) == ({
        "SUBNET": "10.42.0.0/16", "POSTFIX_UID": "101",
        "TRAEFIK": "traefik-pods.kube-system.svc.cluster.local"},
        "example/tollgate:0.1.0")
    assert take_own(wanted) == ({}, "tollgate:0.1.0")
    assert made == wanted


def test_a_bound_of_memory_is_not_lost(synthesised):
    """ApiObject.addJsonPatch would lose it, in an object of cdk8s-plus."""
    sidecar = containers(by_name(synthesised(SIDECAR)))[1]
    assert sidecar["resources"]["limits"] == {"memory": "256Mi"}


def test_only_one_route_of_an_entry_point_is_left(synthesised):
    def routes(what):
        return {name for kind, name in by_name(synthesised(what))
                if kind == "IngressRouteTCP"}
    assert routes(SIDECAR) == {"mailu-smtp", "mailu-imaps"}
    assert routes(ROUTE) == {"smtp", "mailu-imaps"}


def test_pods_begin_anew_when_a_file_changes(folder, synthesised):
    def mark(text):
        [it] = [it for it in yaml.safe_load_all(text)
                if it["kind"] == "Deployment" and
                "postfix" in it["metadata"]["name"]]
        return it["spec"]["template"]["metadata"]["annotations"]

    before = mark(synthesised(SIDECAR))
    path = folder / "kubernetes/mailu/common/postfix.cf"
    text = path.read_text()
    path.write_text(text + "# changed\n")
    try:
        assert run(folder, "node", "mailu.js", SIDECAR).returncode == 0
        after = mark((folder / "dist/simple.k8s.yaml").read_text())
    finally:
        path.write_text(text)
    assert before.keys() == after.keys() and before != after


@pytest.mark.parametrize("what, count", [("none", 0), ("twice", 2)])
def test_a_chart_without_one_postfix_is_refused(folder, what, count):
    done = run(folder, "node", "mailu.js", what)
    assert done.returncode != 0
    assert f"Tollgate: {count} Deployments of the chart simple" in done.stderr
    assert "app.kubernetes.io/component: postfix" in done.stderr
