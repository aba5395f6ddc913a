/*
 * coverage_exit.c - counters are written at _exit too.
 *
 * Linked into coverage builds only, with --wrap=_exit: the milter and all
 * children that exec nothing end so, and would have run nothing, it seems.
 */
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
void __gcov_dump(void);

_Noreturn void __wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}
