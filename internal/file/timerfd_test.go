package file

import (
	"testing"

	"toaster/netbsd"
)

// timerfd_fop_ioctl: TFD_IOC_SET_TICKS changes the count, and tells nobody who waits already.
func TestTimerTicksTellNobody(t *testing.T) {
	d := NewTimer(netbsd.CLOCK_MONOTONIC, false, Owner{}, 0)
	defer d.Release()
	told := 0
	w := &Waiter{Mask: In, Fn: func(Events) { told++ }}
	d.File.Watch(w)
	defer d.File.Unwatch(w)
	if errno := d.File.Ioctl(Call{}, netbsd.TFD_IOC_SET_TICKS, []byte{3, 0, 0, 0, 0, 0, 0, 0}); errno != 0 {
		t.Fatal(errno)
	}
	if ev := d.File.Poll(In); told != 0 || ev != In {
		t.Errorf("told %d times, poll(2) finds %#x", told, ev)
	}
}
