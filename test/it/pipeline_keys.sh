#!/bin/sh
# Keys of pipeline and the file that authorises them: made once, private, and refused with a place when the file is wrong.
. "$(dirname "$0")/lib.sh"
XDG_CONFIG_HOME=$tmp/config
export XDG_CONFIG_HOME
top=$(cd "$(dirname "$0")/../.." && pwd)

# The user's key: printed as a line, kept for the user alone, never replaced.
expect_status 66 pipeline keygen --show
expect_status 0 pipeline keygen --comment 'somebody at work'
cp "$tmp/out" "$tmp/line"
grep -qE '^SHA256:[A-Za-z0-9+/]{43} somebody at work$' "$tmp/line" || fail "the line: $(cat "$tmp/line")"
expect_equal "mode of the key" "$(stat -c %a "$tmp/config/enclavebox/pipeline.key")" 600
expect_same "$tmp/line" "$tmp/config/enclavebox/pipeline.key.pub"
expect_status 0 pipeline keygen --show
expect_same "$tmp/out" "$tmp/line"
expect_status 0 pipeline keygen --show --comment 'another place'
expect_equal "the line with another comment" "$(cat "$tmp/out")" "$(cut -d ' ' -f 1 "$tmp/line") another place"
sum=$(sha256sum <"$tmp/config/enclavebox/pipeline.key")
if pipeline keygen >"$tmp/out" 2>"$tmp/err"; then fail "a key was replaced"; fi
expect_text "$tmp/err" --show
expect_equal "the key after a second keygen" "$(sha256sum <"$tmp/config/enclavebox/pipeline.key")" "$sum"

# What keygen prints is a file of keys, and so is the page's example, as it is pasted.
expect_status 0 pipeline serve --check -a "$tmp/line"
expect_text "$tmp/out" '1 keys'
mandoc=$top/man/authorized_keys.5
sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' "$mandoc" | sed '1,/^\.Bd/d; /^\.Ed/d; s/\\&//g; s/\\(dq/"/g; s/\\e/\\/g' >"$tmp/example"
keys=$(grep -c SHA256: "$tmp/example")
[ "$keys" -ge 4 ] || fail "the page has fewer examples than it should: $(cat "$tmp/example")"
expect_status 0 pipeline serve --check -a "$tmp/example"
expect_text "$tmp/out" "$keys keys"

# Mistakes, each with file, line and column.
fingerprint=$(cut -d ' ' -f 1 "$tmp/line")
# wrong LINE PLACE
wrong() {
    printf '# a comment\n%s\n' "$1" >"$tmp/keys"
    expect_status 78 pipeline serve --check -a "$tmp/keys"
    expect_text "$tmp/err" "$tmp/keys:$2"
}
wrong "allow=everything $fingerprint" 2:
wrong "path=/data,allow=run $fingerprint" 2:
wrong "alow=run $fingerprint" 2:1
wrong 'SHA256:short somebody' 2:1
wrong "$fingerprint one
$fingerprint two" 3:
expect_status 66 pipeline serve --check -a "$tmp/none"
expect_text "$tmp/err" "$tmp/none"

# A key that is damaged, or that others could have read, is not used.
head -c 20 "$tmp/config/enclavebox/pipeline.key" >"$tmp/short"
chmod 600 "$tmp/short"
expect_status 65 pipeline ping --key "$tmp/short" "unix:$tmp/nobody"
