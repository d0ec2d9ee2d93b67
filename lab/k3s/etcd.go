package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// datastore is the real etcd below one server. In sqlite mode the same etcd keeps itself on loopback, without peers: see README.md.
type datastore struct {
	dir, tlsDir, name, ip string
	embedded              bool
	extra                 []string
	api                   *etcdAPI
	process               *child
}

func (d *datastore) peerURL() string   { return "https://" + d.ip + ":2380" }
func (d *datastore) clientURL() string { return "https://" + d.ip + ":2379" }
func (d *datastore) tombstone() string { return filepath.Join(d.dir, "tombstone") }

// hasLog is k3s's own test of «etcd was here»: the write-ahead log's directory.
func hasLog(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "member", "wal"))
	return err == nil && info.IsDir()
}

// setName gives the member its lasting name, <node>-<8 hex>, kept in db/etcd/name as k3s keeps it.
func (d *datastore) setName(node string) error {
	path := filepath.Join(d.dir, "name")
	if content, err := os.ReadFile(path); err == nil {
		d.name = string(content)
		return nil
	}
	d.name = node + "-" + randomHex(4)
	return writeFile(path, []byte(d.name), 0o600)
}

// start runs etcd. cluster is "name=peerURL,…" and state is new or existing; both are without meaning once there is a log.
func (d *datastore) start(cluster, state string) error {
	if err := os.Chmod(d.dir, 0o700); err != nil {
		return err
	}
	clients, peers := "https://127.0.0.1:2379", "https://127.0.0.1:2380"
	if d.embedded {
		clients, peers = clients+","+d.clientURL(), peers+","+d.peerURL()
	}
	file := func(name string) string { return filepath.Join(d.tlsDir, "etcd", name) }
	args := []string{
		"--name=" + d.name, "--data-dir=" + d.dir,
		"--listen-client-urls=" + clients, "--advertise-client-urls=" + d.clientURL(),
		"--listen-peer-urls=" + peers, "--initial-advertise-peer-urls=" + d.peerURL(),
		"--initial-cluster=" + cluster, "--initial-cluster-state=" + state,
		"--client-cert-auth", "--trusted-ca-file=" + file("server-ca.crt"),
		"--cert-file=" + file("server-client.crt"), "--key-file=" + file("server-client.key"),
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + file("peer-ca.crt"),
		"--peer-cert-file=" + file("peer-server-client.crt"), "--peer-key-file=" + file("peer-server-client.key"),
		// k3s has 500 and 5000. etcd waits three such timeouts in a row when a joining member's first words are lost, as they often are.
		"--heartbeat-interval=200", "--election-timeout=2000", "--snapshot-count=10000",
		"--listen-metrics-urls=http://127.0.0.1:2381", "--log-level=warn",
		// Processes are killed here, power is not cut: what the kernel holds is as good as what the disk holds.
		"--unsafe-no-fsync",
	}
	for _, arg := range d.extra {
		args = append(args, "--"+strings.TrimLeft(arg, "-"))
	}
	process, err := startChild("etcd", args, []string{"GOGC=50", "GOMAXPROCS=2"})
	d.process = process
	return err
}

// ended explains why etcd stopped; a member that was removed leaves a tombstone and never comes back with this data.
func (d *datastore) ended() error {
	if d.process.said("permanently removed from the cluster") || d.process.said("data-dir used by this member must be removed") {
		return errors.Join(writeFile(d.tombstone(), nil, 0o600),
			errors.New("This node has been removed from the cluster - please restart k3s to rejoin the cluster"))
	}
	return fmt.Errorf("etcd exited: %v", d.process.err)
}

