package hostlimits

import "testing"

func BenchmarkRoom(b *testing.B) {
	tasks := FindTasks()
	for b.Loop() {
		tasks.Room()
	}
}
