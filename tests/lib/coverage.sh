# coverage.sh - ./check --coverage: which lines the tests run. Sourced by it,
# not run. Whether the tests pass is for the other parts to say: this build is
# slow, and some of them measure. What did not run is not covered.

part_coverage() {
    local build=$top/build-coverage
    mkdir -p "$build"
    (packages_install $packages_coverage) &&
        build_logged "$build/exit.out" gcc -c -o "$build/coverage_exit.o" \
            "$top/tests/lib/coverage_exit.c" ||
        { failures+=("packages for coverage"); return; }
    part_build "$build" CFLAGS="-g -O0 --coverage -fprofile-update=atomic" \
        LIBS="$build/coverage_exit.o -Wl,--wrap=_exit" || return
    build_logged "$build/programs.out" \
        make -C "$build" -j"$(nproc)" check TESTS= ||
        { failures+=("build of the tests"); return; }
    coverage_prepare "$build"
    make -C "$build" -j"$(nproc)" check >"$build/check.out" 2>&1
    TOLLGATE_END_GENTLY=1 TOLLGATE_BUILDDIR=$build PYTHONDONTWRITEBYTECODE=1 \
        /usr/bin/pytest-3 -q -p no:cacheprovider -n "$(($(nproc) * 2))" \
        --dist loadfile tests/integration tests/hosts >"$build/pytest.out" 2>&1
    tail -n 1 "$build/pytest.out"
    part_run_script coverage tests/lib/coverage_report "$build"
}

# Counters begin at zero, and are written by root and by those who have given
# it up.
coverage_prepare() {
    local notes counters
    find "$1" -name '*conftest.gc*' -delete
    find "$1" -name '*.gcno' | while read -r notes; do
        counters=${notes%.gcno}.gcda
        : >"$counters" && chmod 666 "$counters"
    done
}
