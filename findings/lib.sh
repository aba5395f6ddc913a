# lib.sh - what the findings share. Sourced by each NAME.sh, not run.
#
#   root SUITE PACKAGE=VERSION...   a Debian of its own in a temporary folder
#   inside 'COMMANDS'               bash in there, with a network of its own; stdin is its own
#   expect 'TEXT' 'WHAT WAS SEEN'   fails unless they are the same
#
# Needs root, mmdebstrap and a Debian mirror (TOLLGATE_DEBIAN_MIRROR). All that
# runs ends with the script, and the folder goes.

set -euo pipefail
export LC_ALL=C.UTF-8

folder=$(mktemp -d)
trap 'rm -rf --one-file-system "$folder"' EXIT

root() {
    local suite=$1 word names= mirror
    mirror=${TOLLGATE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
    shift
    for word in "$@"; do names+=",${word%%=*}"; done
    mmdebstrap --quiet --variant=minbase --include="${names#,}" \
        --aptopt='Acquire::Check-Valid-Until "false"' \
        "$suite" "$folder/$suite" "$mirror" 2>"$folder/log" ||
        { cat "$folder/log" >&2; exit 2; }
    for word in "$@"; do
        [[ $word == *=* ]] || continue
        if [ "$(chroot "$folder/$suite" dpkg-query -W -f '${Version}' \
            "${word%%=*}")" != "${word#*=}" ]; then
            echo "$suite has another version than ${word%%=*} ${word#*=}" >&2
            exit 2
        fi
    done
    current=$folder/$suite
}

inside() {
    unshare --mount --pid --net --uts --fork --kill-child bash -c '
        set -e
        mount --make-rprivate /
        mount --bind "$0" "$0"
        mount -t proc proc "$0/proc"
        mount -t tmpfs -o mode=755 tmpfs "$0/dev"
        for node in null zero random urandom; do
            touch "$0/dev/$node" && mount --bind "/dev/$node" "$0/dev/$node"
        done
        ln -s /proc/self/fd "$0/dev/fd"
        ip link set lo up
        hostname host.example
        exec chroot "$0" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 \
            PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -euc "$1"
    ' "$current" "$1"
}

expect() {
    if [ "$1" != "$2" ]; then
        printf 'expected:\n%s\nseen:\n%s\n' "$1" "$2" >&2
        exit 1
    fi
    printf '%s\n' "$2"
}

# A Postfix that stands alone, with one smtpd at port 2525; stdin adds to
# main.cf. To be put into the text for inside.
postfix_alone='
cat >/etc/postfix/main.cf <<END
compatibility_level = 3.6
maillog_file = /var/log/mail.log
maillog_file_prefixes = /var
inet_interfaces = 127.0.0.1
myhostname = host.example
mydestination = host.example
alias_maps =
alias_database =
END
cat >>/etc/postfix/main.cf
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
postconf -MX smtp/inet
postconf -M "2525/inet=2525 inet n - n - 1 smtpd"
'
