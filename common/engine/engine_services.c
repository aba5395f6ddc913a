/*
 * engine_services.c - which services there are counters for.
 */
#include "common/engine/engine_private.h"

size_t engine_services(
    const struct engine *engine, const char *titles[ENGINE_SERVICES_MAX])
{
    const struct config *config = engine->config;
    const struct names *names = &engine->services;
    size_t count = 0;

    for (size_t i = 0; i < config->service_count && count < ENGINE_SERVICES_MAX;
         i++)
        titles[count++] = config->services[i].title;
    for (size_t i = 0; i < names->count && count < ENGINE_SERVICES_MAX; i++)
        titles[count++] = names->items[i];
    return count;
}
