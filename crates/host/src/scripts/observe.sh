# shellcheck shell=sh disable=SC2154,SC2034
# Looking: one pass, as few processes as there can be, nothing written but into the directory on tmpfs. What is found
# is sent as it stands; the operator's side reads it.

order='k3s server_ca agent_ca' asked=$nl services='' packages='' sysctls=''
look_k3s=digest wanted_k3s=- key_k3s=/usr/local/bin/k3s path_k3s=/usr/local/bin/k3s
look_server_ca=meta wanted_server_ca=- key_server_ca=- path_server_ca=/var/lib/rancher/k3s/server/tls/server-ca.crt
look_agent_ca=meta wanted_agent_ca=- key_agent_ca=- path_agent_ca=/var/lib/rancher/k3s/agent/server-ca.crt

# survey_path INDEX meta|digest|text|secret|watched SHA256|- KEY PATH
survey_path() {
	order="$order $1" asked=$asked$4$nl
	eval "look_$1=\$2 wanted_$1=\$3 key_$1=\$4 path_$1=\$5"
}
survey_service() { services="$services $1"; }
survey_packages() { packages=$*; }

# survey_module NAME PATTERN
survey_module() { if module_there "$1" "$2"; then say o module "$1"; fi; }

# survey_sysctl KEY FILE
survey_sysctl() { sysctls="$sysctls$1 $root$2$nl"; }

observed() {
	seen_system
	seen_owned
	seen_files "$1"
	seen_services
	seen_packages
	seen_sysctls
	[ "$2" != yes ] || [ ! -f "$root/etc/rancher/k3s/k3s.yaml" ] || {
		hex "$root/etc/rancher/k3s/k3s.yaml"
		tell 'o kubeconfig' "$text"
	}
	reply observed
}

