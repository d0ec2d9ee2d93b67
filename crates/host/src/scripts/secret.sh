# shellcheck shell=sh disable=SC2154,SC2034
# Secrets that are made here, and secrets that are read for the operator.

# make_secret PATH BYTES
make_secret() {
	look "$root$1"
	if [ "$kind" = file ] && [ -s "$root$1" ]; then
		keep "$root$1"
		settled
		return
	fi
	not_a dir "$1"
	condition
	keep "$root$1"
	parents "$root$1"
	(umask 077 && od -An -v -tx1 -N "$2" /dev/urandom | tr -d ' \n' >"$d/secret" && echo >>"$d/secret") || broke 'making a secret'
	[ "$(stat -c %s "$d/secret")" = $(($2 * 2 + 1)) ] || fail command '/dev/urandom gave too little'
	bring "$d/secret" "$root$1"
	rm -f "$d/secret"
	placed "$path_key" s "$root$1"
	reply changed
}

# read_secret PATH. An empty one is none: a k3s server that is given it would found a cluster of its own.
read_secret() {
	[ -f "$root$1" ] || fail missing "$1 is not there"
	[ "$(tr -d '[:space:]' <"$root$1" | wc -c)" -gt 0 ] || fail missing "$1 is empty"
	hex "$root$1"
	tell "e $step secret" "$text"
}

# hex FILE: sets text to its bytes in hex.
hex() { text=$(od -An -v -tx1 "$1") || broke od; }
