package sysv

import (
	"encoding/binary"

	"toaster/netbsd"
)

// This file has what kern.ipc of sysctl(7) tells, as ipcs(1) reads it.

// ShmMax is how large a segment may be, and all of them together (kern.ipc.shmmax).
func (i *IPC) ShmMax() uint64 { return i.Shm.max }

// Info is sysctl_kern_sysvipc: what limits one of the three, and then a table of what there is,
// free places included. EINVAL for another number. The table begins at a multiple of 8.
func (i *IPC) Info(what int) (limits, table []byte, errno netbsd.Errno) {
	switch what {
	case netbsd.KERN_SYSVIPC_OMSG_INFO:
		limits, table = i.Msg.info(netbsd.IPC13)
	case netbsd.KERN_SYSVIPC_OSEM_INFO:
		limits, table = i.Sem.info(netbsd.IPC13)
	case netbsd.KERN_SYSVIPC_OSHM_INFO:
		limits, table = i.Shm.info(netbsd.IPC13)
	case netbsd.KERN_SYSVIPC_MSG_INFO:
		limits, table = i.Msg.info(netbsd.IPC50)
	case netbsd.KERN_SYSVIPC_SEM_INFO:
		limits, table = i.Sem.info(netbsd.IPC50)
	case netbsd.KERN_SYSVIPC_SHM_INFO:
		limits, table = i.Shm.info(netbsd.IPC50)
	default:
		return nil, nil, netbsd.EINVAL
	}
	return limits, table, 0
}

func ints(list ...uint32) (b []byte) {
	for _, v := range list {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// info returns struct msginfo and structures msgid_ds_sysctl.
func (m *Messages) info(f netbsd.IPCForm) (limits, table []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	size := netbsd.MsqidDS{}.InfoSize(f)
	table = make([]byte, MSGMNI*size)
	for i := range m.queues {
		m.queues[i].shown().EncodeInfo(table[i*size:], f)
	}
	return ints(MSGMAX, MSGMNI, MSGMNB, MSGTQL, MSGSSZ, MSGSEG), table
}

// info returns struct seminfo and structures semid_ds_sysctl.
func (s *Semaphores) info(f netbsd.IPCForm) (limits, table []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := netbsd.SemidDS{}.InfoSize(f)
	table = make([]byte, SEMMNI*size)
	for i := range s.slots {
		if set := s.slots[i].set; set != nil {
			set.ds.EncodeInfo(table[i*size:], f)
		}
	}
	return ints(SEMMAP, SEMMNI, SEMMNS, SEMMNU, SEMMSL, SEMOPM, SEMUME, SEMUSZ, SEMVMX, SEMAEM), table
}

// info returns struct shminfo and structures shmid_ds_sysctl.
func (s *Shared) info(f netbsd.IPCForm) (limits, table []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := netbsd.ShmidDS{}.InfoSize(f)
	table = make([]byte, SHMMNI*size)
	for i := range s.slots {
		ds := netbsd.ShmidDS{Perm: netbsd.IPCPerm{Mode: netbsd.SHMSEG_FREE}}
		if seg := s.slots[i].seg; seg != nil {
			ds = seg.ds
		}
		ds.EncodeInfo(table[i*size:], f)
	}
	limits = binary.LittleEndian.AppendUint64(nil, s.max)
	return append(limits, ints(SHMMIN, SHMMNI, SHMSEG, uint32(s.max/netbsd.PageSize))...), table
}
