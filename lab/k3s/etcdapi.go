package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"
)

// etcdAPI speaks to etcd through its own JSON gateway, with etcd's client certificate.
type etcdAPI struct {
	http *http.Client
	urls []string
}

type member struct {
	ID         string   `json:"ID"`
	Name       string   `json:"name"`
	PeerURLs   []string `json:"peerURLs"`
	ClientURLs []string `json:"clientURLs"`
	IsLearner  bool     `json:"isLearner"`
}

type etcdStatus struct {
	Header struct {
		MemberID string `json:"member_id"`
	} `json:"header"`
	Leader    string   `json:"leader"`
	IsLearner bool     `json:"isLearner"`
	Errors    []string `json:"errors"`
}

func newEtcdAPI(tlsDir string, urls ...string) (*etcdAPI, error) {
	ca, err := loadAuthority(filepath.Join(tlsDir, "etcd/server-ca"))
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(tlsDir, "etcd/client.crt"), filepath.Join(tlsDir, "etcd/client.key"))
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{pair}}}
	return &etcdAPI{http: &http.Client{Transport: transport, Timeout: 10 * time.Second}, urls: urls}, nil
}

// call asks the endpoints in turn; the first that answers, even with a refusal, decides.
func (e *etcdAPI) call(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	failed := errors.New("no etcd endpoint")
	for _, url := range e.urls {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		response, err := e.http.Do(request)
		if err != nil {
			failed = err
			continue
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil {
			failed = err
			continue
		}
		if response.StatusCode != http.StatusOK {
			var refusal struct {
				Message string `json:"message"`
			}
			_ = json.Unmarshal(answer, &refusal)
			return fmt.Errorf("etcd %s: %s", path, refusal.Message)
		}
		return json.Unmarshal(answer, out)
	}
	return failed
}

func (e *etcdAPI) status(ctx context.Context) (etcdStatus, error) {
	// etcd's gateway lets the first calls of a member that is still starting hang: better to ask again soon.
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var s etcdStatus
	err := e.call(ctx, "/v3/maintenance/status", struct{}{}, &s)
	return s, err
}

func (e *etcdAPI) members(ctx context.Context) ([]member, error) {
	var list struct {
		Members []member `json:"members"`
	}
	err := e.call(ctx, "/v3/cluster/member/list", map[string]bool{"linearizable": true}, &list)
	return list.Members, err
}

func (e *etcdAPI) addLearner(ctx context.Context, peerURL string) error {
	return e.call(ctx, "/v3/cluster/member/add", map[string]any{"peerURLs": []string{peerURL}, "isLearner": true}, &struct{}{})
}

func (e *etcdAPI) promote(ctx context.Context, id string) error {
	return e.call(ctx, "/v3/cluster/member/promote", map[string]string{"ID": id}, &struct{}{})
}

func (e *etcdAPI) remove(ctx context.Context, id string) error {
	return e.call(ctx, "/v3/cluster/member/remove", map[string]string{"ID": id}, &struct{}{})
}

func (e *etcdAPI) put(ctx context.Context, key string, value []byte) error {
	return e.call(ctx, "/v3/kv/put", map[string]string{"key": encode(key), "value": base64.StdEncoding.EncodeToString(value)}, &struct{}{})
}

// withPrefix returns the keys and values below a prefix.
func (e *etcdAPI) withPrefix(ctx context.Context, prefix string) (map[string][]byte, error) {
	end := prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)
	var answer struct {
		Kvs []struct {
			Key   []byte `json:"key"`
			Value []byte `json:"value"`
		} `json:"kvs"`
	}
	if err := e.call(ctx, "/v3/kv/range", map[string]string{"key": encode(prefix), "range_end": encode(end)}, &answer); err != nil {
		return nil, err
	}
	found := map[string][]byte{}
	for _, kv := range answer.Kvs {
		found[string(kv.Key)] = kv.Value
	}
	return found, nil
}

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// retryable says whether a join may simply try again: another member is still joining, or the peers have not met yet.
func retryable(err error) bool {
	for _, text := range []string{"too many learner members", "unhealthy cluster", "no leader", "timed out", "leader changed"} {
		if strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}
