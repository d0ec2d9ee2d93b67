package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"
)

// balancer is the agent's local door to the servers, on 127.0.0.1:6444. It knows all servers, so the one that the agent joined
// through may die; what it knows outlives a restart in agent/etc/k3s-agent-load-balancer.json.
type balancer struct {
	path, first string
	listener    net.Listener

	mu    sync.Mutex
	known []string
}

type balancerFile struct {
	ServerURL       string
	ServerAddresses []string
}

func newBalancer(path, server string, port int) (*balancer, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("invalid server URL %q: it is https://HOST:6443", server)
	}
	first := u.Host
	if u.Port() == "" {
		first += ":443"
	}
	b := &balancer{path: path, first: first}
	var saved balancerFile
	if content, err := os.ReadFile(path); err == nil && json.Unmarshal(content, &saved) == nil && saved.ServerURL == "https://"+first {
		b.known = saved.ServerAddresses
	}
	b.listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	return b, err
}

func (b *balancer) url() string { return "https://" + b.listener.Addr().String() }

func (b *balancer) servers() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return appendNew(slices.Clone(b.known), b.first)
}

func (b *balancer) serve(ctx context.Context) {
	go func() {
		<-ctx.Done()
		b.listener.Close()
	}()
	for {
		connection, err := b.listener.Accept()
		if err != nil {
			return
		}
		go b.carry(connection)
	}
}

// carry connects to the first server that takes the connection.
func (b *balancer) carry(client net.Conn) {
	defer client.Close()
	for _, address := range b.servers() {
		server, err := net.DialTimeout("tcp", address, 3*time.Second)
		if err != nil {
			continue
		}
		defer server.Close()
		ended := make(chan struct{}, 2)
		pipe := func(to, from net.Conn) {
			_, _ = io.Copy(to, from)
			ended <- struct{}{}
		}
		go pipe(server, client)
		go pipe(client, server)
		<-ended
		return
	}
}

// follow asks the cluster again and again which servers it has.
func (b *balancer) follow(ctx context.Context, client *supervisorClient) {
	_ = poll(ctx, tempo("FOLLOW", 5*time.Second), func() (bool, error) {
		var servers []string
		if err := client.getJSON(ctx, "/v1-k3s/apiservers", &servers); err != nil || len(servers) == 0 {
			return false, nil
		}
		slices.Sort(servers)
		b.mu.Lock()
		changed := !slices.Equal(servers, b.known)
		b.known = servers
		b.mu.Unlock()
		if changed {
			logf("info", "Updated load balancer server addresses -> %v [default: %s]", servers, b.first)
			content, err := json.Marshal(balancerFile{ServerURL: "https://" + b.first, ServerAddresses: servers})
			if err == nil {
				_ = writeFile(b.path, content, 0o600)
			}
		}
		return false, nil
	})
}
