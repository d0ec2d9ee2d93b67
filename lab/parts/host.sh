# shellcheck shell=bash disable=SC2154 # bin, bases, run, lab_*: set by lab/lab
# One host: its disk, what is placed on it before the first boot, its power.
#
# hosts/NAME/ holds traits, base, number, key, disk.img mounted at disk/ (the overlay's upper layer), the merged tree/ and the console's log.

address() { echo "$(subnet).$((10 + $(cat "$run/hosts/$1/number")))"; }
host_key() { cut -d' ' -f1,2 "$run/hosts/$1/key.pub"; }
has() { case ,$(cat "$run/hosts/$1/traits"), in *,"$2",*) ;; *) return 1 ;; esac; }
veth() { echo "vb-$(bridge)-$1"; }

# Records a host; one that was left half made by a killed run is made again from nothing.
make_host() {
	local name=$1 host=$run/hosts/$1
	if [ -f "$host/made" ]; then return; fi
	[ ! -d "$host" ] || { kill_host "$name" && remove_host "$name"; }
	mkdir -p "$host"
	echo "${2:-curl}" >"$host/traits"
	base_of "$(init_of "${2:-curl}")" >"$host/base"
	next_number >"$host/number.new" && mv "$host/number.new" "$host/number"
	ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$host/key"
	touch "$host/made"
}

