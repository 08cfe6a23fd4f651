package netbsd

// systrace(4), gone since NetBSD 5 (sys/systrace.h).
const (
	STRIOCATTACH  = 0x80047365
	STRIOCDETACH  = 0x80047366
	STRIOCANSWER  = 0x801c7367
	STRIOCIO      = 0xc0207368
	STRIOCPOLICY  = 0xc00c7369
	STRIOCGETCWD  = 0x8004736a
	STRIOCRESCWD  = 0x2000736b
	STRIOCREPORT  = 0x8004736c
	STRIOCREPLACE = 0x8620736d
)

// What a message of systrace(4) is about, and what an answer or a policy says.
const (
	SYSTR_MSG_ASK        = 1
	SYSTR_MSG_RES        = 2
	SYSTR_MSG_EMUL       = 3
	SYSTR_MSG_CHILD      = 4
	SYSTR_MSG_UGID       = 5
	SYSTR_MSG_POLICYFREE = 6
	SYSTR_MSG_EXECVE     = 7

	SYSTR_POLICY_NEW    = 1
	SYSTR_POLICY_ASSIGN = 2
	SYSTR_POLICY_MODIFY = 3

	SYSTR_POLICY_ASK    = 0
	SYSTR_POLICY_PERMIT = 1
	SYSTR_POLICY_NEVER  = 2

	SYSTR_FLAGS_RESULT  = 1
	SYSTR_FLAGS_SETEUID = 2
	SYSTR_FLAGS_SETEGID = 4

	SYSTR_READ  = 1
	SYSTR_WRITE = 2

	SYSTR_MAXARGS      = 64
	SYSTR_MAX_POLICIES = 64
)

// Sizes of systrace(4)'s structures on amd64.
const (
	SizeofSystraceMessage = 1040
	SizeofSystraceReplace = 1568
)
