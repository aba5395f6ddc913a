/*
 * control_list.c - a long answer, written a little at a time.
 *
 * Its text is put together by hand, so that no more of it is in memory than
 * the peer leaves unread.
 */
#include "common/control/control_call.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_AT_ONCE 16

struct list_call {
    struct control_call *call;
    const struct control_list *list;
    void *state;
    bool has_one;
};

static void list_end(void *context)
{
    struct list_call *answer = context;

    answer->list->end(answer->state);
    free(answer);
}

static char *dump(json_t *value)
{
    char *text = value != NULL
                     ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY)
                     : NULL;

    if (text == NULL)
        abort();
    json_decref(value);
    return text;
}

/* The last of it: `],"shared":true}}`. */
static void list_close(struct list_call *answer)
{
    char *rest = dump(answer->list->rest(answer->state));
    char *end = xprintf("]%s%s}\n", rest[1] == '}' ? "" : ",", rest + 1);

    control_call_relay(answer->call, end, strlen(end));
    free(end);
    free(rest);
}

static bool list_step(void *context)
{
    struct list_call *answer = context;
    const struct control_sink *sink = &answer->call->sink;

    for (size_t i = 0; i < ITEMS_AT_ONCE; i++) {
        json_t *item = answer->list->next(answer->state);
        if (item == NULL) {
            list_close(answer);
            return false;
        }
        char *text = dump(item);
        if (answer->has_one)
            sink->write(sink->context, ",", 1);
        sink->write(sink->context, text, strlen(text));
        answer->has_one = true;
        free(text);
    }
    return true;
}

void control_answer_list(
    struct control_call *call, const struct control_list *list, void *state)
{
    struct list_call *answer = xcalloc(1, sizeof *answer);
    char *head = dump(control_call_head(call));

    *answer = (struct list_call){.call = call, .list = list, .state = state};
    head[strlen(head) - 1] = '\0';
    char *begin = xprintf("%s,\"result\":{\"%s\":[", head, list->name);
    call->sink.write(call->sink.context, begin, strlen(begin));
    free(begin);
    free(head);
    control_call_keep(call, answer, list_end);
    control_call_step_by(call, list_step);
}
