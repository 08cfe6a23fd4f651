// Package oci is "toaster oci": an OCI runtime (github.com/opencontainers/runtime-spec) with runc's command line, so
// that what drives runc, such as containerd's shim, can drive toaster.
//
// A container is one process of the host, its *kernel*: a toaster with one machine in it. Its life is
//
//	create   makes the state directory and the control group, joins or makes the host's namespaces, and starts the
//	         kernel in them, which makes the machine and listens; then the hooks run. create ends, so the
//	         kernel becomes a child of whoever is the subreaper: the shim
//	start    asks the kernel to start the first program
//	exec     starts a *relay*, a process of the host that hands its descriptors to the kernel and stands for the
//	         program that the kernel makes of them: it passes signals in, and ends with the program's status
//	kill     asks the kernel to send a signal
//	delete   removes what is left once the kernel has ended, and with --force ends it first
//
// The kernel ends with the first program, and with its status. No command but it runs longer than it takes, and what there is to
// know lies in the state directory, one a container below --root:
//
//	state.json   what create knows: pid, bundle, hooks; it does not change
//	status       a word, which the kernel writes: created, running, paused
//	control      the socket on which the kernel listens (control.go says what is spoken)
//
// Whether a container is stopped is the host's word: its kernel's process is gone, however it ended.
package oci
