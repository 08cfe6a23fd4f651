package syscalls

import "toaster/netbsd"

// This file has vfs of sysctl(7): the file systems that GENERIC for amd64 has (conf/filesystems.config), under their numbers. Files are the host's,
// and so is what would be set here: it is kept, and told.

func vfsNodes() []sysctlNode {
	return withNumbers([]sysctlNode{
		sysctlDir(0, "generic",
			constant(1, "maxtypenum", 23, "Highest number of a type"),
			sysctlRefuse(2, "conf", netbsd.EOPNOTSUPP).says("About a type"),
			userMount.node(3, "usermount", netbsd.CTLTYPE_INT).judged(grant(userMount)).says("Whether users may mount file systems"),
			settable(4, "magiclinks", 0, "Whether magic symbolic links are expanded"),
			sysctlString(created, "fstypes", fixedString("ffs tmpfs procfs")).says("Types of file systems"),
			settable(5, "timestamp_precision", 3, "Precision of times"),
			sysctlDir(created, "dirhash",
				constant(created, "memused", 0, "Bytes in use"),
				settable(created, "maxmem", 2<<20, "Most bytes"),
			).says("Hashes of directories"),
		).says("What all file systems have"),
		sysctlDir(1, "ffs",
			sysctlRefuse(1, "doclusterread", netbsd.EOPNOTSUPP).says("Not available"),
			sysctlRefuse(2, "doclusterwrite", netbsd.EOPNOTSUPP).says("Not available"),
			sysctlRefuse(3, "doreallocblks", netbsd.EOPNOTSUPP).says("Not available"),
			settable(4, "doasyncfree", 1, "Whether blocks are freed later"),
			settable(5, "log_changeopt", 0, "Whether changes of the strategy are logged"),
			settable(6, "extattr_autocreate", 1024, "Bytes of an attribute's file"),
		).says("Fast file system"),
		sysctlDir(2, "nfs",
			sysctlStruct(1, "nfsstats", zeros(332)).says("Statistics of NFS"),
			settableIn(2, "iothreads", 0, 0, 128, "Number of client's threads"),
		).says("Network file system"),
		lfsNode(5),
		sysctlDir(14, "cd9660", settable(1, "utf8_joliet", 1, "Whether names are UTF-8")).says("CD-ROM"),
		sysctlDir(4, "msdosfs").says("MS-DOS file system"),
		sysctlDir(7, "fdesc").says("Descriptors"),
		sysctlDir(9, "null").says("Other names of directories"),
		sysctlDir(10, "umap").says("Other ids"),
		sysctlDir(11, "kernfs").says("Kernel"),
		sysctlDir(12, "procfs").says("Processes"),
		sysctlDir(15, "union").says("Union of directories"),
		sysctlDir(17, "ext2fs").says("Linux's file system"),
		sysctlDir(20, "ntfs").says("Windows' file system"),
		sysctlDir(23, "ptyfs").says("Pseudo-terminals"),
		sysctlDir(created, "overlay").says("Overlays"),
		sysctlDir(created, "layerfs", settable(created, "debug", 0, "Whether layers are logged")).says("Layers"),
		sysctlDir(created, "ufs", dirHash(created)).says("Unix file systems"),
		sysctlDir(created, "ulfs", dirHash(created)).says("Those of LFS"),
		sysctlDir(created, "sync",
			settableQuad(created, "delay", 30, "Most seconds before data are written"),
			settableQuad(created, "filedelay", 30, "Seconds before files are"),
			settableQuad(created, "dirdelay", 15, "Seconds before directories are"),
			settableQuad(created, "metadelay", 10, "Seconds before the rest is"),
		).says("Writing to disks"),
		sysctlDir(created, "wapbl",
			settable(created, "flush_disk_cache", 1, "Whether the disk's cache is flushed"),
			settable(created, "verbose_commit", 0, "Whether commits are told"),
			settable(created, "allow_dpofua", 0, "Whether writes go by the cache"),
			settable(created, "journal_iobufs", 4, "Buffers of writes to the journal"),
		).says("Journals"),
		counters(created, "namecache_stats", 11, "Statistics of the cache of names"),
	})
}

func dirHash(num int32) sysctlNode {
	return sysctlDir(num, "dirhash",
		settable(created, "minblocks", 5, "Least blocks of a directory"),
		settable(created, "maxmem", 2<<20, "Most bytes"),
		constant(created, "memused", 0, "Bytes in use"),
		settable(created, "docheck", 0, "Whether hashes are checked"),
	).says("Hashes of directories")
}

func lfsNode(num int32) sysctlNode {
	return sysctlDir(num, "lfs",
		settable(1, "flushindir", 0, "Whether indirect blocks are written"),
		settable(2, "clean_vnhead", 0, "Whether cleaned vnodes go to the head"),
		settable(3, "dostats", 1, "Whether there are statistics"),
		settable(4, "pagetrip", 0, "Pages that have a file system written"),
		settable(6, "rfw", 0, "Whether mounts roll forward"),
		settable(8, "ignore_lazy_sync", 1, "Whether lazy writes are left out"),
	).says("Log-structured file system")
}
