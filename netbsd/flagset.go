package netbsd

import (
	"strconv"
	"strings"
)

// Flag is one name in a FlagSet.
type Flag struct {
	Name  string
	Value uint64
	Mask  uint64 // the bits to compare; 0 means Value's own
}

// FlagSet names the bits, or the values, of an argument.
type FlagSet struct {
	Flags []Flag
	None  string // the word for no bit at all
	Base  int    // in which base the rest is shown; 0 means 16
}

// Names renders bits as "A|B|0x40"; what has no name stays a number.
func (s *FlagSet) Names(v uint64) string {
	rest, parts := v, []string(nil)
	for _, f := range s.Flags {
		m := f.Mask
		if m == 0 {
			m = f.Value
		}
		if m != 0 && v&m == f.Value && (f.Mask != 0 || rest&m != 0) {
			parts = append(parts, f.Name)
			rest &^= m
		}
	}
	if rest != 0 {
		parts = append(parts, s.number(rest))
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, "|")
	case s.None != "":
		return s.None
	}
	return "0"
}

// Value renders one value by its name.
func (s *FlagSet) Value(v uint64) string {
	for _, f := range s.Flags {
		if f.Value == v {
			return f.Name
		}
	}
	if s.None != "" && v == 0 {
		return s.None
	}
	return s.number(v)
}

func (s *FlagSet) number(v uint64) string {
	if s.Base == 10 {
		return strconv.FormatInt(int64(v), 10)
	}
	return "0x" + strconv.FormatUint(v, 16)
}
