# shellcheck shell=sh disable=SC2154,SC2034
# Stopping k3s with all that it started, and removing its data.

# What of k3s is still at work: sets working to one piece of evidence, or to nothing.
k3s_working() {
	working=''
	[ ! -e "$root/proc/mounts" ] || working=$(awk '
		$2 ~ "^/run/k3s/" || $2 ~ "^/var/lib/kubelet/(pods|plugins)/" || $2 ~ "^/run/netns/cni-" { print "mount " $2; exit }
	' "$root/proc/mounts")
	for w_link in cni0 flannel.1 flannel-v6.1 flannel-wg flannel-wg-v6 kube-ipvs0; do
		[ ! -e "$root/sys/class/net/$w_link" ] || working="interface $w_link"
	done
	detect_init
	for w_name in k3s k3s-agent; do
		service_look "$w_name"
		[ "$active" = 0 ] || working="service $w_name"
	done
	[ -n "$working" ] || working=$(shims)
}

# Containers outlive the service that started them. A process keeps its name for the kernel in the first 15 bytes.
shims() {
	set +f
	grep -l '^containerd-shim' "$root"/proc/[0-9]*/comm 2>/dev/null | sed -n '1s|.*/proc/\([0-9]*\)/comm|container process \1|p'
	set -f
}

kill_k3s() {
	k3s_working
	if [ -z "$working" ]; then
		reply unchanged
		return
	fi
	condition
	[ -x "$root/usr/local/bin/k3s-killall.sh" ] || fail missing "/usr/local/bin/k3s-killall.sh is not there, but $working is"
	flush_record
	try timeout 300 "$root/usr/local/bin/k3s-killall.sh"
	reply changed
}

# remove_k3s yes|no: whether volumes go too.
remove_k3s() {
	set +f
	r_found=''
	for r_path in "$root"/var/lib/rancher/k3s/* "$root"/var/lib/rancher/k3s/.[!.]* "$root"/var/lib/kubelet "$root"/run/k3s \
		"$root"/run/flannel "$root"/var/lib/cni "$root"/etc/rancher/node "$root"/etc/rancher/k3s/k3s.yaml; do
		if removable "$r_path" "$1"; then r_found=1; fi
	done
	set -f
	if [ -z "$r_found" ]; then
		reply unchanged
		return
	fi
	condition
	k3s_working
	[ -z "$working" ] || fail conflict "k3s still works here: $working"
	flush_record
	set +f
	for r_path in "$root"/var/lib/rancher/k3s/* "$root"/var/lib/rancher/k3s/.[!.]* "$root"/var/lib/kubelet "$root"/run/k3s \
		"$root"/run/flannel "$root"/var/lib/cni "$root"/etc/rancher/node "$root"/etc/rancher/k3s/k3s.yaml; do
		! removable "$r_path" "$1" || empty "$r_path"
	done
	set -f
	rmdir "$root/etc/rancher/k3s/config.yaml.d" "$root/var/lib/rancher/k3s" "$root/var/lib/rancher" "$root/etc/rancher/k3s" "$root/etc/rancher" 2>/dev/null
	rm -f "$state/version"
	reply changed
}

# What is owned is given up by its own step, and what else lies in /etc/rancher/k3s is the user's; an emptied mount point
# cannot go.
removable() {
	[ -e "$1" ] || [ -L "$1" ] || return 1
	case ${1#"$root"} in
	/var/lib/rancher/k3s/storage) [ "$2" = yes ] || return 1 ;;
	esac
	! mounted "$1" || [ -n "$(find "$1" -mindepth 1 -maxdepth 1 2>/dev/null | head -n 1)" ]
}

mounted() { m=${1#"$root"} awk '$2 == ENVIRON["m"] { found = 1 } END { exit !found }' "$root/proc/mounts" 2>/dev/null; }

empty() {
	if ! rm -rf "$1" 3>&-; then
		# Only mount points and the way to them may be left.
		[ -z "$(find "$1" ! -type d 2>/dev/null | head -n 1)" ] || broke rm
	fi
}
