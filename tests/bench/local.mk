# Speed. "make bench" measures; "make check" only sees that the tools work.
check_PROGRAMS += tests/bench/load tests/bench/skeleton
tests_bench_load_LDADD = libweircore.a $(weir_libs)
tests_bench_skeleton_LDADD = libweircore.a $(weir_libs)
TESTS += tests/bench/smoke.sh
EXTRA_DIST += tests/bench/lib.bash tests/bench/smoke.sh

bench-smoke: weir tests/bench/load tests/bench/skeleton
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/bench/smoke.sh
.PHONY: bench-smoke
