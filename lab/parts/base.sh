# shellcheck shell=bash disable=SC2154 # bin, bases, run, lab_*: set by lab/lab
# The Debian trees under the hosts: built once with mmdebstrap, then only read. Nothing here knows of a running lab.

release=bookworm
debian=${CORACLE_LAB_DEBIAN:-http://deb.debian.org/debian}
everywhere=openssh-server,sudo,opendoas,iproute2,iptables,nftables,ca-certificates,kmod,procps,logrotate,curl,wget,netbase,iputils-ping,cron,ifupdown
# What apt finds inside the hosts, which have no other network: small packages with all that they depend on.
offered='tree jq chrony auditd bash-completion b3sum conntrack ipset socat nfs-common wireguard-tools'

init_of() { case ,$1, in *,openrc,*) echo openrc ;; *) echo systemd ;; esac; }

# Builds the trees that these NAME:TRAITS lines stand on.
bases_for() {
	local init
	for init in $(while IFS=: read -r _ traits; do init_of "$traits"; done <<<"$1" | sort -u); do
		[ -f "$(base_of "$init")/built" ] || build_base "$init"
	done
}

# A tree is named by its recipe, this file: a changed recipe makes another tree and never alters one that a host stands on.
base_of() { echo "$bases/$1-$(sha256sum "$lab_root/parts/base.sh" | cut -c1-12)"; }

build_base() {
	local init=$1 base packages=$everywhere start=$SECONDS
	base=$(base_of "$init")
	mkdir -p "$bases"
	exec 8>"$bases/.lock"
	flock 8
	if [ -f "$base/built" ]; then exec 8>&-; return; fi
	say "building the $init tree with mmdebstrap (half a minute to two, once)"
	prune_bases "$init"
	rm -rf "$base"
	mkdir -p "$base/repo"
	case $init in
	systemd) packages+=,systemd,systemd-sysv,dbus,libpam-systemd,systemd-timesyncd ;;
	openrc) packages+=,sysvinit-core,openrc,busybox,rsyslog ;;
	esac
	mmdebstrap --mode=root --variant=minbase --quiet --include="$packages" \
		--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook="APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG apt-get -qq --download-only --yes install $offered" \
		--customize-hook="cp \$1/var/cache/apt/archives/*.deb $base/repo/" \
		"$release" "$base/tree" "$debian" >&2 8>&- 9>&- || die "mmdebstrap failed; is $debian reached?"
	finish_tree "$base/tree"
	"finish_$init" "$base/tree"
	index_repo "$base/repo"
	touch "$base/built"
	say "built in $((SECONDS - start)) s"
	exec 8>&-
}

# Trees of earlier recipes, unless a host stands on them.
prune_bases() {
	local old
	for old in "$bases/$1"-*; do
		grep -qsF "lowerdir=$old/" /proc/mounts || rm -rf "$old"
	done
}

# Users and ways to become root, the same on every host. Passwords and keys come when a host is made.
finish_tree() {
	local tree=$1 user
	for user in ops opspw; do chroot "$tree" useradd --create-home --shell /bin/bash "$user"; done
	printf 'ops ALL=(ALL) NOPASSWD: ALL\nopspw ALL=(ALL) ALL\n' >"$tree/etc/sudoers.d/coracle-lab"
	chmod 0440 "$tree/etc/sudoers.d/coracle-lab"
	printf 'permit nopass ops\npermit persist opspw\npermit nopass root\n' >"$tree/etc/doas.conf"
	chmod 0400 "$tree/etc/doas.conf"
	rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/machine-id" "$tree/var/lib/dbus/machine-id"
	rm -rf "$tree/var/lib/apt/lists" "$tree"/var/cache/apt/*.bin "$tree"/etc/apt/sources.list*
	mkdir -p "$tree/opt/coracle-lab" "$tree/var/lib/apt/lists/partial"
}

finish_systemd() {
	local tree=$1
	: >"$tree/etc/machine-id"
	# A real kubelet needs the legacy cgroup controllers writable, which nspawn mounts read-only.
	cat >"$tree/etc/systemd/system/lab-cgroups.service" <<-'UNIT'
		[Unit]
		Description=Make cgroup controllers writable for a kubelet
		[Service]
		Type=oneshot
		ExecStart=/bin/sh -c 'for c in /sys/fs/cgroup/*/; do mount -o remount,bind,rw "$c" 2>/dev/null || true; done'
		[Install]
		WantedBy=multi-user.target
	UNIT
	# The kernel's log is the whole machine's: a host's journal would be filled by its neighbours.
	install -d "$tree/etc/systemd/journald.conf.d"
	printf '[Journal]\nReadKMsg=no\n' >"$tree/etc/systemd/journald.conf.d/lab.conf"
	systemctl --root="$tree" --quiet enable ssh.service networking.service lab-cgroups.service
	systemctl --root="$tree" --quiet mask console-getty.service getty.target \
		apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service
}

finish_openrc() {
	local tree=$1 service
	ln -sf busybox "$tree/bin/sh"
	sed -i '/getty/d' "$tree/etc/inittab"
	# The clock and the mounts are this machine's: an unmount at shutdown would leave the disk read-only for the next boot.
	for service in hwclock.sh checkroot.sh checkfs.sh umountroot umountfs; do rm -f "$tree"/etc/runlevels/*/$service; done
}

# A flat apt repository: one stanza for each package file, made of the package's own control data.
index_repo() {
	local deb
	for deb in "$1"/*.deb; do
		dpkg-deb --field "$deb"
		printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$(basename "$deb")" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
	done >"$1/Packages"
	{
		printf 'Origin: coracle-lab\nSuite: %s\nArchitectures: amd64 arm64\nDate: %s\nSHA256:\n' "$release" "$(date -Ru)"
		printf ' %s %s Packages\n' "$(sha256sum "$1/Packages" | cut -d' ' -f1)" "$(stat -c %s "$1/Packages")"
	} >"$1/Release"
}
