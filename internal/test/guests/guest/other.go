//go:build !netbsd

package main

// main is for who builds the guests for another system: tools that go through all
// packages find one here.
func main() { println("the guests are a NetBSD program: GOOS=netbsd go build") }
