/*
 * net_helper.c - a directory, sockets and processes for the tests of
 * common/net.
 *
 * Another program is a copy of the test program under another name, because
 * that needs nothing installed and has an executable file of its own.
 */
#include "tests/unit/net_helper.h"

#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

int test_dir_setup(void **state)
{
    struct test_dir *dir = calloc(1, sizeof *dir);
    assert_non_null(dir);
    (void)snprintf(dir->path, sizeof dir->path, "/tmp/tollgate-net.XXXXXX");
    assert_non_null(mkdtemp(dir->path));
    (void)snprintf(dir->socket, sizeof dir->socket, "%s/socket", dir->path);
    *state = dir;
    return 0;
}

unsigned test_dir_entries(const struct test_dir *dir)
{
    unsigned count = 0;
    DIR *listing = opendir(dir->path);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;)
        if (entry->d_name[0] != '.')
            count++;
    closedir(listing);
    return count;
}

int test_dir_teardown(void **state)
{
    struct test_dir *dir = *state;
    char path[400];
    DIR *listing = opendir(dir->path);
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", dir->path, entry->d_name);
        (void)remove(path);
    }
    closedir(listing);
    (void)rmdir(dir->path);
    free(dir);
    return 0;
}

static void copy_ourselves(const char *target)
{
    int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    int to = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    struct stat st;
    assert_int_not_equal(from, -1);
    assert_int_not_equal(to, -1);
    assert_int_equal(fstat(from, &st), 0);
    for (off_t left = st.st_size; left > 0;) {
        ssize_t sent = sendfile(to, from, NULL, (size_t)left);
        assert_true(sent > 0);
        left -= sent;
    }
    close(from);
    close(to);
}

pid_t listen_program_start(
    const struct test_dir *dir, const char *name, const char *path)
{
    char program[200], byte;
    int ready[2];
    (void)snprintf(program, sizeof program, "%s/%s", dir->path, name);
    copy_ourselves(program);
    assert_int_equal(pipe(ready), 0);

    pid_t pid = fork();
    assert_int_not_equal(pid, -1);
    if (pid == 0) {
        dup2(ready[1], STDOUT_FILENO);
        close(ready[0]);
        close(ready[1]);
        execl(program, program, "--listen", path, (char *)NULL);
        _exit(127);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

bool listen_program_main(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], "--listen") != 0)
        return false;
    int fd = listen_by_hand(argv[2]);
    if (write(STDOUT_FILENO, "r", 1) == 1)
        pause();
    close(fd);
    return true;
}

void process_end(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    return at;
}

int listen_by_hand(const char *path)
{
    struct sockaddr_un at = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

int connect_unix(const char *path)
{
    struct sockaddr_un at = unix_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd != -1 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static struct sockaddr_in inet_address(const char *host, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, host, &at.sin_addr), 1);
    return at;
}

int connect_inet(const char *from, const char *host, uint16_t port)
{
    struct sockaddr_in source = inet_address(from, 0);
    struct sockaddr_in at = inet_address(host, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&source, sizeof source), 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

uint16_t free_port(void)
{
    struct sockaddr_in at = inet_address("127.0.0.1", 0);
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}
