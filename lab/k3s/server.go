package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

const defaultKubeconfig = "/etc/rancher/k3s/k3s.yaml"

// server is one run of `k3s server`.
type server struct {
	o             *options
	dir, tls      string // <data-dir>/server and its tls directory
	node, ip      string
	password      string // the server token's secret
	agentPassword string // the agent token's secret; empty when agents use the server token
	caHash        string
	store         *datastore
	api           atomic.Pointer[child]
	admin         *kubeAPI
	apiReady      atomic.Bool
}

func newServer(o *options) (*server, error) {
	dir, err := filepath.Abs(o.text("data-dir"))
	if err != nil {
		return nil, err
	}
	s := &server{o: o, dir: filepath.Join(dir, "server"), tls: filepath.Join(dir, "server", "tls")}
	if s.node, err = nodeName(o); err != nil {
		return nil, err
	}
	if s.ip, err = nodeIP(o); err != nil {
		return nil, err
	}
	for _, unsupported := range []string{"datastore-endpoint", "cluster-reset", "disable-etcd", "disable-apiserver", "disable-agent", "rootless"} {
		if v := o.text(unsupported); v != "" && v != "false" {
			return nil, fmt.Errorf("option %q is k3s's, but the stand-in does not carry it out", unsupported)
		}
	}
	return s, nil
}

func (s *server) port() int { return s.o.number("https-listen-port") }

// mode says where the data is, by k3s's rule: etcd data on disk decides alone, then cluster-init or server, else sqlite.
func (s *server) mode() (joining bool, err error) {
	etcdDir, private := filepath.Join(s.dir, "db/etcd"), filepath.Join(s.dir, "db/state.db.standin")
	marker := filepath.Join(s.dir, "db/state.db")
	s.store = &datastore{dir: etcdDir, tlsDir: s.tls, ip: s.ip, embedded: true, extra: s.o.list("etcd-arg")}
	if v := s.o.text("advertise-address"); v != "" {
		s.store.ip = v
	}
	if err := s.store.bury(s.o.given("server")); err != nil {
		return false, err
	}
	token, err := s.o.secret("token")
	if err != nil {
		return false, err
	}
	_, noMarker := os.Stat(marker)
	switch {
	case hasLog(etcdDir):
		logf("info", "Managed etcd cluster bootstrap already complete and initialized")
		return false, nil
	// With server but without a token k3s joins nothing: it goes on below and founds another cluster.
	case s.o.given("server") && (token != "" || s.o.yes("cluster-init")):
		return true, nil
	case s.o.yes("cluster-init"):
		if noMarker == nil && hasLog(private) {
			logf("info", "Migrating content from sqlite to etcd")
			return false, errors.Join(os.RemoveAll(etcdDir), os.Rename(private, etcdDir), os.Rename(marker, marker+".migrated"))
		}
		logf("info", "Managed etcd cluster initializing")
		return false, nil
	}
	s.store.dir, s.store.embedded = private, false
	if noMarker != nil {
		logf("info", "No datastore here, and neither cluster-init nor server with a token: founding a new cluster on sqlite")
		note := "The coracle lab's stand-in for k3s keeps a private etcd in state.db.standin instead of an SQLite file.\n"
		return false, errors.Join(os.RemoveAll(private), writeFile(marker, []byte(note), 0o600))
	}
	return false, nil
}

func runServer(ctx context.Context, o *options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := newServer(o)
	if err != nil {
		return err
	}
	logf("info", "Starting k3s %s", version)
	joining, err := s.mode()
	if err != nil {
		return err
	}
	var known []member
	if joining {
		if known, err = s.bootstrapFromServer(ctx); err != nil {
			return fmt.Errorf("starting kubernetes: preparing server: %w", err)
		}
	}
	if err := s.prepare(); err != nil {
		return fmt.Errorf("starting kubernetes: preparing server: %w", err)
	}
	failed := make(chan error, 8)
	if err := s.listen(ctx, failed); err != nil {
		return err
	}
	defer func() {
		s.api.Load().stop(3 * time.Second)
		s.store.process.stop(5 * time.Second)
	}()
	if err := s.startStore(ctx, joining, known); err != nil {
		if !joining {
			return err
		}
		// What comes to light after k3s has begun to serve is said, and then k3s ends as if it had been asked to: with 0.
		logf("error", "Shutdown request received: %q", fmt.Errorf("etcd cluster join failed: %w", err))
		return nil
	}
	go func() {
		<-s.store.process.done
		failed <- s.store.ended()
	}()
	go func() {
		err := s.bringUp(ctx)
		if err == nil {
			apiserver := s.api.Load()
			<-apiserver.done
			err = fmt.Errorf("kube-apiserver exited: %v", apiserver.err)
		}
		failed <- err
	}()
	select {
	case <-ctx.Done():
		logf("info", "Shutting down")
		return nil
	case err := <-failed:
		return err
	}
}

