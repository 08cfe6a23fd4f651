package fs

import "golang.org/x/sys/unix"

func openTmpfs(size int64) (int, error) { return -1, unix.ENOSYS }
