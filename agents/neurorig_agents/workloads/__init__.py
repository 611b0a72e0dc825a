"""Workloads as boards run them: from a JobSpec to artifact and batches, from a board's output to an answer."""
