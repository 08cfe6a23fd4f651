package vfs

// nameMax is what pathconf(2) says of names: the host's file systems hold fewer
// bytes than NAME_MAX.
const nameMax = 255
