# shellcheck shell=sh disable=SC2154,SC2034
# Services, kept by systemd or OpenRC. A start is asked for and never waited for; a stop and a reload are, because
# what follows builds upon them.

detect_init() {
	if [ -d "$root/run/systemd/system" ]; then init=systemd; else init=openrc; fi
}

unit_of() {
	case $1 in
	*.service | *.socket | *.timer | *.target | *.mount | *.path) unit=$1 ;;
	*) unit=$1.service ;;
	esac
}

# service_look NAME: sets known, enabled, active to 0 or 1, and found to the word for enabled.
service_look() {
	known=0 enabled=0 active=0 found=disabled
	case $init in
	systemd)
		unit_of "$1"
		systemd_look
		case $reload in 1) try systemctl daemon-reload && reload_due='' && systemd_look ;; esac
		[ -z "$reload_due" ] || systemd_asked
		;;
	openrc)
		[ ! -x "$root/etc/init.d/$1" ] || known=1
		for l_where in started starting inactive; do
			[ ! -L "$root/run/openrc/$l_where/$1" ] || active=1
		done
		set +f
		for l_link in "$root"/etc/runlevels/*/"$1"; do
			if [ -L "$l_link" ]; then enabled=1 found=enabled; fi
		done
		set -f
		;;
	esac
}

systemd_look() {
	reload=0 known=0 failed=0
	while IFS='=' read -r l_key l_value; do
		case $l_key=$l_value in
		LoadState=loaded | LoadState=masked) known=1 ;;
		NeedDaemonReload=yes) reload=1 ;;
		ActiveState=active | ActiveState=activating | ActiveState=reloading) active=1 ;;
		ActiveState=failed) failed=1 ;;
		UnitFileState=*) systemd_enabled "$l_value" ;;
		esac
	done <<-END
		$(systemctl show --no-pager -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload -- "$unit" 3>&-)
	END
	# A unit file that came after systemd last looked.
	if [ "$known" = 0 ] && [ "$reload" = 0 ] && [ -f "$root/etc/systemd/system/$unit" ] && [ -z "$reloaded" ]; then
		reload=1 reloaded=1
	fi
}
reloaded=''

# As it is on disk, where systemd has not been told yet.
systemd_asked() { systemd_enabled "$(systemctl is-enabled -- "$unit" 3>&-)"; }

# systemd_enabled WORD: what systemd's word for it means.
systemd_enabled() {
	found=$1 enabled=0
	case $1 in enabled | enabled-runtime | static | alias | indirect | generated) enabled=1 ;; esac
}

# set_service INIT NAME yes|no|- any|started|reloaded|stopped|stamped STAMP|-
set_service() {
	init=$1
	service_look "$2"
	was_enabled=$enabled was_active=$active
	stamp=''
	{ read -r stamp <"$state/stamps/$2"; } 2>/dev/null
	service_settled "$@" && {
		note service "$enabled" "$active"
		settled
		return
	}
	condition
	if [ "$known" = 0 ] && [ "$4" != stamped ]; then fail missing "there is no service $2 on this host"; fi
	note service "$enabled" "$active"
	flush_record
	case $3 in
	yes) [ "$enabled" = 1 ] || service_enable "$2" 1 ;;
	no) [ "$enabled" = 0 ] || service_enable "$2" 0 ;;
	esac
	case $4 in
	started)
		if [ "$active" = 0 ]; then
			service_start "$2"
		elif [ "$5" != - ] && [ "$stamp" != "$5" ]; then
			service_restart "$2"
		fi
		;;
	reloaded)
		if [ "$active" = 0 ]; then
			service_start "$2"
		elif [ "$stamp" != "$5" ]; then
			service_reload "$2"
		fi
		;;
	stopped) [ "$active" = 0 ] || service_stop "$2" ;;
	esac
	[ "$5" = - ] || service_stamp "$2" "$5"
	reply changed
}

# Whether there is nothing left to do. An unknown service neither runs nor starts at boot.
service_settled() {
	case $3 in
	yes) [ "$enabled" = 1 ] || return 1 ;;
	no) [ "$enabled" = 0 ] || return 1 ;;
	esac
	case $4 in
	started | reloaded) [ "$active" = 1 ] || return 1 ;;
	stopped) [ "$active" = 0 ] || return 1 ;;
	esac
	[ "$5" = - ] || [ "$stamp" = "$5" ]
}

service_stamp() {
	[ -d "$state/stamps" ] || try mkdir "$state/stamps"
	printf '%s\n' "$2" >"$state/stamps/.new" || broke 'writing the stamp'
	try mv -f "$state/stamps/.new" "$state/stamps/$1"
}

# service_enable NAME 1|0. Reading all units again takes systemd longer than everything else here, so it is told to do that once,
# when the exec ends.
service_enable() {
	case $init$2 in
	systemd1) try systemctl --quiet --no-reload enable "$unit" ;;
	systemd0) try systemctl --quiet --no-reload disable "$unit" ;;
	openrc1) try rc-update --quiet add "$1" default ;;
	openrc0) openrc_disable "$1" ;;
	esac
	case $init in
	systemd)
		reload_due=1
		systemd_asked
		;;
	openrc) service_look "$1" ;;
	esac
	[ "$enabled" = "$2" ] || fail command "$1 stays $found: its unit file does not let it be changed"
}

# `rc-update --all` fails in every runlevel that never had the service.
openrc_disable() {
	set +f
	for e_link in "$root"/etc/runlevels/*/"$1"; do
		e_level=${e_link%/*}
		[ ! -L "$e_link" ] || try rc-update --quiet del "$1" "${e_level##*/}"
	done
	set -f
}

service_start() {
	case $init in
	systemd)
		[ "$failed" = 0 ] || try systemctl reset-failed "$unit"
		try systemctl --no-block start "$unit"
		;;
	openrc) aside rc-service "$1" start ;;
	esac
}

service_restart() {
	case $init in
	systemd) try systemctl --no-block restart "$unit" ;;
	openrc) aside rc-service "$1" restart ;;
	esac
}

service_reload() {
	case $init in
	systemd) try bounded systemctl reload-or-restart "$unit" ;;
	openrc) bounded rc-service "$1" reload 3>&- || try bounded rc-service "$1" restart ;;
	esac
}

service_stop() {
	case $init in
	systemd) try bounded systemctl stop "$unit" ;;
	openrc) try bounded rc-service "$1" stop ;;
	esac
}

bounded() { timeout 180 "$@" 3>&-; }

# OpenRC has no queue to put a start into.
aside() { setsid "$@" 3>&- >/dev/null 2>&1 </dev/null & }
