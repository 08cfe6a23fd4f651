// Greedy is what a hostile set may have for pwd_mkdb: it takes all that it gets.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	switch os.Args[1] {
	case "writes":
		for {
			fmt.Println("nothing that anybody wants to read")
		}
	case "allocates":
		_, err := syscall.Mmap(-1, 0, 1<<30, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		fmt.Println(err)
	case "forks":
		for range 500 {
			if err := exec.Command("/greedy", "stays").Start(); err != nil {
				fmt.Println("fork is refused:", err) // EAGAIN or ENOMEM, by which limit is met first
				return
			}
		}
	case "stays":
		syscall.Kill(syscall.Getpid(), syscall.SIGSTOP)
	}
}
