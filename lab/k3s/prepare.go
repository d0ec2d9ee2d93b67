package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// prepare makes what the data directory must hold before anything starts: CAs, certificates, tokens, the encryption configuration.
func (s *server) prepare() error {
	if err := os.MkdirAll(filepath.Join(s.tls, "etcd"), 0o700); err != nil {
		return err
	}
	ca := map[string]*authority{}
	for _, name := range authorities {
		made, err := ensureAuthority(s.tls, name)
		if err != nil {
			return err
		}
		ca[name] = made
	}
	if err := ensureServiceKey(filepath.Join(s.tls, "service.key")); err != nil {
		return err
	}
	var err error
	if s.caHash, err = caHash(ca["server-ca"].pem); err != nil {
		return err
	}
	if err := s.prepareTokens(); err != nil {
		return err
	}
	if err := s.prepareEncryption(); err != nil {
		return err
	}
	return s.prepareCertificates(ca)
}

func (s *server) prepareCertificates(ca map[string]*authority) error {
	service, err := serviceIP(s.o, 1)
	if err != nil {
		return err
	}
	domain := s.o.text("cluster-domain")
	names := []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + domain, "localhost", s.node}
	ips := []string{"127.0.0.1", "::1", s.ip, service}
	sans := append(s.o.commaList("tls-san"), s.o.commaList("node-external-ip")...)
	if v := s.o.text("advertise-address"); v != "" {
		sans = append(sans, v)
	}
	for _, san := range sans {
		if ip := net.ParseIP(san); ip != nil {
			ips = appendNew(ips, ip.String())
		} else {
			names = appendNew(names, san)
		}
	}
	serving := subject{name: "kube-apiserver", names: names, ips: ips}
	etcd := subject{name: "etcd-server", names: []string{"localhost", s.node}, ips: appendNew([]string{"127.0.0.1", "::1", s.ip}, s.store.ip)}
	leaf := func(authority, file string, whom subject) error {
		return ca[authority].leaf(filepath.Join(s.tls, file), whom)
	}
	return errors.Join(
		leaf("server-ca", "serving-kube-apiserver", serving),
		leaf("client-ca", "client-admin", subject{name: "system:admin", orgs: []string{"system:masters"}}),
		leaf("client-ca", "client-supervisor", subject{name: "system:k3s-supervisor", orgs: []string{"system:masters"}}),
		leaf("client-ca", "client-kube-apiserver", subject{name: "system:apiserver", orgs: []string{"system:masters"}}),
		leaf("request-header-ca", "client-auth-proxy", subject{name: "system:auth-proxy"}),
		leaf("etcd/server-ca", "etcd/server-client", etcd),
		leaf("etcd/server-ca", "etcd/client", subject{name: "etcd-client"}),
		leaf("etcd/peer-ca", "etcd/peer-server-client", subject{name: "etcd-peer", names: etcd.names, ips: etcd.ips}),
	)
}

// prepareTokens settles the two secrets and writes server/token, node-token and agent-token. A first server may name no CA hash
// but its own; a restart without a token takes what is on disk.
func (s *server) prepareTokens() error {
	given, err := s.o.secret("token")
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, "token")
	if content, err := os.ReadFile(path); err == nil && given == "" {
		given = strings.TrimSpace(string(content))
	}
	if given == "" {
		given = randomHex(16)
	}
	parsed, err := parseToken(given)
	if err != nil {
		return err
	}
	if parsed.caHash != "" && parsed.caHash != s.caHash {
		return fmt.Errorf("token CA hash does not match the Cluster CA certificate hash: %s != %s", parsed.caHash, s.caHash)
	}
	s.password = parsed.password
	agent, err := s.o.secret("agent-token")
	if err != nil {
		return err
	}
	if agent != "" {
		if parsed, err = parseToken(agent); err != nil {
			return fmt.Errorf("agent-token: %w", err)
		}
		s.agentPassword = parsed.password
	}
	if err := writeFile(path, []byte(fullToken(s.caHash, "server", s.password)), 0o600); err != nil {
		return err
	}
	agentPath := filepath.Join(s.dir, "agent-token")
	if err := errors.Join(linkTo(path, filepath.Join(s.dir, "node-token")), os.RemoveAll(agentPath)); err != nil {
		return err
	}
	if s.agentPassword == "" {
		return linkTo(path, agentPath)
	}
	return writeFile(agentPath, []byte(fullToken(s.caHash, "node", s.agentPassword)), 0o600)
}

func linkTo(target, path string) error {
	return errors.Join(os.RemoveAll(path), os.Symlink(target, path))
}

func (s *server) encryptionFile() string { return filepath.Join(s.dir, "cred/encryption-config.json") }

func (s *server) prepareEncryption() error {
	if _, err := os.Stat(s.encryptionFile()); err == nil || !s.o.yes("secrets-encryption") {
		return nil
	}
	key := map[string]any{"keys": []any{map[string]string{"name": "aescbckey", "secret": base64.StdEncoding.EncodeToString([]byte(randomHex(16)))}}}
	content, err := json.Marshal(map[string]any{
		"kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1",
		"resources": []any{map[string]any{
			"resources": []string{"secrets"},
			"providers": []any{map[string]any{s.o.text("secrets-encryption-provider"): key}, map[string]any{"identity": struct{}{}}},
		}},
	})
	if err != nil {
		return err
	}
	return writeFile(s.encryptionFile(), content, 0o600)
}

// writeKubeconfig writes the admin's kubeconfig. Its names are "default" and its server is always 127.0.0.1, as k3s writes it.
func (s *server) writeKubeconfig() error {
	read := func(name string) string {
		content, _ := os.ReadFile(filepath.Join(s.tls, name))
		return base64.StdEncoding.EncodeToString(content)
	}
	mode, path, name := os.FileMode(0o600), s.o.text("write-kubeconfig"), "default"
	if path == "" {
		path = defaultKubeconfig
	}
	if v := s.o.values["write-kubeconfig-name"]; len(v) > 0 {
		name = v[0]
	}
	if text := s.o.text("write-kubeconfig-mode"); text != "" {
		bits, err := strconv.ParseUint(text, 8, 32)
		if err != nil {
			return fmt.Errorf("invalid write-kubeconfig-mode %q", text)
		}
		mode = os.FileMode(bits)
	}
	content := fmt.Sprintf(`apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: %[1]s
    server: https://127.0.0.1:%[2]d
  name: %[5]s
contexts:
- context:
    cluster: %[5]s
    user: %[5]s
  name: %[5]s
current-context: %[5]s
kind: Config
users:
- name: %[5]s
  user:
    client-certificate-data: %[3]s
    client-key-data: %[4]s
`, read("server-ca.crt"), s.port(), read("client-admin.crt"), read("client-admin.key"), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	logf("info", "Wrote kubeconfig %s", path)
	return writeFile(path, []byte(content), mode)
}

// serviceIP is the nth address of the first service CIDR: 1 is the API's own, 10 the default DNS.
func serviceIP(o *options, n byte) (string, error) {
	_, network, err := net.ParseCIDR(o.commaList("service-cidr")[0])
	if err != nil {
		return "", fmt.Errorf("service-cidr: %w", err)
	}
	ip := append(net.IP{}, network.IP...)
	ip[len(ip)-1] += n
	return ip.String(), nil
}

func appendNew(list []string, item string) []string {
	for _, have := range list {
		if have == item {
			return list
		}
	}
	return append(list, item)
}
