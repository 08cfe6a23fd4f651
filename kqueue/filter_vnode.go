package kqueue

import "toaster/netbsd"

func attachVnode(Caller, *knote) (source, netbsd.Errno) { return nil, netbsd.EOPNOTSUPP }
