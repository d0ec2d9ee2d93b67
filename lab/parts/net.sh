# shellcheck shell=bash disable=SC2154 # bin, bases, run, lab_*: set by lab/lab
# The lab's bridge, its addresses, its small web server and the operator's SSH files.

raise_inotify() {
	local knob=/proc/sys/fs/inotify/max_user_instances
	# Each booted systemd takes dozens; the limit is one for the whole machine, and stays raised.
	[ "$(cat $knob)" -ge 8192 ] || echo 8192 >$knob
}

bridge() { cat "$run/bridge"; }
subnet() { local b; b=$(bridge) && echo "10.77.${b#clab}"; }

# Takes the first free bridge name; making it is atomic, so that two labs never share one.
make_bridge() {
	local n
	if [ -s "$run/bridge" ] && ip link show "$(bridge)" >/dev/null 2>&1; then return; fi
	for n in $(if [ -s "$run/bridge" ]; then bridge | tr -d clab; fi) {0..199}; do
		ip link add "clab$n" type bridge 2>/dev/null || continue
		echo "clab$n" >"$run/bridge"
		ip address add "10.77.$n.1/24" dev "clab$n"
		ip link set "clab$n" up
		return
	done
	die "no free bridge among clab0 to clab199"
}

remove_bridge() {
	[ -s "$run/bridge" ] || return 0
	nft delete table bridge "$(bridge)" 2>/dev/null || true
	ip link delete "$(bridge)" 2>/dev/null || true
}

mirror() { echo "http://$(subnet).1:8080"; }

serve() {
	! alive "$run/serve.pid" || return 0
	setsid python3 "$lab_root/serve.py" --address "$(subnet).1" --port 8080 --bin "$bin" --debian "$bases" --while-exists "$run" \
		>"$run/serve.log" 2>&1 </dev/null 9>&- &
	remember $! "$run/serve.pid"
}

stop_serving() { end "$run/serve.pid"; }

operator_key() {
	mkdir -p "$run/ssh"
	[ -f "$run/ssh/operator" ] || ssh-keygen -q -t ed25519 -N '' -C operator@lab -f "$run/ssh/operator"
	[ -f "$run/ssh/opspw.password" ] || (umask 077 && openssl rand -hex 12 >"$run/ssh/opspw.password")
}

write_ssh_config() {
	local name
	{
		for name in $(hosts); do printf 'Host %s\n\tHostName %s\n' "$name" "$(address "$name")"; done
		printf 'Host %s.*\n\tUser root\n' "$(hosts | tr '\n' ' ')$(subnet)"
		printf '\tIdentityFile %s\n\tIdentitiesOnly yes\n' "$run/ssh/operator"
		printf '\tUserKnownHostsFile %s\n\tGlobalKnownHostsFile /dev/null\n\tStrictHostKeyChecking yes\n' "$run/ssh/known_hosts"
	} >"$run/ssh/config"
	for name in $(hosts); do printf '%s,%s %s\n' "$name" "$(address "$name")" "$(host_key "$name")"; done >"$run/ssh/known_hosts"
}

# A process is remembered by pid and start time, so that a pid used again by somebody else is never ended.
# One that is dead but not yet reaped has none.
started_at() { sed -n 's/.*) //; /^[^ZX]/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
remember() { printf '%s %s\n' "$1" "$(started_at "$1")" >"$2"; }
alive() {
	local pid start
	[ -s "$1" ] && read -r pid start <"$1" && [ -n "$start" ] && [ "$(started_at "$pid")" = "$start" ]
}
end() {
	! alive "$1" || kill -KILL "$(cut -d' ' -f1 "$1")" 2>/dev/null || true
	wait_until 10 gone "$1" || die "process $(cut -d' ' -f1 "$1") does not end"
	rm -f "$1"
}
gone() { ! alive "$1"; }

# Tries for at most so many seconds.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS <= deadline)) || return 1
		sleep 0.1
	done
}
