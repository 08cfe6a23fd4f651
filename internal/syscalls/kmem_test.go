package syscalls

import (
	"bytes"
	"debug/elf"
	"testing"

	"toaster/netbsd"
)

// kread is kvm_read: n bytes of the kernel's memory, by /dev/kmem at a descriptor. EFAULT: there are fewer.
func (p *player) kread(fd int, addr uint64, n int) []byte {
	p.t.Helper()
	r := p.do(netbsd.SYS_pread, fd, room(n), n, 0, addr)
	if r.errno != 0 || r.ret[0] != uint64(n) {
		p.t.Fatalf("%#x: %d bytes, %s, want %d", addr, r.ret[0], r.errno.Name(), n)
	}
	return r.mem(1, n)
}

func (p *player) kword(fd int, addr uint64) uint64 {
	p.t.Helper()
	return le.Uint64(p.kread(fd, addr, 8))
}

// kproc is p_fd and p_cwdi of the caller, as kvm_getproc2 finds them.
func (p *player) kproc() (fd, cwdi uint64) {
	r := p.do(netbsd.SYS___sysctl, words(netbsd.CTL_KERN, netbsd.KERN_PROC2, netbsd.KERN_PROC_PID, uint32(self(p)), netbsd.SizeofKinfoProc2, 1), 6,
		room(netbsd.SizeofKinfoProc2), longs(netbsd.SizeofKinfoProc2), 0, 0)
	if r.errno != 0 {
		p.t.Fatal(r.errno.Name())
	}
	b := r.mem(2, netbsd.SizeofKinfoProc2)
	return le.Uint64(b[32:]), le.Uint64(b[40:])
}

// What fstat(1) 1.120 of NetBSD 11 does (dofiles, ftrans, vtrans, socktrans, ptrans): it goes from p_fd to the files by the structures of
// sys/filedesc.h 1.73, file.h 1.93, vnode.h 1.304, mount.h 1.241, socketvar.h 1.171 and their like, whose places are written out here.
func TestKmem(t *testing.T) {
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_open, "file", netbsd.O_RDWR|netbsd.O_CREAT, 0o640)  // 0
		p.ok(netbsd.SYS_write, 0, []byte("12345"), 5)                       //
		p.ok(netbsd.SYS_pipe2, room(8), netbsd.O_CLOEXEC)                   // 1, 2
		p.ok(netbsd.SYS_socketpair, netbsd.AF_LOCAL, 1, 0, room(8))         // 3, 4
		p.ok(netbsd.SYS_kqueue)                                             // 5
		p.ok(netbsd.SYS_open, "/dev/null", netbsd.O_WRONLY, 0)              // 6
		kmem := int(p.ok(netbsd.SYS_open, "/dev/kmem", netbsd.O_RDONLY, 0)) // 7
		fd, cwdi := p.kproc()
		filed := p.kread(kmem, fd, 776)
		dt, last, free := le.Uint64(filed[392:]), le.Uint32(filed[428:]), le.Uint32(filed[448:])
		if last != 7 || free != 8 {
			t.Errorf("fd_lastfile %d, fd_freefile %d", last, free)
		}
		if n := le.Uint32(p.kread(kmem, dt, 176)); n != 8 {
			t.Errorf("dt_nfiles %d", n)
		}
		files := make([][]byte, 8)
		for i := range files {
			ff := p.kread(kmem, p.kword(kmem, dt+16+8*uint64(i)), 40)
			if exclose := i == 1 || i == 2; (ff[0] == 1) != exclose {
				t.Errorf("descriptor %d: ff_exclose %d", i, ff[0])
			}
			files[i] = p.kread(kmem, le.Uint64(ff[8:]), 96)
		}
		p.kfile(kmem, files[0])
		p.kpipe(kmem, files[1], files[2])
		p.ksocket(kmem, files[3])
		if typ := le.Uint32(files[5][64:]); typ != netbsd.DTYPE_KQUEUE || le.Uint64(files[5][16:]) != symbolAddr("kqueueops") {
			t.Errorf("a kqueue has type %d", typ)
		}
		null := p.kread(kmem, le.Uint64(files[6][24:]), 256)
		if v, rdev := le.Uint32(null[168:]), le.Uint64(p.kread(kmem, le.Uint64(p.kread(kmem, le.Uint64(null[176:]), 272)[264:]), 256)[112:]); v != 4 || rdev != 2<<8|2 {
			t.Errorf("/dev/null has type %d, device %#x", v, rdev)
		}
		cwd := p.kread(kmem, cwdi, 128)
		if v := p.kread(kmem, le.Uint64(cwd), 256); le.Uint32(v[168:]) != 2 || le.Uint64(cwd[8:]) != 0 {
			t.Errorf("cwdi_cdir has type %d, cwdi_rdir %#x", le.Uint32(v[168:]), le.Uint64(cwd[8:]))
		}
	})
}

