/*
 * socketmap_request.c - see socketmap_request.h.
 */
#include "policyd/socketmap_request.h"

#include <ctype.h>
#include <string.h>

#define LENGTH_DIGITS_MAX 4

static enum socketmap_result bad(
    struct socketmap_request *request, const char *reason)
{
    request->reason = reason;
    return SOCKETMAP_BAD;
}

/* The digits and the colon; head_r: how many bytes they are. */
static enum socketmap_result parse_length(const char *bytes, size_t len,
    size_t *head_r, size_t *length_r, struct socketmap_request *request)
{
    size_t length = 0, i = 0;

    for (; i < len && isdigit((unsigned char)bytes[i]); i++) {
        if (i == LENGTH_DIGITS_MAX || (i == 1 && bytes[0] == '0'))
            return bad(request, "length out of range");
        length = length * 10 + (size_t)(bytes[i] - '0');
    }
    if (i == len)
        return SOCKETMAP_MORE;
    if (i == 0 || bytes[i] != ':')
        return bad(request, "no netstring");
    if (length > SOCKETMAP_TEXT_MAX)
        return bad(request, "length out of range");
    *head_r = i + 1;
    *length_r = length;
    return SOCKETMAP_DONE;
}

enum socketmap_result socketmap_request_parse(const char *bytes, size_t len,
    size_t *used_r, struct socketmap_request *request_r)
{
    size_t head, length;

    *request_r = (struct socketmap_request){.key = NULL};
    enum socketmap_result result =
        parse_length(bytes, len, &head, &length, request_r);
    if (result != SOCKETMAP_DONE)
        return result;
    if (len < head + length + 1)
        return SOCKETMAP_MORE;
    if (bytes[head + length] != ',')
        return bad(request_r, "no comma at the end");
    const char *space = memchr(bytes + head, ' ', length);
    if (space == NULL || space == bytes + head)
        return bad(request_r, "no map and key");
    request_r->key = space + 1;
    request_r->key_len = length - (size_t)(space + 1 - (bytes + head));
    *used_r = head + length + 1;
    return SOCKETMAP_DONE;
}

bool socketmap_request_name(
    const struct socketmap_request *request, char name_r[SOCKETMAP_NAME_SIZE])
{
    if (request->key_len == 0 || request->key_len >= SOCKETMAP_NAME_SIZE ||
        request->key[0] == '.')
        return false;
    for (size_t i = 0; i < request->key_len; i++) {
        unsigned char c = (unsigned char)request->key[i];
        if (!isalnum(c) && c != '-' && c != '.' && c != '_')
            return false;
        name_r[i] = (char)tolower(c);
    }
    name_r[request->key_len] = '\0';
    return true;
}
