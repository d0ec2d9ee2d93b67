package main

import (
	"fmt"
	"strings"
)

// kubeletLabels are the labels below kubernetes.io and k8s.io that a kubelet may give itself; it does not start with any other.
var kubeletLabels = map[string]bool{
	"kubernetes.io/hostname": true, "kubernetes.io/arch": true, "kubernetes.io/os": true,
	"beta.kubernetes.io/arch": true, "beta.kubernetes.io/os": true, "beta.kubernetes.io/instance-type": true,
	"node.kubernetes.io/instance-type": true, "topology.kubernetes.io/region": true, "topology.kubernetes.io/zone": true,
	"failure-domain.beta.kubernetes.io/region": true, "failure-domain.beta.kubernetes.io/zone": true,
}

func checkLabels(o *options) error {
	for _, label := range o.list("node-label") {
		key, _, found := strings.Cut(label, "=")
		domain, _, prefixed := strings.Cut(key, "/")
		if !found || key == "" {
			return fmt.Errorf("invalid node-label %q: it is key=value", label)
		}
		own := prefixed && (under(domain, "kubernetes.io") || under(domain, "k8s.io"))
		free := under(domain, "node.kubernetes.io") || under(domain, "kubelet.kubernetes.io")
		if own && !free && !kubeletLabels[key] {
			return fmt.Errorf("unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [%s]", key)
		}
	}
	for _, taint := range o.list("node-taint") {
		if _, err := parseTaint(taint); err != nil {
			return err
		}
	}
	return nil
}

func under(domain, parent string) bool {
	return domain == parent || strings.HasSuffix(domain, "."+parent)
}

type taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"`
	Added  string `json:"timeAdded,omitempty"`
}

func parseTaint(text string) (taint, error) {
	key, effect, found := strings.Cut(text, ":")
	if i := strings.LastIndex(text, ":"); i >= 0 {
		key, effect = text[:i], text[i+1:]
	}
	name, value, _ := strings.Cut(key, "=")
	switch effect {
	case "NoSchedule", "PreferNoSchedule", "NoExecute":
	default:
		found = false
	}
	if !found || name == "" {
		return taint{}, fmt.Errorf("invalid node-taint %q: it is key=value:NoSchedule, PreferNoSchedule or NoExecute", text)
	}
	return taint{Key: name, Value: value, Effect: effect}, nil
}
