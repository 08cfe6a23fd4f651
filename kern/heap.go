package kern

// This file has the pairing heap behind the wait queues. Its nodes are the
// processes themselves, by one of two sets of links; the top has the biggest seq.
// Insertion is O(1), removal O(log n), both amortised. Nothing is allocated. mu is held in all
// functions here, and seq must not change while a process is in a heap.

// heapLinks: child is the first of the subheaps, next the next one beside it, prev
// the one before it or, for the first, the node above.
type heapLinks struct{ child, next, prev *Proc }

// links chooses the heap: that of all the parent's children, or that of one group.
func (p *Proc) links(group bool) *heapLinks {
	if group {
		return &p.node.hp
	}
	return &p.hp
}

// heapMeld joins two heaps whose tops have no siblings, either of them nil, and returns the top of both.
func heapMeld(a, b *Proc, g bool) *Proc {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	if a.seq < b.seq {
		a, b = b, a
	}
	heapUnder(a, b, g)
	return a
}

// heapInsert adds p to the heap with top root and returns the new top. It goes up from
// last, which entered last (or is nil), to the first node that p belongs beneath, and
// takes there the place of the one that it passed. What it passes it leaves for good,
// as in the building of a Cartesian tree: no more than two are beneath each. If each
// were put beneath the top, the first removal would pair up all: a million at once,
// after a shutdown's kills.
func heapInsert(root, last, p *Proc, g bool) *Proc {
	at, passed := last, (*Proc)(nil)
	if at == nil {
		at = root
	}
	for at != nil && at.seq < p.seq {
		up := at.links(g).prev
		if up != nil && up.links(g).child != at {
			return heapMeld(root, p, g) // a removal has moved others before it
		}
		at, passed = up, at
	}
	switch {
	case passed == nil && at == nil:
		return p
	case passed == nil:
		heapUnder(at, p, g)
		return root
	case at == nil:
		heapUnder(p, passed, g)
		return p
	}
	pl, next := p.links(g), passed.links(g).next
	pl.prev, pl.next = at, next
	if next != nil {
		next.links(g).prev = p
	}
	at.links(g).child = p
	heapUnder(p, passed, g)
	return root
}

// heapUnder puts b, which has no siblings left, beneath a, whose seq is bigger.
func heapUnder(a, b *Proc, g bool) {
	al, bl := a.links(g), b.links(g)
	bl.prev, bl.next = a, al.child
	if al.child != nil {
		al.child.links(g).prev = b
	}
	al.child = b
}

// heapPairs melds the list that starts at first: in pairs from the left, then the
// pairs from the right. No recursion: stacks are small.
func heapPairs(first *Proc, g bool) *Proc {
	var pairs *Proc // linked by next, the last pair first
	for first != nil {
		a := first
		b := a.links(g).next
		first = nil
		if b != nil {
			first = b.links(g).next
			*b.links(g) = heapLinks{child: b.links(g).child}
		}
		*a.links(g) = heapLinks{child: a.links(g).child}
		top := heapMeld(a, b, g)
		top.links(g).next = pairs
		pairs = top
	}
	var top *Proc
	for pairs != nil {
		next := pairs.links(g).next
		pairs.links(g).next = nil
		top = heapMeld(top, pairs, g)
		pairs = next
	}
	return top
}

// heapRemove takes p out of the heap with top root and returns the new top.
//
// A process goes from the middle when something else happens to it, as a stopped child that is
// continued. mu is held.
func heapRemove(root, p *Proc, g bool) *Proc {
	pl := p.links(g)
	rest := heapPairs(pl.child, g)
	if p != root {
		if before := pl.prev.links(g); before.child == p {
			before.child = pl.next
		} else {
			before.next = pl.next
		}
		if pl.next != nil {
			pl.next.links(g).prev = pl.prev
		}
		rest = heapMeld(root, rest, g)
	}
	*p.links(g) = heapLinks{}
	return rest
}
