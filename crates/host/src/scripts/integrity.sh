# shellcheck shell=sh disable=SC2154,SC2034
# The integrity record: `KEY|SIZE|INODE|MTIME|CTIME|SHA256`, or `KEY|||||-` for a path that is not there.

# record_integrity KEY PATH …
record_integrity() {
	: >"$d/watch"
	while [ $# -gt 0 ]; do
		i_print='|||' i_sum=-
		if [ -f "$root$2" ]; then
			i_print=$(stat -c "$print_format" "$root$2")
			i_sum=$(sha256sum <"$root$2")
			i_sum=${i_sum%% *}
		fi
		printf '%s|%s|%s\n' "$1" "$i_print" "$i_sum" >>"$d/watch"
		shift 2
	done
	if [ "$(cat "$d/watch")" = "$(cat "$state/integrity" 2>/dev/null)" ]; then
		reply unchanged
		return
	fi
	condition
	cp "$d/watch" "$state/.new" || broke 'writing the integrity record'
	try mv -f "$state/.new" "$state/integrity"
	reply changed
}
