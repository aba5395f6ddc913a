/*
 * doctor_endpoint.c - is what Postfix is told to ask a socket of ours?
 *
 * A path of main.cf is taken from the queue directory, and an absolute one
 * from the jail where the service is chrooted; tollgate.conf has absolute
 * paths outside of any jail.
 */
#include "ctl/doctor_checks.h"

#include "common/base/alloc.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *queue(const struct doctor *doctor)
{
    return postfix_config_value(doctor->postfix, "queue_directory");
}

bool endpoint_same_path(const char *a, const char *b)
{
    char real_a[PATH_MAX], real_b[PATH_MAX];

    if (strcmp(a, b) == 0)
        return true;
    return realpath(a, real_a) != NULL && realpath(b, real_b) != NULL &&
           strcmp(real_a, real_b) == 0;
}

static enum endpoint_relation relate_path(const struct doctor *doctor,
    bool is_chrooted, const char *path, const char *ours)
{
    bool is_absolute = *path == '/';
    char *in_queue =
        xprintf("%s/%s", queue(doctor), path + (is_absolute ? 1 : 0));
    bool is_queue_file = endpoint_same_path(in_queue, ours);
    enum endpoint_relation relation = ENDPOINT_OTHER;

    free(in_queue);
    if (is_absolute && !is_chrooted)
        is_queue_file = false;
    if (is_queue_file)
        relation = ENDPOINT_OURS;
    else if (is_absolute && endpoint_same_path(path, ours))
        relation = is_chrooted ? ENDPOINT_JAILED : ENDPOINT_OURS;
    return relation;
}

/* "127.0.0.1:10040", "localhost:10040", "[::1]:10040" */
static bool is_inet(const char *text, const struct config_listener *ours)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    struct address written, listening;

    if (colon == NULL || strtoul(colon + 1, NULL, 10) != ours->port)
        return false;
    if (!address_parse(ours->host, strlen(ours->host), &listening))
        return false;
    if (len == strlen("localhost") && strncmp(text, "localhost", len) == 0)
        return strcmp(ours->host, "127.0.0.1") == 0 ||
               strcmp(ours->host, "::1") == 0;
    return address_parse(text, len, &written) &&
           address_equal(&written, &listening);
}

enum endpoint_relation endpoint_relate(const struct doctor *doctor,
    const struct postfix_service *service, const char *endpoint,
    const struct config_listener *ours)
{
    if (strncmp(endpoint, "unix:", 5) == 0 && ours->path != NULL)
        return relate_path(doctor, service != NULL && service->is_chrooted,
            endpoint + 5, ours->path);
    if (strncmp(endpoint, "inet:", 5) == 0 && ours->is_inet)
        return is_inet(endpoint + 5, ours) ? ENDPOINT_OURS : ENDPOINT_OTHER;
    return ENDPOINT_OTHER;
}

const struct config_listener *endpoint_find(const struct doctor *doctor,
    const struct postfix_service *service, const char *endpoint,
    const char *face, enum endpoint_relation *relation_r)
{
    const struct config_listeners *listen = &doctor->config->policyd.listen;

    for (size_t i = 0; i < listen->count; i++) {
        if (strcmp(listen->items[i].face, face) != 0)
            continue;
        *relation_r =
            endpoint_relate(doctor, service, endpoint, &listen->items[i]);
        if (*relation_r != ENDPOINT_OTHER)
            return &listen->items[i];
    }
    return NULL;
}

bool endpoint_is_in_queue(
    const struct doctor *doctor, const struct config_listener *ours)
{
    size_t len = strlen(queue(doctor));

    return ours->path == NULL ||
           (strncmp(ours->path, queue(doctor), len) == 0 &&
               ours->path[len] == '/');
}

char *endpoint_text(
    const struct doctor *doctor, const struct config_listener *ours)
{
    if (ours->is_inet)
        return xprintf(
            strchr(ours->host, ':') != NULL ? "inet:[%s]:%u" : "inet:%s:%u",
            ours->host, (unsigned)ours->port);
    if (endpoint_is_in_queue(doctor, ours))
        return xprintf("unix:%s", ours->path + strlen(queue(doctor)) + 1);
    return xprintf("unix:%s", ours->path);
}
