/*
 * smtpd_activity.c - notices limits that can never count.
 *
 * A hash of the sessions by their smtpd's pid, so that a recipient costs one
 * look. Only warns: what Postfix does not ask cannot be refused. The services
 * warned about are remembered up to WARNED_MAX, since a name comes from
 * outside; beyond that there is no warning any more.
 */
#include "policyd/smtpd_activity.h"

#include "common/base/alloc.h"
#include "common/base/log.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS    1024
#define WARNED_MAX 64

struct smtpd_activities {
    struct smtpd_activity *buckets[BUCKETS];
    char *warned[WARNED_MAX]; /* services; owned */
    size_t warned_count;
};

/* The events that both faces see, and who is to be asked for them. */
static const struct {
    enum event_kind kind;
    const char *name;
    const char *parameter;
} rows[] = {
    {EVENT_MESSAGE, "message", "smtpd_client_message_rate_limit"},
    {EVENT_RECIPIENT, "recipient", "smtpd_client_recipient_rate_limit"},
};

struct smtpd_activities *smtpd_activities_new(void)
{
    return xcalloc(1, sizeof(struct smtpd_activities));
}

void smtpd_activities_free(struct smtpd_activities **activities)
{
    if (*activities == NULL)
        return;
    for (size_t i = 0; i < (*activities)->warned_count; i++)
        free((*activities)->warned[i]);
    free(*activities);
    *activities = NULL;
}

void smtpd_activity_add(struct smtpd_activities *activities,
    struct smtpd_activity *activity, pid_t pid)
{
    struct smtpd_activity **bucket =
        &activities->buckets[(unsigned)pid % BUCKETS];

    activity->pid = pid;
    activity->next = *bucket;
    activity->link = bucket;
    if (*bucket != NULL)
        (*bucket)->link = &activity->next;
    *bucket = activity;
}

void smtpd_activity_remove(struct smtpd_activity *activity)
{
    *activity->link = activity->next;
    if (activity->next != NULL)
        activity->next->link = activity->link;
}

void smtpd_activity_enter(
    struct smtpd_activity *activity, const struct anvil_ident *ident)
{
    memset(activity->has_seen, 0, sizeof activity->has_seen);
    activity->is_connected = true;
    activity->client = ident->client;
    memcpy(activity->service, ident->service, sizeof activity->service);
}

void smtpd_activity_leave(struct smtpd_activity *activity)
{
    activity->is_connected = activity->is_serving = false;
}

static const struct smtpd_activity *find_next(
    const struct smtpd_activity *activity, pid_t pid)
{
    while (activity != NULL && activity->pid != pid)
        activity = activity->next;
    return activity;
}

static const struct smtpd_activity *find_first(
    const struct smtpd_activities *activities, pid_t pid)
{
    if (pid <= 0)
        return NULL;
    return find_next(activities->buckets[(unsigned)pid % BUCKETS], pid);
}

static const struct smtpd_activity *find_connected(
    const struct smtpd_activities *activities, pid_t pid)
{
    const struct smtpd_activity *activity = find_first(activities, pid);

    while (activity != NULL && !activity->is_connected)
        activity = find_next(activity->next, pid);
    return activity;
}

bool smtpd_activity_is_between_sessions(
    const struct smtpd_activities *activities, pid_t smtpd)
{
    const struct smtpd_activity *activity = find_first(activities, smtpd);
    bool is_known = activity != NULL;

    while (activity != NULL && !activity->is_serving)
        activity = find_next(activity->next, smtpd);
    return is_known && activity == NULL;
}

/* Some limit on this client would count such an event. */
static bool is_missed(const struct smtpd_activity *activity,
    enum event_kind kind, const struct config *config)
{
    const struct config_feed *feed = &config->feeds[FACE_ANVIL][kind];
    const struct event event = {
        .face = FACE_ANVIL,
        .service = activity->service,
        .client = activity->client,
        .client_text = "",
        EVENT_NO_TEXTS,
    };

    if (activity->has_seen[kind])
        return false;
    for (size_t i = 0; i < feed->count; i++)
        if (limit_applies(feed->limits[i], &event,
                config_service_title(config, activity->service)))
            return true;
    return false;
}

static bool has_warned(
    const struct smtpd_activities *activities, const char *service)
{
    for (size_t i = 0; i < activities->warned_count; i++)
        if (strcmp(activities->warned[i], service) == 0)
            return true;
    return activities->warned_count == WARNED_MAX;
}

static void warn_of_missed(struct smtpd_activities *activities,
    const struct smtpd_activity *activity, const struct config *config)
{
    bool is_warning = false;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!is_missed(activity, rows[i].kind, config) ||
            (!is_warning && has_warned(activities, activity->service)))
            continue;
        is_warning = true;
        log_warn("anvil: service %s sends no %s events, so limits that count "
                 "them there do nothing: set %s > 0 in main.cf",
            activity->service, rows[i].name, rows[i].parameter);
    }
    if (is_warning)
        activities->warned[activities->warned_count++] =
            xstrdup(activity->service);
}

enum anvil_acquaintance smtpd_activity_rcpt(struct smtpd_activities *activities,
    pid_t smtpd, const struct config *config)
{
    const struct smtpd_activity *activity = find_connected(activities, smtpd);

    if (activity == NULL)
        return find_first(activities, smtpd) == NULL ? ANVIL_STRANGER
                                                     : ANVIL_KNOWN;
    warn_of_missed(activities, activity, config);
    return ANVIL_CONNECTED;
}
