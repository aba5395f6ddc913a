dnl TOLLGATE_ONE_OPENSSL
dnl libevent_openssl brings the libssl that it was built with. If ours is
dnl another one, both are in one process, and a connection of the one in the
dnl hands of the other ends the daemon at its first TLS server. The loader
dnl decides which there are, so a program is run and says so; when compiling
dnl for another machine nobody can know.
AC_DEFUN([TOLLGATE_ONE_OPENSSL], [
AC_MSG_CHECKING([whether libevent_openssl has the same libssl])
tollgate_saved_CFLAGS=$CFLAGS
tollgate_saved_LIBS=$LIBS
CFLAGS="$CFLAGS $LIBEVENT_CFLAGS $CRYPTO_CFLAGS"
LIBS="$LIBEVENT_LIBS $CRYPTO_LIBS $LIBS"
AC_RUN_IFELSE([AC_LANG_PROGRAM([[
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
]], [[
    char line[4096], first[4096] = "";
    FILE *maps = fopen("/proc/self/maps", "r");

    void *volatile used = (void *)bufferevent_openssl_get_ssl;
    if (maps == NULL || SSL_CTX_new(TLS_method()) == NULL || used == NULL)
        return 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        const char *path = strchr(line, '/');
        const char *name = path != NULL ? strstr(path, "/libssl.so") : NULL;
        if (name == NULL)
            continue;
        if (first[0] == '\0')
            strcpy(first, path);
        else if (strcmp(first, path) != 0)
            return 1;
    }
]])], [AC_MSG_RESULT([yes])], [
    AC_MSG_RESULT([no])
    AC_MSG_ERROR([libevent_openssl is linked with another libssl than the one
that pkg-config names for openssl. Install the libevent that was built with
that OpenSSL, or the development files of the OpenSSL that libevent has.])],
    [AC_MSG_RESULT([not known when cross-compiling])])
CFLAGS=$tollgate_saved_CFLAGS
LIBS=$tollgate_saved_LIBS
])
