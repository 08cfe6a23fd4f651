package machine

import (
	"syscall"
	"testing"

	"toaster/internal/file"
	"toaster/internal/syscalls"
	"toaster/internal/vm"
	"toaster/netbsd"
)

// memfdRig is a memfd of a machine whose guests have this limit of memory, and a space to map it in.
type memfdRig struct {
	*testing.T
	sys *System
	f   *file.Memfd
	s   *Space
}

func newMemfdRig(t *testing.T, limit uint64) *memfdRig {
	sys := &System{memory: newMemory(limit, nil, nil)}
	mem, errno := sys.newMemory()
	if errno != 0 {
		t.Fatal(errno)
	}
	d := file.NewMemfd(mem, "m", true, file.Owner{})
	return &memfdRig{t, sys, d.File.(*file.Memfd), &Space{sys: sys, m: vm.New()}}
}

func (r *memfdRig) truncate(size int64) {
	r.Helper()
	if errno := r.f.Truncate(size); errno != 0 {
		r.Fatalf("ftruncate to %#x: %v", size, errno)
	}
}

// begin is what mmap(2) does before the region is there, enter the rest, without the host.
func (r *memfdRig) begin(off int64, size uint64, prot, flags int) (q vm.Request, end func(), errno netbsd.Errno) {
	q = vm.Request{Len: size, Prot: prot, Flags: flags, Off: off}
	_, end, errno = mapMemfd(r.f, syscalls.MmapArgs{Len: size, Prot: prot, Flags: flags, Offset: off}, &q, func() {})
	return q, end, errno
}

func (r *memfdRig) enter(q vm.Request) (addr uint64) {
	r.Helper()
	errno := r.s.charge(mostOf(q.Len, q.Prot), func() (errno netbsd.Errno) {
		addr, _, errno = r.s.m.Map(q)
		return errno
	})
	if errno != 0 {
		r.Fatal(errno)
	}
	return addr
}

func (r *memfdRig) mmap(off int64, size uint64, prot, flags int) uint64 {
	r.Helper()
	q, end, errno := r.begin(off, size, prot, flags)
	if errno != 0 {
		r.Fatal(errno)
	}
	defer end()
	return r.enter(q)
}

func (r *memfdRig) munmap(addr, size uint64) {
	r.s.charge(0, func() netbsd.Errno { _, errno := r.s.m.Unmap(addr, size); return errno })
}

// given checks how many pages the machine has promised, page tables of less than a page not counted.
func (r *memfdRig) given(when string, pages uint64) {
	r.Helper()
	if got := r.sys.MemoryGiven() / vm.PageSize; got != pages {
		r.Errorf("%s: %d pages are promised, want %d", when, got, pages)
	}
}

const rw, some = netbsd.PROT_READ | netbsd.PROT_WRITE, 16 * vm.PageSize

