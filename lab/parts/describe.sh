# shellcheck shell=bash disable=SC2154 # bin, bases, run, lab_*: set by lab/lab
# The lab as JSON, for tests. Names and paths are of this lab's own making: nothing in them needs escaping.

json() {
	[ -s "$run/bridge" ] || die "there is no lab '$lab_name'; 'lab/lab up 4' makes one"
	local name comma='' assets=null standin=null absent=''
	if [ -x "$bin/etcd" ] && [ -x "$bin/kube-apiserver" ]; then assets="\"$bin\""; else absent='"etcd and kube-apiserver: lab/build was not run or was skipped"'; fi
	[ ! -x "$bin/k3s-standin" ] || standin='"/opt/coracle-lab/k3s-standin"'
	printf '{\n  "name": "%s",\n  "dir": "%s",\n' "$lab_name" "$run"
	printf '  "ssh": {"config": "%s", "known_hosts": "%s", "key": "%s", "sudo_password_file": "%s"},\n' \
		"$run/ssh/config" "$run/ssh/known_hosts" "$run/ssh/operator" "$run/ssh/opspw.password"
	printf '  "network": {"bridge": "%s", "address": "%s.1", "cidr": "%s.0/24"},\n' "$(bridge)" "$(subnet)" "$(subnet)"
	printf '  "mirror": "%s",\n  "assets": %s,\n  "standin": %s,\n  "absent": [%s],\n  "hosts": [' "$(mirror)" "$assets" "$standin" "$absent"
	for name in $(hosts); do
		printf '%s\n    %s' "$comma" "$(host_json "$name")"
		comma=,
	done
	printf '\n  ]\n}\n'
}

host_json() {
	local host=$run/hosts/$1 escalate=sudo download='"curl"' up=false
	! has "$1" doas || escalate=doas
	! has "$1" wget || download='"wget"'
	! has "$1" bare || download=null
	! alive "$host/pid" || up=true
	printf '{"name": "%s", "address": "%s", "init": "%s", "escalate": "%s", "download": %s, "up": %s, "host_key": "%s"}' \
		"$1" "$(address "$1")" "$(init_of "$(cat "$host/traits")")" "$escalate" "$download" "$up" "$(host_key "$1")"
}
