#!/bin/sh
# pf-proxy's rules under the enclave's own kernel: routing rules, nftables and its queue as this kernel
# has them, with nothing in the image to apply them but pf-proxy, and bash as the application.
. "$(dirname "$0")/lib.sh"
test_image
need ip unshare
unshare -n true 2>/dev/null || skip "no network namespace may be made"
PATH=$ENCLAVEBOX_BUILD/tools/pf-proxy:$PATH

mkdir -p "$tmp/more/etc"
cat >"$tmp/more/etc/policy.yaml" <<'END'
rules:
  - allow: 198.51.100.0/24
    transport: tcp
  - allow: "2001:db8::/32"
  - allow: named.example
END
cat >"$tmp/more/etc/prepare" <<'END'
PATH=/opt/enclavebox/bin:$PATH
pf-proxy rules ip-to-vsock-transparent --policy /etc/policy.yaml --apply &&
    pf-proxy rules ip-to-vsock-transparent --policy /etc/policy.yaml --apply || exit
pf-proxy ip-to-vsock-transparent --policy /etc/policy.yaml --hold --ready-fd 3 tcp:127.0.0.1:15001 vsock:3:5000 \
    --listen 'tcp:[::1]:15001' >/tmp/near.log 2>&1 </dev/null 3>/tmp/ready &
until [ -s /tmp/ready ]; do kill -0 $! || { cat /tmp/near.log; exit; }; sleep 0.1; done
echo prepared
END
# ask TRANSPORT ADDRESS PORT: what the application is told, and after how many milliseconds
cat >"$tmp/more/etc/ask" <<'END'
began=${EPOCHREALTIME/./}
said=$(timeout 3 bash -c "exec 3<>/dev/$1/$2/$3 && { [ $1 = tcp ] || { echo x >&3; echo sent; exit; }; cat <&3; }" 2>&1) || said=${said:-silence}
said=$(sed -n 's/^bash: connect: //p;/^caught\|^sent\|^silence/p' <<<"$said")
echo "$said"
echo "$1 $2 $3: $said, $(((${EPOCHREALTIME/./} - began) / 1000)) ms" >>/tmp/asked
END
eif cpio -o "$tmp/more.cpio" --prefix rootfs "$tmp/more" 2>"$tmp/more.log" || fail "eif cpio"
build_image rules --cmdline-file "$top/rbuilds/kernel/cmdline" --ramdisk "$tmp/more.cpio"

# What plays the Internet: one host with a web server, one that cannot be reached, others without a way.
cat >"$tmp/far.yaml" <<'END'
rules:
  - deny: "2001:db8::13"
  - deny: 198.51.100.13
  - allow: 198.51.100.0/24
  - allow: "2001:db8::/32"
END
cat >"$tmp/internet" <<'END'
ip link set lo up
ip address add 198.51.100.7/32 dev lo
ip address add 2001:db8::7/128 dev lo
ip route add unreachable 198.51.100.113
ip route add unreachable 2001:db8::113
vcat --listen --keep tcp:198.51.100.7:443 -- /bin/echo caught &
vcat --listen --keep 'tcp:[2001:db8::7]:443' -- /bin/echo caught &
pf-proxy vsock-to-ip-transparent --policy "$1/far.yaml" vsock:any:5000 &
# Nothing of it stays when the scenario ends.
trap 'kill $(jobs -p) 2>/dev/null; exit 0' TERM
wait
END
start_switch 16
start internet env "ENCLAVEBOX_VSOCK_DIR=$vsock" unshare -n sh "$tmp/internet" "$tmp"
wait_for 10 test -S "$vsock/parent_5000"
start_guest 16 "$tmp/rules.eif"
wait_for 150 guest_answers 16

in_guest 16 'bash /etc/prepare 2>&1' >"$tmp/prepared"
expect_text "$tmp/prepared" prepared
# expect ANSWER TRANSPORT ADDRESS PORT
expect() { expect_equal "$2 to $3 port $4" "$(in_guest 16 "bash /etc/ask $2 $3 $4")" "$1"; }

for network in 198.51.100. 2001:db8::; do
    expect caught tcp ${network}7 443
    expect "Connection refused" tcp ${network}7 444
    expect "No route to host" tcp ${network}113 443
done
expect "Network is unreachable" tcp 198.51.100.99 443
# IPv4 has no message that says more.
expect "No route to host" tcp 198.51.100.13 443
expect "Permission denied" tcp 2001:db8::13 443
passed "what the far side says is what the application is told"

for address in 203.0.113.1 169.254.169.254 192.0.0.8 2001:470::1 fd00:ec2::254 100::8; do
    for transport in tcp udp; do expect "Permission denied" $transport $address 443; done
done
expect "Permission denied" udp 198.51.100.7 443
expect sent udp 2001:db8::7 443
passed "what the policy refuses is refused by the enclave itself"
in_guest 16 'cat /tmp/asked' | sed 's/^/    /'

in_guest 16 'PATH=/opt/enclavebox/bin:$PATH; pf-proxy rules ip-to-vsock-transparent --remove && sed "s/:.*//" /proc/net/dev' >"$tmp/after"
expect_text "$tmp/after" lo
! grep -q enclave0 "$tmp/after" || fail "the device is still there"
expect "Network is unreachable" tcp 198.51.100.7 443
passed "removed, there is neither device nor way"