// startStore starts etcd: again, anew, or as a learner of the cluster that known describes.
func (s *server) startStore(ctx context.Context, joining bool, known []member) error {
	if err := s.store.setName(s.node); err != nil {
		return err
	}
	api, err := newEtcdAPI(s.tls, "https://127.0.0.1:2379")
	if err != nil {
		return err
	}
	s.store.api = api
	if joining {
		return s.store.join(ctx, s.node, known)
	}
	return s.store.start(s.store.name+"="+s.store.peerURL(), "new")
}

// bringUp waits until the datastore may be used, then starts kube-apiserver and everything that needs it.
func (s *server) bringUp(ctx context.Context) error {
	go s.store.promoteLearners(ctx)
	said := ""
	if err := poll(ctx, time.Second, func() (bool, error) {
		err := s.store.test(ctx)
		if err != nil && err.Error() != said {
			said = err.Error()
			logf("info", "Failed to test etcd connection: %v", err)
		}
		return err == nil, nil
	}); err != nil {
		return err
	}
	if err := s.saveBootstrap(ctx); err != nil {
		return err
	}
	apiserver, err := startChild("kube-apiserver", s.apiserverArgs(), []string{"GOGC=50", "GOMAXPROCS=2"})
	if err != nil {
		return err
	}
	s.api.Store(apiserver)
	if err := s.writeKubeconfig(); err != nil {
		return err
	}
	if s.admin, err = adminAPI(s.tls, s.port()+1); err != nil {
		return err
	}
	if err := poll(ctx, 300*time.Millisecond, func() (bool, error) {
		select {
		case <-apiserver.done:
			return false, fmt.Errorf("kube-apiserver exited: %v", apiserver.err)
		default:
		}
		return s.admin.ready(ctx), nil
	}); err != nil {
		return err
	}
	s.apiReady.Store(true)
	logf("info", "k3s is up and running")
	notify("READY=1")
	go s.leaderDuties(ctx)
	go s.runOwnNode(ctx)
	return nil
}

// runOwnNode is the agent inside the server, which reaches the cluster through this server itself.
func (s *server) runOwnNode(ctx context.Context) {
	a := &agent{o: s.o, data: filepath.Dir(s.dir), node: s.node, ip: s.ip, caHash: s.caHash, user: "node", password: s.nodePassword(),
		supervisor: fmt.Sprintf("https://127.0.0.1:%d", s.port()), apiserver: fmt.Sprintf("https://127.0.0.1:%d", s.port())}
	a.registered = func(ctx context.Context) { s.markServerNode(ctx) }
	if err := a.run(ctx); err != nil && ctx.Err() == nil {
		logf("error", "%v", err)
	}
}

func nodeName(o *options) (string, error) {
	name := o.text("node-name")
	if name == "" {
		host, err := os.Hostname()
		if err != nil {
			return "", err
		}
		name = strings.ToLower(host)
	}
	return name, checkLabels(o)
}

// nodeIP is node-ip, or the first global IPv4 address of an interface that is up.
func nodeIP(o *options) (string, error) {
	if given := o.commaList("node-ip"); len(given) > 0 {
		if net.ParseIP(given[0]) == nil {
			return "", fmt.Errorf("invalid node-ip %q", given[0])
		}
		return given[0], nil
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && n.IP.To4() != nil {
			return n.IP.String(), nil
		}
	}
	return "", errors.New("no address found for this node: set node-ip")
}