// bury heeds the tombstone that a removed member left: with `server` its data goes aside and the server joins anew, under a new
// name; without, it does not start (k3s since February 2026; before that it founded a second cluster).
func (d *datastore) bury(server bool) error {
	if _, err := os.Stat(d.tombstone()); err != nil {
		return nil
	}
	if !server {
		return fmt.Errorf("tombstone file has been detected but --server is empty: backup and delete %s to create a new cluster, or set --server to rejoin", filepath.Dir(d.dir))
	}
	logf("info", "tombstone file has been detected, removing %s to rejoin the cluster", d.dir)
	return os.Rename(d.dir, fmt.Sprintf("%s-old-%d", d.dir, time.Now().Unix()))
}

// test is k3s's readiness of the datastore: the local member answers, is a voter, and stands in the member list under its name.
func (d *datastore) test(ctx context.Context) error {
	status, err := d.api.status(ctx)
	if err != nil {
		return err
	}
	if status.IsLearner {
		return errors.New("this server has not yet been promoted from learner to voting member")
	}
	members, err := d.api.members(ctx)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Name == d.name && slices.Contains(m.PeerURLs, d.peerURL()) {
			return nil
		}
	}
	return fmt.Errorf("this server is a not a member of the etcd cluster: expected %s=%s", d.name, d.peerURL())
}

// join adds this server as a learner to the cluster whose members the existing server named, and starts etcd.
func (d *datastore) join(ctx context.Context, node string, known []member) error {
	urls := []string{}
	for _, m := range known {
		urls = append(urls, m.ClientURLs...)
	}
	remote, err := newEtcdAPI(d.tlsDir, urls...)
	if err != nil {
		return err
	}
	return poll(ctx, time.Second, func() (bool, error) {
		err := d.addSelf(ctx, node, remote)
		if err != nil && retryable(err) {
			logf("info", "Waiting for other members to finish joining etcd cluster: %v", err)
			return false, nil
		}
		return err == nil, err
	})
}

func (d *datastore) addSelf(ctx context.Context, node string, remote *etcdAPI) error {
	members, err := remote.members(ctx)
	if err != nil {
		return err
	}
	cluster, add := []string{}, true
	for _, m := range members {
		for _, peer := range m.PeerURLs {
			u, err := url.Parse(peer)
			if err != nil {
				return err
			}
			// A member that was added and has never started has no name yet: with this address it is this server.
			if m.Name == "" && u.Hostname() == d.ip {
				m.Name = d.name
			}
			add = add && !(m.Name == d.name && u.Hostname() == d.ip)
			cluster = append(cluster, m.Name+"="+peer)
		}
		owner := m.Name
		if i := strings.LastIndex(owner, "-"); i > 1 {
			owner = owner[:i]
		}
		if m.Name != d.name && owner == node {
			_ = os.Remove(filepath.Join(d.dir, "name"))
			return errors.New("etcd cluster join failed: duplicate node name found, please use a unique name for this node")
		}
	}
	if add {
		logf("info", "Adding member %s=%s to etcd cluster %v", d.name, d.peerURL(), cluster)
		if err := remote.addLearner(ctx, d.peerURL()); err != nil {
			return fmt.Errorf("etcd cluster join failed: %w", err)
		}
		cluster = append(cluster, d.name+"="+d.peerURL())
	}
	logf("info", "Starting etcd to join cluster with members %v", cluster)
	return d.start(strings.Join(cluster, ","), "existing")
}

// promoteLearners makes voters of the learners that have caught up. Only etcd's leader knows, so only its server does it.
func (d *datastore) promoteLearners(ctx context.Context) {
	_ = poll(ctx, tempo("LEARNER_TICK", 2*time.Second), func() (bool, error) {
		status, err := d.api.status(ctx)
		if err != nil || status.Leader != status.Header.MemberID {
			return false, nil
		}
		members, err := d.api.members(ctx)
		if err != nil {
			return false, nil
		}
		for _, m := range members {
			if m.IsLearner && m.Name != "" {
				if err := d.api.promote(ctx, m.ID); err == nil {
					logf("info", "Promoted etcd learner %s to voting member", m.Name)
				}
			}
		}
		return false, nil
	})
}
