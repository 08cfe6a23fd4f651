package kern

import "toaster/netbsd"

// This file has secmodel_securelevel(9): a level that only rises, and what it keeps from the superuser, too.

// insecure is the level that GENERIC begins with (options INSECURE).
const insecure = -1

// SecureLevel returns kern.securelevel of sysctl(7).
func (m *Machine) SecureLevel() int { return int(m.secureLevel.Load()) }

// SetSecureLevel is secmodel_securelevel_sysctl; that the caller is the superuser has been seen to. EPERM: the level is lower than
// what it was, and the caller is not init.
func (l *LWP) SetSecureLevel(level int32) netbsd.Errno {
	return l.call(func() netbsd.Errno {
		m := l.p.m
		if level < m.secureLevel.Load() && l.p != m.init {
			return netbsd.EPERM
		}
		m.secureLevel.Store(level)
		return 0
	})
}

// SetMaxProc is what a superuser makes of kern.maxproc (sysctl_kern_maxproc). EINVAL: it is negative, or more than the embedder lets the machine
// have.
func (m *Machine) SetMaxProc(n int) netbsd.Errno {
	m.lock()
	defer m.unlock()
	if n < 0 || n > m.cfg.MaxProc {
		return netbsd.EINVAL
	}
	m.maxProc = &n
	return 0
}

// mostProcs is the lower of the two bounds. mu is held.
func (m *Machine) mostProcs() int {
	if m.maxProc != nil {
		return min(*m.maxProc+m.services, m.cfg.MaxProc)
	}
	return m.cfg.MaxProc
}

// procTableFull reports whether there is no room for another process, and tells the embedder if it is his bound that is met. mu is held.
func (m *Machine) procTableFull() bool {
	if m.nprocs < m.mostProcs() {
		return false
	}
	if m.nprocs >= m.cfg.MaxProc {
		m.tableFull(TableProc)
	}
	return true
}
