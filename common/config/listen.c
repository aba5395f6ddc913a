/*
 * listen.c - takes "FACE:unix:PATH" and "FACE:inet:ADDRESS:PORT" apart, and
 * the same without a face.
 *
 * Pure. Anvil's protocol is refused over inet: Postfix looks for it at a unix
 * path only, and descriptors cannot be passed otherwise. So is sni:
 * over inet the kernel does not say who asks for a private key. A gate is where
 * proxies come to, over inet.
 */
#include "common/config/listen.h"

#include "common/base/alloc.h"
#include "common/config/option_checks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ALLOWED \
    "allowed: FACE:unix:/PATH, FACE one of policy, anvil, anvil-pass, sni; " \
    "policy:inet:ADDRESS:PORT, gate:inet:ADDRESS:PORT"

static const struct face_word {
    const char *name;
    enum face face; /* FACES: feeds no limit */
    bool is_unix, is_inet;
} faces[] = {
    {"policy", FACE_POLICY, true, true},
    {"anvil", FACE_ANVIL, true, false},
    {"anvil-pass", FACE_ANVIL, true, false},
    {"sni", FACES, true, false},
    {"gate", FACES, false, true},
};

static const struct face_word *face_find(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof faces / sizeof faces[0]; i++)
        if (strlen(faces[i].name) == len &&
            memcmp(faces[i].name, text, len) == 0)
            return &faces[i];
    return NULL;
}

static bool take_unix(
    const char *path, struct config_listener *listener, struct error *err)
{
    size_t len = strlen(path);
    if (path[0] != '/' || len < 2 || path[len - 1] == '/' ||
        len > LISTEN_PATH_MAX)
        return error_set(err,
            "\"%s\" is no path for a socket; allowed: an "
            "absolute path of at most %d bytes",
            path, LISTEN_PATH_MAX);
    listener->path = xstrdup(path);
    return true;
}

static bool take_inet(
    const char *place, struct config_listener *listener, struct error *err)
{
    listener->is_inet = true;
    return option_split_address(place, &listener->host, &listener->port, err);
}

static bool take_place(const char *place, const struct face_word *face,
    struct config_listener *listener, struct error *err)
{
    bool is_unix = strncmp(place, "unix:", 5) == 0;
    if (!is_unix && strncmp(place, "inet:", 5) != 0)
        return error_set(
            err, "neither unix: nor inet: after the face; " ALLOWED);
    if (is_unix ? !face->is_unix : !face->is_inet)
        return error_set(err, "%s over %s is not possible; " ALLOWED,
            face->name, is_unix ? "unix" : "inet");
    return is_unix ? take_unix(place + 5, listener, err)
                   : take_inet(place + 5, listener, err);
}

bool listen_parse(
    const char *text, struct config_listener *listener_r, struct error *err)
{
    *listener_r = (struct config_listener){0};
    size_t len = strcspn(text, ":");
    const struct face_word *face = face_find(text, len);
    if (face == NULL || text[len] == '\0')
        return error_set(err, "\"%s\" names no face; " ALLOWED, text);

    struct config_listener listener = {0};
    if (!take_place(text + len + 1, face, &listener, err))
        return false;
    listener.text = xstrdup(text);
    listener.face = xstrdup(face->name);
    *listener_r = listener;
    return true;
}

bool listen_parse_milter(
    const char *text, struct config_listener *listener_r, struct error *err)
{
    struct config_listener listener = {0};
    bool is_good;
    *listener_r = listener;
    if (strncmp(text, "unix:", 5) == 0)
        is_good = take_unix(text + 5, &listener, err);
    else if (strncmp(text, "inet:", 5) == 0)
        is_good = take_inet(text + 5, &listener, err);
    else
        is_good =
            error_set(err, "neither unix: nor inet:; allowed: unix:/PATH or "
                           "inet:ADDRESS:PORT");
    if (!is_good)
        return false;
    listener.text = xstrdup(text);
    listener.face = xstrdup(face_name(FACE_MILTER));
    *listener_r = listener;
    return true;
}

void listen_clear(struct config_listener *listener)
{
    free(listener->text);
    free(listener->face);
    free(listener->path);
    free(listener->host);
    *listener = (struct config_listener){0};
}

enum face listen_face(const struct config_listener *listener)
{
    const struct face_word *face =
        face_find(listener->face, strlen(listener->face));
    assert(face != NULL);
    return face->face;
}
