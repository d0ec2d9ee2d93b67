package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// agent is the node side, of `k3s agent` and inside every server.
type agent struct {
	o              *options
	data, node, ip string
	caHash         string
	user, password string
	// supervisor and apiserver are where it reaches the cluster: its own load balancer, or the server it is part of.
	supervisor, apiserver string
	registered            func(context.Context)
}

// runAgent is `k3s agent`. Like k3s it never gives up on a server that does not answer or refuses it: it says so and tries again.
func runAgent(ctx context.Context, o *options) error {
	if o.text("server") == "" {
		return errors.New("--server is required")
	}
	text, err := o.secret("token")
	if err != nil {
		return err
	}
	if text == "" {
		return errors.New("--token is required")
	}
	logf("info", "Starting k3s agent %s", version)
	a := &agent{o: o, data: o.text("data-dir")}
	if a.node, err = nodeName(o); err != nil {
		return err
	}
	if a.ip, err = nodeIP(o); err != nil {
		return err
	}
	balancer, err := newBalancer(filepath.Join(a.data, "agent/etc/k3s-agent-load-balancer.json"), o.text("server"), o.number("lb-server-port"))
	if err != nil {
		return err
	}
	go balancer.serve(ctx)
	a.supervisor, a.apiserver = balancer.url(), balancer.url()
	var client *supervisorClient
	if err := poll(ctx, 2*time.Second, func() (bool, error) {
		var err error
		if client, err = newSupervisorClient(ctx, a.supervisor, text, "node"); err != nil {
			logf("error", "Failed to validate connection to cluster at %s: %v", o.text("server"), err)
		}
		return err == nil, nil
	}); err != nil {
		return err
	}
	a.user, a.password = client.user, client.password
	if a.caHash, err = caHash(client.ca); err != nil {
		return err
	}
	go balancer.follow(ctx, client)
	a.registered = func(context.Context) {
		logf("info", "k3s agent is up and running")
		notify("READY=1")
	}
	return a.run(ctx)
}

// run gets this node's certificate, registers the Node and keeps it alive until the context ends.
func (a *agent) run(ctx context.Context) error {
	password, err := nodePassword()
	if err != nil {
		return err
	}
	var config controlConfig
	var api *kubeAPI
	if err := poll(ctx, 3*time.Second, func() (bool, error) {
		var err error
		if api, config, err = a.connect(ctx, password); err != nil {
			var refused *apiError
			if errors.As(err, &refused) && refused.code == 403 {
				err = fmt.Errorf("Node password rejected, duplicate hostname or contents of '%s' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag: %w", nodePasswordFile, err)
			}
			logf("info", "Waiting to retrieve agent configuration; server is not ready: %v", err)
		}
		return err == nil, nil
	}); err != nil {
		return err
	}
	n := &node{agent: a, api: api, flannel: config.FlannelBackend}
	if err := poll(ctx, time.Second, func() (bool, error) {
		err := n.register(ctx)
		if err != nil {
			logf("error", "Unable to register node %s with API server: %v", a.node, err)
		}
		return err == nil, nil
	}); err != nil {
		return err
	}
	a.registered(ctx)
	return n.live(ctx)
}

func (a *agent) connect(ctx context.Context, password string) (*kubeAPI, controlConfig, error) {
	var config controlConfig
	client, err := newSupervisorClient(ctx, a.supervisor, strings.TrimSpace(fullToken(a.caHash, a.user, a.password)), a.user)
	if err != nil {
		return nil, config, err
	}
	if err := client.getJSON(ctx, "/v1-k3s/config", &config); err != nil {
		return nil, config, err
	}
	cert, key, err := client.kubeletCertificate(ctx, a.node, password)
	if err != nil {
		return nil, config, err
	}
	file := func(name string) string { return filepath.Join(a.data, "agent", name) }
	if err := errors.Join(writeFile(file("server-ca.crt"), client.ca, 0o644), writeFile(file("client-kubelet.crt"), cert, 0o600),
		writeFile(file("client-kubelet.key"), key, 0o600)); err != nil {
		return nil, config, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, config, err
	}
	return newKubeAPI(a.apiserver, &authority{pem: client.ca}, pair), config, nil
}

const nodePasswordFile = "/etc/rancher/node/password"

// nodePassword proves on later starts that this is the node that first took the name. It stays when the data directory goes.
func nodePassword() (string, error) {
	if content, err := os.ReadFile(nodePasswordFile); err == nil {
		return string(content[:max(0, len(content)-1)]), nil
	}
	password := randomHex(16)
	return password, writeFile(nodePasswordFile, []byte(password+"\n"), 0o600)
}
