// Package contract holds what coracle relies on in k3s, as black-box tests of the binary that CORACLE_K3S names; by default that is
// the lab's stand-in. README.md lists every fact with its source.
package contract

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const inside = "CORACLE_CONTRACT_HUB"

var (
	// k3s is the binary under test; standin says whether it is the lab's.
	k3s     string
	standin bool
	// work holds everything the tests make; blocked says why tests with running clusters cannot run here.
	work    string
	blocked string
)

func TestMain(m *testing.M) {
	if code, handedOver := enterHub(); handedOver {
		os.Exit(code)
	}
	var err error
	if work, err = os.MkdirTemp("", "coracle-contract-"); err == nil {
		err = findBinary()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "contract:", err)
		os.Exit(1)
	}
	if !standin {
		blocked = missingRoot()
	} else if blocked = missingRoot(); blocked == "" {
		blocked = missingAssets()
	}
	code := m.Run()
	_ = os.RemoveAll(work)
	os.Exit(code)
}

func findBinary() error {
	k3s = os.Getenv("CORACLE_K3S")
	if k3s == "" {
		k3s = filepath.Join(work, "k3s")
		if err := buildStandin(k3s, ""); err != nil {
			return err
		}
	}
	out, err := exec.Command(k3s, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s --version: %w", k3s, err)
	}
	standin = strings.Contains(string(out), "(standin)")
	return nil
}

// buildStandin compiles the stand-in, with another version than its own when one is given.
func buildStandin(output, version string) error {
	args := []string{"build", "-C", "../k3s", "-o", output}
	if version != "" {
		args = append(args, "-ldflags", "-X main.version="+version)
	}
	build := exec.Command("go", append(args, ".")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building the stand-in: %w\n%s", err, out)
	}
	return nil
}

func missingRoot() string {
	if os.Geteuid() != 0 {
		return "needs root, for network namespaces"
	}
	if os.Getenv(inside) == "" {
		return "network namespaces cannot be made here"
	}
	return ""
}

// missingAssets settles KUBEBUILDER_ASSETS for the stand-in's children.
func missingAssets() string {
	dirs := []string{os.Getenv("KUBEBUILDER_ASSETS"), os.Getenv("CORACLE_LAB_DIR") + "/bin"}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "coracle-lab/bin"))
	}
	for _, dir := range dirs {
		_, noEtcd := os.Stat(filepath.Join(dir, "etcd"))
		if _, noAPI := os.Stat(filepath.Join(dir, "kube-apiserver")); noEtcd == nil && noAPI == nil {
			os.Setenv("KUBEBUILDER_ASSETS", dir)
			return ""
		}
	}
	return "no etcd and kube-apiserver: run lab/build or set KUBEBUILDER_ASSETS"
}

// enterHub makes a network namespace with a bridge and runs this same test binary inside it, so that the tests reach the nodes and
// nothing else does. Without root, or without namespaces, the tests that need no cluster run where they are.
func enterHub() (code int, handedOver bool) {
	if os.Geteuid() != 0 || os.Getenv(inside) != "" {
		return 0, false
	}
	hub := fmt.Sprintf("ck%d", os.Getpid())
	defer exec.Command("ip", "netns", "del", hub).Run()
	for _, line := range []string{
		"netns add " + hub, "-n " + hub + " link set lo up", "-n " + hub + " link add br0 type bridge",
		"-n " + hub + " addr add 10.99.0.254/24 dev br0", "-n " + hub + " link set br0 up",
		// Without a default route and without `node-ip` k3s ends before it looks at anything else. This one leads nowhere.
		"-n " + hub + " route add default via 10.99.0.253",
	} {
		if err := exec.Command("ip", strings.Fields(line)...).Run(); err != nil {
			return 0, false
		}
	}
	self, err := os.Executable()
	if err != nil {
		return 0, false
	}
	again := exec.Command("nsenter", append([]string{"--net=/run/netns/" + hub, self}, os.Args[1:]...)...)
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.Env = append(os.Environ(), inside+"="+hub)
	again.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := again.Run(); err != nil {
		return 1, true
	}
	return 0, true
}

func needsCluster(t *testing.T) {
	t.Helper()
	if blocked != "" {
		t.Skip("skipped: " + blocked)
	}
	if testing.Short() {
		t.Skip("skipped: -short leaves out the tests with running clusters")
	}
}

func needsStandin(t *testing.T, why string) {
	t.Helper()
	if !standin {
		t.Skip("only the stand-in: " + why)
	}
}
