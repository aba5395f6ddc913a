# TOLLGATE_WARNINGS: warnings and hardening, each only if the compiler knows it.
# --enable-werror for CI; --enable-sanitize=address,undefined for test builds.
AC_DEFUN([TOLLGATE_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [treat warnings as errors])])
  AC_ARG_ENABLE([sanitize],
    [AS_HELP_STRING([--enable-sanitize=LIST], [build with these sanitizers])])
  tollgate_cflags="-std=c11 -Wall -Wextra -Wshadow -Wconversion \
    -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual \
    -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wpointer-arith \
    -Wimplicit-fallthrough -Wnull-dereference \
    -Wno-unused-parameter"
  tollgate_hardening="-fstack-protector-strong -fstack-clash-protection \
    -fcf-protection=full -fPIE"
  AS_IF([test "x$enable_werror" = xyes],
    [tollgate_cflags="$tollgate_cflags -Werror"])
  AS_IF([test -n "$enable_sanitize" && test "x$enable_sanitize" != xno],
    [tollgate_hardening="-fsanitize=$enable_sanitize \
       -fno-sanitize-recover=undefined -fno-omit-frame-pointer -fPIE"],
    [tollgate_hardening="$tollgate_hardening -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=3"])
  WARN_CFLAGS=
  for flag in $tollgate_cflags $tollgate_hardening; do
    tollgate_save="$CFLAGS"
    CFLAGS="$CFLAGS -Werror $flag"
    AC_MSG_CHECKING([whether $CC accepts $flag])
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
      [AC_MSG_RESULT([yes]); WARN_CFLAGS="$WARN_CFLAGS $flag"],
      [AC_MSG_RESULT([no])])
    CFLAGS="$tollgate_save"
  done
  WARN_LDFLAGS="-pie -Wl,-z,relro,-z,now"
  AS_IF([test -n "$enable_sanitize" && test "x$enable_sanitize" != xno],
    [WARN_LDFLAGS="$WARN_LDFLAGS -fsanitize=$enable_sanitize"])
  AC_SUBST([WARN_CFLAGS])
  AC_SUBST([WARN_LDFLAGS])
])
