// Package oci plans the run of a WebAssembly guest from an OCI runtime specification: [LoadBundle] reads a bundle,
// [Bundle.Plan] makes a [Plan] of it, [Plan.Open] finds the module, [Bundle.Detect] decides whether that is for an engine or
// for the kernel. A runtime that has a spec of its own calls [FromSpec] and [Detect], which touch no file. A runtime that has
// another one make its containers finds the module with [Bundle.Locate], and rewrites the bundle with [Bundle.Derive]. The
// package knows no engine and runs nothing; Plan.Config is what package engine runs.
//
// # Entered and Direct
//
// A guest runs in one of two places. [Entered]: a container runtime has made the container, and this process is inside
// of it; the kernel enforces the spec on this process, and the guest is granted what it may reach on top of that.
// [Direct]: there is no container; the guest has what this process grants it from the rootfs and the sources of the
// mounts, as any user and without a kernel's help.
//
// # Delegates
//
// Another OCI runtime, the delegate, can make the container of a guest: [Bundle.Derive] makes the config.json for it, in which the
// process is a runner, a program that is made for one guest and is Entered then. The delegate enforces the spec, as for any
// process. Neither the image nor the rootfs has to hold the runner, and the guest does not see it.
//
// # Nothing is dropped silently
//
// A plan has an account with a [Verdict] for every field that the spec sets, to the leaf. A field is rejected where
// it cannot be honoured and ignoring it would make the run less safe or another one; it is ignored, on the record,
// where WASI has no counterpart and the guest runs meaningfully without. [Options.Strict] makes errors of ignored and
// limited. A field that this version does not know is rejected. All problems are reported at once.
//
// # The policy
//
// By field; an entry speaks for all fields below it:
//
//	field                                     entered   direct    reason
//	ociVersion                                granted   granted   a version 1 of runtime-spec
//	process.terminal                          enforced  rejected  nobody makes a terminal: set it to false
//	process.consoleSize                       enforced  ignored   there is no terminal to size
//	process.user.uid                          enforced  ignored   no container: the guest acts as this process's user
//	process.user.gid                          enforced  ignored   no container: the guest acts as this process's group
//	process.user.umask                        enforced  ignored   no container: this process's umask counts
//	process.user.additionalGids               enforced  ignored   no container: this process's groups count
//	process.user.username                     ignored   ignored   names a user of Windows
//	process.args                              granted   granted   exact; args[0] without "#function"
//	process.commandLine                       rejected  rejected  is a command line of Windows: use args
//	process.env                               granted   granted   exact, and nothing of the host's
//	process.cwd                               granted   granted   where every guest starts
//	process.capabilities                      enforced  ignored   no container: this process stays as it is
//	process.rlimits                           enforced  ignored   no container: this process stays as it is
//	process.noNewPrivileges                   enforced  enforced  a guest executes no program, so it gains no privilege
//	process.apparmorProfile                   enforced  ignored   no container: this process stays as it is
//	process.oomScoreAdj                       enforced  ignored   no container: this process stays as it is
//	process.scheduler                         enforced  ignored   no container: this process stays as it is
//	process.selinuxLabel                      enforced  ignored   no container: this process stays as it is
//	process.ioPriority                        enforced  ignored   no container: this process stays as it is
//	process.execCPUAffinity                   enforced  ignored   no container: this process stays as it is
//	root.path                                 granted   granted   the guest's /
//	root.readonly                             enforced  enforced  every change fails with EROFS, except in mounts
//	hostname                                  enforced  ignored   no container; WASI shows no host name
//	domainname                                enforced  ignored   no container; WASI shows no domain name
//	mounts                                    granted   granted   one grant each: see the tables below
//	hooks.prestart                            enforced  rejected  hooks run around a container, and there is none: remove them
//	hooks.createRuntime                       enforced  rejected  hooks run around a container, and there is none: remove them
//	hooks.createContainer                     enforced  rejected  hooks run around a container, and there is none: remove them
//	hooks.startContainer                      enforced  rejected  hooks run around a container, and there is none: remove them
//	hooks.poststart                           enforced  rejected  hooks run around a container, and there is none: remove them
//	hooks.poststop                            enforced  rejected  hooks run around a container, and there is none: remove them
//	annotations                               granted   granted   metadata, which asks nothing of the guest
//	linux.uidMappings                         enforced  ignored   no user namespace without a container
//	linux.gidMappings                         enforced  ignored   no user namespace without a container
//	linux.sysctl                              enforced  ignored   no container: this process stays as it is
//	linux.resources.devices                   enforced  ignored   no cgroup without a container; a guest opens harmless ones only
//	linux.resources.memory.limit              enforced  limited   bounds the guest's memory, not what the engine needs
//	linux.resources.memory.reservation        enforced  ignored   no cgroup without a container
//	linux.resources.memory.swap               enforced  ignored   no cgroup without a container
//	linux.resources.memory.kernel             enforced  ignored   no cgroup without a container
//	linux.resources.memory.kernelTCP          enforced  ignored   no cgroup without a container
//	linux.resources.memory.swappiness         enforced  ignored   no cgroup without a container
//	linux.resources.memory.disableOOMKiller   enforced  ignored   no cgroup without a container
//	linux.resources.memory.useHierarchy       enforced  ignored   no cgroup without a container
//	linux.resources.memory.checkBeforeUpdate  enforced  ignored   no cgroup without a container
//	linux.resources.cpu                       enforced  ignored   no cgroup without a container
//	linux.resources.pids                      enforced  ignored   no cgroup without a container
//	linux.resources.blockIO                   enforced  ignored   no cgroup without a container
//	linux.resources.hugepageLimits            enforced  ignored   no cgroup without a container
//	linux.resources.network                   enforced  ignored   no cgroup without a container
//	linux.resources.rdma                      enforced  ignored   no cgroup without a container
//	linux.resources.unified                   enforced  ignored   no cgroup without a container
//	linux.cgroupsPath                         enforced  ignored   no cgroup without a container
//	linux.namespaces                          enforced  ignored   no container: this process stays as it is
//	linux.devices                             enforced  ignored   no device nodes without a container
//	linux.netDevices                          enforced  ignored   no network namespace without a container
//	linux.seccomp                             enforced  ignored   no container: this process stays as it is
//	linux.rootfsPropagation                   enforced  ignored   no mount namespace without a container
//	linux.maskedPaths                         enforced  enforced  beneath what is hidden anyway; elsewhere limited
//	linux.readonlyPaths                       enforced  enforced  read-only or hidden with the mount they are on
//	linux.mountLabel                          enforced  ignored   no mount namespace without a container
//	linux.intelRdt                            enforced  ignored   no container: this process stays as it is
//	linux.memoryPolicy                        enforced  ignored   no container: this process stays as it is
//	linux.personality                         enforced  ignored   no container: this process stays as it is
//	linux.timeOffsets                         enforced  ignored   no time namespace; a monotonic clock starts anywhere
//	solaris                                   rejected  rejected  describes a container of another kind: remove the section
//	windows                                   rejected  rejected  describes a container of another kind: remove the section
//	vm                                        rejected  rejected  describes a container of another kind: remove the section
//	zos                                       rejected  rejected  describes a container of another kind: remove the section
//	freebsd                                   rejected  rejected  describes a container of another kind: remove the section
//
// Beyond the table: args[0] without a module's name, an environment entry that is not KEY=value, a working directory
// that is not absolute and a NUL byte in any string that is used are rejected. A working directory other than / is limited:
// WASI preview 1 has none, and the guest sees it as PWD. A memory limit is in bytes; -1 and 0 are no limit, less than 64 KiB
// is rejected. User and group are enforced in Direct where they are this process's own. Devices are, entered, recorded
// one by one. Annotations that [Detect] reads are enforced; those of other runtimes (run.oci.*, krun.*) are ignored.
//
// Mounts, by kind:
//
//	mount                                    entered   direct    reason
//	bind, rbind                              granted   granted   a directory or file, read-only with ro or rro
//	tmpfs                                    granted   granted   Direct: in memory, with size and mode
//	tmpfs at /dev or below                   granted   limited   Entered: no preopen of its own. Direct: hidden, no devices and no shared memory
//	bind from below /dev to below /dev       enforced  granted   Entered: seen through the mount of /dev, opens where harmless
//	proc sysfs cgroup cgroup2 mqueue devpts  enforced  ignored   hidden from the guest, as are binds of /proc and /sys to themselves
//	any other                                granted   rejected  Direct: nobody mounts it; mount it on the host and use a bind mount
//
// Mounts apply in their order. One that a later mount covers is not granted, since a container does not show it either.
// A destination is cleaned, and taken from / where it is relative, as runc does; "/" itself is rejected. In a guest's
// tree a mount is found by its destination even where the rootfs has a link on the way.
//
// Options of mounts, in Direct; entered, the container's runtime has applied them:
//
//	option                                             direct    reason
//	ro rro rw rrw                                      granted   the last one counts, for everything beneath
//	rbind                                              granted   what the host has mounted beneath the source comes with it
//	bind                                               ignored   what the host has mounted beneath the source comes with it, as with rbind
//	nosuid suid nodev dev                              granted   a guest executes no file, and of devices opens harmless ones only
//	noexec exec rnosuid rsuid
//	rnodev rdev rnoexec rexec
//	defaults async loud silent                         granted   as ever
//	nomand symfollow rsymfollow
//	private rprivate slave rslave                      ignored   no mount namespace: what the host mounts beneath the source later appears
//	shared rshared unbindable runbindable
//	atime noatime relatime norelatime                  ignored   times of access are kept as the file system does
//	strictatime nostrictatime diratime nodiratime
//	lazytime nolazytime iversion noiversion
//	ratime rnoatime rrelatime rnorelatime
//	rstrictatime rnostrictatime rdiratime rnodiratime
//	sync dirsync mand                                  ignored   writes and locks are as on the file system
//	size= mode=                                        granted   tmpfs: 64 MiB where the size is absent, 0 or a percentage
//	nr_inodes= nr_blocks= uid= gid=                    ignored   tmpfs: a tmpfs in this process has no such property
//	huge= mpol= inode32 inode64
//	noswap
//	nosymfollow rnosymfollow                           rejected  links cannot be forbidden without a container: remove it
//	idmap ridmap                                       rejected  owners cannot be mapped without a container: remove it
//	tmpcopyup                                          rejected  tmpfs: a tmpfs in this process starts empty: remove it
//	remount                                            rejected  there is no mount to change: give its options to the mount itself
//	any other                                          rejected  is no option that runtime-spec has for this mount
//
// Masked and read-only paths of default specs lie beneath /proc and /sys, which Direct hides where the spec mounts them.
// A masked path elsewhere does not exist for the guest, nor does what is mounted on it; that is limited, because without a
// container the path is a name: where the image has a link there, what it leads to stays. A read-only path elsewhere has
// to be on a read-only mount and is rejected otherwise, for the same reason; beneath /proc and /sys it is hidden.
//
// # Exit status
//
// Errors say with what status a container should exit that could not be run ([engine.ExitCode] asks them):
// [SpecError], [ConfigError] and [FileError] 126, [NotFoundError] 127.
//
// [engine.ExitCode]: https://pkg.go.dev/github.com/wasmoci/wasmoci/engine#ExitCode
package oci
