package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// edits are what is written into a source: around spans, or instead of what lies between two.
type edits struct {
	wraps    []wrapping
	replaced map[int]replacement // by their beginning
}

type wrapping struct {
	from, to  int
	pre, post string
}

type replacement struct {
	to   int
	text string
}

func (e *edits) wrap(from, to int, pre, post string) {
	e.wraps = append(e.wraps, wrapping{from, to, pre, post})
}

func (e *edits) replace(from, to int, text string) {
	if e.replaced == nil {
		e.replaced = make(map[int]replacement)
	}
	e.replaced[from] = replacement{to, text}
}

// apply returns text with the edits. Of spans that begin or end together the longer one is
// outside, and of equal ones the first.
func (e *edits) apply(text []byte) []byte {
	opens, closes := make(map[int]string), make(map[int]string)
	in := slices.Clone(e.wraps)
	slices.SortStableFunc(in, func(a, b wrapping) int { return (b.to - b.from) - (a.to - a.from) })
	for _, w := range in {
		opens[w.from] += w.pre
		closes[w.to] = w.post + closes[w.to]
	}
	var b strings.Builder
	for i := 0; i <= len(text); {
		b.WriteString(closes[i])
		if r, ok := e.replaced[i]; ok {
			b.WriteString(r.text)
			i = r.to
			b.WriteString(opens[i])
			if i < len(text) {
				b.WriteByte(text[i])
			}
			i++
			continue
		}
		b.WriteString(opens[i])
		if i < len(text) {
			b.WriteByte(text[i])
		}
		i++
	}
	return []byte(b.String())
}

// What a test binary is told by its environment.
const (
	faultVar = "TOASTER_FAULT"       // the fault that it has; 0 is none
	cpuVar   = "TOASTER_FAULT_CPU"   // the seconds of processor time that it may use
	reachVar = "TOASTER_FAULT_REACH" // a file with 4 bytes for each fault, in which it marks those that it comes by
)

// helpers are what the wrapped sources call. A fault is marked as reached where it would change
// what an expression is worth, as far as that can be told without another evaluation.
const helpers = `package %s

import (
	"cmp"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"
)

var mutChosen = mutChoose()

// A fault that makes a loop endless, or one that allocates without end, costs no more than this.
func mutChoose() int {
	id, _ := strconv.Atoi(os.Getenv("` + faultVar + `"))
	if s, _ := strconv.ParseUint(os.Getenv("` + cpuVar + `"), 10, 64); s != 0 {
		syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: s, Max: s})
		syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: 3 << 30, Max: 3 << 30})
	}
	return id
}

var mutReached = mutReach()

func mutReach() []uint32 {
	f, err := os.OpenFile(os.Getenv("` + reachVar + `"), os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		panic(err)
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(st.Size()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic(err)
	}
	return unsafe.Slice((*uint32)(unsafe.Pointer(&b[0])), len(b)/4)
}

func mutOn(id int) bool {
	if mutReached != nil && atomic.LoadUint32(&mutReached[id]) == 0 {
		atomic.StoreUint32(&mutReached[id], 1)
	}
	return id == mutChosen
}

type mutNumber interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr | ~float64
}

func mutOne[T mutNumber](id int) T {
	if mutOn(id) {
		return 1
	}
	return 0
}

func mutAnd(id int, a bool, b func() bool) bool {
	if mutOn(id) {
		return a || b()
	}
	return a && b()
}

func mutOr(id int, a bool, b func() bool) bool {
	if mutOn(id) {
		return a && b()
	}
	return a || b()
}

func mutLess[T cmp.Ordered](id int, a, b T) bool   { return a < b || a == b && mutOn(id) }
func mutLessEq[T cmp.Ordered](id int, a, b T) bool { return a < b || a == b && !mutOn(id) }
func mutMore[T cmp.Ordered](id int, a, b T) bool   { return a > b || a == b && mutOn(id) }
func mutMoreEq[T cmp.Ordered](id int, a, b T) bool { return a > b || a == b && !mutOn(id) }
func mutIs[T mutNumber](id int, a, b T) bool       { return a == b+mutOne[T](id) }
func mutIsNot[T mutNumber](id int, a, b T) bool    { return a != b+mutOne[T](id) }
func mutAdd[T mutNumber](id int, a, b T) T         { return a + b + mutOne[T](id) }
func mutSub[T mutNumber](id int, a, b T) T         { return a - b - mutOne[T](id) }
`

// build compiles the tests of the package with all faults in it, into dir, and returns the binary.
func (p *pkg) build(dir string) (*testBinary, error) {
	replace := make(map[string]string)
	add := func(name string, text []byte) error {
		abs, err := filepath.Abs(name)
		if err != nil {
			return err
		}
		replace[abs] = filepath.Join(dir, filepath.Base(name))
		return os.WriteFile(replace[abs], text, 0o644)
	}
	for _, s := range p.sources {
		if err := add(s.path, s.edits.apply(s.text)); err != nil {
			return nil, err
		}
	}
	if err := add(filepath.Join(p.dir, "zz_mutate.go"), fmt.Appendf(nil, helpers, p.name)); err != nil {
		return nil, err
	}
	overlay := filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(overlay, text, 0o644)
	}
	if err != nil {
		return nil, err
	}
	bin := filepath.Join(dir, "tests")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", bin, ".")
	cmd.Dir = p.dir
	if out, err := nicely(cmd); err != nil {
		return nil, fmt.Errorf("the tests with all faults do not compile: %v\n%s", err, out)
	}
	return &testBinary{path: bin, dir: p.dir}, nil
}
