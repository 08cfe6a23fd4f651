// Package owners keeps what a guest was told of files that all belong to one user of the
// host: owner, group, mode, flags and device numbers. So an ordinary user's guest can be root
// in a tree, and the tree stays that user's.
//
// A file whose attributes the host cannot have itself has a mark. Of a regular file or a
// directory it is the extended attribute user.containers.override_stat, in the form of the
// rootless container tools (containers-storage, fuse-overlayfs), so that these show the same
// tree: "UID:GID:MODE:TYPE", the mode in octal, the type one of file, dir, symlink, pipe,
// socket, block-MAJOR-MINOR and char-MAJOR-MINOR. A device is a regular file with such a mark.
//
// Linux has no such attributes for links, FIFOs and sockets, and some file systems have none
// at all. Those marks are lines of a plain file in the tree's root, .toaster-owners (plain_linux.go),
// and so are flags, for which the attribute has no place.
//
// Where there is no mark, what the host says holds. When the first mark of a tree is
// made its root is marked, too, so that whoever opens the tree later knows to look for marks. A
// tree without marks costs no call more.
//
// On the host a marked file can always be read, written and, if it is a directory, searched by
// its owner, whatever the guest's mode says; nobody else gets more than the guest's mode allows
// and nobody else may write; set-id bits are never given. Marks of files of another host user
// do not count: they would be somebody else's word.
//
// Two machines that use one tree at the same time see each other's attributes; lines of the
// plain file and the first mark of all they see when they begin.
package owners
