// Command k3s is the lab's stand-in for k3s: k3s's own contract (names, options, tokens, joining, files, exit codes, Node objects)
// around a real etcd and a real kube-apiserver. It runs no pods and is never part of the product.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
)

// version is what this binary claims to be. Another one is linked in with -ldflags "-X main.version=v1.36.5+k3s1", or stands as a last
// line behind the executable's own bytes, which is how the lab's mirror serves any release asked for.
var version = "v1.36.4+k3s1"

var stamp = regexp.MustCompile(`\ncoracle-lab-version=(v[0-9A-Za-z.+-]+)\n$`)

const notice = "This is the coracle lab's stand-in for k3s, for tests only: it is not k3s and runs no pods."

func main() {
	if own, err := os.Executable(); err == nil {
		version = stampedVersion(own, version)
	}
	os.Exit(run(filepath.Base(os.Args[0]), os.Args[1:]))
}

// stampedVersion reads the last line of an executable, if it is a version's.
func stampedVersion(path, otherwise string) string {
	file, err := os.Open(path)
	if err != nil {
		return otherwise
	}
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil || size < 128 {
		return otherwise
	}
	end := make([]byte, 128)
	if _, err := file.ReadAt(end, size-128); err != nil {
		return otherwise
	}
	if found := stamp.FindSubmatch(end); found != nil {
		return string(found[1])
	}
	return otherwise
}

func run(name string, args []string) int {
	if name == "kubectl" {
		return kubectl(args)
	}
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case "--version", "-v", "version":
		fmt.Printf("k3s version %s (standin)\ngo version %s\n", version, runtime.Version())
		return 0
	case "kubectl":
		return kubectl(args[1:])
	case "server", "agent":
		return serve(command, args[1:])
	case "", "help", "--help", "-h":
		fmt.Fprintln(os.Stderr, notice)
		fmt.Println("usage: k3s server|agent [OPTIONS], k3s kubectl ARGS, k3s --version")
		return 0
	}
	fmt.Fprintln(os.Stderr, notice)
	fmt.Fprintf(os.Stderr, "k3s %s: not part of the stand-in; it has server, agent, kubectl and --version\n", command)
	return 1
}

func serve(command string, args []string) int {
	fmt.Fprintln(os.Stderr, notice)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	options, err := loadOptions(command, args, os.Getenv)
	if err == nil {
		if command == "server" {
			err = runServer(ctx, options)
		} else {
			err = runAgent(ctx, options)
		}
	}
	if err != nil && ctx.Err() == nil {
		logf("fatal", "%v", err)
		return 1
	}
	return 0
}

// kubectl hands over to the real kubectl that lies next to etcd and kube-apiserver, with k3s's kubeconfig as default, as k3s does.
func kubectl(args []string) int {
	path, err := asset("kubectl")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if os.Getenv("KUBECONFIG") == "" {
		os.Setenv("KUBECONFIG", defaultKubeconfig)
	}
	err = syscall.Exec(path, append([]string{"kubectl"}, args...), os.Environ())
	fmt.Fprintln(os.Stderr, "k3s kubectl: ", err)
	return 1
}