// kfile is vtrans and ufs_filestat of a file of 5 bytes.
func (p *player) kfile(kmem int, f []byte) {
	p.t.Helper()
	st := netbsd.DecodeStat(p.do(netbsd.SYS___fstat50, 0, room(netbsd.SizeofStat)).mem(1, netbsd.SizeofStat))
	if off, flag, typ := le.Uint64(f), le.Uint32(f[56:]), le.Uint32(f[64:]); off != 5 || flag != 3 || typ != netbsd.DTYPE_VNODE {
		p.t.Errorf("f_offset %d, f_flag %d, f_type %d", off, flag, typ)
	}
	v := p.kread(kmem, le.Uint64(f[24:]), 256)
	if typ, tag := le.Uint32(v[168:]), le.Uint32(v[172:]); typ != 1 || tag != netbsd.VT_UFS {
		p.t.Errorf("v_type %d, v_tag %d", typ, tag)
	}
	if m := p.kread(kmem, le.Uint64(v[144:]), 3456); string(m[152+224:152+226]) != "/\x00" {
		p.t.Errorf("f_mntonname %q", m[152+224:152+234])
	}
	i := p.kread(kmem, le.Uint64(v[176:]), 272)
	if dev, ino, mode, size := le.Uint64(i[64:]), le.Uint64(i[72:]), le.Uint16(i[192:]), le.Uint64(i[200:]); dev != st.Dev || ino != st.Ino || uint32(mode) != st.Mode || size != 5 {
		p.t.Errorf("i_dev %#x, i_number %d, i_mode %o, i_size %d, of %+v", dev, ino, mode, size, st)
	}
	if um := p.kread(kmem, le.Uint64(i[40:]), 240); le.Uint64(um) != le.Uint64(v[144:]) || le.Uint64(um[24:]) != 2 {
		p.t.Errorf("um_mountp %#x, um_fstype %d", le.Uint64(um), le.Uint64(um[24:]))
	}
}

// kpipe is ptrans of both ends: each is the other's pipe_peer.
func (p *player) kpipe(kmem int, r, w []byte) {
	p.t.Helper()
	at, to := le.Uint64(r[24:]), le.Uint64(w[24:])
	if le.Uint32(r[64:]) != netbsd.DTYPE_PIPE || p.kword(kmem, at+216) != to || p.kword(kmem, to+216) != at {
		p.t.Errorf("a pipe's end at %#x has the peer %#x, that at %#x %#x", at, p.kword(kmem, at+216), to, p.kword(kmem, to+216))
	}
}

// ksocket is socktrans of a socket of socketpair(2).
func (p *player) ksocket(kmem int, f []byte) {
	p.t.Helper()
	so := p.kread(kmem, le.Uint64(f[24:]), 584)
	proto := p.kread(kmem, le.Uint64(so[48:]), 88)
	dom := p.kread(kmem, le.Uint64(proto[8:]), 240)
	name := p.kread(kmem, le.Uint64(dom[8:]), 31)
	if typ, family := le.Uint16(so[24:]), le.Uint32(dom); typ != netbsd.SOCK_STREAM || family != netbsd.AF_LOCAL || string(name[:5]) != "unix\x00" {
		p.t.Errorf("so_type %d, dom_family %d, dom_name %q", typ, family, name)
	}
	if pcb := p.kread(kmem, le.Uint64(so[40:]), 112); le.Uint64(pcb[48:]) != 0 {
		p.t.Errorf("unp_addr %#x of a socket without a name", le.Uint64(pcb[48:]))
	}
}

