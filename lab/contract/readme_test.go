package contract

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	inTable = regexp.MustCompile("\\| `(Test[^`]+)` \\|")
	asFunc  = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	asStep  = regexp.MustCompile(`(?m)(?:t\.Run\(|^\t\t\{)"([^"]+)",`)
)

// TestEveryFactHasATest compares the table in README.md with the tests: neither may have what the other lacks.
func TestEveryFactHasATest(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	facts := map[string]bool{}
	for _, found := range inTable.FindAllStringSubmatch(string(readme), -1) {
		facts[found[1]] = true
	}
	tests := map[string]bool{}
	files, _ := filepath.Glob("*_test.go")
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := asFunc.FindAllStringSubmatch(string(source), -1)
		steps := asStep.FindAllStringSubmatch(string(source), -1)
		for _, name := range names {
			if name[1] != "TestMain" && name[1] != "TestEveryFactHasATest" && len(steps) == 0 {
				tests[name[1]] = true
			}
			for _, step := range steps {
				tests[name[1]+"/"+strings.ReplaceAll(step[1], " ", "_")] = true
			}
		}
	}
	for name := range facts {
		if !tests[name] {
			t.Errorf("README.md names a test that is not there: %s", name)
		}
	}
	for name := range tests {
		if !facts[name] {
			t.Errorf("README.md has no fact for %s", name)
		}
	}
	if len(facts) < 30 {
		t.Errorf("only %d facts were read", len(facts))
	}
}