seen_system() {
	detect_init
	case $init in
	systemd) ;;
	*) [ -d "$root/run/openrc" ] || [ -x "$root/sbin/openrc-run" ] || fault unsupported 'neither systemd nor OpenRC runs here' ;;
	esac
	say o init "$init"
	for s_tool in apt-get dnf apk; do
		if command -v $s_tool >/dev/null; then say o packages $s_tool && break; fi
	done
	for s_tool in curl wget; do
		if command -v $s_tool >/dev/null; then say o fetcher $s_tool && break; fi
	done
	[ -r "$root/proc/sys/kernel/arch" ] || say o machine "$(uname -m)"
	[ ! -e "$root/usr/share/selinux/packages/k3s.pp" ] || say o selinux-policy
	[ ! -L "$root/run/openrc/started/firewalld" ] || say o firewalld
	[ ! -d "$root/var/lib/rancher/k3s/server/db/etcd/member" ] || say o etcd
	[ ! -f "$root/var/lib/rancher/k3s/server/db/etcd/tombstone" ] || say o removed
	[ ! -f "$root/var/lib/rancher/k3s/server/db/state.db" ] || say o sqlite
	[ ! -f "$root/etc/rancher/node/password" ] || say o node-password "$(stat -c %Y "$root/etc/rancher/node/password")"
	if command -v ip >/dev/null; then
		tell 'o ip' "$(ip -o addr show scope global)"
	else
		texts /proc/net/fib_trie /proc/net/route /proc/net/if_inet6
	fi
	s_disk=/var/lib/rancher
	while [ ! -d "$root$s_disk" ]; do s_disk=${s_disk%/*}; done
	tell 'o df' "$(df -Pk "$root$s_disk/.")"
	seen_clock
	# shellcheck disable=SC2046 # one word each
	texts /etc/os-release $([ -f "$root/etc/os-release" ] || echo /usr/lib/os-release) /etc/machine-id \
		/proc/sys/kernel/hostname /proc/sys/kernel/arch /proc/sys/kernel/random/boot_id /proc/uptime /proc/meminfo \
		/proc/swaps /proc/cgroups /sys/fs/cgroup/cgroup.controllers /sys/fs/selinux/enforce /etc/ufw/ufw.conf /etc/ssh/sshd_config \
		/var/lib/coracle/cluster /var/lib/coracle/owned /var/lib/coracle/guard/armed /var/lib/coracle/guard/firing /var/lib/coracle/stamps/* \
		/etc/rancher/k3s/config.yaml /etc/rancher/k3s/config.yaml.d/*.yaml /etc/rancher/k3s/config.yaml.d/*.yml \
		/etc/rancher/k3s/*.env /etc/default/k3s /etc/default/k3s-agent /etc/sysconfig/k3s /etc/sysconfig/k3s-agent \
		/usr/lib/systemd/system/k3s*.service /usr/local/lib/systemd/system/k3s*.service /etc/systemd/system/k3s*.service \
		/etc/systemd/system/k3s*.service.d/*.conf /etc/systemd/system/k3s*.service.env /etc/init.d/k3s* \
		/var/lib/rancher/k3s/server/tls/server-ca.crt /var/lib/rancher/k3s/agent/server-ca.crt /var/lib/coracle/integrity
}

# texts PATTERN…: all of them by one process. A pattern that nothing answers to is no file either.
texts() {
	x_count=$#
	set +f
	while [ "$x_count" -gt 0 ]; do
		for x_file in "$root"$1; do
			case $x_file in *"$nl"*) continue ;; esac
			if [ -f "$x_file" ] && [ -r "$x_file" ]; then set -- "$@" "$x_file"; fi
		done
		shift
		x_count=$((x_count - 1))
	done
	set -f
	[ $# = 0 ] || awk -v p="$n o" -v skip="${#root}" '
		FNR == 1 { print p " t " substr(FILENAME, skip + 1) }
		{ print p " | " $0 }
	' "$@" >&3
}

# Whether the clock is kept in step, from whoever keeps it.
seen_clock() {
	if [ -d "$root/run/systemd/timesync" ]; then
		if [ -e "$root/run/systemd/timesync/synchronized" ]; then say o clock yes; else say o clock no; fi
	elif [ -d "$root/run/chrony" ] && command -v chronyc >/dev/null; then
		case $(chronyc -c tracking 2>/dev/null) in *,Normal) say o clock yes ;; *,*) say o clock no ;; esac
	elif command -v adjtimex >/dev/null; then
		case $(adjtimex 2>/dev/null) in
		*'not synchronized'* | *unsynchronized*) say o clock no ;;
		*synchronized*) say o clock yes ;;
		esac
	fi
}

# Whatever is owned or watched is looked at too, asked for or not.
seen_owned() {
	f_record=/dev/null f_watch=/dev/null
	[ ! -f "$state/record" ] || f_record=$state/record
	[ ! -f "$state/integrity" ] || f_watch=$state/integrity
	o_count=0
	if [ -f "$state/owned" ]; then
		live_owned >"$d/live"
		while IFS='|' read -r _ o_key o_flag _; do
			unescape "${o_key#*:}"
			o_count=$((o_count + 1))
			case $o_key in
			file:*) if [ "$o_flag" = s ]; then o_look=secret; else o_look=digest; fi ;;
			dir:* | mode:*) o_look=meta ;;
			*) o_look='' ;;
			esac
			case $o_key in service:*) services="$services $plain" ;; esac
			case $asked in *"$nl${o_key#*:}$nl"*) o_look='' ;; esac
			[ -z "$o_look" ] || survey_path "x$o_count" $o_look - "${o_key#*:}" "$plain"
		done <"$d/live"
	fi
	while IFS='|' read -r o_key _; do
		unescape "$o_key"
		o_count=$((o_count + 1))
		survey_path "w$o_count" watched - "$o_key" "$plain"
	done <"$f_watch"
}

# unescape KEY: sets plain to the path that it stands for.
unescape() {
	plain=$1
	case $1 in *\\*) plain=$(printf '%b.' "$1") && plain=${plain%.} ;; esac
}

# seen_files yes|no: whether every file is hashed again. Otherwise the record is believed while inode, size and times
# are what they were. A file that goes while it is looked at makes the look begin again.
seen_files() {
	if [ "$1" = yes ]; then f_record=/dev/null f_watch=/dev/null; fi
	for _ in 1 2 3; do
		if look_at_all && hash_unknown && show_texts; then
			seen_version
			return
		fi
	done
	fail command "looking at files: $(tail -n 1 "$d/log")"
}

look_at_all() {
	: >"$d/now" && : >"$d/looks" && : >"$d/unknown" && : >"$d/differ"
	set --
	for f_index in $order; do
		eval "f_look=\$look_$f_index f_wanted=\$wanted_$f_index f_key=\$key_$f_index f_path=\$root\$path_$f_index"
		if [ -L "$f_path" ] && [ "$f_look" != watched ]; then
			tell "o f $f_index|$f_key|link" "$(readlink "$f_path")"
		elif [ -f "$f_path" ]; then
			printf '%s|file|%s|%s|%s\n' "$f_index" "$f_look" "$f_wanted" "$f_key" >>"$d/looks"
			set -- "$@" "$f_path"
		elif [ -d "$f_path" ]; then
			printf '%s|dir|meta|-|%s\n' "$f_index" "$f_key" >>"$d/looks"
			set -- "$@" "$f_path"
		elif [ -e "$f_path" ]; then
			say o f "$f_index|$f_key|special"
		else
			say o f "$f_index|$f_key|absent"
		fi
	done
	printf 'now|now|meta|-|-\n' >>"$d/looks"
	stat -c '%a|%u|%g|%U|%G|%s|%i|%y|%z|%Y' "$@" "$d/now" >"$d/stats" || return 1
	judge
}

judge() {
	awk -F '|' -v p="$n o" -v unknown="$d/unknown" -v differ="$d/differ" '
		FILENAME == ARGV[1] { row[FNR] = $0; next }
		FILENAME != ARGV[4] { known[$1 "|" $2 "|" $3 "|" $4 "|" $5] = $6; keyed[$1 "|" $2 "|" $3 "|" $4 "|" $5] = $7; next }
		{
			split(row[FNR], want, "|")
			if (want[2] == "now") { print p " now " $10; next }
			line = want[1] "|" want[5] "|" want[2] "|" $1 "|" $2 "|" $3 "|" $4 "|" $5 "|" $6
			id = want[5] "|" $6 "|" $7 "|" $8 "|" $9
			open = $6 <= 65536 && substr($1, length($1)) ~ /[4567]/
			if (want[3] == "meta") print p " f " line "|-"
			else if (want[3] != "secret" && (id in known)) {
				print p " f " line "|d|" known[id]
				if (want[3] == "text" && want[4] != known[id] && (open || ($6 <= 65536 && keyed[id] == "-"))) print want[1] >differ
			}
			else if (want[3] == "secret" && length(keyed[id]) == 64)
				print p " f " line "|k|" keyed[id] "|" (want[4] == "-" ? "-" : want[4] == known[id])
			else { print p " f " line "|-"; print want[1] "|" want[3] "|" want[4] "|" open >unknown }
		}
	' "$d/looks" "$f_record" "$f_watch" "$d/stats" >&3
}

# What the record does not vouch for.
hash_unknown() {
	[ -s "$d/unknown" ] || return 0
	set --
	h_secret=''
	while IFS='|' read -r h_index h_look _; do
		eval "set -- \"\$@\" \"\$root\$path_$h_index\""
		[ "$h_look" != secret ] || h_secret=1
	done <"$d/unknown"
	sha256sum "$@" >"$d/sums" || return 1
	: >"$d/keyed"
	if [ -n "$h_secret" ]; then
		awk -F '|' 'FILENAME == ARGV[1] { look[FNR] = $2; next } look[FNR] == "secret" { sub(/^\\/, ""); print substr($0, 1, 64) }' \
			"$d/unknown" "$d/sums" >"$d/plain"
		key_all "$d/plain"
	fi
	awk -F '|' -v p="$n o" -v differ="$d/differ" '
		FILENAME == ARGV[1] { row[FNR] = $0; next }
		FILENAME == ARGV[2] { keyed[FNR] = $0; next }
		{
			sub(/^\\/, ""); sum = substr($0, 1, 64); split(row[FNR], want, "|")
			if (want[2] == "text" && want[4] == 1 && sum != want[3]) print want[1] >>differ
			if (want[2] != "secret") print p " h " want[1] "|d|" sum
			else print p " h " want[1] "|k|" keyed[++k] "|" (want[3] == "-" ? "-" : want[3] == sum)
		}
	' "$d/unknown" "$d/keyed" "$d/sums" >&3
}

# Texts of public files that are not as they are wanted, for people to compare.
show_texts() {
	[ -s "$d/differ" ] || return 0
	set --
	while read -r x_index; do
		eval "set -- \"\$@\" \"\$root\$path_$x_index\""
	done <"$d/differ"
	awk -v p="$n o" -v skip="${#root}" '
		FNR == 1 { print p " x " substr(FILENAME, skip + 1) }
		{ print p " | " $0 }
	' "$@" >&3
}

# The version is asked of the binary only when it is not the one whose answer was remembered.
seen_version() {
	[ -x "$root/usr/local/bin/k3s" ] || return 0
	IFS='|' read -r _ _ _ _ _ v_size v_inode v_mtime v_ctime _ <"$d/stats"
	v_known=''
	{ IFS='|' read -r v_a v_b v_c v_d v_known <"$state/version"; } 2>/dev/null
	if [ -z "$v_known" ] || [ "$v_a|$v_b|$v_c|$v_d" != "$v_size|$v_inode|$v_mtime|$v_ctime" ]; then
		v_known=$(timeout 20 "$root/usr/local/bin/k3s" --version 3>&- 2>/dev/null)
	fi
	tell 'o version' "$v_known"
}

seen_services() {
	if [ "$init" = openrc ]; then
		for s_name in $services; do
			service_look "$s_name"
			say o service "$s_name" "$known" "$enabled" "$active"
		done
		return
	fi
	set --
	for s_name in $services firewalld; do
		unit_of "$s_name"
		say o u "$s_name"
		set -- "$@" "$unit"
	done
	tell 'o units' "$(systemctl show --no-pager -p LoadState -p ActiveState -p UnitFileState -- "$@" 3>&-)"
}

seen_packages() {
	[ -n "$packages" ] || return 0
	for s_tool in apt-get dnf apk; do
		if command -v $s_tool >/dev/null; then
			# shellcheck disable=SC2086 # package names have no blanks
			tell 'o installed' "$(installed ${s_tool%-get} $packages 3>&-)"
			return
		fi
	done
}

# All by one process, which reads each in one go: read a byte at a time, as shells do, the kernel gives the first digit alone.
seen_sysctls() {
	[ -z "$sysctls" ] || printf '%s' "$sysctls" | awk -v p="$n o sysctl" '{
		key = $1; sub(/^[^ ]* /, "")
		if ((getline value <$0) > 0) { gsub(/[ \t]+/, " ", value); sub(/^ /, "", value); sub(/ $/, "", value); print p " " key " " value }
		close($0)
	}' >&3
}
