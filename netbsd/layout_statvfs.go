package netbsd

// Statvfs is struct statvfs. Calls up to NetBSD 9 take the layout statvfs90, 2256
// bytes; the newer one has a wider spare area and a label, 3296 bytes:
//
//	0 flag 8 bsize 16 frsize 24 iosize 32 blocks 40 bfree 48 bavail 56 bresvd
//	64 files 72 ffree 80 favail 88 fresvd 96 four I/O counts 128 fsidx (8)
//	136 fsid 144 namemax 152 owner; spare; then type, mounted on, mounted from, label
type Statvfs struct {
	Flag, Bsize, Frsize, Iosize   uint64
	Blocks, Bfree, Bavail, Bresvd uint64
	Files, Ffree, Favail, Fresvd  uint64
	Fsidx                         [2]int32
	Fsid, Namemax                 uint64
	Owner                         uint32
	Type, MountedOn, From, Label  string
}

func (s *Statvfs) words() [12]*uint64 {
	return [...]*uint64{&s.Flag, &s.Bsize, &s.Frsize, &s.Iosize, &s.Blocks, &s.Bfree,
		&s.Bavail, &s.Bresvd, &s.Files, &s.Ffree, &s.Favail, &s.Fresvd}
}

func (s *Statvfs) encodeHead(b []byte) {
	for i, w := range s.words() {
		le.PutUint64(b[8*i:], *w)
	}
	le.PutUint32(b[128:], uint32(s.Fsidx[0]))
	le.PutUint32(b[132:], uint32(s.Fsidx[1]))
	le.PutUint64(b[136:], s.Fsid)
	le.PutUint64(b[144:], s.Namemax)
	le.PutUint32(b[152:], s.Owner)
}

const vfsName, vfsMount = 32, 1024

func (s *Statvfs) encodeNames(b []byte) []byte {
	putStr(b[:vfsName], s.Type)
	putStr(b[vfsName:vfsName+vfsMount], s.MountedOn)
	b = b[vfsName+vfsMount:]
	putStr(b[:vfsMount], s.From)
	return b[vfsMount:]
}

// Encode90 fills 2256 bytes: names from 172 on.
func (s *Statvfs) Encode90(b []byte) {
	clear(b[:SizeofStatvfs90])
	s.encodeHead(b)
	s.encodeNames(b[172:])
}

// Encode fills 3296 bytes: names from 192 on.
func (s *Statvfs) Encode(b []byte) {
	clear(b[:SizeofStatvfs])
	s.encodeHead(b)
	putStr(s.encodeNames(b[192:])[:vfsMount], s.Label)
}

// DecodeStatvfs90 reads 2256 bytes.
func DecodeStatvfs90(b []byte) Statvfs { return decodeStatvfs(b, 172) }

// DecodeStatvfs reads 3296 bytes.
func DecodeStatvfs(b []byte) Statvfs {
	s := decodeStatvfs(b, 192)
	s.Label = field(b[192+vfsName+2*vfsMount : SizeofStatvfs])
	return s
}

func decodeStatvfs(b []byte, names int) (s Statvfs) {
	for i, w := range s.words() {
		*w = le.Uint64(b[8*i:])
	}
	s.Fsidx = [2]int32{int32(le.Uint32(b[128:])), int32(le.Uint32(b[132:]))}
	s.Fsid, s.Namemax, s.Owner = le.Uint64(b[136:]), le.Uint64(b[144:]), le.Uint32(b[152:])
	n := b[names:]
	s.Type = field(n[:vfsName])
	s.MountedOn = field(n[vfsName : vfsName+vfsMount])
	s.From = field(n[vfsName+vfsMount : vfsName+2*vfsMount])
	return s
}
