/* Says where it runs, and starts a process. */
#include <sys/wait.h>

#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

int
main(void)
{
	struct utsname u;
	int status;

	if (uname(&u) == -1)
		return 1;
	printf("hello from %s\n", u.sysname);
	switch (fork()) {
	case -1:
		return 1;
	case 0:
		_exit(7);
	}
	return wait(&status) == -1 || WEXITSTATUS(status) != 7;
}
