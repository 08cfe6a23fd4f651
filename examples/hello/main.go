// Hello is the smallest program to try: toaster go run ./examples/hello
package main

import (
	"fmt"
	"os"
	"runtime"
)

func main() {
	fmt.Printf("hello from %s/%s, process %d\n", runtime.GOOS, runtime.GOARCH, os.Getpid())
}
