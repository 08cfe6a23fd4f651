package vfs

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/internal/hostfile"
)

// mount is a part of a tree: what lies below one directory of the host, in one mount of
// the host's. Names lead from one mount to another only where the user said so. A mount
// is not changed once its tree is made.
type mount struct {
	origin file.Origin // what open files have of it
	tree   *Tree
	fd     int        // its root
	id     file.Inode // of its root
	host   hostMount  // which of the host's mounts it is in
	free   bool       // the host's own tree: names lead where the host lets them
	on     node       // what it covers; of no mount for the root of the tree

	inMemory bool // a tmpfs of the machine's own

	// covered are the files of this mount that others lie on, by inode, as a
	// vnode of NetBSD knows what is mounted there.
	covered map[file.Inode]*mount
}

// node is an open file of the host, and the mount that it was found in. One inode may be
// reached through several mounts.
type node struct {
	fd  int
	mnt *mount
}

func (n node) close() { unix.Close(n.fd) }

// dup returns n as a descriptor of its own.
func (n node) dup() (node, error) {
	fd, err := unix.FcntlInt(uintptr(n.fd), unix.F_DUPFD_CLOEXEC, 3)
	return node{fd, n.mnt}, err
}

// hostMount tells mounts of the host apart: by id where the host says it, as a bind mount
// has the same device as what it shows, and by device where not.
type hostMount struct{ id, dev uint64 }

// hostMountOf asks which of the host's mounts an open file is in.
func hostMountOf(fd int) (hostMount, error) {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_MNT_ID, &st)
	switch {
	case err == nil && st.Mask&unix.STATX_MNT_ID != 0:
		return hostMount{id: st.Mnt_id}, nil
	case err != nil && err != unix.ENOSYS && err != unix.EPERM: // a container's filter
		return hostMount{}, err
	}
	if id, ok := fdinfoMount(fd); ok {
		return hostMount{id: id}, nil
	}
	var old unix.Stat_t
	err = unix.Fstat(fd, &old)
	return hostMount{dev: old.Dev}, err
}

// fdinfoMount is what hosts told before statx(2) did.
func fdinfoMount(fd int) (uint64, bool) {
	b, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fd))
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(b), "mnt_id:")
	line, _, _ := strings.Cut(rest, "\n")
	id, err := strconv.ParseUint(strings.TrimSpace(line), 10, 64)
	return id, err == nil
}

