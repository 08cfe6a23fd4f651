package kern

// This file has the limits of the whole machine: how many processes and how many LWPs
// there may be, whosever they are. A caller that meets one gets EAGAIN; the superuser
// too, as what runs out is the machine itself.

// Tables that can be full (Config.TableFull).
const (
	TableProc = "proc"
	TableLWP  = "lwp"
)

// tableFull tells the embedder once mu is dropped. mu is held.
func (m *Machine) tableFull(table string) {
	if f := m.cfg.TableFull; f != nil {
		m.after(func() { f(table) })
	}
}

// takePlace counts l, or refuses it. mu is held.
//
// An LWP counts from before it exists until its goroutine has ended, so that LWPs which are on
// their way cannot exceed the limit together.
func (l *LWP) takePlace(m *Machine) bool {
	if m.cfg.MaxLWPs > 0 && m.lwps > m.cfg.MaxLWPs { // init has one of them
		m.tableFull(TableLWP)
		return false
	}
	m.lwps++
	l.flags |= lPlaced
	return true
}

// leavePlace ends it: before anybody can see that l has ended, as who has waited for an
// LWP may count on its place. Again, it does nothing. mu is held.
func (l *LWP) leavePlace() {
	if l.flags&lPlaced != 0 {
		l.flags &^= lPlaced
		l.p.m.lwps--
	}
}

// serve makes room for one process that the limits are not meant for. mu is held.
func (m *Machine) serve() {
	m.cfg.MaxProc++
	m.services++
	if m.cfg.MaxLWPs > 0 {
		m.cfg.MaxLWPs++
	}
}

// SetMaxLWPs changes Config.MaxLWPs; 0 is no limit. LWPs that there are stay, and services are not counted.
func (m *Machine) SetMaxLWPs(n int) {
	m.lock()
	defer m.unlock()
	if n > 0 {
		n += m.services
	}
	m.cfg.MaxLWPs = n
}

// MaxLWPs returns how many LWPs there may be at once, without those of init and of services; 0 is no limit.
func (m *Machine) MaxLWPs() int {
	m.lock()
	defer m.unlock()
	if m.cfg.MaxLWPs == 0 {
		return 0
	}
	return m.cfg.MaxLWPs - m.services
}