// Who opens them and what is not there: mem(4) and MAKEDEV(8); uvm_kernacc, by which dev_kmem_readwrite is EFAULT; spec_seek, by which pread(2) takes
// any offset.
func TestKmemRefuses(t *testing.T) {
	dir := func(name string) row { return row{name, netbsd.SYS_open, args{name, netbsd.O_RDONLY, 0}, 0, nil, nil} }
	read := func(what string, fd int, addr uint64) row {
		return row{what, netbsd.SYS_pread, args{fd, room(8), 8, 0, addr}, netbsd.EFAULT, nil, nil}
	}
	newRig(t).run(func(p *player) {
		p.play([]row{
			dir("/dev/kmem"), dir("/dev/mem"), dir("/dev/drum"),
			{"EPERM: to write", netbsd.SYS_open, args{"/dev/kmem", netbsd.O_RDWR, 0}, netbsd.EPERM, nil, nil},
			read("0", 0, 0), read("-1", 0, ^uint64(0)), read("the lower half", 0, 1<<46), read("init has no files", 0, kmemProcAddr(1)),
			read("no process", 0, kmemProcAddr(29999)), read("no process's table", 0, kmemTableAddr(29999)), read("no descriptor", 0, kmemFdAddr(int(self(p)), 64)),
			read("no process's descriptor", 0, kmemFdAddr(29999, 0)), read("behind its table", 0, kmemTableAddr(int(self(p)))+4096),
			read("no file", 0, kmemAddr(kmemFile, 0)), read("no file", 0, kmemAddr(kmemFile, 1<<44-4096)), read("no mount", 0, kmemAddr(kmemMount, 1<<43)),
			read("no domain", 0, kmemAddr(kmemDomain, 200<<12)), read("a symbol", 0, symbolAddr("vnops")), read("struct proc", 0, kmemAddr(kmemHidden, 1<<12)),
			read("mem", 1, 0), read("drum", 2, 0),
			{"a read that begins where something is ends with it", netbsd.SYS_pread, args{0, room(8192), 8192, 0, kmemAddr(kmemDomain, netbsd.AF_LOCAL<<12) + 4000}, 0, 4096 - 4000 + 4096, nil},
			{"lseek(2)", netbsd.SYS_lseek, args{0, 0, kmemAddr(kmemDomain, netbsd.AF_LOCAL<<12), 0}, 0, nil, nil},
			{"read(2)", netbsd.SYS_read, args{0, room(4), 4}, 0, out{1, words(netbsd.AF_LOCAL)}, nil},
			{"write(2)", netbsd.SYS_write, args{0, room(4), 4}, netbsd.EBADF, nil, nil},
			{"a group's", netbsd.SYS_setgroups, args{1, words(kmemGid)}, 0, nil, nil},
			{"setuid(2)", netbsd.SYS_setuid, args{7}, 0, nil, nil},
			dir("/dev/kmem"),
		})
		if fd, _ := p.kproc(); fd == 0 {
			t.Error("PK_KMEM shows no addresses")
		}
	})
	newRig(t).run(func(p *player) {
		p.ok(netbsd.SYS_setuid, 7)
		for _, name := range []string{"/dev/kmem", "/dev/mem", "/dev/drum", "/dev/ksyms"} {
			p.play([]row{{"EACCES", netbsd.SYS_open, args{name, netbsd.O_RDONLY, 0}, netbsd.EACCES, nil, nil}})
		}
		if fd, cwdi := p.kproc(); fd != 0 || cwdi != 0 {
			t.Errorf("get_expose_address: p_fd %#x, p_cwdi %#x", fd, cwdi)
		}
	})
}

