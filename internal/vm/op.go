package vm

// OpKind says what a step does on the host.
type OpKind uint8

// Kinds of steps.
const (
	OpMap     OpKind = iota // map Region at its place, replacing what is there
	OpUnmap                 // unmap Region's range
	OpProtect               // set the protection of Region's range
	OpMove                  // move Region's pages from From to its place
	OpDiscard               // drop the pages of Region's range: they read as zero
	OpCopy                  // map Region, which is anonymous, with what was there until now
	OpExtend                // have the mapping that ends with the page at From go on in Region's place, which is to be free
	OpDup                   // map what is at From, which is shared, in Region's place as well
)

// Op is one step for the host.
type Op struct {
	Kind   OpKind
	Region Region
	From   uint64 // OpMove, OpExtend, OpDup

	// Commit says of an OpMap that it is private memory for writing in a place that was
	// held for it until now, by a private mapping that nobody could use.
	Commit bool

	// Zero says of an OpCopy that what was there until now is zeroes where nobody has touched it: private anonymous memory.
	Zero bool
}

func unmapOp(start, end uint64) Op { return Op{Kind: OpUnmap, Region: Region{Start: start, End: end}} }
