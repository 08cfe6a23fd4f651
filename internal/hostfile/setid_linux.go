package hostfile

import (
	"golang.org/x/sys/unix"

	"toaster/internal/file"
)

// ClearSetIDOnWrite makes writes take the set-id bits off a file, as ufs_post_write_update of
// NetBSD does for all but root: the file was opened by another user than the one that
// toaster runs as, whose writes the host may take for root's. It is called before the
// description is shared.
func ClearSetIDOnWrite(d *file.Description) {
	if f, ok := d.File.(*File); ok && f.mode == unix.S_IFREG {
		f.clearSetID = true
		f.setIDs.Store(f.origin.Marks().SetIDs())
	}
}

// wrote looks after the set-id bits once n bytes were written. That the bits cannot be
// taken off is not the writer's error: nobody honours them in a file that is not toaster's.
func (f *File) wrote(n int) {
	if !f.clearSetID || n <= 0 {
		return
	}
	if o := f.origin.Marks(); o.On() {
		// The bits were taken off when it was opened, see vfs.
		if n := o.SetIDs(); f.setIDs.Swap(n) != n {
			o.ClearSetIDs(f.fd)
		}
		return
	}
	var st unix.Stat_t
	if unix.Fstat(f.fd, &st) == nil && st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
		unix.Fchmod(f.fd, st.Mode&0o1777)
	}
}
