package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const bootstrapPrefix = "/bootstrap/"

// bootstrapFiles are the files that make a server one of this cluster, by their path below the server directory.
func bootstrapFiles() []string {
	files := []string{"tls/service.key", "cred/encryption-config.json"}
	for _, name := range authorities {
		files = append(files, "tls/"+name+".crt", "tls/"+name+".key")
	}
	return files
}

func (s *server) readBootstrap() ([]byte, error) {
	data := map[string][]byte{}
	for _, name := range bootstrapFiles() {
		content, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		if err == nil {
			data[name] = content
		}
	}
	return json.Marshal(data)
}

// bootstrapFromServer makes this server one of the cluster at `server`: it checks the CA against the token, compares the settings
// that must be equal, takes over CAs and keys, and returns the etcd members it will join.
func (s *server) bootstrapFromServer(ctx context.Context) ([]member, error) {
	text, err := s.o.secret("token")
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, errors.New("token is required to join a cluster")
	}
	join, err := newSupervisorClient(ctx, s.o.text("server"), text, "server")
	if err != nil {
		return nil, err
	}
	logf("info", "Managed etcd cluster not yet initialized")
	if err := s.compareConfig(ctx, text); err != nil {
		return nil, fmt.Errorf("failed to validate server configuration: %w", err)
	}
	var data map[string][]byte
	if err := join.getJSON(ctx, "/v1-k3s/server-bootstrap", &data); err != nil {
		return nil, fmt.Errorf("failed to bootstrap cluster data: %w", err)
	}
	for _, name := range bootstrapFiles() {
		if content, there := data[name]; there {
			if err := writeFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
				return nil, err
			}
		}
	}
	var members struct {
		Members []member `json:"members"`
	}
	// While etcd elects a leader nobody can name the members: that is no reason to give up.
	err = poll(ctx, time.Second, func() (bool, error) {
		err := join.getJSON(ctx, "/db/info", &members)
		var refused *apiError
		if errors.As(err, &refused) && refused.code == http.StatusServiceUnavailable {
			logf("info", "Waiting to retrieve etcd cluster member list: %v", err)
			return false, nil
		}
		return err == nil, err
	})
	return members.Members, err
}

// compareConfig holds this server's settings against the cluster's. It asks as an agent does: where its agent token is not the
// cluster's, k3s warns and compares nothing.
func (s *server) compareConfig(ctx context.Context, token string) error {
	ours, err := s.control()
	if err != nil {
		return err
	}
	if agent, err := s.o.secret("agent-token"); err != nil || agent != "" {
		token = agent
	}
	asked, err := newSupervisorClient(ctx, s.o.text("server"), token, "node")
	if err != nil {
		return err
	}
	var theirs controlConfig
	if err := asked.getJSON(ctx, "/v1-k3s/config", &theirs); err != nil {
		logf("warning", "Skipping cluster configuration validation: %v", err)
		return nil
	}
	differing := ours.differing(theirs)
	if len(differing) == 0 {
		return nil
	}
	for _, key := range differing {
		logf("warning", "critical configuration mismatched: %s", key)
	}
	return fmt.Errorf("critical configuration value mismatch between servers: %s", strings.Join(differing, ", "))
}

func bootstrapKey(password string) string { return bootstrapPrefix + hexSum([]byte(password))[:12] }

// saveBootstrap keeps the bootstrap data in the datastore, sealed with the token. It is also where k3s notices a wrong token.
func (s *server) saveBootstrap(ctx context.Context) error {
	saved, err := s.store.api.withPrefix(ctx, bootstrapPrefix)
	if err != nil {
		return err
	}
	if _, ours := saved[bootstrapKey(s.password)]; ours {
		return nil
	}
	if len(saved) > 0 {
		return errors.New("bootstrap data already found and encrypted with different token")
	}
	data, err := s.readBootstrap()
	if err != nil {
		return err
	}
	sealed, err := seal(s.password, data)
	if err != nil {
		return err
	}
	return s.store.api.put(ctx, bootstrapKey(s.password), sealed)
}

func seal(password string, data []byte) ([]byte, error) {
	salt := []byte(randomHex(8))
	key, err := pbkdf2.Key(sha256.New, password, salt, 4096, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return append(append(salt, nonce...), gcm.Seal(nil, nonce, data, nil)...), nil
}

// controlConfig is what a server tells others of its settings: the ones that must be equal, and what agents go by.
type controlConfig struct {
	Critical       map[string]string `json:"critical"`
	FlannelBackend string            `json:"flannelBackend"`
}

// critical are the keys that must be equal on all servers. They are the fields of k3s's CriticalControlArgs.
var critical = []string{
	"cluster-cidr", "cluster-domain", "disable-cloud-controller", "disable-helm-controller", "disable-network-policy",
	"egress-selector-mode", "embedded-registry", "flannel-backend", "flannel-external-ip", "flannel-ipv6-masq",
	"secrets-encryption", "service-cidr", "supervisor-metrics",
}

func (s *server) control() (controlConfig, error) {
	c := controlConfig{Critical: map[string]string{}, FlannelBackend: s.o.text("flannel-backend")}
	for _, key := range critical {
		value := strings.Join(s.o.commaList(key), ",")
		if flags[key].kind == "bool" {
			value = fmt.Sprint(s.o.yes(key))
		}
		c.Critical[key] = value
	}
	if s.o.yes("secrets-encryption") {
		c.Critical["secrets-encryption-provider"] = s.o.text("secrets-encryption-provider")
	}
	dns := s.o.commaList("cluster-dns")
	if !s.o.given("cluster-dns") {
		ip, err := serviceIP(s.o, 10)
		if err != nil {
			return c, err
		}
		dns = []string{ip}
	}
	c.Critical["cluster-dns"] = strings.Join(dns, ",")
	c.Critical["disable: servicelb"] = "false"
	for _, name := range s.o.commaList("disable") {
		if name == "servicelb" {
			c.Critical["disable: servicelb"] = "true"
		}
	}
	return c, nil
}

func (c controlConfig) differing(other controlConfig) []string {
	keys := []string{}
	for _, key := range append(critical, "secrets-encryption-provider", "cluster-dns", "disable: servicelb") {
		if c.Critical[key] != other.Critical[key] {
			keys = append(keys, key)
		}
	}
	return keys
}