// A memfd counts once, and until nobody has a descriptor or any page of it mapped (SECURITY.md, --memory): for the host keeps it until then.
// What is cut off counts while somebody has it mapped, as he can write there again.
func TestMemfdCounts(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		r := newMemfdRig(t, plenty)
		r.truncate(some)
		r.given("made", 16)
		at := r.mmap(0, some, rw, netbsd.MAP_SHARED)
		r.given("mapped", 16)
		r.f.Close()
		r.given("closed", 16)
		r.munmap(at, some-vm.PageSize)
		r.given("unmapped but for a page", 16)
		r.munmap(at, some)
		r.given("unmapped", 0)
	})
	t.Run("cut", func(t *testing.T) {
		r := newMemfdRig(t, plenty)
		r.truncate(some)
		at := r.mmap(0, some, rw, netbsd.MAP_SHARED)
		r.truncate(0)
		r.given("cut while it is mapped", 16)
		r.truncate(vm.PageSize)
		r.munmap(at, some)
		r.truncate(2 * vm.PageSize)
		r.given("not mapped any more", 2)
		r.truncate(0)
		r.given("cut", 0)
		r.f.Close()
	})
	t.Run("exit", func(t *testing.T) {
		r := newMemfdRig(t, plenty)
		r.truncate(some)
		r.mmap(0, some, netbsd.PROT_READ, netbsd.MAP_PRIVATE)
		child, _ := r.s.m.Fork()
		r.f.Close()
		r.s.clear()
		r.given("of two processes one has ended", 16)
		r.s.m = child
		r.s.clear()
		if mem := r.f.Memory().(*memfdMemory); mem.refs != 0 || r.s.charged < some {
			t.Errorf("%d references, %#x to be given back with the host process", mem.refs, r.s.charged)
		}
	})
	t.Run("without a limit", func(t *testing.T) {
		r := newMemfdRig(t, 0)
		r.truncate(some)
		r.truncate(vm.PageSize)
		r.given("cut", 0)
		r.f.Close()
		r.given("closed", 0)
	})
	t.Run("too large", func(t *testing.T) {
		r := newMemfdRig(t, plenty)
		r.truncate(1)
		if errno := r.f.Truncate(plenty + vm.PageSize); errno != netbsd.ENOMEM {
			t.Errorf("more than the limit: %v", errno)
		}
		r.given("refused", 1)
		r.f.Close()
		r = newMemfdRig(t, 0)
		if errno := r.f.Truncate(1<<63 - 1); errno != netbsd.EFBIG {
			t.Errorf("more than the host can: %v", errno)
		}
		r.f.Close()
	})
}

// memfd_mmap refers to the object before mmap(2) enters it in the map, so F_SEAL_WRITE finds it in use (memfd_fcntl: uo_refs), and no
// writable mapping appears behind the seal.
func TestSealMeetsAMappingUnderWay(t *testing.T) {
	r := newMemfdRig(t, 0)
	defer r.f.Close()
	r.truncate(some)
	q, end, errno := r.begin(0, some, rw, netbsd.MAP_SHARED)
	if errno != 0 {
		t.Fatal(errno)
	}
	r.seal("under way", netbsd.F_SEAL_WRITE, netbsd.EBUSY)
	at := r.enter(q)
	end()
	r.seal("mapped", netbsd.F_SEAL_WRITE, netbsd.EBUSY)
	r.munmap(at, some)
	r.seal("unmapped", netbsd.F_SEAL_WRITE, 0)
}

// hiddenMapping is one that no map has, of the file that is lent to a guest that maps r's memfd to write.
func (r *memfdRig) hiddenMapping() []byte {
	r.Helper()
	fd, end, errno := mapMemfd(r.f, syscalls.MmapArgs{Len: some, Prot: rw, Flags: netbsd.MAP_SHARED}, &vm.Request{}, func() {})
	if errno != 0 {
		r.Fatal(errno)
	}
	defer end()
	b, err := syscall.Mmap(fd, 0, some, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { syscall.Munmap(b) })
	return b
}

func (r *memfdRig) seal(when string, seals int, want netbsd.Errno) {
	r.Helper()
	if errno := r.f.AddSeals(seals); errno != want {
		r.Errorf("%s: F_ADD_SEALS %d: %v, want %v", when, seals, errno, want)
	}
}

func (r *memfdRig) holds(when string, off int64, want byte) {
	r.Helper()
	var b [1]byte
	if errno := r.f.Memory().ReadAt(b[:], off); errno != 0 || b[0] != want {
		r.Errorf("%s: byte %d is %d, %v; want %d", when, off, b[0], errno, want)
	}
}

