package netbsd

// MqAttr is struct mq_attr (mqueue.h).
type MqAttr struct{ Flags, Maxmsg, Msgsize, Curmsgs int64 }

// SizeofMqAttr is its size.
const SizeofMqAttr = 32

// Bits of Flags that the kernel sets itself.
const (
	MQ_UNLINKED = 0x10000000 // the queue has no name any more
	MQ_RECEIVE  = 0x20000000 // somebody waits for a message
)

// Encode stores struct mq_attr: flags 0, maxmsg 8, msgsize 16, curmsgs 24.
func (a MqAttr) Encode(b []byte) {
	for i, v := range [...]int64{a.Flags, a.Maxmsg, a.Msgsize, a.Curmsgs} {
		le.PutUint64(b[8*i:], uint64(v))
	}
}

// DecodeMqAttr reads it.
func DecodeMqAttr(b []byte) MqAttr {
	long := func(i int) int64 { return int64(le.Uint64(b[8*i:])) }
	return MqAttr{long(0), long(1), long(2), long(3)}
}
