package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"toaster"
)

// This file reads a config.json and says what becomes of each part: it is done; it is *accepted*, as only Linux
// has it, and noted; or it is *refused*, as a container without it would not be what was asked for. doc/oci.md is the list.

// plan is what a config.json comes to.
type plan struct {
	spec *specs.Spec
	root string // absolute
	opts toaster.Options
	// joins are namespaces of the host that the kernel is to be in, by their type; "" is a new one.
	joins map[specs.LinuxNamespaceType]string
	// mounts says that the container is to have a mount namespace of its own.
	mounts bool
	// sandbox says that the container holds a pod's namespaces, and its program does nothing else.
	sandbox bool
	notes   []string // what was accepted
}

// configName is the configuration's name in a bundle.
const configName = "config.json"

// loadConfig reads a bundle's configuration.
func loadConfig(bundle string) (*specs.Spec, error) {
	b, err := os.ReadFile(filepath.Join(bundle, configName))
	if err != nil {
		return nil, fmt.Errorf("the bundle's configuration: %w", err)
	}
	return decodeConfig(b)
}

// decodeConfig reads one configuration. Members that are not known are ignored, as the specification wants.
func decodeConfig(b []byte) (*specs.Spec, error) {
	spec := new(specs.Spec)
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(spec); err != nil {
		return nil, fmt.Errorf("%s: %w", configName, err)
	}
	if !strings.HasPrefix(spec.Version, "1.") {
		return nil, fmt.Errorf("%s: ociVersion %q: this runtime knows 1.0.0 to %s", configName, spec.Version, specs.Version)
	}
	return spec, nil
}

// note says that something was accepted without being done.
func (p *plan) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// refused is the error for what this runtime cannot do.
func refused(format string, args ...any) error {
	return fmt.Errorf("%s: refused: %s", configName, fmt.Sprintf(format, args...))
}

