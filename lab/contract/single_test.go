package contract

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

const serverDir = "/var/lib/rancher/k3s/server"

// TestOneServer is the story of one server: founded on sqlite, looked at, killed, restarted, moved to etcd, wiped.
func TestOneServer(t *testing.T) {
	needsCluster(t)
	m := newMachine(t, "solo", 10)
	m.write("/etc/rancher/k3s/config.yaml", "token: boop\nnode-name: other\nnode-label: [foo=bar, bar=baz]\n")
	m.write("/etc/rancher/k3s/config.yaml.d/10.yaml", "write-kubeconfig-mode: \"600\"\nnode-taint: ['alice=bob:NoExecute']\n")
	m.write("/etc/rancher/k3s/config.yaml.d/20.yaml", "write-kubeconfig-mode: \"640\"\nnode-name: solo\nnode-label: [other=what, foo=three]\nnode-taint+: ['charlie=delta:NoSchedule']\n")
	m.write("/etc/rancher/k3s/config.yaml.d/ignored.txt", "flannel-backend: none\n")
	m.write("/etc/rancher/k3s/config.yaml.d/50-coracle.yaml", "flannel-backend: none\ndisable-network-policy: true\ntls-san: [cluster.example, 192.0.2.7]\nnode-external-ip: 198.51.100.10\n")
	m.up("server")

	t.Run("ready is said only when the API answers", func(t *testing.T) {
		if code, body := m.api().do(http.MethodGet, "/readyz", ""); code != http.StatusOK {
			t.Errorf("/readyz: %d %s", code, body)
		}
	})
	t.Run("configuration is merged by key, later files replace, plus appends", func(t *testing.T) {
		m := m.in(t)
		m.sees("solo", "Ready", "False")
		n, found := m.api().node("solo")
		if !found {
			t.Fatal("no Node named solo")
		}
		if l := n.Metadata.Labels; l["other"] != "what" || l["foo"] != "three" || l["bar"] != "" {
			t.Errorf("labels: %v", l)
		}
		taints := fmt.Sprint(n.Spec.Taints)
		if !strings.Contains(taints, "alice") || !strings.Contains(taints, "charlie") {
			t.Errorf("taints: %s", taints)
		}
		if args := n.Metadata.Annotations["k3s.io/node-args"]; !strings.Contains(args, "640") || strings.Contains(args, "boop") {
			t.Errorf("node-args: %s", args)
		}
		if info, err := os.Stat(m.path("/etc/rancher/k3s/k3s.yaml")); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("kubeconfig: %v %v", info, err)
		}
	})
	t.Run("without cluster-init and server it keeps its data in sqlite", func(t *testing.T) {
		if !m.has(serverDir+"/db/state.db") || m.has(serverDir+"/db/etcd/member") {
			t.Error("state.db is missing or etcd's directory is there")
		}
	})
	t.Run("the token on disk is in the full form, with the hash of the CA file", func(t *testing.T) {
		sum := sha256.Sum256([]byte(m.read(serverDir + "/tls/server-ca.crt")))
		wanted := "K10" + hex.EncodeToString(sum[:]) + "::server:boop\n"
		if got := m.read(serverDir + "/token"); got != wanted {
			t.Errorf("token is %q, not %q", got, wanted)
		}
		if _, cacerts := m.supervisor("", "", "/cacerts"); cacerts != m.read(serverDir+"/tls/server-ca.crt") {
			t.Error("/cacerts is not the CA file")
		}
	})
	t.Run("without an agent token both token names are links to the server token", func(t *testing.T) {
		for _, name := range []string{"node-token", "agent-token"} {
			if target, err := os.Readlink(m.path(serverDir + "/" + name)); err != nil || target != serverDir+"/token" && target != "token" {
				t.Errorf("%s: %q %v", name, target, err)
			}
		}
	})
	t.Run("the kubeconfig names 127.0.0.1 and default", func(t *testing.T) {
		config := m.read("/etc/rancher/k3s/k3s.yaml")
		for _, line := range []string{"server: https://127.0.0.1:6443", "name: default", "current-context: default"} {
			if !strings.Contains(config, line) {
				t.Errorf("no %q", line)
			}
		}
	})
	t.Run("the API refuses strangers, and ping and cacerts do not", func(t *testing.T) {
		if code, _ := m.supervisor("", "", "/readyz"); code != http.StatusUnauthorized {
			t.Errorf("/readyz without credentials: %d", code)
		}
		if code, body := m.supervisor("", "", "/ping"); code != http.StatusOK || strings.TrimSpace(body) != "pong" {
			t.Errorf("/ping: %d %q", code, body)
		}
	})
	t.Run("tls-san and the addresses are in the certificate", func(t *testing.T) {
		for _, name := range []string{"cluster.example", "192.0.2.7", m.ip, "127.0.0.1", "kubernetes.default.svc"} {
			if err := verifies(m, name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("the Node names its addresses, release and role", func(t *testing.T) {
		m := m.in(t)
		var n kubeNode
		within(t, 60*time.Second, "the Node has its role, and addresses, which the cloud controller gives it in its own time", func() (bool, string) {
			n, _ = m.api().node("solo")
			return n.Metadata.Labels["node-role.kubernetes.io/control-plane"] == "true" && len(n.Status.Addresses) > 0, fmt.Sprint(n.Metadata.Labels, n.Status.Addresses)
		})
		addresses := fmt.Sprint(n.Status.Addresses)
		if !strings.Contains(addresses, "InternalIP "+m.ip) || !strings.Contains(addresses, "ExternalIP 198.51.100.10") {
			t.Errorf("addresses: %s", addresses)
		}
		if !strings.Contains(n.Status.NodeInfo.KubeletVersion, "+k3s") {
			t.Errorf("%v", n.Status.NodeInfo)
		}
	})
	t.Run("with flannel-backend none the Node waits for a CNI", func(t *testing.T) {
		m.in(t).sees("solo", "Ready", "False KubeletNotReady")
	})
	t.Run("a CNI's configuration makes it Ready", func(t *testing.T) {
		needsStandin(t, "k3s needs a CNI that works")
		m := m.in(t)
		m.write("/etc/cni/net.d/10-test.conflist", "{}\n")
		m.sees("solo", "Ready", "True")
	})
	t.Run("its children die with it", func(t *testing.T) {
		m.kill()
		within(t, 10*time.Second, "no process holds the ports any more", func() (bool, string) {
			out := output("ip", "netns", "exec", m.ns, "ss", "-ltn")
			return !strings.Contains(out, ":6443") && !strings.Contains(out, ":6444") && !strings.Contains(out, ":2379"), out
		})
	})
	t.Run("a restart with another token is refused", func(t *testing.T) {
		m := m.in(t)
		m.write("/etc/rancher/k3s/config.yaml.d/60.yaml", "token: different\n")
		m.refuses("server", "different token")
		m.must("rm", m.path("/etc/rancher/k3s/config.yaml.d/60.yaml"))
	})
	t.Run("cluster-init moves sqlite to etcd and keeps the data", func(t *testing.T) {
		m := m.in(t)
		m.must("mkdir", "-p", m.path("/etc/rancher/k3s/config.yaml.d"))
		m.write("/etc/rancher/k3s/config.yaml.d/60.yaml", "cluster-init: true\n")
		m.up("server")
		if _, found := m.api().node("solo"); !found {
			t.Error("the Node is gone")
		}
		if !m.has(serverDir + "/db/etcd/member/wal") {
			t.Error("no etcd data")
		}
		m.sees("solo", "EtcdIsVoter", "True MemberNotLearner")
		m.stop()
		m.must("rm", m.path("/etc/rancher/k3s/config.yaml.d/60.yaml"))
	})
	t.Run("etcd data on disk decides, without cluster-init and server", func(t *testing.T) {
		m := m.in(t)
		m.up("server")
		m.seesMembers("solo voter")
	})
	t.Run("wiped, without cluster-init and server, it founds another cluster", func(t *testing.T) {
		m := m.in(t)
		before := m.read(serverDir + "/tls/server-ca.crt")
		m.wipe()
		m.up("server")
		if after := m.read(serverDir + "/tls/server-ca.crt"); after == before || after == "" {
			t.Error("the same CA as before")
		}
	})
	t.Run("wiped, with server but without a token, it founds another cluster too", func(t *testing.T) {
		foundsWithoutToken(t, m.in(t))
	})
}

// foundsWithoutToken: a joining server whose token is missing, or whose token file is empty, is no joining server.
func foundsWithoutToken(t *testing.T, m *machine) {
	m.wipe()
	m.write("/etc/rancher/k3s/empty", "\n")
	m.write("/etc/rancher/k3s/config.yaml.d/60.yaml", "server: https://10.99.0.77:6443\ntoken: \"\"\ntoken-file: /etc/rancher/k3s/empty\n")
	m.up("server")
	if !m.has(serverDir+"/db/state.db") || m.has(serverDir+"/db/etcd/member") {
		t.Error("state.db is missing or etcd's directory is there")
	}
}

// in is the machine inside a subtest, so that a failure ends that one.
func (m *machine) in(t *testing.T) *machine {
	m.t = t
	return m
}

func verifies(m *machine, name string) error {
	a := m.api()
	settings := a.client.Transport.(*http.Transport).TLSClientConfig.Clone()
	settings.ServerName = name
	connection, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", m.ip+":6443", settings)
	if err == nil {
		connection.Close()
	}
	return err
}
