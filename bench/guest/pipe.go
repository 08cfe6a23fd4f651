package main

import (
	"os"
	"os/exec"
)

// pipeRoundTrip sends a byte to and fro between two goroutines.
func pipeRoundTrip(_ *watch, n int, _ string) error {
	r1, w1, err := os.Pipe()
	if err != nil {
		return err
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		return err
	}
	go func() {
		b := make([]byte, 1)
		for {
			if _, err := r1.Read(b); err != nil {
				return
			}
			w2.Write(b)
		}
	}()
	if err := pingPong(n, w1, r2); err != nil {
		return err
	}
	return w1.Close()
}

func pingPong(n int, w, r *os.File) error {
	b := make([]byte, 1)
	for range n {
		if _, err := w.Write(b); err != nil {
			return err
		}
		if _, err := r.Read(b); err != nil {
			return err
		}
	}
	return nil
}

// pipeBetween sends a byte to and fro between two processes.
func pipeBetween(_ *watch, n int, _ string) error {
	p, err := startEcho()
	if err != nil {
		return err
	}
	if err := pingPong(n, p.w, p.r); err != nil {
		return err
	}
	return p.end()
}

// A pair is this process and a child that sends back what it is sent.
type pair struct {
	cmd  *exec.Cmd
	w, r *os.File
}

func startEcho() (*pair, error) {
	r1, w1, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r2, w2, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := self("echo")
	cmd.Stdin, cmd.Stdout = r1, w2
	err = cmd.Start()
	r1.Close()
	w2.Close()
	return &pair{cmd, w1, r2}, err
}

func (p *pair) end() error {
	p.w.Close()
	err := p.cmd.Wait()
	p.r.Close()
	return err
}

func echo() {
	b := make([]byte, 1)
	for {
		if n, _ := os.Stdin.Read(b); n == 0 {
			return
		}
		os.Stdout.Write(b)
	}
}