// Nobody writes to what F_SEAL_WRITE seals (memfd_create(2)), also who has it mapped where no map says so. F_SEAL_FUTURE_WRITE leaves
// mappings as they are (memfd_fcntl).
func TestSealedFromHiddenMappings(t *testing.T) {
	const other = 3 * vm.PageSize
	r := newMemfdRig(t, plenty)
	r.truncate(some)
	hidden := r.hiddenMapping()
	hidden[other] = 1
	r.seal("mapped", netbsd.F_SEAL_FUTURE_WRITE, 0)
	hidden[other+1] = 2
	r.holds("F_SEAL_FUTURE_WRITE", other+1, 2)
	r.seal("hidden", netbsd.F_SEAL_WRITE, 0)
	r.given("sealed", 16)
	hidden[0], hidden[other] = 9, 9
	r.holds("sealed", 0, 0)
	r.holds("sealed", other, 1)
	r.truncate(2 * some)
	r.holds("longer", other, 1)
	r.given("longer", 32)
	r.f.Close()
	r.given("closed", 0)
}

// Both files count while one is copied. What cannot be sealed for that is as it was.
func TestSealNeedsRoom(t *testing.T) {
	r := newMemfdRig(t, plenty)
	defer r.f.Close()
	r.truncate(some)
	hidden := r.hiddenMapping()
	r.sys.memory.limit = some
	r.seal("no room", netbsd.F_SEAL_WRITE, netbsd.ENOMEM)
	r.given("refused", 16)
	hidden[0] = 1
	r.holds("refused", 0, 1)
	if seals := r.f.Seals(); seals != 0 {
		t.Errorf("refused: seals %d", seals)
	}
	r.sys.memory.limit = plenty
	r.seal("room", netbsd.F_SEAL_WRITE, 0)
	r.sys.memory.limit = some
	r.seal("sealed already", netbsd.F_SEAL_WRITE, 0)
}

// Who has not been lent the file to write has no mapping to hide: nothing is copied.
func TestSealOfWhatNobodyCouldWriteTo(t *testing.T) {
	r := newMemfdRig(t, plenty)
	defer r.f.Close()
	r.truncate(some)
	r.munmap(r.mmap(0, some, rw, netbsd.MAP_PRIVATE), some)
	r.munmap(r.mmap(0, some, netbsd.PROT_READ, netbsd.MAP_SHARED), some)
	r.sys.memory.limit = some
	r.seal("no room", netbsd.F_SEAL_WRITE, 0)
}

