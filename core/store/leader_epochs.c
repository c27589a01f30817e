/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/store/leader_epochs.h"

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/io/fs.h"
#include "core/store/lines_priv.h"

enum { EPOCH_FILE_BYTES_MAX = 64 * 1024 * 1024 };

void leader_epochs_fini(struct leader_epochs *epochs)
{
	mem_free(epochs->entries);
	*epochs = (struct leader_epochs){0};
}

static void add(struct leader_epochs *epochs, int32_t epoch, int64_t start_offset)
{
	if (epochs->count == epochs->room) {
		epochs->room = epochs->room ? epochs->room * 2 : 4;
		epochs->entries = mem_grow(epochs->entries, epochs->room, sizeof(*epochs->entries));
	}
	epochs->entries[epochs->count++] = (struct leader_epoch){epoch, start_offset};
}

static enum weir_code read_line(void *arg, struct slice line, struct weir_err *err)
{
	struct leader_epochs *epochs = arg;
	int64_t epoch, start_offset;
	if (!lines_take_i64(&line, &epoch) || !lines_take_i64(&line, &start_offset) || line.len ||
		epoch < 0 || epoch > INT32_MAX || start_offset < 0) {
		return err_set(err, WEIR_LOCAL_CORRUPT, "not \"epoch offset\"");
	}
	if (epochs->count &&
		(epochs->entries[epochs->count - 1].epoch >= epoch ||
			epochs->entries[epochs->count - 1].start_offset > start_offset)) {
		return err_set(err, WEIR_LOCAL_CORRUPT, "epoch %lld at %lld is out of order",
			(long long)epoch, (long long)start_offset);
	}
	add(epochs, (int32_t)epoch, start_offset);
	return WEIR_OK;
}

enum weir_code leader_epochs_read(
	const char *dir, struct leader_epochs *epochs, struct weir_err *err)
{
	char *path = mem_printf("%s/%s", dir, LEADER_EPOCHS_FILE);
	*epochs = (struct leader_epochs){0};
	enum weir_code code =
		lines_read_checkpoint(path, EPOCH_FILE_BYTES_MAX, read_line, epochs, err);
	if (code) {
		leader_epochs_fini(epochs);
	}
	mem_free(path);
	return code;
}

enum weir_code leader_epochs_write(
	const char *dir, const struct leader_epochs *epochs, struct weir_err *err)
{
	struct buf text;
	buf_init(&text, 0);
	buf_printf(&text, "0\n%zu\n", epochs->count);
	for (size_t i = 0; i < epochs->count; i++) {
		buf_printf(&text, "%d %lld\n", epochs->entries[i].epoch,
			(long long)epochs->entries[i].start_offset);
	}
	char *path = mem_printf("%s/%s", dir, LEADER_EPOCHS_FILE);
	enum weir_code code = text.failed
				      ? err_set(err, WEIR_NO_MEMORY, "no memory for %s", path)
				      : fs_replace_file(path, slice_of(text.data, text.len), err);
	mem_free(path);
	buf_fini(&text);
	return code;
}

int32_t leader_epochs_last(const struct leader_epochs *epochs)
{
	return epochs->count ? epochs->entries[epochs->count - 1].epoch : -1;
}

int32_t leader_epochs_at(const struct leader_epochs *epochs, int64_t offset)
{
	size_t low = 0, high = epochs->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (epochs->entries[mid].start_offset <= offset) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low ? epochs->entries[low - 1].epoch : -1;
}

bool leader_epochs_assign(struct leader_epochs *epochs, int32_t epoch, int64_t start_offset)
{
	if (epoch < 0 || epoch <= leader_epochs_last(epochs)) {
		return false;
	}
	leader_epochs_truncate(epochs, start_offset);
	add(epochs, epoch, start_offset);
	return true;
}

bool leader_epochs_truncate(struct leader_epochs *epochs, int64_t offset)
{
	size_t before = epochs->count;
	while (epochs->count && epochs->entries[epochs->count - 1].start_offset >= offset) {
		epochs->count--;
	}
	return epochs->count != before;
}

bool leader_epochs_raise_start(struct leader_epochs *epochs, int64_t start_offset)
{
	size_t gone = 0;
	while (gone + 1 < epochs->count && epochs->entries[gone + 1].start_offset <= start_offset) {
		gone++;
	}
	if (gone) {
		epochs->count -= gone;
		memmove(epochs->entries, epochs->entries + gone,
			epochs->count * sizeof(*epochs->entries));
	}
	if (epochs->count && epochs->entries[0].start_offset < start_offset) {
		epochs->entries[0].start_offset = start_offset;
		return true;
	}
	return gone > 0;
}

void leader_epochs_end(const struct leader_epochs *epochs, int32_t asked, int64_t log_end,
	int32_t *epoch, int64_t *end_offset)
{
	size_t next = 0;
	*epoch = -1;
	*end_offset = -1;
	while (next < epochs->count && epochs->entries[next].epoch <= asked) {
		next++;
	}
	if (asked < 0 || !epochs->count) {
		return;
	}
	if (next == epochs->count) {
		if (leader_epochs_last(epochs) == asked) {
			*epoch = asked;
			*end_offset = log_end;
		}
		return;
	}
	*epoch = next ? epochs->entries[next - 1].epoch : asked;
	*end_offset = epochs->entries[next].start_offset;
}
