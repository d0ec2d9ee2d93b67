package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed flags.tsv
var flagTable string

// flag is one option of k3s: what it is called, what it takes, and since when it exists.
type flag struct {
	key, kind, initial, env, short string
	commands, since, allowed       []string
}

// flags maps each key, and each one-letter form, to its option.
var flags = parseFlags(flagTable)

func parseFlags(table string) map[string]*flag {
	found := map[string]*flag{}
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		cell := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		for i := range cell {
			if cell[i] == "-" {
				cell[i] = ""
			}
		}
		f := &flag{key: cell[0], commands: strings.Split(cell[1], "+"), kind: cell[2], initial: cell[3], env: cell[4], short: cell[5]}
		if cell[6] != "" {
			f.since = strings.Split(cell[6], ",")
		}
		if cell[7] != "" {
			f.allowed = strings.Split(cell[7], "|")
		}
		found[f.key] = f
		if f.short != "" {
			found[f.short] = f
		}
	}
	return found
}

// lookup finds an option of this command in this version.
func lookup(command, key string) (*flag, error) {
	f, known := flags[key]
	switch {
	case !known:
		return nil, fmt.Errorf("unknown option %q: no release of k3s has it (k3s itself would skip it with a warning)", key)
	case !slices.Contains(f.commands, command):
		return nil, fmt.Errorf("option %q belongs to k3s %s, not to k3s %s", f.key, strings.Join(f.commands, " and "), command)
	case !f.existsIn(version):
		return nil, fmt.Errorf("option %q does not exist in %s, only since %s", f.key, version, strings.Join(f.since, ", "))
	}
	return f, nil
}

var versionForm = regexp.MustCompile(`^v1\.(\d+)(?:\.(\d+))?`)

func minorPatch(v string) (minor, patch int) {
	m := versionForm.FindStringSubmatch(v)
	if m == nil {
		return 0, 0
	}
	minor, _ = strconv.Atoi(m[1])
	patch, _ = strconv.Atoi(m[2])
	return minor, patch
}

// existsIn says whether a release has the option: an option that was carried back names one first patch for each minor.
func (f *flag) existsIn(release string) bool {
	minor, patch := minorPatch(release)
	newest := 0
	for _, since := range f.since {
		m, p := minorPatch(since)
		if m == minor {
			return patch >= p
		}
		newest = max(newest, m)
	}
	return minor > newest || len(f.since) == 0
}

// check refuses values that the option cannot take.
func (f *flag) check(value string) error {
	var err error
	switch f.kind {
	case "bool":
		_, err = strconv.ParseBool(value)
	case "int":
		_, err = strconv.Atoi(value)
	case "duration":
		_, err = time.ParseDuration(value)
	}
	if err != nil {
		return fmt.Errorf("invalid value %q for option %q: it takes a %s", value, f.key, f.kind)
	}
	if f.allowed != nil && value != "" && !slices.Contains(f.allowed, value) {
		return fmt.Errorf("invalid value %q for option %q: it takes one of %s", value, f.key, strings.Join(f.allowed, ", "))
	}
	return nil
}
