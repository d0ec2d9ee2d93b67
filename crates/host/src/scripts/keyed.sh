# shellcheck shell=sh disable=SC2154,SC2034
# Keyed digests: HMAC-SHA256, with a key that never leaves the host, over the hex digits of the content's SHA-256. So
# secret files can be compared on this host and nowhere else.

# The key is 64 hex digits: one block of SHA-256. A host that was never claimed derives it from what only root reads,
# and claiming stores the same, so that a plan made before still holds after.
load_key() {
	[ -z "$key_inner" ] || return 0
	key_text=''
	{ read -r key_text <"$state/key"; } 2>/dev/null
	[ ${#key_text} = 64 ] || derive_key
	k_rest=$key_text
	while [ -n "$k_rest" ]; do
		k_head=${k_rest%"${k_rest#?}"} k_rest=${k_rest#?}
		case $k_head in
		0) k_in=006 k_out=154 ;; 1) k_in=007 k_out=155 ;; 2) k_in=004 k_out=156 ;; 3) k_in=005 k_out=157 ;;
		4) k_in=002 k_out=150 ;; 5) k_in=003 k_out=151 ;; 6) k_in=000 k_out=152 ;; 7) k_in=001 k_out=153 ;;
		8) k_in=016 k_out=144 ;; 9) k_in=017 k_out=145 ;; a) k_in=127 k_out=075 ;; b) k_in=124 k_out=076 ;;
		c) k_in=125 k_out=077 ;; d) k_in=122 k_out=070 ;; e) k_in=123 k_out=071 ;; *) k_in=120 k_out=072 ;;
		esac
		key_inner="$key_inner\\$k_in" key_outer="$key_outer\\$k_out"
	done
}
key_inner='' key_outer=''

derive_key() {
	for k_source in ssh/ssh_host_ed25519_key ssh/ssh_host_ecdsa_key ssh/ssh_host_rsa_key machine-id; do
		[ ! -r "$root/etc/$k_source" ] || break
	done
	key_text=$({ printf 'coracle\n' && cat "$root/etc/$k_source"; } 2>/dev/null | sha256sum)
	key_text=${key_text%% *}
}

# key_all FILE: the file's digests, one a line, become keyed ones in $d/keyed, in the same order.
key_all() {
	load_key
	: >"$d/keyed"
	[ -s "$1" ] || return 0
	set --
	k_count=0
	while read -r k_hex; do
		k_count=$((k_count + 1))
		# shellcheck disable=SC2059 # the key is written as a format: it may hold NUL
		{ printf "$key_inner" && printf %s "$k_hex"; } >"$d/hmac.$k_count"
		set -- "$@" "$d/hmac.$k_count"
	done <"$d/plain"
	sha256sum "$@" | awk '
		BEGIN { for (i = 0; i < 16; i++) value[substr("0123456789abcdef", i + 1, 1)] = i }
		{ sub(/^\\/, ""); text = ""
		  for (i = 1; i < 64; i += 2) text = text sprintf("\\%03o", value[substr($0, i, 1)] * 16 + value[substr($0, i + 1, 1)])
		  print text }
	' >"$d/inner"
	k_count=0
	while read -r k_octal; do
		k_count=$((k_count + 1))
		# shellcheck disable=SC2059
		printf "$key_outer$k_octal" >"$d/hmac.$k_count"
	done <"$d/inner"
	sha256sum "$@" | cut -c 1-64 >"$d/keyed"
}
