/*
 * context.c - see context.h.
 *
 * Texts come from strangers and are cut where they are longer than any honest
 * one; the end is kept, where the domain stands, so that nobody leaves a
 * domain's limit by a long local part.
 */
#include "milter/context.h"

#include "common/base/alloc.h"
#include "common/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX     511
#define NAME_MAX_LEN 255

struct message {
    char *sender, *recipient, *sasl_username, *queue_id; /* NULL: not known */
    bool is_counted;
    uint32_t recipients, rejected;
    uint32_t bytes;
};

struct context {
    struct cidr client;
    char client_text[ADDRESS_TEXT_SIZE];
    struct address frontend;
    uint16_t frontend_port;
    char *service, *helo;
    bool is_harvesting;
    struct message message;
};

struct context *context_new(void)
{
    return xcalloc(1, sizeof(struct context));
}

void context_free(struct context **context)
{
    if (*context == NULL)
        return;
    context_reset(*context);
    free((*context)->service);
    free((*context)->helo);
    free(*context);
    *context = NULL;
}

static void set_end(char **text, const char *value, size_t len, size_t max)
{
    size_t excess = len > max ? len - max : 0;

    free(*text);
    *text = NULL;
    if (len == 0)
        return;
    *text = xcalloc(1, len - excess + 1);
    memcpy(*text, value + excess, len - excess);
}

static void set_text(char **text, const char *value, size_t max)
{
    set_end(text, value, value == NULL ? 0 : strlen(value), max);
}

static const char *text_of(const char *text)
{
    return text == NULL ? "" : text;
}

static void read_address(const char *text, struct address *address_r)
{
    text = text_of(text);
    address_parse(text, strlen(text), address_r);
}

static uint16_t read_port(const char *text)
{
    char *end;
    unsigned long port = strtoul(text_of(text), &end, 10);

    return *end == '\0' && port <= UINT16_MAX ? (uint16_t)port : 0;
}

void context_connect(struct context *context, const struct context_peer *peer)
{
    struct address *client = &context->client.net;

    if (peer->address == NULL ||
        !address_from_sockaddr(peer->address, client, NULL))
        read_address(peer->client_addr, client);
    context->client.prefix_length = (uint8_t)address_bits(client);
    address_format(client, context->client_text);
    read_address(peer->daemon_addr, &context->frontend);
    context->frontend_port = read_port(peer->daemon_port);
    set_text(&context->service, peer->daemon_name, NAME_MAX_LEN);
}

void context_helo(struct context *context, const char *helo)
{
    set_text(&context->helo, helo, TEXT_MAX);
}

/* "<user@example.org>" as in the command, or without the brackets: they go
 * first, so that of a long one what is kept is the mailbox's end, and fits. */
static void set_mailbox(char **text, const char *value)
{
    size_t len = value == NULL ? 0 : strlen(value);

    if (len > 0 && value[len - 1] == '>')
        len--;
    if (len > 0 && value[0] == '<') {
        value++;
        len--;
    }
    set_end(text, value, len, TEXT_MAX);
}

void context_reset(struct context *context)
{
    struct message *message = &context->message;

    free(message->sender);
    free(message->recipient);
    free(message->sasl_username);
    free(message->queue_id);
    *message = (struct message){0};
}

/* The argument where Postfix tells nothing better. */
static const char *better_of(const char *argument, const char *macro)
{
    bool is_known = macro != NULL && macro[0] != '\0';

    return is_known && strcmp(argument, "<>") != 0 ? macro : argument;
}

void context_mail(struct context *context, const char *sender,
    const char *mail_addr, const char *sasl_username)
{
    context_reset(context);
    set_mailbox(&context->message.sender, better_of(sender, mail_addr));
    set_text(&context->message.sasl_username, sasl_username, NAME_MAX_LEN);
}

void context_rcpt(struct context *context, const char *recipient,
    const char *rcpt_addr, const char *queue_id)
{
    struct message *message = &context->message;

    set_mailbox(&message->recipient, better_of(recipient, rcpt_addr));
    if (message->recipients > 0)
        set_text(&message->queue_id, queue_id, NAME_MAX_LEN);
}

static uint32_t add_capped(uint32_t a, size_t b)
{
    return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t)b;
}

void context_content(struct context *context, size_t bytes)
{
    context->message.bytes = add_capped(context->message.bytes, bytes);
}

void context_end(struct context *context, const char *queue_id)
{
    set_text(&context->message.recipient, NULL, TEXT_MAX);
    set_text(&context->message.queue_id, queue_id, NAME_MAX_LEN);
}

static void count_step(const struct message *message, enum context_step step,
    uint32_t amount[EVENT_KINDS])
{
    switch (step) {
    case CONTEXT_CONNECT:
        amount[EVENT_CONNECTION] = 1;
        amount[EVENT_CONNECTION_COUNT] = 1;
        return;
    case CONTEXT_RCPT_REJECTED:
        amount[EVENT_REJECTED_RECIPIENT] = 1;
        return;
    case CONTEXT_RCPT:
        amount[EVENT_RECIPIENT] = 1;
        break;
    case CONTEXT_END:
        amount[EVENT_RECIPIENT] = message->recipients == 0 ? 1 : 0;
        amount[EVENT_BYTES] = message->bytes;
        break;
    }
    amount[EVENT_MESSAGE] = message->is_counted ? 0 : 1;
}

void context_event(const struct context *context, enum context_step step,
    struct event *event_r)
{
    const struct message *message = &context->message;

    *event_r = (struct event){
        .face = FACE_MILTER,
        .service = text_of(context->service),
        .client = context->client,
        .client_text = context->client_text,
        .frontend = context->frontend,
        .frontend_port = context->frontend_port,
        .sasl_username = text_of(message->sasl_username),
        .sender = text_of(message->sender),
        .recipient = text_of(message->recipient),
        .helo = text_of(context->helo),
        .instance = text_of(message->queue_id),
    };
    count_step(message, step, event_r->amount);
    if (event_r->amount[EVENT_RECIPIENT] > 0)
        event_r->message_recipients =
            add_capped(message->recipients, event_r->amount[EVENT_RECIPIENT]);
}

void context_passed(struct context *context, const struct event *event)
{
    struct message *message = &context->message;

    if (event->amount[EVENT_MESSAGE] > 0)
        message->is_counted = true;
    message->recipients =
        add_capped(message->recipients, event->amount[EVENT_RECIPIENT]);
    message->rejected =
        add_capped(message->rejected, event->amount[EVENT_REJECTED_RECIPIENT]);
}

bool context_is_counted(const struct context *context)
{
    return context->message.is_counted;
}

void context_set_harvesting(struct context *context, bool is_harvesting)
{
    context->is_harvesting = is_harvesting;
}

bool context_is_harvesting(const struct context *context)
{
    return context->is_harvesting;
}

/* What strangers choose comes last and without spaces. */
static void write_word(char out[128], const char *text)
{
    log_escape(out, 128, text, strlen(text));
    for (char *c = out; *c != '\0'; c++)
        if (*c == ' ')
            *c = '_';
}

void context_header(
    const struct context *context, char text[CONTEXT_HEADER_SIZE])
{
    const struct message *message = &context->message;
    char service[128], sasl[128];

    write_word(service, text_of(context->service));
    write_word(sasl, text_of(message->sasl_username));
    int len = snprintf(text, CONTEXT_HEADER_SIZE,
        "service=%s client=%s recipients=%u rejected=%u sasl=%s", service,
        context->client_text, message->recipients, message->rejected, sasl);
    if (len < 0)
        text[0] = '\0';
}
