package archtest

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// helpers are left out of the picture: small packages that several others use.
var helpers = []string{"internal/guard", "internal/hostlimits", "internal/memprog"}

// TestHouse compares the picture of the packages on ARCHITECTURE.md's first page with the
// imports. An arrow leads to what a package imports, unless another of its arrows leads
// there on a way round.
func TestHouse(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	if graph := house(t); !strings.Contains(string(page), graph) {
		t.Errorf("ARCHITECTURE.md does not have the house as it is:\n%s", graph)
	}
}

// house draws the packages, those that others build on last.
func house(t *testing.T) string {
	imports := map[string][]string{}
	for _, p := range list(t) {
		name := short(p.ImportPath)
		if !pictured(name) {
			continue
		}
		imports[name] = nil
		for _, imp := range p.Imports {
			if inModule(imp) && pictured(short(imp)) {
				imports[name] = append(imports[name], short(imp))
			}
		}
	}
	names := make([]string, 0, len(imports))
	for name := range imports {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if d := height(imports, b) - height(imports, a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var b strings.Builder
	fmt.Fprintln(&b, "```mermaid\nflowchart TD")
	for _, name := range names {
		for _, to := range direct(imports, name) {
			fmt.Fprintf(&b, "    %s --> %s\n", node(name), node(to))
		}
	}
	fmt.Fprintln(&b, "```")
	return b.String()
}

func pictured(name string) bool {
	return !free(name) && !slices.Contains(helpers, name) && name != "bench" && name != "internal/npm" && !strings.HasPrefix(name, "bench/") && name != "internal/rename-module" && name != "internal/release"
}

// node is a package in the picture, by its directory.
func node(name string) string {
	name = strings.TrimPrefix(name, "internal/")
	if id := strings.ReplaceAll(name, "/", "_"); id != name {
		return fmt.Sprintf("%s[%s]", id, name)
	}
	return name
}

// height is how many packages are on the longest way down from name.
func height(imports map[string][]string, name string) int {
	h := 0
	for _, to := range imports[name] {
		h = max(h, 1+height(imports, to))
	}
	return h
}

// direct returns those imports of name that no other of its imports leads to.
func direct(imports map[string][]string, name string) []string {
	var list []string
	for _, to := range imports[name] {
		if !slices.ContainsFunc(imports[name], func(via string) bool { return via != to && reaches(imports, via, to) }) {
			list = append(list, to)
		}
	}
	slices.Sort(list)
	return list
}

func reaches(imports map[string][]string, from, to string) bool {
	return slices.ContainsFunc(imports[from], func(next string) bool { return next == to || reaches(imports, next, to) })
}
