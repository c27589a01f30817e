/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fault/tree.h"

#include "core/base/mem.h"
#include "core/io/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, SECTOR = 512 };

struct node;

struct child {
	char *name;
	struct node *node;
};
struct children {
	struct child *all;
	size_t count;
};

struct node {
	uint64_t ino;
	int number;
	bool is_dir;
	struct children now;  /* as of the last event taken */
	struct children base; /* before the first */
	uint8_t *bytes;	      /* before the first */
	int64_t size;
};

struct step {
	enum shim_op op;
	struct node *node; /* the file, or what the name is of */
	struct node *from_dir, *to_dir;
	const char *from, *to; /* names in them */
	int64_t pos;
	const uint8_t *bytes;
	int64_t len;
	int64_t begin; /* SHIM_SYNC_END */
	bool durable;  /* SHIM_WRITE: at once */
};

struct tree {
	struct node **nodes;
	size_t node_count;
	struct node *root;
	struct step *steps;
	size_t step_count;
};

/* --- names --- */

static struct child *find(struct children *children, const char *name)
{
	for (size_t i = 0; i < children->count; i++) {
		if (!strcmp(children->all[i].name, name)) {
			return &children->all[i];
		}
	}
	return NULL;
}

static void put(struct children *children, const char *name, struct node *node)
{
	struct child *child = find(children, name);
	if (child) {
		child->node = node;
		return;
	}
	children->all = mem_grow(children->all, children->count + 1, sizeof(*children->all));
	children->all[children->count++] = (struct child){mem_dup_str(name), node};
}

static struct node *drop(struct children *children, const char *name)
{
	struct child *child = find(children, name);
	if (!child) {
		return NULL;
	}
	struct node *node = child->node;
	mem_free(child->name);
	*child = children->all[--children->count];
	return node;
}

static void children_fini(struct children *children)
{
	for (size_t i = 0; i < children->count; i++) {
		mem_free(children->all[i].name);
	}
	mem_free(children->all);
	*children = (struct children){NULL, 0};
}

static struct node *node_new(struct tree *tree, uint64_t ino, bool is_dir)
{
	struct node *node = mem_new(sizeof(*node));
	node->ino = ino;
	node->is_dir = is_dir;
	node->number = (int)tree->node_count;
	if (!(tree->node_count & (tree->node_count - 1))) {
		tree->nodes = mem_grow(tree->nodes, tree->node_count ? tree->node_count * 2 : 1,
			sizeof(struct node *));
	}
	tree->nodes[tree->node_count++] = node;
	return node;
}

/* --- the base --- */

struct loading {
	struct tree *tree;
	struct node *dir;
	const char *path;
};

static enum weir_code load_one(void *arg, const char *name, bool is_dir, struct weir_err *err)
{
	struct loading *in = arg;
	struct stat st;
	char *path = mem_printf("%s/%s", in->path, name);
	enum weir_code code = WEIR_OK;
	if (lstat(path, &st) == 0 && (is_dir || S_ISREG(st.st_mode))) {
		struct node *node = node_new(in->tree, (uint64_t)st.st_ino, is_dir);
		put(&in->dir->now, name, node);
		put(&in->dir->base, name, node);
		if (is_dir) {
			struct loading below = {in->tree, node, path};
			code = fs_list_dir(path, load_one, &below, err);
		} else {
			struct buf bytes;
			buf_init(&bytes, 0);
			code = fs_read_file(path, 1 << 30, &bytes, err);
			node->bytes = mem_dup(bytes.data ? bytes.data : (uint8_t *)"", bytes.len);
			node->size = (int64_t)bytes.len;
			buf_fini(&bytes);
		}
	}
	mem_free(path);
	return code;
}

struct tree *tree_new(const char *base)
{
	struct tree *tree = mem_new(sizeof(*tree));
	struct stat st = {.st_ino = 0};
	tree->root = node_new(tree, 0, true);
	if (base && stat(base, &st) == 0) {
		struct loading in = {tree, tree->root, base};
		tree->root->ino = (uint64_t)st.st_ino;
		(void)!fs_list_dir(base, load_one, &in, NULL);
	}
	return tree;
}

