package contract

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// api speaks to a server with the kubeconfig that k3s wrote there, over the machine's address instead of 127.0.0.1.
type api struct {
	base   string
	client *http.Client
	config string
}

func (m *machine) api() *api {
	config := m.read("/etc/rancher/k3s/k3s.yaml")
	part := func(name string) []byte {
		found := regexp.MustCompile(name + `: (\S+)`).FindStringSubmatch(config)
		if found == nil {
			return nil
		}
		content, _ := base64.StdEncoding.DecodeString(found[1])
		return content
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(part("certificate-authority-data"))
	settings := &tls.Config{RootCAs: pool}
	if pair, err := tls.X509KeyPair(part("client-certificate-data"), part("client-key-data")); err == nil {
		settings.Certificates = []tls.Certificate{pair}
	}
	return &api{base: "https://" + m.ip + ":6443", config: config, client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true}}}
}

func (a *api) do(method, path, body string) (int, []byte) {
	request, err := http.NewRequest(method, a.base+path, bytes.NewBufferString(body))
	if err != nil {
		return 0, []byte(err.Error())
	}
	request.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		request.Header.Set("Content-Type", "application/merge-patch+json")
	}
	response, err := a.client.Do(request)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer response.Body.Close()
	content, _ := io.ReadAll(response.Body)
	return response.StatusCode, content
}

type kubeNode struct {
	Metadata struct {
		Labels      map[string]string
		Annotations map[string]string
	}
	Spec   struct{ Taints []map[string]string }
	Status struct {
		Addresses  []struct{ Type, Address string }
		NodeInfo   struct{ KubeletVersion string }
		Conditions []struct{ Type, Status, Reason, Message string }
	}
}

func (a *api) node(name string) (kubeNode, bool) {
	var n kubeNode
	code, content := a.do(http.MethodGet, "/api/v1/nodes/"+name, "")
	return n, code == http.StatusOK && json.Unmarshal(content, &n) == nil
}

// condition is "Status Reason" of a Node's condition, or what the API said instead.
func (a *api) condition(name, kind string) string {
	code, content := a.do(http.MethodGet, "/api/v1/nodes/"+name, "")
	var n kubeNode
	if code != http.StatusOK || json.Unmarshal(content, &n) != nil {
		return fmt.Sprintf("%d %.200s", code, content)
	}
	for _, c := range n.Status.Conditions {
		if c.Type == kind {
			return c.Status + " " + c.Reason
		}
	}
	return "no such condition"
}

// is waits for a Node's condition.
func (m *machine) sees(name, kind, wanted string) {
	m.t.Helper()
	a := m.api()
	within(m.t, 60*time.Second, fmt.Sprintf("%s of %s is %q", kind, name, wanted), func() (bool, string) {
		seen := a.condition(name, kind)
		return strings.HasPrefix(seen, wanted), seen
	})
}

// supervisor asks a server's own paths, without checking its certificate, with a token's credentials.
func (m *machine) supervisor(user, password, path string) (int, string) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
	request, err := http.NewRequest(http.MethodGet, "https://"+m.ip+":6443"+path, nil)
	if err != nil {
		return 0, err.Error()
	}
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	content, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(content)
}

// members lists the etcd members as "node voter" or "node learner", sorted, and maps nodes to full member names.
func (m *machine) members() (list []string, names map[string]string) {
	_, content := m.supervisor("server", password(m.read("/var/lib/rancher/k3s/server/token")), "/db/info")
	var info struct {
		Members []struct {
			Name      string `json:"name"`
			IsLearner bool   `json:"isLearner"`
		} `json:"members"`
	}
	if err := json.Unmarshal([]byte(content), &info); err != nil {
		return []string{"no list: " + content}, nil
	}
	names = map[string]string{}
	for _, one := range info.Members {
		node, role := one.Name[:max(0, strings.LastIndex(one.Name, "-"))], "voter"
		if one.IsLearner {
			role = "learner"
		}
		names[node] = one.Name
		list = append(list, node+" "+role)
	}
	slices.Sort(list)
	return list, names
}

func (m *machine) seesMembers(wanted ...string) {
	m.t.Helper()
	within(m.t, 60*time.Second, fmt.Sprintf("etcd members are %v", wanted), func() (bool, string) {
		list, _ := m.members()
		return slices.Equal(list, wanted), fmt.Sprint(list)
	})
}

func password(token string) string {
	_, credentials, _ := strings.Cut(strings.TrimSpace(token), "::")
	_, secret, _ := strings.Cut(credentials, ":")
	return secret
}
