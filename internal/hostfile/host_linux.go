package hostfile

// Host is a machine's side of the host's files: the poller that waits for them and the
// watches of inodes. Two machines in one program share nothing of it.
type Host struct {
	poller poller
	inodes inodes
}

// NewHost makes the host's side of a machine's files. It costs nothing until a file is
// watched. Close it when the machine's processes have ended.
func NewHost() *Host {
	h := new(Host)
	h.inodes.host = h
	return h
}

// Close ends the watching of inodes, and the poller as soon as no file is open that was
// ever watched. A second Close does nothing.
func (h *Host) Close() {
	h.inodes.close()
	h.poller.leave()
}
