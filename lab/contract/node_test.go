package contract

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// machine is one host: its own network namespace, its own /etc and /var/lib, and k3s started by the test.
type machine struct {
	t        *testing.T
	name, ip string
	dir, ns  string
	env      []string
	binary   string
	run      *running
}

// running is one run of k3s on a machine.
type running struct {
	cmd    *exec.Cmd
	log    syncBuffer
	done   chan struct{}
	notify chan struct{}
}

type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newMachine makes a host with the address 10.99.0.NUMBER.
func newMachine(t *testing.T, name string, number int) *machine {
	t.Helper()
	hub := os.Getenv(inside)
	m := &machine{t: t, name: name, ip: fmt.Sprintf("10.99.0.%d", number), ns: fmt.Sprintf("%sn%d", hub, number), binary: k3s}
	m.dir = filepath.Join(t.TempDir(), name)
	veth := fmt.Sprintf("v%d", number)
	for _, line := range []string{
		"netns add " + m.ns, "-n " + m.ns + " link set lo up",
		"link add " + veth + " type veth peer name eth0 netns " + m.ns, "link set " + veth + " master br0 up",
		"-n " + m.ns + " addr add " + m.ip + "/24 dev eth0", "-n " + m.ns + " link set eth0 up",
		// Without `node-ip` k3s finds its address by the default route. This one leads nowhere.
		"-n " + m.ns + " route add default via 10.99.0.254",
	} {
		m.must("ip", strings.Fields(line)...)
	}
	m.must("mkdir", "-p", m.path("/etc"), m.path("/var/lib"), m.path("/var/log"))
	m.must("cp", "-a", "/etc/.", m.path("/etc"))
	m.must("rm", "-rf", m.path("/etc/rancher"), m.path("/etc/cni"))
	if extra := os.Getenv("CORACLE_K3S_CONFIG"); extra != "" && !standin {
		content, err := os.ReadFile(extra)
		if err != nil {
			t.Fatal(err)
		}
		m.write("/etc/rancher/k3s/config.yaml.d/90-machine.yaml", string(content))
	}
	m.env = []string{
		"K3S_STANDIN_LEASE_STALE=8s", "K3S_STANDIN_HEARTBEAT=1s", "K3S_STANDIN_TICK=500ms", "K3S_STANDIN_LEARNER_TICK=500ms", "K3S_STANDIN_FOLLOW=1s",
	}
	t.Cleanup(func() {
		m.kill()
		_ = exec.Command("ip", "netns", "del", m.ns).Run()
	})
	return m
}

// path is where a path of the machine lies on this one.
func (m *machine) path(path string) string { return filepath.Join(m.dir, path) }

