/*
 * postfix_expand.h - what the -o of a service make of Postfix's parameters,
 * where no postconf can be asked.
 */
#ifndef TOLLGATE_CTL_POSTFIX_EXPAND_H
#define TOLLGATE_CTL_POSTFIX_EXPAND_H

#include "ctl/postfix_parameters.h"

/*
 * raw: as main.cf has them; expanded: the same with all $names expanded by
 * Postfix itself; overrides: the -o, as written. parameters_r: what is in force
 * then; the caller clears it. What an override changes is expanded here: $name,
 * ${name}, $(name), ${name?text}, ${name:text} and ${name?{text}:{text}}
 * (postconf(5)). True: all of it. False: some value compares, which Postfix
 * alone does, and stays as it is without the overrides.
 */
bool postfix_expand(const struct postfix_parameters *raw,
    const struct postfix_parameters *expanded,
    const struct postfix_parameters *overrides,
    struct postfix_parameters *parameters_r);

#endif
