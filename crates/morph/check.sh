#!/usr/bin/env bash
# What a bare `cargo test` cannot show: the static program in an empty root, the image in a real containerd and a real
# registry, the same requests to nginx, HTTP/2 by other clients, the full amounts of slow clients and switches.
#
# Installs what it needs from Debian where that is possible; what is missing is skipped by name. `check.sh fuzz` adds a
# minute of fuzzing for each target. Ends within five minutes, building included, on two quiet cores.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
work=$(mktemp -d)
started=
finish() {
    for process in $started; do kill "$process" 2>/dev/null || :; done
    rm -rf "$work"
}
trap finish EXIT INT TERM
say() { printf '%s\n' "$*"; }
fail() { say "FAILED: $*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
skip() { say "skipped: $*"; }

# --- what is needed ----------------------------------------------------------------------------------------------
missing=
for pair in nginx:nginx-light curl:curl h2load:nghttp2-client docker-registry:docker-registry containerd:containerd htpasswd:apache2-utils; do
    has "${pair%%:*}" || missing="$missing ${pair##*:}"
done
if [ -n "$missing" ] && has apt-get && [ "$(id -u)" = 0 ]; then
    # RUNLEVEL keeps packages from starting services.
    # shellcheck disable=SC2086 # the list is made of words
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || :
fi

# --- the static program ------------------------------------------------------------------------------------------
target=x86_64-unknown-linux-gnu
static="target.$target.rustflags=[\"-C\",\"target-feature=+crt-static\"]"
cargo build -q -p morph -p image --profile dist --target "$target" --config "$static"
dist=${CARGO_TARGET_DIR:-target}/$target/dist
morph=$dist/morph image=$dist/morph-image
ldd "$morph" 2>&1 | grep -q 'statically linked' || fail "$morph is not static"
size=$(stat -c %s "$morph")
[ "$size" -lt 5000000 ] || fail "$morph has $size bytes"
say "static: $size bytes"

mkdir -p "$work/site/docs"
printf '<h1>home</h1>' >"$work/site/index.html"
printf 'docs' >"$work/site/docs/index.html"
head -c 300000 /dev/urandom >"$work/site/large.bin"
seq 1 4000 >"$work/site/numbers.txt"
gzip -9 -k -n "$work/site/numbers.txt"

wait_for() {
    for _ in $(seq 100); do curl -s -o /dev/null "$1" && return; sleep 0.1; done
    fail "nobody answers at $1"
}

# --- an empty root -----------------------------------------------------------------------------------------------
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$work/root"
    cp "$morph" "$work/root/morph"
    cp -r "$work/site" "$work/root/srv"
    chmod 755 "$work" "$work/root"
    chroot --userspec=65532:65532 "$work/root" /morph --listen 127.0.0.1:18101 --admin 127.0.0.1:18102 2>/dev/null &
    started="$started $!"
    wait_for http://127.0.0.1:18102/readyz
    [ "$(curl -s http://127.0.0.1:18101/docs/)" = docs ] || fail "the empty root does not serve"
    grep -q 'CapPrm:.*0000000000000000' "/proc/$!/status" || fail "capabilities are left"
    grep -q 'NoNewPrivs:.*1' "/proc/$!/status" || fail "privileges can be gained"
    [ "$(grep -c '\.so' "/proc/$!/maps" || :)" = 0 ] || fail "shared objects are mapped"
    say "empty root: serves as 65532, no capabilities, no shared objects, $(awk '/VmRSS/ {print $2}' "/proc/$!/status") kB"
else
    skip "empty root: not root"
fi

# --- HTTP/2 by other clients -------------------------------------------------------------------------------------
"$morph" --root "$work/site" --listen 127.0.0.1:18103 --admin off 2>/dev/null &
started="$started $!"
wait_for http://127.0.0.1:18103/
[ "$(curl -s --http2-prior-knowledge -w ' %{http_version}' http://127.0.0.1:18103/docs/)" = "docs 2" ] || fail "no HTTP/2 by curl"
curl -s --http2-prior-knowledge -r 100-199999 http://127.0.0.1:18103/large.bin | cmp - "$work/site/large.bin" -i 0:100 -n 199900 || fail "a range by HTTP/2 differs"
if has h2load; then
    h2load -n 20000 -c 8 -m 16 http://127.0.0.1:18103/large.bin >"$work/h2" 2>&1
    grep -q '20000 succeeded, 0 failed, 0 errored' "$work/h2" || fail "h2load: $(grep requests: "$work/h2")"
    say "HTTP/2: 20,000 streams of 300 KB, none failed"
fi

# h2spec is a public conformance suite for HTTP/2, from Go's registry. Some of its cases are answered otherwise, which
# docs/design/morph-http.md explains.
has h2spec || ! has go || GOBIN=$work/bin GOFLAGS=-modcacherw go install github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible >/dev/null 2>&1 || :
PATH=$PATH:$work/bin
if has h2spec; then
    h2spec -h 127.0.0.1 -p 18103 -P /docs/ >"$work/h2spec" 2>&1 || :
    told=$(tail -1 "$work/h2spec")
    known='invalid connection preface|after sending RST_STREAM|second HEADERS frame|content-length'
    ! grep '  × ' "$work/h2spec" | grep -Ev "$known" || fail "h2spec: $told"
    say "h2spec: $told"
else
    skip "h2spec: neither it nor Go is installed"
fi

# --- the same to nginx -------------------------------------------------------------------------------------------
if has nginx; then
    cat >"$work/nginx.conf" <<END
daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx.err; events {}
http { include /etc/nginx/mime.types; access_log off; gzip_static on; gzip_vary on; if_modified_since before;
  client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/s;
  server { listen 127.0.0.1:18104; root $work/site; absolute_redirect off; } }
END
    nginx -c "$work/nginx.conf" 2>/dev/null &
    started="$started $!"
    wait_for http://127.0.0.1:18104/
    date=$(curl -sI http://127.0.0.1:18104/large.bin | tr -d '\r' | sed -n 's/^Last-Modified: //p')
    # What both say alike: status, content, and the fields that carry meaning.
    ask() {
        curl -s --path-as-is -D "$work/head" -o "$work/body" "$@" -w '%{http_code} ' || :
        tr -d '\r' <"$work/head" | tr '[:upper:]' '[:lower:]' | sed -n 's/^\(content-range\|content-encoding\|content-length\|location\|last-modified\|vary\): /\1=/p' | sort | tr '\n' ' '
        # curl puts the head where the body would be.
        case $* in *--head*) ;; *) sha256sum <"$work/body" ;; esac
    }
    compare() {
        path=$1; shift
        : >"$work/body"
        one=$(ask "$@" "http://127.0.0.1:18103$path")
        : >"$work/body"
        two=$(ask "$@" "http://127.0.0.1:18104$path")
        # What a redirect says beside its target is for nobody.
        case $one in 3*) one=$(printf %s "$one" | sed 's/content-length=[0-9]* //; s/[0-9a-f]\{64\}.*//') two=$(printf %s "$two" | sed 's/content-length=[0-9]* //; s/[0-9a-f]\{64\}.*//') ;; esac
        compared=$((compared + 1))
        [ "$one" = "$two" ] || { differing=$((differing + 1)); say "differs: $path $*
  morph $one
  nginx $two"; }
    }
    compared=0 differing=0
    tag() { curl -sI "http://127.0.0.1:$1/large.bin" | tr -d '\r' | sed -n 's/^[eE][tT]ag: //p'; }
    compare /
    compare /docs
    compare '/docs?x=1'
    compare /docs/
    compare /large.bin
    compare /large.bin --head
    for range in 0-0 0-99 100- -100 299999- 299999-400000 0-299999 99-98 x-y; do compare /large.bin -H "Range: bytes=$range"; done
    compare /large.bin -H 'Range: items=0-1'
    compare /large.bin -H "If-Modified-Since: $date"
    compare /large.bin -H 'If-Modified-Since: Sat, 06 Nov 2094 08:49:37 GMT'
    compare /large.bin -H 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT'
    compare /large.bin -H 'If-Modified-Since: junk'
    compare /large.bin -H "If-Unmodified-Since: $date"
    compare /large.bin -H "If-Range: $date" -H 'Range: bytes=0-9'
    compare /large.bin -H 'If-Range: Sun, 06 Nov 1994 08:49:37 GMT' -H 'Range: bytes=0-9'
    compare /large.bin -H 'If-Range: "other"' -H 'Range: bytes=0-9'
    compare /large.bin -H 'If-None-Match: "other"'
    compare /large.bin -H 'If-None-Match: "other"' -H "If-Modified-Since: $date"
    compare /large.bin -H 'If-None-Match: *'
    compare /large.bin -H 'If-Match: *'
    compare /numbers.txt -H 'Accept-Encoding: gzip'
    compare /numbers.txt -H 'Accept-Encoding: gzip' -H 'Range: bytes=10-19'
    compare /numbers.txt -H 'Accept-Encoding: gzip;q=0'
    compare /numbers.txt
    for port in 18103 18104; do
        [ "$(curl -s -o /dev/null -w '%{http_code}' -H "If-None-Match: $(tag $port)" "http://127.0.0.1:$port/large.bin")" = 304 ] || fail "tag at $port"
        [ "$(curl -s -o /dev/null -w '%{http_code}' -H "If-Match: $(tag $port)" "http://127.0.0.1:$port/large.bin")" = 200 ] || fail "tag at $port"
        [ "$(curl -s -o /dev/null -w '%{http_code}' -H 'If-Match: "other"' "http://127.0.0.1:$port/large.bin")" = 412 ] || fail "tag at $port"
        [ "$(curl -s -o /dev/null -w '%{http_code}' -H "If-Range: $(tag $port)" -r 0-9 "http://127.0.0.1:$port/large.bin")" = 206 ] || fail "tag at $port"
    done
    for path in /none /none/ /docs/none /large.bin/ '/%00' '/a%00b' '/%zz' '/..' '/%2e%2e/x'; do
        one=$(curl -s --path-as-is -o /dev/null -w '%{http_code}' "http://127.0.0.1:18103$path")
        two=$(curl -s --path-as-is -o /dev/null -w '%{http_code}' "http://127.0.0.1:18104$path")
        compared=$((compared + 1))
        [ "$one" = "$two" ] || { differing=$((differing + 1)); say "differs: $path morph $one nginx $two"; }
    done
    say "nginx: $compared requests answered alike but $differing"
    # Known and meant: see docs/design/morph-http.md.
    [ "$differing" -le 3 ] || fail "more differences than the design note explains"
else
    skip "nginx: not installed"
fi

# --- the end under load ------------------------------------------------------------------------------------------
printf 'listen: ["127.0.0.1:18108"]\nadmin: 127.0.0.1:18109\nshutdown: { wait: 1s }\nsites: [{ hosts: ["*"], root: %s }]\n' "$work/site" >"$work/morph.yaml"
cargo test -q -p morph --no-run
"$morph" --config "$work/morph.yaml" 2>/dev/null &
ending=$!
started="$started $ending"
wait_for http://127.0.0.1:18108/
MORPH_AT=127.0.0.1:18108 MORPH_ADMIN=127.0.0.1:18109 cargo test -q -p morph --test it ending_under -- --nocapture >"$work/end" 2>&1 &
load=$!
sleep 3
kill -TERM "$ending"
wait "$ending" || fail "the server ended badly"
wait "$load" || { cat "$work/end"; fail "the end lost requests"; }
grep 'SIGTERM under load' "$work/end"

# --- the image ---------------------------------------------------------------------------------------------------
build() {
    "$image" build --binary "$morph" --tree "$work/site" --port 8080 --port 9090 --name "127.0.0.1:18105/site:1" \
        --label org.opencontainers.image.title=site --layout "$1" --archive "$1.oci.tar" --docker-archive "$1.docker.tar"
}
build "$work/one" >"$work/told"
build "$work/two" >/dev/null
for name in one/index.json one.oci.tar one.docker.tar; do cmp "$work/$name" "$work/two${name#one}" || fail "$name differs from build to build"; done
index=$(sed -n 's/^index //p' "$work/told")
"$image" build --binary "$morph" --port 8080 --layout "$work/bare" >"$work/bare.told"
bytes=$(sed -n 's/^bytes //p' "$work/bare.told")
[ "$bytes" -lt 5000000 ] || fail "the image has $bytes bytes"
say "image: twice the same bytes, $index; without a site $bytes bytes"

if has containerd && [ "$(id -u)" = 0 ]; then
    printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >"$work/containerd.toml"
    containerd -c "$work/containerd.toml" -a "$work/c.sock" --root "$work/c" --state "$work/cs" >"$work/containerd.log" 2>&1 &
    started="$started $!"
    for _ in $(seq 100); do ctr -a "$work/c.sock" version >/dev/null 2>&1 && break; sleep 0.1; done
    ctr -a "$work/c.sock" image import --no-unpack "$work/one.oci.tar" >/dev/null 2>&1 ||
        ctr -a "$work/c.sock" image import "$work/one.oci.tar" >/dev/null || fail "containerd does not import the OCI archive"
    ctr -a "$work/c.sock" image ls | grep -q "127.0.0.1:18105/site:1 .*$index" || fail "containerd has another digest: $(ctr -a "$work/c.sock" image ls)"
    ctr -a "$work/c.sock" image rm 127.0.0.1:18105/site:1 >/dev/null
    ctr -a "$work/c.sock" image import "$work/one.docker.tar" >/dev/null 2>&1 || fail "containerd does not import the docker archive"
    say "containerd $(containerd --version | cut -d' ' -f3): imports both, the digest is the same"
else
    skip "containerd: not installed, or not root"
fi

if has docker-registry && has htpasswd; then
    htpasswd -Bbn me hush >"$work/htpasswd"
    cat >"$work/registry.yml" <<END
version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { filesystem: { rootdirectory: $work/registry }, delete: { enabled: false } }
http: { addr: 127.0.0.1:18105, secret: s }
auth: { htpasswd: { realm: test, path: $work/htpasswd } }
END
    docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
    started="$started $!"
    wait_for http://127.0.0.1:18105/v2/
    mkdir -p "$work/docker"
    "$image" push --layout "$work/one" 127.0.0.1:18105/site:1 >/dev/null 2>&1 && fail "pushed without credentials"
    printf '{"auths":{"127.0.0.1:18105":{"auth":"%s"}}}' "$(printf 'me:hush' | base64)" >"$work/docker/config.json"
    DOCKER_CONFIG=$work/docker "$image" push --chunk 500000 --layout "$work/one" 127.0.0.1:18105/site:1 >"$work/pushed"
    DOCKER_CONFIG=$work/docker "$image" push --layout "$work/one" 127.0.0.1:18105/site:1 >"$work/again"
    accept='Accept: application/vnd.oci.image.index.v1+json'
    there=$(curl -s -u me:hush -H "$accept" -D - -o "$work/manifest" http://127.0.0.1:18105/v2/site/manifests/1 | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //p')
    [ "$there" = "$index" ] || fail "the registry has $there"
    [ "sha256:$(sha256sum <"$work/manifest" | cut -d' ' -f1)" = "$index" ] || fail "the registry gives other bytes"
    say "registry: $(sed -n 2p "$work/pushed"); again: $(sed -n 2p "$work/again"); the digest is the same"
else
    skip "registry: not installed"
fi

# --- the full amounts --------------------------------------------------------------------------------------------
ulimit -n "$(ulimit -Hn)"
if [ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge 11000 ]; then
    cp "$work/site/docs/index.html" "$work/site/digits.txt"
    "$morph" --root "$work/site" --listen 127.0.0.1:18106 --admin 127.0.0.1:18107 2>/dev/null &
    started="$started $!"
    wait_for http://127.0.0.1:18106/
    MORPH_AT=127.0.0.1:18106 cargo test -q -p morph --test it slow_clients -- --nocapture 2>&1 | grep -E 'beside|FAILED|panicked'
    say "with them: $(awk '/VmHWM/ {print $2}' "/proc/$!/status") kB at most"
else
    skip "10,000 slow clients: a process may open $(ulimit -n) files only"
fi
MORPH_THOROUGH=1 cargo test -q -p morph --test it a_switch_is 2>&1 | grep 'test result'

# --- fuzzing -----------------------------------------------------------------------------------------------------
if [ "${1:-}" = fuzz ]; then
    fuzz/run 60 "$here/fuzz" || fail fuzzing
fi
say "all done"
