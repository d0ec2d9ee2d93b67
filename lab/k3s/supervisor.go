package main

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
)

// supervisor answers the paths that servers and agents use among themselves, below /v1-k3s and a few others.
func (s *server) supervisor() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "pong") })
	mux.HandleFunc("GET /cacerts", s.serveFile("server-ca.crt"))
	mux.HandleFunc("GET /v1-k3s/server-ca.crt", s.only("agent", s.serveFile("server-ca.crt")))
	mux.HandleFunc("GET /v1-k3s/client-ca.crt", s.only("agent", s.serveFile("client-ca.crt")))
	mux.HandleFunc("GET /v1-k3s/config", s.only("agent", s.serveConfig))
	mux.HandleFunc("GET /v1-k3s/apiservers", s.only("agent", s.serveServers))
	mux.HandleFunc("GET /v1-k3s/readyz", s.only("agent", s.serveReady))
	mux.HandleFunc("POST /v1-k3s/client-kubelet.crt", s.only("agent", s.serveKubelet))
	mux.HandleFunc("GET /v1-k3s/server-bootstrap", s.only("server", s.serveBootstrap))
	mux.HandleFunc("GET /db/info", s.only("server", s.serveMembers))
	return mux
}

// only lets a caller through who shows the token of that role: the user decides which of the two it has to be.
func (s *server) only(role string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		isServer := user == "server" && same(password, s.password)
		isAgent := user == "node" && same(password, s.nodePassword())
		switch {
		case !isAgent && !isServer:
			http.Error(w, "not authorized", http.StatusUnauthorized)
		case role == "server" && !isServer || role == "agent" && !isAgent:
			http.Error(w, "forbidden", http.StatusForbidden)
		default:
			next(w, r)
		}
	}
}

// nodePassword is what agents show: the agent token's secret where there is one, and then that alone.
func (s *server) nodePassword() string {
	if s.agentPassword != "" {
		return s.agentPassword
	}
	return s.password
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (s *server) serveFile(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		content, err := os.ReadFile(filepath.Join(s.tls, name))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write(content)
	}
}

func answer(w http.ResponseWriter, value any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

func (s *server) serveConfig(w http.ResponseWriter, _ *http.Request) {
	config, err := s.control()
	answer(w, config, err)
}

func (s *server) serveReady(w http.ResponseWriter, _ *http.Request) {
	if !s.apiReady.Load() {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprint(w, "ok")
}

func (s *server) serveBootstrap(w http.ResponseWriter, _ *http.Request) {
	content, err := s.readBootstrap()
	answer(w, json.RawMessage(content), err)
}

func (s *server) serveMembers(w http.ResponseWriter, r *http.Request) {
	if !s.store.embedded {
		http.Error(w, "this server keeps its data in sqlite: no other server can join it", http.StatusNotFound)
		return
	}
	members, err := s.store.api.members(r.Context())
	answer(w, map[string]any{"members": members}, err)
}

// serveServers lists where the cluster's API can be reached, so that an agent outlives the server it joined through.
func (s *server) serveServers(w http.ResponseWriter, r *http.Request) {
	own := fmt.Sprintf("%s:%d", s.store.ip, s.port())
	if !s.store.embedded {
		answer(w, []string{own}, nil)
		return
	}
	members, err := s.store.api.members(r.Context())
	addresses := []string{}
	for _, m := range members {
		if u, err := url.Parse(m.PeerURLs[0]); err == nil && !m.IsLearner {
			addresses = append(addresses, fmt.Sprintf("%s:%d", u.Hostname(), s.port()))
		}
	}
	answer(w, addresses, err)
}

// serveKubelet signs a node's client certificate once the node has shown the password it had the first time.
func (s *server) serveKubelet(w http.ResponseWriter, r *http.Request) {
	if !s.apiReady.Load() {
		http.Error(w, "the API is not ready yet", http.StatusServiceUnavailable)
		return
	}
	node, password := r.Header.Get("k3s-Node-Name"), r.Header.Get("k3s-Node-Password")
	if node == "" || password == "" {
		http.Error(w, "node name or node password not set", http.StatusBadRequest)
		return
	}
	if err := s.checkNodePassword(r.Context(), node, password); err != nil {
		logf("error", "%v", err)
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	cert, err := s.signRequest(r.Body, subject{name: "system:node:" + node, orgs: []string{"system:nodes"}})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = w.Write(cert)
}

func (s *server) signRequest(body io.Reader, whom subject) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(body, 1<<16))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("the body is no PEM certificate request")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	ca, err := loadAuthority(filepath.Join(s.tls, "client-ca"))
	if err != nil {
		return nil, err
	}
	return ca.sign(request.PublicKey, whom)
}

// checkNodePassword compares with the Secret <node>.node-password.k3s in kube-system, and makes it when there is none.
func (s *server) checkNodePassword(ctx context.Context, node, password string) error {
	name := node + ".node-password.k3s"
	path := "/api/v1/namespaces/kube-system/secrets"
	var secret struct {
		Data map[string][]byte `json:"data"`
	}
	found, err := s.admin.get(ctx, path+"/"+name, &secret)
	if err != nil {
		return err
	}
	if found {
		if !same(string(secret.Data["hash"]), nodeHash(name, password)) {
			return fmt.Errorf("unable to verify password for node %s: hash does not match", node)
		}
		return nil
	}
	return s.admin.send(ctx, http.MethodPost, path, "application/json", map[string]any{
		"apiVersion": "v1", "kind": "Secret", "immutable": true, "metadata": map[string]string{"name": name, "namespace": "kube-system"},
		"data": map[string][]byte{"hash": []byte(nodeHash(name, password))},
	}, nil)
}

func nodeHash(name, password string) string { return "standin:" + hexSum([]byte(name+"\n"+password)) }
