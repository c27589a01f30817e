/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings tables as text: for the manual page and for a file to start from. */
#pragma once

#include "core/conf/row.h"

/* Appends man(7) paragraphs, one a setting, in the order of the names. Hidden ones are left out. */
void conf_export_man(enum conf_scope scope, struct buf *out);
/* Appends a .properties file in which every broker setting stands, commented out, at its default.
 */
void conf_export_sample(struct buf *out);
