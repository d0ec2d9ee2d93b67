# shellcheck shell=sh disable=SC2154,SC2034
# The exec lock: one script changes a host at a time. Held for the life of the script, given up by its exit trap, and
# taken over from a process that is gone. Who only looks does not take it, but waits until it is free: what is seen while an
# earlier run's script is at work (starting k3s, say) would be out of date before anything is decided from it.

# started PID: sets ticks, the moment since boot when it began; fails when there is no such process.
started() {
	{ read -r s_line <"/proc/$1/stat"; } 2>/dev/null || return 1
	s_line=${s_line##*) }
	# shellcheck disable=SC2086 # split on purpose
	set -- $s_line
	ticks=${20}
}

# claim_file FILE TEXT: makes the file, or fails because it is there.
claim_file() {
	set -C
	{ printf '%s\n' "$2" >"$1"; } 2>/dev/null
	c_status=$?
	set +C
	return $c_status
}

lock_exec() {
	[ -d "$run" ] || mkdir -p "$run" || unwritable "$run"
	started $$ || fault unsupported 'there is no /proc here'
	l_me="$$ $ticks" l_waited=0
	until claim_file "$run/exec" "$l_me"; do
		[ -e "$run/exec" ] || [ "$l_waited" = 0 ] || unwritable "$run"
		if ! other_works && { [ -n "$l_pid" ] || [ "$l_waited" -gt 1 ]; }; then
			take_over "$l_pid $l_ticks" && continue
		fi
		wait_a_second
	done
	locked=1
}

await_exec() {
	l_waited=0
	while other_works; do wait_a_second; done
}

# other_works: whether the script that holds the lock is alive; sets l_pid and l_ticks, empty without a lock.
other_works() {
	l_pid='' l_ticks=''
	{ read -r l_pid l_ticks <"$run/exec"; } 2>/dev/null
	[ -n "$l_pid" ] && started "$l_pid" && [ "$ticks" = "$l_ticks" ]
}

wait_a_second() {
	if [ "$l_waited" -ge "$patience" ]; then
		l_step=''
		{ read -r l_step <"$run/step"; } 2>/dev/null
		fault busy "${l_step:-process $l_pid}"
	fi
	sleep 1
	l_waited=$((l_waited + 1))
}

# Only one may clear a dead lock away, and only the one it saw.
take_over() {
	claim_file "$run/exec.take" $$ || {
		{ read -r l_taker <"$run/exec.take"; } 2>/dev/null
		[ -d "/proc/${l_taker:-0}" ] || rm -f "$run/exec.take"
		return 1
	}
	l_now='' l_now_ticks=''
	{ read -r l_now l_now_ticks <"$run/exec"; } 2>/dev/null
	[ "$l_now $l_now_ticks" != "$1" ] || rm -f "$run/exec"
	rm -f "$run/exec.take"
}
