# containers.sh - ./check --containers: compose files and manifests under real
# engines. Sourced by it, not run.
#
# Debian 13's docker, compose and podman, in a root of their own.
# tests/containers/play is what runs there.

packages_engines="docker.io docker-cli docker-compose podman crun netavark \
aardvark-dns kubectl iptables nftables iproute2 procps ca-certificates openssl \
python3 python3-pytest python3-yaml"

# An engine enters its containers by their mount namespaces, so the root has to
# be that of the namespace, and no chroot.
containers_run() {
    local pivot='cd "$root"; pivot_root . .; umount -l .; exec chroot .'
    local debian_root_enter=${debian_root_enter/'chroot "$root"'/"$pivot"}
    debian_root_run "$@"
}

# containers_root SUITE FOLDER PACKAGE...
containers_root() {
    debian_root_make "$1" "$2" --include="$(echo "${@:3}" | tr ' ' ,)"
}

part_containers() {
    local folder=$top/build-containers
    local root=$folder/root
    containers_begin "$folder" || return
    debian_root_make trixie "$folder/base" &&
        containers_root trixie "$root" $packages_engines &&
        debian_root_copy_source "$root" ||
        { failures+=("containers: no root for the engine"); return; }
    tar -C "$folder/base" -cf "$root/base.tar" .
    containers_play "$root" docker podman
}

containers_begin() {
    mkdir -p "$1"
    [ "$(id -u)" -ne 0 ] || return 0
    skips+=("containers: an engine needs root")
    return 1
}

# containers_play ROOT ENGINE...
containers_play() {
    local root=$1 engine status=0
    containers_run "$root" /tollgate/tests/containers/play |
        tee "$root/play.out"
    status=${PIPESTATUS[0]}
    if [ "$status" -eq 77 ]; then
        skips+=("containers: $(tail -n 1 "$root/play.out")")
        return
    fi
    for engine in "${@:2}"; do
        part_tally "containers-$engine" junit "$root/results-$engine.xml"
    done
}
