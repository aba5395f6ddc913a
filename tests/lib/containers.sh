# containers.sh - ./check --containers: compose files and manifests under real
# engines. Sourced by it, not run.
#
# Debian 13's docker, compose and podman, in the root that --trixie has, too.
# tests/containers/play is what runs there.

part_containers() {
    containers_play all docker podman
}

part_containers_quick() {
    containers_play quick docker
}

# containers_play all|quick ENGINE...
containers_play() {
    local root=$top/build-trixie/root engine status=0
    if [ "$(id -u)" -ne 0 ]; then
        skips+=("containers: an engine needs root")
        return
    fi
    mkdir -p "${root%/*}"
    debian_root_make trixie "$root" && debian_root_copy_source "$root" &&
        ln -f "$root.tar" "$root/base.tar" ||
        { failures+=("containers: no root for the engine"); return; }
    containers_run "$root" /tollgate/tests/containers/play "$1" |
        tee "$root/play.out"
    status=${PIPESTATUS[0]}
    if [ "$status" -eq 77 ]; then
        # Not everywhere is an engine to be had.
        echo "skipped containers: $(tail -n 1 "$root/play.out")"
        return
    fi
    for engine in "${@:2}"; do
        part_tally "containers-$engine" junit "$root/results-$engine.xml"
    done
}

# An engine enters its containers by their mount namespaces, so the root has to
# be that of the namespace, and no chroot.
containers_run() {
    local pivot='cd "$root"; pivot_root . .; umount -l .; exec chroot .'
    local debian_root_enter=${debian_root_enter/'chroot "$root"'/"$pivot"}
    debian_root_run "$@"
}
