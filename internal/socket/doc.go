// Package socket has the sockets of a machine: the host's, with NetBSD's addresses, options
// and errors, and the open files that messages of local sockets carry (SCM_RIGHTS).
//
// Lock order, first taken first:
//
//	rights.mu < hostfile's pollDesc.mu < poller.mu
//	local.mu, router.mu < Socket.mu
//
// Queues are the host's, too, so that programs of the host can be at the other end. The
// host does not let anybody look into them: see rights_linux.go for what that means.
package socket
