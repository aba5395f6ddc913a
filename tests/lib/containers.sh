# containers.sh - ./check --containers: compose files and manifests under real
# engines. Sourced by it, not run.
#
# Debian 13's docker, compose and podman, in a root of their own.
# tests/containers/play is what runs there.

packages_docker="docker.io docker-cli docker-compose iptables iproute2 procps \
ca-certificates openssl python3 python3-pytest python3-yaml"
packages_engines="$packages_docker podman crun netavark aardvark-dns nftables \
kubectl"
# In the image that the quick part builds on, beside our libraries.
packages_image="redis-server haproxy ca-certificates"

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
    containers_play "$root" all docker podman
}

# The programs of this machine, in an image of its Debian.
part_containers_quick() {
    local folder=$top/build-containers/quick
    local root=$folder/root own
    containers_begin "$folder" || return
    part_build "$top/build" || return
    own=$(. /etc/os-release && echo "$VERSION_CODENAME")
    (packages_install $packages_root) || return
    containers_root "$own" "$folder/base" $packages_image \
        $(containers_libraries) &
    containers_root trixie "$root" $packages_docker docker-buildx &&
        debian_root_copy_source "$root" && wait $! &&
        containers_install "$root/built" ||
        { failures+=("containers: no root for the engine"); return; }
    tar -C "$folder/base" -cf "$root/base.tar" .
    containers_play "$root" quick docker
}

containers_begin() {
    mkdir -p "$1"
    [ "$(id -u)" -ne 0 ] || return 0
    skips+=("containers: an engine needs root")
    return 1
}

# The packages of the libraries that the built programs have.
containers_libraries() {
    ldd "$top/build/tollgate-policyd" "$top/build/tollgate-milter" \
        "$top/build/tollgatectl" | awk '$2 == "=>" { print $1 }' | sort -u |
        sed "s,^,*/$(gcc -print-multiarch)/," | xargs dpkg -S |
        sed 's/:.*//' | sort -u
}

# What the Dockerfile's first stage leaves to the others.
containers_install() {
    rm -rf "$1"
    mkdir -p "$1"
    build_logged "$top/build/install.out" make -C "$top/build" install-strip \
        prefix=/usr DESTDIR="$1/installed" || return
    containers_libraries >"$1/libraries"
}

# containers_play ROOT all|quick ENGINE...
containers_play() {
    local root=$1 engine status=0
    containers_run "$root" /tollgate/tests/containers/play "$2" |
        tee "$root/play.out"
    status=${PIPESTATUS[0]}
    if [ "$status" -eq 77 ]; then
        skips+=("containers: $(tail -n 1 "$root/play.out")")
        return
    fi
    for engine in "${@:3}"; do
        part_tally "containers-$engine" junit "$root/results-$engine.xml"
    done
}
