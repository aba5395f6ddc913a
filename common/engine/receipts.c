/*
 * receipts.c - see receipts.h.
 *
 * A counter that is charged again within its window adds up under the first
 * moment: what is taken back is found by a moment that may be any before it was
 * charged (core/window.c). After a reload a window may be shorter than the one
 * that was charged, so units may have left it that would be looked for.
 */
#include "common/engine/receipts.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

struct receipt {
    struct receipt *next;
    struct charge charge; /* its subject and name are below */
    uint64_t asked_ms;
    struct subject subject;
    char name[];
};

static bool is_refundable(
    const struct bill_item *item, const struct charge *charge)
{
    return charge->kind == CHARGE_SLIDING && !charge->refused &&
           item->limit != NULL &&
           (item->kind == EVENT_MESSAGE || item->kind == EVENT_RECIPIENT);
}

static struct receipt *receipt_find(
    const struct receipts *receipts, const struct charge *charge)
{
    struct receipt *receipt = receipts->first;

    while (receipt != NULL &&
           (receipt->subject.len != charge->subject->len ||
               memcmp(receipt->subject.text, charge->subject->text,
                   charge->subject->len) != 0 ||
               strcmp(receipt->name, charge->name) != 0))
        receipt = receipt->next;
    return receipt;
}

static void receipt_new(
    struct receipts *receipts, const struct charge *charge, uint64_t asked_ms)
{
    size_t name_size = strlen(charge->name) + 1;
    struct receipt *receipt = xcalloc(1, sizeof *receipt + name_size);

    receipt->charge = *charge;
    receipt->asked_ms = asked_ms;
    receipt->subject = *charge->subject;
    memcpy(receipt->name, charge->name, name_size);
    receipt->charge.subject = &receipt->subject;
    receipt->charge.name = receipt->name;
    receipt->next = receipts->first;
    receipts->first = receipt;
    receipts->count++;
}

/* Of both the earlier moments; but what has left its window is forgotten, and
 * so is what only one of the servers would know. */
static void receipt_extend(
    struct receipt *receipt, const struct charge *charge, uint64_t asked_ms)
{
    struct charge *own = &receipt->charge;
    bool is_alike = own->window_ms == charge->window_ms &&
                    (own->charged_ms == 0) == (charge->charged_ms == 0);

    if (is_alike && asked_ms - receipt->asked_ms <= own->window_ms) {
        own->amount += charge->amount;
        if (charge->charged_ms < own->charged_ms)
            own->charged_ms = charge->charged_ms;
        return;
    }
    own->amount = charge->amount;
    own->window_ms = charge->window_ms;
    own->charged_ms = charge->charged_ms;
    receipt->asked_ms = asked_ms;
}

static void receipts_add_charge(
    struct receipts *receipts, const struct charge *charge, uint64_t asked_ms)
{
    struct receipt *receipt = receipt_find(receipts, charge);

    if (receipt != NULL)
        receipt_extend(receipt, charge, asked_ms);
    else if (receipts->count < RECEIPTS_MAX)
        receipt_new(receipts, charge, asked_ms);
}

void receipts_add(struct receipts *receipts, const struct decision *decision,
    uint64_t asked_ms)
{
    const struct bill *bill = &decision->bill;

    for (size_t i = 0; i < bill->count; i++) {
        if (!is_refundable(&bill->items[i], &bill->charges[i]))
            continue;
        if (receipts->config != decision->config) {
            receipts_clear(receipts);
            receipts->config = config_ref(decision->config);
        }
        receipts_add_charge(receipts, &bill->charges[i], asked_ms);
    }
}

void receipts_give_back(struct receipts *receipts, struct engine *engine)
{
    if (receipts->config == engine_config(engine))
        for (struct receipt *receipt = receipts->first; receipt != NULL;
             receipt = receipt->next)
            store_refund(
                engine_store(engine), &receipt->charge, receipt->asked_ms);
    receipts_clear(receipts);
}

void receipts_clear(struct receipts *receipts)
{
    struct receipt *receipt;

    while ((receipt = receipts->first) != NULL) {
        receipts->first = receipt->next;
        free(receipt);
    }
    receipts->count = 0;
    config_unref(&receipts->config);
}

void receipts_move(struct receipts *from, struct receipts *to_r)
{
    *to_r = *from;
    *from = (struct receipts){0};
}
