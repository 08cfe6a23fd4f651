package loader

import (
	"fmt"
	"unicode/utf8"

	"toaster/netbsd"
)

// Kind says what a file is that cannot be run.
type Kind uint8

// Kinds of files.
const (
	Unreadable Kind = iota + 1
	Empty
	Directory
	Linux     // an ELF executable for Linux/amd64
	OtherOS   // an ELF executable for amd64 and some other system
	OtherArch // an ELF executable for another processor
	NotExec   // an ELF file that is not an executable: object, library, core
	Truncated // an ELF file that ends too early
	Malformed // an ELF file whose headers contradict themselves
	BadScript // #! without a usable interpreter line
	Text      // text without #!
	Foreign   // an executable of another format
	Data      // anything else
)

// Error says why a file cannot be run. Error() returns the reason alone; a message to
// a person puts the file's name in front and the Hint behind.
type Error struct {
	Kind   Kind
	Errno  netbsd.Errno // what execve answers
	Detail string       // the system, the processor, the contradiction
}

func fail(k Kind, detail string) *Error {
	return &Error{Kind: k, Errno: netbsd.ENOEXEC, Detail: detail}
}

// DirectoryError is the error for a path that is a directory.
func DirectoryError() *Error { return &Error{Kind: Directory, Errno: netbsd.EACCES} }

// Error says what the file is.
func (e *Error) Error() string {
	switch e.Kind {
	case Unreadable:
		return "cannot be read: " + e.Detail
	case Empty:
		return "is an empty file"
	case Directory:
		return "is a directory"
	case Linux:
		return "is a Linux program, not a NetBSD one"
	case OtherOS:
		return fmt.Sprintf("is a %s program, not a NetBSD one", e.Detail)
	case OtherArch:
		return fmt.Sprintf("is a program for %s, not for amd64", e.Detail)
	case NotExec:
		return fmt.Sprintf("is %s, not a program", e.Detail)
	case Truncated:
		return "is cut off: " + e.Detail
	case Malformed:
		return "is not a valid ELF executable: " + e.Detail
	case BadScript:
		return "is a script whose first line cannot be used: " + e.Detail
	case Text:
		return "is text without a #! line"
	case Foreign:
		return fmt.Sprintf("is %s, not a NetBSD program", e.Detail)
	}
	return "is not a program"
}

// Hint says what to do about it; empty where there is nothing to say.
func (e *Error) Hint() string {
	switch e.Kind {
	case Linux, OtherOS, OtherArch, Foreign:
		return "build it with GOOS=netbsd GOARCH=amd64"
	case Truncated:
		return "build or copy it again"
	case Text:
		return "run it with its interpreter, or give it a #! line"
	}
	return ""
}

// guess names what begins like this and is neither ELF nor a script.
func guess(head []byte) *Error {
	if name := foreignFormat(head); name != "" {
		return fail(Foreign, name)
	}
	if isText(head) {
		return fail(Text, "")
	}
	return fail(Data, "")
}

// isText allows for a character that the end of the head cuts in two.
func isText(head []byte) bool {
	cut := head[:len(head)-min(len(head)-1, utf8.UTFMax-1)]
	return (utf8.Valid(head) || utf8.Valid(cut)) && !hasControl(head)
}
func foreignFormat(head []byte) string {
	for _, f := range [...]struct{ magic, name string }{
		{"MZ", "a Windows program"},
		{"\xcf\xfa\xed\xfe", "a macOS program"},
		{"\xca\xfe\xba\xbe", "a macOS program or a Java class"},
		{"\x00asm", "a WebAssembly module"},
		{"!<arch>\n", "an archive"},
		{"\x1f\x8b", "a compressed file"},
		{"PK\x03\x04", "a zip archive"},
	} {
		if len(head) >= len(f.magic) && string(head[:len(f.magic)]) == f.magic {
			return f.name
		}
	}
	return ""
}

func hasControl(b []byte) bool {
	for _, c := range b {
		if c < 32 && c != '\n' && c != '\t' && c != '\r' && c != '\f' && c != '\v' && c != 27 && c != 8 {
			return true
		}
	}
	return false
}