// kern.expose_address, by get_expose_address and sysctl_security_expose_address.
func TestExposeAddress(t *testing.T) {
	node := words(netbsd.CTL_KERN, ctlCreateBase+4)
	set := func(v uint32, errno netbsd.Errno) row {
		return row{"set", netbsd.SYS___sysctl, args{node, 2, 0, 0, words(v), 4}, errno, nil, nil}
	}
	shown := func(want bool) func(*player) {
		return func(c *player) {
			c.ok(netbsd.SYS_setuid, 7)
			if fd, _ := c.kproc(); (fd != 0) != want {
				t.Errorf("a user's p_fd is %#x", fd)
			}
			c.play([]row{set(2, netbsd.EPERM)})
		}
	}
	fork := func(want bool) []row {
		return []row{{"fork(2)", netbsd.SYS_fork, nil, 0, nil, shown(want)}, {"wait(2)", netbsd.SYS___wait450, args{-1, 0, 0, 0}, 0, nil, nil}}
	}
	newRig(t).run(func(p *player) {
		p.play([]row{{"1 without KASLR", netbsd.SYS___sysctl, args{node, 2, room(4), longs(4), 0, 0}, 0, out{2, words(1)}, nil}, set(3, netbsd.EINVAL)})
		p.play(fork(false))
		p.play([]row{set(2, 0)})
		p.play(fork(true))
		p.play([]row{set(0, 0)})
		p.play(fork(false))
		if fd, _ := p.kproc(); fd == 0 {
			t.Error("secmodel_suser: the superuser is shown no addresses")
		}
	})
}

// /dev/ksyms as nlist(3) asks it (__fdnlist of nlist_elf32.c), today's and that of NetBSD 7, and read as the ELF file that it is (ksymsread).
func TestKsyms(t *testing.T) {
	request := func(what string, cmd uint64, name string, errno netbsd.Errno, value []byte) row {
		return row{what, netbsd.SYS_ioctl, args{0, cmd, func(p *player) uint64 {
			b := make([]byte, 32)
			le.PutUint64(b, p.arg(name))
			return p.arg(b)
		}}, errno, func(r *result) string {
			if got := r.mem(2, 32)[8:]; errno == 0 && !bytes.HasPrefix(got, value) {
				return "another value"
			}
			return ""
		}, nil}
	}
	newRig(t).run(func(p *player) {
		p.play([]row{
			{"open(2)", netbsd.SYS_open, args{"/dev/ksyms", netbsd.O_RDONLY, 0}, 0, 0, nil},
			request("KIOCGVALUE", netbsd.KIOCGVALUE, "pipeops", 0, longs(symbolAddr("pipeops"))),
			request("KIOCGSYMBOL", netbsd.KIOCGSYMBOL, "pipeops", 0, symbolOf("pipeops", 0)),
			request("ENOENT", netbsd.KIOCGSYMBOL, "bpf_fileops", netbsd.ENOENT, nil),
			{"KIOCGSIZE", netbsd.SYS_ioctl, args{0, uint64(netbsd.KIOCGSIZE), room(4)}, 0, out{2, words(uint32(len(kernelELF())))}, nil},
			{"EFAULT", netbsd.SYS_ioctl, args{0, uint64(netbsd.KIOCGVALUE), longs(bad, 0)}, netbsd.EFAULT, nil, nil},
			{"ENOTTY", netbsd.SYS_ioctl, args{0, uint64(netbsd.FIONREAD), room(4)}, netbsd.ENOTTY, nil, nil},
			{"its end", netbsd.SYS_pread, args{0, room(8), 8, 0, len(kernelELF())}, 0, 0, nil},
			{"EINVAL", netbsd.SYS_pread, args{0, room(8), 8, 0, -1}, netbsd.EINVAL, nil, nil},
		})
		at := p.arg(room(24))
		p.ok(netbsd.SYS_ioctl, 0, uint64(netbsd.OKIOCGSYMBOL), func(p *player) uint64 { return p.arg(longs(p.arg("vnops"), at)) })
		b := make([]byte, 24)
		if p.mem.Read(at, b); !bytes.Equal(b, symbolOf("vnops", 0)) {
			t.Errorf("OKIOCGSYMBOL: %x", b)
		}
		image := p.do(netbsd.SYS_pread, 0, room(len(kernelELF())), len(kernelELF()), 0, 0).mem(1, len(kernelELF()))
		f, err := elf.NewFile(bytes.NewReader(image))
		if err != nil {
			t.Fatal(err)
		}
		list, err := f.Symbols()
		if err != nil || len(list) != len(kernelSymbols) || list[0].Name != "vnops" || list[0].Value != symbolAddr("vnops") {
			t.Errorf("%v, %v", list, err)
		}
	})
}
