package main

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"
)

// channels sends a number to a goroutine and takes it back, n times.
func channels(_ *watch, n int, _ string) error {
	to, from := make(chan int), make(chan int)
	go func() {
		for v := range to {
			from <- v
		}
		close(from)
	}()
	for i := range n {
		to <- i
		<-from
	}
	close(to)
	return nil
}

type node struct {
	left, right *node
	value       int
}

// collectTrees makes work for the garbage collector: n trees, each dropped at once.
func collectTrees(_ *watch, n int, _ string) error {
	for range n {
		if t := tree(15); t.left == nil {
			return fmt.Errorf("a tree of height %d", t.value)
		}
	}
	return nil
}

func tree(height int) *node {
	if height == 0 {
		return &node{}
	}
	return &node{tree(height - 1), tree(height - 1), height}
}

// sortInParallel makes and sorts n strings in each of four goroutines.
func sortInParallel(_ *watch, n int, _ string) error {
	return atOnce(4, func(int) error {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprint((i * 7919) % 100003)
		}
		slices.Sort(list)
		return nil
	})
}

// contendMutex has eight goroutines take one lock, n times each.
func contendMutex(_ *watch, n int, _ string) error {
	var mu sync.Mutex
	count := 0
	err := atOnce(8, func(int) error {
		for range n {
			mu.Lock()
			count++
			mu.Unlock()
		}
		return nil
	})
	if count != 8*n {
		return fmt.Errorf("counted to %d", count)
	}
	return err
}

func startGoroutines(_ *watch, n int, _ string) error {
	var wg sync.WaitGroup
	for range n {
		wg.Go(runtime.Gosched)
	}
	wg.Wait()
	return nil
}

// fireTimers waits for n timers, all of which are over within 50 ms.
func fireTimers(_ *watch, n int, _ string) error {
	var wg sync.WaitGroup
	wg.Add(n)
	for i := range n {
		time.AfterFunc(time.Duration(i%50)*time.Millisecond, wg.Done)
	}
	wg.Wait()
	return nil
}

func sleepShortly(_ *watch, n int, _ string) error {
	for range n {
		time.Sleep(time.Millisecond)
	}
	return nil
}

// hash takes the sum of n mebibytes.
func hash(_ *watch, n int, _ string) error {
	b, h := make([]byte, 1<<20), sha256.New()
	for range n {
		h.Write(b)
	}
	h.Sum(nil)
	return nil
}

// compress writes a map of n entries as JSON through gzip.
func compress(_ *watch, n int, _ string) error {
	m := make(map[string]any, n)
	for i := range n {
		m[strconv.Itoa(i)] = []int{i, i + 1}
	}
	z := gzip.NewWriter(io.Discard)
	if err := json.NewEncoder(z).Encode(m); err != nil {
		return err
	}
	return z.Close()
}
