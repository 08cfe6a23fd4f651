package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// roundsAKernel is how many rounds a kernel plays, in which it must not grow.
const roundsAKernel = 60

// search plays rounds until the time is over.
func (r *runner) search(p plan) int {
	fmt.Printf("campaign: first seed %d, %s\n", p.seed, strings.Join(p.flags(), " "))
	found, rounds := 0, 0
	for !r.over() {
		n, wrong, err := r.stretch(&p)
		rounds += n
		if err != nil {
			fmt.Fprintf(os.Stderr, "campaign: %v\n", err)
			return 2
		}
		if wrong != "" {
			found++
			r.report(p, wrong)
			p.seed++
		}
	}
	r.show.Clear()
	fmt.Printf("campaign: %d rounds, last seed %d, %d findings\n", rounds, p.seed-1, found)
	return min(found, 1)
}

// stretch plays the rounds of one kernel; if one fails p has its seed.
func (r *runner) stretch(p *plan) (n int, wrong string, err error) {
	k, err := r.start(*p)
	if err != nil {
		return 0, "", err
	}
	var first usage
	for n < roundsAKernel && !r.over() {
		r.show.Say("seed %d, round %d of this kernel, %s", p.seed, n, first)
		u, wrong := k.play(*p)
		n++
		if wrong != "" {
			return n, wrong, nil
		}
		if n == warmUp {
			first = u
		}
		if grown := growth(first, u); n > warmUp && grown != "" {
			k.stop()
			return n, grown, nil
		}
		p.seed++
	}
	if left := k.stop(); left != "" {
		return n, left, nil
	}
	return n, "", nil
}

// warmUp is after how many rounds what the runtime and the packages keep is there.
const warmUp = 10

// growth compares what was used after the warm-up with what is used now. The slack is for what
// comes and goes; a leak in each round is more than that in the rounds of a kernel.
func growth(first, now usage) string {
	for what, n := range map[string]int{
		"goroutines": now.goroutines - first.goroutines, "descriptors": now.files - first.files,
		"threads": (now.threads - first.threads) / 4, "heap": int(int64(now.heap)-int64(first.heap)) >> 20,
	} {
		if n > 24 {
			return fmt.Sprintf("%s grow: %v after %d rounds, now %v", what, first, warmUp, now)
		}
	}
	return ""
}

// report prints a finding, and the smallest round that still has it.
func (r *runner) report(p plan, wrong string) {
	r.show.Clear()
	file := filepath.Join(os.TempDir(), fmt.Sprintf("campaign-%d.txt", p.seed))
	os.WriteFile(file, []byte(wrong), 0o600)
	head, _, _ := strings.Cut(wrong, "\n")
	fmt.Printf("campaign: seed %d: %s\ncampaign: the whole is in %s\n", p.seed, head[:min(len(head), 400)], file)
	small, ok := r.minimise(p)
	if !ok {
		fmt.Printf("campaign: it does not happen again by its seed alone (tried %d times)\n", tries)
		return
	}
	fmt.Printf("campaign: again by: go run ./internal/test/campaign -replay %d %s\n", small.seed, strings.Join(small.flags(), " "))
}

// tries is how often a round is played to see whether it fails: its LWPs race.
const tries = 5

// fails says whether a round does, in a kernel of its own.
func (r *runner) fails(p plan) bool {
	for range tries {
		k, err := r.start(p)
		if err != nil {
			return false
		}
		if _, wrong := k.play(p); wrong != "" {
			return true
		}
		k.stop()
	}
	return false
}

// minimise looks for a smaller round that fails; ok is false if not even p does.
func (r *runner) minimise(p plan) (small plan, ok bool) {
	if !r.fails(p) {
		return p, false
	}
	for again := true; again; {
		again = false
		for _, q := range p.smaller() {
			r.show.Say("minimising: %s", strings.Join(q.flags(), " "))
			if r.fails(q) {
				p, again = q, true
				break
			}
		}
	}
	return p, true
}

// smaller lists rounds that do less than p.
func (p plan) smaller() (list []plan) {
	for _, f := range []*int{&p.procs, &p.lwps, &p.births, &p.steps} {
		if old := *f; old > 1 {
			*f = old / 2
			list = append(list, p)
			*f = old
		}
	}
	for bit := uint(1); bit <= allKinds; bit <<= 1 {
		if p.kinds&bit != 0 && p.kinds != bit {
			q := p
			q.kinds &^= bit
			list = append(list, q)
		}
	}
	return list
}

// replay plays one round again and again.
func (r *runner) replay(p plan) int {
	for n := 1; !r.over(); n++ {
		k, err := r.start(p)
		if err != nil {
			fmt.Fprintf(os.Stderr, "campaign: %v\n", err)
			return 2
		}
		begun := time.Now()
		if _, wrong := k.play(p); wrong != "" {
			r.show.Clear()
			fmt.Printf("campaign: seed %d, try %d: %s\n", p.seed, n, wrong)
			return 1
		}
		r.show.Say("seed %d, try %d: nothing, in %v", p.seed, n, time.Since(begun).Round(time.Millisecond))
		k.stop()
	}
	r.show.Clear()
	fmt.Printf("campaign: seed %d: nothing\n", p.seed)
	return 0
}
