package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// local is the address of a server: any free port of the loopback interface.
const local = "127.0.0.1:0"

// streamTCP sends n mebibytes through a connection.
func streamTCP(_ *watch, n int, _ string) error {
	ln, err := net.Listen("tcp", local)
	if err != nil {
		return err
	}
	defer ln.Close()
	sent := make(chan error, 1)
	go func() { sent <- send(ln.Addr().String(), n) }()
	c, err := ln.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	got, err := io.Copy(io.Discard, c)
	if err == nil && got != int64(n)<<20 {
		err = fmt.Errorf("%d bytes came", got)
	}
	if err != nil {
		return err
	}
	return <-sent
}

func send(addr string, mebibytes int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	b := make([]byte, block)
	for range mebibytes << 20 / block {
		if _, err := c.Write(b); err != nil {
			return err
		}
	}
	return c.Close()
}

func getOneByOne(w *watch, n int, _ string) error { return getBy(w, n, 1) }

func getByEight(w *watch, n int, _ string) error { return getBy(w, n, 8) }

// getBy makes n requests of a server in this process, by several clients at once.
func getBy(w *watch, n, clients int) error {
	w.stop()
	ln, err := net.Listen("tcp", local)
	if err != nil {
		return err
	}
	defer ln.Close()
	go http.Serve(ln, http.HandlerFunc(ok))
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	w.start()
	err = atOnce(clients, func(int) error { return get(client, "http://"+ln.Addr().String(), n/clients) })
	w.stop()
	return err
}

func ok(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }

func get(client *http.Client, url string, n int) error {
	for range n {
		r, err := client.Get(url)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, r.Body)
		r.Body.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// atOnce runs f(0) to f(k-1) in goroutines, and returns an error of theirs when all have ended.
func atOnce(k int, f func(i int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, k)
	for i := range k {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// serve is a server as a program of its own. It prints where it listens.
func serve() error {
	ln, err := net.Listen("tcp", local)
	if err != nil {
		return err
	}
	go http.Serve(ln, http.HandlerFunc(ok))
	fmt.Println("http://" + ln.Addr().String())
	untilEOF()
	return nil
}

// A server is a child that serves.
type server struct {
	cmd   *exec.Cmd
	stdin io.Closer
	url   string
}

func startServer() (*server, error) {
	cmd := self("serve")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	url, err := bufio.NewReader(stdout).ReadString('\n')
	return &server{cmd, stdin, strings.TrimSpace(url)}, err
}

func (s *server) end() error {
	s.stdin.Close()
	return s.cmd.Wait()
}
