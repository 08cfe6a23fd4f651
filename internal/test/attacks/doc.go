// Package attacks holds hostile guests as tests: small programs without a library, one a
// file, that say at their top what they try, and for each what must happen instead.
//
// They know more of the stub than a guest can rely on, as an attacker would: where it lies
// and what instructions are in it. What they look for and do not find they go without; so a
// changed stub makes a program weaker, not wrong.
package attacks
