/*
 * program.h - run a program of the system's and keep what it prints.
 */
#ifndef TOLLGATE_BASE_PROGRAM_H
#define TOLLGATE_BASE_PROGRAM_H

#include "common/base/error.h"

#define PROGRAM_OUTPUT_MAX (4 * 1024 * 1024)

/*
 * argv[0] is looked for in the usual folders of the system, whatever the
 * caller's PATH says. No shell, no input, LC_ALL=C. True: exit status 0; the
 * caller frees *output_r. False: it could not be started, failed (err has the
 * last line it complained with), printed more than PROGRAM_OUTPUT_MAX, or was
 * not done in time_ms and was killed.
 */
bool program_read(const char *const *argv, unsigned time_ms, char **output_r,
    struct error *err);

#endif
