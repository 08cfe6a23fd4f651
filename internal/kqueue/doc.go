// Package kqueue is NetBSD's kqueue(2): queues of events on descriptors,
// processes, signals, timers and on nothing but the program's own word.
//
// A knote ties one (filter, ident) to one queue. Its source tells it that
// something may have happened (activate), which puts it on the queue's ready
// list; whether it did is asked again when the event is about to be handed out,
// so that an event that was true and no longer is isn't reported.
//
// Lock order: file.Queue.mu < Queue.mu < file.Queue.mu of the queue's own
// watchers. A source is never asked, attached or detached with Queue.mu held.
package kqueue
