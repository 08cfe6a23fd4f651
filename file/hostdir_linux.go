package file

import "toaster/netbsd"

// dirState is where a directory's reader stands.
type dirState struct{}

func (f *hostFile) seekDir(off int64, whence int) (int64, netbsd.Errno) {
	return 0, netbsd.EINVAL
}
