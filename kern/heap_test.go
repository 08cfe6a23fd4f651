package kern

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// heapAudit walks the heap below top: every node is below a bigger one, the links agree
// both ways, and none has more than wide nodes beneath it. It returns the sorted seqs.
func heapAudit(t interface{ Fatalf(string, ...any) }, top *Proc, g bool, wide int) []uint64 {
	if top == nil {
		return nil
	}
	if l := top.links(g); l.prev != nil || l.next != nil {
		t.Fatalf("the top %d has siblings", top.seq)
	}
	var seqs []uint64
	for todo := []*Proc{top}; len(todo) > 0; {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		seqs = append(seqs, p.seq)
		n := 0
		for before, c := p, p.links(g).child; c != nil; before, c = c, c.links(g).next {
			if c.seq > p.seq || c.links(g).prev != before {
				t.Fatalf("%d beneath %d: wrong place, or it does not know what is before it", c.seq, p.seq)
			}
			todo = append(todo, c)
			n++
		}
		if n > wide {
			t.Fatalf("%d nodes beneath %d of %d", n, p.seq, len(seqs))
		}
	}
	slices.Sort(seqs)
	return seqs
}

// TestHeapModel compares the wait heap with a sorted slice.
func TestHeapModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.Bool().Draw(t, "group")
		var top, last *Proc
		in := map[uint64]*Proc{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			seq := rapid.Uint64Range(1, 60).Draw(t, "seq")
			if p := in[seq]; p != nil {
				top = heapRemove(top, p, g)
				if last == p {
					last = nil
				}
				delete(in, seq)
			} else {
				p := &Proc{node: new(groupNode)}
				p.seq = seq
				top = heapInsert(top, last, p, g)
				last, in[seq] = p, p
			}
			var want []uint64
			for s := range in {
				want = append(want, s)
			}
			slices.Sort(want)
			if got := heapAudit(t, top, g, len(in)); !slices.Equal(got, want) {
				t.Fatalf("the heap holds %v, want %v", got, want)
			}
		}
	})
}

// TestHeapNarrow: in whatever order children become zombies, none of them ends above
// more than two others, so the first wait pairs up no more than the ones after it.
func TestHeapNarrow(t *testing.T) {
	const n = 4096
	orders := map[string]func(i int) int{
		"as forked":      func(i int) int { return i },
		"in reverse":     func(i int) int { return n - i },
		"two interlaced": func(i int) int { return i/2 + i%2*n },
		"batches of 128 in reverse, each as forked": func(i int) int { return n - i&^127 + i%128 },
		"batches of 128 as forked, each in reverse": func(i int) int { return i&^127 + 127 - i%128 },
		"scattered": func(i int) int { return i * 1103515245 % n },
	}
	for name, order := range orders {
		for _, g := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/group=%v", name, g), func(t *testing.T) {
				var top, last *Proc
				for i := range n {
					p := &Proc{node: new(groupNode)}
					p.seq = uint64(order(i))
					top = heapInsert(top, last, p, g)
					last = p
				}
				if got := heapAudit(t, top, g, 2); len(got) != n {
					t.Errorf("%d nodes, want %d", len(got), n)
				}
			})
		}
	}
}
