// A guest for the tests of terminals: it does what its arguments say, one after the
// other, by raw system calls where the standard library has nothing.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func ioctl(fd int, req uintptr, arg unsafe.Pointer) syscall.Errno {
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), req, uintptr(arg))
	return e
}

type winsize struct{ Row, Col, X, Y uint16 }

var in = bufio.NewReader(os.Stdin)

func main() {
	for _, a := range os.Args[1:] {
		verb, arg, _ := strings.Cut(a, ":")
		f, ok := verbs[verb]
		if !ok {
			panic("no verb " + verb)
		}
		f(arg)
	}
}

var verbs = map[string]func(string){
	"say":      func(s string) { fmt.Println(s) },
	"isatty":   isatty,
	"line":     line,
	"raw":      raw,
	"byte":     oneByte,
	"size":     size,
	"winch":    winch,
	"job":      job,
	"devtty":   devtty,
	"stop":     func(string) { syscall.Kill(0, syscall.SIGSTOP) },
	"nonblock": func(string) { syscall.SetNonblock(0, true) },
	"block":    func(string) { syscall.SetNonblock(0, false) },
	"catch":    catch,
	"caught":   caught,
	"pause":    func(string) { time.Sleep(time.Hour) },
}

func isatty(string) {
	var t syscall.Termios
	for fd := range 3 {
		fmt.Println("fd", fd, "terminal:", ioctl(fd, syscall.TIOCGETA, unsafe.Pointer(&t)) == 0)
	}
}

func line(string) {
	s, err := in.ReadString('\n')
	fmt.Printf("line %q %v\n", s, err)
}

func raw(string) {
	var t syscall.Termios
	if e := ioctl(0, syscall.TIOCGETA, unsafe.Pointer(&t)); e != 0 {
		fmt.Println("TIOCGETA:", e)
	}
	t.Iflag &^= syscall.ICRNL | syscall.IXON
	t.Lflag &^= syscall.ECHO | syscall.ICANON | syscall.ISIG | syscall.IEXTEN
	t.Oflag &^= syscall.OPOST
	t.Cc[16], t.Cc[17] = 1, 0
	if e := ioctl(0, syscall.TIOCSETA, unsafe.Pointer(&t)); e != 0 {
		fmt.Println("TIOCSETA:", e)
	}
	fmt.Print("raw\r\n")
}

func oneByte(string) {
	c, err := in.ReadByte()
	fmt.Printf("byte %#x %v\r\n", c, err)
}

func size(string) {
	var w winsize
	e := ioctl(1, syscall.TIOCGWINSZ, unsafe.Pointer(&w))
	fmt.Println("size", w.Row, w.Col, e == 0)
}

var signals = make(chan os.Signal, 8)

func winch(string) {
	signal.Notify(signals, syscall.SIGWINCH)
	fmt.Println("waiting")
	fmt.Println("got", <-signals)
}

func catch(string) {
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTSTP, syscall.SIGCONT)
	fmt.Println("catching")
}

func caught(string) { fmt.Println("caught", <-signals) }

// job says how the process stands in its session.
func job(string) {
	var fg int32
	e := ioctl(0, syscall.TIOCGPGRP, unsafe.Pointer(&fg))
	sid, _, _ := syscall.Syscall(286, 0, 0, 0) // getsid
	pgid, _ := syscall.Getpgid(0)
	fmt.Println("foreground:", e == 0 && int(fg) == pgid, "leads its group:", pgid == os.Getpid(), "session is the parent's:", int(sid) == os.Getppid())
}

func devtty(string) {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		fmt.Println("no tty:", err)
		return
	}
	fmt.Fprintln(f, "by /dev/tty")
	f.Close()
}
