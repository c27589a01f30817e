/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings tables as a file to start from. */
#pragma once

#include "core/conf/row.h"

/* Appends a .properties file in which every broker setting stands, commented out, at its default.
 */
void conf_export_sample(struct buf *out);
