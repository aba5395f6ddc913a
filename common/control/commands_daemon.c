/*
 * commands_daemon.c - restart.
 *
 * Answers when a successor serves or has failed to: the connection stays with
 * the old process until then.
 */
#include "common/control/control_command.h"

#include "common/engine/daemon.h"

static void on_result(bool is_ready, pid_t successor, void *context)
{
    struct control_call *call = context;

    if (is_ready)
        control_answer(
            call, json_pack("{s:I}", "successor", (json_int_t)successor));
    else
        control_refuse(call, CONTROL_FAILED,
            "the successor ended before it served (the log says why); the old "
            "process goes on");
}

static void forget(void *state)
{
    daemon_forget_waiter(state);
}

static void run_restart(struct control_call *call, const json_t *arguments)
{
    struct daemon *daemon = control_call_host(call)->daemon;
    const struct daemon_waiter waiter = {on_result, call};
    struct error err;

    if (daemon_restart(daemon, &waiter, &err))
        control_call_keep(call, daemon, forget);
    else
        control_refuse(call, CONTROL_FAILED, "%s", err.text);
}

const struct control_command commands_daemon[] = {
    {"restart", CONTROL_CHANGE, false, {{0}}, run_restart,
        "hand over to a successor, without a gap"},
    {0},
};
