# shellcheck shell=sh disable=SC2154,SC2034
# The guard: an automatic revert. What is given back lies in guard/, the revert itself is guard/revert; a process of
# its own fires it by uptime, a unit fires it at the next boot. Whoever renames `armed` first, firing or disarming, has it.

# arm_guard ID INIT SECONDS SERVICE KEY PATH …
arm_guard() {
	g_dir=$state/guard g_id=$1 g_init=$2 g_window=$3 g_service=$4
	shift 4
	is_armed
	if [ "$g_there" = "$g_id" ]; then
		guarded=$g_id
		reply unchanged
		return
	fi
	[ -z "$g_there" ] || fail conflict "another revert is armed: $g_there"
	g_fired=''
	{ read -r g_fired <"$g_dir/fired"; } 2>/dev/null
	[ "$g_fired" != "$g_id" ] || fail guard-fired "the revert $g_id has fired already"
	condition
	flush_record
	try rm -rf "$g_dir"
	try mkdir -m 0700 "$g_dir"
	g_count=0
	while [ $# -gt 0 ]; do
		guard_path "$root$2"
		guard_owned "$1"
		shift 2
	done
	# What the service had last read becomes true again together with the files.
	guard_path "$state/stamps/$g_service"
	try cp "$d/revert.sh" "$g_dir/revert"
	guard_word root "$root"
	guard_word init "$g_init"
	guard_word service "$g_service"
	arm_boot
	now_up
	printf '%s %s\n' "$g_id" $((up + g_window)) >"$g_dir/.new" || broke 'writing the guard'
	try mv -f "$g_dir/.new" "$g_dir/armed"
	# Out of the session, so that neither the operator's end nor a restart of sshd takes it along.
	setsid sh "$g_dir/revert" watch "$g_id" 3>&- >/dev/null 2>&1 </dev/null &
	guarded=$g_id
	reply changed
}

# is_armed: sets g_there to what is armed, or is just being taken back.
is_armed() {
	g_there=''
	{ read -r g_there _ <"$g_dir/armed" || read -r g_there _ <"$g_dir/firing"; } 2>/dev/null
}

# still_guarded: before each step behind a guard. What was changed after it has fired would stay.
still_guarded() {
	g_there=''
	{ read -r g_there _ <"$state/guard/armed"; } 2>/dev/null
	[ "$g_there" = "$guarded" ] || fail guard-fired "the revert $guarded has fired: nothing is changed after it"
}

guard_word() { printf '%s\n' "$2" >"$g_dir/$1" || broke 'writing the guard'; }

# guard_path PATH: puts aside what is there, or remembers that nothing is.
guard_path() {
	g_count=$((g_count + 1))
	printf '%s\n' "$1" >"$g_dir/$g_count.path" || broke 'writing the guard'
	if [ -e "$1" ] || [ -L "$1" ]; then try cp -pPR "$1" "$g_dir/$g_count.was"; fi
}

# guard_owned PATH_KEY: remembers what is owned there, by whatever kind: what is given back is coracle's again.
guard_owned() {
	live_owned | k=$1 awk -F '|' 'substr($2, index($2, ":") + 1) == ENVIRON["k"]' >>"$g_dir/owned" || broke 'writing the guard'
}

arm_boot() {
	case $g_init in
	systemd)
		g_unit=$root/etc/systemd/system/coracle-guard.service
		try mkdir -p "$root/etc/systemd/system/sysinit.target.wants"
		cat >"$g_unit" <<-END || broke 'writing the unit'
			[Unit]
			Description=coracle: take back a change that was not confirmed before the reboot
			DefaultDependencies=no
			After=local-fs.target systemd-remount-fs.service
			Before=sysinit.target ssh.service sshd.service ssh.socket sshd.socket
			RequiresMountsFor=/var/lib/coracle
			ConditionPathExists=|/var/lib/coracle/guard/armed
			ConditionPathExists=|/var/lib/coracle/guard/firing

			[Service]
			Type=oneshot
			ExecStart=/bin/sh /var/lib/coracle/guard/revert boot

			[Install]
			WantedBy=sysinit.target
		END
		try ln -sf ../coracle-guard.service "$root/etc/systemd/system/sysinit.target.wants/coracle-guard.service"
		;;
	openrc)
		g_unit=$root/etc/init.d/coracle-guard
		try mkdir -p "$root/etc/init.d" "$root/etc/runlevels/boot"
		cat >"$g_unit" <<-'END' || broke 'writing the init script'
			#!/sbin/openrc-run
			description="coracle: take back a change that was not confirmed before the reboot"
			depend() {
				after localmount
				before sshd ssh dropbear net networking
			}
			start() {
				ebegin "Taking back an unconfirmed change"
				if [ -e /var/lib/coracle/guard/armed ] || [ -e /var/lib/coracle/guard/firing ]; then
					sh /var/lib/coracle/guard/revert boot
				fi
				eend 0
			}
		END
		try chmod 0755 "$g_unit"
		try ln -sf /etc/init.d/coracle-guard "$root/etc/runlevels/boot/coracle-guard"
		;;
	esac
}

# disarm_guard ID
disarm_guard() {
	g_dir=$state/guard g_fired=''
	{ read -r g_fired <"$g_dir/fired"; } 2>/dev/null
	[ "$g_fired" != "$1" ] || fail guard-fired "the revert $1 has fired: the change was taken back"
	is_armed
	if [ "$g_there" != "$1" ]; then
		reply unchanged
		return
	fi
	condition
	mv "$g_dir/armed" "$g_dir/disarmed" 3>&- || fail guard-fired "the revert $1 has just fired: the change was taken back"
	try rm -f "$root/etc/systemd/system/sysinit.target.wants/coracle-guard.service" \
		"$root/etc/systemd/system/coracle-guard.service" \
		"$root/etc/runlevels/boot/coracle-guard" "$root/etc/init.d/coracle-guard"
	try rm -rf "$g_dir"
	guarded=''
	reply changed
}