void tree_free(struct tree **out)
{
	struct tree *tree = *out;
	if (!tree) {
		return;
	}
	for (size_t i = 0; i < tree->node_count; i++) {
		children_fini(&tree->nodes[i]->now);
		children_fini(&tree->nodes[i]->base);
		mem_free(tree->nodes[i]->bytes);
		mem_free(tree->nodes[i]);
	}
	mem_free(tree->nodes);
	mem_free(tree->steps);
	MEM_FREE(out);
}

/* --- taking the trace in --- */

static struct node *by_ino(const struct tree *tree, uint64_t ino)
{
	for (size_t i = tree->node_count; i-- > 0;) {
		if (tree->nodes[i]->ino == ino) {
			return tree->nodes[i];
		}
	}
	return NULL;
}

/* The directory of path below root, and the last name of it; NULL: not known. */
static struct node *walk(
	const struct tree *tree, const char *root, const char *path, const char **name)
{
	struct node *at = tree->root;
	size_t len = strlen(root);
	if (strncmp(path, root, len) != 0 || path[len] != '/') {
		return NULL;
	}
	const char *rest = path + len + 1, *slash;
	while ((slash = strchr(rest, '/'))) {
		char part[256];
		snprintf(part, sizeof(part), "%.*s", (int)(slash - rest), rest);
		struct child *child = find(&at->now, part);
		if (!child || !child->node->is_dir) {
			return NULL;
		}
		at = child->node;
		rest = slash + 1;
	}
	*name = rest;
	return at;
}

static bool take_name(struct tree *tree, struct step *step, const struct shim_event *e,
	const char *names, const char *root)
{
	if (e->op == SHIM_MKDIR && !strcmp(names, root)) {
		tree->root->ino = e->ino;
		step->node = tree->root;
		return true; /* the directory itself: takes part in nothing */
	}
	step->to_dir = walk(tree, root, names, &step->to);
	if (e->op == SHIM_CREATE || e->op == SHIM_MKDIR) {
		step->node = node_new(tree, e->ino, e->op == SHIM_MKDIR);
		if (step->to_dir) {
			put(&step->to_dir->now, step->to, step->node);
		}
		return step->to_dir != NULL;
	}
	step->from_dir = step->to_dir;
	step->from = step->to;
	step->to_dir = NULL;
	step->node = step->from_dir ? drop(&step->from_dir->now, step->from) : NULL;
	if (e->op == SHIM_RENAME && step->node) {
		step->to_dir = walk(tree, root, names + strlen(names) + 1, &step->to);
		if (step->to_dir) {
			put(&step->to_dir->now, step->to, step->node);
		}
		return step->to_dir != NULL;
	}
	return true; /* a socket was removed: nobody misses it */
}

static bool take_event(
	struct tree *tree, struct step *step, const struct shim_event *e, const char *root)
{
	const uint8_t *bytes = (const uint8_t *)(e + 1);
	*step = (struct step){.op = (enum shim_op)e->op,
		.pos = e->pos,
		.bytes = bytes,
		.len = e->len,
		.begin = (int64_t)e->b,
		.durable = e->op == SHIM_WRITE && e->b};
	if (e->op == SHIM_CREATE || e->op == SHIM_MKDIR || e->op == SHIM_RENAME ||
		e->op == SHIM_UNLINK) {
		return take_name(tree, step, e, (const char *)bytes, root);
	}
	step->node = by_ino(tree, e->ino);
	/* The parent of the root is synced too. */
	return step->node || e->op == SHIM_SYNC_BEGIN || e->op == SHIM_SYNC_END;
}

bool tree_take(struct tree *tree, const struct shim *shim, const char *root)
{
	uint64_t used = atomic_load(&shim->used);
	size_t count = (size_t)atomic_load(&shim->clock);
	tree->steps = mem_array(count, sizeof(*tree->steps));
	for (uint64_t at = 0; at < used && tree->step_count < count;) {
		const struct shim_event *e =
			(const struct shim_event *)(const void *)(shim->events + at);
		if (!take_event(tree, &tree->steps[tree->step_count], e, root)) {
			fprintf(stderr, "trace: event %zu (%u) is of an unknown file\n",
				tree->step_count, e->op);
			return false;
		}
		tree->step_count++;
		at += e->size;
	}
	return tree->step_count == count;
}

int64_t tree_event_count(const struct tree *tree)
{
	return (int64_t)tree->step_count;
}

