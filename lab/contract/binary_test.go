package contract

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// runWith runs the binary with one configuration file, where nothing may come up: it must end by itself.
func runWith(t *testing.T, command, config string, args ...string) (int, string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	// Every try gets a data directory of its own, unless the test looks at one or the file is no mapping.
	if !strings.HasPrefix(config, "-") && !strings.Contains(config, "data-dir") {
		config += "data-dir: " + filepath.Join(dir, "data") + "\n"
	}
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.Command(k3s, append([]string{command, "--config", file}, args...)...)
	run.Env = append(os.Environ(), "KUBEBUILDER_ASSETS="+filepath.Dir(file))
	timer := time.AfterFunc(20*time.Second, func() { _ = run.Process.Kill() })
	defer timer.Stop()
	out, _ := run.CombinedOutput()
	return run.ProcessState.ExitCode(), string(out)
}

func TestTheFirstLineOfVersionNamesTheRelease(t *testing.T) {
	out, err := exec.Command(k3s, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	words := strings.Fields(first)
	if len(words) < 3 || words[0] != "k3s" || words[1] != "version" || !strings.HasPrefix(words[2], "v1.") || !strings.Contains(words[2], "+k3s") {
		t.Errorf("first line is %q", first)
	}
}

func TestTheStandinSaysThatItIsOne(t *testing.T) {
	needsStandin(t, "k3s has nothing to say here")
	_, out := runWith(t, "agent", "")
	first, _, _ := strings.Cut(out, "\n")
	if !strings.Contains(first, "stand-in") || !strings.Contains(first, "not k3s") {
		t.Errorf("first line is %q", first)
	}
}

func TestAnAgentWithoutServerOrTokenEnds(t *testing.T) {
	for config, missing := range map[string]string{"token: abc\n": "server", "server: https://192.0.2.1:6443\n": "token"} {
		if code, out := runWith(t, "agent", config); code != 1 || !strings.Contains(out, missing) {
			t.Errorf("%q: exit code %d\n%s", config, code, out)
		}
	}
}

func TestValuesOfAWrongTypeEndTheRun(t *testing.T) {
	for config, word := range map[string]string{
		"cluster-init: perhaps\n": "perhaps", "https-listen-port: many\n": "many", "etcd-snapshot-reconcile-interval: soon\n": "soon", "- a\n": "", "token: [unclosed\n": "",
	} {
		if code, out := runWith(t, "server", config); code != 1 || !strings.Contains(out, word) {
			t.Errorf("%q: exit code %d\n%s", config, code, out)
		}
	}
}

func TestAMapWhereAListOfTextsBelongsIsFoundOut(t *testing.T) {
	needsStandin(t, "k3s makes a text of it, map[a:b], and goes on")
	if code, out := runWith(t, "server", "node-label: [{a: b}]\n"); code != 1 {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestUnknownKeysAreFoundOut(t *testing.T) {
	needsStandin(t, "k3s skips unknown keys with a warning; the stand-in refuses them so that coracle's mistakes show")
	for _, config := range []string{"flannel-backand: none\n", "no-deploy: traefik\n", "config: /x\nfoo: 1\n"} {
		if code, out := runWith(t, "server", config); code != 1 || !strings.Contains(out, "unknown option") {
			t.Errorf("%q: exit code %d\n%s", config, code, out)
		}
	}
	if code, out := runWith(t, "agent", "cluster-init: true\n"); code != 1 || !strings.Contains(out, "belongs to k3s server") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestLabelsThatAKubeletMayNotGiveItselfEndTheRun(t *testing.T) {
	needsStandin(t, "k3s starts its servers before its kubelet refuses the label")
	code, out := runWith(t, "agent", "server: https://192.0.2.1:6443\ntoken: abc\nnode-label: [node-role.kubernetes.io/worker=true]\n")
	if code != 1 || !strings.Contains(out, "node-role.kubernetes.io/worker") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestAFullTokenWithAMalformedHashIsRefused(t *testing.T) {
	code, out := runWith(t, "server", "server: https://127.0.0.1:1\nnode-ip: 127.0.0.1\ntoken: K10deadbeef::server:pw\n")
	if code != 1 || !strings.Contains(out, "invalid token CA hash") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestAServerThatCannotReachTheOneItJoinsEndsWithoutFounding(t *testing.T) {
	dir := t.TempDir()
	code, out := runWith(t, "server", "server: https://127.0.0.1:1\nnode-ip: 127.0.0.1\ntoken: abc\ndata-dir: "+dir+"\n")
	if code != 1 || !strings.Contains(out, "failed to get CA certs") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	for _, path := range []string{"server/db/state.db", "server/db/etcd/member/wal"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err == nil {
			t.Errorf("%s was made", path)
		}
	}
}
