"""The pages that people read: queue, jobs, benches, attempts. Not for programs, which use the API."""