func (m *machine) must(name string, args ...string) {
	m.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		m.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func (m *machine) write(path, content string) {
	m.t.Helper()
	full := m.path(path)
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// configure replaces the machine's configuration by one drop-in, as coracle writes it.
func (m *machine) configure(lines ...string) {
	m.write("/etc/rancher/k3s/config.yaml.d/50-coracle.yaml", "node-name: "+m.name+"\n"+strings.Join(lines, "\n")+"\n")
}

func (m *machine) read(path string) string {
	content, err := os.ReadFile(m.path(path))
	if err != nil {
		return ""
	}
	return string(content)
}

func (m *machine) has(path string) bool {
	_, err := os.Lstat(m.path(path))
	return err == nil
}

// wipe empties the disk as far as k3s writes to it, but for the configuration.
func (m *machine) wipe() {
	m.kill()
	m.must("rm", "-rf", m.path("/var/lib"), m.path("/etc/rancher/node"), m.path("/etc/rancher/k3s/k3s.yaml"))
	m.must("mkdir", "-p", m.path("/var/lib"))
}

// start runs `k3s COMMAND` in the machine. It does not wait for it.
func (m *machine) start(command string) *running {
	m.t.Helper()
	if m.run != nil && !m.run.ended() {
		m.t.Fatalf("%s already runs", m.name)
	}
	r := &running{done: make(chan struct{}), notify: make(chan struct{})}
	socket := filepath.Join(os.TempDir(), m.ns+".sock")
	_ = os.Remove(socket)
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		m.t.Fatal(err)
	}
	go r.watch(listener)
	// A kubelet wants to see the cgroups, which `ip netns exec` would hide, and mounts that spread.
	script := `for d in /var/lib /var/log /etc; do mount --bind "$0$d" $d || exit; done && mount -t tmpfs none /run && mount --make-rshared / && exec "$@"`
	r.cmd = exec.Command("nsenter", "--net=/run/netns/"+m.ns, "unshare", "-m", "sh", "-c", script, m.dir, m.binary, command)
	r.cmd.Env = append(append(os.Environ(), "NOTIFY_SOCKET="+socket), m.env...)
	r.cmd.Stdout, r.cmd.Stderr = &r.log, &r.log
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.run = r
	go func() {
		_ = r.cmd.Wait()
		listener.Close()
		close(r.done)
	}()
	return r
}

// watch hears what k3s tells its service manager.
func (r *running) watch(listener *net.UnixConn) {
	heard := make([]byte, 256)
	for {
		n, err := listener.Read(heard)
		if err != nil {
			return
		}
		if strings.Contains(string(heard[:n]), "READY=1") {
			close(r.notify)
			return
		}
	}
}

func (r *running) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// up starts k3s and waits until it has told its service manager that it is ready.
func (m *machine) up(command string) *running {
	m.t.Helper()
	r := m.start(command)
	m.ready(r)
	return r
}

func (m *machine) ready(r *running) {
	m.t.Helper()
	select {
	case <-r.notify:
	case <-r.done:
		m.t.Fatalf("%s ended before it was ready:\n%s", m.name, tail(r.log.String()))
	case <-time.After(5 * time.Minute):
		m.t.Fatalf("%s was not ready within five minutes:\n%s", m.name, tail(r.log.String()))
	}
}

// refuses starts k3s and expects it to end with exit code 1 and these words in its log.
func (m *machine) refuses(command string, words ...string) {
	m.t.Helper()
	m.ends(command, 1, words...)
}

// givesUp starts k3s and expects it to say these words and then to end as if it had been told to, with exit code 0: what comes to
// light after k3s has begun to serve ends it that way.
func (m *machine) givesUp(command string, words ...string) {
	m.t.Helper()
	m.ends(command, 0, words...)
}

func (m *machine) ends(command string, wanted int, words ...string) {
	m.t.Helper()
	r := m.start(command)
	select {
	case <-r.done:
	case <-time.After(60 * time.Second):
		m.kill()
		m.t.Fatalf("%s still ran after a minute:\n%s", m.name, tail(r.log.String()))
	}
	if code := r.cmd.ProcessState.ExitCode(); code != wanted {
		m.t.Errorf("exit code %d, expected %d:\n%s", code, wanted, tail(r.log.String()))
	}
	for _, word := range words {
		if !strings.Contains(r.log.String(), word) {
			m.t.Errorf("nothing of %q in its log:\n%s", word, tail(r.log.String()))
		}
	}
}

// stop ends k3s as a service manager does: SIGTERM, to the main process only.
func (m *machine) stop() {
	m.t.Helper()
	m.signal(syscall.SIGTERM)
}

func (m *machine) kill() { m.signal(syscall.SIGKILL) }

func (m *machine) signal(s syscall.Signal) {
	if m.run == nil || m.run.ended() {
		return
	}
	_ = m.run.cmd.Process.Signal(s)
	select {
	case <-m.run.done:
	case <-time.After(30 * time.Second):
		_ = m.run.cmd.Process.Kill()
		<-m.run.done
	}
}

func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-25):], "\n")
}

// within asks until it is so; what it was instead stands in the failure.
func within(t *testing.T, limit time.Duration, what string, so func() (bool, string)) {
	t.Helper()
	end := time.Now().Add(limit)
	for {
		ok, seen := so()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s; last seen: %s", limit, what, seen)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func output(name string, args ...string) string {
	out, _ := exec.Command(name, args...).CombinedOutput()
	return string(out)
}
