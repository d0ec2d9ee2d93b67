package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// cniDir is where another CNI than flannel puts its configuration; as long as it is empty such a node is not Ready.
const cniDir = "/etc/cni/net.d"

// node keeps this machine's Node object: it registers it once, as a kubelet does, then renews its Lease and its conditions.
type node struct {
	agent   *agent
	api     *kubeAPI
	flannel string
}

type object struct {
	Metadata struct {
		Name              string            `json:"name"`
		Labels            map[string]string `json:"labels,omitempty"`
		Annotations       map[string]string `json:"annotations,omitempty"`
		Finalizers        []string          `json:"finalizers,omitempty"`
		ResourceVersion   string            `json:"resourceVersion,omitempty"`
		UID               string            `json:"uid,omitempty"`
		DeletionTimestamp string            `json:"deletionTimestamp,omitempty"`
	} `json:"metadata"`
	Spec struct {
		Taints    []taint `json:"taints,omitempty"`
		RenewTime string  `json:"renewTime,omitempty"`
	} `json:"spec"`
	Status struct {
		Conditions []condition `json:"conditions,omitempty"`
	} `json:"status"`
}

type condition struct {
	Type       string `json:"type"`
	Status     string `json:"status"`
	Reason     string `json:"reason"`
	Message    string `json:"message"`
	Heartbeat  string `json:"lastHeartbeatTime,omitempty"`
	Transition string `json:"lastTransitionTime,omitempty"`
}

func (o *object) condition(kind string) condition {
	for _, c := range o.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return condition{}
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }

func (n *node) path() string { return "/api/v1/nodes/" + n.agent.node }

func (n *node) labels() map[string]string {
	labels := map[string]string{
		"kubernetes.io/hostname": n.agent.node, "kubernetes.io/os": "linux", "kubernetes.io/arch": runtime.GOARCH,
		"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": runtime.GOARCH,
		"node.kubernetes.io/instance-type": "k3s", "beta.kubernetes.io/instance-type": "k3s",
	}
	for _, label := range n.agent.o.list("node-label") {
		key, value, _ := strings.Cut(label, "=")
		labels[key] = value
	}
	return labels
}

func (n *node) annotations() map[string]string {
	args, _ := json.Marshal(n.agent.o.args)
	annotations := map[string]string{
		"k3s.io/hostname": n.agent.node, "k3s.io/internal-ip": n.agent.ip, "alpha.kubernetes.io/provided-node-ip": n.agent.ip,
		"k3s.io/node-args": string(args), "k3s.io/node-env": "{}", "k3s.io/node-config-hash": strings.ToUpper(hexSum(args)),
		"coracle.dev/standin": "lab stand-in for k3s",
	}
	if external := n.agent.o.commaList("node-external-ip"); len(external) > 0 {
		annotations["k3s.io/external-ip"] = strings.Join(external, ",")
	}
	return annotations
}

// register makes the Node, with its taints, or brings labels and annotations of the existing one up to date; taints are left alone
// then, as k3s's documentation says of node-taint.
func (n *node) register(ctx context.Context) error {
	taints := []taint{}
	for _, text := range n.agent.o.list("node-taint") {
		t, err := parseTaint(text)
		if err != nil {
			return err
		}
		taints = append(taints, t)
	}
	metadata := map[string]any{"name": n.agent.node, "labels": n.labels(), "annotations": n.annotations()}
	err := n.api.send(ctx, http.MethodPost, "/api/v1/nodes", "application/json", map[string]any{
		"apiVersion": "v1", "kind": "Node", "metadata": metadata,
		"spec": map[string]any{"taints": taints, "providerID": "k3s://" + n.agent.node},
	}, nil)
	var refused *apiError
	if errors.As(err, &refused) && refused.code == http.StatusConflict {
		err = n.api.patch(ctx, n.path(), mergePatch, map[string]any{"metadata": metadata})
	}
	if err != nil {
		return err
	}
	var made object
	if _, err := n.api.get(ctx, n.path(), &made); err != nil {
		return err
	}
	return n.report(ctx, &made)
}

