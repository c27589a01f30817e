/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns against topic names, on a loader's thread, since there may be many of both: no request
 * waits for it, and no group but the one that asked. Internal topics are not matched: nobody means
 * them by ".*". A pattern that takes too many steps on some names is given up, as if it matched
 * nothing more.
 */
#include "broker/group/modern.h"
#include "broker/group/runner_priv.h"
#include "broker/topic_admin.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/regex.h"

struct resolving {
	struct list node; /* in runner.to_resolve */
	char *group_id, *pattern;
	size_t group_len, pattern_len;
};

void resolve_queue(void *arg, struct slice group_id, struct slice pattern)
{
	struct group_runner *runner = ((struct group_shard *)arg)->runner;
	struct resolving *job = mem_new(sizeof(*job));
	job->group_id = mem_dup(group_id.data, group_id.len);
	job->group_len = group_id.len;
	job->pattern = mem_dup(pattern.data, pattern.len);
	job->pattern_len = pattern.len;
	pthread_mutex_lock(&runner->work_lock);
	list_append(&runner->to_resolve, &job->node);
	pthread_cond_signal(&runner->work);
	pthread_mutex_unlock(&runner->work_lock);
}

static void job_free(struct resolving *job)
{
	mem_free(job->group_id);
	mem_free(job->pattern);
	mem_free(job);
}

/* Names are borrowed from the image. */
static size_t match_all(const struct resolving *job, const struct image *image, struct slice *names)
{
	enum { GIVE_UP = 16 };
	struct weir_err err;
	struct regex *regex;
	size_t count = 0;
	int too_hard = 0;
	if (regex_new(slice_of(job->pattern, job->pattern_len), REGEX_WHOLE, &regex, &err) !=
		WEIR_OK) {
		return 0; /* it was good when it came: another broker's log */
	}
	for (size_t i = 0; i < image->topic_count && too_hard < GIVE_UP; i++) {
		struct slice name = slice_str(image->topics[i]->name);
		bool matches = false;
		if (regex_match(regex, name, &matches, &err) != WEIR_OK) {
			too_hard++;
		} else if (matches && !topic_is_internal(name)) {
			names[count++] = name;
		}
	}
	if (too_hard) {
		log_line(LOG_WARN, "group %s: pattern '%s': %s", job->group_id, job->pattern,
			err.text);
	}
	regex_free(&regex);
	return count;
}

static void resolve(struct group_runner *runner, const struct resolving *job)
{
	struct group_image view;
	struct group_use use;
	struct weir_err err;
	group_image_init(&view, runner->broker);
	struct slice *names = mem_array(view.image->topic_count, sizeof(*names));
	size_t count = match_all(job, view.image, names);
	struct slice group_id = slice_of(job->group_id, job->group_len);
	if (group_enter(runner->broker, group_id, &use, &err) == WEIR_OK) {
		if (coordinator_resolved(use.coordinator, &use.env, group_id,
			    slice_of(job->pattern, job->pattern_len), names, count,
			    view.catalog.revision, &err) != WEIR_OK) {
			log_line(LOG_WARN, "group %s: %s", job->group_id, err.text);
		}
		group_leave(&use);
	}
	mem_free(names);
	group_image_fini(&view);
}

/* With work_lock held, which is let go meanwhile. */
bool resolve_next(struct group_runner *runner)
{
	if (list_empty(&runner->to_resolve)) {
		return false;
	}
	struct list *first = runner->to_resolve.next;
	struct resolving *job = LIST_ENTRY(first, struct resolving, node);
	list_remove(first);
	pthread_mutex_unlock(&runner->work_lock);
	resolve(runner, job);
	job_free(job);
	pthread_mutex_lock(&runner->work_lock);
	return true;
}

void resolve_drop_all(struct group_runner *runner)
{
	LIST_EACH_SAFE(it, &runner->to_resolve)
	{
		list_remove(it);
		job_free(LIST_ENTRY(it, struct resolving, node));
	}
}
