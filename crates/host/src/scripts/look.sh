# shellcheck shell=sh disable=SC2154,SC2034
# One look at one path, and whether a step's condition holds.

meta_format='%a|%u|%g|%U|%G'

# look PATH: sets kind, and for files and directories mode, uid, gid, user, group.
look() {
	[ "$looked" != "$1" ] || return 0
	looked=$1 mode='' uid='' gid='' user='' group='' sum=''
	if [ -L "$1" ]; then kind='link' && return 0; fi
	if [ ! -e "$1" ]; then kind=absent && return 0; fi
	if [ -f "$1" ]; then kind='file'; elif [ -d "$1" ]; then kind=dir; else kind='special' && return 0; fi
	IFS='|' read -r mode uid gid user group <<-END
		$(stat -c "$meta_format" "$1")
	END
	[ "$user" != UNKNOWN ] || user=$uid
	[ "$group" != UNKNOWN ] || group=$gid
}

# has_meta MODE USER GROUP: whether what was looked at has these; names and numbers are the same.
has_meta() {
	[ "$mode" = "$1" ] && { [ "$user" = "$2" ] || [ "$uid" = "$2" ]; } && { [ "$group" = "$3" ] || [ "$gid" = "$3" ]; }
}

# sum_up: sets sum to the digest of what was looked at.
sum_up() {
	[ -z "$sum" ] || return 0
	sum=$(sha256sum <"$looked")
	sum=${sum%% *}
}

# was KIND PATH …: what the plan saw. `link PATH TARGET`, `dir PATH MODE USER GROUP`, `file PATH MODE USER GROUP
# unread|digest|keyed HEX`.
was() {
	w_kind=$1 w_path=$2
	case $1 in
	link) w_target=$3 ;;
	file | dir) w_mode=$3 w_user=$4 w_group=$5 w_how=${6-} w_hex=${7-} ;;
	esac
}

# The step fails unless things are as the plan saw them.
condition() {
	[ -n "$w_kind" ] || return 0
	look "$root$w_path"
	[ "$kind" = "$w_kind" ] || fail conflict "$w_path: the plan saw $(a_kind "$w_kind"), now there is $(a_kind "$kind")"
	case $kind in
	link)
		c_target=$(readlink "$root$w_path")
		[ "$c_target" = "$w_target" ] || fail conflict "$w_path: the plan saw a link to $w_target, now it points to $c_target"
		;;
	file | dir)
		has_meta "$w_mode" "$w_user" "$w_group" ||
			fail conflict "$w_path: the plan saw mode $w_mode of $w_user:$w_group, now it is $mode of $user:$group"
		;;
	esac
	[ "$kind" != file ] || case $w_how in
	digest)
		sum_up
		[ "$sum" = "$w_hex" ] || fail conflict "$w_path: its content is not what the plan saw"
		;;
	keyed)
		sum_up
		printf '%s\n' "$sum" >"$d/plain"
		key_all "$d/plain"
		read -r c_keyed <"$d/keyed"
		rm -f "$d/keyed"
		[ "$c_keyed" = "$w_hex" ] || fail conflict "$w_path: its content is not what the plan saw"
		;;
	esac
}

a_kind() {
	case $1 in
	absent) echo nothing ;;
	special) echo 'a device, socket or pipe' ;;
	dir) echo 'a directory' ;;
	*) echo "a $1" ;;
	esac
}
