# shellcheck shell=sh disable=SC2154,SC2034
# What is said to the operator: one line each, `NONCE WORD …`, and `NONCE + …` for each further line of a text.

say() { printf '%s %s\n' "$n" "$*" >&3; }

# tell WORDS TEXT: the text may hold anything but NUL.
tell() {
	t_rest=$2
	printf '%s %s %s\n' "$n" "$1" "${t_rest%%"$nl"*}" >&3
	while :; do
		case $t_rest in
		*"$nl"*) t_rest=${t_rest#*"$nl"} ;;
		*) return 0 ;;
		esac
		printf '%s + %s\n' "$n" "${t_rest%%"$nl"*}" >&3
	done
}

# begin INDEX NAME: everything up to its reply belongs to this step.
begin() {
	step=$1 own='' own_hash='' own_flag=p noted='' w_kind='' looked=''
	: >"$d/log"
	[ -z "$locked" ] || printf '%s\n' "$2" >"$run/step"
	say b "$1"
	[ -z "$guarded" ] || still_guarded
}

reply() { say e "$step" "$1"; }

# The end was reached before anything was done; taking it into ownership is a change all the same.
settled() { reply "${noted:-unchanged}"; }

# fail KIND DETAIL: ends the step, and the exec with it.
fail() {
	tell "e $step failed $1" "$2"
	finish
}

# What cannot be laid to a step.
fault() {
	tell "fault $1" "$2"
	exit 0
}

finish() {
	flush_record
	# Without it systemd would go on telling the next look what it knew before. What is on disk holds either way.
	[ -z "$reload_due" ] || systemctl daemon-reload 3>&-
	say 'done'
	exit 0
}

# try COMMAND…: runs it; when it fails, so does the step, with its last words.
try() { "$@" 3>&- || broke "$1"; }

broke() {
	b_said=$(tail -n 5 "$d/log")
	case $b_said in
	*'o space left on device'* | *'isk quota exceeded'*) fail disk-full "$b_said" ;;
	esac
	# The shell's own writes fail without saying why.
	if full "$state" || full "$root/"; then fail disk-full "no space left: ${b_said:-$1}"; fi
	fail command "${b_said:-$1 failed}"
}

# What could not be written may have left some blocks free behind it.
full() {
	f_line=$(df -Pk "$1" 2>/dev/null | tail -n 1)
	# shellcheck disable=SC2086 # split on purpose
	set -- $f_line
	[ "${4:-256}" -lt 256 ]
}

# Before any step: a place of coracle's own cannot be written to.
unwritable() {
	if full "$root/" || full "$1"; then fault disk-full "no space left for $1"; fi
	fault unsupported "cannot write to $1: $(tail -n 1 "$d/log")"
}
