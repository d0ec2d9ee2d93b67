# shellcheck shell=sh disable=SC2154,SC2034
# Files, directories, links, modes.

# put_file PATH MODE USER GROUP BODY SHA256 LATER|-
put_file() {
	look "$root$1"
	# What a later step of the same plan puts here is there: this step's work lies behind.
	if [ "$7" != - ] && [ "$kind" = file ] && sum_up && [ "$sum" = "$7" ]; then
		reply unchanged
		return
	fi
	if [ "$kind" = file ] && has_meta "$2" "$3" "$4" && sum_up && [ "$sum" = "$6" ]; then
		keep "$root$1"
		[ -z "$noted" ] || placed "$path_key" "$own_flag" "$root$1"
		settled
		return
	fi
	not_a dir "$1"
	not_a special "$1"
	condition
	look "$root$1"
	keep "$root$1"
	parents "$root$1"
	dress "$d/$5" "$2" "$3" "$4"
	bring "$d/$5" "$root$1"
	placed "$path_key" "$body_flag" "$root$1"
	reply changed
}

# body PATH_KEY FLAG: how the step's file is named in the record, and whether it is secret.
body() { path_key=$1 body_flag=$2; }

not_a() { [ "$kind" != "$1" ] || fail conflict "$2 is $(a_kind "$1")"; }

# parents PATH: what has to be made is written down before, so that it goes with what it was made for.
parents() {
	p_dir=${1%/*}
	[ -d "${p_dir:-/}" ] || {
		p_made=$p_dir
		while [ -n "$p_made" ] && [ ! -d "$p_made" ]; do
			case $p_made in *"$nl"*) ;; *) printf '%s\n' "$p_made" >>"$state/made" || broke 'writing to made' ;; esac
			p_made=${p_made%/*}
		done
		try mkdir -p "$p_dir"
	}
}

# childless PATH: takes away the directories that were made for it, as far as nothing else is in them.
childless() {
	[ -s "$state/made" ] || return 0
	p_dir=${1%/*}
	while grep -qxF -e "$p_dir" "$state/made" && rmdir "$p_dir" 2>/dev/null; do
		grep -vxF -e "$p_dir" "$state/made" >"$state/.new"
		try mv -f "$state/.new" "$state/made"
		p_dir=${p_dir%/*}
	done
}

# dress FILE MODE USER GROUP: what was sent is root's and has its mode already; chown may take set-id bits away.
dress() {
	[ "$3:$4" = root:root ] || try chown "$3:$4" "$1"
	case $2 in ????) try chmod "$2" "$1" ;; esac
}

# bring FILE PATH: copies it beside its place, mode and owner first, and renames it over. The name is fixed, so that
# a crash leaves one file at most, which the next try clears away.
bring() {
	b_new=${2%/*}/.coracle.new
	clear_new "$b_new"
	cp -pP "$1" "$b_new" 3>&- || {
		rm -f "$b_new"
		broke cp
	}
	rename "$b_new" "$2"
}

clear_new() { if [ -e "$1" ] || [ -L "$1" ]; then try rm -rf "$1"; fi; }

# rename NEW PATH: a link to a directory would swallow what is moved onto it.
rename() {
	if [ -L "$2" ] && [ -d "$2" ]; then try rm -f "$2"; fi
	try mv -f "$1" "$2"
	looked=''
	[ ! -e /sys/fs/selinux/enforce ] || ! command -v restorecon >/dev/null || restorecon "$2" 3>&-
}

# put_dir PATH MODE USER GROUP
put_dir() {
	look "$root$1"
	if [ "$kind" = dir ] && has_meta "$2" "$3" "$4"; then
		note meta "$mode" "$user" "$group"
		settled
		return
	fi
	case $kind in dir | absent) ;; *) not_a "$kind" "$1" ;; esac
	condition
	look "$root$1"
	if [ "$kind" = dir ]; then
		note meta "$mode" "$user" "$group"
	else
		note nothing
		parents "$root$1"
		try mkdir -m 0700 "$root$1"
	fi
	set_owner "$2" "$3" "$4" "$root$1"
	reply changed
}

# put_link PATH TARGET
put_link() {
	look "$root$1"
	if [ "$kind" = link ] && [ "$(readlink "$root$1")" = "$2" ]; then
		keep "$root$1"
		settled
		return
	fi
	not_a dir "$1"
	not_a special "$1"
	condition
	look "$root$1"
	keep "$root$1"
	parents "$root$1"
	b_new=$root${1%/*}/.coracle.new
	clear_new "$b_new"
	try ln -s -- "$2" "$b_new"
	rename "$b_new" "$root$1"
	reply changed
}

# set_meta PATH MODE USER GROUP
set_meta() {
	look "$root$1"
	if [ "$kind" = absent ]; then
		reply unchanged
		return
	fi
	not_a link "$1"
	not_a special "$1"
	if has_meta "$2" "$3" "$4"; then
		note meta "$mode" "$user" "$group"
		settled
		return
	fi
	condition
	look "$root$1"
	note meta "$mode" "$user" "$group"
	set_owner "$2" "$3" "$4" "$root$1"
	reply changed
}

# set_owner MODE USER GROUP PATH: never wider than asked for on the way.
set_owner() {
	has_meta "$mode" "$2" "$3" || try chown "$2:$3" "$4"
	try chmod "$1" "$4"
	looked=''
}
