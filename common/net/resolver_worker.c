/*
 * resolver_worker.c - answers one question, in a process of its own.
 *
 * The process is new, so the C library reads resolv.conf, nsswitch.conf and
 * hosts as they are now. First everything but the DNS is asked (hosts, by
 * way of getaddrinfo without name servers), for the name as it is written and
 * for both families at once: a hosts entry with an IPv4 address alone must not
 * let the DNS add an IPv6 one. Then the DNS, for one absolute name after the
 * other, each family by itself, so that "has none" and "did not answer" can be
 * told apart. The walk ends at the first name that has an address in either
 * family. It ends at a name that could not be asked about, too: an error is
 * no reason to believe the next domain.
 */
#include "common/net/resolver_wire.h"

#include "common/base/child.h"
#include "common/net/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <resolv.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A server that is down costs this much; the usual 5 s would leave no time
 * for the next server within a question's life. */
#define SERVER_PATIENCE_S 2
/* hosts may be about to be written: looked at once more after this. */
#define SECOND_LOOK_NS 300000000

static const int families[RESOLVER_FAMILIES] = {AF_INET, AF_INET6};

struct worker {
    int fd;
    const struct resolver_question *question;
    struct resolver_reply reply; /* the one that is being written */
};

/* The names that the system would ask the DNS for, in its order. */
struct walk {
    char names[MAXDNSRCH + 2][RESOLVER_NAME_SIZE];
    size_t count;
};

