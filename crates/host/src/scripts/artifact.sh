# shellcheck shell=sh disable=SC2154,SC2034
# Artefacts: files of known digest, gathered in parts/SHA256 and brought to their place when they are whole.

# fetch_artifact url|sent URL|NAME SHA256 PATH MODE USER GROUP
fetch_artifact() {
	look "$root$4"
	if [ "$kind" = file ] && has_meta "$5" "$6" "$7" && sum_up && [ "$sum" = "$3" ]; then
		keep "$root$4"
		settled
		return
	fi
	not_a dir "$4"
	condition
	flush_record
	part=$state/parts/$3
	[ -d "$state/parts" ] || try mkdir "$state/parts"
	if [ "$kind" = file ] && sum_up && [ "$sum" = "$3" ]; then
		try cp "$root$4" "$part"
	elif [ "$1" = url ]; then
		download "$2" "$3"
	else
		[ -f "$part" ] || fail missing "nothing of $2 was sent to this host yet"
	fi
	part_sum
	if [ "$sum" != "$3" ]; then
		rm -f "$part"
		fail checksum "$2 has sha256 $sum, wanted is $3"
	fi
	look "$root$4"
	keep "$root$4"
	parents "$root$4"
	a_new=$root${4%/*}/.coracle.new
	clear_new "$a_new"
	try chmod 0600 "$part"
	try chown "$6:$7" "$part"
	try chmod "$5" "$part"
	try mv -f "$part" "$a_new"
	rename "$a_new" "$root$4"
	placed "$path_key" p "$root$4"
	case $4 in */k3s) note_version "$root$4" ;; esac
	reply changed
}

part_sum() {
	sum=$(sha256sum <"$part")
	sum=${sum%% *}
}

# What was there from a broken try is gone on with, and thrown away when that leads nowhere.
download() {
	if [ -s "$part" ]; then
		part_sum
		[ "$sum" != "$2" ] || return 0
		if fetch "$1"; then
			part_sum
			[ "$sum" != "$2" ] || return 0
		fi
		rm -f "$part"
	fi
	fetch "$1" || {
		d_said=$(tail -n 3 "$d/log")
		case $d_said in *'o space left'* | *'isk quota'*) overflow "$d_said" ;; esac
		if full "$state"; then overflow "no space left for $1"; fi
		fail download "$1: ${d_said:-the download broke off}"
	}
}

# Half a binary is no reason to keep a host's disk full.
overflow() {
	rm -f "$part"
	fail disk-full "$1"
}

fetch() {
	if command -v curl >/dev/null; then
		curl -fsSL --retry 3 --connect-timeout 20 --speed-limit 1 --speed-time 60 -C - -o "$part" -- "$1" 3>&-
	elif command -v wget >/dev/null; then
		wget -q -c -T 60 -O "$part" -- "$1" 3>&- || { echo "wget could not fetch it" >&2 && return 1; }
	else
		fail missing 'neither curl nor wget is on this host'
	fi
}

# receive_chunk SHA256 OFFSET BODY
receive_chunk() {
	[ -d "$state/parts" ] || try mkdir "$state/parts"
	part=$state/parts/$1
	part_size
	if [ "$size" = "$2" ] && [ -s "$d/$3" ]; then
		cat "$d/$3" >>"$part" || broke 'writing what was sent'
		part_size
	fi
	say e "$step" received "$size"
}

part_size() {
	size=0
	[ ! -f "$part" ] || size=$(stat -c %s "$part")
}

# Running k3s only to read its version is slow, so that is remembered for as long as the file stays the same.
note_version() {
	v_said=$(timeout 20 "$1" --version 3>&- 2>/dev/null) || return 0
	v_print=$(stat -c "$print_format" "$1")
	printf '%s|%s\n' "$v_print" "${v_said%%"$nl"*}" >"$state/version"
}
