# Speed. "make bench" measures (BENCH: arguments of tests/bench/run); "make check" only sees that the tools work.
check_PROGRAMS += tests/bench/load tests/bench/skeleton tests/bench/allocs tests/bench/members
tests_bench_load_LDADD = libweircore.a $(weir_libs)
tests_bench_skeleton_LDADD = libweircore.a $(weir_libs)
tests_bench_members_SOURCES = tests/bench/members.c tests/bench/peers.c tests/bench/peers.h
tests_bench_members_LDADD = libweircore.a $(weir_libs)
tests_bench_allocs_LDADD = libweirbroker.a libweircore.a $(weir_libs)
TESTS += tests/bench/smoke.sh
EXTRA_DIST += tests/bench/lib.bash tests/bench/smoke.sh tests/bench/run tests/bench/figures.bash \
	tests/bench/kafka.bash tests/bench/groups.bash tests/bench/commands.bash \
	tests/bench/members.bash
CLEANFILES += bench.tsv

bench: weir tests/bench/load tests/bench/skeleton tests/bench/allocs tests/bench/members
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/bench/run $(BENCH)
bench-smoke: weir tests/bench/load tests/bench/skeleton tests/bench/allocs tests/bench/members
	$(AM_TESTS_ENVIRONMENT) bash $(srcdir)/tests/bench/smoke.sh
.PHONY: bench bench-smoke
