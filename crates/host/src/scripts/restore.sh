# shellcheck shell=sh disable=SC2154,SC2034
# Giving up what coracle owns: by its kind, what was there before comes back, or nothing.

# restore KIND NAME KEY HASH PATH_KEY
restore() {
	if ! is_owned "$3"; then
		reply unchanged
		return
	fi
	condition
	IFS='|' read -r _ _ _ before x y z _ <<-END
		$(live_owned | k=$3 awk -F '|' '$2 == ENVIRON["k"]')
	END
	case $1 in
	file) restore_file "$root$2" "$4" ;;
	dir) restore_dir "$root$2" ;;
	mode) restore_meta "$root$2" ;;
	service) restore_service "$2" ;;
	esac
	disown_key "$3"
	case $1 in
	file)
		# While a revert is armed the resource may become coracle's again, and be given up a second time.
		[ -e "$state/guard/armed" ] || rm -f "$state/kept/$4"
		forget "$5"
		;;
	esac
	reply changed
}

restore_file() {
	if [ "$before" = kept ] && { [ -e "$state/kept/$2" ] || [ -L "$state/kept/$2" ]; }; then
		parents "$1"
		bring "$state/kept/$2" "$1"
	else
		try rm -f "$1"
		childless "$1"
	fi
}

# A directory that others put things into stays.
restore_dir() {
	if [ "$before" = meta ]; then
		restore_meta "$1"
	elif [ -d "$1" ] && [ ! -L "$1" ]; then
		if rmdir "$1" 2>/dev/null; then childless "$1"; fi
	fi
}

restore_meta() {
	if [ "$before" = meta ] && [ -e "$1" ] && [ ! -L "$1" ]; then
		try chown "$y:$z" "$1"
		try chmod "$x" "$1"
	fi
}

# x: it started at boot, y: it ran.
restore_service() {
	detect_init
	service_look "$1"
	if [ "$known" = 1 ] && [ "$before" = service ]; then
		if [ "$y" = 0 ] && [ "$active" = 1 ]; then service_stop "$1"; fi
		if [ "$x" != "$enabled" ]; then service_enable "$1" "$x"; fi
		if [ "$y" = 1 ] && [ "$active" = 0 ]; then service_start "$1"; fi
	fi
	rm -f "$state/stamps/$1"
}
