package main

import (
	"context"
	"net/http"
	"slices"
	"time"
)

const (
	nodeFinalizer   = "wrangler.cattle.io/node"
	memberFinalizer = "wrangler.cattle.io/managed-etcd-controller"
	nameAnnotation  = "etcd.k3s.cattle.io/node-name"
	addrAnnotation  = "etcd.k3s.cattle.io/node-address"
	roleLabel       = "node-role.kubernetes.io/"
)

// markServerNode gives this server's Node what a kubelet may not give itself: the roles, and which etcd member it is.
func (s *server) markServerNode(ctx context.Context) {
	labels := map[string]string{roleLabel + "control-plane": "true"}
	annotations := map[string]any{"etcd.k3s.cattle.io/remove": nil, "etcd.k3s.cattle.io/removed-node-name": nil}
	if s.store.embedded {
		labels[roleLabel+"etcd"] = "true"
		annotations[nameAnnotation], annotations[addrAnnotation] = s.store.name, s.store.ip
	}
	_ = poll(ctx, time.Second, func() (bool, error) {
		err := s.admin.patch(ctx, "/api/v1/nodes/"+s.node, mergePatch, map[string]any{"metadata": map[string]any{"labels": labels, "annotations": annotations}})
		if err != nil {
			logf("error", "Unable to set control-plane role label: %v", err)
		}
		return err == nil, nil
	})
}

// leaderDuties are what k3s's controllers and the node lifecycle controller do. The server whose etcd leads does them.
func (s *server) leaderDuties(ctx context.Context) {
	_ = poll(ctx, tempo("TICK", 2*time.Second), func() (bool, error) {
		status, err := s.store.api.status(ctx)
		if err != nil || status.Leader != status.Header.MemberID {
			return false, nil
		}
		var nodes, leases struct {
			Items []object `json:"items"`
		}
		if _, err := s.admin.get(ctx, "/api/v1/nodes", &nodes); err != nil {
			return false, nil
		}
		if _, err := s.admin.get(ctx, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", &leases); err != nil {
			return false, nil
		}
		renewed := map[string]string{}
		for _, l := range leases.Items {
			renewed[l.Metadata.Name] = l.Spec.RenewTime
		}
		members, err := s.store.api.members(ctx)
		if err != nil {
			return false, nil
		}
		for i := range nodes.Items {
			err := s.tend(ctx, &nodes.Items[i], renewed[nodes.Items[i].Metadata.Name], members)
			// A conflict says that the Node changed meanwhile: the next round sees it as it is now.
			if refused, ok := err.(*apiError); err != nil && !(ok && refused.code == http.StatusConflict) {
				logf("error", "error syncing '%s': %v", nodes.Items[i].Metadata.Name, err)
			}
		}
		return false, nil
	})
}

// tend brings one Node to where it belongs.
func (s *server) tend(ctx context.Context, n *object, renewed string, members []member) error {
	own := memberOf(n, members)
	if n.Metadata.DeletionTimestamp != "" {
		return s.farewell(ctx, n, own)
	}
	if n.Metadata.Annotations["etcd.k3s.cattle.io/remove"] == "true" && n.Metadata.Annotations[nameAnnotation] != "" {
		return s.detach(ctx, n, own)
	}
	if err := s.guardDeletion(ctx, n); err != nil {
		return err
	}
	if err := s.judgeReady(ctx, n, renewed); err != nil {
		return err
	}
	if s.store.embedded && n.Metadata.Labels[roleLabel+"etcd"] == "true" {
		return s.setCondition(ctx, n, voterCondition(own))
	}
	return nil
}

func memberOf(n *object, members []member) *member {
	for i := range members {
		if name := n.Metadata.Annotations[nameAnnotation]; name != "" && members[i].Name == name {
			return &members[i]
		}
	}
	return nil
}

// guardDeletion sets k3s's finalizers, so that a deleted Node stays until its member and its password are gone.
func (s *server) guardDeletion(ctx context.Context, n *object) error {
	wanted := n.Metadata.Finalizers
	wanted = appendNew(slices.Clone(wanted), nodeFinalizer)
	if n.Metadata.Annotations[nameAnnotation] != "" {
		wanted = appendNew(wanted, memberFinalizer)
	}
	if len(wanted) == len(n.Metadata.Finalizers) {
		return nil
	}
	return s.setFinalizers(ctx, n, wanted)
}

func (s *server) setFinalizers(ctx context.Context, n *object, finalizers []string) error {
	return s.admin.patch(ctx, "/api/v1/nodes/"+n.Metadata.Name, mergePatch,
		map[string]any{"metadata": map[string]any{"finalizers": finalizers, "resourceVersion": n.Metadata.ResourceVersion}})
}