static bool worker_send(struct worker *worker)
{
    size_t len = RESOLVER_REPLY_SIZE(worker->reply.count);

    worker->reply.number = worker->question->number;
    return send(worker->fd, &worker->reply, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Those of the family; false: too many. */
static bool take(
    struct resolver_reply *reply, int family, const struct addrinfo *found)
{
    reply->count = 0;
    for (; found != NULL; found = found->ai_next) {
        if (found->ai_family != families[family])
            continue;
        if (reply->count == RESOLVER_ADDRESSES_MAX)
            return false;
        if (address_from_sockaddr(
                found->ai_addr, &reply->addresses[reply->count], NULL))
            reply->count++;
    }
    return true;
}

static int send_addresses(struct worker *worker, int family, const char *full,
    const struct addrinfo *found)
{
    struct resolver_reply *reply = &worker->reply;

    if (!take(reply, family, found))
        return RESOLVER_TOO_MANY;
    if (reply->count == 0)
        return EAI_NODATA;
    reply->kind = RESOLVER_ADDRESSES;
    reply->family = (uint8_t)family;
    snprintf(reply->full, sizeof reply->full, "%s", full);
    return worker_send(worker) ? 0 : EAI_SYSTEM;
}

static void send_end(struct worker *worker, const char *full,
    const int status[RESOLVER_FAMILIES])
{
    worker->reply.kind = RESOLVER_END;
    worker->reply.count = 0;
    for (int i = 0; i < RESOLVER_FAMILIES; i++)
        worker->reply.status[i] = status[i];
    snprintf(worker->reply.full, sizeof worker->reply.full, "%s", full);
    (void)worker_send(worker);
}

static int look_up(const char *name, int family, struct addrinfo **found)
{
    const struct addrinfo hints = {.ai_family = family,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_CANONNAME};

    return getaddrinfo(name, NULL, &hints, found);
}

/* False: only the DNS can know the name. */
static bool answer_locally(struct worker *worker, const char *name)
{
    int servers = _res.nscount, status[RESOLVER_FAMILIES];
    struct addrinfo *found;

    _res.nscount = 0;
    int error = look_up(name, AF_UNSPEC, &found);
    _res.nscount = servers;
    if (error != 0)
        return false;
    const char *full = found->ai_canonname != NULL ? found->ai_canonname : name;
    worker->reply.is_local = true;
    for (int i = 0; i < RESOLVER_FAMILIES; i++)
        status[i] = send_addresses(worker, i, full, found);
    send_end(worker, full, status);
    freeaddrinfo(found);
    return true;
}

static bool is_local(struct worker *worker, const char *name)
{
    const struct timespec pause = {.tv_nsec = SECOND_LOOK_NS};

    if (answer_locally(worker, name))
        return true;
    if (!worker->question->was_local)
        return false;
    (void)nanosleep(&pause, NULL);
    return answer_locally(worker, name);
}

/* What a name lacks to be absolute. */
static const char *last_dot(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && name[len - 1] == '.' ? "" : ".";
}

/* One that is too long is left out: the DNS cannot have it. */
static void walk_add(struct walk *walk, const char *name, const char *domain)
{
    char *to = walk->names[walk->count];
    int made = snprintf(to, RESOLVER_NAME_SIZE, "%s%s%s%s", name,
        last_dot(name), domain, *domain == '\0' ? "" : last_dot(domain));

    if (made > 0 && made < RESOLVER_NAME_SIZE)
        walk->count++;
}

/* The order of res_search(3). A name with a dot is absolute. */
static void walk_begin(struct walk *walk, const char *name)
{
    bool is_absolute = strchr(name, '.') != NULL;
    bool is_first = is_absolute || _res.ndots == 0;
    bool is_searched = !is_absolute && (_res.options & RES_DEFNAMES) != 0;
    bool has_root = false;
    size_t domains = (_res.options & RES_DNSRCH) != 0 ? MAXDNSRCH : 1;

    walk->count = 0;
    if (is_first)
        walk_add(walk, name, "");
    for (size_t i = 0; is_searched && i < domains; i++) {
        const char *domain = _res.dnsrch[i];
        if (domain == NULL)
            break;
        domain += *domain == '.';
        has_root = has_root || *domain == '\0';
        walk_add(walk, name, domain);
    }
    if (!is_first && !has_root &&
        (walk->count == 0 || (_res.options & RES_NOTLDQUERY) == 0))
        walk_add(walk, name, "");
}

/* Which of them answered before? That one alone, if it is still among them. */
static void walk_narrow(struct walk *walk, const char *full)
{
    for (size_t i = 0; i < walk->count; i++)
        if (strcasecmp(walk->names[i], full) == 0) {
            memmove(walk->names[0], walk->names[i], sizeof walk->names[0]);
            walk->count = 1;
            return;
        }
}

static int ask_family(struct worker *worker, const char *full, int family)
{
    struct addrinfo *found;
    int error = look_up(full, families[family], &found);

    if (error != 0)
        return error;
    error = send_addresses(worker, family, full, found);
    freeaddrinfo(found);
    return error;
}

/* The exit status of the other half is what it would have returned, in a
 * byte: errors EAI_... are small and negative. */
static int ask_aside(struct worker *worker, const char *full, int family)
{
    pid_t parent = getpid(), pid = child_fork();
    sigset_t none;

    if (pid != 0)
        return pid;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    int error = ask_family(worker, full, family);
    _exit(error > 0 ? 0x80 | error : -error);
}

static int collect(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
        continue;
    if (!WIFEXITED(status))
        return RESOLVER_DIED;
    int code = WEXITSTATUS(status);
    return (code & 0x80) != 0 ? code & 0x7f : -code;
}

/* Both at once: a server may answer one of them only. */
static void ask_both(
    struct worker *worker, const char *full, int status[RESOLVER_FAMILIES])
{
    int pid = ask_aside(worker, full, RESOLVER_IPV6);

    status[RESOLVER_IPV4] = ask_family(worker, full, RESOLVER_IPV4);
    status[RESOLVER_IPV6] =
        pid == -1 ? ask_family(worker, full, RESOLVER_IPV6) : collect(pid);
}

/* A label alone is no name of the DNS's: that no server cares to answer for
 * it says nothing. */
static bool is_bare(const char *full)
{
    const char *dot = strchr(full, '.');

    return dot != NULL && dot[1] == '\0';
}

static void ask_in_turn(struct worker *worker, const struct walk *walk)
{
    int status[RESOLVER_FAMILIES] = {EAI_NONAME, EAI_NONAME};
    size_t i = 0;

    for (; i < walk->count; i++) {
        const char *full = walk->names[i];
        ask_both(worker, full, status);
        bool has_none = resolver_is_none(status[RESOLVER_IPV4]) &&
                        resolver_is_none(status[RESOLVER_IPV6]);
        bool is_found =
            status[RESOLVER_IPV4] == 0 || status[RESOLVER_IPV6] == 0;
        if (is_found || i + 1 == walk->count || !(has_none || is_bare(full)))
            break;
    }
    send_end(worker, walk->count > 0 ? walk->names[i] : "", status);
}

void resolver_work(int fd, const struct resolver_question *question)
{
    struct worker worker = {.fd = fd, .question = question};
    const int failed[RESOLVER_FAMILIES] = {EAI_SYSTEM, EAI_SYSTEM};
    char bare[RESOLVER_NAME_SIZE];
    struct walk walk;

    if (res_init() == -1) {
        send_end(&worker, question->name, failed);
        return;
    }
    walk_begin(&walk, question->name);
    walk_narrow(&walk, question->full);
    _res.options &= ~(unsigned long)(RES_DEFNAMES | RES_DNSRCH);
    if (_res.retrans > SERVER_PATIENCE_S)
        _res.retrans = SERVER_PATIENCE_S;
    snprintf(bare, sizeof bare, "%s", question->name);
    size_t len = strlen(bare);
    if (len > 1 && bare[len - 1] == '.')
        bare[len - 1] = '\0';
    if (!is_local(&worker, bare))
        ask_in_turn(&worker, &walk);
}
