package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is a process of the control plane. It lives no longer than the stand-in, however the stand-in ends.
type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	err  error

	mu   sync.Mutex
	last []string
}

// starter runs every fork on one thread that never ends: the kernel ties the death signal to the thread that forked.
var starter = func() chan func() {
	jobs := make(chan func())
	go func() {
		runtime.LockOSThread()
		for job := range jobs {
			job()
		}
	}()
	return jobs
}()

// asset finds a real binary: in KUBEBUILDER_ASSETS (the envtest convention), where the lab's hosts have them, in envtest's default
// directory, then in PATH.
func asset(name string) (string, error) {
	for _, dir := range []string{os.Getenv("KUBEBUILDER_ASSETS"), "/opt/coracle-lab", "/usr/local/kubebuilder/bin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); dir != "" && err == nil && !info.IsDir() {
			return path, nil
		}
	}
	if path, err := exec.LookPath(name); err == nil && name != "kubectl" {
		return path, nil
	}
	return "", fmt.Errorf("the stand-in needs a real %s: set KUBEBUILDER_ASSETS or put it into /opt/coracle-lab", name)
}

func startChild(name string, args, env []string) (*child, error) {
	path, err := asset(name)
	if err != nil {
		return nil, err
	}
	c := &child{name: name, cmd: exec.Command(path, args...), done: make(chan struct{})}
	// etcd and kube-apiserver would tell the service manager READY=1 themselves, long before the server is.
	c.cmd.Env = append(append(os.Environ(), env...), "NOTIFY_SOCKET=")
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	output, writer := io.Pipe()
	c.cmd.Stdout, c.cmd.Stderr = writer, writer
	started := make(chan error)
	starter <- func() { started <- c.cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	go c.relay(output)
	go func() {
		c.err = c.cmd.Wait()
		writer.Close()
		close(c.done)
	}()
	return c, nil
}

// relay prints what the child prints and keeps the last lines for a message about its end.
func (c *child) relay(output io.Reader) {
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\n"); line != "" {
			fmt.Fprintf(os.Stderr, "%s: %s\n", c.name, line)
			c.mu.Lock()
			c.last = append(c.last, line)
			if len(c.last) > 40 {
				c.last = c.last[1:]
			}
			c.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
}

func (c *child) said(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Contains(strings.Join(c.last, "\n"), text)
}

// stop asks the child to end and insists when it has not within the grace.
func (c *child) stop(grace time.Duration) {
	if c == nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(grace):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// poll tries until it succeeds, a try fails for good, or the context ends.
func poll(ctx context.Context, every time.Duration, try func() (bool, error)) error {
	for {
		if ok, err := try(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}