// memfd_truncate: what a file grows by is zeroes (ubc_zerorange), whatever was written there through an old mapping since it was cut off.
func TestMemfdGrowsByZeroes(t *testing.T) {
	r := newMemfdRig(t, 0)
	defer r.f.Close()
	r.truncate(4 * vm.PageSize)
	r.mmap(0, 4*vm.PageSize, rw, netbsd.MAP_SHARED)
	b, err := syscall.Mmap(r.f.Memory().(*memfdMemory).fd, 0, 4*vm.PageSize, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(b)
	r.truncate(100)
	for i := range b {
		b[i] = 1
	}
	r.truncate(3 * vm.PageSize)
	for i, want := range map[int]byte{99: 1, 100: 0, vm.PageSize: 0, 2*vm.PageSize + 7: 0, 3*vm.PageSize - 1: 0} {
		if b[i] != want {
			t.Errorf("byte %d is %d, want %d", i, b[i], want)
		}
	}
}

// memfd_mmap: a mapping may never do what it may not now (maxprot is prot), nothing at all if that is PROT_NONE. The position is rounded
// down and the length up, to whole pages, before they are compared with the size (sys_mmap).
func TestMemfdMaxProt(t *testing.T) {
	r := newMemfdRig(t, 0)
	defer r.f.Close()
	r.truncate(some)
	for _, c := range []struct {
		name        string
		prot, later int
		want        netbsd.Errno
	}{
		{"nothing", netbsd.PROT_NONE, netbsd.PROT_READ, netbsd.EACCES},
		{"nothing, still", netbsd.PROT_NONE, netbsd.PROT_NONE, 0},
		{"to be read", netbsd.PROT_READ, rw, netbsd.EACCES},
		{"less", rw, netbsd.PROT_READ, 0},
	} {
		for _, flags := range []int{netbsd.MAP_SHARED, netbsd.MAP_PRIVATE} {
			at := r.mmap(0, vm.PageSize, c.prot, flags)
			if _, errno := r.s.m.Protect(at, vm.PageSize, c.later); errno != c.want {
				t.Errorf("%s, flags %d: mprotect(%d): %v, want %v", c.name, flags, c.later, errno, c.want)
			}
		}
	}
	if _, end, errno := r.begin(some-vm.PageSize+100, vm.PageSize-100, rw, netbsd.MAP_SHARED); errno != 0 {
		t.Errorf("the end of the last page: %v", errno)
	} else {
		end()
	}
	if _, _, errno := r.begin(some-vm.PageSize+100, vm.PageSize, rw, netbsd.MAP_SHARED); errno != netbsd.EINVAL {
		t.Errorf("beyond it: %v", errno)
	}
}

// A descriptor that writes is lent for a mapping that may write to the file, and for no other: the guest can do what the descriptor allows. A
// private mapping is its own to write to, sealed or not (memfd_mmap).
func TestMemfdIsLentAsItMayBeUsed(t *testing.T) {
	r := newMemfdRig(t, 0)
	defer r.f.Close()
	r.truncate(some)
	for _, c := range []struct {
		name        string
		prot, flags int
		want        int
	}{
		{"shared, to be written", rw, netbsd.MAP_SHARED, syscall.O_RDWR},
		{"shared, to be read", netbsd.PROT_READ, netbsd.MAP_SHARED, syscall.O_RDONLY},
		{"private, to be written", rw, netbsd.MAP_PRIVATE, syscall.O_RDONLY},
		{"private, to be read", netbsd.PROT_READ, netbsd.MAP_PRIVATE, syscall.O_RDONLY},
	} {
		args := syscalls.MmapArgs{Len: some, Prot: c.prot, Flags: c.flags}
		fd, end, errno := mapMemfd(r.f, args, &vm.Request{}, func() {})
		if errno != 0 {
			t.Fatal(errno)
		}
		if got := accessMode(t, fd); got != c.want {
			t.Errorf("%s: mode %#x, want %#x", c.name, got, c.want)
		}
		b, err := syscall.Mmap(fd, 0, some, netbsd.ProtToLinux(c.prot), map[int]int{netbsd.MAP_SHARED: syscall.MAP_SHARED, netbsd.MAP_PRIVATE: syscall.MAP_PRIVATE}[c.flags])
		if err != nil {
			t.Errorf("%s: the host maps it: %v", c.name, err)
		} else {
			syscall.Munmap(b)
		}
		end()
	}
}

// A mapping of a memfd can become longer than the file (uvm_mapent_extend), and then there is memory, which counts. Without a descriptor the
// host's file cannot grow.
func TestMemfdIsLengthened(t *testing.T) {
	r := newMemfdRig(t, 1<<40)
	r.truncate(vm.PageSize)
	at := r.mmap(0, vm.PageSize, rw, netbsd.MAP_SHARED)
	lengthen := func(when string, pages uint64, want netbsd.Errno, given uint64) {
		t.Helper()
		if errno := r.s.lengthen(syscalls.MremapArgs{Old: at, OldLen: vm.PageSize, NewLen: pages * vm.PageSize}); errno != want {
			t.Errorf("%s: %v, want %v", when, errno, want)
		}
		r.given(when, given)
	}
	lengthen("to three pages", 3, 0, 3)
	lengthen("beyond the limit", 1<<40/vm.PageSize, netbsd.ENOMEM, 3)
	lengthen("to what no map has", 1<<50/vm.PageSize, 0, 3) // the map refuses it
	lengthen("shorter", 0, 0, 3)
	r.f.Close()
	lengthen("closed", 3, 0, 3)
	lengthen("closed, to four pages", 4, netbsd.ENOMEM, 3)
	r.munmap(at, vm.PageSize)
	r.given("unmapped", 0)
}
