package platform

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"toaster/internal/platform/stub"
)

func TestReadStopsAtTheFirstBadPage(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p)
	if err := q.Protect(th, dataAt+0x2000, 0x1000, unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 0x3000)
	if n, ok := q.Read(dataAt+0x800, buf); n != 0x1800 || ok {
		t.Errorf("Read: %#x, %v", n, ok)
	}
	if err := q.Protect(th, dataAt+0x1000, 0x1000, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	if n, ok := q.Write(dataAt+0x800, buf); n != 0x800 || ok {
		t.Errorf("Write: %#x, %v", n, ok)
	}
	if n, ok := q.Read(dataAt, nil); n != 0 || !ok {
		t.Errorf("Read of nothing: %d, %v", n, ok)
	}
	for _, addr := range []uint64{0, GuestEnd - 4, GuestEnd, stub.Addr, stub.WindowAddr, ^uint64(0) - 3} {
		if n, ok := q.Read(addr, buf[:8]); n != 0 || ok {
			t.Errorf("Read at %#x: %d, %v", addr, n, ok)
		}
		if n, ok := q.Write(addr, buf[:8]); n != 0 || ok {
			t.Errorf("Write at %#x: %d, %v", addr, n, ok)
		}
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	if err := q.Map(th, 0x10000000, uint64(len(big)), 3, unix.MAP_PRIVATE, -1, 0); err != nil {
		t.Fatal(err)
	}
	q.Write(0x10000000, big)
	back := make([]byte, len(big))
	if _, ok := q.Read(0x10000000, back); !ok || !bytes.Equal(big, back) {
		t.Error("a megabyte does not come back")
	}
}

func TestReadString(t *testing.T) {
	p := newPlatform(t, Options{})
	q, _ := newGuest(t, p)
	const end = dataAt + 0x10000
	long := strings.Repeat("x", 5000)
	q.Write(dataAt+10, []byte(long+"\x00"))
	q.Write(end-4, []byte("last"))
	q.Write(end-9, []byte("abc\x00"))
	for _, test := range []struct {
		addr       uint64
		limit      int
		want       string
		terminated bool
		ok         bool
	}{
		{dataAt + 10, 6000, long, true, true},
		{dataAt + 10, 5001, long, true, true},
		{dataAt + 10, 5000, long, false, true},
		{dataAt, 100, "", true, true},
		{dataAt, 0, "", false, true},
		{end - 9, 100, "abc", true, true},
		{end - 4, 100, "", false, false},
		{end - 4, 4, "last", false, true},
		{0, 10, "", false, false},
		{stub.Addr, 10, "", false, false},
	} {
		s, terminated, ok := q.ReadString(test.addr, test.limit)
		if s != test.want || terminated != test.terminated || ok != test.ok {
			t.Errorf("%#x, %d: %d bytes, %v, %v", test.addr, test.limit, len(s), terminated, ok)
		}
	}
}

func TestMappings(t *testing.T) {
	p := newPlatform(t, Options{})
	q, th := newGuest(t, p)
	const at = 0x20000000
	if err := q.Map(th, at, 0x4000, 3, unix.MAP_PRIVATE, -1, 0); err != nil {
		t.Fatal(err)
	}
	q.Write(at, []byte("moved"))
	if err := q.Map(th, at, 0x1000, 3, unix.MAP_PRIVATE|unix.MAP_FIXED_NOREPLACE, -1, 0); err == nil {
		t.Error("an occupied place is replaced")
	}
	if err := q.Remap(th, at, 0x4000, at+0x100000, 0x8000); err != nil {
		t.Error(err)
	}
	if s, _, _ := q.ReadString(at+0x100000, 10); s != "moved" {
		t.Errorf("%q", s)
	}
	if _, ok := q.Read(at, make([]byte, 1)); ok {
		t.Error("the old place is still there")
	}
	if err := q.Remap(th, at+0x100000, 0x8000, at+0x100000, 0x1000); err != nil {
		t.Error(err)
	}
	if err := q.Advise(th, at+0x100000, 0x1000, unix.MADV_DONTNEED); err != nil {
		t.Error(err)
	}
	if s, _, ok := q.ReadString(at+0x100000, 10); s != "" || !ok {
		t.Errorf("%q after MADV_DONTNEED", s)
	}
	if err := q.Sync(th, at+0x100000, 0x1000, unix.MS_SYNC); err != nil {
		t.Error(err)
	}
	if err := q.Unmap(th, at+0x100000, 0x1000); err != nil {
		t.Error(err)
	}
	for _, addr := range []uint64{GuestEnd, GuestEnd - 0x1000, stub.Addr, stub.WindowAddr, ^uint64(0xfff)} {
		if q.Map(th, addr, 0x2000, 3, unix.MAP_PRIVATE, -1, 0) == nil ||
			q.Unmap(th, addr, 0x2000) == nil || q.Protect(th, addr, 0x2000, 7) == nil ||
			q.Remap(th, codeAt, 0x1000, addr, 0x2000) == nil || q.Advise(th, addr, 0x2000, 4) == nil {
			t.Errorf("%#x is accepted", addr)
		}
	}
}

// What is copied has the same bytes, and pages of the host's only where the original has some.
func TestCopyMemory(t *testing.T) {
	const page = 4096
	const size = int64(300 * page)
	for name, data := range map[string]map[int64]int64{ // where some begins, and where it ends
		"nothing":          nil,
		"the first page":   {0: page},
		"the last page":    {size - page: size},
		"more than a step": {10 * page: 200 * page},
		"all":              {0: size},
		"here and there":   {page: 2 * page, 3 * page: 4 * page, size - page: size},
		"beyond":           {0: page, size + page: size + 2*page},
	} {
		from, to := growing(t), growing(t)
		unix.Ftruncate(from, size+2*page)
		for at, end := range data {
			if _, err := unix.Pwrite(from, bytes.Repeat([]byte{byte(at/page) + 1}, int(end-at)), at); err != nil {
				t.Fatal(err)
			}
		}
		if err := CopyMemory(to, from, size); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want, got := make([]byte, size), make([]byte, size+1)
		unix.Pread(from, want, 0)
		if n, err := unix.Pread(to, got, 0); err != nil || !bytes.Equal(got[:n], want) {
			t.Errorf("%s: other bytes, %d, %v", name, n, err)
		}
		var had, has unix.Stat_t
		unix.Fstat(from, &had)
		if unix.Fstat(to, &has); has.Blocks > had.Blocks {
			t.Errorf("%s: %d blocks, of %d", name, has.Blocks, had.Blocks)
		}
	}
}

func growing(t *testing.T) int {
	t.Helper()
	fd, err := GrowingMemory()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}
