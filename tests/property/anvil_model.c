/* anvil_model.c - see anvil_model.h. */
#include "tests/property/anvil_model.h"

#include <string.h>

uint32_t anvil_model_add(struct anvil_model *model, unsigned rate,
    uint32_t amount, uint64_t unit_s, uint64_t now_s)
{
    if (model->start_s == 0 || model->start_s + unit_s < now_s) {
        memset(model, 0, sizeof *model);
        model->start_s = amount == 0 ? 0 : now_s;
    }
    model->rates[rate] += amount;
    return model->rates[rate];
}
