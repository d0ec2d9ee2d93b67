package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// listen opens k3s's one port. The supervisor's own paths are answered here; everything else goes to kube-apiserver, to which this
// server vouches for client certificates as a front proxy. Bearer tokens are passed through.
func (s *server) listen(ctx context.Context, failed chan<- error) error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.tls, "serving-kube-apiserver.crt"), filepath.Join(s.tls, "serving-kube-apiserver.key"))
	if err != nil {
		return err
	}
	clients, err := loadAuthority(filepath.Join(s.tls, "client-ca"))
	if err != nil {
		return err
	}
	proxy, err := s.proxy()
	if err != nil {
		return err
	}
	own := s.supervisor()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := own.Handler(r); pattern != "" {
			own.ServeHTTP(w, r)
			return
		}
		if s.api.Load() == nil {
			http.Error(w, "apiserver not ready", http.StatusServiceUnavailable)
			return
		}
		if !vouch(r, clients.pool()) {
			http.Error(w, "Unauthorized", http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	})
	listener, err := net.Listen("tcp", net.JoinHostPort(s.o.text("bind-address"), fmt.Sprint(s.port())))
	if err != nil {
		return err
	}
	quiet := log.New(discard{}, "", 0)
	front := &http.Server{Handler: handler, ErrorLog: quiet, ReadHeaderTimeout: 30 * time.Second, TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12,
	}}
	go func() {
		if err := front.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
	go func() {
		<-ctx.Done()
		front.Close()
	}()
	return nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// vouch replaces what the caller claims about itself by what its certificate proves. A certificate of another CA is refused.
func vouch(r *http.Request, clients *x509.CertPool) bool {
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Remote-") {
			r.Header.Del(name)
		}
	}
	if len(r.TLS.PeerCertificates) == 0 {
		return true
	}
	cert, between := r.TLS.PeerCertificates[0], x509.NewCertPool()
	for _, c := range r.TLS.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := cert.Verify(x509.VerifyOptions{Roots: clients, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil {
		return false
	}
	r.Header.Set("X-Remote-User", cert.Subject.CommonName)
	for _, org := range cert.Subject.Organization {
		r.Header.Add("X-Remote-Group", org)
	}
	return true
}

func (s *server) proxy() (http.Handler, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(s.tls, "client-auth-proxy.crt"), filepath.Join(s.tls, "client-auth-proxy.key"))
	if err != nil {
		return nil, err
	}
	ca, err := loadAuthority(filepath.Join(s.tls, "server-ca"))
	if err != nil {
		return nil, err
	}
	target := &url.URL{Scheme: "https", Host: fmt.Sprintf("127.0.0.1:%d", s.port()+1)}
	vouched := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool(), Certificates: []tls.Certificate{pair}}, MaxIdleConnsPerHost: 32}
	// Without a certificate of the caller nothing may arrive as if vouched for: the proxy's own certificate stays away as well.
	plain := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.pool()}, MaxIdleConnsPerHost: 8}
	return &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(target); p.Out.Host = p.In.Host },
		FlushInterval: -1,
		ErrorLog:      log.New(discard{}, "", 0),
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("X-Remote-User") != "" {
				return vouched.RoundTrip(r)
			}
			return plain.RoundTrip(r)
		}),
		ModifyResponse: stampVersion,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, "apiserver not ready: "+err.Error(), http.StatusServiceUnavailable)
		},
	}, nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
