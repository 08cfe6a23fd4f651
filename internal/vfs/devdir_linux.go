package vfs

import (
	"path"
	"strconv"

	"golang.org/x/sys/unix"

	"toaster/internal/file"
	"toaster/netbsd"
)

// This file makes /dev a directory where there is a root: with the devices of the machine, and with what
// the root has there, too.

// addDevDir adds it to the tree.
func addDevDir(t *Tree) { t.addFS(madeFS{at: "/dev", find: t.findDev, open: true}) }

// findDev is a Finder.
func (t *Tree) findDev(v View, name string) (Device, netbsd.Errno) {
	switch name {
	case "":
		return t.devDir(1, func() []Entry { return t.devEntries(v) }), 0
	case "fd":
		return t.devDir(2, func() []Entry { return fdEntries(v) }), 0
	case "pts":
		return t.devDir(3, func() []Entry { return t.devicesIn("pts") }), 0
	}
	t.mu.RLock()
	dev, ok := t.devices[name]
	t.mu.RUnlock()
	if ok {
		return dev, 0
	}
	if dev, ok := fdDevice(v, name); ok {
		return dev, 0
	}
	return Device{}, netbsd.ENOENT
}

func (t *Tree) devDir(ino uint64, list func() []Entry) Device {
	return Device{Stat: MadeStat(t.born, ino, netbsd.S_IFDIR|0o755, 0, 0), List: list}
}

// devEntries are those of /dev itself. A name of the root's that a device has as well is the device's.
func (t *Tree) devEntries(v View) []Entry {
	list := []Entry{
		{Ino: 2, Type: netbsd.DT_DIR, Name: "fd"}, {Ino: 3, Type: netbsd.DT_DIR, Name: "pts"},
		{Ino: 4, Type: netbsd.DT_CHR, Name: "stdin"}, {Ino: 5, Type: netbsd.DT_CHR, Name: "stdout"}, {Ino: 6, Type: netbsd.DT_CHR, Name: "stderr"},
	}
	list = append(list, t.devicesIn(".")...)
	seen := map[string]bool{}
	for _, e := range list {
		seen[e.Name] = true
	}
	for _, e := range t.rootDev(v) {
		if !seen[e.Name] {
			list = append(list, e)
		}
	}
	return list
}

// rootDev lists the directory dev of the root, if the caller may read it. What the host has mounted
// there is as closed as elsewhere.
func (t *Tree) rootDev(v View) (list []Entry) {
	cwd, root, _ := v.Dirs.get()
	defer v.Dirs.put(cwd, root)
	if root == nil {
		return nil
	}
	r := resolver{tree: t, root: root}
	n, err := r.find(root.node, "/dev", unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil
	}
	defer n.close()
	l := &lookup{v: v, cred: v.otherUser()}
	if l.allowAccess(n, mayRead) != nil {
		return nil
	}
	fd, err := n.reopen(unix.O_RDONLY | unix.O_DIRECTORY)
	if err != nil {
		return nil
	}
	f := t.host.NewIn(fd, unix.S_IFDIR, &n.mnt.origin)
	defer f.Close()
	return readAll(f)
}

// readAll lists a directory without "." and "..".
func readAll(f file.File) (list []Entry) {
	buf := make([]byte, 8<<10)
	for {
		n, errno := f.(file.DirReader).Getdents(buf)
		if errno != 0 || n == 0 {
			return list
		}
		for b := buf[:n]; ; {
			e, size := netbsd.DecodeDirent(b)
			if size == 0 {
				break
			}
			if e.Name != "." && e.Name != ".." {
				list = append(list, e)
			}
			b = b[size:]
		}
	}
}

// devicesIn lists the devices in a directory, "." for /dev itself.
func (t *Tree) devicesIn(dir string) (list []Entry) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for name, dev := range t.devices {
		if path.Dir(name) == dir {
			list = append(list, Entry{Ino: dev.Stat.Ino, Type: uint8(dev.Stat.Mode & netbsd.S_IFMT >> 12), Name: path.Base(name)})
		}
	}
	return list
}

// fdEntries are the caller's descriptors.
func fdEntries(v View) (list []Entry) {
	if v.Files == nil {
		return nil
	}
	for _, fd := range v.Files.Open() {
		list = append(list, Entry{Ino: uint64(fd) + 16, Type: netbsd.DT_CHR, Name: strconv.Itoa(fd)})
	}
	return list
}
