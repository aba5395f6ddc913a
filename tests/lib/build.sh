# build.sh - builds tollgate out of tree. Sourced, not run; needs $top, the
# source's root, and stays quiet unless something fails.

# bootstrap, if configure is missing or older than what it is made from.
build_bootstrap() {
    local input
    for input in configure.ac Makefile.am m4/*.m4; do
        if [ ! -e "$top/configure" ] || [ ! -e "$top/Makefile.in" ] ||
            [ "$top/$input" -nt "$top/configure" ]; then
            "$top/bootstrap" && touch "$top/configure" && return
            return 1
        fi
    done
}

# build_tree DIR [CONFIGURE-OPTION...]: DIR is made and kept between runs;
# configured again if configure or the options changed.
build_tree() {
    local dir=$1
    shift
    mkdir -p "$dir"
    build_logged "$dir/bootstrap.out" build_bootstrap || return
    if [ "$top/configure" -nt "$dir/config.status" ] ||
        [ "$*" != "$(cat "$dir/configured-with" 2>/dev/null)" ]; then
        build_logged "$dir/configure.out" build_configure "$dir" "$@" || return
        echo "$*" >"$dir/configured-with"
    fi
    build_logged "$dir/make.out" make -C "$dir" -j"$(nproc)"
}

build_configure() {
    (cd "$1" && shift && "$top/configure" "$@")
}

build_logged() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 || {
        tail -n 60 "$log" >&2
        echo "failed: $*; all of its output: $log" >&2
        return 1
    }
}
