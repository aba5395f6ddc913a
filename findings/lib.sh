# lib.sh - what the findings share. Sourced by each NAME.sh, not run.
#
#   root SUITE PACKAGE=VERSION...   a Debian of its own in a temporary folder
#   inside 'COMMANDS' [SETTINGS]    bash in there, with a network of its own
#   expect 'TEXT' 'WHAT WAS SEEN'   fails unless they are the same
#
# Needs root, mmdebstrap and a Debian mirror (TOLLGATE_DEBIAN_MIRROR). All that
# runs ends with the script, and the folder goes.

set -euo pipefail
export LC_ALL=C.UTF-8

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$top/tests/lib/packages.sh"
. "$top/tests/lib/debian_root.sh"
export debian_root_enter
export -f debian_root_run

folder=$(mktemp -d)
trap 'rm -rf --one-file-system "$folder"' EXIT

root() {
    local suite=$1 word names=
    shift
    for word in "$@"; do names+=",${word%%=*}"; done
    debian_root_make "$suite" "$folder/$suite" --include="${names#,}" \
        >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 2; }
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
    unshare --net --uts bash -euc '
        ip link set lo up
        hostname host.example
        debian_root_run "$@"
    ' inside "$current" "settings=${2-}" bash -euc "$1"
}

expect() {
    if [ "$1" != "$2" ]; then
        printf 'expected:\n%s\nseen:\n%s\n' "$1" "$2" >&2
        exit 1
    fi
    printf '%s\n' "$2"
}

# A Postfix that stands alone, with one smtpd at port 2525; SETTINGS add to
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
echo "$settings" >>/etc/postfix/main.cf
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
postconf -MX smtp/inet
postconf -M "2525/inet=2525 inet n - n - 1 smtpd"
'
