/*
 * test_unix_socket.c - who may take a unix path from whom, and how it looks
 * afterwards.
 */
#include "common/net/unix_owner.h"
#include "common/net/unix_socket.h"
#include "tests/unit/net_helper.h"
#include "tests/unit/unit.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct listener_options plain = {
    .mode = 0640, .group = (gid_t)-1, .owner = (uid_t)-1};

struct opened {
    int fd;
    struct unix_place place;
};

static struct opened opened(const char *path)
{
    struct opened it = {.fd = -1};
    struct error err = {0};
    unix_place_init(&it.place, path);
    assert_int_equal(unix_socket_listen(path, &plain, &it.fd, &it.place, &err),
        LISTENER_READY);
    assert_true(unix_place_is_held(&it.place));
    return it;
}

static void end(struct opened it)
{
    close(it.fd);
    unix_place_clear(&it.place);
}

static void assert_refused(const char *path, const char *words)
{
    int fd = -1;
    struct unix_place place;
    struct error err = {0};
    unix_place_init(&place, path);
    assert_int_equal(
        unix_socket_listen(path, &plain, &fd, &place, &err), LISTENER_FAILED);
    unix_place_clear(&place);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

TEST_WITH(test_dir_setup, test_dir_teardown,
    binds_with_mode_and_leaves_nothing_beside)
{
    struct test_dir *dir = *state;
    struct stat st;
    mode_t before = umask(0027);
    struct opened it = opened(dir->socket);

    assert_int_equal(stat(dir->socket, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(test_dir_entries(dir), 2); /* and its lock */
    assert_int_equal(umask(before), 0027);      /* put back as it was */
    assert_int_equal(fcntl(it.fd, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(it.fd, F_GETFL) & O_NONBLOCK);
    end(it);
}

TEST_WITH(test_dir_setup, test_dir_teardown, gives_to_group)
{
    struct test_dir *dir = *state;
    struct listener_options options = plain;
    struct unix_place place;
    struct error err = {0};
    struct stat st;
    int fd;
    if (geteuid() != 0)
        skip();
    options.group = 12345;
    unix_place_init(&place, dir->socket);
    assert_int_equal(
        unix_socket_listen(dir->socket, &options, &fd, &place, &err),
        LISTENER_READY);
    assert_int_equal(stat(dir->socket, &st), 0);
    assert_int_equal(st.st_gid, 12345);
    assert_int_equal(st.st_uid, 0);
    unix_place_clear(&place);
    close(fd);
}

TEST_WITH(test_dir_setup, test_dir_teardown, replaces_dead_socket)
{
    struct test_dir *dir = *state;
    close(listen_by_hand(dir->socket));
    assert_int_equal(unix_owner_find(dir->socket).kind, UNIX_OWNER_DEAD);

    struct opened it = opened(dir->socket);
    int client = connect_unix(dir->socket);
    assert_int_not_equal(client, -1);
    close(client);
    end(it);
}

TEST_WITH(test_dir_setup, test_dir_teardown, replaces_stale_file_of_same_pid)
{
    struct test_dir *dir = *state;
    char beside[200];
    (void)snprintf(beside, sizeof beside, "%s.%d", dir->socket, (int)getpid());
    close(listen_by_hand(beside));
    end(opened(dir->socket));
    assert_int_equal(test_dir_entries(dir), 2);
}

TEST_WITH(test_dir_setup, test_dir_teardown, leaves_stranger_alone)
{
    struct test_dir *dir = *state;
    char words[200];
    pid_t pid = listen_program_start(dir, "stranger", dir->socket);

    (void)snprintf(words, sizeof words,
        "%s: process %d (stranger) is listening there; stop it", dir->socket,
        (int)pid);
    assert_refused(dir->socket, words);
    int client = connect_unix(dir->socket);
    assert_int_not_equal(client, -1);
    close(client);
    assert_int_equal(test_dir_entries(dir), 2); /* it and its program */
    process_end(pid);
}

TEST_WITH(test_dir_setup, test_dir_teardown, names_remedy_for_anvil)
{
    struct test_dir *dir = *state;
    char private[100], anvil[120];
    (void)snprintf(private, sizeof private, "%s/private", dir->path);
    (void)snprintf(anvil, sizeof anvil, "%s/anvil", private);
    assert_int_equal(mkdir(private, 0700), 0);
    pid_t pid = listen_program_start(dir, "master", anvil);
    assert_refused(anvil, "postconf -e 'master_service_disable = anvil/unix'");
    process_end(pid);
    unlink(anvil);
}

/* The same name and another file: the program was upgraded. It has no lock, as
 * a daemon of an older version has none. */
TEST_WITH(test_dir_setup, test_dir_teardown,
    leaves_a_living_daemon_of_the_same_name_alone)
{
    struct test_dir *dir = *state;
    char words[200];
    pid_t pid =
        listen_program_start(dir, program_invocation_short_name, dir->socket);
    assert_int_equal(unix_owner_find(dir->socket).kind, UNIX_OWNER_PREDECESSOR);
    (void)snprintf(words, sizeof words,
        "process %d (test_unix_socke) serves here; \"tollgatectl restart\"",
        (int)pid);
    assert_refused(dir->socket, words);
    process_end(pid);
    end(opened(dir->socket));
}

/* Its lock is ours: it has handed that over. */
TEST_WITH(test_dir_setup, test_dir_teardown, takes_over_from_a_predecessor)
{
    struct test_dir *dir = *state;
    struct opened it;
    struct error err;
    pid_t pid =
        listen_program_start(dir, program_invocation_short_name, dir->socket);
    unix_place_init(&it.place, dir->socket);
    assert_int_equal(
        unix_lock_take(&it.place.lock, dir->socket, (uid_t)-1, &err),
        UNIX_LOCK_OURS);
    assert_int_equal(
        unix_socket_listen(dir->socket, &plain, &it.fd, &it.place, &err),
        LISTENER_READY);
    assert_true(unix_place_is_held(&it.place));
    process_end(pid);
    end(it);
}

/* The same file and another name. */
TEST_WITH(test_dir_setup, test_dir_teardown, knows_the_same_executable)
{
    struct test_dir *dir = *state;
    char byte;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open("/proc/self/comm", O_WRONLY);
        if (write(fd, "renamed", 7) == 7 && listen_by_hand(dir->socket) != -1 &&
            write(ready[1], "r", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct unix_owner owner = unix_owner_find(dir->socket);
    assert_int_equal(owner.kind, UNIX_OWNER_PREDECESSOR);
    assert_int_equal(owner.pid, pid);
    assert_string_equal(owner.name, "renamed");
    process_end(pid);
    close(ready[0]);
    close(ready[1]);
}

/* In a child that is in namespaces of its own, as a container is. */
static pid_t elsewhere(
    int (*run)(struct test_dir *, int fd), struct test_dir *dir, int fd)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (unshare(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS) != 0)
        _exit(1);
    pid_t within = fork(); /* the first one there */
    if (within == 0)
        _exit(run(dir, fd));
    int status;
    _exit(waitpid(within, &status, 0) == within && status == 0 ? 0 : 1);
}

/* Until it is told by a byte. */
static int serve(struct test_dir *dir, int fd)
{
    char byte;
    (void)opened(dir->socket);
    return write(fd, "r", 1) == 1 && read(fd, &byte, 1) == 1 ? 0 : 1;
}

static int is_refused(struct test_dir *dir, int fd)
{
    assert_refused(dir->socket, "a daemon in another container serves here");
    return 0;
}

TEST_WITH(test_dir_setup, test_dir_teardown, knows_a_living_daemon_elsewhere)
{
    struct test_dir *dir = *state;
    int pair[2], status;
    char byte;
    if (geteuid() != 0)
        skip();
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pid_t pid = elsewhere(serve, dir, pair[1]);
    assert_int_equal(read(pair[0], &byte, 1), 1);

    pid_t second = elsewhere(is_refused, dir, -1);
    assert_int_equal(waitpid(second, &status, 0), second);
    assert_int_equal(status, 0);
    assert_int_equal(test_dir_entries(dir), 2); /* the socket and its lock */
    assert_int_equal(write(pair[0], "d", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    end(opened(dir->socket));
    close(pair[0]);
    close(pair[1]);
}

/* As root in a container with cap_drop: ALL and what a compose file adds. */
static void drop_dac(void)
{
    if (capng_get_caps_process() != 0 ||
        capng_updatev(CAPNG_DROP, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
            CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, -1) != 0 ||
        capng_apply(CAPNG_SELECT_CAPS) != 0)
        _exit(2);
}

static int take_without_rights(const char *path, const char *words)
{
    struct opened it = {.fd = -1};
    struct error err = {.text = ""};
    drop_dac();
    unix_place_init(&it.place, path);
    if (unix_socket_listen(path, &plain, &it.fd, &it.place, &err) ==
        LISTENER_READY)
        return words == NULL ? 0 : 3;
    if (words != NULL && strstr(err.text, words) != NULL)
        return 0;
    (void)fprintf(stderr, "%s\n", err.text);
    return 4;
}

static void assert_without_rights(
    const struct test_dir *dir, const char *path, const char *words)
{
    int status;
    assert_int_equal(chmod(dir->path, 0755), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(take_without_rights(path, words));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

TEST_WITH(test_dir_setup, test_dir_teardown, replaces_what_a_kill_has_left)
{
    static const struct {
        uid_t owner;
        mode_t mode;
    } left[] = {{990, 0660}, {990, 0}, {0, 0}, {12345, 0600}};
    struct test_dir *dir = *state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        struct opened it = opened(dir->socket);
        end(it); /* as the kernel does: no file is removed */
        char lock[120];
        (void)snprintf(lock, sizeof lock, "%s.lock", dir->socket);
        assert_int_equal(chown(lock, left[i].owner, (gid_t)-1), 0);
        assert_int_equal(chown(dir->socket, left[i].owner, 991), 0);
        assert_int_equal(chmod(dir->socket, left[i].mode), 0);
        assert_without_rights(dir, dir->socket, NULL);
    }
}

/* The first start of this version, after the last of an older one. */
TEST_WITH(
    test_dir_setup, test_dir_teardown, replaces_what_an_older_version_has_left)
{
    struct test_dir *dir = *state;
    char ours[100], path[120];
    if (geteuid() != 0)
        skip();
    (void)snprintf(ours, sizeof ours, "%s/tollgate", dir->path);
    (void)snprintf(path, sizeof path, "%s/policy", ours);
    assert_int_equal(mkdir(ours, 0755), 0);
    close(listen_by_hand(path));
    assert_int_equal(chmod(path, 0), 0);
    assert_without_rights(dir, path, NULL);
}

TEST_WITH(
    test_dir_setup, test_dir_teardown, leaves_a_living_one_alone_without_rights)
{
    struct test_dir *dir = *state;
    char words[100];
    if (geteuid() != 0)
        skip();
    struct opened it = opened(dir->socket);
    assert_int_equal(chown(dir->socket, 990, 991), 0);
    (void)snprintf(words, sizeof words, "process %d (test_unix_socke) serves",
        (int)getpid());
    assert_without_rights(dir, dir->socket, words);
    assert_int_equal(chmod(dir->socket, 0), 0);
    assert_without_rights(dir, dir->socket, "another daemon holds");
    end(it);

    assert_int_equal(unlink(dir->socket), 0);
    pid_t pid = listen_program_start(dir, "stranger", dir->socket);
    assert_int_equal(chown(dir->socket, 990, 991), 0);
    assert_without_rights(dir, dir->socket, "(stranger) is listening there");
    process_end(pid);
}

TEST_WITH(test_dir_setup, test_dir_teardown, refuses_what_is_not_a_lock)
{
    struct test_dir *dir = *state;
    char lock[120], other[120];
    (void)snprintf(lock, sizeof lock, "%s.lock", dir->socket);
    (void)snprintf(other, sizeof other, "%s/precious", dir->path);
    close(open(other, O_CREAT | O_WRONLY, 0600));
    assert_int_equal(symlink(other, lock), 0);
    assert_refused(dir->socket, ".lock: cannot be opened");
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(link(other, lock), 0);
    assert_refused(dir->socket, "is not our lock file");
    assert_int_equal(unlink(lock), 0);
    assert_int_equal(mkfifo(lock, 0600), 0);
    assert_refused(dir->socket, "is not our lock file");
}

TEST_WITH(test_dir_setup, test_dir_teardown, refuses_what_is_not_a_socket)
{
    struct test_dir *dir = *state;
    char target[100];
    close(open(dir->socket, O_CREAT | O_WRONLY, 0600));
    assert_refused(dir->socket, "is not a socket");
    assert_int_equal(access(dir->socket, F_OK), 0);
    assert_int_equal(unlink(dir->socket), 0);

    (void)snprintf(target, sizeof target, "%s/target", dir->path);
    close(listen_by_hand(target));
    assert_int_equal(symlink(target, dir->socket), 0);
    assert_refused(dir->socket, "is not a socket");
}

TEST_WITH(test_dir_setup, test_dir_teardown, refuses_path_twice)
{
    struct test_dir *dir = *state;
    struct opened it = opened(dir->socket);
    assert_refused(dir->socket, "two listeners");
    end(it);
}

TEST_WITH(test_dir_setup, test_dir_teardown, refuses_long_and_relative_paths)
{
    struct test_dir *dir = *state;
    char path[LISTEN_PATH_MAX + 2];
    (void)snprintf(path, sizeof path, "%s/", dir->path);
    size_t len = strlen(path);
    memset(path + len, 'x', LISTEN_PATH_MAX - len);
    path[LISTEN_PATH_MAX] = '\0';
    end(opened(path));

    memset(path + len, 'x', LISTEN_PATH_MAX + 1 - len);
    path[LISTEN_PATH_MAX + 1] = '\0';
    assert_refused(path, "100 bytes, at most 99");
    assert_refused("relative/socket", "must begin with /");
}

TEST_WITH(test_dir_setup, test_dir_teardown, waits_for_directory)
{
    struct test_dir *dir = *state;
    char path[100];
    int fd = -1;
    struct unix_place place;
    struct error err = {0};
    (void)snprintf(path, sizeof path, "%s/none/socket", dir->path);
    unix_place_init(&place, path);
    assert_int_equal(unix_socket_listen(path, &plain, &fd, &place, &err),
        LISTENER_NO_DIRECTORY);
    unix_place_clear(&place);
    assert_int_equal(fd, -1);
    assert_int_equal(test_dir_entries(dir), 0); /* and has not made it */
}

TEST_WITH(test_dir_setup, test_dir_teardown, inherits_only_if_it_is_at_its_path)
{
    struct test_dir *dir = *state;
    struct error err = {0};
    struct opened it = opened(dir->socket);
    unix_place_clear(&it.place);
    unix_place_init(&it.place, dir->socket);
    assert_true(unix_socket_inherit(it.fd, dir->socket, &it.place, &err));
    assert_true(unix_place_is_held(&it.place));

    unlink(dir->socket);
    pid_t pid = listen_program_start(dir, "stranger", dir->socket);
    assert_true(unix_socket_inherit(it.fd, dir->socket, &it.place, &err));
    assert_false(unix_place_is_held(&it.place));
    process_end(pid);
    end(it);
}

int main(int argc, char **argv)
{
    if (listen_program_main(argc, argv))
        return 0;
    return run_all_tests(NULL, NULL);
}
