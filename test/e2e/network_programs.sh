#!/bin/sh
# Programs of the distribution in an enclave with a network, unmodified and told of no proxy, against real servers in an
# internet that is a namespace here: curl with HTTP/2 and nginx, Python's requests, chronyd with chronyd, long downloads.
# E2E_DOWNLOAD is how many bytes a download has (32 MiB).
. "$(dirname "$0")/network/internet.sh"
need nginx chronyd sha256sum
python=/usr/bin/python3
"$python" -c 'import requests' 2>/dev/null || skip "python3-requests is not installed"
test_image
make_internet site.example four.example six.example half4.example half6.example

bytes=${E2E_DOWNLOAD:-33554432}
mkdir "$tmp/www"
chmod 755 "$tmp" "$tmp/www"
openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c "$bytes" >"$tmp/www/download"
echo 'hello from nginx' >"$tmp/www/index.html"
digest=$(sha256sum "$tmp/www/download" | cut -d ' ' -f 1)
cat >"$tmp/nginx.conf" <<END
daemon off;
user root;
pid $tmp/nginx.pid;
worker_rlimit_nofile 4096;
error_log stderr;
events { worker_connections 2048; }
http {
    access_log off;
    client_body_temp_path $tmp/nginx-body;
    sendfile on;
    server {
        listen $v4:8445 ssl http2;
        listen [$v6]:8445 ssl http2;
        ssl_certificate $tmp/site.pem;
        ssl_certificate_key $tmp/site.key;
        root $tmp/www;
    }
}
END
start nginx ip netns exec "$inet" nginx -c "$tmp/nginx.conf"
printf 'local stratum 5\nallow all\ncmdport 0\nbindcmdaddress /\npidfile %s/chronyd.pid\n' "$tmp" >"$tmp/chrony.conf"
start chronyd ip netns exec "$inet" chronyd -x -d -u root -f "$tmp/chrony.conf"

# Only what the script imports, compiled beforehand, since the emulated machine takes its time for both.
bring_python() {
    bring "$python"
    home=$tmp/app/opt/test/python
    "$python" - >"$tmp/modules" <<'END'
import sys
import encodings.idna, encodings.unicode_escape, requests, stringprep
for module in list(sys.modules.values()):
    if str(getattr(module, "__file__", None)).startswith("/"):
        print(module.__file__)
END
    while read -r file; do
        mkdir -p "$home${file%/*}"
        cp "$file" "$home$file"
    done <"$tmp/modules"
    # shellcheck disable=SC2046  # several words
    bring_libraries $(find "$home" -name '*.so')
    "$python" -m compileall -q --invalidation-mode unchecked-hash "$home" >"$tmp/compile.log" 2>&1 || fail "python's modules"
    library=/opt/test/python/usr/lib
    version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    sed -i "2i export PYTHONHOME=/opt/test/python/usr PYTHONPATH=$library/$version:$library/$version/lib-dynload:$library/python3/dist-packages" "$tmp/app/usr/bin/python3"
    cp "$here/network/requests_script.py" "$tmp/app/opt/test/"
}
make_application
bring curl chronyd
bring_python

cat >"$tmp/policy.yaml" <<END
rules:
  - allow: "*.example"
    ports: [8443, 8445]
  - allow: $v4
    ports: [53, 123, 8445]
  - allow: $v6
    ports: [123, 8445]
END
run_enclave

curl='curl -sS --max-time 30 --cacert /opt/test/site.pem'
for url in https://site.example:8445/ "https://$v4:8445/" https://four.example:8445/; do
    says 'hello from nginx' "$curl -4 --http2 -w 'HTTP/%{http_version} with %{remote_ip}\n' $url"
    expect_text "$tmp/said" "HTTP/2 with $v4"
done
for url in https://site.example:8445/ "https://[$v6]:8445/" https://six.example:8445/; do
    says 'hello from nginx' "$curl -6 --http2 -w 'HTTP/%{http_version} with %{remote_ip}\n' '$url'"
    expect_text "$tmp/said" "HTTP/2 with $v6"
done
passed "curl --http2 over IPv4 and IPv6, by name and by address"

# One of the two families leads nowhere: who tries both gets there, whichever it tries first.
says "HTTP/2 with $v4" "$curl --http2 -w 'HTTP/%{http_version} with %{remote_ip}\n' https://half6.example:8445/"
says "HTTP/2 with $v6" "$curl --http2 -w 'HTTP/%{http_version} with %{remote_ip}\n' https://half4.example:8445/"
passed "a name of which one family leads nowhere"

script='REQUESTS_CA_BUNDLE=/opt/test/site.pem python3 /opt/test/requests_script.py'
says '200 https://four.example:8445/ hello from nginx' "$script https://four.example:8445/ https://six.example:8445/ https://half6.example:8445/ https://site.example:8443/ 'https://[$v6]:8445/'"
for text in https://six.example:8445/ https://half6.example:8445/ "https://[$v6]:8445/"; do expect_text "$tmp/said" "200 $text hello from nginx"; done
expect_text "$tmp/said" '200 https://site.example:8443/ hello from the internet'
says 'Permission denied' "$script https://denied.test:8445/"
passed "a script with requests over IPv4 and IPv6"

for address in "$v4" "$v6"; do
    says 'System clock wrong by' "chronyd -Q -u root -t 20 'server $address iburst maxsamples 1' 'cmdport 0' 'bindcmdaddress /'"
done
says 'Timeout reached' "chronyd -Q -u root -t 3 'server 93.184.216.35 iburst maxsamples 1' 'cmdport 0' 'bindcmdaddress /'"
passed "chronyd asks for the time over IPv4 and IPv6"

for family in -4 -6; do
    began=$(date +%s%N)
    says "$digest" "$curl $family --max-time 900 https://site.example:8445/download | sha256sum"
    took=$((($(date +%s%N) - began) / 1000000))
    passed "a download of $bytes bytes by curl $family, whole, in $took ms"
done

# A policy that is read anew meanwhile is no reason to end what runs.
reload_often() {
    read -r far _ <"$RBUILDS_STATE/enclaves/net/network.pid"
    while kill -HUP "$far"; do sleep 0.2; done
}
reload_often &
reloading=$!
jobs_started="$jobs_started $reloading"
says "$digest" "$curl --max-time 900 https://site.example:8445/download | sha256sum"
says 200 "$curl --http1.1 -Z --parallel-immediate --parallel-max 200 -o /dev/null -w '%{http_code} %{num_connects}\n' 'https://site.example:8445/?[1-200]' | grep -c '^200 1'"
kill "$reloading"
grep -q 'policy reloaded' "$RBUILDS_STATE/enclaves/net/network.log" || fail "the policy was not read again"
passed "a download and 200 connections at once, while the policy is read again and again"
