# Builds for NetBSD with the runner's clang and lld, against the tree that TOASTER_ROOT names, and runs there what is built.
set(CMAKE_SYSTEM_NAME NetBSD)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_SYSROOT $ENV{TOASTER_ROOT})
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET x86_64-unknown-netbsd)
set(CMAKE_EXE_LINKER_FLAGS_INIT "-fuse-ld=lld -static -L=/usr/lib")
set(CMAKE_CROSSCOMPILING_EMULATOR netbsd)
