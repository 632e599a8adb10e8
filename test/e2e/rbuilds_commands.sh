#!/bin/sh
# The command line of rbuilds: the three ways in, and one clear sentence for each way to go wrong.
. "$(dirname "$0")/lib.sh"

one_sentence() { [ "$(grep -c "^rbuilds: " "$tmp/err")" -le 1 ] || fail "more than one sentence: $(cat "$tmp/err")"; }

# Standard input: in order, comments and blank lines skipped, no newline at the end, the end of input ends it.
printf 'list_enclaves\n\n# nothing\nlist_enclaves' >"$tmp/in"
rbuilds --json <"$tmp/in" >"$tmp/out" 2>"$tmp/err" || fail "commands on standard input"
expect_equal "two lists" "$(cat "$tmp/out")" "$(printf '[]\n[]')"
expect_status 0 rbuilds </dev/null
printf 'exit\nno_such_command\n' | rbuilds || fail "exit did not end it"

# The first failure ends it.
printf 'drop_enclave\nlist_enclaves\n' | rbuilds --json >"$tmp/out" 2>"$tmp/err"
expect_equal "status" "$?" 69
expect_equal "output after a failure" "$(cat "$tmp/out")" ""
one_sentence

expect_status 0 rbuilds --cmd list_enclaves --cmd list_enclaves --json
expect_equal "two commands in order" "$(cat "$tmp/out")" "$(printf '[]\n[]')"
expect_status 64 rbuilds --cmd list_enclaves --cmd mak_eif --json
expect_text "$tmp/err" "did you mean make_eif?"
expect_equal "nothing runs before all commands are known" "$(cat "$tmp/out")" ""
printf 'lst_enclaves\n' | rbuilds 2>"$tmp/err"
expect_equal "status" "$?" 64
expect_text "$tmp/err" "did you mean list_enclaves?"
expect_status 64 rbuilds --memry 5
expect_text "$tmp/err" "did you mean --memory?"
for wrong in --cmd --memory=x --cid=3 --name=a/b --quick=yes make_eif --kernel=six --private-key=/dev/null '--cmd=list_enclaves x' '--cmd=lsh true'; do
    expect_status 64 rbuilds "$wrong" --cmd list_enclaves
    expect_text "$tmp/err" hint
done
for wrong in 0 9100-9000 65535 99999 '80,' 1-1001 ::1; do
    expect_status 64 rbuilds --reverse-network --publish "$wrong" --cmd list_enclaves
    expect_text "$tmp/err" "--publish"
done
expect_status 64 rbuilds --reverse-network --publish 80 --client-address v3 --cmd list_enclaves
expect_status 64 rbuilds --client-address v1 --cmd list_enclaves
expect_text "$tmp/err" "--reverse-network"
expect_status 78 rbuilds --kernel 1.2 --cmd list_enclaves
expect_text "$tmp/err" update_lock
expect_status 0 rbuilds --local-shell --cmd 'lsh echo from the shell'
expect_equal "lsh" "$(cat "$tmp/out")" "from the shell"

# Files that are not there.
expect_status 66 rbuilds --app "$tmp/none" --cmd make_apps
one_sentence
expect_status 66 rbuilds --cmd "run_eif_image $tmp/none.eif"
expect_text "$tmp/err" none.eif
RBUILDS_LOCK=$tmp/none expect_status 66 rbuilds --cmd make_kernel
expect_text "$tmp/err" "there is no lock file"
unset RBUILDS_LOCK

# Help in 80 columns, and every option and command is in the manual page.
expect_status 0 rbuilds --help
[ "$(wc -L <"$tmp/out")" -le 80 ] || fail "--help is wider than 80 columns"
grep -oE -- '--[a-z-]+' "$tmp/out" | sort -u | sed 's/^--/-/' | while read -r option; do
    grep -qE "^\.It.* Fl $option( |$)" "$top/man/rbuilds.1" || echo "$option"
done >"$tmp/missing"
sed -n '/^Commands:/,$p' "$tmp/out" | awk '/^  [a-z]/ { print $1 }' | while read -r command; do
    grep -qE "^\.It Ic (.* )?$command( |$)" "$top/man/rbuilds.1" || echo "$command"
done >>"$tmp/missing"
expect_equal "not in the manual page" "$(cat "$tmp/missing")" ""
