package vfs

// Fork returns the directories of a new process: these shared, or a copy.
func (d *Dirs) Fork(share bool) *Dirs { return d.fork(share) }
