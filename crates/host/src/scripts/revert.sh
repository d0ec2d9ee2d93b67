#!/bin/sh
# Takes back a change that was not confirmed. `watch ID` waits for its time and stops when it was disarmed; `boot` does
# it at once. Stands alone: it runs when nobody is there any more.
trap '' HUP PIPE
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
dir=${0%/*}

armed() {
	id='' due=''
	{ read -r id due <"$dir/armed"; } 2>/dev/null
	[ -n "$due" ]
}

watch() {
	# Where a session's processes are killed with it, this one must not be among them.
	{ echo $$ >/sys/fs/cgroup/cgroup.procs; } 2>/dev/null
	while armed && [ "$id" = "$1" ]; do
		read -r up _ </proc/uptime
		if [ "${up%%.*}" -ge "$due" ]; then
			take
			beside=''
			if script_works; then beside=yes; fi
			give_all_back
			reload
			# A host that stood still for longer than the window wakes with its script in the middle of the change: what that
			# did after us is taken back too.
			if [ -n "$beside" ]; then
				outlast_script
				give_all_back
				reload
			fi
			settle
			return
		fi
		sleep 1
	done
}

# What is cut off is done again at the next boot.
take() {
	mv "$dir/armed" "$dir/firing" 2>/dev/null || [ -f "$dir/firing" ] || exit 0
	{ read -r id _ <"$dir/firing"; } 2>/dev/null
	read -r root <"$dir/root"
}

give_all_back() {
	for name in "$dir"/*.path; do
		read -r path <"$name"
		was=${name%.path}.was
		if [ -e "$was" ] || [ -L "$was" ]; then give_back; else rm -f "$path"; fi
	done
}

# script_works: whether a script that changes this host is at work.
script_works() {
	{ read -r pid _ <"$root/run/coracle/exec"; } 2>/dev/null && [ -d "/proc/$pid" ]
}

# outlast_script: waits for it to end, a minute at most.
outlast_script() {
	waited=0
	while [ "$waited" -lt 60 ] && script_works; do
		sleep 1
		waited=$((waited + 1))
	done
}

settle() {
	[ ! -s "$dir/owned" ] || { echo && cat "$dir/owned"; } >>"${dir%/*}/owned"
	printf '%s\n' "$id" >"$dir/fired"
	rm -f "$root/etc/systemd/system/sysinit.target.wants/coracle-guard.service" \
		"$root/etc/systemd/system/coracle-guard.service" \
		"$root/etc/runlevels/boot/coracle-guard" "$root/etc/init.d/coracle-guard"
	rm -f "$dir/firing" "$dir/owned" "$dir"/*.was "$dir"/*.path
}

give_back() {
	new=${path%/*}/.coracle.revert
	rm -rf "$new"
	mkdir -p "${path%/*}"
	cp -pPR "$was" "$new" || return
	if [ -L "$path" ]; then rm -f "$path"; fi
	mv -f "$new" "$path"
	if [ -e /sys/fs/selinux/enforce ] && command -v restorecon >/dev/null; then restorecon "$path"; fi
}

reload() {
	read -r init <"$dir/init"
	read -r service <"$dir/service"
	case $init in
	systemd)
		systemctl daemon-reload
		# A service that gave up starting with what is now taken back would not be tried again.
		systemctl reset-failed "$service"
		systemctl reload-or-restart "$service"
		;;
	openrc) rc-service "$service" reload || rc-service "$service" restart ;;
	esac
}

case ${1-} in
watch) watch "$2" ;;
boot)
	take
	give_all_back
	settle
	;;
esac
