package file

import "syscall"

// InterfaceTables reads the host's network interfaces and their addresses, each as
// the messages of rtnetlink(7); what the host forbids to read is empty.
func InterfaceTables() (links, addrs []byte) {
	links, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return nil, nil
	}
	addrs, err = syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC)
	if err != nil {
		return links, nil
	}
	return links, addrs
}
