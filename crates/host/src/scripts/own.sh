# shellcheck shell=sh disable=SC2154,SC2034
# What coracle placed (`owned`), what was there before (`kept`), and what placed files looked like (`record`).
#
# owned: appended to, never rewritten; `+|KEY|FLAG|BEFORE…|.` or `-|KEY|.`; the last line of a key counts, a line
# without its final dot was cut off by a crash and does not. FLAG is s where the content is secret, else p.
# record: `KEY|SIZE|INODE|MTIME|CTIME|SHA256|KEYED`, one line a path; KEYED is - for public files.

# The live lines of owned, in the order in which they were first placed.
live_owned() {
	[ ! -f "$state/owned" ] || awk -F '|' '
		$NF != "." { next }
		$1 == "+" { if (!($2 in seen)) { seen[$2] = 1; key[++count] = $2 } line[$2] = $0 }
		$1 == "-" { delete line[$2] }
		END { for (i = 1; i <= count; i++) if (key[i] in line) print line[key[i]] }
	' "$state/owned"
}

open_state() {
	[ -d "$state" ] || { mkdir -p "$state" && chmod 0700 "$state"; } || unwritable "$state"
	owned_keys=$(live_owned | cut -d '|' -f 2)
	owned_keys=$nl${owned_keys:+$owned_keys$nl}
}

is_owned() {
	case $owned_keys in *"$nl$1$nl"*) return 0 ;; esac
	return 1
}

# own KEY HASH FLAG: the step in hand places this.
own() { own=$1 own_hash=$2 own_flag=$3; }

wants_note() { [ -n "$own" ] && ! is_owned "$own"; }

# note BEFORE…: records the step's resource as owned. Stands before the deed, so that a crash in between owns too
# much, never too little.
note() {
	wants_note || return 0
	n_line="+|$own|$own_flag"
	for n_word; do n_line="$n_line|$n_word"; done
	printf '\n%s|.\n' "$n_line" >>"$state/owned" || broke 'writing to owned'
	owned_keys=$owned_keys$own$nl
	noted=changed
}

disown_key() {
	printf '\n-|%s|.\n' "$1" >>"$state/owned" || broke 'writing to owned'
	while :; do
		case $owned_keys in *"$nl$1$nl"*) owned_keys=${owned_keys%%"$nl$1$nl"*}$nl${owned_keys#*"$nl$1$nl"} ;; *) return 0 ;; esac
	done
}

# keep PATH: notes the step's resource, after putting aside what is there. Needs look PATH before.
keep() {
	wants_note || return 0
	case $kind in
	file | link)
		[ -d "$state/kept" ] || try mkdir "$state/kept"
		try cp -pPR "$1" "$state/kept/$own_hash.new"
		try mv -f "$state/kept/$own_hash.new" "$state/kept/$own_hash"
		note kept
		;;
	*) note nothing ;;
	esac
}

# placed KEY FLAG PATH: to be recorded, all at once, when the exec ends or something slow begins.
placed() { printf '%s|%s|%s\n' "$1" "$2" "$3" >>"$d/placed"; }

print_format='%s|%i|%y|%z'

# The digests are read again, not believed: what is recorded is what is there, whoever wrote it.
flush_record() {
	[ -s "$d/placed" ] || return 0
	set --
	r_secret=''
	while IFS='|' read -r r_key r_flag r_path; do
		set -- "$@" "$r_path"
		[ "$r_flag" = p ] || r_secret=1
	done <"$d/placed"
	if stat -c "$print_format" "$@" >"$d/stats" && sha256sum "$@" >"$d/sums"; then
		[ -z "$r_secret" ] || {
			awk -F '|' 'NR == FNR { flag[FNR] = $2; next } flag[FNR] == "s" { sub(/^\\/, ""); print substr($0, 1, 64) }' \
				"$d/placed" "$d/sums" >"$d/plain"
			key_all "$d/plain"
		}
		[ -f "$state/record" ] || : >"$state/record"
		[ -f "$d/keyed" ] || : >"$d/keyed"
		if awk -F '|' '
			FILENAME == ARGV[1] { key[FNR] = $1; flag[FNR] = $2; rows = FNR; next }
			FILENAME == ARGV[2] { print_[FNR] = $0; next }
			FILENAME == ARGV[3] { sub(/^\\/, ""); sum[FNR] = substr($0, 1, 64); next }
			FILENAME == ARGV[4] { keyed[FNR] = $0; next }
			{ if (!($1 in old)) order[++count] = $1; old[$1] = $0 }
			END {
				for (i = 1; i <= rows; i++) {
					if (!(key[i] in old)) order[++count] = key[i]
					old[key[i]] = key[i] "|" print_[i] "|" sum[i] "|" (flag[i] == "s" ? keyed[++k] : "-")
				}
				for (i = 1; i <= count; i++) print old[order[i]]
			}
		' "$d/placed" "$d/stats" "$d/sums" "$d/keyed" "$state/record" >"$state/record.new"; then
			mv -f "$state/record.new" "$state/record"
		fi
	fi
	rm -f "$d/placed" "$d/keyed"
}

forget() {
	[ ! -s "$state/record" ] || {
		k=$1 awk -F '|' '$1 != ENVIRON["k"]' "$state/record" >"$state/record.new" && mv -f "$state/record.new" "$state/record"
	}
}
