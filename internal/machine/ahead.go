package machine

import (
	"os"
	"syscall"

	"toaster/internal/guard"
	"toaster/internal/loader"
	"toaster/internal/platform"
)

// lookAhead looks for the call sites of the first program while the platform starts:
// the one keeps a core busy, the other waits for the host.
type lookAhead struct {
	done  chan struct{} // nil: there is nothing to look at
	id    fileID
	sites []loader.Site
	ok    bool
}

func (a *lookAhead) begin(name string) {
	if name == "" {
		return
	}
	a.done = make(chan struct{})
	guard.Go("a program was looked through", func() {
		defer close(a.done)
		a.look(name)
	})
}

// look is only about time: whatever is wrong with the file, who executes it will say.
func (a *lookAhead) look(name string) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return
	}
	p := &program{file: f, stat: st}
	if p.image, err = loader.Load(f, st.Size()); err != nil || p.image.Script != nil || p.place() != nil {
		return
	}
	if a.id, a.ok = p.fileID(); a.ok {
		a.sites = p.image.Sites(f, platform.CanRewrite)
	}
}

// get gives the sites of the file in this state, if it is the one that was looked at.
func (a *lookAhead) get(id fileID) ([]loader.Site, bool) {
	if a.done == nil {
		return nil, false
	}
	<-a.done
	return a.sites, a.ok && a.id == id
}
