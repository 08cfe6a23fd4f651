package main

import (
	"sync/atomic"
	"unsafe"
)

func load(p *int) int { return int(atomic.LoadUintptr((*uintptr)(unsafe.Pointer(p)))) }
func add(p *int)      { atomic.AddUintptr((*uintptr)(unsafe.Pointer(p)), 1) }

// ucontext is struct ucontext as words: flags 0, mask 2, gregs from 7, where RIP is
// 21 and RSP 24 of 26.
type ucontext [98]uint64

const (
	ucSIGMASK = 1
	ucSTACK   = 2
	ucCPU     = 4
	ucFPU     = 8

	gregs  = 7
	regR12 = gregs + 8
	regRAX = gregs + 14
	regRBX = gregs + 13
	regRIP = gregs + 21
	regRSP = gregs + 24
)

// lwpCreate makes an LWP that runs f on one of the stacks, and returns its id. What f
// refers to must outlive it.
func lwpCreate(stack, flags int, f func()) int {
	return lwpCreateAt(stack, flags, addrOf(addrLwpStart), funcPtr(stack, f))
}

func lwpCreateAt(stack, flags, pc int, f unsafe.Pointer) int {
	var uc ucontext
	must("getcontext", sysGetcontext, ptr(&uc))
	uc[regRIP] = uint64(pc)
	uc[regRSP] = uint64(stackTop(stack))
	uc[regR12] = uint64(uintptr(f))
	var lid int32
	must("_lwp_create", sysLwpCreate, ptr(&uc), flags, ptr(&lid))
	return int(lid)
}
