package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// apiserverArgs are what kube-apiserver gets: what k3s gives it (RBAC, no anonymous access, front proxy, etcd with certificates)
// and, for small machines, none of its caches.
func (s *server) apiserverArgs() []string {
	file := func(name string) string { return filepath.Join(s.tls, name) }
	domain := s.o.text("cluster-domain")
	values := map[string]string{
		"advertise-address": s.store.ip,
		"bind-address":      "127.0.0.1", "secure-port": fmt.Sprint(s.port() + 1),
		"allow-privileged": "true", "anonymous-auth": "false", "authorization-mode": "Node,RBAC", "profiling": "false",
		"enable-admission-plugins":  "NodeRestriction",
		"disable-admission-plugins": "MutatingAdmissionWebhook,ValidatingAdmissionWebhook,ValidatingAdmissionPolicy,StorageObjectInUseProtection,DefaultStorageClass,PersistentVolumeClaimResize,DefaultIngressClass",
		"api-audiences":             "https://kubernetes.default.svc." + domain + ",k3s",
		"service-account-issuer":    "https://kubernetes.default.svc." + domain,
		"service-account-key-file":  file("service.key"), "service-account-signing-key-file": file("service.key"),
		"service-cluster-ip-range": strings.Join(s.o.commaList("service-cidr"), ","),
		"service-node-port-range":  s.o.text("service-node-port-range"),
		"client-ca-file":           file("client-ca.crt"),
		"tls-cert-file":            file("serving-kube-apiserver.crt"), "tls-private-key-file": file("serving-kube-apiserver.key"),
		"kubelet-client-certificate": file("client-kube-apiserver.crt"), "kubelet-client-key": file("client-kube-apiserver.key"),
		"requestheader-client-ca-file": file("request-header-ca.crt"), "requestheader-allowed-names": "system:auth-proxy",
		"requestheader-username-headers": "X-Remote-User", "requestheader-group-headers": "X-Remote-Group",
		"requestheader-extra-headers-prefix": "X-Remote-Extra-",
		"proxy-client-cert-file":             file("client-auth-proxy.crt"), "proxy-client-key-file": file("client-auth-proxy.key"),
		"etcd-servers": "https://127.0.0.1:2379", "etcd-cafile": file("etcd/server-ca.crt"),
		"etcd-certfile": file("etcd/client.crt"), "etcd-keyfile": file("etcd/client.key"),
		"storage-backend": "etcd3", "watch-cache": "false", "goaway-chance": "0", "enable-priority-and-fairness": "false",
		"shutdown-delay-duration": "0s", "v": "0",
	}
	if s.o.yes("secrets-encryption") {
		values["encryption-provider-config"] = s.encryptionFile()
	}
	args := []string{}
	extra := s.o.list("kube-apiserver-arg")
	for _, arg := range extra {
		key, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		delete(values, key)
	}
	for key, value := range values {
		args = append(args, "--"+key+"="+value)
	}
	for _, arg := range extra {
		args = append(args, "--"+strings.TrimLeft(arg, "-"))
	}
	return args
}
