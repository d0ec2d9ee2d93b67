package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func load(t *testing.T, files map[string]string, env map[string]string, args ...string) (*options, error) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := writeFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return loadOptions("server", args, func(name string) string {
		if name == "K3S_CONFIG_FILE" {
			return filepath.Join(dir, "config.yaml")
		}
		return env[name]
	})
}

func TestTheDocumentedExampleOfMergingComesOutAsDocumented(t *testing.T) {
	o, err := load(t, map[string]string{
		"config.yaml":           "token: boop\nnode-label: [foo=bar, bar=baz]\n",
		"config.yaml.d/10.yaml": "write-kubeconfig-mode: 600\nnode-taint: ['alice=bob:NoExecute']\n",
		"config.yaml.d/20.yaml": "write-kubeconfig-mode: 777\nnode-label: [other=what, foo=three]\nnode-taint+: ['charlie=delta:NoSchedule']\n",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"config": o.values["config"], "token": {"boop"}, "write-kubeconfig-mode": {"777"}, "node-label": {"other=what", "foo=three"},
		"node-taint": {"alice=bob:NoExecute", "charlie=delta:NoSchedule"},
	}
	if !reflect.DeepEqual(o.values, want) {
		t.Errorf("%v", o.values)
	}
}

func TestTheCommandLineBeatsFilesAndTheEnvironmentOnlyFillsGaps(t *testing.T) {
	o, err := load(t, map[string]string{"config.yaml": "server: https://file:6443\ntls-san: [a, b]\n"},
		map[string]string{"K3S_URL": "https://env:6443", "K3S_TOKEN": "env"}, "--tls-san", "c", "--tls-san=d", "--cluster-init")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{o.text("server"), o.text("token"), strings.Join(o.list("tls-san"), "+"), o.text("cluster-init"), o.text("data-dir")}
	if want := []string{"https://file:6443", "env", "c+d", "true", "/var/lib/rancher/k3s"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

func TestAnUnquotedModeIsTheOctalNumber(t *testing.T) {
	o, err := load(t, map[string]string{"config.yaml": "write-kubeconfig-mode: 0644\n"}, nil)
	if err != nil || o.text("write-kubeconfig-mode") != "420" {
		t.Errorf("%v %v", o, err)
	}
}

func TestSecretsAreHiddenInTheRecordedArguments(t *testing.T) {
	o, err := load(t, map[string]string{"config.yaml": "token: boop\nagent-token: beep\netcd-s3-secret-key: bip\ntoken-file: /t\n"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if args := strings.Join(o.args, " "); strings.Contains(args, "boop") || strings.Contains(args, "beep") || strings.Contains(args, "bip") || !strings.Contains(args, "/t") {
		t.Error(args)
	}
}

func TestAnOptionExistsSinceItsFirstPatchOfEachMinor(t *testing.T) {
	for release, want := range map[string]bool{"v1.36.2+k3s1": false, "v1.36.3+k3s1": true, "v1.35.6+k3s1": false, "v1.35.7+k3s1": true, "v1.37.0+k3s1": true, "v1.32.9+k3s1": false} {
		if got := flags["helm-controller-arg"].existsIn(release); got != want {
			t.Errorf("%s: %v", release, got)
		}
	}
}

func TestTokensAreReadAsDocumented(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	for text, want := range map[string]token{
		"mypassword":                               {password: "mypassword"},
		"abcdef.0123456789abcdef":                  {password: "abcdef.0123456789abcdef", bootstrap: true},
		"K10" + hash + "::server:a:b":              {caHash: hash, user: "server", password: "a:b"},
		"K10" + hash + "::node:pw":                 {caHash: hash, user: "node", password: "pw"},
		"K10" + hash + "::abcdef.0123456789abcdef": {caHash: hash, password: "abcdef.0123456789abcdef", bootstrap: true},
		"K10::server:pw":                           {user: "server", password: "pw"},
	} {
		if got, err := parseToken(text); err != nil || got != want {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "K10deadbeef::server:pw", "K10" + hash + "::server:", "K10" + hash + "::server", "K10" + hash + "::", "K10" + hash} {
		if got, err := parseToken(text); err == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestTheVersionIsTheLastLineOfTheExecutable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k3s")
	body := strings.Repeat("x", 200)
	for end, want := range map[string]string{"\ncoracle-lab-version=v1.36.5+k3s1\n": "v1.36.5+k3s1", "\ncoracle-lab-version=v1\nmore": "other", "": "other"} {
		if err := os.WriteFile(path, []byte(body+end), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := stampedVersion(path, "other"); got != want {
			t.Errorf("%q: %s", end, got)
		}
	}
}
