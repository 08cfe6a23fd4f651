// Package netbsdroot makes a NetBSD file tree of a release's sets (release(7)), looks whether it is
// still whole, and removes it.
//
// Create takes these steps, and says which one failed, on what, and what to do:
//
//  1. the release's list of SHA512 sums is read;
//  2. each set is fetched into a cache, continued where an earlier attempt was cut, and compared
//     with its sum: nothing is unpacked that is not what the list says;
//  3. it is unpacked, as a stream, below the tree's directory and nowhere else (unpack.go), with the
//     owners and modes that it names: by the host if root does it, else by package owners;
//  4. what a first boot would make is made (boot.go).
//
// A manifest of what was unpacked stays in the tree, by which Check and Remove know it.
package netbsdroot
