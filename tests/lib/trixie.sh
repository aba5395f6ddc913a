# trixie.sh - runs ./check in a Debian 13 root. Sourced, not run; needs $top.
#
# The root starts bare (minbase), so ./check has to install everything there
# itself; it is kept for a few days between runs. Mounts and processes live in
# namespaces of their own: however the run ends, none is left behind.

trixie_keep_days=7

# Its last line is that of the ./check within.
trixie_check() {
    local root=$1
    if [ "$(id -u)" -ne 0 ]; then
        echo "a Debian 13 root can only be made by root"
        return
    fi
    trixie_make_root "$root" && trixie_copy_source "$root" || return
    unshare --mount --pid --fork --kill-child \
        bash -c "$trixie_enter" trixie "$root" </dev/null 2>&1
}

trixie_make_root() {
    local mirror=${TOLLGATE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
    [ -z "$(find "$1/made" -mtime -"$trixie_keep_days" 2>/dev/null)" ] ||
        return 0
    (packages_install $packages_root) || return
    rm -rf "$1" "$1.new"
    echo "making a Debian 13 root"
    mmdebstrap --quiet --variant=minbase trixie "$1.new" "$mirror" || return
    touch "$1.new/made"
    mv "$1.new" "$1"
}

# Without what this system's tools have generated: versions differ. The
# root's own build folders stay, so that a second run is quicker.
trixie_copy_source() {
    local kept
    for kept in "$1"/tollgate/*; do
        case ${kept##*/} in build | build-sanitize) continue ;; esac
        rm -rf "$kept"
    done
    mkdir -p "$1/tollgate"
    tar -C "$top" -cf - --anchored --exclude=./.git --exclude=./build \
        --exclude='./build-*' \
        --exclude=./configure --exclude=./config.h.in \
        --exclude=./Makefile.in --exclude=./aclocal.m4 \
        --exclude=./autom4te.cache . | tar -C "$1/tollgate" -xf -
}

# Runs as the first process of the new PID namespace.
trixie_enter='
set -e
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
for node in null zero full random urandom tty; do
    touch "$root/dev/$node"
    mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root LC_ALL=C.UTF-8 TOLLGATE_RANDOM_SECONDS=8 TOLLGATE_SOAK_SECONDS=12 \
    /tollgate/check --unit --integration'
