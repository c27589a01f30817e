/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hash of producer_partition_of. */
#pragma once

#include "core/base/bytes.h"

int32_t murmur2(struct slice key);
