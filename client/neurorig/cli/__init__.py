"""The `neurorig` command, one module for each group of subcommands."""
