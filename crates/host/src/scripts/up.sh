# shellcheck shell=sh disable=SC2034,SC2154
# Seconds since boot: the only clock that is never set.

now_up() {
	up=0
	read -r up _ <"$root/proc/uptime"
	up=${up%%.*}
}
