# shellcheck shell=sh disable=SC2154,SC2034
# Whose host this is: the claim and the cluster lock.

# claim NAME ID INSTEAD|-
claim() {
	c_name='' c_id=''
	{ read -r c_name c_id <"$state/cluster"; } 2>/dev/null
	if [ "$c_name $c_id" = "$1 $2" ] && [ -s "$state/key" ]; then
		reply unchanged
		return
	fi
	case $c_name in '' | "$1") ;; *) fail foreign "it belongs to cluster $c_name ($c_id)" ;; esac
	case $c_id in '' | "$2" | "$3") ;; *) fail foreign "it belongs to another cluster of the name $c_name ($c_id)" ;; esac
	condition
	if [ ! -s "$state/key" ]; then
		derive_key
		(umask 077 && printf '%s\n' "$key_text" >"$state/.new") || broke 'writing the key'
		try mv -f "$state/.new" "$state/key"
	fi
	printf '%s %s\n' "$1" "$2" >"$state/.new" || broke 'writing the claim'
	try mv -f "$state/.new" "$state/cluster"
	reply changed
}

# The lock stays until it is given back.
unclaim() {
	if [ ! -e "$state/cluster" ] && [ ! -e "$state/owned" ]; then
		reply unchanged
		return
	fi
	condition
	if [ -e "$state/guard/armed" ] || [ -e "$state/guard/firing" ]; then fail conflict 'a revert is armed'; fi
	# A revert that has fired since this exec began gave back what was owned.
	open_state
	u_left=${owned_keys#"$nl"}
	[ -z "$u_left" ] || fail conflict "coracle still owns ${u_left%%"$nl"*}"
	try rm -rf "$state/kept" "$state/stamps" "$state/parts" "$state/guard" "$state/key" "$state/record" \
		"$state/integrity" "$state/version" "$state/made" "$state/owned" "$state/cluster"
	# What k3s's own files made necessary; whatever others put there keeps it.
	rmdir "$root/etc/rancher/k3s/config.yaml.d" "$root/etc/rancher/k3s" "$root/etc/rancher" 3>&-
	reply changed
}

# take_lock HOLDER CLUSTER SECONDS DEAD-HOLDER…: held for so long by the host's uptime; a reboot begins the time anew.
take_lock() {
	h_me=$1 h_cluster=$2 h_seconds=$3
	shift 3
	now_up
	h_boot=''
	{ read -r h_boot <"$root/proc/sys/kernel/random/boot_id"; } 2>/dev/null
	h_who='' h_of='' h_taken=0 h_lease=0 h_there=''
	{ IFS='|' read -r h_who h_of h_there h_taken h_lease _ <"$state/lock"; } 2>/dev/null
	h_free=''
	case $h_who in '' | "$h_me") h_free=1 ;; esac
	for h_dead; do [ "$h_who" != "$h_dead" ] || h_free=1; done
	[ "$h_there" = "$h_boot" ] || h_taken=0
	h_left=$((h_taken + h_lease - up))
	if [ -z "$h_free" ] && [ "$h_left" -gt 0 ]; then
		tell "e $step locked $h_left $h_of" "$h_who"
		finish
	fi
	[ "$h_who" = "$h_me" ] || condition
	printf '%s|%s|%s|%s|%s|.\n' "$h_me" "$h_cluster" "$h_boot" "$up" "$h_seconds" >"$state/.new" || broke 'writing the lock'
	try mv -f "$state/.new" "$state/lock"
	if [ "$h_who" = "$h_me" ]; then reply unchanged; else reply changed; fi
}

# release_lock HOLDER
release_lock() {
	h_who=''
	{ IFS='|' read -r h_who _ <"$state/lock"; } 2>/dev/null
	if [ "$h_who" != "$1" ]; then
		reply unchanged
	else
		try rm -f "$state/lock"
		reply changed
	fi
	# The directory of a host that was never claimed is only there for the lock.
	rmdir "$state" 2>/dev/null
}
