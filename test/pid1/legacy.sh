#!/bin/sh
# /cmd and /env of the vendor's builder run as a critical service; without /env, and without
# either, PID 1 does not fall over.
. "$(dirname "$0")/lib.sh"
printf '/bin/sh\n-c\necho "A is $A"; exit $CODE\n' >"$root/cmd"
printf 'A=one two\nCODE=9\n' >"$root/env"
run
expect 'cmd out: A is one two'
expect 'initd: end reason=critical-failed action=poweroff status=9 service=cmd'
expect_status 9
rm "$root/env"
printf '/bin/echo\nno env\n' >"$root/cmd"
run
expect 'cmd out: no env'
expect_status 0
rm "$root/cmd"
run
expect 'initd: end reason=no-services action=poweroff status=78'
expect_status 78
