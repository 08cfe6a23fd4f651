package oci

import (
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/opencontainers/runtime-spec/specs-go"

	"toaster"
)

// kernelMounts are file systems of Linux's kernel. NetBSD has its own of the first ones, and the others are for programs
// that know Linux.
var kernelMounts = sync.OnceValue(func() map[string]bool {
	return map[string]bool{
		"proc": true, "procfs": true, "devtmpfs": true, "devpts": true, "mqueue": true, "sysfs": true, "cgroup": true, "cgroup2": true,
	}
})

// planMounts takes the mounts, in their order.
func (p *plan) planMounts(bundle string) error {
	for _, m := range p.spec.Mounts {
		if !filepath.IsAbs(m.Destination) {
			return refused("mounts: the destination %q is no absolute path", m.Destination)
		}
		m.Destination = filepath.Clean(m.Destination)
		if err := p.planMount(m, bundle); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) planMount(m specs.Mount, bundle string) error {
	o := readMountOptions(m.Options)
	switch {
	case !identity(m.UIDMappings) || !identity(m.GIDMappings) || o.idmap:
		return refused("mounts: %s: idmap: owners are the host's", m.Destination)
	case kernelMounts()[m.Type], below(m.Destination, "/dev"), below(m.Destination, "/proc"), below(m.Destination, "/sys"):
		if m.Destination != "/proc" && m.Destination != "/dev" {
			p.note("mounts: %s on %s", m.Type, m.Destination)
		}
		return nil
	case (o.bind || m.Type == "bind") && m.Source == "":
		return refused("mounts: %s: a bind mount without a source", m.Destination)
	case o.bind || m.Type == "bind":
		if !filepath.IsAbs(m.Source) {
			m.Source = filepath.Join(bundle, m.Source)
		}
		p.opts.Mounts = append(p.opts.Mounts, toaster.Mount{Source: m.Source, Target: m.Destination, Make: true, Access: o.access})
	case m.Type == "tmpfs":
		access := o.access
		if access != toaster.ReadOnly {
			access = toaster.ReadWrite
		}
		p.opts.Mounts = append(p.opts.Mounts, toaster.Mount{Target: m.Destination, Make: true, Access: access, Size: o.size})
	default:
		return refused("mounts: %s on %s: there are bind, tmpfs, and proc and dev as NetBSD has them", m.Type, m.Destination)
	}
	for _, name := range o.ignored {
		p.note("mounts: %s: option %s", m.Destination, name)
	}
	return nil
}

// mountOptions is what the options of a mount say.
type mountOptions struct {
	bind, idmap bool
	access      toaster.MountAccess
	size        int64
	ignored     []string
}

// silentOptions change nothing here: devices and set-id bits never count, and mounts do not change once the machine runs.
var silentOptions = sync.OnceValue(func() map[string]bool {
	return map[string]bool{
		"nosuid": true, "nodev": true, "private": true, "rprivate": true, "slave": true, "rslave": true, "shared": true, "rshared": true,
		"unbindable": true, "runbindable": true, "defaults": true, "async": true, "relatime": true, "norelatime": true, "strictatime": true,
		"nostrictatime": true, "noatime": true, "nodiratime": true, "atime": true, "diratime": true, "exec": true, "mode=1777": true,
	}
})

func readMountOptions(options []string) mountOptions {
	// A bind mount is for reading and writing unless it says something else, whatever the root is.
	o := mountOptions{access: toaster.ReadWrite}
	for _, name := range options {
		size, sized := strings.CutPrefix(name, "size=")
		switch {
		case name == "bind" || name == "rbind":
			o.bind = true
		case name == "ro" || name == "rro":
			o.access = toaster.ReadOnly
		case name == "rw" || name == "rrw":
			o.access = toaster.ReadWrite
		case name == "idmap" || name == "ridmap":
			o.idmap = true
		case sized:
			if n, ok := parseTmpfsSize(size); ok {
				o.size = n
				continue
			}
			o.ignored = append(o.ignored, name)
		case silentOptions()[name]:
		default:
			o.ignored = append(o.ignored, name)
		}
	}
	return o
}

// parseTmpfsSize reads the size option of tmpfs(5): bytes, or with k, m or g. A share of the host's memory (%) is none
// that is known.
func parseTmpfsSize(s string) (int64, bool) {
	shift := 0
	if n := len(s); n > 0 {
		if i := strings.IndexByte("kmg", s[n-1]|0x20); i >= 0 {
			s, shift = s[:n-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n << shift, err == nil && n > 0 && n<<shift>>shift == n
}