// newMount makes a mount of an open file of the host, which it owns from then on, even
// if it fails.
func newMount(t *Tree, fd int) (*mount, error) {
	m := &mount{tree: t, fd: fd, covered: map[file.Inode]*mount{}}
	m.origin.Of = m
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	if err == nil {
		m.id = hostfile.InodeOf(&st)
		m.origin.Dev, m.origin.Ino = st.Dev, st.Ino
		m.host, err = hostMountOf(fd)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return m, nil
}

func (m *mount) close() {
	m.origin.Owners.Close()
	unix.Close(m.fd)
	if m.on.mnt != nil {
		m.on.close()
	}
}

func (m *mount) root() node { return node{m.fd, m} }

// mountOf returns the mount of t that an open file was found in, nil if it came from
// elsewhere: standard input, or what a program of the host has sent.
func (t *Tree) mountOf(d *file.Description) *mount {
	if o := d.Origin(); o != nil {
		if m, ok := o.Of.(*mount); ok && m.tree == t {
			return m
		}
	}
	if t.top.free {
		return t.top
	}
	return nil
}

// within is what openat2 is told so that a path stays in the mount.
func (m *mount) within() uint64 {
	if m.free {
		return 0
	}
	return unix.RESOLVE_NO_XDEV
}

// errForeign is what a name gets that leads into a mount of the host that the user has
// not named: it is there, and closed to everybody.
const errForeign = unix.EACCES

// openAt opens one name in a directory of the mount, not through a link. It is how the
// walker takes a step, and never leaves the host's mount.
func (m *mount) openAt(at int, name string, flags int, mode uint32) (int, error) {
	flags |= unix.O_NOFOLLOW | unix.O_CLOEXEC
	if m.free {
		return openHost(at, name, flags, mode)
	}
	if !m.tree.noOpenat2.Load() {
		fd, err := openat2(at, name, flags, mode, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_XDEV)
		if err == unix.EXDEV {
			return -1, errForeign
		}
		if !m.tree.refused(err) {
			return fd, err
		}
	}
	fd, err := openHost(at, name, flags, mode)
	if err != nil {
		return -1, err
	}
	if h, err := hostMountOf(fd); err != nil || h != m.host {
		unix.Close(fd)
		return -1, errForeign
	}
	return fd, nil
}

// dataMagic are the host's file systems that hold what somebody has put there. Any other
// is no place for guests: new pseudo file systems appear with every release of Linux,
// new ones for data once in years.
var dataMagic = sync.OnceValue(func() map[int64]bool {
	return map[int64]bool{
		unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true, unix.F2FS_SUPER_MAGIC: true,
		unix.TMPFS_MAGIC: true, unix.RAMFS_MAGIC: true, unix.OVERLAYFS_SUPER_MAGIC: true, unix.ECRYPTFS_SUPER_MAGIC: true,
		unix.FUSE_SUPER_MAGIC: true, unix.V9FS_MAGIC: true, unix.NFS_SUPER_MAGIC: true, unix.CEPH_SUPER_MAGIC: true,
		unix.AFS_SUPER_MAGIC: true, unix.AFS_FS_MAGIC: true, unix.CODA_SUPER_MAGIC: true, unix.SMB_SUPER_MAGIC: true,
		unix.CIFS_SUPER_MAGIC: true, unix.SMB2_SUPER_MAGIC: true, unix.OCFS2_SUPER_MAGIC: true, unix.NILFS_SUPER_MAGIC: true,
		unix.REISERFS_SUPER_MAGIC: true, unix.EXFAT_SUPER_MAGIC: true, unix.MSDOS_SUPER_MAGIC: true, unix.HPFS_SUPER_MAGIC: true,
		unix.ISOFS_SUPER_MAGIC: true, unix.UDF_SUPER_MAGIC: true, unix.SQUASHFS_MAGIC: true, unix.EROFS_SUPER_MAGIC_V1: true,
		unix.CRAMFS_MAGIC: true, unix.JFFS2_SUPER_MAGIC: true, unix.MINIX_SUPER_MAGIC: true, unix.MINIX3_SUPER_MAGIC: true,
		0x2fc12fc1: true, // zfs
		0xca451a4e: true, // bcachefs
		0x01161970: true, // gfs2
		0x3153464a: true, // jfs
		0x7366746e: true, // ntfs3
		0x5346544e: true, // ntfs
		0x4244:     true, // hfs
		0x482b:     true, // hfsplus
		0x00011954: true, // ufs
		0x0bd00bd0: true, // lustre
		0x47504653: true, // gpfs
		0x61756673: true, // aufs
		0x20030528: true, // orangefs
		0x786f4256: true, // vboxsf
		0xbacbacbc: true, // vmhgfs
		0x24051905: true, // ubifs
		0x00c0ffee: true, // hostfs
		0x19830326: true, // beegfs
		0xaad7aaea: true, // panfs
		0xbeefdead: true, // snfs
		0xa501fcf5: true, // vxfs
		0x7c7c6673: true, // prl_fs
		0x6a656a62: true, // shiftfs
		0x19540119: true, // ufs2
		0x7275:     true, // romfs
		0xadff:     true, // affs
	}
})

// checkData refuses what is no file system for data: proc, sysfs and their like lead out
// of every root.
func checkData(fd int) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(fd, &st); err != nil {
		return err
	}
	if magic := int64(uint32(st.Type)); !dataMagic()[magic] {
		return fmt.Errorf("it is in a file system of the host's kernel (type %#x), not one that holds files; name a directory of a disk, of tmpfs or the like", magic)
	}
	return nil
}
