# shellcheck shell=sh disable=SC2154,SC2034
# Packages, from the host's own sources. Nothing is asked, and the tool's own lock is waited for.

# installed TOOL NAME…: prints `installed NAME` for each that is.
installed() {
	i_tool=$1
	shift
	case $i_tool in
	apt)
		# shellcheck disable=SC2016 # dpkg's own variables
		dpkg-query -W -f '${db:Status-Status} ${Package}\n' -- "$@" | grep '^installed '
		;;
	dnf) rpm -q --qf 'installed %{NAME}\n' -- "$@" | grep '^installed ' ;;
	apk) apk info -e -- "$@" | sed 's/^/installed /' ;;
	esac 2>/dev/null
}

# lacking TOOL NAME…: sets lacks to those that are not installed.
lacking() {
	i_has=$nl$(installed "$@")$nl
	shift
	lacks=''
	for i_name; do
		case $i_has in *"${nl}installed $i_name$nl"*) ;; *) lacks="$lacks $i_name" ;; esac
	done
}

# install_packages TOOL NAME…
install_packages() {
	lacking "$@"
	if [ -z "$lacks" ]; then
		note nothing
		settled
		return
	fi
	condition
	note nothing
	flush_record
	# shellcheck disable=SC2086 # package names have no blanks
	package_add "$1" $lacks
	lacking "$@"
	[ -z "$lacks" ] || fail command "still not installed:$lacks"
	reply changed
}

package_add() {
	a_tool=$1
	shift
	case $a_tool in
	apt) apt_add "$@" || { apt_do update && apt_add "$@"; } || broke apt-get ;;
	dnf) try dnf -y -q install "$@" ;;
	apk) try apk --quiet --wait 120 --update-cache add "$@" ;;
	esac
}

apt_add() {
	apt_do install --no-install-recommends -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- "$@"
}

apt_do() {
	DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 APT_LISTCHANGES_FRONTEND=none \
		apt-get -y -q -o DPkg::Lock::Timeout=120 "$@" 3>&-
}
