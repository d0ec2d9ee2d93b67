package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// supervisorClient speaks to an existing server of the cluster, which it has checked against the token.
type supervisorClient struct {
	base, user, password string
	ca                   []byte
	http                 *http.Client
}

// newSupervisorClient fetches the CA without checking it, compares its hash with the token's, and from then on trusts that CA only.
// A short token carries no hash: then whatever answers is trusted, and k3s warns of it.
func newSupervisorClient(ctx context.Context, base, text, user string) (*supervisorClient, error) {
	parsed, err := parseToken(text)
	if err != nil {
		return nil, err
	}
	blind := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	c := &supervisorClient{base: strings.TrimSuffix(base, "/"), user: user, password: parsed.password, http: blind}
	if c.ca, err = c.get(ctx, "/cacerts"); err != nil {
		return nil, fmt.Errorf("failed to get CA certs: %w", err)
	}
	hash, err := caHash(c.ca)
	if err != nil {
		return nil, fmt.Errorf("failed to get CA certs: %w", err)
	}
	switch parsed.caHash {
	case hash:
	case "":
		logf("warning", "Cluster CA certificate is not trusted by the host CA bundle, but the token does not include a CA hash. Use the full token from the server's node-token file to enable Cluster CA validation.")
	default:
		return nil, fmt.Errorf("token CA hash does not match the Cluster CA certificate hash: %s != %s", parsed.caHash, hash)
	}
	c.http = trusting(c.ca)
	return c, nil
}

func trusting(ca []byte) *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, IdleConnTimeout: 20 * time.Second}}
}

func (c *supervisorClient) do(ctx context.Context, method, path string, body io.Reader, headers map[string]string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	if path != "/cacerts" {
		request.SetBasicAuth(c.user, c.password)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = &apiError{response.StatusCode, fmt.Sprintf("%s: %s: %s", c.base+path, http.StatusText(response.StatusCode), strings.TrimSpace(string(content)))}
	}
	return content, err
}

func (c *supervisorClient) get(ctx context.Context, path string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, path, nil, nil)
}

func (c *supervisorClient) getJSON(ctx context.Context, path string, out any) error {
	content, err := c.get(ctx, path)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, out)
}

// kubeletCertificate asks for the node's client certificate; the server signs it when the node password is the known one.
func (c *supervisorClient) kubeletCertificate(ctx context.Context, node, nodePassword string) (cert, key []byte, err error) {
	private, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, private)
	if err != nil {
		return nil, nil, err
	}
	body := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request})
	headers := map[string]string{"k3s-Node-Name": node, "k3s-Node-Password": nodePassword}
	if cert, err = c.do(ctx, http.MethodPost, "/v1-k3s/client-kubelet.crt", bytes.NewReader(body), headers); err != nil {
		return nil, nil, err
	}
	key, err = keyPEM(private)
	return cert, key, err
}
