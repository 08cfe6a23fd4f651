package main

// NetBSD's numbers, written down here a second time: what the guests expect does not
// follow from what the kernel believes.

const (
	sysExit               = 1
	sysFork               = 2
	sysRead               = 3
	sysWrite              = 4
	sysOpen               = 5
	sysClose              = 6
	sysChdir              = 12
	sysGetpid             = 20
	sysSetuid             = 23
	sysGetuid             = 24
	sysGeteuid            = 25
	sysPtrace             = 26
	sysKill               = 37
	sysGetppid            = 39
	sysDup                = 41
	sysGetgid             = 47
	sysIoctl              = 54
	sysExecve             = 59
	sysVfork              = 66
	sysMunmap             = 73
	sysMprotect           = 74
	sysGetpgrp            = 81
	sysSetpgid            = 82
	sysDup2               = 90
	sysFcntl              = 92
	sysPoll               = 209
	sysSetreuid           = 126
	sysSetsid             = 147
	sysSetgid             = 181
	sysSeteuid            = 183
	sysMincore            = 78
	sysMlockall           = 242
	sysMunlockall         = 243
	sysGetrlimit          = 194
	sysSetrlimit          = 195
	sysMmap               = 197
	sysFutex              = 166
	sysFutexSetRobustList = 167
	sysSysctl             = 202
	sysGetpgid            = 207
	sysSigqueueinfo       = 245
	sysKsemInit           = 247
	sysKsemOpen           = 248
	sysKsemUnlink         = 249
	sysKsemPost           = 251
	sysKsemWait           = 252
	sysKsemTrywait        = 253
	sysKsemGetvalue       = 254
	sysKsemDestroy        = 255
	sysSigaltstack        = 281
	sysGetsid             = 286
	sysClone              = 287
	sysSigpending         = 292
	sysSigprocmask        = 293
	sysSigsuspend         = 294
	sysGetcontext         = 307
	sysSetcontext         = 308
	sysLwpCreate          = 309
	sysLwpExit            = 310
	sysLwpSelf            = 311
	sysLwpWait            = 312
	sysLwpSuspend         = 313
	sysLwpContinue        = 314
	sysLwpWakeup          = 315
	sysLwpKill            = 318
	sysLwpDetach          = 319
	sysLwpUnpark          = 321
	sysLwpUnparkAll       = 322
	sysLwpSetname         = 323
	sysLwpGetname         = 324
	sysLwpCtl             = 325
	sysSigaction          = 340
	sysKqueue             = 344
	sysSchedSetparam      = 346
	sysSchedGetparam      = 347
	sysSchedYield         = 350
	sysSetitimer          = 425
	sysGetitimer          = 426
	sysClockGettime       = 427
	sysNanosleep          = 430
	sysSigtimedwait       = 431
	sysKevent             = 435
	sysGetrusage          = 445
	sysWait4              = 449
	sysPipe2              = 453
	sysPosixSpawn         = 474
	sysLwpPark            = 478
	sysWait6              = 481
)

const (
	eperm     = 1
	esrch     = 3
	eintr     = 4
	ebadf     = 9
	echild    = 10
	edeadlk   = 11
	enomem    = 12
	etxtbsy   = 26
	efbig     = 27
	eacces    = 13
	efault    = 14
	ebusy     = 16
	einval    = 22
	enoent    = 2
	enoexec   = 8
	enodev    = 19
	epipe     = 32
	eagain    = 35
	etimedout = 60
	ealready  = 37
	enotsup   = 86
	enosys    = 78
	ecanceled = 87
)

const (
	sigHUP    = 1
	sigINT    = 2
	sigQUIT   = 3
	sigILL    = 4
	sigTRAP   = 5
	sigABRT   = 6
	sigFPE    = 8
	sigKILL   = 9
	sigBUS    = 10
	sigSEGV   = 11
	sigSYS    = 12
	sigPIPE   = 13
	sigALRM   = 14
	sigTERM   = 15
	sigURG    = 16
	sigSTOP   = 17
	sigTSTP   = 18
	sigCONT   = 19
	sigCHLD   = 20
	sigTTIN   = 21
	sigTTOU   = 22
	sigVTALRM = 26
	sigPROF   = 27
	sigWINCH  = 28
	sigUSR1   = 30
	sigUSR2   = 31
	sigRTMIN  = 33
)

const (
	saONSTACK   = 1
	saRESTART   = 2
	saRESETHAND = 4
	saNOCLDSTOP = 8
	saNODEFER   = 0x10
	saNOCLDWAIT = 0x20
	saSIGINFO   = 0x40

	sigDFL = 0
	sigIGN = 1

	sigBlock   = 1
	sigUnblock = 2
	sigSetmask = 3

	siUSER  = 0
	siQUEUE = -1
	siTIMER = -2
	siLWP   = -5

	cldEXITED    = 1
	cldKILLED    = 2
	cldDUMPED    = 3
	cldTRAPPED   = 4
	cldSTOPPED   = 5
	cldCONTINUED = 6
)

const (
	wNOHANG    = 1
	wUNTRACED  = 2
	wALTSIG    = 4
	wALLSIG    = 8
	wCONTINUED = 0x10
	wEXITED    = 0x20
	wTRAPPED   = 0x40
	wNOWAIT    = 0x10000
	wNOZOMBIE  = 0x20000

	pALL  = 0
	pPID  = 1
	pPPID = 2
	pPGID = 4
	pSID  = 5
	pUID  = 7
	pGID  = 8
)

const (
	lwpDETACHED  = 0x40
	lwpSUSPENDED = 0x80

	rlimitNPROC = 7
	rlimitNTHR  = 11

	oRDONLY   = 0
	oWRONLY   = 1
	oRDWR     = 2
	oNONBLOCK = 4
	oCLOEXEC  = 0x400000

	fGETFD = 1
	fSETFD = 2

	protRW    = 3
	mapShared = 1
	mapAnon   = 0x1000
	mapPriv   = 2
	mapFixed  = 0x10
)

// Calls about files.
const (
	sysLink      = 9
	sysPread     = 173
	sysPwrite    = 174
	sysLseek     = 199
	sysUnlink    = 10
	sysFchdir    = 13
	sysChmod     = 15
	sysChown     = 16
	sysAccess    = 33
	sysChflags   = 34
	sysFchflags  = 35
	sysSymlink   = 57
	sysReadlink  = 58
	sysUmask     = 60
	sysChroot    = 61
	sysSetgroups = 80
	sysConnect   = 98
	sysBind      = 104
	sysListen    = 106
	sysFchown    = 123
	sysFchmod    = 124
	sysRename    = 128
	sysMkfifo    = 132
	sysMkdir     = 136
	sysRmdir     = 137
	sysTruncate  = 200
	sysFtruncate = 201
	sysLchown    = 275
	sysGetcwd    = 296
	sysFchroot   = 297
	sysSocket    = 394
	sysUtimes    = 420
	sysFstat     = 440
	sysStat      = 439
	sysLstat     = 441
	sysMknod     = 450
	sysFaccessat = 462
	sysFexecve   = 465
	sysOpenat    = 468
	sysFutimens  = 472
	sysStatvfs   = 484
)

const (
	eexist = 17
	eftype = 79

	oCREAT = 0x200
	oTRUNC = 0x400
	oEXCL  = 0x800
)
