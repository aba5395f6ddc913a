# debian_root.sh - runs ./check, or another command, in the root of another
# Debian: trixie is 13, sid is what becomes the next. Sourced, not run; needs
# $top.
#
# A root starts bare (minbase), so ./check has to install everything there
# itself; it is kept for a few days between runs. Mounts and processes live in
# namespaces of their own: however the run ends, none is left behind.

debian_root_keep_days=7

# debian_root_check SUITE ROOT; its last line is that of the ./check within.
debian_root_check() {
    local suite=$1 root=$2
    if [ "$(id -u)" -ne 0 ]; then
        echo "a root of Debian $suite can only be made by root"
        return
    fi
    debian_root_make "$suite" "$root" && debian_root_copy_source "$root" ||
        return
    debian_root_run "$root" TOLLGATE_RANDOM_SECONDS=8 \
        TOLLGATE_SOAK_SECONDS=12 /tollgate/check --versions --unit \
        --integration 2>&1
}

# debian_root_run ROOT [VARIABLE=VALUE...] COMMAND...
debian_root_run() {
    unshare --mount --pid --fork --kill-child \
        bash -c "$debian_root_enter" "$1" "$@" </dev/null
}

# debian_root_make SUITE ROOT [MMDEBSTRAP-OPTION...]
# One that was made with other options is made anew. A bare one is kept as
# ROOT.tar, too, for it changes when ./check runs in it.
# Beside sid stands experimental, from which nothing is installed unasked.
# A snapshot of an archive may be older than its files say that they are valid:
# they are signed all the same.
debian_root_make() {
    local mirror=${TOLLGATE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
    local unaged='Acquire::Check-Valid-Until "false"' beside=
    [ "$1" != sid ] || beside="deb $mirror experimental main"
    ! debian_root_is_made "${@:2}" || return 0
    (packages_install $packages_root) || return
    rm -rf "$2" "$2.new" "$2.tar"
    echo "making a root of Debian $1"
    mmdebstrap --quiet --variant=minbase --aptopt="$unaged" \
        "${@:3}" "$1" "$2.new" "$mirror" ${beside:+"$beside"} || return
    echo "${*:3}" >"$2.new/made"
    [ $# -gt 2 ] || tar -C "$2.new" -cf "$2.tar" . || return
    mv "$2.new" "$2"
}

# debian_root_is_made ROOT [MMDEBSTRAP-OPTION...]
debian_root_is_made() {
    [ "$(cat "$1/made" 2>/dev/null)" = "${*:2}" ] &&
        { [ $# -gt 1 ] || [ -e "$1.tar" ]; } &&
        [ -n "$(find "$1/made" -mtime -"$debian_root_keep_days")" ]
}

# Without what this system's tools have generated: versions differ. The
# root's own build folders stay, so that a second run is quicker.
debian_root_copy_source() {
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
debian_root_enter='
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
    HOME=/root LC_ALL=C.UTF-8 "${@:2}"'