int64_t tree_sync_before(const struct tree *tree, int64_t k)
{
	while (k > 0 && (k >= (int64_t)tree->step_count || tree->steps[k].op != SHIM_SYNC_END)) {
		k--;
	}
	return k;
}

/* --- the cut --- */

struct cutting {
	const struct tree *tree;
	struct tree_cut *cut;
	int64_t *synced;       /* by node: events of it before this are durable */
	struct children *kept; /* by node: names as they are found */
	int64_t **of;	       /* by node: its writes and truncations */
	size_t *of_count;
};

static uint64_t mixed(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t x = a * 0x9e3779b97f4a7c15u ^ (b + 0x7f4a7c15u) * 0xbf58476d1ce4e5b9u ^
		     (c + 0x1ce4e5b9u) * 0x94d049bb133111ebu;
	x ^= x >> 31;
	x *= 0xd6e8feb86659fd93u;
	return x ^ x >> 29;
}

/* A moment between low and the cut, chosen by what. */
static int64_t moment(const struct cutting *c, int64_t low, uint64_t node, uint64_t what)
{
	uint64_t span = (uint64_t)(c->cut->at - low) + 1;
	return low + (int64_t)(mixed(c->cut->seed, node, what) % span);
}

static void find_synced(struct cutting *c)
{
	for (int64_t i = 0; i < c->cut->at; i++) {
		const struct step *step = &c->tree->steps[i];
		if (step->op == SHIM_SYNC_END && step->node &&
			step->begin > c->synced[step->node->number]) {
			c->synced[step->node->number] = step->begin;
		}
	}
}

static bool name_stands(const struct cutting *c, const struct step *step, int64_t i)
{
	const struct node *dirs[] = {step->from_dir, step->to_dir};
	for (size_t d = 0; d < 2; d++) {
		if (!dirs[d]) {
			continue;
		}
		uint64_t whose =
			c->cut->names_by_directory ? (uint64_t)dirs[d]->number : UINT64_MAX;
		if (i < c->synced[dirs[d]->number] || c->cut->bytes == TREE_KEEP ||
			(c->cut->bytes != TREE_DROP && i < moment(c, 0, whose, 1))) {
			return true;
		}
	}
	return false;
}

static void apply_names(struct cutting *c)
{
	for (size_t n = 0; n < c->tree->node_count; n++) {
		const struct children *base = &c->tree->nodes[n]->base;
		for (size_t i = 0; i < base->count; i++) {
			put(&c->kept[n], base->all[i].name, base->all[i].node);
		}
	}
	for (int64_t i = 0; i < c->cut->at; i++) {
		const struct step *step = &c->tree->steps[i];
		if ((!step->from_dir && !step->to_dir) || !name_stands(c, step, i)) {
			continue;
		}
		if (step->from_dir) {
			drop(&c->kept[step->from_dir->number], step->from);
		}
		if (step->to_dir) {
			put(&c->kept[step->to_dir->number], step->to, step->node);
		}
	}
}

/* Which events touch which file, so that each is looked at once. */
static void sort_by_file(struct cutting *c)
{
	for (int64_t i = 0; i < c->cut->at; i++) {
		const struct step *step = &c->tree->steps[i];
		if (step->op == SHIM_WRITE || step->op == SHIM_TRUNCATE) {
			size_t n = (size_t)step->node->number;
			if (!(c->of_count[n] & (c->of_count[n] - 1))) {
				c->of[n] = mem_grow(c->of[n],
					c->of_count[n] ? c->of_count[n] * 2 : 1, sizeof(int64_t));
			}
			c->of[n][c->of_count[n]++] = i;
		}
	}
}

struct image {
	uint8_t *bytes;
	int64_t room, size;
};

static void image_room(struct image *image, int64_t size)
{
	if (size > image->room) {
		int64_t room = image->room ? image->room : PAGE;
		while (room < size) {
			room *= 2;
		}
		image->bytes = mem_grow(image->bytes, (size_t)room, 1);
		memset(image->bytes + image->room, 0, (size_t)(room - image->room));
		image->room = room;
	}
}

