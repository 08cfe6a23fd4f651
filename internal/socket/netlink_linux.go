package socket

import (
	"encoding/binary"
	"syscall"
	"toaster/internal/hostfile"

	"golang.org/x/sys/unix"
)

// InterfaceTables reads the interfaces and their addresses of the network that the
// machine's guests use, each as the messages of rtnetlink(7); what the host forbids to
// read, and what there is not, is empty.
func (k *Stack) InterfaceTables() (links, addrs []byte) {
	fd, err := k.maker(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil
	}
	defer unix.Close(fd)
	if links, err = dump(fd, unix.RTM_GETLINK); err != nil {
		return nil, nil
	}
	if addrs, err = dump(fd, unix.RTM_GETADDR); err != nil {
		return links, nil
	}
	return links, addrs
}

// dump asks for all that the host has of a kind. The request is a struct nlmsghdr (length
// 4, type 2, flags 2, sequence 4, port 4) and a struct rtgenmsg (family 1).
func dump(fd int, kind uint16) (table []byte, err error) {
	ne := binary.NativeEndian
	req := make([]byte, unix.SizeofNlMsghdr+4)
	ne.PutUint32(req, unix.SizeofNlMsghdr+1)
	ne.PutUint16(req[4:], kind)
	ne.PutUint16(req[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	ne.PutUint32(req[8:], uint32(kind))
	if err := unix.Sendto(fd, req, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	for b := make([]byte, 64<<10); ; {
		var n int
		err := hostfile.Retry(func() (err error) { n, _, err = unix.Recvfrom(fd, b, 0); return err })
		if err != nil {
			return nil, err
		}
		msgs, err := syscall.ParseNetlinkMessage(b[:n])
		if err != nil {
			return nil, err
		}
		for i := range msgs {
			switch msgs[i].Header.Type {
			case unix.NLMSG_DONE:
				return table, nil
			case unix.NLMSG_ERROR:
				return nil, unix.EINVAL
			}
		}
		table = append(table, b[:n]...)
	}
}
