package netbsd

// Sizes of structures that sysctl(3) hands out.
const (
	SizeofSysctlnode = 96
	SizeofSysctldesc = 16 // without the text
	SizeofClockinfo  = 20
	SizeofLoadavg    = 24
	SysctlNameLen    = 32
)

// Sysctlnode is struct sysctlnode, 96 bytes: flags 0, num 4, name 8 (32), version
// 40, value 48 (16), size 64, and three words that only the kernel uses. The parent
// and description words are shown as zero.
type Sysctlnode struct {
	Flags uint32 // SYSCTL_VERS_1 | CTLFLAG_* | CTLTYPE_*
	Num   int32
	Name  string
	Ver   uint32
	Value uint64 // immediate value; for a node: children and their room
	Size  uint64
}

// Encode fills 96 bytes.
func (n *Sysctlnode) Encode(b []byte) {
	clear(b[:SizeofSysctlnode])
	le.PutUint32(b, n.Flags)
	le.PutUint32(b[4:], uint32(n.Num))
	putStr(b[8:8+SysctlNameLen], n.Name)
	le.PutUint32(b[40:], n.Ver)
	le.PutUint64(b[48:], n.Value)
	le.PutUint64(b[64:], n.Size)
}

// DecodeSysctlnode reads 96 bytes.
func DecodeSysctlnode(b []byte) Sysctlnode {
	return Sysctlnode{le.Uint32(b), int32(le.Uint32(b[4:])), field(b[8 : 8+SysctlNameLen]),
		le.Uint32(b[40:]), le.Uint64(b[48:]), le.Uint64(b[64:])}
}

// Clockinfo is struct clockinfo of kern.clockrate.
type Clockinfo struct{ Hz, Tick, Tickadj, Stathz, Profhz int32 }

// Encode fills 20 bytes.
func (c Clockinfo) Encode(b []byte) {
	for i, v := range [...]int32{c.Hz, c.Tick, c.Tickadj, c.Stathz, c.Profhz} {
		le.PutUint32(b[4*i:], uint32(v))
	}
}

// Loadavg is struct loadavg of vm.loadavg: three 32-bit fixed-point numbers, 4
// bytes padding, the scale.
type Loadavg struct {
	Load  [3]uint32
	Scale int64
}

// Encode fills 24 bytes.
func (l Loadavg) Encode(b []byte) {
	for i, v := range l.Load {
		le.PutUint32(b[4*i:], v)
	}
	le.PutUint32(b[12:], 0)
	le.PutUint64(b[16:], uint64(l.Scale))
}
