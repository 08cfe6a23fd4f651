package machine

import (
	"os"
	"syscall"

	"toaster/internal/guard"
	"toaster/internal/loader"
	"toaster/internal/platform"
)

// prescan looks for the call sites of the first program while the platform starts:
// the one keeps a core busy, the other waits for the host. Its fields but done belong to the
// goroutine that looks, until done is closed.
type prescan struct {
	done  chan struct{} // nil: there is nothing to look at
	id    fileID
	sites []loader.Site
	ok    bool
}

// begin starts the look at the file of that name on the host; "" is none.
//
// A panic over a file's contents is a bug in the loader that the start itself reports; here
// done is closed all the same, and get returns no sites.
func (p *prescan) begin(name string) {
	if name == "" {
		return
	}
	p.done = make(chan struct{})
	guard.Go("a program was looked through", func() {
		guard.GrowStack[guard.Stack8K]()
		defer close(p.done)
		p.look(name)
	})
}

// look is only about time: whatever is wrong with the file, who executes it will say. The file
// is opened by the host's name and with toaster's rights, before there is a guest. It may be a
// FIFO, which must not hold the start up.
func (p *prescan) look(name string) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return
	}
	prog := &program{file: f, stat: st}
	if prog.image, err = loader.Load(f, st.Size()); err != nil || prog.image.Script != nil || prog.place() != nil {
		return
	}
	if p.id, p.ok = prog.fileID(); p.ok {
		p.sites = prog.image.Sites(f, platform.CanRewrite)
	}
}

// get returns the sites of the file in this state, and false if it is not the one that was
// looked at. It waits for the look to end, as to begin again would take longer.
func (p *prescan) get(id fileID) ([]loader.Site, bool) {
	if p.done == nil {
		return nil, false
	}
	<-p.done
	return p.sites, p.ok && p.id == id
}
