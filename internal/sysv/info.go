package sysv

import (
	"cmp"
	"encoding/binary"

	"toaster/netbsd"
)

// This file has what kern.ipc of sysctl(7) tells, as ipcs(1) reads it.

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
	m.places()
	table = make([]byte, len(m.queues)*size)
	for i := range m.queues {
		m.queues[i].shown().EncodeInfo(table[i*size:], f)
	}
	return ints(uint32(MSGSSZ*cmp.Or(m.most, MSGSEG)), uint32(len(m.queues)), MSGMNB, MSGTQL, MSGSSZ, uint32(cmp.Or(m.most, MSGSEG))), table
}

// info returns struct seminfo and structures semid_ds_sysctl.
func (s *Semaphores) info(f netbsd.IPCForm) (limits, table []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := netbsd.SemidDS{}.InfoSize(f)
	s.places()
	table = make([]byte, len(s.slots)*size)
	for i := range s.slots {
		if set := s.slots[i].set; set != nil {
			set.ds.EncodeInfo(table[i*size:], f)
		}
	}
	return ints(SEMMAP, uint32(len(s.slots)), uint32(cmp.Or(s.most, SEMMNS)), uint32(cmp.Or(s.mostUndos, SEMMNU)), SEMMSL, SEMOPM, SEMUME, SEMUSZ, SEMVMX, SEMAEM), table
}

// info returns struct shminfo and structures shmid_ds_sysctl.
func (s *Shared) info(f netbsd.IPCForm) (limits, table []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := netbsd.ShmidDS{}.InfoSize(f)
	s.places()
	table = make([]byte, len(s.slots)*size)
	for i := range s.slots {
		ds := netbsd.ShmidDS{Perm: netbsd.IPCPerm{Mode: netbsd.SHMSEG_FREE}}
		if seg := s.slots[i].seg; seg != nil {
			ds = seg.ds
		}
		ds.EncodeInfo(table[i*size:], f)
	}
	limits = binary.LittleEndian.AppendUint64(nil, s.shown())
	return append(limits, ints(SHMMIN, uint32(len(s.slots)), uint32(s.attachable()), uint32(s.shown()/netbsd.PageSize))...), table
}
