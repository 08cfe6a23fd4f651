package trace

import (
	"encoding/binary"
	"strconv"
	"strings"

	"toaster/netbsd"
)

var le = binary.LittleEndian

// read reads n bytes, all of them or none. n is never a guest's number as it is: callers
// bound it by what is shown, since the trace allocates it.
func (d *decoder) read(addr uint64, n int) ([]byte, bool) {
	if d.c.Mem == nil || addr == 0 {
		return nil, false
	}
	b := make([]byte, n)
	got, ok := d.c.Mem.Read(addr, b)
	return b, ok && got == n
}

// str reads a string in steps that end at pages, so that one at the end of the
// mapped memory can be read.
func (d *decoder) str(addr uint64, limit int) string {
	if d.c.Mem == nil {
		return hex(addr)
	}
	var s []byte
	for len(s) < limit {
		at := addr + uint64(len(s))
		n := min(int(netbsd.PageSize-at%netbsd.PageSize), limit-len(s), 256)
		b := make([]byte, n)
		got, _ := d.c.Mem.Read(at, b)
		for i, c := range b[:got] {
			if c == 0 {
				return quote(append(s, b[:i]...))
			}
		}
		s = append(s, b[:got]...)
		if got < n {
			break
		}
	}
	if len(s) == 0 {
		return hex(addr)
	}
	return quote(s) + "..."
}

// strv renders a vector of strings, as execve(2) has two, up to maxStrv of them: a guest's
// need not end.
func (d *decoder) strv(addr uint64) string {
	var l []string
	for i := uint64(0); ; i++ {
		b, ok := d.read(addr+8*i, 8)
		if !ok {
			if i == 0 {
				return hex(addr)
			}
			l = append(l, "?")
			break
		}
		p := le.Uint64(b)
		if p == 0 {
			break
		}
		if i == maxStrv {
			l = append(l, "...")
			break
		}
		l = append(l, d.str(p, max(d.max, 64)))
	}
	return "[" + strings.Join(l, ", ") + "]"
}

// buf renders the first bytes of a buffer, as many as the trace shows of one.
func (d *decoder) buf(addr, n uint64) string {
	if n == 0 {
		return `""`
	}
	show := min(n, uint64(d.max))
	b, ok := d.read(addr, int(show))
	if !ok {
		return hex(addr)
	}
	if show < n {
		return quote(b) + "..."
	}
	return quote(b)
}

// quote is strace's way: C escapes, octal for what is not printable. So nothing that a guest
// writes can move the cursor of the terminal that shows the trace, or forge a line of it.
func quote(b []byte) string {
	var s strings.Builder
	s.WriteByte('"')
	for i, c := range b {
		switch {
		case c == '"' || c == '\\':
			s.WriteByte('\\')
			s.WriteByte(c)
		case c >= 32 && c < 127:
			s.WriteByte(c)
		case c == '\n':
			s.WriteString(`\n`)
		case c == '\t':
			s.WriteString(`\t`)
		case c == '\r':
			s.WriteString(`\r`)
		default:
			s.WriteByte('\\')
			o := strconv.FormatUint(uint64(c), 8)
			if i+1 < len(b) && b[i+1] >= '0' && b[i+1] <= '7' {
				o = strings.Repeat("0", 3-len(o)) + o
			}
			s.WriteString(o)
		}
	}
	s.WriteByte('"')
	return s.String()
}
