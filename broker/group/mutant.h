/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults put in on purpose, one a build (-DWEIR_MUTANT=n), to see that the model test finds them:
 * tests/fault/group_mutants.sh. 0, none, in every other build.
 */
#pragma once

#ifndef WEIR_MUTANT
#define WEIR_MUTANT 0
#endif

#define MUTANT(n) (WEIR_MUTANT == (n))
