package platform

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"toaster/internal/platform/stub"
)

// The host does not let the vdso be moved, and refuses the second start, too, before there is another zygote. What Close finds of the
// first one is nothing: its process id may be another program's by then.
func TestSecondStartFails(t *testing.T) {
	if stub.FindVDSO().Text == 0 {
		t.Skip("there is no vdso to move")
	}
	newPlatform(t, Options{}).Close() // what the runtime opens once
	before := countFDs(t)
	var p *Platform
	starts := 0
	_, err := New(Options{beforeZygote: func(started *Platform) {
		p = started
		if starts++; starts == 1 {
			p.vdso.ForgeUnmovable()
		} else {
			p.arena.retire() // there is no control window any more
		}
	}})
	if !errors.Is(err, ErrGone) || starts != 2 {
		t.Errorf("%d starts, %v", starts, err)
	}
	if p.zygote != nil {
		t.Error("the platform still names the first zygote")
	}
	if live, _ := p.arena.windows(); live != 0 {
		t.Errorf("%d control windows are in use", live)
	}
	waitFor(t, "descriptors to be closed", func() bool { return countFDs(t) <= before })
}

// Every status with which the zygote ends by itself names the step that the host refused.
func TestZygoteStepsAreNamed(t *testing.T) {
	_, begin, _ := strings.Cut(readFile(t, "stub/stub_amd64.s"), "\nTEXT ·stubBegin")
	begin, _, _ = strings.Cut(begin, "\nTEXT ")
	macros := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^#define (\w+) \\\n((?:.*\\\n)*.*)`).FindAllStringSubmatch(readFile(t, "stub/stub_amd64.s"), -1) {
		macros[m[1]] = m[2]
	}
	begin = regexp.MustCompile(`(?m)^\t(\w+)$`).ReplaceAllStringFunc(begin, func(use string) string {
		return use + macros[strings.TrimSpace(use)]
	})
	found := map[int]bool{}
	for _, m := range regexp.MustCompile(`CHECKED\((\d+)\)|MOVL \$(\d+), BX\n`).FindAllStringSubmatch(begin, -1) {
		status, _ := strconv.Atoi(m[1] + m[2])
		found[status] = true
		if zygoteSteps()[status] == "" && status != noVDSO {
			t.Errorf("nothing is said of status %d", status)
		}
	}
	for status := range zygoteSteps() {
		if !found[status] {
			t.Errorf("the zygote has no status %d", status)
		}
	}
}
