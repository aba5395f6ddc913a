# containers.sh - ./check --containers: the compose files under a real engine.
# Sourced by it, not run.
#
# Debian 13's docker and compose, in a root of their own. tests/containers/play
# is what runs there.

packages_engine="docker.io docker-cli docker-compose iptables iproute2 procps \
ca-certificates python3 python3-pytest"

# An engine enters its containers by their mount namespaces, so the root has to
# be that of the namespace, and no chroot.
containers_run() {
    local pivot='cd "$root"; pivot_root . .; umount -l .; exec chroot .'
    local debian_root_enter=${debian_root_enter/'chroot "$root"'/"$pivot"}
    debian_root_run "$@"
}

part_containers() {
    local folder=$top/build-containers
    local root=$folder/root
    if [ "$(id -u)" -ne 0 ]; then
        failures+=("containers: needs root")
        return
    fi
    mkdir -p "$folder"
    debian_root_make trixie "$folder/base" &&
        debian_root_make trixie "$root" \
            --include="$(echo $packages_engine | tr ' ' ,)" &&
        debian_root_copy_source "$root" ||
        { failures+=("containers: no root for the engine"); return; }
    tar -C "$folder/base" -cf "$root/base.tar" . &&
        containers_run "$root" /tollgate/tests/containers/play
    part_tally containers junit "$root/results.xml"
}
