package platform

import (
	"errors"
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
