package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// authority is a CA that lies in the data directory as NAME.crt and NAME.key.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	pem  []byte
}

// the cluster's CAs, as files below server/tls; together with service.key they are what a joining server is given.
var authorities = []string{"server-ca", "client-ca", "request-header-ca", "etcd/server-ca", "etcd/peer-ca"}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(fmt.Sprintf("the system gives no random numbers: %v", err))
	}
	return n
}

// ensureAuthority loads a CA, or makes it when its file is missing. k3s names them k3s-<name>@<unix time>, etcd's without the prefix.
func ensureAuthority(tlsDir, name string) (*authority, error) {
	path := filepath.Join(tlsDir, name)
	if ca, err := loadAuthority(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return ca, err
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	common := "k3s-" + name
	if dir, base := filepath.Split(name); dir == "etcd/" {
		common = "etcd-" + base
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: fmt.Sprintf("%s@%d", common, now.Unix())},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	if err := writeKeyPair(path, certPEM(der), key); err != nil {
		return nil, err
	}
	return loadAuthority(path)
}

func loadAuthority(path string) (*authority, error) {
	content, err := os.ReadFile(path + ".crt")
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(path+".crt", path+".key")
	if err != nil {
		return nil, err
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s.key cannot sign", path)
	}
	return &authority{cert: pair.Leaf, key: signer, pem: content}, nil
}

func (ca *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.pem)
	return pool
}

// subject says whom a leaf certificate is for. Leaves serve and call alike: etcd's own gateway calls etcd with the serving one.
type subject struct {
	name  string
	orgs  []string
	names []string
	ips   []string
}

func (ca *authority) sign(public any, s subject) ([]byte, error) {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: s.name, Organization: s.orgs},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), DNSNames: s.names,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, ip := range s.ips {
		if parsed := net.ParseIP(ip); parsed != nil {
			template.IPAddresses = append(template.IPAddresses, parsed)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, public, ca.key)
	if err != nil {
		return nil, err
	}
	return append(certPEM(der), ca.pem...), nil
}

// leaf makes PATH.crt and PATH.key, unless what lies there still fits the CA and the names.
func (ca *authority) leaf(path string, s subject) error {
	if pair, err := tls.LoadX509KeyPair(path+".crt", path+".key"); err == nil && ca.fits(pair.Leaf, s) {
		return nil
	}
	key, err := newKey()
	if err != nil {
		return err
	}
	cert, err := ca.sign(key.Public(), s)
	if err != nil {
		return err
	}
	return writeKeyPair(path, cert, key)
}

func (ca *authority) fits(leaf *x509.Certificate, s subject) bool {
	have := []string{}
	for _, ip := range leaf.IPAddresses {
		have = append(have, ip.String())
	}
	return leaf.CheckSignatureFrom(ca.cert) == nil && time.Until(leaf.NotAfter) > 90*24*time.Hour &&
		slices.Equal(leaf.DNSNames, s.names) && slices.Equal(have, s.ips)
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

func writeKeyPair(path string, cert []byte, key *ecdsa.PrivateKey) error {
	content, err := keyPEM(key)
	if err != nil {
		return err
	}
	return errors.Join(writeFile(path+".key", content, 0o600), writeFile(path+".crt", cert, 0o644))
}

// ensureServiceKey makes the key that signs ServiceAccount tokens; it must be the same on all servers.
func ensureServiceKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return writeFile(path, pem.EncodeToMemory(block), 0o600)
}

// writeFile replaces a file in one step, so that a killed run never leaves half of it.
func writeFile(path string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	draft := path + ".new"
	if err := os.WriteFile(draft, content, mode); err != nil {
		return err
	}
	return errors.Join(os.Chmod(draft, mode), os.Rename(draft, path))
}
