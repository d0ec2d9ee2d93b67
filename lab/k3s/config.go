package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const defaultConfig = "/etc/rancher/k3s/config.yaml"

// options are the merged settings of one run: values by key, and which of them were given at all.
type options struct {
	command string
	values  map[string][]string
	// args is the same as command line words, in the form k3s records in the Node annotation k3s.io/node-args.
	args []string
}

func (o *options) list(key string) []string {
	if v, given := o.values[key]; given {
		return v
	}
	if initial := flags[key].initial; initial != "" {
		return []string{initial}
	}
	return nil
}

// commaList is for the options that k3s itself splits at commas (CIDRs, addresses, disable).
func (o *options) commaList(key string) []string {
	var parts []string
	for _, v := range o.list(key) {
		for _, part := range strings.Split(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

func (o *options) text(key string) string {
	if v := o.list(key); len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

func (o *options) given(key string) bool { return len(o.values[key]) > 0 }

func (o *options) yes(key string) bool {
	on, _ := strconv.ParseBool(o.text(key))
	return on
}

func (o *options) number(key string) int {
	n, _ := strconv.Atoi(o.text(key))
	return n
}

// secret reads KEY, or the file that KEY-file names; the direct value wins, as in k3s.
func (o *options) secret(key string) (string, error) {
	if v := o.text(key); v != "" {
		return v, nil
	}
	path := o.text(key + "-file")
	if path == "" {
		return "", nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s-file: %w", key, err)
	}
	return strings.TrimRight(string(content), "\n"), nil
}

// loadOptions merges file, drop-ins, command line and environment by k3s's rules: the command line beats the files and replaces
// whole lists; the environment only fills what neither sets.
func loadOptions(command string, args []string, env func(string) string) (*options, error) {
	line, order, err := parseArgs(command, args)
	if err != nil {
		return nil, err
	}
	path, must := defaultConfig, false
	if v := env("K3S_CONFIG_FILE"); v != "" {
		path, must = v, true
	}
	if v := line["config"]; len(v) > 0 {
		path, must = v[len(v)-1], true
	}
	merged, fileOrder, err := readFiles(path, must)
	if err != nil {
		return nil, err
	}
	o := &options{command: command, values: map[string][]string{}, args: []string{command}}
	for _, key := range fileOrder {
		f, err := lookup(command, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if err := o.set(f, merged[key]); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	for _, key := range order {
		if err := o.set(flags[key], line[key]); err != nil {
			return nil, err
		}
	}
	for _, f := range flags {
		if value := env(f.env); f.env != "" && value != "" && !o.given(f.key) {
			if _, err := lookup(command, f.key); err == nil {
				o.values[f.key] = []string{value}
			}
		}
	}
	return o, nil
}

func (o *options) set(f *flag, values []string) error {
	if f.kind != "stringSlice" && len(values) > 1 {
		return fmt.Errorf("option %q takes one value, not a list", f.key)
	}
	for _, v := range values {
		if err := f.check(v); err != nil {
			return err
		}
		shown := v
		if strings.Contains(f.key, "token") && !strings.HasSuffix(f.key, "-file") || f.key == "datastore-endpoint" || strings.Contains(f.key, "secret-key") {
			shown = "********"
		}
		if f.kind == "bool" {
			o.args = append(o.args, "--"+f.key+"="+shown)
		} else {
			o.args = append(o.args, "--"+f.key, shown)
		}
	}
	o.values[f.key] = values
	return nil
}

// parseArgs reads the command line. Every flag may be written --key value, --key=value or with its one letter.
func parseArgs(command string, args []string) (map[string][]string, []string, error) {
	values, order := map[string][]string{}, []string{}
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		if !strings.HasPrefix(word, "-") {
			return nil, nil, fmt.Errorf("unexpected argument %q", word)
		}
		key, value, inline := strings.Cut(strings.TrimLeft(word, "-"), "=")
		f, err := lookup(command, key)
		if err != nil {
			return nil, nil, fmt.Errorf("flag provided but not defined: %w", err)
		}
		switch {
		case inline:
		case f.kind == "bool":
			value = "true"
		case len(args) == 0:
			return nil, nil, fmt.Errorf("flag needs an argument: --%s", f.key)
		default:
			value, args = args[0], args[1:]
		}
		if err := f.check(value); err != nil {
			return nil, nil, err
		}
		if _, seen := values[f.key]; !seen {
			order = append(order, f.key)
		}
		if f.kind == "stringSlice" {
			values[f.key] = append(values[f.key], value)
		} else {
			values[f.key] = []string{value}
		}
	}
	return values, order, nil
}

// readFiles merges the main file and FILE.d/*.yaml|*.yml in name order: a later file replaces a key, `key+` appends to it.
func readFiles(path string, must bool) (map[string][]string, []string, error) {
	merged, order := map[string][]string{}, []string{}
	files := []string{}
	if _, err := os.Stat(path); err == nil {
		files = append(files, path)
	} else if must && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	entries, err := os.ReadDir(path + ".d")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	for _, entry := range entries {
		if ext := filepath.Ext(entry.Name()); !entry.IsDir() && (ext == ".yaml" || ext == ".yml") {
			files = append(files, filepath.Join(path+".d", entry.Name()))
		}
	}
	if must && len(files) == 0 {
		return nil, nil, fmt.Errorf("configuration file %s does not exist", path)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		if order, err = mergeFile(merged, order, content); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return merged, order, nil
}

func mergeFile(merged map[string][]string, order []string, content []byte) ([]string, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 || document.Content[0].Tag == "!!null" {
		return order, nil
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("line %d: the file must be a mapping of options", root.Line)
	}
	seen := map[string]bool{}
	for i := 0; i < len(root.Content); i += 2 {
		name, node := root.Content[i].Value, root.Content[i+1]
		if seen[name] {
			return nil, fmt.Errorf("line %d: key %q appears twice", root.Content[i].Line, name)
		}
		seen[name] = true
		key, appends := strings.CutSuffix(name, "+")
		if f, known := flags[key]; known {
			key = f.key
		}
		values, err := scalars(key, node)
		if err != nil {
			return nil, err
		}
		if _, there := merged[key]; !there {
			order = append(order, key)
		}
		if appends {
			merged[key] = append(merged[key], values...)
		} else {
			merged[key] = values
		}
	}
	return order, nil
}

// scalars turns a YAML value into option words as k3s prints them: an unquoted 0644 is the octal number 420, not the text 0644.
func scalars(key string, node *yaml.Node) ([]string, error) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind == yaml.SequenceNode {
		values := []string{}
		for _, item := range node.Content {
			one, err := scalars(key, item)
			if err != nil {
				return nil, err
			}
			if len(one) != 1 || item.Kind == yaml.SequenceNode {
				return nil, fmt.Errorf("line %d: option %q: a list may hold plain values only", item.Line, key)
			}
			values = append(values, one...)
		}
		return values, nil
	}
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		return nil, fmt.Errorf("line %d: option %q needs a value or a list of values", node.Line, key)
	}
	if node.Tag == "!!timestamp" {
		return []string{node.Value}, nil
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return nil, fmt.Errorf("line %d: option %q: %w", node.Line, key, err)
	}
	if f, known := flags[key]; known && f.kind == "bool" {
		if _, isBool := value.(bool); !isBool && node.Tag != "!!str" {
			return nil, fmt.Errorf("line %d: invalid value %q for option %q: it takes true or false", node.Line, node.Value, key)
		}
	}
	return []string{fmt.Sprint(value)}, nil
}

// tempo is how fast the stand-in's clocks run, so that tests need not wait as long as people do.
func tempo(name string, usual time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv("K3S_STANDIN_" + name)); err == nil {
		return d
	}
	return usual
}
