package kqueue

import "toaster/netbsd"

// fsSource is EVFILT_FS: what file systems are mounted and unmounted, which nobody does while a machine runs. The ident, and the
// notes that are asked for, are not looked at.
type fsSource struct{}

// attachFS is filt_fsattach. EV_CLEAR is implied.
func attachFS(kn *knote) (source, netbsd.Errno) {
	kn.flags |= netbsd.EV_CLEAR
	return fsSource{}, 0
}

func (fsSource) poll(*knote) (state, bool) { return state{}, false }
func (fsSource) detach(*knote)             {}
