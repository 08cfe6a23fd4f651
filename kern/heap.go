package kern

// This file has the pairing heap behind the wait queues. Its nodes are the
// processes themselves, by one of two sets of links; the top has the biggest seq.
// Insertion is O(1), removal O(log n) amortised; for children that exit in the
// order of their forks, or in the reverse, both are O(1).

// heapLinks: child is the first of the subheaps, next the next one beside it, prev
// the one before it or, for the first, the node above.
type heapLinks struct{ child, next, prev *Proc }

func (p *Proc) links(group bool) *heapLinks {
	if group {
		return &p.node.hp
	}
	return &p.hp
}

// heapMeld joins two heaps whose tops have no siblings.
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

// heapUnder puts b beneath a, whose seq is bigger. Whoever enters beneath the one that
// entered before keeps a descending run, as a shutdown's kills make it, a chain: all
// beneath the top, they would be paired up by the first removal, a million at once.
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

// heapRemove takes p out of the heap with top root and gives the new top.
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
