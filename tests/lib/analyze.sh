# analyze.sh - ./check --analyze: gcc's -fanalyzer and clang-tidy over all
# programs. Sourced by it, not run. Both have to be clean: see .clang-tidy for
# what it looks for, and NOLINT or `#pragma GCC diagnostic` for exceptions.

part_analyze() {
    local build=$top/build-analyze
    (packages_install $packages_analyze) ||
        { failures+=("packages for the analysis"); return; }
    # gcc by name: what it knows is not what clang's analyzer knows.
    if build_tree "$build" CC=gcc CFLAGS="-g -O1 -fanalyzer" \
        --enable-werror; then
        passed=$((passed + 1))
    else
        failures+=("gcc -fanalyzer: see above")
    fi
    if analyze_tidy "$build" >"$build/tidy.out" 2>"$build/tidy.err"; then
        passed=$((passed + 1))
    else
        tail -n 5 "$build/tidy.err"
        sed -nE "s#^$top/(.*: )(error|warning): #\1#p" "$build/tidy.out" |
            sort -u
        failures+=("clang-tidy: see above")
    fi
}

# Generated headers are in the build folder.
analyze_tidy() {
    local libraries
    libraries=$(pkg-config --cflags libevent_core hiredis \
        libcrypto jansson libcap-ng milter)
    find common policyd milter ctl -name '*.c' | sort |
        xargs -P "$(nproc)" -n 4 bash -c 'clang-tidy --quiet "${@:3}" -- \
            -std=c11 -D_GNU_SOURCE -DSYSCONFDIR=\"/etc\" \
            -DPKGLIBEXECDIR=\"/usr/libexec/tollgate\" -I. -I"$1" $2' \
            tidy "$1" "$libraries"
}
