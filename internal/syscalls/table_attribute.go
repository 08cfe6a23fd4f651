package syscalls

import "toaster/netbsd"

// attributeCalls is a function as some of its handlers are made, which each start of toaster would wait for.
func attributeCalls() []Syscall {
	return []Syscall{
		{netbsd.SYS_extattrctl, "path path, cmd int, filename path, attrnamespace int, attrname str", netbsd.RetInt, Refused, extattrctl, "EOPNOTSUPP: what UFS1 alone has"},
		{netbsd.SYS_extattr_set_file, "path path, attrnamespace int, attrname str, data <buf[nbytes], nbytes size", netbsd.RetSize, Full, extattrSet(xattrsOfFile), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_get_file, "path path, attrnamespace int, attrname str, data >buf[nbytes], nbytes size", netbsd.RetSize, Full, extattrGet(xattrsOfFile), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_delete_file, "path path, attrnamespace int, attrname str", netbsd.RetInt, Full, extattrDelete(xattrsOfFile), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_set_fd, "fd fd, attrnamespace int, attrname str, data <buf[nbytes], nbytes size", netbsd.RetSize, Full, extattrSet(xattrsOfFD), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_get_fd, "fd fd, attrnamespace int, attrname str, data >buf[nbytes], nbytes size", netbsd.RetSize, Full, extattrGet(xattrsOfFD), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_delete_fd, "fd fd, attrnamespace int, attrname str", netbsd.RetInt, Full, extattrDelete(xattrsOfFD), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_set_link, "path path, attrnamespace int, attrname str, data <buf[nbytes], nbytes size", netbsd.RetSize, Full, extattrSet(xattrsOfLink), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_get_link, "path path, attrnamespace int, attrname str, data >buf[nbytes], nbytes size", netbsd.RetSize, Full, extattrGet(xattrsOfLink), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_delete_link, "path path, attrnamespace int, attrname str", netbsd.RetInt, Full, extattrDelete(xattrsOfLink), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_list_fd, "fd fd, attrnamespace int, data >buf[nbytes], nbytes size", netbsd.RetSize, Full, extattrList(xattrsOfFD), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_list_file, "path path, attrnamespace int, data >buf[nbytes], nbytes size", netbsd.RetSize, Full, extattrList(xattrsOfFile), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_extattr_list_link, "path path, attrnamespace int, data >buf[nbytes], nbytes size", netbsd.RetSize, Full, extattrList(xattrsOfLink), "the system's namespace is EPERM, and EOPNOTSUPP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_setxattr, "path path, name str, value <buf[size], size size, flags |xattr", netbsd.RetInt, Full, setxattr(xattrsOfFile), "the system's namespace is EPERM, and ENOTSUP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_lsetxattr, "path path, name str, value <buf[size], size size, flags |xattr", netbsd.RetInt, Full, setxattr(xattrsOfLink), "the system's namespace is EPERM, and ENOTSUP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_fsetxattr, "fd fd, name str, value <buf[size], size size, flags |xattr", netbsd.RetInt, Full, setxattr(xattrsOfFD), "the system's namespace is EPERM, and ENOTSUP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_getxattr, "path path, name str, value >buf[size], size size", netbsd.RetSize, Full, getxattr(xattrsOfFile), "the system's namespace is EPERM, and ENOTSUP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_lgetxattr, "path path, name str, value >buf[size], size size", netbsd.RetSize, Full, getxattr(xattrsOfLink), "the system's namespace is EPERM, and ENOTSUP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_fgetxattr, "fd fd, name str, value >buf[size], size size", netbsd.RetSize, Full, getxattr(xattrsOfFD), "the system's namespace is EPERM, and ENOTSUP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_listxattr, "path path, list >buf[size], size size", netbsd.RetSize, Full, listxattr(xattrsOfFile), "the user's namespace"},
		{netbsd.SYS_llistxattr, "path path, list >buf[size], size size", netbsd.RetSize, Full, listxattr(xattrsOfLink), "the user's namespace"},
		{netbsd.SYS_flistxattr, "fd fd, list >buf[size], size size", netbsd.RetSize, Full, listxattr(xattrsOfFD), "the user's namespace"},
		{netbsd.SYS_removexattr, "path path, name str", netbsd.RetInt, Full, removexattr(xattrsOfFile), "the system's namespace is EPERM, and ENOTSUP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_lremovexattr, "path path, name str", netbsd.RetInt, Full, removexattr(xattrsOfLink), "the system's namespace is EPERM, and ENOTSUP to the superuser: the host keeps none for guests"},
		{netbsd.SYS_fremovexattr, "fd fd, name str", netbsd.RetInt, Full, removexattr(xattrsOfFD), "the system's namespace is EPERM, and ENOTSUP to the superuser: the host keeps none for guests"},
		{netbsd.SYS___acl_get_link, "path path, type int, aclp ptr", netbsd.RetInt, Refused, aclGet(aclOfLink), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_set_link, "path path, type int, aclp ptr", netbsd.RetInt, Refused, aclSet(aclOfLink), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_delete_link, "path path, type int", netbsd.RetInt, Refused, aclDelete(aclOfLink), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_aclcheck_link, "path path, type int, aclp ptr", netbsd.RetInt, Refused, aclSet(aclOfLink), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_get_file, "path path, type int, aclp ptr", netbsd.RetInt, Refused, aclGet(aclOfFile), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_set_file, "path path, type int, aclp ptr", netbsd.RetInt, Refused, aclSet(aclOfFile), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_get_fd, "filedes fd, type int, aclp ptr", netbsd.RetInt, Refused, aclGet(aclOfFd), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_set_fd, "filedes fd, type int, aclp ptr", netbsd.RetInt, Refused, aclSet(aclOfFd), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_delete_file, "path path, type int", netbsd.RetInt, Refused, aclDelete(aclOfFile), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_delete_fd, "filedes fd, type int", netbsd.RetInt, Refused, aclDelete(aclOfFd), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_aclcheck_file, "path path, type int, aclp ptr", netbsd.RetInt, Refused, aclSet(aclOfFile), "since 10; EOPNOTSUPP: no file system here has access control lists"},
		{netbsd.SYS___acl_aclcheck_fd, "filedes fd, type int, aclp ptr", netbsd.RetInt, Refused, aclSet(aclOfFd), "since 10; EOPNOTSUPP: no file system here has access control lists"},
	}
}