// newPlan decides what a configuration comes to.
func newPlan(spec *specs.Spec, bundle string) (*plan, error) {
	p := &plan{spec: spec, joins: map[specs.LinuxNamespaceType]string{}}
	steps := []func() error{
		p.checkPlatform,
		func() error { return p.planRoot(bundle) },
		func() error { return p.planMounts(bundle) },
		func() error { return p.checkProcess(spec.Process, "process") },
		func() error { return checkHooks(spec.Hooks) },
		p.planLinux,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.opts.Hostname = spec.Hostname
	if spec.Domainname != "" {
		p.note("domainname")
	}
	p.sandbox = isSandbox(spec.Annotations)
	return p, nil
}

// isSandbox reports whether a Kubernetes runtime asks for the container that holds a pod's namespaces. Its image's
// program waits for signals, and is Linux's.
func isSandbox(annotations map[string]string) bool {
	return annotations["io.kubernetes.cri.container-type"] == "sandbox" ||
		annotations["io.kubernetes.cri-o.ContainerType"] == "sandbox"
}

// checkPlatform refuses what is for another operating system.
func (p *plan) checkPlatform() error {
	switch s := p.spec; {
	case s.Windows != nil, s.Solaris != nil, s.VM != nil, s.ZOS != nil:
		return refused("windows, solaris, vm and zos: this runtime is on Linux, and runs NetBSD programs")
	case s.Process == nil:
		return refused("there is no process, so start would have nothing to run")
	case s.Root == nil || s.Root.Path == "":
		return refused("there is no root")
	}
	return nil
}

// planRoot takes the root file system.
func (p *plan) planRoot(bundle string) error {
	p.root = p.spec.Root.Path
	if !filepath.IsAbs(p.root) {
		p.root = filepath.Join(bundle, p.root)
	}
	if st, err := os.Stat(p.root); err != nil || !st.IsDir() {
		return fmt.Errorf("%s: root.path %s: %w", configName, p.root, errors.Join(err, errNoDirectory(st)))
	}
	p.opts.Root, p.opts.ReadOnly = p.root, p.spec.Root.Readonly
	return nil
}

func errNoDirectory(st os.FileInfo) error {
	if st != nil && !st.IsDir() {
		return errors.New("it is no directory")
	}
	return nil
}

// checkProcess says what of a process cannot be had.
func (p *plan) checkProcess(c *specs.Process, what string) error {
	switch {
	case len(c.Args) == 0 || c.Args[0] == "":
		return refused("%s.args is empty", what)
	case !filepath.IsAbs(c.Cwd):
		return refused("%s.cwd %q is no absolute path", what, c.Cwd)
	}
	if _, err := rlimits(c); err != nil {
		return err
	}
	if n := len(c.User.AdditionalGids); n > maxGroups {
		return refused("%s.user.additionalGids: %d groups; NetBSD has %d at most", what, n, maxGroups)
	}
	for _, name := range ignoredOfProcess(c) {
		p.note("%s.%s", what, name)
	}
	return nil
}

// ignoredOfProcess are the members that only Linux has.
func ignoredOfProcess(c *specs.Process) []string {
	var names []string
	for name, there := range map[string]bool{
		"capabilities": c.Capabilities != nil, "apparmorProfile": c.ApparmorProfile != "", "selinuxLabel": c.SelinuxLabel != "",
		"scheduler": c.Scheduler != nil, "ioPriority": c.IOPriority != nil, "execCPUAffinity": c.ExecCPUAffinity != nil,
	} {
		if there {
			names = append(names, name)
		}
	}
	for _, r := range c.Rlimits {
		if which, known := rlimitNames()[r.Type]; known && which < 0 {
			names = append(names, "rlimits."+r.Type)
		}
	}
	slices.Sort(names)
	return names
}

// planLinux takes the part for Linux.
func (p *plan) planLinux() error {
	l := p.spec.Linux
	if l == nil {
		return nil
	}
	switch {
	case len(l.TimeOffsets) > 0:
		return refused("linux.timeOffsets: the clocks are the host's")
	case l.Personality != nil && l.Personality.Domain != "" && l.Personality.Domain != specs.PerLinux:
		return refused("linux.personality %s: programs have 64 bits", l.Personality.Domain)
	case !identity(l.UIDMappings) || !identity(l.GIDMappings):
		return refused("linux.uidMappings and gidMappings: users are the host's, under their own numbers")
	}
	if err := checkPaths(l); err != nil {
		return err
	}
	for name, there := range map[string]bool{
		"seccomp": l.Seccomp != nil, "mountLabel": l.MountLabel != "", "rootfsPropagation": l.RootfsPropagation != "",
		"intelRdt": l.IntelRdt != nil, "sysctl": len(l.Sysctl) > 0, "devices": len(l.Devices) > 0,
	} {
		if there {
			p.note("linux.%s", name)
		}
	}
	slices.Sort(p.notes)
	p.noteResources(l.Resources)
	return p.planNamespaces(l.Namespaces)
}

// identity reports whether a mapping maps ids to themselves, or is none.
func identity(list []specs.LinuxIDMapping) bool {
	return !slices.ContainsFunc(list, func(m specs.LinuxIDMapping) bool { return m.ContainerID != m.HostID })
}

// checkPaths refuses to show what is to be hidden. What is named of proc and sys is not there in the first place:
// proc is NetBSD's, and tells of the machine's own processes.
func checkPaths(l *specs.Linux) error {
	for _, path := range slices.Concat(l.MaskedPaths, l.ReadonlyPaths) {
		if !below(path, "/proc") && !below(path, "/sys") && !below(path, "/dev") {
			return refused("linux.maskedPaths and readonlyPaths: %s: only paths of /proc, /sys and /dev; for others use a mount", path)
		}
	}
	return nil
}

// below reports whether an absolute path is dir or lies below it.
func below(path, dir string) bool {
	path = filepath.Clean(path)
	return path == dir || strings.HasPrefix(path, dir+"/")
}

// planNamespaces takes the namespaces. What a machine has of its own needs none of the host's: processes, mounts, System V
// IPC, groups. A network and a host name can be shared with other containers, and so are the host's.
func (p *plan) planNamespaces(list []specs.LinuxNamespace) error {
	for _, n := range list {
		if _, twice := p.joins[n.Type]; twice {
			return refused("linux.namespaces: two of type %s", n.Type)
		}
		switch n.Type {
		case specs.NetworkNamespace, specs.UTSNamespace, specs.IPCNamespace:
			p.joins[n.Type] = n.Path
		case specs.PIDNamespace, specs.MountNamespace, specs.CgroupNamespace:
			p.mounts = p.mounts || n.Type == specs.MountNamespace
			if n.Path != "" {
				p.note("linux.namespaces: the %s namespace %s is not joined; each container has its own", n.Type, n.Path)
			}
		case specs.UserNamespace:
			return refused("linux.namespaces: user: users are the host's, under their own numbers")
		default:
			return refused("linux.namespaces: type %q", n.Type)
		}
	}
	return nil
}

// noteResources notes the limits that no group is asked for.
func (p *plan) noteResources(r *specs.LinuxResources) {
	if r == nil {
		return
	}
	if len(r.HugepageLimits) > 0 {
		p.note("linux.resources.hugepageLimits")
	}
	if r.BlockIO != nil {
		p.note("linux.resources.blockIO")
	}
	if r.Network != nil {
		p.note("linux.resources.network")
	}
}