// farewell removes what belongs to a deleted Node: its etcd member, then the finalizers. Its password follows the Node: in k3s
// by garbage collection, for the Node is its owner.
func (s *server) farewell(ctx context.Context, n *object, own *member) error {
	if own != nil {
		logf("info", "Removing name=%s id=%s from etcd", own.Name, own.ID)
		if err := s.store.api.remove(ctx, own.ID); err != nil {
			return err
		}
	}
	rest := slices.DeleteFunc(slices.Clone(n.Metadata.Finalizers), func(f string) bool { return f == nodeFinalizer || f == memberFinalizer })
	if err := s.setFinalizers(ctx, n, rest); err != nil {
		return err
	}
	err := s.admin.send(ctx, http.MethodDelete, "/api/v1/namespaces/kube-system/secrets/"+n.Metadata.Name+".node-password.k3s", "", nil, nil)
	if refused, ok := err.(*apiError); err != nil && (!ok || refused.code != http.StatusNotFound) {
		return err
	}
	return nil
}

// detach removes the member of a Node that carries etcd.k3s.cattle.io/remove, and keeps the Node.
func (s *server) detach(ctx context.Context, n *object, own *member) error {
	name := n.Metadata.Annotations[nameAnnotation]
	if own != nil {
		if err := s.store.api.remove(ctx, own.ID); err != nil {
			return err
		}
	}
	return s.admin.patch(ctx, "/api/v1/nodes/"+n.Metadata.Name, mergePatch, map[string]any{"metadata": map[string]any{
		"annotations": map[string]any{"etcd.k3s.cattle.io/removed-node-name": name, nameAnnotation: nil, addrAnnotation: nil},
	}})
}

func voterCondition(own *member) condition {
	switch {
	case own == nil:
		return condition{Type: "EtcdIsVoter", Status: "False", Reason: "NotAMember", Message: "Node is not a member of the etcd cluster"}
	case own.IsLearner:
		return condition{Type: "EtcdIsVoter", Status: "False", Reason: "MemberIsLearner", Message: "Node has not been promoted to voting member of the etcd cluster"}
	}
	return condition{Type: "EtcdIsVoter", Status: "True", Reason: "MemberNotLearner", Message: "Node is a voting member of the etcd cluster"}
}

func (s *server) setCondition(ctx context.Context, n *object, wanted condition) error {
	have := n.condition(wanted.Type)
	if have.Status == wanted.Status && have.Reason == wanted.Reason {
		return nil
	}
	wanted.Heartbeat, wanted.Transition = now(), have.Transition
	if have.Status != wanted.Status {
		wanted.Transition = now()
	}
	return s.admin.patch(ctx, "/api/v1/nodes/"+n.Metadata.Name+"/status", strategicPatch,
		map[string]any{"status": map[string]any{"conditions": []condition{wanted}}})
}

// judgeReady is the node lifecycle controller: a Node whose Lease is stale becomes Unknown, and taints follow the condition.
func (s *server) judgeReady(ctx context.Context, n *object, renewed string) error {
	ready := n.condition("Ready")
	last, err := time.Parse(time.RFC3339, renewed)
	if err != nil || time.Since(last) > tempo("LEASE_STALE", 20*time.Second) {
		if heartbeat, e := time.Parse(time.RFC3339, ready.Heartbeat); err == nil || e != nil || time.Since(heartbeat) > tempo("LEASE_STALE", 20*time.Second) {
			ready = condition{Type: "Ready", Status: "Unknown", Reason: "NodeStatusUnknown", Message: "Kubelet stopped posting node status."}
			if err := s.setCondition(ctx, n, ready); err != nil {
				return err
			}
		}
	}
	automatic := []string{"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}
	taints := slices.DeleteFunc(slices.Clone(n.Spec.Taints), func(t taint) bool { return slices.Contains(automatic, t.Key) })
	key := map[string]string{"False": automatic[0], "": automatic[0], "Unknown": automatic[1]}[ready.Status]
	if key != "" {
		taints = append(taints, taint{Key: key, Effect: "NoSchedule"}, taint{Key: key, Effect: "NoExecute"})
	}
	plain := func(list []taint) []taint {
		list = slices.Clone(list)
		for i := range list {
			list[i].Added = ""
		}
		return list
	}
	if slices.Equal(plain(taints), plain(n.Spec.Taints)) {
		return nil
	}
	return s.admin.patch(ctx, "/api/v1/nodes/"+n.Metadata.Name, mergePatch,
		map[string]any{"metadata": map[string]any{"resourceVersion": n.Metadata.ResourceVersion}, "spec": map[string]any{"taints": taints}})
}