/* Bytes of one write that are found. */
static void apply_write(
	struct cutting *c, struct image *image, const struct step *step, int64_t i, int64_t bound)
{
	const struct node *node = step->node;
	int64_t synced = c->synced[node->number];
	int64_t grain = c->cut->bytes == TREE_SECTORS ? SECTOR : PAGE;
	uint64_t number = (uint64_t)node->number;
	image_room(image, step->pos + step->len);
	for (int64_t at = step->pos; at < step->pos + step->len;) {
		int64_t end = (at / grain + 1) * grain;
		end = end < step->pos + step->len ? end : step->pos + step->len;
		uint64_t what = c->cut->bytes == TREE_PREFIX ? 2 : (uint64_t)(at / grain) + 3;
		int64_t until = c->cut->bytes == TREE_KEEP   ? c->cut->at
				: c->cut->bytes == TREE_DROP ? synced
							     : moment(c, synced, number, what);
		until = until < bound ? until : bound;
		if (i < synced || step->durable || i < until) {
			memcpy(image->bytes + at, step->bytes + (at - step->pos),
				(size_t)(end - at));
		} else {
			c->cut->dropped += end - at;
		}
		at = end;
	}
}

/* The length goes its own way, but a file that was cut and is not yet takes nothing written since.
 */
static void make_file(struct cutting *c, const struct node *node, struct image *image)
{
	size_t n = (size_t)node->number;
	int64_t synced = c->synced[n], bound = c->cut->at;
	int64_t length_at = c->cut->bytes == TREE_KEEP	 ? c->cut->at
			    : c->cut->bytes == TREE_DROP ? synced
							 : moment(c, synced, (uint64_t)n, 2);
	image_room(image, node->size);
	if (node->size) {
		memcpy(image->bytes, node->bytes, (size_t)node->size);
	}
	image->size = node->size;
	for (size_t k = 0; k < c->of_count[n]; k++) {
		int64_t i = c->of[n][k];
		const struct step *step = &c->tree->steps[i];
		if (step->op == SHIM_TRUNCATE && i >= length_at && i < bound) {
			bound = i;
		}
	}
	for (size_t k = 0; k < c->of_count[n]; k++) {
		int64_t i = c->of[n][k];
		const struct step *step = &c->tree->steps[i];
		if (step->op == SHIM_TRUNCATE && i < length_at) {
			image_room(image, step->pos);
			if (step->pos < image->room) {
				memset(image->bytes + step->pos, 0,
					(size_t)(image->room - step->pos));
			}
			image->size = step->pos;
		} else if (step->op == SHIM_WRITE) {
			apply_write(c, image, step, i, bound);
			int64_t end = step->pos + step->len;
			if ((i < length_at || step->durable) && end > image->size) {
				image->size = end;
			}
		}
	}
}

static bool write_file(const char *path, const struct image *image)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good = fd >= 0 && (!image->size || write(fd, image->bytes, (size_t)image->size) ==
							(ssize_t)image->size);
	if (fd >= 0) {
		close(fd);
	}
	return good;
}

static bool write_dir(struct cutting *c, const struct node *dir, const char *path, int depth)
{
	const struct children *names = &c->kept[dir->number];
	bool good = mkdir(path, 0700) == 0 && depth < 8;
	for (size_t i = 0; i < names->count && good; i++) {
		char *below = mem_printf("%s/%s", path, names->all[i].name);
		const struct node *node = names->all[i].node;
		if (node->is_dir) {
			good = write_dir(c, node, below, depth + 1);
		} else {
			struct image image = {NULL, 0, 0};
			make_file(c, node, &image);
			good = write_file(below, &image);
			mem_free(image.bytes);
		}
		mem_free(below);
	}
	return good;
}

bool tree_cut(const struct tree *tree, struct tree_cut *cut, const char *to)
{
	size_t count = tree->node_count;
	struct cutting c = {.tree = tree, .cut = cut};
	c.synced = mem_array(count, sizeof(*c.synced));
	c.kept = mem_array(count, sizeof(*c.kept));
	c.of = mem_array(count, sizeof(*c.of));
	c.of_count = mem_array(count, sizeof(*c.of_count));
	cut->dropped = 0;
	find_synced(&c);
	apply_names(&c);
	sort_by_file(&c);
	bool good = write_dir(&c, tree->root, to, 0);
	for (size_t i = 0; i < count; i++) {
		children_fini(&c.kept[i]);
		mem_free(c.of[i]);
	}
	mem_free(c.synced);
	mem_free(c.kept);
	mem_free(c.of);
	mem_free(c.of_count);
	return good;
}
