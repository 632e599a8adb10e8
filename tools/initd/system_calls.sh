#!/bin/sh
# system_calls.sh COMPILER...: the names of the system calls that the compiler's <asm/unistd.h>
# knows, as lines SYSTEM_CALL(name); seccomp.cpp asks that header for the numbers.
set -eu
printf '#include <asm/unistd.h>\n' | "$@" -E -dM -x c - |
    sed -n 's/^#define __NR_\([a-z][a-z0-9_]*\) .*/\1/p' |
    grep -v -e '^syscalls$' -e '^arch_specific_syscall$' | LC_ALL=C sort |
    sed 's/.*/SYSTEM_CALL(&)/'
