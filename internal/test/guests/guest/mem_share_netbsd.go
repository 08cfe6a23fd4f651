package main

// The case about memory that minherit(2) shares while it is in use.

// beside is the memory of memShareBeside: which page is in use, and what has been added to each.
var beside struct {
	page  int
	added [sharedPages]int
}

const sharedPages = 24

// memShareBeside: memory that minherit(2) has children share is theirs and the parent's, whatever LWPs of the parent do
// with it meanwhile (uvm_map_inherit, uvmspace_fork): nothing that they add, or have a call store, is lost.
func memShareBeside() {
	const inheritShare, sysMinherit = 0, 273
	base := anywhere(sharedPages * page)
	adder := lwpCreate(1, 0, func() { addShared(base) })
	reader := lwpCreate(2, 0, func() { readShared(base) })
	for i := range sharedPages {
		word := base + i*page
		for load(at(word)) == 0 || load(at(word+8)) == 0 {
			yield()
		}
		must("minherit", sysMinherit, word, page, inheritShare)
		for sums := load(at(word)); load(at(word)) == sums; {
			yield()
		}
		add(&beside.page)
	}
	must("_lwp_wait", sysLwpWait, adder, 0)
	must("_lwp_wait", sysLwpWait, reader, 0)
	reapOK(fork(func() {
		for i := range sharedPages {
			*at(base + i*page) += 1
		}
	}))
	for i, n := range beside.added {
		eq("what was added, and by the child", *at(base + i*page), n+1)
	}
}

// addShared adds to the first word of the page that is in use, until there is none.
func addShared(base int) {
	for i := load(&beside.page); i < sharedPages; i = load(&beside.page) {
		add(at(base + i*page))
		beside.added[i]++
	}
}

// readShared has read(2) store numbers in the second word of the page that is in use, until there is none.
func readShared(base int) {
	var p pipe
	p.open()
	for n := 1; ; n++ {
		i := load(&beside.page)
		if i == sharedPages {
			return
		}
		word := base + i*page + 8
		must("write", sysWrite, int(p.w), ptr(&n), 8)
		eq("a read", must("read", sysRead, int(p.r), word, 8), 8)
		eq("what was read", load(at(word)), n)
	}
}
