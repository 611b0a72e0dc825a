"""Number partitioning: an example of a workload in a package of its own."""
