/*
 * control_request.c - see control_request.h.
 *
 * jansson refuses what is no JSON, no UTF-8, nested too deep, or has a NUL or
 * a member twice; here is only what is ours.
 */
#include "common/control/control_request.h"

#include <stdint.h>
#include <string.h>

static bool take_members(
    json_t *object, struct control_request *request, struct error *err)
{
    const char *name;
    json_t *value;
    const char *command = json_string_value(json_object_get(object, "command"));

    if (command == NULL || command[0] == '\0')
        return error_set(err, "\"command\" is missing or no text");
    size_t len = strlen(command);
    if (len >= sizeof request->command)
        return error_set(err, "\"command\" is too long");
    memcpy(request->command, command, len + 1);
    json_object_foreach(object, name, value) {
        if (strcmp(name, "command") != 0 && strcmp(name, "arguments") != 0)
            return error_set(
                err, "only \"command\" and \"arguments\" may be in a request");
        if (strcmp(name, "arguments") == 0 && !json_is_object(value))
            return error_set(err, "\"arguments\" must be an object");
    }
    return true;
}

bool control_request_parse(const char *line, size_t len,
    struct control_request *request, struct error *err)
{
    json_error_t where;
    *request = (struct control_request){.arguments = NULL};
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &where);
    if (object == NULL)
        return error_set(err, "not a JSON object on one line: %s", where.text);
    bool is_good = json_is_object(object)
                       ? take_members(object, request, err)
                       : error_set(err, "not a JSON object on one line");
    if (is_good) {
        json_t *arguments = json_object_get(object, "arguments");
        request->arguments =
            arguments != NULL ? json_incref(arguments) : json_object();
    }
    json_decref(object);
    return is_good;
}

void control_request_clear(struct control_request *request)
{
    json_decref(request->arguments);
    request->arguments = NULL;
}

static bool are_texts(const json_t *value)
{
    const char *name;
    json_t *item;

    if (!json_is_object(value))
        return false;
    json_object_foreach((json_t *)(uintptr_t)value, name, item)
        if (!json_is_string(item))
            return false;
    return true;
}

static bool check_type(const struct control_argument *argument,
    const json_t *value, struct error *err)
{
    switch (argument->type) {
    case CONTROL_TEXT:
        if (json_is_string(value) && json_string_length(value) > 0)
            return true;
        return error_set(err, "%s: must be a text", argument->name);
    case CONTROL_NUMBER:
        if (json_is_integer(value) && json_integer_value(value) >= 0 &&
            json_integer_value(value) <= INT32_MAX)
            return true;
        return error_set(err, "%s: must be a number, 0 to %d", argument->name,
            (int)INT32_MAX);
    case CONTROL_FLAG:
        return json_is_boolean(value) ||
               error_set(err, "%s: must be true or false", argument->name);
    case CONTROL_TEXTS:
        return are_texts(value) ||
               error_set(err, "%s: must be an object of texts", argument->name);
    }
    return false;
}

static bool is_known(const struct control_command *command, const char *name)
{
    for (size_t i = 0; i < CONTROL_ARGUMENTS_MAX; i++)
        if (command->arguments[i].name != NULL &&
            strcmp(command->arguments[i].name, name) == 0)
            return true;
    return false;
}

bool control_request_check(const struct control_request *request,
    const struct control_command *command, struct error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach(request->arguments, name, value)
        if (!is_known(command, name))
            return error_set(
                err, "%s has no argument \"%.40s\"", command->name, name);
    for (size_t i = 0; i < CONTROL_ARGUMENTS_MAX; i++) {
        const struct control_argument *argument = &command->arguments[i];
        if (argument->name == NULL)
            break;
        value = json_object_get(request->arguments, argument->name);
        if (value == NULL && argument->is_required)
            return error_set(
                err, "%s: %s is missing", command->name, argument->name);
        if (value != NULL && !check_type(argument, value, err))
            return error_prefix(err, "%s: ", command->name);
    }
    return true;
}
