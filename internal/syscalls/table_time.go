package syscalls

import "toaster/netbsd"

var timeCalls = []Syscall{
	{netbsd.SYS_ntp_adjtime, "tp ptr", netbsd.RetInt, Refused, ntpAdjtime, "EPERM to change something: the time is the host's, and nobody vouches for it"},
	{netbsd.SYS_timer_create, "clock_id clock, evp <sigevent, timerid >int", netbsd.RetInt, Full, timerCreate, ""},
	{netbsd.SYS_timer_delete, "timerid int", netbsd.RetInt, Full, timerDelete, ""},
	{netbsd.SYS_timer_getoverrun, "timerid int", netbsd.RetInt, Full, timerGetoverrun, ""},
	{netbsd.SYS___gettimeofday50, "tp >timeval, tzp >timezone", netbsd.RetInt, Full, gettimeofday, ""},
	{netbsd.SYS___settimeofday50, "tv <timeval, tzp <timezone", netbsd.RetInt, Refused, settimeofday, "EPERM: the time is the host's"},
	{netbsd.SYS___adjtime50, "delta <timeval, olddelta >timeval", netbsd.RetInt, Refused, refused, "EPERM: the time is the host's"},
	{netbsd.SYS___setitimer50, "which =itimer, itv <itimerval, oitv >itimerval", netbsd.RetInt, Full, setitimer, ""},
	{netbsd.SYS___getitimer50, "which =itimer, itv >itimerval", netbsd.RetInt, Full, getitimer, ""},
	{netbsd.SYS___clock_gettime50, "clock_id clock, tp >timespec", netbsd.RetInt, Full, clockGettime, "CLOCK_VIRTUAL and CLOCK_PROF are read as the manual promises; the code of NetBSD knows neither"},
	{netbsd.SYS___clock_settime50, "clock_id clock, tp <timespec", netbsd.RetInt, Refused, clockSettime, "EPERM: the time is the host's"},
	{netbsd.SYS___clock_getres50, "clock_id clock, tp >timespec", netbsd.RetInt, Full, clockGetres, ""},
	{netbsd.SYS___nanosleep50, "rqtp <timespec, rmtp >timespec", netbsd.RetInt, Full, nanosleep, ""},
	{netbsd.SYS___timer_settime50, "timerid int, flags |timer, value <itimerspec, ovalue >itimerspec", netbsd.RetInt, Full, timerSettime, ""},
	{netbsd.SYS___timer_gettime50, "timerid int, value >itimerspec", netbsd.RetInt, Full, timerGettime, ""},
	{netbsd.SYS___ntp_gettime50, "ntvp ptr", netbsd.RetInt, Full, ntpGettime, ""},
	{netbsd.SYS_clock_nanosleep, "clock_id clock, flags |timer, rqtp <timespec, rmtp >timespec", netbsd.RetErrno, Full, clockNanosleep, "since 7"},
	{netbsd.SYS_clock_getcpuclockid2, "idtype =idtype, id long, clock_id >int", netbsd.RetInt, Full, clockGetcpuclockid, "since 8"},
}
