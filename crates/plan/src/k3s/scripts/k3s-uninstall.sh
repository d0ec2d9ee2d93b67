#!/bin/sh
# Written by coracle; changes here are lost.
# Removes k3s and its data from this host. Nothing leaves etcd by itself: take the node out of the cluster first, or
# use `coracle destroy`, which does both in the right order.
set -u

if [ "$(id -u)" -ne 0 ]; then
    echo "@SERVICE@-uninstall.sh: must run as root" >&2
    exit 1
fi
data=${K3S_DATA_DIR:-/var/lib/rancher/k3s}

/usr/local/bin/k3s-killall.sh

if command -v systemctl >/dev/null 2>&1; then
    systemctl disable @SERVICE@ 2>/dev/null
    rm -f /etc/systemd/system/@SERVICE@.service /etc/systemd/system/@SERVICE@.service.env
    systemctl reset-failed @SERVICE@ 2>/dev/null
    systemctl daemon-reload
fi
if command -v rc-update >/dev/null 2>&1; then
    rc-update delete @SERVICE@ default 2>/dev/null
    rm -f /etc/init.d/@SERVICE@ /etc/logrotate.d/@SERVICE@
fi

for name in kubectl crictl ctr; do
    if [ "$(readlink "/usr/local/bin/$name" 2>/dev/null)" = k3s ]; then
        rm -f "/usr/local/bin/$name"
    fi
done
# What is mounted inside is emptied, never unmounted and lost.
empty() {
    [ -d "$1" ] || return 0
    find "$1" -xdev -depth -mindepth 1 ! -type d -exec rm -f {} +
    find "$1" -xdev -depth -type d -exec rmdir {} \; 2>/dev/null
    return 0
}
empty "$data"
empty /var/lib/kubelet
rm -rf /etc/rancher/k3s /etc/rancher/node /run/k3s /run/flannel
rm -f /usr/local/bin/k3s /usr/local/bin/k3s-killall.sh
rm -f "/usr/local/bin/@SERVICE@-uninstall.sh"
