#!/bin/sh
# Written by coracle; changes here are lost.
# Stops k3s and everything it started, and clears the mounts, network interfaces and packet rules that it left.
# The cluster's data stays.
set -u

if [ "$(id -u)" -ne 0 ]; then
    echo "k3s-killall.sh: must run as root" >&2
    exit 1
fi
data=${K3S_DATA_DIR:-/var/lib/rancher/k3s}

for unit in /etc/systemd/system/k3s*.service; do
    [ -e "$unit" ] || continue
    systemctl stop "$(basename "$unit" .service)"
done
for script in /etc/init.d/k3s*; do
    [ -x "$script" ] || continue
    "$script" stop
done

# Container shims are children of init, not of k3s: find them by the binary they run, and take their children along.
children() {
    for child in $(ps -e -o ppid= -o pid= 2>/dev/null | awk -v parent="$1" '$1 == parent { print $2 }'); do
        echo "$child"
        children "$child"
    done
}
for exe in /proc/[0-9]*/exe; do
    target=$(readlink "$exe" 2>/dev/null) || continue
    case $target in
        "$data"/data/*/bin/containerd-shim*) ;;
        *) continue ;;
    esac
    shim=${exe#/proc/}
    shim=${shim%/exe}
    tree="$shim $(children "$shim")"
    # shellcheck disable=SC2086 # a list of process ids
    kill -9 $tree 2>/dev/null
done

# Deepest mounts first, so that none hides another.
awk '{ print $2 }' /proc/self/mounts | sort -r | while IFS= read -r at; do
    case $at in
        /run/k3s | /run/k3s/* | /var/lib/kubelet/pods/* | /var/lib/kubelet/plugins/* | /run/netns/cni-*)
            umount -f "$at" 2>/dev/null || umount -l "$at" 2>/dev/null
            case $at in
                /run/k3s* | /run/netns/cni-*) rm -rf "$at" 2>/dev/null ;;
            esac
            ;;
    esac
done

if command -v ip >/dev/null 2>&1; then
    ip netns list 2>/dev/null | awk '/^cni-/ { print $1 }' | while read -r space; do
        ip netns delete "$space"
    done
    ip -o link show master cni0 2>/dev/null | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }' | while read -r link; do
        ip link delete "$link"
    done
    for link in cni0 flannel.1 flannel-v6.1 kube-ipvs0 flannel-wg flannel-wg-v6; do
        ip link delete "$link" 2>/dev/null
    done
fi
rm -rf /var/lib/cni

for family in iptables ip6tables; do
    command -v "$family-save" >/dev/null 2>&1 || continue
    "$family-save" 2>/dev/null | grep -v -e KUBE- -e CNI- -e flannel | "$family-restore" 2>/dev/null
done
exit 0