// report writes the Node's status: addresses, what the machine is, and the conditions a kubelet gives.
func (n *node) report(ctx context.Context, before *object) error {
	addresses := []map[string]string{{"type": "InternalIP", "address": n.agent.ip}}
	for _, ip := range n.agent.o.commaList("node-external-ip") {
		addresses = append(addresses, map[string]string{"type": "ExternalIP", "address": ip})
	}
	addresses = append(addresses, map[string]string{"type": "Hostname", "address": n.agent.node})
	var kernel syscall.Utsname
	_ = syscall.Uname(&kernel)
	resources := map[string]string{"cpu": "2", "memory": "2Gi", "pods": "110", "ephemeral-storage": "10Gi"}
	dated := func(c condition) condition {
		c.Heartbeat, c.Transition = now(), now()
		if had := before.condition(c.Type); had.Status == c.Status && had.Transition != "" {
			c.Transition = had.Transition
		}
		return c
	}
	good := func(kind, reason, message string) condition {
		return dated(condition{Type: kind, Status: "False", Reason: reason, Message: message})
	}
	return n.api.patch(ctx, n.path()+"/status", strategicPatch, map[string]any{"status": map[string]any{
		"addresses": addresses, "capacity": resources, "allocatable": resources,
		"conditions": []condition{
			good("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
			good("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
			good("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"), dated(n.ready()),
		},
		"nodeInfo": map[string]string{
			"kubeletVersion": version, "kubeProxyVersion": version, "osImage": osImage(), "operatingSystem": "linux", "architecture": runtime.GOARCH,
			"containerRuntimeVersion": "containerd://2.3.4-k3s1.36", "kernelVersion": chars(kernel.Release[:]),
			"machineID": line("/etc/machine-id"), "systemUUID": line("/etc/machine-id"), "bootID": line("/proc/sys/kernel/random/boot_id"),
		},
	}})
}

// ready is the kubelet's Ready condition. With flannel-backend none nothing brings a CNI, and the node waits for one.
func (n *node) ready() condition {
	c := condition{Type: "Ready", Status: "True", Reason: "KubeletReady", Message: "kubelet is posting ready status"}
	if found, _ := filepath.Glob(cniDir + "/*.conf*"); n.flannel == "none" && len(found) == 0 {
		c.Status, c.Reason = "False", "KubeletNotReady"
		c.Message = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
	}
	return c
}

// live renews the Lease and, when the API says something else of Ready than this node does, the status.
func (n *node) live(ctx context.Context) error {
	return poll(ctx, tempo("HEARTBEAT", 5*time.Second), func() (bool, error) {
		var current object
		there, err := n.api.get(ctx, n.path(), &current)
		if err != nil || !there || current.Metadata.DeletionTimestamp != "" {
			return false, nil
		}
		if current.condition("Ready").Status != n.ready().Status {
			err = n.report(ctx, &current)
		}
		if err = errors.Join(err, n.renew(ctx, current.Metadata.UID)); err != nil {
			logf("error", "Failed to update node %s: %v", n.agent.node, err)
		}
		return false, nil
	})
}

func (n *node) renew(ctx context.Context, uid string) error {
	leases := "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
	spec := map[string]any{"holderIdentity": n.agent.node, "leaseDurationSeconds": 40, "renewTime": time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")}
	err := n.api.patch(ctx, leases+"/"+n.agent.node, mergePatch, map[string]any{"spec": spec})
	var refused *apiError
	if errors.As(err, &refused) && refused.code == http.StatusNotFound {
		owner := []any{map[string]string{"apiVersion": "v1", "kind": "Node", "name": n.agent.node, "uid": uid}}
		return n.api.send(ctx, http.MethodPost, leases, "application/json", map[string]any{
			"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": spec,
			"metadata": map[string]any{"name": n.agent.node, "ownerReferences": owner},
		}, nil)
	}
	return err
}

func osImage() string {
	content, _ := os.ReadFile("/etc/os-release")
	for text := range strings.Lines(string(content)) {
		if name, found := strings.CutPrefix(strings.TrimSpace(text), "PRETTY_NAME="); found {
			return strings.Trim(name, `"`)
		}
	}
	return "Linux"
}

func line(path string) string {
	content, _ := os.ReadFile(path)
	return strings.TrimSpace(string(content))
}

func chars(raw []int8) string {
	text := []byte{}
	for _, c := range raw {
		if c == 0 {
			break
		}
		text = append(text, byte(c))
	}
	return string(text)
}
