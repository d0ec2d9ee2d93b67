# shellcheck shell=bash disable=SC2154 # bin, bases, run, lab_*: set by lab/lab
# Faults from outside a host: packets dropped on the bridge, a disk without space.

# $run/cuts holds one pair a line; the table is always the whole file, loaded in one transaction.
cut_link() {
	local other=${2:-all}
	case $other in all | operator) ;; *) [ -d "$run/hosts/$other" ] || die "no host '$other' in this lab" ;; esac
	echo "$1 $other" >>"$run/cuts"
	load_cuts
}

heal() {
	if [ $# = 0 ]; then : >"$run/cuts"; else sed -i "/^$1 /d; / $1\$/d" "$run/cuts" 2>/dev/null || true; fi
	load_cuts
}

# Bridge-family hooks, not a link down: the host keeps its carrier and address, and a reboot does not heal it.
load_cuts() {
	local table hook one other
	table=$(bridge)
	{
		printf 'table bridge %s\ndelete table bridge %s\ntable bridge %s {\n' "$table" "$table" "$table"
		for hook in forward input output; do
			printf 'chain %s {\ntype filter hook %s priority 0;\n' "$hook" "$hook"
			while read -r one other; do cut_rules "$hook" "$(veth "$one")" "$other"; done < <(cat "$run/cuts" 2>/dev/null)
			printf '}\n'
		done
		printf '}\n'
	} | nft -f -
}

cut_rules() { # HOOK VETH OTHER
	case $1/$3 in
	forward/all) printf 'iifname "%s" drop\noifname "%s" drop\n' "$2" "$2" ;;
	input/all | input/operator) printf 'iifname "%s" drop\n' "$2" ;;
	output/all | output/operator) printf 'oifname "%s" drop\n' "$2" ;;
	forward/operator | input/* | output/*) ;;
	forward/*) printf 'iifname "%s" oifname "%s" drop\niifname "%s" oifname "%s" drop\n' "$2" "$(veth "$3")" "$(veth "$3")" "$2" ;;
	esac
}

# Takes the free space from beside the host's files, where the host cannot see or remove what fills it.
fill() {
	local disk=$run/hosts/$1/disk leave=${2:-0} free
	rm -f "$disk"/filler*
	sync -f "$disk"
	free=$(($(df --output=avail --block-size=1K "$disk" | tail -n 1) - leave))
	((free > 0)) || return 0
	fallocate -l "$((free > 4096 ? free - 4096 : free))K" "$disk/filler" 2>/dev/null || true
	[ "$leave" != 0 ] || cat /dev/zero >"$disk/filler.rest" 2>/dev/null || true
}

unfill() { rm -f "$run/hosts/$1/disk"/filler*; }