next_number() {
	local n=1
	while grep -qsx "$n" "$run"/hosts/*/number; do n=$((n + 1)); done
	echo "$n"
}

# A disk of its own makes "disk full" real for every path of the host. Without loop devices, a tmpfs of the same size.
mount_disk() {
	local host=$run/hosts/$1 size=${CORACLE_LAB_DISK:-8G}
	mkdir -p "$host/disk" "$host/tree"
	if ! mountpoint -q "$host/disk"; then
		if [ ! -f "$host/disk.img" ]; then
			truncate -s "$size" "$host/disk.new"
			mkfs.ext4 -q -m 0 -E lazy_itable_init=1,lazy_journal_init=1,nodiscard "$host/disk.new"
			mv "$host/disk.new" "$host/disk.img"
		fi
		mount -o loop,nobarrier,noatime "$host/disk.img" "$host/disk" 2>/dev/null || mount -t tmpfs -o "size=$size" coracle-lab "$host/disk"
	fi
	mkdir -p "$host/disk/upper" "$host/disk/work"
	mountpoint -q "$host/tree" ||
		mount -t overlay -o "lowerdir=$(cat "$host/base")/tree,upperdir=$host/disk/upper,workdir=$host/disk/work" coracle-lab "$host/tree"
	[ -f "$host/disk/placed" ] || place "$1"
}

unmount_disk() {
	local host=$run/hosts/$1 dir
	for dir in tree disk; do
		! mountpoint -q "$host/$dir" || umount "$host/$dir" || umount -l "$host/$dir"
	done
}

# What an image builder would have put on the machine: names, addresses, keys, package source.
place() {
	local name=$1 host=$run/hosts/$1 tree=$run/hosts/$1/tree user home
	echo "$name" >"$tree/etc/hostname"
	printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >"$tree/etc/hosts"
	printf 'nameserver %s.1\n' "$(subnet)" >"$tree/etc/resolv.conf"
	printf 'deb [trusted=yes] %s/debian/%s/repo ./\n' "$(mirror)" "$(basename "$(cat "$host/base")")" >"$tree/etc/apt/sources.list"
	place_modules "$tree"
	printf 'auto lo host0\niface lo inet loopback\niface host0 inet static\n\taddress %s/24\n\tgateway %s.1\n' \
		"$(address "$name")" "$(subnet)" >"$tree/etc/network/interfaces"
	install -m 0600 "$host/key" "$tree/etc/ssh/ssh_host_ed25519_key"
	install -m 0644 "$host/key.pub" "$tree/etc/ssh/ssh_host_ed25519_key.pub"
	for user in root ops opspw; do
		home=$tree/home/$user
		[ $user != root ] || home=$tree/root
		install -d -m 0700 "$home/.ssh"
		install -m 0600 "$run/ssh/operator.pub" "$home/.ssh/authorized_keys"
		chown -R --reference="$home" "$home/.ssh"
	done
	printf 'opspw:%s\n' "$(openssl passwd -6 -in "$run/ssh/opspw.password")" | chpasswd --root "$tree" --encrypted
	# Purged, not hidden: apt and dpkg know that they are not there.
	if has "$name" bare; then purge "$tree" curl wget; elif has "$name" wget; then purge "$tree" curl; else purge "$tree" wget; fi
	if has "$name" doas; then purge "$tree" sudo; else purge "$tree" opendoas && rm -f "$tree/etc/doas.conf"; fi
	touch "$host/disk/placed"
}

# Says which modules the kernel has built in. A kernel without a list of its own is asked for its configuration.
place_modules() {
	local release modules option path
	release=$(uname -r)
	modules=$1/lib/modules/$release
	mkdir -p "$modules"
	if ! cp "/lib/modules/$release/modules.builtin" "$modules/" 2>/dev/null; then
		while read -r option path; do
			if zgrep -qs "^CONFIG_$option=y" /proc/config.gz; then echo "kernel/$path.ko"; fi
		done >"$modules/modules.builtin" <<-'BUILTIN'
			OVERLAY_FS fs/overlayfs/overlay
			BRIDGE_NETFILTER net/bridge/br_netfilter
			NF_CONNTRACK net/netfilter/nf_conntrack
			VXLAN drivers/net/vxlan/vxlan
			TUN drivers/net/tun
			WIREGUARD drivers/net/wireguard/wireguard
		BUILTIN
	fi
	touch "$modules/modules.order"
	chroot "$1" depmod "$release" 2>/dev/null || true
}

purge() {
	local tree=$1
	shift
	SUDO_FORCE_REMOVE=yes chroot "$tree" dpkg --purge "$@" >/dev/null 2>&1 || die "could not purge $* from $tree"
}

# Switches a host on, and waits until a person can log in.
boot_host() {
	local host=$run/hosts/$1
	mount_disk "$1"
	if ! alive "$host/pid"; then
		kill_host "$1"
		setsid "$lab_root/lab" _supervise "$1" >>"$host/console.log" 2>&1 </dev/null 9>&- &
		remember $! "$host/pid"
	fi
	wait_until 60 lets_in "$1" || { say "$1 ($(address "$1")) lets nobody in after a minute; its console: $host/console.log"; return 1; }
}

# sshd answers on the host's own address, asked from within so that a cut does not matter, and the boot is over: before, only root may in.
lets_in() {
	local init=$run/hosts/$1/init
	alive "$init" && timeout 2 nsenter --target "$(cut -d' ' -f1 "$init")" --net \
		bash -c "read -r banner </dev/tcp/$(address "$1")/22 && [[ \$banner = SSH-* ]]" 2>/dev/null &&
		inside "$1" test ! -e /run/nologin -a ! -e /etc/nologin
}

# Holds a host up: nspawn ends with 133 when the host reboots itself.
supervise() {
	local host=$run/hosts/$1 name=$1 code=133 extra=()
	own_cgroups "$host" "$(bridge)-$name"
	[ ! -e /dev/net/tun ] || extra+=(--bind=/dev/net/tun)
	[ ! -e /dev/kmsg ] || extra+=(--bind=/dev/kmsg)
	while [ $code = 133 ]; do
		code=0
		SYSTEMD_NSPAWN_API_VFS_WRITABLE=1 systemd-nspawn --quiet --settings=no --register=no --keep-unit \
			--machine="$(bridge)-$name" --hostname="$name" --directory="$host/tree" --network-bridge="$(bridge)" --boot --console=pipe \
			--resolv-conf=off --timezone=off --link-journal=no --capability=all --drop-capability=CAP_SYS_TIME \
			--system-call-filter='@keyring bpf' --bind-ro="$bin:/opt/coracle-lab" "${extra[@]}" &
		remember $! "$host/nspawn"
		wait_until 10 note_init "$name" $!
		wait $! || code=$?
	done
}

# nspawn puts a host below the cgroup it is started in; hosts that share one take each other's services for their own.
own_cgroups() { # HOST MACHINE
	local own controllers path tree group knob
	own=$(cat /proc/self/cgroup) # read whole: it changes with each move below
	while IFS=: read -r _ controllers path; do
		tree=/sys/fs/cgroup/${controllers#name=}
		if [ -z "$controllers" ] && [ -d /sys/fs/cgroup/unified ]; then tree=/sys/fs/cgroup/unified; fi
		[ -f "$tree/cgroup.procs" ] || continue
		group=${tree%/}${path%/}/$2
		mkdir -p "$group"
		echo "$group" >>"$1/cgroups"
		# A legacy cpuset takes no process before it knows its cores and memory.
		for knob in cpuset.cpus cpuset.mems; do
			[ ! -e "$group/$knob" ] || cat "$group/../$knob" >"$group/$knob" 2>/dev/null || true
		done
		echo $BASHPID >"$group/cgroup.procs"
	done <<<"$own"
}

remove_cgroups() {
	local group
	while read -r group; do
		[ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
	done < <(cat "$run/hosts/$1/cgroups" 2>/dev/null)
	rm -f "$run/hosts/$1/cgroups"
}

# Notes the pid, seen from here, of the host's init: the child of nspawn that is 1 in its own namespace.
note_init() {
	local pid
	for pid in $(pgrep -P "$2"); do
		if grep -qs '^NSpid:.*[[:space:]]1$' "/proc/$pid/status"; then
			remember "$pid" "$run/hosts/$1/init"
			return
		fi
	done
	! alive "$run/hosts/$1/nspawn"
}

inside() {
	local init=$run/hosts/$1/init
	alive "$init" || die "$1 is off"
	shift
	nsenter --target "$(cut -d' ' -f1 "$init")" --mount --uts --ipc --net --pid --cgroup --root --wd env -i TERM="${TERM:-dumb}" HOME=/root \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# The power cord. Init takes everything in the host with it; nspawn notices, clears up behind it and ends.
kill_host() {
	local host=$run/hosts/$1
	end "$host/pid"
	end "$host/init"
	wait_until 3 gone "$host/nspawn" || true
	end "$host/nspawn"
	ip link delete "$(veth "$1")" 2>/dev/null || true
	remove_cgroups "$1"
}

stop_host() {
	local host=$run/hosts/$1
	if [ "${2:-}" != --now ] && alive "$host/pid"; then
		inside "$1" poweroff >/dev/null 2>&1 || true
		wait_until 20 gone "$host/pid" || say "$1 does not shut down within 20 s; pulling the cord"
	fi
	kill_host "$1"
}

reboot_host() {
	stop_host "$@"
	boot_host "$1"
}

wipe_host() {
	local host=$run/hosts/$1
	kill_host "$1"
	unmount_disk "$1"
	rm -f "$host/disk.img" "$host/filled"
	if [ "${2:-}" = --new-key ]; then
		rm -f "$host/key" "$host/key.pub"
		ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$host/key"
		say "known_hosts keeps the old key of $1; 'lab/lab up' writes the new one"
	fi
	boot_host "$1"
}

remove_host() {
	unmount_disk "$1"
	rm -rf "${run:?}/hosts/$1"
}
