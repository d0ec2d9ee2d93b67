package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

const mergePatch, strategicPatch = "application/merge-patch+json", "application/strategic-merge-patch+json"

// kubeAPI is a client of the Kubernetes API that knows JSON and nothing else.
type kubeAPI struct {
	base string
	http *http.Client
}

func newKubeAPI(base string, ca *authority, pair tls.Certificate) *kubeAPI {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{pair}}, IdleConnTimeout: 30 * time.Second}
	return &kubeAPI{base: base, http: &http.Client{Transport: transport, Timeout: 15 * time.Second}}
}

// adminAPI is the server's own access, straight to its kube-apiserver.
func adminAPI(tlsDir string, port int) (*kubeAPI, error) {
	ca, err := loadAuthority(filepath.Join(tlsDir, "server-ca"))
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(tlsDir, "client-supervisor.crt"), filepath.Join(tlsDir, "client-supervisor.key"))
	if err != nil {
		return nil, err
	}
	return newKubeAPI(fmt.Sprintf("https://127.0.0.1:%d", port), ca, pair), nil
}

// apiError is a refusal by the API, kept apart from not reaching it.
type apiError struct {
	code    int
	message string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s", e.code, e.message) }

func (k *kubeAPI) send(ctx context.Context, method, path, contentType string, in, out any) error {
	var body io.Reader
	if in != nil {
		content, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(content)
	}
	request, err := http.NewRequestWithContext(ctx, method, k.base+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	if in != nil {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := k.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		var status struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(content, &status) != nil || status.Message == "" {
			status.Message = string(content)
		}
		return &apiError{response.StatusCode, status.Message}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(content, out)
}

// get reads an object; a missing one is no error.
func (k *kubeAPI) get(ctx context.Context, path string, out any) (bool, error) {
	err := k.send(ctx, http.MethodGet, path, "", nil, out)
	if refused, ok := err.(*apiError); ok && refused.code == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
}

func (k *kubeAPI) patch(ctx context.Context, path, kind string, change any) error {
	return k.send(ctx, http.MethodPatch, path, kind, change, nil)
}

// ready asks for /readyz, and for the one namespace that the node passwords need.
func (k *kubeAPI) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.base+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := k.http.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	there, err := k.get(ctx, "/api/v1/namespaces/kube-system", nil)
	return response.StatusCode == http.StatusOK && there && err == nil
}

var gitVersion = regexp.MustCompile(`"gitVersion":\s*"[^"]*"`)

// stampVersion makes GET /version name this binary's version, as k3s's does: the API server itself was built without the +k3s part.
func stampVersion(response *http.Response) error {
	if response.Request.URL.Path != "/version" || response.StatusCode != http.StatusOK {
		return nil
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	content = gitVersion.ReplaceAll(content, []byte(`"gitVersion": "`+version+`"`))
	response.Body = io.NopCloser(bytes.NewReader(content))
	response.Header.Set("Content-Length", strconv.Itoa(len(content)))
	response.ContentLength = int64(len(content))
	return nil
}
