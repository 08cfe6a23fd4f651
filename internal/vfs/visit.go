package vfs

// A Place is where a process was while it is where another one is (systrace_getcwd of 2003). Who has one owes it to Return or to Release.
type Place struct {
	tree      *Tree
	cwd, root *dir
	moved     bool
}

// Visit sets d to the working directory and the root of another process, and returns its own; nil if one of the two is gone.
func (d *Dirs) Visit(o *Dirs) *Place {
	cwd, root, _ := o.get()
	if cwd == nil {
		return nil
	}
	p := &Place{o.tree, cwd, root, o.Chrooted()}
	if !d.exchange(p) {
		p.Release()
		return nil
	}
	return p
}

// Return has d be at p, which is used up.
func (d *Dirs) Return(p *Place) {
	d.exchange(p)
	p.Release()
}

// exchange reports false if the process is gone.
func (d *Dirs) exchange(p *Place) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cwd == nil {
		return false
	}
	d.cwd, p.cwd = p.cwd, d.cwd
	d.root, p.root = p.root, d.root
	d.moved, p.moved = p.moved, d.moved
	return true
}

// Release drops the references.
func (p *Place) Release() {
	p.cwd.release()
	p.root.release()
	p.tree.release()
}
