# Manual pages and a sample configuration, made by the program itself from its tables and man/prose.
man_prose = \
	man/prose/weir \
	man/prose/weir-broker \
	man/prose/weir-cat \
	man/prose/weir-config-show \
	man/prose/weir-consume \
	man/prose/weir-format \
	man/prose/weir-kcat \
	man/prose/weir-produce \
	man/prose/weir-segment-cat \
	man/prose/weir-topic-add-partitions \
	man/prose/weir-topic-apply \
	man/prose/weir-topic-offsets \
	man/prose/weir-topic-trim \
	man/prose/weir.conf
dist_man_MANS = man/weir-testing.7
testdir = $(datadir)/weir
dist_test_DATA = contrib/weir-test.bash
EXTRA_DIST += man/build.sh $(man_prose)
if !CROSS_COMPILING
all-local: man/made
endif
man/made: weir$(EXEEXT) man/build.sh $(man_prose)
	$(AM_V_GEN)sh $(srcdir)/man/build.sh ./weir$(EXEEXT) $(srcdir)/man/prose man && touch $@

man1dir = $(mandir)/man1
man5dir = $(mandir)/man5
bash_dir = $(datadir)/bash-completion/completions
zsh_dir = $(datadir)/zsh/site-functions
fish_dir = $(datadir)/fish/vendor_completions.d
install-data-local:
	if test -e man/made; then \
		$(MKDIR_P) $(DESTDIR)$(man1dir) $(DESTDIR)$(man5dir) $(DESTDIR)$(docdir) \
			$(DESTDIR)$(bash_dir) $(DESTDIR)$(zsh_dir) $(DESTDIR)$(fish_dir) && \
		$(INSTALL_DATA) man/*.1 $(DESTDIR)$(man1dir) && \
		$(INSTALL_DATA) man/*.5 $(DESTDIR)$(man5dir) && \
		$(INSTALL_DATA) man/weir.conf $(DESTDIR)$(docdir)/weir.conf && \
		$(INSTALL_DATA) man/weir.bash $(DESTDIR)$(bash_dir)/weir && \
		$(INSTALL_DATA) man/weir.zsh $(DESTDIR)$(zsh_dir)/_weir && \
		$(INSTALL_DATA) man/weir.fish $(DESTDIR)$(fish_dir)/weir.fish; \
	fi
uninstall-local:
	rm -f $(DESTDIR)$(man1dir)/weir.1 $(DESTDIR)$(man1dir)/weir-*.1 \
		$(DESTDIR)$(man5dir)/weir.conf.5 $(DESTDIR)$(man5dir)/weir-format.5 \
		$(DESTDIR)$(docdir)/weir.conf $(DESTDIR)$(bash_dir)/weir \
		$(DESTDIR)$(zsh_dir)/_weir $(DESTDIR)$(fish_dir)/weir.fish
clean-local:
	rm -f man/made man/*.1 man/*.5 man/weir.conf man/weir.bash man/weir.zsh man/weir.fish
