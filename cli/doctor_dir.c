/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/doctor.h"

#include "core/base/mem.h"
#include "core/store/checkpoint.h"
#include "core/store/data_dir.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	FREE_PERCENT_MIN = 10,
	FILES_SPARE = 1024,  /* for connections, beside those of the segments */
	FILES_A_SEGMENT = 3, /* log and two indexes */
	TMPFS_TYPE = 0x01021994,
	NFS_TYPE = 0x6969,
};

static void check_space(struct doctor *d, const char *path)
{
	struct statvfs vfs;
	struct statfs fs;
	if (statvfs(path, &vfs) != 0 || statfs(path, &fs) != 0) {
		doctor_put(d, "space", path, FINDING_FAIL, NULL, "%s", strerror(errno));
		return;
	}
	uint64_t total = (uint64_t)vfs.f_blocks * vfs.f_frsize;
	uint64_t spare = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	uint64_t percent = total ? spare * 100 / total : 100;
	bool tight = percent < FREE_PERCENT_MIN;
	doctor_put(d, "space", path,
		spare == 0 ? FINDING_FAIL
		: tight	   ? FINDING_WARN
			   : FINDING_OK,
		tight ? "lower retention.bytes or retention.ms of the largest topics, or add disk"
		      : NULL,
		"%" PRIu64 " MiB of %" PRIu64 " MiB are free, %" PRIu64 "%%", spare >> 20,
		total >> 20, percent);
	if (vfs.f_files && vfs.f_favail * 100 / vfs.f_files < FREE_PERCENT_MIN) {
		doctor_put(d, "inodes", path, vfs.f_favail ? FINDING_WARN : FINDING_FAIL,
			"fewer and larger segments (segment.bytes) need fewer files",
			"%" PRIu64 " of %" PRIu64 " free", (uint64_t)vfs.f_favail,
			(uint64_t)vfs.f_files);
	}
	if (fs.f_type == TMPFS_TYPE) {
		doctor_put(d, "filesystem", path, FINDING_WARN,
			"what is there is gone after a restart of the machine", "tmpfs: in memory");
	} else if (fs.f_type == NFS_TYPE) {
		doctor_put(d, "filesystem", path, FINDING_WARN,
			"locks and flushes may not hold: use a local disk", "NFS");
	} else {
		doctor_put(d, "filesystem", path, FINDING_OK, NULL, "type 0x%lx",
			(unsigned long)fs.f_type);
	}
}

static void check_limits(struct doctor *d, const struct data_dir *dir)
{
	struct rlimit limit;
	uint64_t needed = FILES_SPARE;
	for (size_t i = 0; i < dir->count; i++) {
		for (size_t k = 0; k < dir->partitions[i].file_count; k++) {
			bool log = dir->partitions[i].files[k].kind == DATA_FILE_LOG;
			needed += log ? FILES_A_SEGMENT : 0;
		}
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		bool few = limit.rlim_max < needed;
		doctor_put(d, "limits", "open files", few ? FINDING_WARN : FINDING_OK,
			few ? "raise LimitNOFILE of the service, or ulimit -n" : NULL,
			"%" PRIu64 " allowed here, %" PRIu64 " wanted for this directory",
			(uint64_t)limit.rlim_max, needed);
	}
}

static void check_owner(struct doctor *d, const char *path)
{
	struct stat st;
	bool mine = access(path, R_OK | W_OK | X_OK) == 0;
	if (stat(path, &st) != 0) {
		return;
	}
	bool open_to_all = st.st_mode & S_IWOTH;
	doctor_put(d, "owner", path,
		!mine	      ? FINDING_FAIL
		: open_to_all ? FINDING_WARN
			      : FINDING_OK,
		!mine	      ? "run as the user who owns it"
		: open_to_all ? "chmod o-w: anybody may change what is stored"
			      : NULL,
		"uid %u, mode %04o%s", (unsigned)st.st_uid, (unsigned)(st.st_mode & 07777),
		mine ? "" : ", this user may not write there");
}

void doctor_dir(struct doctor *d, const char *path)
{
	struct data_dir dir;
	struct meta_properties props;
	struct weir_err why;
	if (data_dir_read(path, &dir, &why) != WEIR_OK) {
		doctor_put(d, "directory", path, FINDING_FAIL, "weir broker --data makes one", "%s",
			why.text);
		return;
	}
	enum weir_code code = meta_properties_read(path, &props, &why);
	doctor_put(d, "directory", path,
		code == WEIR_OK		 ? FINDING_OK
		: code == WEIR_NOT_FOUND ? FINDING_WARN
					 : FINDING_FAIL,
		code == WEIR_NOT_FOUND ? "no broker has used it yet, or the file was lost" : NULL,
		"%s%s, %zu partition directories", code == WEIR_OK ? "cluster " : "",
		code == WEIR_OK ? props.cluster_id : why.text, dir.count);
	check_owner(d, path);
	check_space(d, path);
	check_limits(d, &dir);
	data_dir_fini(&dir);
}
