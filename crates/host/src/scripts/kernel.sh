# shellcheck shell=sh disable=SC2154,SC2034
# Kernel modules and running kernel settings.

# module_there NAME PATTERN: loaded, or built in. The pattern is the name with - and _ taken as the same.
module_there() {
	[ ! -d "$root/sys/module/$1" ] || return 0
	m_release=''
	{ read -r m_release <"$root/proc/sys/kernel/osrelease"; } 2>/dev/null
	grep -q "/$2\.ko" "$root/lib/modules/$m_release/modules.builtin" 2>/dev/null
}

# load_modules NAME PATTERN …
load_modules() {
	m_lack=''
	while [ $# -gt 0 ]; do
		module_there "$1" "$2" || m_lack="$m_lack $1"
		shift 2
	done
	if [ -z "$m_lack" ]; then
		note nothing
		settled
		return
	fi
	condition
	note nothing
	for m_name in $m_lack; do try modprobe "$m_name"; done
	reply changed
}

# setting FILE: sets value to what the kernel has, blanks as one. The shell's own reading takes a byte at a time, to which
# the kernel answers with the first digit alone.
setting() {
	value=$(head -n 1 "$1") || return 1
	# shellcheck disable=SC2086 # split on purpose
	set -- $value
	value=$*
}

# set_sysctls FILE KEY VALUE …
set_sysctls() {
	s_done=''
	s_count=$#
	while [ "$s_count" -gt 0 ]; do
		[ -e "$root$1" ] || fail missing "the kernel has no setting $2"
		setting "$root$1"
		if [ "$value" != "$3" ]; then
			[ -n "$s_done" ] || condition
			s_done=1
			note nothing
			printf '%s\n' "$3" >"$root$1" || fail command "the kernel refused $2 = $3: $(tail -n 1 "$d/log")"
			setting "$root$1"
			[ "$value" = "$3" ] || fail command "the kernel made $2 = $value of $3"
		fi
		shift 3
		s_count=$((s_count - 3))
	done
	note nothing
	[ -z "$s_done" ] || noted=changed
	settled
}
